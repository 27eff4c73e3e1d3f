"""IsccEntry, one JSON object a line: every code of a crate, as the search tools of ISCC read them."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from biocodes_crate.codes import parse, read_plane_table
from biocodes_crate.codes.table import PlaneRow
from biocodes_crate.crate import PLANES_TABLE, CrateReader, extract
from biocodes_crate.crate.entities import Entity, Index, integer, text, types
from biocodes_crate.crate.sources import plane_id
from biocodes_crate.errors import BadCode, BiocodesError
from biocodes_crate.export.base import root_of
from biocodes_crate.export.model import Export
from biocodes_crate.tracing.model import PlaneRef

MAX_TABLE = 1 << 30  # bytes of a table of planes in a zip that is laid out on disk
MAX_PLANES = 1_000_000  # of the table: more than the lines of one file can usefully be

_UNITS = ("imageCode", "dataCode", "instanceCode")
_KINDS = {
    "ImagePlane": "plane",
    "ImageProjection": "projection",
    "ImageScene": "scene",
    "FigurePanel": "panel",
}
_INDICES = ("sceneIndex", "theZ", "theC", "theT", "zStart", "zEnd", "pageNumber")


def export_iscc(crate: CrateReader) -> Export:
    """The codes of the crate, its files, scenes, figures and panels, and of every plane of the table."""
    index = Index(crate.metadata)
    root = root_of(crate.metadata)
    lines: list[str] = []
    notes: list[str] = []
    seen: set[str] = set()
    for entity in index:
        try:
            entry = _entry(index, entity, is_root=entity is root)
        except BadCode as error:
            notes.append(f"{entity['@id']}: {error.message}; it is left out")
            continue
        if entry is not None:
            seen.add(entity["@id"])
            lines.append(_line(entry))
    if PLANES_TABLE in crate.files():
        try:
            lines += _rest_of_table(crate, seen, notes)
        except (BiocodesError, OSError) as error:
            notes.append(f"{PLANES_TABLE} cannot be read ({error}): planes that no edge touches are left out")
    else:
        notes.append(f"there is no {PLANES_TABLE}: planes that no edge touches are left out")
    return Export("".join(lines), "application/x-ndjson", tuple(notes))


def _entry(index: Index, entity: Entity, *, is_root: bool) -> dict[str, Any] | None:
    whole = text(entity, "iscc_code")
    stated = [code for code in (text(entity, key) for key in _UNITS) if code is not None]
    if whole is None and not stated:
        return None
    units = {unit.kind: unit.code for code in stated for unit in parse(code)}
    for unit in parse(whole) if whole is not None else ():
        units.setdefault(unit.kind, unit.code)  # the units of a whole code are shorter
    known: dict[str, Any] = {"source": entity["@id"], "kind": "crate" if is_root else _kind(entity)}
    known["name"] = text(entity, "name")
    parent = next(iter(index.follow(entity, "isPartOf")), None)
    if parent is not None:
        known["is_part_of"] = parent["@id"]
    known |= {key: integer(entity, key) for key in _INDICES if key in entity}
    return _as_entry(whole, list(units.values()), known)


def _as_entry(whole: str | None, units: list[str], known: Mapping[str, Any]) -> dict[str, Any] | None:
    entry: dict[str, Any] = {}
    if whole is not None:
        entry["iscc_code"] = whole
    if len(units) > 1:  # one alone is no entry
        entry["units"] = units
    if not entry:
        return None
    return entry | {"metadata": {key: value for key, value in known.items() if value is not None}}


def _kind(entity: Entity) -> str:
    kinds = types(entity)
    named = next((name for kind, name in _KINDS.items() if kind in kinds), None)
    if named is not None:
        return named
    if "ImageObject" in kinds:
        return "figure" if "figurePage" in entity else "image"
    return "folder" if "Dataset" in kinds else "file" if "File" in kinds else "other"


def _rest_of_table(crate: CrateReader, seen: set[str], notes: list[str]) -> list[str]:
    with tempfile.TemporaryDirectory(prefix="biocodes-") as folder:
        path = Path(folder) / "planes.parquet"
        extract(crate, PLANES_TABLE, path, MAX_TABLE)
        rows = read_plane_table(path)
        lines = [_line(entry) for entry in _table_entries(islice(rows, MAX_PLANES), seen)]
        left = sum(1 for _ in rows)
    if left:
        notes.append(f"{left} planes of {PLANES_TABLE} beyond the first {MAX_PLANES} are left out")
    return lines


def _table_entries(rows: Iterator[PlaneRow], seen: set[str]) -> Iterator[dict[str, Any]]:
    for row in rows:
        source = plane_id(row.image, row.scene, PlaneRef(row.z, row.c, row.t))
        units = [row.image_code, row.data_code, row.instance_code]
        if source not in seen and all(unit.startswith("ISCC:") and unit.isascii() for unit in units):
            known = {"source": source, "kind": "plane", "image": row.image, "sceneIndex": row.scene}
            entry = _as_entry(None, units, {**known, "theZ": row.z, "theC": row.c, "theT": row.t})
            if entry is not None:
                yield entry


def _line(entry: dict[str, Any]) -> str:
    return json.dumps(entry, ensure_ascii=False, allow_nan=False) + "\n"
