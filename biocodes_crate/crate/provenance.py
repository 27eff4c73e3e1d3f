"""Figures, panels and edges as entities."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from biocodes_crate.crate.content import FigureRecord
from biocodes_crate.crate.entities import Graph, ref
from biocodes_crate.crate.ids import display, path_to_id
from biocodes_crate.crate.people import add_agent
from biocodes_crate.crate.rounding import significant
from biocodes_crate.crate.sources import describe_plane, plane_id
from biocodes_crate.crate.terms import C2PA, MEDIA_FRAGMENTS
from biocodes_crate.crate.vocabulary import add_codes, add_digital_source, add_term
from biocodes_crate.figures.model import Box, PageUnit
from biocodes_crate.study.manifest import Author
from biocodes_crate.tracing.model import Affine, Edge, Evidence, Intensity, Status, TracedPage, TracedPanel

_EVIDENCE: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("correlation", "correlation", {"minValue": -1, "maxValue": 1}),
    ("image_code_hamming", "image-code-hamming", {"minValue": 0, "maxValue": 256, "unitText": "bits of 256"}),
    ("share_explained", "share-explained", {"minValue": 0, "maxValue": 1}),
    ("plane_margin", "plane-margin", {}),
    ("log10_false_alarm", "log10-false-alarm", {"maxValue": 0, "unitText": "decimal logarithm of a probability"}),
)
EVIDENCE_FIELDS = {term: field for field, term, _ in _EVIDENCE}


@dataclass(frozen=True, slots=True)
class FigureWriter:
    """Adds figures with their pages, panels and edges to a graph."""

    graph: Graph
    run: str  # id of the run that made the edges
    authors: Sequence[Author] = ()  # of the study

    def add_figure(self, figure: FigureRecord, pages: Sequence[TracedPage]) -> dict[str, str]:
        """Add a figure and its pages, which are in order."""
        figure_id = path_to_id(figure.path)
        pages_ids = [f"#{figure_id}/page/{page.number}" for page in pages]
        self.graph.add(
            figure_id,
            ["File", "ImageObject"],
            name=display(figure.path),
            description=figure.caption or "A figure of the study.",
            caption=figure.caption,
            encodingFormat=figure.encoding_format,
            contentSize=None if figure.size is None else str(figure.size),
            **add_codes(self.graph, figure.iscc, figure.image_code),
            digitalSourceType=add_digital_source(self.graph, figure.digital_source),
            **self._made_by(figure.creators),
            creatorTool=figure.software,
            contentCredentials=_add_credentials(self.graph, figure_id, figure),
            figurePage=[ref(page_id) for page_id in pages_ids],
            hasPart=[
                ref(f"{page_id}/panel/{position}")
                for page_id, page in zip(pages_ids, pages, strict=True)
                for position in range(len(page.panels))
            ],
        )
        numbered = len(pages) > 1 or any(page.unit is PageUnit.PERCENT or page.number != 1 for page in pages)
        for page_id, page in zip(pages_ids, pages, strict=True):
            self.graph.add(
                page_id,
                ["StructuredValue", "FigurePage"],
                name=f"Page {page.number} of {display(figure.path)}",
                pageNumber=page.number,
                pageUnit=page.unit.value,
                width=page.width,
                height=page.height,
            )
            for position, panel in enumerate(page.panels):
                self._add_panel(f"{page_id}/panel/{position}", panel, page, numbered=numbered)
        return ref(figure_id)

    def _made_by(self, names: Sequence[str]) -> dict[str, Any]:
        """Those whom a file names: authors of the study as the persons they are, all others as the text that it is."""
        authors = {author.name.casefold(): author for author in self.authors}
        return {
            "creator": [add_agent(self.graph, authors[n.casefold()]) for n in names if n.casefold() in authors],
            "creditText": "; ".join(name for name in names if name.casefold() not in authors) or None,
        }

    def _add_panel(self, panel_id: str, panel: TracedPanel, page: TracedPage, *, numbered: bool) -> None:
        graph = self.graph
        edges = [(f"{panel_id}/edge/{position}", edge) for position, edge in enumerate(panel.edges)]
        regions = [(f"{panel_id}/unexplained/{position}", box) for position, box in enumerate(panel.unexplained)]
        proven = [(edge_id, edge) for edge_id, edge in edges if edge.status is Status.VERIFIED]
        planes = [ref(plane) for plane in dict.fromkeys(plane_id(e.image, e.scene, e.source) for _, e in proven)]
        figure_id = path_to_id(page.figure)
        title = f"Panel {panel.label}" if panel.label else f"Panel {panel_id.rsplit('/', 1)[-1]}"
        name = f"{title} of {display(page.figure)}" + (f", page {page.number}" if numbered else "")
        graph.add(
            panel_id,
            ["ImageObject", "FigurePanel"],
            name=name,
            isPartOf=ref(figure_id),
            panelLabel=panel.label,
            panelKind=panel.kind.value,
            pageNumber=page.number if numbered else None,
            width=panel.width,
            height=panel.height,
            hasSelector=ref(f"{panel_id}/selector"),
            **add_codes(graph, panel.iscc, panel.image_code, None, panel.instance_code),
            digitalSourceType=add_digital_source(graph, panel.digital_source),
            hasProvenanceEdge=[ref(edge_id) for edge_id, _ in edges],
            isBasedOn=planes,
            wasDerivedFrom=planes,
            qualifiedDerivation=[ref(edge_id) for edge_id, _ in proven],
            unexplained=[ref(region_id) for region_id, _ in regions],
        )
        _add_selector(graph, f"{panel_id}/selector", panel.box, page.unit)
        for region_id, box in regions:
            graph.add(
                region_id,
                ["ImageObject", "SpecificResource", "UnexplainedRegion"],
                name=f"Unexplained region of {name}",
                isPartOf=ref(panel_id),
                hasSource=ref(figure_id),
                hasSelector=ref(f"{region_id}/selector"),
            )
            _add_selector(graph, f"{region_id}/selector", box, page.unit)
        for edge_id, edge in edges:
            self._add_edge(edge_id, edge, panel_id, panel)

    def _add_edge(self, edge_id: str, edge: Edge, panel_id: str, panel: TracedPanel) -> None:
        graph = self.graph
        shown = f"{describe_plane(edge.source)} of {display(edge.image)}, scene {edge.scene}"
        geometry, intensity = f"{edge_id}/transform/0", f"{edge_id}/transform/1"
        evidence = _evidence_values(edge.evidence)
        graph.add(
            edge_id,
            ["Role", "ProvenanceEdge", *(["Derivation"] if edge.status is Status.VERIFIED else [])],
            name=f"{edge.status.value}: {shown}",
            description=edge.reason,
            panel=ref(panel_id),
            source=ref(f"{edge_id}/region"),
            claim=add_term(graph, edge.claim.value),
            verificationStatus=add_term(graph, edge.status.value),
            candidate=[ref(plane_id(edge.image, edge.scene, plane)) for plane in edge.candidates],
            transformStep=[
                *([ref(geometry)] if edge.panel_to_source is not None else []),
                *([ref(intensity)] if edge.intensity is not None else []),
            ],
            evidence=[ref(f"{edge_id}/evidence/{term}") for term, _, _ in evidence],
            wasGeneratedBy=ref(self.run),
        )
        shown_id = plane_id(edge.image, edge.scene, edge.source)
        outline = edge.panel_to_source is not None and not _is_upright(edge.panel_to_source)
        selectors = [] if edge.region is None else ["selector", "outline"] if outline else ["selector"]
        graph.add(
            f"{edge_id}/region",
            ["ImageObject", "SpecificResource", "ImageRegion"],
            name=f"Region of {shown}",
            isPartOf=ref(shown_id),
            hasSource=ref(shown_id),
            hasSelector=[ref(f"{edge_id}/region/{selector}") for selector in selectors],
        )
        if edge.region is not None:
            _add_selector(graph, f"{edge_id}/region/selector", edge.region, PageUnit.PIXEL)
            if edge.panel_to_source is not None and outline:
                graph.add(
                    f"{edge_id}/region/outline",
                    ["StructuredValue", "SvgSelector"],
                    name="Outline",
                    selectorValue=_outline(edge.panel_to_source, panel.width, panel.height),
                )
        if edge.panel_to_source is not None:
            graph.add(
                geometry,
                ["StructuredValue", "TransformStep"],
                name="Geometry",
                position=0,
                panelToSource=json.dumps(edge.panel_to_source, separators=(",", ":")),
                **decomposed(edge.panel_to_source),
            )
        if edge.intensity is not None:
            _add_intensity(graph, intensity, edge.intensity)
        for term, value, bounds in evidence:
            graph.add(
                f"{edge_id}/evidence/{term}",
                ["PropertyValue", "QualityMeasurement"],
                name=term.replace("-", " "),
                propertyID=add_term(graph, term),
                value=value,
                **bounds,
            )


def _add_credentials(graph: Graph, figure_id: str, figure: FigureRecord) -> dict[str, str] | None:
    """Add that a figure has content credentials. They are named, not validated."""
    manifests = figure.content_credentials
    if manifests is None:
        return None
    graph.add_once(C2PA, "CreativeWork", name="Content Credentials: C2PA Technical Specification")
    return graph.add(
        f"#{figure_id}/content-credentials",
        ["CreativeWork", "ContentCredentials"],
        name=f"C2PA content credentials of {display(figure.path)}",
        description="The file holds them or refers to them. They were not validated.",
        conformsTo=ref(C2PA),
        encodingFormat="application/c2pa",
        manifest=list(manifests),
    )


def _add_selector(graph: Graph, selector_id: str, box: Box, unit: PageUnit) -> None:
    graph.add_once(MEDIA_FRAGMENTS, "CreativeWork", name="Media Fragments URI 1.0")
    numbers = ",".join(f"{value:.4f}".rstrip("0").rstrip(".") for value in box)
    graph.add(
        selector_id,
        ["StructuredValue", "FragmentSelector"],
        name="Box",
        conformsTo=ref(MEDIA_FRAGMENTS),
        selectorValue=f"xywh={unit.value}:{numbers}",
    )


def _add_intensity(graph: Graph, step_id: str, intensity: Intensity) -> None:
    graph.add(
        step_id,
        ["StructuredValue", "TransformStep"],
        name="Intensity",
        position=1,
        clipMin=intensity.clip_min,
        clipMax=intensity.clip_max,
        gamma=intensity.gamma,
        inverted=intensity.inverted,
        lut=intensity.lut,
        color=intensity.color,
        weight=intensity.weight,
    )


def _evidence_values(evidence: Evidence) -> list[tuple[str, float, dict[str, Any]]]:
    values = ((term, getattr(evidence, field), bounds) for field, term, bounds in _EVIDENCE)
    return [(term, value, bounds) for term, value, bounds in values if value is not None]


def decomposed(affine: Affine) -> dict[str, Any]:
    """Rotation, scale and flip of an affine, for people and queries; it is the affine that counts.

    The panel is first mirrored left to right (if `flipped`), then scaled by `scaleFactor` source
    pixels per panel pixel, then turned by `rotationDegrees`, clockwise on the screen.
    """
    (a, b, _), (d, e, _) = affine
    determinant = a * e - b * d
    if determinant < 0:
        a, d = -a, -d
    return {
        "rotationDegrees": round(math.degrees(math.atan2(d, a)), 3) % 360,
        "scaleFactor": significant(math.sqrt(abs(determinant))),
        "flipped": determinant < 0,
    }


def _is_upright(affine: Affine) -> bool:
    (a, b, _), (d, e, _) = affine
    # A thousandth of a pixel per pixel does not turn a panel visibly.
    small = 1e-3 * max(abs(a), abs(b), abs(d), abs(e))
    return (abs(b) <= small and abs(d) <= small) or (abs(a) <= small and abs(e) <= small)


def _outline(affine: Affine, width: int, height: int) -> str:
    (a, b, c), (d, e, f) = affine
    corners = ((0, 0), (width, 0), (width, height), (0, height))
    points = " ".join(f"{a * x + b * y + c:.2f},{d * x + e * y + f:.2f}" for x, y in corners)
    return f'<svg xmlns="http://www.w3.org/2000/svg"><polygon points="{points}"/></svg>'
