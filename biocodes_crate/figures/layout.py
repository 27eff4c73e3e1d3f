"""Where the panels of a picture are.

1. The page's colour is found; connected areas of anything else that fill their rectangle are panels,
   or panels that touch.
2. Such a rectangle is cut along gutters and seams, as long as there are any.
3. What is left on the page is gathered into charts, drawings and micrographs without a visible edge.

Where that explains too little of the page, all that is on it is cut up as one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from biocodes_crate.figures.boxes import PixelBox
from biocodes_crate.figures.channels import distance, highest
from biocodes_crate.figures.content import shows_image, shows_micrograph
from biocodes_crate.figures.cuts import WHITE, runs
from biocodes_crate.figures.loose import gather_loose
from biocodes_crate.figures.solids import find_solids
from biocodes_crate.figures.splitting import split_box

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]

_WORK_PIXELS = 6_000_000  # larger pages are found on a smaller copy, edges on the original
_POOR = 0.7  # share of a page that is explained, below which its panels have not been told apart


@dataclass(frozen=True, slots=True)
class Layout:
    """The boxes found on a page, in the pixels of the page."""

    panels: tuple[PixelBox, ...]  # rectangles with edges of their own
    loose: tuple[PixelBox, ...]  # content without an edge: charts, drawings, micrographs that fade into the page
    ground: tuple[int, int, int] | None  # the page's colour


def find_layout(pixels: Pixels, lossy: bool = False) -> Layout:
    """Find the panels of a page, (H, W, 3)."""
    height, width = pixels.shape[:2]
    factor = max(1, int(np.ceil(np.sqrt(height * width / _WORK_PIXELS))))
    if factor == 1:
        return _find(pixels, lossy)
    small = cv2.resize(pixels, (max(1, width // factor), max(1, height // factor)), interpolation=cv2.INTER_AREA)
    found = _find(np.asarray(small, np.uint8), lossy)
    return Layout(
        tuple(_refine(pixels, _scaled(box, factor, width, height), factor) for box in found.panels),
        tuple(_scaled(box, factor, width, height) for box in found.loose),
        found.ground,
    )


def _find(pixels: Pixels, lossy: bool) -> Layout:
    height, width = pixels.shape[:2]
    least = max(20, int(0.02 * min(height, width)))
    whole = PixelBox(0, 0, width, height)
    grounds, framed = _grounds(pixels, lossy)
    best: tuple[float, Layout] | None = None
    for ground in grounds[:1] if framed else grounds:
        layout = _on_page(pixels, ground, lossy, least)
        if layout.panels and not (len(layout.panels) == 1 and layout.panels[0].area > 0.995 * whole.area):
            worth = _worth(pixels, layout.panels, layout.loose, whole, ground)
            if best is None or worth > best[0] + 0.02:
                best = (worth, layout)
    parts = [] if framed else split_box(pixels, whole, lossy, least)
    if len(parts) > 1 and (best is None or best[0] < 0.98):
        return Layout(tuple(parts), (), None)
    if framed and (best is None or best[0] < _POOR):
        layout = _touching(pixels, grounds[0], lossy, least)
        worth = _worth(pixels, layout.panels, layout.loose, whole, grounds[0])
        if len(layout.panels) > 1 and (best is None or worth > best[0] + 0.02):
            return layout
    if best is not None:
        return best[1]
    return _without_page(pixels, whole, lossy, least, grounds[0])


def _touching(pixels: Pixels, ground: tuple[int, int, int], lossy: bool, least: int) -> Layout:
    """Panels that touch: where one is as white as the page, there is the outline of none of them."""
    content = distance(pixels, ground) > 24
    block = _filled(content, PixelBox(0, 0, pixels.shape[1], pixels.shape[0]))
    parts = [] if block is None else split_box(pixels, block, lossy, least, on_white=min(ground) >= WHITE)
    boxes = [box for part in parts if (box := _filled(content, part)) is not None]
    panels = [box for box in boxes if shows_micrograph(pixels, box, lossy, least)]
    loose = [box for box in boxes if box not in panels and min(box.width, box.height) >= 2 * least]
    return Layout(tuple(panels), tuple(loose), ground)


def _filled(content: Mask, box: PixelBox) -> PixelBox | None:
    """The part of a box that anything is in."""
    view = box.crop(content)
    rows, columns = runs(np.asarray(view.any(axis=1))), runs(np.asarray(view.any(axis=0)))
    if not rows or not columns:
        return None
    return PixelBox(box.x0 + columns[0][0], box.y0 + rows[0][0], box.x0 + columns[-1][1], box.y0 + rows[-1][1])


def _worth(
    pixels: Pixels,
    panels: Sequence[PixelBox],
    loose: Sequence[PixelBox],
    whole: PixelBox,
    ground: tuple[int, int, int] | None = None,
) -> float:
    """How well a layout explains a page: the share of the page that is in panels, or is page, less what is loose."""
    covered = np.zeros(pixels.shape[:2], np.bool_)
    for box in panels:
        covered[box.y0 : box.y1, box.x0 : box.x1] = True
    share = float(covered.mean())
    if ground is not None and share < 1:
        outside = pixels[~covered]
        plain = distance(outside, ground) <= 24
        share += float(plain.sum()) / whole.area
    dark = ground is not None and max(ground) < 60
    lost = sum(box.area for box in loose) / whole.area if dark else 0.0
    return share - lost


def _on_page(pixels: Pixels, ground: tuple[int, int, int], lossy: bool, least: int) -> Layout:
    """The panels that stand out from a page of this colour."""
    off = distance(pixels, ground)
    if float((off <= 24).mean()) < 0.004:
        return Layout((), (), ground)
    solids, rest = find_solids(pixels, off, least, lossy)
    framed = [inner for box in solids for inner in _framed(pixels, box, lossy, least) or [box]]
    parts = [part for box in framed for part in split_box(pixels, box, lossy, least)]
    panels = [part for part in parts if shows_image(pixels, part, lossy)]
    for part in parts:
        if part not in panels:  # the bars of a chart, a box of a drawing: gathered with what is around them
            part.crop(rest)[:] = part.crop(off) > 24
    return Layout(tuple(panels), tuple(gather_loose(pixels, rest, panels, least, lossy)), ground)


def _framed(pixels: Pixels, box: PixelBox, lossy: bool, least: int) -> list[PixelBox]:
    """The panels on a ground of their own, as in a coloured box or a window: two or more that fill most of it."""
    view = box.crop(pixels)
    flat = view[:: max(1, box.height // 200), :: max(1, box.width // 200)].reshape(-1, 3).astype(np.int32)
    values, counts = np.unique((flat[:, 0] << 16) | (flat[:, 1] << 8) | flat[:, 2], return_counts=True)
    key, share = int(values[counts.argmax()]), float(counts.max() / len(flat))
    ground = (key >> 16, (key >> 8) & 255, key & 255)
    rim = np.concatenate([view[1], view[-2], view[:, 1], view[:, -2]])
    if not 0.05 < share < 0.5 or float((distance(rim, ground) <= (24 if lossy else 3)).mean()) < 0.9:
        return []
    solids, _ = find_solids(view, distance(view, ground), least, lossy)
    inner = [one for one in solids if shows_image(view, one, lossy)]
    if len(inner) < 2 or sum(one.area for one in inner) < 0.5 * box.area:
        return []
    return [PixelBox(box.x0 + i.x0, box.y0 + i.y0, box.x0 + i.x1, box.y0 + i.y1) for i in inner]


def _without_page(pixels: Pixels, whole: PixelBox, lossy: bool, least: int, ground: tuple[int, int, int]) -> Layout:
    """Nothing stands out from the page: it is one panel, or loose content."""
    off = distance(pixels, ground)
    if float((off <= 8).mean()) > 0.2 and min(ground) > 200:
        loose = gather_loose(pixels, off > 24, [], least, lossy)
        return Layout((), tuple(loose), ground)
    return Layout((whole,), (), None)


def _grounds(pixels: Pixels, lossy: bool) -> tuple[list[tuple[int, int, int]], bool]:
    """Candidates for the page's colour, and whether the first of them makes up the whole border."""
    border = np.concatenate([pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]])
    keys = (border[:, 0].astype(np.int32) << 16) | (border[:, 1].astype(np.int32) << 8) | border[:, 2]
    values, counts = np.unique(keys, return_counts=True)
    found: list[tuple[int, int, int]] = []
    for i in np.argsort(-counts)[:2]:
        if counts[i] >= 0.15 * len(border):
            key = int(values[i])
            found.append((key >> 16, (key >> 8) & 255, key & 255))
    for colour in ((255, 255, 255), (0, 0, 0)):
        if all(max(abs(a - b) for a, b in zip(colour, other, strict=True)) > 8 for other in found):
            found.append(colour)
    near = np.abs(border.astype(np.int16) - np.array(found[0], np.int16)).max(axis=1) <= (24 if lossy else 3)
    return found, float(near.mean()) > 0.97


def _scaled(box: PixelBox, factor: int, width: int, height: int) -> PixelBox:
    x1 = width if (box.x1 + 1) * factor > width else box.x1 * factor
    y1 = height if (box.y1 + 1) * factor > height else box.y1 * factor
    return PixelBox(box.x0 * factor, box.y0 * factor, x1, y1)


def _refine(pixels: Pixels, box: PixelBox, factor: int) -> PixelBox:
    """Move each side of a box to the strongest step within `factor` + 1 pixels."""
    height, width = pixels.shape[:2]

    def best(at: int, size: int, vertical: bool) -> int:
        if at <= 0 or at >= size:
            return min(max(at, 0), size)
        low, high = max(1, at - factor - 1), min(size - 1, at + factor + 1)
        band = (
            pixels[box.y0 : box.y1, low - 1 : high + 1]
            if vertical
            else pixels[low - 1 : high + 1, box.x0 : box.x1].transpose(1, 0, 2)
        )
        steps = highest(np.abs(np.diff(band.astype(np.int16), axis=1))).mean(axis=0)
        return low + int(np.argmax(steps))

    return PixelBox(
        best(box.x0, width, True), best(box.y0, height, False), best(box.x1, width, True), best(box.y1, height, False)
    )
