"""What a figure says about its own geometry, against the sources that its panels were traced to.

The length of scale bars is compared with the size of the source's pixels, and the box that is drawn around a detail
with the region that the inset of it shows.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from biocodes_crate.errors import BiocodesError
from biocodes_crate.figures import Box, Figure, FigurePage, Panel, PanelKind
from biocodes_crate.figures.insets import Inset, find_drawn_boxes, has_drawn_box
from biocodes_crate.figures.scalebars import bar_ratio, disagrees
from biocodes_crate.findings import Finding, Severity
from biocodes_crate.pipeline.words import panel_name
from biocodes_crate.tracing import Affine, Edge, SceneProvider, Status, TracedPage, TracedPanel

_SAME_BOX = 0.8  # intersection over union: lines are a few pixels wide, and drawn by hand


def check_composites(figure: Figure, pages: tuple[TracedPage, ...], scenes: SceneProvider) -> list[Finding]:
    """Scale bars and zoom boxes that do not agree with the sources of their panels, and zoom boxes that do."""
    findings: list[Finding] = []
    for page, traced in zip(figure.pages, pages, strict=True):
        for panel, edges in zip(page.panels, traced.panels, strict=True):
            found = _check_bar(panel, edges, traced, scenes)
            findings += [found] if found else []
        findings += _check_zooms(page, traced)
    return findings


def _check_bar(panel: Panel, traced: TracedPanel, page: TracedPage, scenes: SceneProvider) -> Finding | None:
    edge = _proven(traced)
    if panel.scale_bar is None or panel.scale_bar.micrometres is None or edge is None or edge.panel_to_source is None:
        return None
    try:
        scene = scenes(edge.image, edge.scene)
    except (BiocodesError, KeyError, IndexError):
        return None
    if not scene.physical_size_x:
        return None
    size = (scene.physical_size_x, scene.physical_size_y or scene.physical_size_x)
    ratio = bar_ratio(panel.scale_bar, edge.panel_to_source, size)
    if ratio is None or not disagrees(panel.scale_bar, ratio):
        return None
    written = panel.scale_bar.micrometres
    return Finding(
        "scale-bar-mismatch",
        Severity.WARNING,
        page.figure,
        f"the scale bar of {panel_name(page, traced)} says {written:g} µm, but it is {written * ratio:.3g} µm long "
        f"by the pixel size of {edge.image}",
        "Correct the bar or its label, or the pixel size in the image's metadata.",
    )


def _check_zooms(page: FigurePage, traced: TracedPage) -> Iterator[Finding]:
    for i, j, expected in _zooms(page, traced):
        parent, inset = page.panels[i], page.panels[j]
        names = panel_name(traced, traced.panels[j]), panel_name(traced, traced.panels[i])
        if has_drawn_box(parent.pixels, Inset(*(round(v) for v in expected))):
            yield Finding(
                "zoom-box-agrees",
                Severity.INFO,
                traced.figure,
                f"{names[0]} shows what the box drawn in {names[1]} marks",
            )
            continue
        pasted = [
            _within(parent, other) for other in page.panels if other is not parent and _holds(parent.box, other.box)
        ]
        boxes = find_drawn_boxes(parent.pixels, pasted)
        if any(_alike(box, expected) >= _SAME_BOX for box in boxes):
            continue
        # A box may mark something else, if the inset is not within the same panel.
        if len(boxes) == 1 and len(pasted) == 1 and _holds(parent.box, inset.box):
            yield Finding(
                "zoom-box-mismatch",
                Severity.WARNING,
                traced.figure,
                f"the box drawn in {names[1]} is not where {names[0]} comes from",
                "Move the box, or replace the inset.",
            )


def _zooms(page: FigurePage, traced: TracedPage) -> Iterator[tuple[int, int, tuple[float, float, float, float]]]:
    """Panel, panel that shows a detail of it, and where in the first's pixels: x0, y0, x1, y1."""
    proven = [_proven(one) for one in traced.panels]
    for i, parent in enumerate(proven):
        for j, inset in enumerate(proven):
            if i == j or parent is None or inset is None or (parent.image, parent.scene) != (inset.image, inset.scene):
                continue
            if parent.region is None or inset.region is None or parent.panel_to_source is None:
                continue
            if inset.region.w * inset.region.h > 0.5 * parent.region.w * parent.region.h:
                continue
            height, width = page.panels[i].pixels.shape[:2]
            x0, y0, x1, y1 = box = _in_panel(inset.region, parent.panel_to_source)
            if min(x0, y0) >= -2 and x1 <= width + 2 and y1 <= height + 2:
                yield i, j, box


def _in_panel(region: Box, panel_to_source: Affine) -> tuple[float, float, float, float]:
    """A region of the source in the pixels of a panel: x0, y0, x1, y1 around it."""
    inverse = np.linalg.inv(np.vstack([np.array(panel_to_source), [0, 0, 1]]))
    x, y, w, h = region
    corners = inverse @ np.array([[x, y, 1], [x + w, y, 1], [x, y + h, 1], [x + w, y + h, 1]]).T
    (x0, y0), (x1, y1) = corners[:2].min(axis=1), corners[:2].max(axis=1)
    return float(x0), float(y0), float(x1), float(y1)


def _proven(panel: TracedPanel) -> Edge | None:
    """An edge whose geometry is proven: that of an ambiguous one is, too."""
    if panel.kind is not PanelKind.IMAGE:
        return None
    return next((e for e in panel.edges if e.status in (Status.VERIFIED, Status.AMBIGUOUS)), None)


def _holds(outer: Box, inner: Box) -> bool:
    slack = 0.02 * outer.w
    return (
        outer.x - slack <= inner.x
        and outer.y - slack <= inner.y
        and outer.x + outer.w + slack >= inner.x + inner.w
        and outer.y + outer.h + slack >= inner.y + inner.h
        and outer.w * outer.h > inner.w * inner.h
    )


def _within(parent: Panel, inner: Panel) -> Inset:
    """Where an inset lies, in the pixels of the panel that holds it."""
    height, width = parent.pixels.shape[:2]
    sx, sy = width / parent.box.w, height / parent.box.h
    x, y = (inner.box.x - parent.box.x) * sx, (inner.box.y - parent.box.y) * sy
    return Inset(round(x), round(y), round(x + inner.box.w * sx), round(y + inner.box.h * sy))


def _alike(box: Inset, other: tuple[float, float, float, float]) -> float:
    w = min(box.x1, other[2]) - max(box.x0, other[0])
    h = min(box.y1, other[3]) - max(box.y0, other[1])
    shared = max(0.0, w) * max(0.0, h)
    union = (box.x1 - box.x0) * (box.y1 - box.y0) + (other[2] - other[0]) * (other[3] - other[1]) - shared
    return shared / union if union > 0 else 0.0
