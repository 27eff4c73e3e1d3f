"""Pages of documents that hold no image of their own, and images that are figures: segmented like pictures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import cv2
import numpy as np

from biocodes_crate.figures.boxes import PixelBox, shared_area
from biocodes_crate.figures.channels import lowest
from biocodes_crate.figures.content import judge_kind
from biocodes_crate.figures.layout import find_layout
from biocodes_crate.figures.letters import read_labels
from biocodes_crate.figures.model import Box, FigurePage, PageUnit, Panel, PanelKind
from biocodes_crate.figures.order import reading_order
from biocodes_crate.figures.pictures import find_panels
from biocodes_crate.figures.placing import LEAST_PIXELS, Matrix, Pixels, Placed, Text, intersect, letters_for
from biocodes_crate.figures.scalebars import ScaleBar, find_scale_bar

_NOTHING = 2.0  # grey levels: the deviation of an area without content
_SMALLEST_FIGURE = 300  # pixels a side of a picture that may be a figure by itself


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


def take_apart_flattened(panels: Sequence[Panel]) -> list[Panel]:
    """Replace each embedded picture that is a whole figure by the panels in it; boxes are in percent.

    An image on a light page of its own with others, or most of the page in one picture, was flattened before it
    came into the document.
    """
    found: list[Panel] = []
    for panel in panels:
        inner = _panels_within(panel)
        found += inner or [panel]
    return [found[i] for i in reading_order([panel.box for panel in found])] if len(found) != len(panels) else found


def _panels_within(panel: Panel) -> list[Panel]:
    height, width = panel.pixels.shape[:2]
    if min(height, width) < _SMALLEST_FIGURE or panel.mask.mean() > 0.5:
        return []
    rim = np.concatenate([panel.pixels[0], panel.pixels[-1], panel.pixels[:, 0], panel.pixels[:, -1]])
    if float((lowest(rim) >= 200).mean()) < 0.5:
        return []
    layout = find_layout(panel.pixels)
    # Cells on black, and bands of brightness, are seen as panels easily; a page of paper is not.
    if layout.ground is None or min(layout.ground) < 200 or not layout.panels:
        return []
    inner = find_panels(panel.pixels)
    images = [one for one in inner if one.kind is PanelKind.IMAGE]
    most_of_page = panel.box.w * panel.box.h > 2500.0
    if len(images) < 2 and not (most_of_page and images and len(inner) > 1):
        return []
    sx, sy = panel.box.w / width, panel.box.h / height
    x, y = panel.box.x, panel.box.y
    placed = [Box(x + one.box.x * sx, y + one.box.y * sy, one.box.w * sx, one.box.h * sy) for one in inner]
    return [replace(p, box=box, digital_source=panel.digital_source) for p, box in zip(inner, placed, strict=True)]


def cut_images(
    boxes: Sequence[Box], images: Sequence[Placed], draw: Callable[[], Pixels | None], width: float, height: float
) -> list[Placed]:
    """Images in boxes of a page of this size, cut from the drawn page, where none of `images` lies already."""
    taken = [one.matrix.bounds(Box(0, 0, one.pixels.shape[1], one.pixels.shape[0])) for one in images]
    page = Box(0, 0, width, height)
    wanted = []
    for box in boxes:
        seen = intersect(box, page)
        if seen is None or seen.w < width / 50 or seen.h < height / 50:
            continue
        if not any(shared_area(seen, other) > 0.5 * min(seen.w * seen.h, other.w * other.h) for other in taken):
            wanted.append(seen)
            taken.append(seen)
    pixels = draw() if wanted else None
    if pixels is None:
        return []
    found = []
    for box in wanted:
        sx, sy = pixels.shape[1] / width, pixels.shape[0] / height
        x0, y0 = round(box.x * sx), round(box.y * sy)
        cut = pixels[y0 : round((box.y + box.h) * sy), x0 : round((box.x + box.w) * sx)]
        if min(cut.shape[:2]) >= LEAST_PIXELS and judge_kind(cut) is PanelKind.IMAGE:
            found.append(Placed(np.ascontiguousarray(cut), Matrix(1 / sx, 0, 0, 1 / sy, x0 / sx, y0 / sy)))
    return found


def read_drawn(panels: Sequence[Panel], draw: Callable[[], Pixels | None]) -> list[Panel]:
    """Panels with what only the drawn page shows: scale bars drawn over images, and letters turned into outlines.

    Those of which the page shows nothing are left out: they lie on a layer that is switched off, or under something.
    """
    lettered = any(panel.label for panel in panels)
    pixels = draw() if any(map(_is_barless, panels)) or (panels and not lettered) else None
    if pixels is None:
        return list(panels)
    height, width = pixels.shape[:2]
    found: list[Panel] = []
    boxes: list[PixelBox] = []
    for panel in panels:
        b = panel.box
        box = PixelBox(
            max(0, round(b.x * width / 100)),
            max(0, round(b.y * height / 100)),
            min(width, round((b.x + b.w) * width / 100)),
            min(height, round((b.y + b.h) * height / 100)),
        )
        shown = box.crop(pixels)
        if _is_seen(panel, shown):
            boxes.append(box)
            found.append(replace(panel, scale_bar=_drawn_bar(panel, shown)) if _is_barless(panel) else panel)
    if lettered:
        return found
    return [replace(p, label=letter) for p, letter in zip(found, read_labels(pixels, boxes), strict=True)]


def _is_barless(panel: Panel) -> bool:
    return panel.kind is PanelKind.IMAGE and panel.scale_bar is None


def _is_seen(panel: Panel, shown: Pixels) -> bool:
    """Whether a page shows anything at all where an image with content lies."""
    height, width = shown.shape[:2]
    if min(height, width) < 8 or panel.kind is not PanelKind.IMAGE:
        return True
    core = shown[height // 8 : height - height // 8, width // 8 : width - width // 8]
    if float(core.std(axis=(0, 1)).max()) > _NOTHING:
        return True
    small = np.asarray(cv2.resize(panel.pixels, (width, height), interpolation=cv2.INTER_AREA))
    return float(small.std(axis=(0, 1)).max()) < 4 * _NOTHING


def _drawn_bar(panel: Panel, shown: Pixels) -> ScaleBar | None:
    """The scale bar over an image as the page shows it, in the pixels of the image."""
    bar = find_scale_bar(shown) if min(shown.shape[:2]) >= 16 else None
    if bar is None:
        return None
    scale = panel.pixels.shape[1] / shown.shape[1]
    return ScaleBar(bar.x * scale, bar.y * panel.pixels.shape[0] / shown.shape[0], bar.length * scale, bar.micrometres)
