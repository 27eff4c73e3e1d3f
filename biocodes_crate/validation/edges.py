"""Edges: complete, in their place, and saying of the panel no more than their status allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from biocodes_crate.crate import path_to_id
from biocodes_crate.crate.entities import Index, first_ref, number, refs, types
from biocodes_crate.crate.pages import LocatedPage, read_located_pages
from biocodes_crate.figures.model import PanelKind
from biocodes_crate.tracing.model import Edge, Status, TracedPanel
from biocodes_crate.validation.geometry import (
    SceneSizes,
    SceneTable,
    check_candidates,
    check_edge_geometry,
    check_page,
)
from biocodes_crate.validation.reuse import check_reuse
from biocodes_crate.validation.rules import Findings


def check_edges(metadata: Mapping[str, Any], index: Index, scenes: SceneTable, found: Findings) -> list[LocatedPage]:
    """Check all panels and edges, and give the pages that can be read."""
    pages = read_located_pages(
        metadata, lambda entity, key, message: found.add("panel-unreadable", entity, f"'{key}' {message}", key=key)
    )
    checker = _Checker(index, scenes, found)
    _check_places(index, found)
    placed: set[str] = set()
    for page, ids in pages:
        check_page(page, [panel_id for panel_id, _ in ids], found)
        for panel, (panel_id, edge_ids) in zip(page.panels, ids, strict=True):
            checker.check_panel(panel_id, panel, list(zip(edge_ids, panel.edges, strict=True)))
            placed.update(edge_ids)
    listed = _Listed(index, "hasProvenanceEdge")
    for entity in index.of_type("ProvenanceEdge"):
        if entity["@id"] not in placed and not listed.by(first_ref(entity, "panel"), entity["@id"]):
            found.add("edge-misplaced", entity["@id"], "is the edge of no panel", key="panel")
    for measurement in index.of_type("QualityMeasurement"):
        value, low, high = (number(measurement, key) for key in ("value", "minValue", "maxValue"))
        if value is not None and ((low is not None and value < low) or (high is not None and value > high)):
            found.add("evidence-out-of-range", measurement["@id"], f"{value} is beyond {low} to {high}", key="value")
    check_reuse(pages, found)
    return pages


class _Listed:
    """What entities list in a property; each list is read once, however many ask for it."""

    def __init__(self, index: Index, key: str) -> None:
        self._index, self._key = index, key
        self._lists: dict[str, frozenset[str]] = {}

    def by(self, owner: str | None, target: str) -> bool:
        """Whether an entity lists another."""
        if owner is None:
            return False
        if owner not in self._lists:
            self._lists[owner] = frozenset(refs(self._index.get(owner), self._key))
        return target in self._lists[owner]


def _check_places(index: Index, found: Findings) -> None:
    """A panel that its figure does not list is drawn by no tool and was decided by none, whatever its edges say."""
    listed = _Listed(index, "hasPart")
    for panel in index.of_type("FigurePanel"):
        figure = first_ref(panel, "isPartOf")
        if figure is not None and figure in index and not listed.by(figure, panel["@id"]):
            found.add("panel-misplaced", panel["@id"], f"is not among the parts of {figure}", key="isPartOf")
    for owner in index:
        if "ImageObject" not in types(owner):
            continue
        for panel in index.follow(owner, "hasPart"):
            if "FigurePanel" in types(panel) and first_ref(panel, "isPartOf") not in {owner["@id"], None}:
                found.add("panel-misplaced", panel["@id"], f"is a part of {owner['@id']} too", key="isPartOf")


@dataclass(frozen=True, slots=True)
class _Checker:
    index: Index
    scenes: SceneTable
    found: Findings

    def check_panel(self, panel_id: str, panel: TracedPanel, edges: list[tuple[str, Edge]]) -> None:
        index, found = self.index, self.found
        entity = index.get(panel_id)
        verified = {edge_id: edge for edge_id, edge in edges if edge.status is Status.VERIFIED}
        for edge_id, edge in edges:
            self._check_edge(edge_id, edge, panel_id, panel)
        proven = {first_ref(index.get(first_ref(index.get(edge_id), "source")), "isPartOf") for edge_id in verified}
        for key, expected in (
            ("isBasedOn", proven),
            ("wasDerivedFrom", proven),
            ("qualifiedDerivation", set(verified)),
        ):
            stated = set(refs(entity, key))
            for target in sorted(str(target) for target in expected - stated):
                found.add("derivation-missing", panel_id, f"'{key}' lacks {target}, which is verified", key=key)
            for target in sorted(stated - expected):
                found.add("derivation-unproven", panel_id, f"'{key}' names {target}, which no edge verifies", key=key)
        if panel.kind is PanelKind.IMAGE and not panel.edges and not refs(entity, "hasProvenanceEdge"):
            found.add("panel-without-source", panel_id, f"{_title(panel)} has no source")
        for box in panel.unexplained:
            where = ", ".join(f"{value:g}" for value in box)
            found.add("region-unexplained", panel_id, f"its source does not account for the region ({where})")

    def _check_edge(self, edge_id: str, edge: Edge, panel_id: str, panel: TracedPanel) -> None:
        found = self.found
        entity = self.index.get(edge_id)
        if first_ref(entity, "panel") != panel_id:
            found.add("edge-misplaced", edge_id, f"'panel' is not {panel_id}, which has this edge", key="panel")
        tested = edge.status in {Status.VERIFIED, Status.AMBIGUOUS}
        sizes = _sizes(edge, self.scenes)
        if tested:
            lacking = [
                word
                for word, value in (
                    ("a region", edge.region),
                    ("a transform", edge.panel_to_source),
                    ("a correlation", edge.evidence.correlation),
                    ("a false-alarm probability", edge.evidence.log10_false_alarm),
                )
                if value is None
            ]
            if lacking:
                found.add("edge-incomplete", edge_id, f"is {edge.status.value}, but lacks {', '.join(lacking)}")
            if sizes is None:
                found.add(
                    "edge-source-missing",
                    edge_id,
                    f"scene {edge.scene} of {edge.image} is not in the crate",
                    key="source",
                )
        if (edge.status is Status.AMBIGUOUS) != (len(edge.candidates) > 1):
            found.add(
                "edge-candidates",
                edge_id,
                f"is {edge.status.value}, and has {len(edge.candidates)} candidates",
                key="candidate",
            )
        if ("Derivation" in types(entity)) != (edge.status is Status.VERIFIED):
            found.add("derivation-unproven", edge_id, f"is {edge.status.value}: its types say otherwise", key="@type")
        check_edge_geometry(edge_id, edge, panel, sizes, found)
        check_candidates(edge_id, edge, sizes, found)
        match edge.status:
            case Status.CONTRADICTED:
                found.add("edge-contradicted", edge_id, _because("the pixels contradict its declared source", edge))
            case Status.UNVERIFIED:
                found.add("edge-unverified", edge_id, _because("its declared source could not be tested", edge))
            case Status.AMBIGUOUS:
                found.add("edge-ambiguous", edge_id, f"one of {len(edge.candidates)} planes of {edge.image}")


def _sizes(edge: Edge, scenes: SceneTable) -> SceneSizes | None:
    folder, file = path_to_id(edge.image, is_folder=True), path_to_id(edge.image)
    return scenes.get((folder, edge.scene)) or scenes.get((file, edge.scene))


def _because(message: str, edge: Edge) -> str:
    return f"{message}, {edge.image}" + (f": {edge.reason}" if edge.reason else "")


def _title(panel: TracedPanel) -> str:
    return f"panel {panel.label}" if panel.label else "the panel"
