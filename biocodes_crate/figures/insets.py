"""Pictures pasted into pictures: insets, with a frame around them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from biocodes_crate.figures.channels import highest, lowest
from biocodes_crate.figures.cuts import best_runs

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]

_MOST_LINES = 16  # of each direction and colour; a picture with more straight lines is a pattern
_MOST_DASHED = 80
_FRAME = 8  # widest frame, in pixels
_CORNER = 3  # pixels by which the lines of a frame may miss each other
_DASH = 15  # pixels: longest gap between dashes, and a bit
_GAP = -6.0  # a run of a line's colour survives gaps of up to 1 in 7 pixels, no dashes


class Inset(NamedTuple):
    """Columns `x0` to `x1` and rows `y0` to `y1` (exclusive) of what is inside the frame."""

    x0: int
    y0: int
    x1: int
    y1: int


class _Line(NamedTuple):
    """Columns `a` to `b` have one colour over rows `start` to `stop`; all exclusive at the end."""

    a: int
    b: int
    start: int
    stop: int
    clear: bool = True  # its colour ends on both of its sides


def find_insets(pixels: Pixels) -> list[Inset]:
    """Framed rectangles in a panel, (H, W, 3), whose content does not go on outside of them.

    A box drawn on an image, such as the one that an inset enlarges, has the same image on both sides of
    its lines; a pasted picture does not.
    """
    height, width = pixels.shape[:2]
    shortest = max(24, int(0.12 * min(height, width)))
    if min(height, width) < 3 * shortest:
        return []
    found: list[tuple[Inset, Inset]] = []
    for colour in _line_colours(pixels):
        upright = _lines(colour, shortest)
        level = _lines(np.ascontiguousarray(colour.T), shortest)
        for inner, outer in _frames(upright, level, width, height, shortest):
            if (inner.x1 - inner.x0) * (inner.y1 - inner.y0) <= 0.5 * width * height:
                found.append((inner, outer))
    kept: list[Inset] = []
    for inner, outer in sorted(found, key=lambda f: -(f[0].x1 - f[0].x0) * (f[0].y1 - f[0].y0)):
        if not any(_overlap(inner, other) for other in kept) and _is_foreign(pixels, inner, outer):
            kept.append(inner)
    return kept


def find_drawn_boxes(pixels: Pixels, pasted: Sequence[Inset] = ()) -> list[Inset]:
    """Rectangles drawn on a panel, (H, W, 3), in lines or dashes, with the image going on inside of them.

    `pasted` are its insets, whose frames are none of these.
    """
    height, width = pixels.shape[:2]
    shortest = max(12, int(0.03 * min(height, width)))
    if min(height, width) < 4 * shortest:
        return []
    found: list[Inset] = []
    for colour in _line_colours(pixels):
        if not 0 < float(colour.mean()) < 0.3:
            continue
        upright = _lines(_without_gaps(colour), shortest, _DASH // 2, _MOST_DASHED)
        level = _lines(np.ascontiguousarray(_without_gaps(colour.T)), shortest, _DASH // 2, _MOST_DASHED)
        for inner, outer in _frames(upright, level, width, height, shortest, _DASH // 2):
            drawn = outer.x0 > 0 and outer.y0 > 0 and outer.x1 < width and outer.y1 < height
            if drawn and not any(_overlap(outer, one) for one in pasted):
                middle = Inset(*((a + b) // 2 for a, b in zip(inner, outer, strict=True)))
                if not any(_alike(middle, other) for other in found):
                    found.append(middle)
    return found


def has_drawn_box(pixels: Pixels, box: Inset) -> bool:
    """Whether a rectangle is drawn on a panel, (H, W, 3), where one is expected; dashes will do."""
    height, width = pixels.shape[:2]
    if box.x0 < 0 or box.y0 < 0 or box.x1 > width or box.y1 > height or min(box.x1 - box.x0, box.y1 - box.y0) < 8:
        return False
    for colour in _line_colours(pixels):
        sides = [
            _drawn_along(view, at, start, stop)
            for view, at, start, stop in (
                (colour.T, box.x0, box.y0, box.y1),
                (colour.T, box.x1, box.y0, box.y1),
                (colour, box.y0, box.x0, box.x1),
                (colour, box.y1, box.x0, box.x1),
            )
        ]
        if all(sides):
            return True
    return False


def _drawn_along(colour: Mask, at: int, start: int, stop: int) -> bool:
    """Whether a row of a colour's mask, or one near it, has much of the colour, and the rows beside it little."""
    rows = {d: float(colour[at + d, start:stop].mean()) for d in range(-9, 10) if 0 <= at + d < len(colour)}
    best = max(value for d, value in rows.items() if abs(d) <= 3)
    line = next(d for d, value in rows.items() if value == best and abs(d) <= 3)
    beside = [value for d, value in rows.items() if abs(d - line) >= 5]
    return best >= 0.4 and bool(beside) and best > 2.5 * float(np.mean(beside)) + 0.05


def _without_gaps(colour: Mask) -> Mask:
    """Close the gaps between dashes along columns, where a line is thin: broad areas stay as they are."""
    kernel = np.ones((_DASH, 1), np.uint8)
    closed = cv2.morphologyEx(colour.astype(np.uint8), cv2.MORPH_CLOSE, kernel) > 0
    broad = cv2.morphologyEx(colour.astype(np.uint8), cv2.MORPH_OPEN, np.ones((1, _FRAME + 1), np.uint8)) > 0
    near = cv2.dilate(broad.astype(np.uint8), np.ones((_DASH, 1), np.uint8)) > 0
    return np.asarray(np.where(near, colour, closed), np.bool_)


def _alike(a: Inset, b: Inset) -> bool:
    return max(abs(x - y) for x, y in zip(a, b, strict=True)) <= 2 * _FRAME


def _line_colours(pixels: Pixels) -> list[Mask]:
    """Where a pixel has the colour of a drawn line: white, black, or a pure colour."""
    low, high = lowest(pixels), highest(pixels)
    vivid = (high >= 190) & (low <= 90)
    masks = [low >= 225, high <= 16]
    for pattern in product((False, True), repeat=3):
        if any(pattern) and not all(pattern):
            mask = vivid.copy()
            for channel, lit in enumerate(pattern):
                mask &= (pixels[..., channel] >= 150) if lit else (pixels[..., channel] < 150)
            masks.append(mask)
    return masks


def _lines(colour: Mask, shortest: int, corner: int = _CORNER, most: int = _MOST_LINES) -> list[_Line]:
    """Thin upright lines of a colour."""
    if int(colour.sum(axis=0).max(initial=0)) < 0.8 * shortest:
        return []
    score, start, stop = best_runs(np.where(colour, np.float32(1), np.float32(_GAP)))
    lines: list[_Line] = []
    x = 0
    width = colour.shape[1]
    while x < width:
        if score[x] < 0.75 * shortest:
            x += 1
            continue
        end = x + 1
        while end < width and score[end] >= 0.75 * shortest and abs(start[end] - start[x]) <= corner:
            if abs(stop[end] - stop[x]) > corner:
                break
            end += 1
        line = _Line(x, end, int(start[x:end].min()), int(stop[x:end].max()))
        if end - x <= _FRAME:
            lines.append(line._replace(clear=_stands_out(colour, line)))
        x = end
    return lines if sum(line.clear for line in lines) <= most else []


def _stands_out(colour: Mask, line: _Line) -> bool:
    """Whether a line's colour ends on both of its sides: the black between two cells is no line."""
    for x in (line.a - 2, line.b + 1):
        if 0 <= x < colour.shape[1] and float(colour[line.start : line.stop, x].mean()) > 0.5:
            return False
    return True


def _frames(
    upright: list[_Line], level: list[_Line], width: int, height: int, shortest: int, corner: int = _CORNER
) -> list[tuple[Inset, Inset]]:
    """Rectangles whose four corners meet, inner and outer; one side may be the panel's own."""
    found = []
    across, down = _pairs(upright, width, shortest, corner), _pairs(level, height, shortest, corner)
    for (left, right), (top, bottom) in product(across, down):
        x0, x1 = left.b if left else 0, right.a if right else width
        y0, y1 = top.b if top else 0, bottom.a if bottom else height
        if not all(
            _spans(side, *ends, corner)
            for side, ends in ((left, (y0, y1)), (right, (y0, y1)), (top, (x0, x1)), (bottom, (x0, x1)))
        ):
            continue
        if _is_one_stroke([left, right, top, bottom], 1 if corner == _CORNER else 2):
            outer = Inset(
                left.a if left else 0, top.a if top else 0, right.b if right else width, bottom.b if bottom else height
            )
            found.append((Inset(x0, y0, x1, y1), outer))
    return found


def _pairs(
    lines: list[_Line], size: int, shortest: int, corner: int = _CORNER
) -> list[tuple[_Line | None, _Line | None]]:
    """Lines that may be opposite sides: level with each other, and far enough apart. None is the panel's edge."""
    pairs: list[tuple[_Line | None, _Line | None]] = []
    for i, one in enumerate(lines):
        pairs += [(one, None), (None, one)] if one.clear else []
        for other in lines[i + 1 :]:
            level = abs(one.start - other.start) <= corner and abs(one.stop - other.stop) <= corner
            if level and other.a - one.b >= shortest and (one.clear or other.clear):
                pairs.append((one, other))
    return [p for p in pairs if (p[1].a if p[1] else size) - (p[0].b if p[0] else 0) >= shortest][:400]


def _is_one_stroke(sides: list[_Line | None], slack: int) -> bool:
    """Whether three sides or four are drawn, all equally thick. Two alone are too easily content.

    A side may run into something of its own colour, most of them may not.
    """
    drawn = [side for side in sides if side is not None]
    widths = [side.b - side.a for side in drawn]
    clear = sum(side.clear for side in drawn)
    return len(drawn) >= 3 and max(widths) - min(widths) <= slack and clear >= max(2, len(drawn) - 1)


def _spans(side: _Line | None, start: int, stop: int, corner: int) -> bool:
    """Whether a side reaches just from corner to corner."""
    if side is None:
        return True
    slack = _FRAME + corner
    return start - slack <= side.start <= start + corner and stop - corner <= side.stop <= stop + slack


def _is_foreign(pixels: Pixels, inset: Inset, outer: Inset) -> bool:
    """Whether the image breaks off at the sides: lines inside and outside do not look alike."""
    height, width = pixels.shape[:2]
    x0, y0, x1, y1 = inset
    grey = pixels.mean(axis=2, dtype=np.float32)
    gap = _FRAME // 2
    columns, rows = grey[y0:y1], grey[:, x0:x1].T
    sides = []  # lines just inside, further inside, and outside
    if outer.x0 > gap:
        sides.append((columns[:, x0 + 1], columns[:, x0 + 1 + 2 * gap], columns[:, outer.x0 - gap]))
    if outer.x1 < width - gap:
        sides.append((columns[:, x1 - 2], columns[:, x1 - 2 - 2 * gap], columns[:, outer.x1 + gap - 1]))
    if outer.y0 > gap:
        sides.append((rows[:, y0 + 1], rows[:, y0 + 1 + 2 * gap], rows[:, outer.y0 - gap]))
    if outer.y1 < height - gap:
        sides.append((rows[:, y1 - 2], rows[:, y1 - 2 - 2 * gap], rows[:, outer.y1 + gap - 1]))
    alike = [value for a, _, b in sides if (value := _correlation(a, b)) is not None]
    if not alike:
        return bool(4 * min(x1 - x0, y1 - y0) >= min(height, width))
    if float(np.mean(alike)) >= 0.45:
        return False
    if 3.4 * min(x1 - x0, y1 - y0) >= min(height, width):
        return True
    # A small box may as well be drawn around something. In noise no two lines are alike, so across its sides
    # they must differ more than two lines of its inside do.
    across = float(np.mean([_difference(a, b) for a, _, b in sides]))
    within = float(np.mean([_difference(a, b) for a, b, _ in sides]))
    return across > 1.3 * within


def _difference(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Mean difference of two lines, smoothed."""
    return float(np.abs(np.convolve(a - b, np.ones(9) / 9, "valid")).mean())


def _correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> float | None:
    """Of two lines, smoothed; None where one of them is flat."""
    kernel = np.ones(5, np.float32) / 5
    one, other = np.convolve(a, kernel, "valid"), np.convolve(b, kernel, "valid")
    if min(float(one.std()), float(other.std())) < 1.5:
        return None
    return float(np.corrcoef(one, other)[0, 1])


def _overlap(a: Inset, b: Inset) -> bool:
    return min(a.x1, b.x1) > max(a.x0, b.x0) and min(a.y1, b.y1) > max(a.y0, b.y0)
