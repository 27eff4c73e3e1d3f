"""Where the panels of a picture are.

1. The page's colour is found; connected areas of anything else that fill their rectangle are panels,
   or panels that touch.
2. Such a rectangle is cut along gutters and seams, as long as there are any.
3. What is left on the page is gathered into charts, drawings and micrographs without a visible edge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from biocodes_crate.figures.channels import distance, highest
from biocodes_crate.figures.content import judge_kind
from biocodes_crate.figures.cuts import Segment, find_gutters, find_seams, runs
from biocodes_crate.figures.model import PanelKind

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]
_T = TypeVar("_T", np.uint8, np.bool_)

_WORK_PIXELS = 6_000_000  # larger pages are found on a smaller copy, edges on the original
_SHARP = 0.4  # least sharpness of a gutter
_FAINT = 5  # levels off the page, on average: the ripples of JPEG stay below
_POOR = 0.7  # share of a page that is explained, below which its panels have not been told apart
_WHITE = 235
_CLEAR = 0.8  # log-likelihood of a seam per pixel that is beyond doubt
_THIN = 5.0  # a part this many times longer than wide is no panel of its own


class PixelBox(NamedTuple):
    """Columns `x0` to `x1` and rows `y0` to `y1`, ends exclusive."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def width(self) -> int:
        return self.x1 - self.x0

    @property
    def height(self) -> int:
        return self.y1 - self.y0

    @property
    def area(self) -> int:
        return max(0, self.width) * max(0, self.height)

    def crop(self, pixels: NDArray[_T]) -> NDArray[_T]:
        """The part of a picture or a mask that lies within; a view."""
        return pixels[self.y0 : self.y1, self.x0 : self.x1]

    def overlap(self, other: PixelBox) -> int:
        """Pixels in common."""
        w = min(self.x1, other.x1) - max(self.x0, other.x0)
        h = min(self.y1, other.y1) - max(self.y0, other.y0)
        return max(0, w) * max(0, h)


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
    parts = [] if framed else _split(pixels, whole, lossy, least)
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
    parts = [] if block is None else _split(pixels, block, lossy, least, on_white=min(ground) >= _WHITE)
    boxes = [box for part in parts if (box := _filled(content, part)) is not None]
    panels = [box for box in boxes if _is_micrograph(pixels, box, lossy, least)]
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
    solids, rest = _solids(pixels, off, least, lossy)
    framed = [inner for box in solids for inner in _framed(pixels, box, lossy, least) or [box]]
    parts = [part for box in framed for part in _split(pixels, box, lossy, least)]
    panels = [part for part in parts if _is_image(pixels, part, lossy)]
    for part in parts:
        if part not in panels:  # the bars of a chart, a box of a drawing: gathered with what is around them
            part.crop(rest)[:] = part.crop(off) > 24
    return Layout(tuple(panels), tuple(_gather(pixels, rest, panels, least, lossy)), ground)


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
    solids, _ = _solids(view, distance(view, ground), least, lossy)
    inner = [one for one in solids if _is_image(view, one, lossy)]
    if len(inner) < 2 or sum(one.area for one in inner) < 0.5 * box.area:
        return []
    return [PixelBox(box.x0 + i.x0, box.y0 + i.y0, box.x0 + i.x1, box.y0 + i.y1) for i in inner]


def _without_page(pixels: Pixels, whole: PixelBox, lossy: bool, least: int, ground: tuple[int, int, int]) -> Layout:
    """Nothing stands out from the page: it is one panel, or loose content."""
    off = distance(pixels, ground)
    if float((off <= 8).mean()) > 0.2 and min(ground) > 200:
        loose = _gather(pixels, off > 24, [], least, lossy)
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


def _solids(pixels: Pixels, off: NDArray[np.uint8], least: int, lossy: bool) -> tuple[list[PixelBox], Mask]:
    """Rectangles of connected content, and the content that is in none of them.

    Low tolerances come first: a dark micrograph on a black page shows by its noise only. High ones
    free panels from the ripples that JPEG leaves around them.
    """
    found: list[PixelBox] = []
    taken = np.zeros(off.shape, np.bool_)
    smooth = np.asarray(cv2.medianBlur(off, 5)) if lossy else off
    # The last are for panels whose ground is the page's but for a level or a few, as inverted micrographs have it.
    passes = [(smooth, _FAINT, 0), (off, 24, 0), (off, 48, 0), (smooth, _FAINT, 9), (smooth, _FAINT, 21)]
    passes.append((smooth, 1, 0))
    if not lossy:
        passes = [(off, 2, 0), (off, 8, 0), (off, 24, 0), (off, 48, 0), (off, 2, 9), (off, 2, 21), (off, 0, 0)]
    for level, tolerance, closing in passes:
        content = (level > tolerance) & ~taken
        if closing:
            content = np.asarray(
                cv2.morphologyEx(content.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((closing, closing), np.uint8)), bool
            )
        for box in _rectangles(content & ~taken, least):
            if closing and (min(box.width, box.height) < 3 * least or not _is_image(pixels, box, lossy)):
                continue
            exact = _tighten(off, box) if lossy else box
            if any(exact.overlap(other) > 0.2 * min(exact.area, other.area) for other in found):
                continue
            found.append(exact)
            taken[max(0, box.y0 - 1) : box.y1 + 1, max(0, box.x0 - 1) : box.x1 + 1] = True
    return found, (off > 24) & ~taken


def _rectangles(content: Mask, least: int) -> list[PixelBox]:
    _, labels, stats, _ = cv2.connectedComponentsWithStats(content.astype(np.uint8), connectivity=4)
    boxes = []
    for index in range(1, len(stats)):
        x, y, w, h, area = (int(v) for v in stats[index])
        if w < least or h < least or area < 0.05 * w * h:
            continue
        part = labels[y : y + h, x : x + w] == index
        if _is_rectangle(part):
            boxes.append(PixelBox(x, y, x + w, y + h))
            continue
        for a0, b0, a1, b1 in _main_bodies(part, least):
            boxes.append(PixelBox(x + a0, y + b0, x + a1, y + b1))
    return boxes


def _is_rectangle(part: Mask) -> bool:
    """Whether the outline of a component follows its bounding box."""
    sides = (part[:2].any(axis=0), part[-2:].any(axis=0), part[:, :2].any(axis=1), part[:, -2:].any(axis=1))
    support = sorted(float(side.mean()) for side in sides)
    extent = _extents(part)
    return extent > 0.95 and ((support[1] > 0.6 and support[0] > 0.25) or (support[0] > 0.45))


def _extents(part: Mask) -> float:
    """Share of the box between the first and the last pixel of each row and of each column; the smaller."""
    shares = []
    for view in (part, part.T):
        any_ = view.any(axis=1)
        first = view.argmax(axis=1)
        last = view.shape[1] - view[:, ::-1].argmax(axis=1)
        shares.append(float(np.where(any_, last - first, 0).mean() / view.shape[1]))
    return min(shares)


def _main_bodies(part: Mask, least: int) -> list[tuple[int, int, int, int]]:
    """Rectangles within a ragged component: panels that a letter, an arrow or a line ties together."""
    filled = _fill(part)
    size = max(9, least // 2) | 1
    opened = cv2.morphologyEx(filled.astype(np.uint8), cv2.MORPH_OPEN, np.ones((size, size), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(opened, connectivity=4)
    bodies = []
    for index in range(1, len(stats)):
        x, y, w, h, area = (int(v) for v in stats[index])
        if w < least or h < least:
            continue
        body = labels[y : y + h, x : x + w] == index
        if area > 0.9 * w * h and _is_rectangle(body):
            bodies.append((x, y, x + w, y + h))
    return bodies


def _fill(part: Mask) -> Mask:
    """Close the holes of a component."""
    padded = np.pad(part, 1).astype(np.uint8)
    cv2.floodFill(padded, None, (0, 0), 2)
    return np.asarray(padded[1:-1, 1:-1] != 2)


def _tighten(off: NDArray[np.uint8], box: PixelBox) -> PixelBox:
    """Move sides inwards past ripples and soft shadows: to where most of the step is made."""
    bounds = []
    view = box.crop(off).astype(np.float32)
    for profile in (view.mean(axis=0), view.mean(axis=1)):
        size = len(profile)
        reach = min(10, size // 8)
        bounds.append((_rise(profile[:reach]), size - _rise(profile[::-1][:reach])))
    (x0, x1), (y0, y1) = bounds
    return PixelBox(box.x0 + x0, box.y0 + y0, box.x0 + x1, box.y0 + y1)


def _rise(profile: NDArray[np.float32]) -> int:
    """Index of the first line that has half of the level just inside; 0 where it rises at once."""
    if len(profile) < 4:
        return 0
    level = float(np.median(profile[len(profile) // 2 :]))
    for i, value in enumerate(profile):
        if value >= 0.4 * level:
            return i
    return 0


def _split(
    pixels: Pixels, box: PixelBox, lossy: bool, least: int, depth: int = 0, *, on_white: bool = False
) -> list[PixelBox]:
    """Cut a rectangle along its gutters and seams, and its parts again.

    `on_white` says that what is white in it may be the page.
    """
    if depth > 8 or (box.width < 2 * least and box.height < 2 * least):
        return [box]
    view = box.crop(pixels)
    is_image = judge_kind(view, lossy) is PanelKind.IMAGE
    if not is_image and not on_white:
        return [box]
    across = _cuts(view, lossy, least, on_white)
    down = _cuts(view.transpose(1, 0, 2), lossy, least, on_white)
    cuts = across if sum(c.strength for c in across) >= sum(c.strength for c in down) else down
    if not cuts:
        return [box]
    size = box.width if cuts is across else box.height
    starts, stops = [0, *(c.stop for c in cuts)], [*(c.start for c in cuts), size]
    parts = [
        PixelBox(box.x0 + a, box.y0, box.x0 + b, box.y1)
        if cuts is across
        else PixelBox(box.x0, box.y0 + a, box.x1, box.y0 + b)
        for a, b in zip(starts, stops, strict=True)
    ]
    leaves = [leaf for part in parts for leaf in _split(pixels, part, lossy, least, depth + 1, on_white=on_white)]
    # A chart has straight lines as well: it is cut only where a micrograph comes off.
    return leaves if is_image or any(_is_micrograph(pixels, leaf, lossy, least) for leaf in leaves) else [box]


class _Cut(NamedTuple):
    start: int
    stop: int
    strength: float


def _cuts(view: Pixels, lossy: bool, least: int, on_white: bool) -> list[_Cut]:
    """Where to cut along columns; a seam has no width."""
    height, width = view.shape[:2]
    chosen = [
        _Cut(g.start, g.stop, g.sharpness)
        for tolerance in ((24, 48) if lossy else (3,))
        for g in find_gutters(view, tolerance)
        if g.sharpness >= _SHARP
    ]
    seams = [s for s in find_seams(view) if _is_whole(s, height, on_white)]
    if len(seams) <= 16:
        chosen += [_Cut(s.at, s.at, s.score / height / 2) for s in seams]
    kept: list[_Cut] = []
    for cut in sorted(chosen, key=lambda c: -c.strength):
        if all(cut.stop < k.start - 3 or cut.start > k.stop + 3 for k in kept):
            kept.append(cut)
    return _without_strips(kept, width, height, least)


def _is_whole(seam: Segment, height: int, on_white: bool) -> bool:
    """Whether a seam goes all the way, as far as can be told.

    Something at its end may hide a part of one that is clear everywhere else, and where white meets white there is
    nothing to see.
    """
    told = height - seam.blank if on_white else height
    length = seam.stop - seam.start
    clear = 0.85 if seam.score >= _CLEAR * told else 0.92
    return length >= clear * told and length >= 0.3 * height and seam.score >= 0.4 * told


def _without_strips(cuts: list[_Cut], width: int, height: int, least: int) -> list[_Cut]:
    """Leave out cuts that make strips too thin for a panel: lines and bands within an image, banners below it.

    Where an image has such lines, others no stronger are most likely its own as well.
    """
    kept = sorted(cuts)
    false = 0.0
    thinnest = max(least, height / _THIN)
    while kept:
        starts, stops = [0, *(c.stop for c in kept)], [*(c.start for c in kept), width]
        sizes = [b - a for a, b in zip(starts, stops, strict=True)]
        i = int(np.argmin(sizes))
        if sizes[i] >= thinnest:
            break
        weaker = min((c for c in kept[max(0, i - 1) : i + 1]), key=lambda c: c.strength)
        if sizes[i] > 3:
            inner = kept[i - 1 : i + 1] if 0 < i < len(kept) else [weaker]
            banded = all(c.start == c.stop for c in inner)
            false = max(false, max(c.strength for c in inner) if banded else weaker.strength)
        kept.remove(weaker)
    return [c for c in kept if c.strength > 1.2 * false]


def _is_micrograph(pixels: Pixels, box: PixelBox, lossy: bool, least: int) -> bool:
    return min(box.width, box.height) >= 2 * least and _is_image(pixels, box, lossy)


def _is_image(pixels: Pixels, box: PixelBox, lossy: bool) -> bool:
    return judge_kind(box.crop(pixels), lossy) is PanelKind.IMAGE


def _gather(pixels: Pixels, rest: Mask, panels: list[PixelBox], least: int, lossy: bool) -> list[PixelBox]:
    """Group what lies outside of all panels by nearness; letters and short text are left out.

    Pieces of micrographs may lie far apart, with nothing but the colour of the page between them: they
    are joined where no other panel is in the way.
    """
    height, width = rest.shape
    reach = max(4, int(0.008 * min(height, width)))
    grown = cv2.dilate(rest.astype(np.uint8), np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    for box in panels:
        grown[box.y0 : box.y1, box.x0 : box.x1] = 0
    _, labels, stats, _ = cv2.connectedComponentsWithStats(grown, connectivity=8)
    pieces: list[PixelBox] = []
    graphics: list[PixelBox] = []
    for index in range(1, len(stats)):
        x, y, w, h, _area = (int(v) for v in stats[index])
        part = rest[y : y + h, x : x + w] & (labels[y : y + h, x : x + w] == index)
        rows, columns = runs(part.any(axis=1)), runs(part.any(axis=0))
        if not rows or not columns:
            continue
        box = PixelBox(x + columns[0][0], y + rows[0][0], x + columns[-1][1], y + rows[-1][1])
        if box.width >= 1.5 * least and box.height >= 1.5 * least:
            (pieces if _is_image(pixels, box, lossy) else graphics).append(box)
    # A small scrap of a micrograph may look drawn; only a large graphic stands in the way of joining others.
    largest = max((box.area for box in pieces), default=0)
    images = _joined(pieces, [*panels, *(box for box in graphics if box.area > 0.5 * largest)], 12 * reach)
    graphics = [box for box in graphics if not any(box.overlap(image) > 0.5 * box.area for image in images)]
    images = [_aligned(box, panels, graphics) for box in images]
    return [box for box in [*images, *graphics] if box.width >= 2 * least and box.height >= 2 * least]


def _joined(pieces: list[PixelBox], others: list[PixelBox], reach: int) -> list[PixelBox]:
    """Join boxes nearer than `reach` to each other, unless the union would touch one of the others."""
    boxes = list(pieces)
    merged = True
    while merged:
        merged = False
        for i, a in enumerate(boxes):
            for j in range(i + 1, len(boxes)):
                b = boxes[j]
                union = PixelBox(min(a.x0, b.x0), min(a.y0, b.y0), max(a.x1, b.x1), max(a.y1, b.y1))
                apart = max(union.width - a.width - b.width, union.height - a.height - b.height)
                near = max(reach, 0.6 * max(a.width, a.height, b.width, b.height))
                if apart <= near and not any(union.overlap(other) for other in others):
                    boxes[i] = union
                    del boxes[j]
                    merged = True
                    break
            if merged:
                break
    return boxes


def _aligned(box: PixelBox, panels: list[PixelBox], graphics: list[PixelBox]) -> PixelBox:
    """Let a box without edges of its own reach those of its neighbours in the row, where they are near."""
    beside = [other for other in panels if other.x1 <= box.x0 or other.x0 >= box.x1]
    for other in sorted(beside, key=lambda p: max(box.x0 - p.x1, p.x0 - box.x1)):
        # Where neither end is known, a panel is most likely as tall as its neighbour.
        unknown = min(box.y0 - other.y0, other.y1 - box.y1) > 0.02 * other.height
        in_row = unknown and box.height >= 0.4 * other.height
        slack = other.height if in_row else 0.2 * box.height
        y0 = other.y0 if 0 < box.y0 - other.y0 <= slack else box.y0
        y1 = other.y1 if 0 < other.y1 - box.y1 <= slack else box.y1
        taller = PixelBox(box.x0, y0, box.x1, y1)
        if taller != box and not any(taller.overlap(p) for p in [*panels, *graphics]):
            return taller
    return box


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
