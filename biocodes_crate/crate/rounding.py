"""The precision at which a crate writes numbers: applied once, before anything is written.

==========================================  =============================================
boxes in pixels                             whole pixels
boxes in percent, page sizes, margins       4 decimals
affine                                      10 significant digits
evidence, intensities                       6 significant digits; not finite: not measured
==========================================  =============================================
"""

from __future__ import annotations

import math
from dataclasses import replace

from biocodes_crate.figures.model import Box, PageUnit
from biocodes_crate.tracing.model import Affine, Edge, Evidence, Intensity, TracedPage, TracedPanel


def as_written(page: TracedPage) -> TracedPage:
    """A page as :func:`~biocodes_crate.crate.read_pages` gives it back from a crate."""
    return replace(
        page,
        width=round(page.width, 4),
        height=round(page.height, 4),
        panels=tuple(_panel(panel, page.unit) for panel in page.panels),
    )


def rounded_box(box: Box, unit: PageUnit = PageUnit.PIXEL) -> Box:
    """A box at the precision of its selector."""
    if unit is PageUnit.PERCENT:
        return Box(*(_decimal(value) for value in box))
    # Round the edges, not the size: neighbours stay neighbours.
    x, y = _nearest(box.x), _nearest(box.y)
    return Box(x, y, max(1, _nearest(box.x + box.w) - x), max(1, _nearest(box.y + box.h) - y))


def significant(value: float | None, digits: int = 6) -> float | None:
    """A number with so many significant digits; None where it is not finite."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{float(value):.{digits}g}") + 0.0  # no negative zero


def _panel(panel: TracedPanel, unit: PageUnit) -> TracedPanel:
    return replace(
        panel,
        label=panel.label or None,
        box=rounded_box(panel.box, unit),
        edges=tuple(_edge(edge) for edge in panel.edges),
        unexplained=tuple(rounded_box(box, unit) for box in panel.unexplained),
    )


def _edge(edge: Edge) -> Edge:
    evidence, intensity = edge.evidence, edge.intensity
    hamming = significant(evidence.image_code_hamming)
    return replace(
        edge,
        region=rounded_box(edge.region) if edge.region is not None else None,
        panel_to_source=_affine(edge.panel_to_source) if edge.panel_to_source is not None else None,
        intensity=None if intensity is None else _intensity(intensity),
        evidence=Evidence(
            correlation=significant(evidence.correlation),
            image_code_hamming=None if hamming is None else round(hamming),
            share_explained=significant(evidence.share_explained),
            plane_margin=significant(evidence.plane_margin),
            log10_false_alarm=significant(evidence.log10_false_alarm),
        ),
    )


def _intensity(intensity: Intensity) -> Intensity:
    return replace(
        intensity,
        lut=intensity.lut or None,
        color=intensity.color or None,
        clip_min=significant(intensity.clip_min),
        clip_max=significant(intensity.clip_max),
        gamma=significant(intensity.gamma),
        weight=significant(intensity.weight),
        inverted=bool(intensity.inverted),
    )


def _affine(affine: Affine) -> Affine:
    (a, b, c), (d, e, f) = affine
    return ((_ten(a), _ten(b), _ten(c)), (_ten(d), _ten(e), _ten(f)))


def _ten(value: float) -> float:
    rounded = significant(value, 10)
    if rounded is None:
        raise ValueError("an affine holds a number that is not finite")
    return rounded


def _decimal(value: float) -> float:
    return round(float(value), 4) + 0.0


def _nearest(value: float) -> int:
    return math.floor(float(value) + 0.5)  # not to even: 0.5 and 1.5 round alike
