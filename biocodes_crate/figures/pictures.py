"""The page of a picture: panels by segmentation."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from biocodes_crate.figures.content import judge_kind
from biocodes_crate.figures.layout import PixelBox, find_layout
from biocodes_crate.figures.model import Box, FigurePage, PageUnit, Panel, PanelKind
from biocodes_crate.figures.order import reading_order

Pixels = NDArray[np.uint8]


def picture_page(pixels: Pixels, number: int = 1, lossy: bool = False) -> FigurePage:
    """Segment a picture, (H, W, 3), into the panels of one page."""
    height, width = pixels.shape[:2]
    layout = find_layout(pixels, lossy)
    panels = []
    for box, _loose in [(b, False) for b in layout.panels] + [(b, True) for b in layout.loose]:
        cut = box.crop(pixels)
        kind = judge_kind(cut, lossy)
        if kind is PanelKind.TEXT:
            continue
        panels.append(
            Panel(
                box=Box(box.x0, box.y0, box.width, box.height),
                kind=kind,
                pixels=cut,
                mask=np.zeros(cut.shape[:2], np.bool_),
            )
        )
    ordered = [panels[i] for i in reading_order([p.box for p in panels])]
    return FigurePage(number, width, height, PageUnit.PIXEL, tuple(ordered))
