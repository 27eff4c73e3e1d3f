"""Pages of documents that hold no image of their own: drawn, then segmented like a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from biocodes_crate.figures.model import Box, FigurePage, PageUnit
from biocodes_crate.figures.pictures import find_panels
from biocodes_crate.figures.placing import Pixels, Text, letters_for


def drawn_page(pixels: Pixels, number: int, width: float, height: float, texts: Sequence[Text]) -> FigurePage:
    """Find the panels of a drawn page, (H, W, 3); boxes come out in percent."""
    drawn_h, drawn_w = pixels.shape[:2]
    sx, sy = 100 / drawn_w, 100 / drawn_h
    panels = [
        replace(panel, box=Box(panel.box.x * sx, panel.box.y * sy, panel.box.w * sx, panel.box.h * sy))
        for panel in find_panels(pixels)
    ]
    percent = [
        replace(
            text,
            box=Box(
                100 * text.box.x / width, 100 * text.box.y / height, 100 * text.box.w / width, 100 * text.box.h / height
            ),
        )
        for text in texts
    ]
    letters = letters_for([panel.box for panel in panels], percent)
    panels = [replace(panel, label=letter or panel.label) for panel, letter in zip(panels, letters, strict=True)]
    return FigurePage(number, width, height, PageUnit.PERCENT, tuple(panels))
