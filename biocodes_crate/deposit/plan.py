"""Which files are sent, and in which zips: decided before anything is sent."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from biocodes_crate.crate import EDGES_FILE, GENERATED, METADATA, PREVIEW, CrateReader, display, id_to_path
from biocodes_crate.crate.entities import Entity, Index, first_ref, types
from biocodes_crate.deposit.servers import Limits
from biocodes_crate.deposit.settings import DEPOSIT_YAML
from biocodes_crate.errors import CannotFit, UnsafePath
from biocodes_crate.validation.structure import is_absolute

LOOSE_EDGES = "edges.jsonld"
LOOSE = {METADATA: METADATA, PREVIEW: PREVIEW, LOOSE_EDGES: EDGES_FILE}
"""Files that lie beside the zips for readers, by key: where they are in the crate."""

PREVIEW_FILES = "ro-crate-preview_files/"
"""What RO-Crate lets a preview have beside it; it belongs to the crate without being described."""

_OVERHEAD = 400  # bytes that a zip spends on a file, apart from its name


@dataclass(frozen=True, slots=True)
class Part:
    """A zip, and what is in it."""

    key: str
    paths: tuple[str, ...]
    size: int  # bytes of content, without what the zip adds


@dataclass(frozen=True, slots=True)
class Plan:
    """All that is sent."""

    parts: tuple[Part, ...]
    loose: tuple[str, ...]  # keys
    total: int  # bytes, about

    @property
    def keys(self) -> tuple[str, ...]:
        return (*(part.key for part in self.parts), *self.loose)


def root_of(metadata: dict[str, object]) -> Entity:
    """The root of a crate; empty if there is none."""
    index = Index(metadata)
    return index.get(first_ref(index.get(METADATA), "about")) or index.get("./")


def units_of(reader: CrateReader) -> list[tuple[str, tuple[str, ...]]]:
    """The data entities of a crate that are there, each with its files; no file twice, none that is not described.

    Folders come as a whole: what lies in them belongs to them, dotfiles too.
    """
    files = reader.files()
    index = Index(reader.metadata)
    folders: list[str] = []
    single: list[str] = []
    for entity in index:
        kinds = types(entity)
        if entity["@id"].startswith("#") or not {"File", "Dataset"} & set(kinds) or is_absolute(entity["@id"]):
            continue
        try:
            path = id_to_path(entity["@id"])
        except UnsafePath:
            continue  # the root, or what validation has refused
        if "Dataset" in kinds and reader.is_folder(path):
            folders.append(path)
        elif path in files:
            single.append(path)
    taken = {*GENERATED, *(path for path in files if path.startswith(PREVIEW_FILES))}
    units = []
    # The innermost folder takes its files first: an image in a described folder stays together.
    for folder in sorted(set(folders), key=lambda path: (-path.count("/"), path)):
        own = tuple(path for path in reader.below(folder) if path not in taken)
        taken.update(own)
        if own:
            units.append((folder, tuple(sorted(own, key=_bytes))))
    units += [(path, (path,)) for path in dict.fromkeys(single) if path not in taken]
    return sorted(units, key=lambda unit: _bytes(unit[0]))


def make_plan(reader: CrateReader, name: str, limits: Limits, other_files: int = 0, other_bytes: int = 0) -> Plan:
    """Lay the files of a crate out over zips.

    Parameters
    ----------
    name
        Of the zips, without `.zip`.
    other_files, other_bytes
        What the record holds besides, and keeps.

    Raises
    ------
    CannotFit
        It is more than a record may hold.
    """
    made = [path for path in GENERATED if path in reader.files() or path == METADATA]
    made += sorted(path for path in reader.files() if path.startswith(PREVIEW_FILES))
    units = units_of(reader)
    sizes = reader.files()
    total = sum(sizes.get(path, 0) for path in made) + sum(sizes[path] for _, paths in units for path in paths)
    total += sum(sizes.get(path, 0) for path in LOOSE.values())
    count = len(made) + sum(len(paths) for _, paths in units)
    overhead = count * _OVERHEAD
    if total + overhead + other_bytes > limits.record_bytes:
        raise _too_large(units, sizes, total, other_bytes, limits)
    groups = _grouped(units, sizes, limits.zip_bytes, sum(sizes.get(path, 0) for path in made))
    groups[0] = [*made, *groups[0]]
    keys = [f"{name}.zip", *(f"{name}.part{number}.zip" for number in range(2, len(groups) + 1))]
    parts = tuple(
        Part(key, tuple(paths), sum(sizes.get(path, 0) for path in paths))
        for key, paths in zip(keys, groups, strict=True)
    )
    # A server refuses empty files.
    loose = tuple(key for key, path in LOOSE.items() if sizes.get(path) or path == METADATA)
    if len(parts) + len(loose) + other_files > limits.files:
        raise CannotFit(
            f"it would be {len(parts) + len(loose) + other_files} files ({len(parts)} zips, {len(loose)} loose, "
            f"{other_files} of other origin), and a record holds {limits.files}",
            where=display(str(reader.path)),
            remedy="Let zips be larger (`zip_gigabytes` in deposit.yaml), or remove other files from the draft.",
        )
    return Plan(parts, loose, total)


def left_out(reader: CrateReader, plan: Plan) -> list[str]:
    """Files in the crate's folder that the crate does not describe, apart from hidden ones and our settings."""
    sent = {path for part in plan.parts for path in part.paths}
    return [
        path
        for path in reader.files()
        if path not in sent and path != DEPOSIT_YAML and not any(part.startswith(".") for part in path.split("/"))
    ]


def zip_name(title: str, fallback: str) -> str:
    """A name for the zip that every system takes."""
    for text in (title, fallback, "study"):
        plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
        name = re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-").lower()[:60].strip("-")
        if len(name) >= 3:
            return name
    return "study"


def _grouped(
    units: Sequence[tuple[str, tuple[str, ...]]], sizes: Mapping[str, int], most: int, begun: int
) -> list[list[str]]:
    """Files by zip, in order. An image stays in one zip if it fits into one; a file always does."""
    groups: list[list[str]] = [[]]
    filled = begun

    def add(paths: Iterable[str], size: int) -> None:
        nonlocal filled
        if filled and filled + size > most and (groups[-1] or len(groups) == 1):
            groups.append([])
            filled = 0
        groups[-1].extend(paths)
        filled += size

    for _, paths in units:
        size = sum(sizes[path] + _OVERHEAD for path in paths)
        if size <= most:
            add(paths, size)
        else:
            for path in paths:
                add((path,), sizes[path] + _OVERHEAD)
    return groups


def _too_large(
    units: Sequence[tuple[str, tuple[str, ...]]], sizes: Mapping[str, int], total: int, other: int, limits: Limits
) -> CannotFit:
    largest = sorted(((sum(sizes[path] for path in paths), name) for name, paths in units), reverse=True)[:3]
    named = ", ".join(f"{display(name)} ({gigabytes(size)})" for size, name in largest)
    beside = f", besides {gigabytes(other)} of other files" if other else ""
    return CannotFit(
        f"the crate has {gigabytes(total)}{beside}, and a record holds {gigabytes(limits.record_bytes)}; "
        f"largest: {named}",
        remedy="Leave out images (`exclude` in study.yaml), deposit them in an archive for images, or ask the "
        "server's people for a larger quota and set `record_gigabytes` in deposit.yaml.",
    )


def gigabytes(size: int) -> str:
    """A size for people: 1 GB are 10⁹ bytes, as the servers count."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if size >= factor:
            return f"{size / factor:.3g} {unit}" if size < 1000 * factor else f"{size / factor:.0f} {unit}"
    return f"{size} bytes"


def _bytes(path: str) -> bytes:
    return path.encode("utf-8", "surrogateescape")
