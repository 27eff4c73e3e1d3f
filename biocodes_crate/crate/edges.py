"""The edges of a crate in other shapes: JSON without linked data, CSV, and JSON-LD of the edges alone."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

from biocodes_crate.crate.entities import types
from biocodes_crate.crate.terms import context
from biocodes_crate.figures.model import Box
from biocodes_crate.tracing.model import Edge, PlaneRef, TracedPage, TracedPanel

_COLUMNS = (
    "figure", "page", "panel", "box", "kind", "panel_iscc", "status", "claim", "image", "scene", "z", "c", "t",
    "projection", "candidates", "region", "panel_to_source", "correlation", "image_code_hamming",
    "share_explained", "plane_margin", "log10_false_alarm", "reason",
)  # fmt: skip
_OF_EDGES = frozenset(
    {
        "FigurePage", "FigurePanel", "ProvenanceEdge", "TransformStep", "QualityMeasurement", "ImageRegion",
        "UnexplainedRegion", "FragmentSelector", "SvgSelector", "ImagePlane", "ImageProjection", "ImageScene",
    }
)  # fmt: skip


def edges_json(pages: Iterable[TracedPage]) -> list[dict[str, Any]]:
    """One object per figure page, with paths and numbers: the shape of `schemas/edges.schema.json`."""
    return [
        {"figure": page.figure, "page": page.number, "panels": [_panel(panel) for panel in page.panels]}
        for page in pages
    ]


def edges_csv(pages: Iterable[TracedPage]) -> str:
    """One row per edge, and one for each panel without; lists and boxes are spaced, candidates split by `;`."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, _COLUMNS, lineterminator="\n")
    writer.writeheader()
    for page in pages:
        for panel in page.panels:
            shared = {
                "figure": page.figure,
                "page": page.number,
                "panel": panel.label,
                "box": _spaced(panel.box),
                "kind": panel.kind.value,
                "panel_iscc": panel.iscc,
            }
            for row in [_row(edge) for edge in panel.edges] or [{}]:
                writer.writerow({key: _safe_cell(value) for key, value in {**shared, **row}.items()})
    return buffer.getvalue()


def edges_jsonld(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Panels, edges, their sources and evidence, cut from a crate's metadata for `provenance/edges.jsonld`.

    Ids are relative to the crate's root, one folder up from that file.
    """
    graph = [entity for entity in metadata.get("@graph", []) if isinstance(entity, dict)]
    kept: list[dict[str, Any]] = []
    for entity in graph:
        kinds = _OF_EDGES.intersection(types(entity))
        if kinds or str(entity.get("@id", "")).startswith("bc:"):
            kept.append(entity)
        elif "ImageObject" in types(entity):  # images and figures: enough to know them by
            keys = ("@id", "@type", "name", "iscc_code", "figurePage", "hasPart")
            kept.append({key: entity[key] for key in keys if key in entity})
    # The crate's own context: that of another version of the software may know more terms.
    own = metadata.get("@context", context())
    return {"@context": [*(own if isinstance(own, list) else [own]), {"@base": "../"}], "@graph": kept}


def _panel(panel: TracedPanel) -> dict[str, Any]:
    return {
        "label": panel.label,
        "box": _numbers(panel.box),
        "kind": panel.kind.value,
        "iscc": panel.iscc,
        "unexplained": [_numbers(box) for box in panel.unexplained],
        "edges": [_edge(edge) for edge in panel.edges],
    }


def _edge(edge: Edge) -> dict[str, Any]:
    evidence = edge.evidence
    return {
        "status": edge.status.value,
        "claim": edge.claim.value,
        "image": edge.image,
        "scene": edge.scene,
        "z": edge.source.z,
        "c": edge.source.c,
        "t": edge.source.t,
        "projection": _projection(edge.source),
        "candidates": [_candidate(plane) for plane in edge.candidates],
        "region": None if edge.region is None else _numbers(edge.region),
        "panel_to_source": None if edge.panel_to_source is None else [list(row) for row in edge.panel_to_source],
        "evidence": {
            "correlation": evidence.correlation,
            "image_code_hamming": evidence.image_code_hamming,
            "share_explained": evidence.share_explained,
            "plane_margin": evidence.plane_margin,
            "log10_false_alarm": evidence.log10_false_alarm,
        },
    }


def _projection(plane: PlaneRef) -> dict[str, Any] | None:
    made = plane.projection
    return None if made is None else {"kind": made.kind.value, "z": [made.z_start, made.z_end]}


def _candidate(plane: PlaneRef) -> dict[str, Any]:
    if plane.projection is not None:
        return {"projection": _projection(plane), "c": plane.c, "t": plane.t}
    return {"z": plane.z, "c": plane.c, "t": plane.t}


def _numbers(box: Box) -> list[float]:
    return [int(value) if value == int(value) else value for value in box]


def _row(edge: Edge) -> dict[str, Any]:
    row = _edge(edge)
    made, affine = row["projection"], edge.panel_to_source
    return {
        **{key: row[key] for key in ("status", "claim", "image", "scene", "z", "c", "t")},
        "projection": "" if made is None else f"{made['kind']} {made['z'][0]}-{made['z'][1]}",
        "candidates": ";".join(_candidate_words(plane) for plane in edge.candidates),
        "region": "" if edge.region is None else _spaced(edge.region),
        "panel_to_source": "" if affine is None else _spaced([*affine[0], *affine[1]]),
        **row["evidence"],
        "reason": edge.reason,
    }


def _candidate_words(plane: PlaneRef) -> str:
    made = plane.projection
    z = f"z{plane.z}" if made is None else f"{made.kind.value} {made.z_start}-{made.z_end}"
    return f"{z} c{plane.c} t{plane.t}"


def _spaced(values: Iterable[float]) -> str:
    return " ".join(f"{value:.10g}" for value in values)


def _safe_cell(value: Any) -> Any:
    # A spreadsheet takes text that starts like this for a formula, and file names are anybody's.
    return f"'{value}" if isinstance(value, str) and value[:1] in {"=", "+", "@", "\t", "\r"} else value
