"""Pictures pasted into pictures: insets, with a frame around them."""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from biocodes_crate.figures.channels import highest, lowest
from biocodes_crate.figures.cuts import best_runs

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]

_MOST_LINES = 16  # of each direction and colour; a picture with more straight lines is a pattern
_FRAME = 8  # widest frame, in pixels
_CORNER = 3  # pixels by which the lines of a frame may miss each other
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


def _lines(colour: Mask, shortest: int) -> list[_Line]:
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
        while end < width and score[end] >= 0.75 * shortest and abs(start[end] - start[x]) <= _CORNER:
            if abs(stop[end] - stop[x]) > _CORNER:
                break
            end += 1
        line = _Line(x, end, int(start[x:end].min()), int(stop[x:end].max()))
        if end - x <= _FRAME:
            lines.append(line._replace(clear=_stands_out(colour, line)))
        x = end
    return lines if sum(line.clear for line in lines) <= _MOST_LINES else []


def _stands_out(colour: Mask, line: _Line) -> bool:
    """Whether a line's colour ends on both of its sides: the black between two cells is no line."""
    for x in (line.a - 2, line.b + 1):
        if 0 <= x < colour.shape[1] and float(colour[line.start : line.stop, x].mean()) > 0.5:
            return False
    return True


def _frames(
    upright: list[_Line], level: list[_Line], width: int, height: int, shortest: int
) -> list[tuple[Inset, Inset]]:
    """Rectangles whose four corners meet, inner and outer; one side may be the panel's own."""
    found = []
    across, down = _pairs(upright, width, shortest), _pairs(level, height, shortest)
    for (left, right), (top, bottom) in product(across, down):
        x0, x1 = left.b if left else 0, right.a if right else width
        y0, y1 = top.b if top else 0, bottom.a if bottom else height
        if not (_spans(left, y0, y1) and _spans(right, y0, y1) and _spans(top, x0, x1) and _spans(bottom, x0, x1)):
            continue
        if _is_one_stroke([left, right, top, bottom]):
            outer = Inset(
                left.a if left else 0, top.a if top else 0, right.b if right else width, bottom.b if bottom else height
            )
            found.append((Inset(x0, y0, x1, y1), outer))
    return found


def _pairs(lines: list[_Line], size: int, shortest: int) -> list[tuple[_Line | None, _Line | None]]:
    """Lines that may be opposite sides: level with each other, and far enough apart. None is the panel's edge."""
    pairs: list[tuple[_Line | None, _Line | None]] = []
    for i, one in enumerate(lines):
        pairs += [(one, None), (None, one)] if one.clear else []
        for other in lines[i + 1 :]:
            level = abs(one.start - other.start) <= _CORNER and abs(one.stop - other.stop) <= _CORNER
            if level and other.a - one.b >= shortest and (one.clear or other.clear):
                pairs.append((one, other))
    return [p for p in pairs if (p[1].a if p[1] else size) - (p[0].b if p[0] else 0) >= shortest][:400]


def _is_one_stroke(sides: list[_Line | None]) -> bool:
    """Whether three sides or four are drawn, all equally thick. Two alone are too easily content.

    A side may run into something of its own colour, most of them may not.
    """
    drawn = [side for side in sides if side is not None]
    widths = [side.b - side.a for side in drawn]
    clear = sum(side.clear for side in drawn)
    return len(drawn) >= 3 and max(widths) - min(widths) <= 1 and clear >= max(2, len(drawn) - 1)


def _spans(side: _Line | None, start: int, stop: int) -> bool:
    """Whether a side reaches just from corner to corner."""
    if side is None:
        return True
    slack = _FRAME + _CORNER
    return start - slack <= side.start <= start + _CORNER and stop - _CORNER <= side.stop <= stop + slack


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
