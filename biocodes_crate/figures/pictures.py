"""The page of a picture: panels by segmentation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from biocodes_crate.figures.boxes import PixelBox
from biocodes_crate.figures.channels import distance
from biocodes_crate.figures.content import judge_kind
from biocodes_crate.figures.insets import find_insets
from biocodes_crate.figures.layout import find_layout
from biocodes_crate.figures.letters import read_labels
from biocodes_crate.figures.model import Box, FigurePage, PageUnit, Panel, PanelKind
from biocodes_crate.figures.order import reading_order
from biocodes_crate.figures.overlays import find_overlays
from biocodes_crate.figures.scalebars import find_scale_bar

Pixels = NDArray[np.uint8]


def picture_page(pixels: Pixels, number: int = 1, lossy: bool = False) -> FigurePage:
    """Segment a picture, (H, W, 3), into the panels of one page."""
    height, width = pixels.shape[:2]
    panels = find_panels(pixels, lossy)
    return FigurePage(number, width, height, PageUnit.PIXEL, tuple(panels))


def find_panels(pixels: Pixels, lossy: bool = False) -> list[Panel]:
    """The panels of a picture, (H, W, 3), in reading order, with boxes in its pixels."""
    if not any(np.any(pixels[y : y + 256] != pixels[0, 0]) for y in range(0, len(pixels), 256)):
        return []  # an empty page
    layout = find_layout(pixels, lossy)
    panels: list[Panel] = []
    outer: list[bool] = []
    # What surrounds panels, such as the window that each was captured with, is no panel.
    loose = [box for box in layout.loose if sum(box.overlap(one) for one in layout.panels) <= 0.5 * box.area]
    for box in [*layout.panels, *loose]:
        panel = cut_panel(pixels, box, lossy)
        if panel.kind is PanelKind.TEXT:
            continue
        at = len(panels)
        panels.append(panel)
        outer.append(True)
        for inset in find_insets(panel.pixels) if panel.kind is PanelKind.IMAGE else ():
            inner = PixelBox(box.x0 + inset.x0, box.y0 + inset.y0, box.x0 + inset.x1, box.y0 + inset.y1)
            pasted = cut_panel(pixels, inner, lossy)
            if pasted.kind is PanelKind.IMAGE:
                panels.append(pasted)
                outer.append(False)
                # What lies under an inset is hidden, as under its frame.
                panels[at].mask[max(0, inset.y0 - 4) : inset.y1 + 4, max(0, inset.x0 - 4) : inset.x1 + 4] = True
    kept = [i for i, panel in enumerate(panels) if not _is_part_of_graphic(panel, panels)]
    panels, outer = [panels[i] for i in kept], [outer[i] for i in kept]
    order = reading_order([p.box for p in panels])
    lettered = [i for i in order if outer[i]]
    letters = read_labels(pixels, [pixel_box(panels[i].box) for i in lettered])
    for i, letter in zip(lettered, letters, strict=True):
        panels[i] = replace(panels[i], label=letter)
    return [panels[i] for i in order]


def _is_part_of_graphic(panel: Panel, panels: list[Panel]) -> bool:
    """Whether a chart or drawing holds this bar, bubble, arrow or curve of it."""
    inner = pixel_box(panel.box)
    return any(
        other.kind is not PanelKind.IMAGE
        and pixel_box(other.box).area > inner.area
        and pixel_box(other.box).overlap(inner) > 0.8 * inner.area
        and (panel.kind is not PanelKind.IMAGE or _is_open(panel, other))
        for other in panels
    )


def _is_open(panel: Panel, graphic: Panel) -> bool:
    """Whether the ground of a graphic is that of most of a panel, too: a curve, whose edges JPEG has made soft."""
    ground = np.median(graphic.pixels[::2, ::2], axis=(0, 1)).astype(np.int16)
    return float((distance(panel.pixels, ground) <= 12).mean()) > 0.5


def cut_panel(pixels: Pixels, box: PixelBox, lossy: bool = False) -> Panel:
    """A panel with the pixels of a box, its kind and its mask."""
    cut = box.crop(pixels)
    kind = judge_kind(cut, lossy)
    mask, bar = np.zeros(cut.shape[:2], np.bool_), None
    if kind is PanelKind.IMAGE:
        mask, bar = find_overlays(cut, lossy), find_scale_bar(cut, lossy)
    return Panel(Box(box.x0, box.y0, box.width, box.height), kind, cut, mask, scale_bar=bar)


def cut_declared(pixels: Pixels, box: Box, lossy: bool = False) -> Panel | None:
    """A panel that the authors name by its box; it is an image, whatever it looks like."""
    height, width = pixels.shape[:2]
    found = pixel_box(box)
    inside = PixelBox(max(0, found.x0), max(0, found.y0), min(width, found.x1), min(height, found.y1))
    if inside.width < 4 or inside.height < 4:
        return None
    return cut_panel(pixels, inside, lossy)


def pixel_box(box: Box) -> PixelBox:
    """The nearest whole pixels."""
    return PixelBox(round(box.x), round(box.y), round(box.x + box.w), round(box.y + box.h))
