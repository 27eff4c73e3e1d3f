"""What is in a crate, and which of its figures are backed by data: what a curator asks first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

from biocodes_crate.crate.entities import Index
from biocodes_crate.crate.pages import LocatedPage
from biocodes_crate.figures.model import PanelKind
from biocodes_crate.findings import Finding, Severity
from biocodes_crate.tracing.model import Status, TracedPanel


class Standing(Enum):
    """What is known of where a panel comes from. The weakest of its edges counts."""

    BACKED = "backed by data"  # every edge verified
    AMBIGUOUS = "backed by data, the plane left open"
    UNVERIFIED = "declared, not verified"
    NOT_RECHECKED = "not checked again"
    CONTRADICTED = "contradicted by the pixels"
    REFUTED = "wrong in the crate"  # validation found the edge, or the panel's pixels, to be wrong
    BARE = "without a source"
    OTHER = "charts, drawings or text"


@dataclass(frozen=True, slots=True)
class FigureContents:
    """A figure, and how many of its panels stand how."""

    path: str
    panels: tuple[tuple[Standing, int], ...]  # those that there are, in the order of `Standing`


@dataclass(frozen=True, slots=True)
class Contents:
    """Numbers of what is in a crate; `figures` are those with pages that could be read."""

    images: int
    scenes: int
    figures: tuple[FigureContents, ...]

    def as_json(self) -> dict[str, Any]:
        """The shape of `contents` in `schemas/report.schema.json`."""
        return {
            "images": self.images,
            "scenes": self.scenes,
            "figures": [
                {"path": figure.path, "panels": {s.name.lower().replace("_", "-"): n for s, n in figure.panels}}
                for figure in self.figures
            ],
        }


def contents_of(index: Index, pages: Sequence[LocatedPage], findings: Sequence[Finding]) -> Contents:
    """Count what is in a crate, in the light of what was found in it."""
    wrong = {finding.entity for finding in findings if finding.severity is Severity.ERROR}
    open_ = {finding.entity for finding in findings if finding.id == "edge-not-rechecked"}
    figures: dict[str, Counter[Standing]] = {}
    for page, ids in pages:
        counted = figures.setdefault(page.figure, Counter())
        for panel, (panel_id, edge_ids) in zip(page.panels, ids, strict=True):
            counted[_standing(panel, {panel_id, *edge_ids}, wrong, open_)] += 1
    scenes = list(index.of_type("ImageScene"))
    images = {str(part["@id"]) for scene in scenes for part in index.follow(scene, "isPartOf")}
    return Contents(
        len(images),
        len(scenes),
        tuple(
            FigureContents(path, tuple((standing, counted[standing]) for standing in Standing if counted[standing]))
            for path, counted in figures.items()
        ),
    )


def _standing(panel: TracedPanel, ids: set[str], wrong: set[str], open_: set[str]) -> Standing:
    if ids & wrong:
        return Standing.REFUTED
    if not panel.edges:
        return Standing.BARE if panel.kind is PanelKind.IMAGE else Standing.OTHER
    statuses = {edge.status for edge in panel.edges}
    if Status.CONTRADICTED in statuses:
        return Standing.CONTRADICTED
    if ids & open_:
        return Standing.NOT_RECHECKED
    if Status.UNVERIFIED in statuses:
        return Standing.UNVERIFIED
    return Standing.AMBIGUOUS if Status.AMBIGUOUS in statuses else Standing.BACKED
