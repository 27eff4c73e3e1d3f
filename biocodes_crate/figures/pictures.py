"""The page of a picture: panels by segmentation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from biocodes_crate.figures.content import judge_kind
from biocodes_crate.figures.insets import find_insets
from biocodes_crate.figures.layout import PixelBox, find_layout
from biocodes_crate.figures.model import Box, FigurePage, PageUnit, Panel, PanelKind
from biocodes_crate.figures.order import reading_order

Pixels = NDArray[np.uint8]


def picture_page(pixels: Pixels, number: int = 1, lossy: bool = False) -> FigurePage:
    """Segment a picture, (H, W, 3), into the panels of one page."""
    height, width = pixels.shape[:2]
    layout = find_layout(pixels, lossy)
    panels = []
    for box in [*layout.panels, *layout.loose]:
        panel = _panel(pixels, box, lossy)
        if panel.kind is PanelKind.TEXT:
            continue
        panels.append(panel)
        if panel.kind is PanelKind.IMAGE:
            for inset in find_insets(panel.pixels):
                inner = PixelBox(box.x0 + inset.x0, box.y0 + inset.y0, box.x0 + inset.x1, box.y0 + inset.y1)
                pasted = _panel(pixels, inner, lossy)
                if pasted.kind is PanelKind.IMAGE:
                    panels.append(pasted)
    ordered = [panels[i] for i in reading_order([p.box for p in panels])]
    return FigurePage(number, width, height, PageUnit.PIXEL, tuple(ordered))


def _panel(pixels: Pixels, box: PixelBox, lossy: bool) -> Panel:
    cut = box.crop(pixels)
    return Panel(
        box=Box(box.x0, box.y0, box.width, box.height),
        kind=judge_kind(cut, lossy),
        pixels=cut,
        mask=np.zeros(cut.shape[:2], np.bool_),
    )
