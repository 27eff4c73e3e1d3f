"""Scale bars: how long they are, and what is written beside them."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from biocodes_crate.figures.channels import distance
from biocodes_crate.figures.glyphs import CLASSES, Mark, classify, normalise

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]

_COLOURS = ((255, 255, 255), (0, 0, 0), (255, 255, 0), (255, 0, 0))
_SURE = 0.6  # least probability of every character of a label that is believed
MICROMETRES = {"nm": 1e-3, "µm": 1.0, "mm": 1e3}
_LOOKS_LIKE = {"0": "Oo0", "1": ("1", "Il|"), "5": ("5", "Ss"), "2": ("2", "Zz"), "6": ("6", "b"), "8": ("8", "B")}


@dataclass(frozen=True, slots=True)
class ScaleBar:
    """A bar in a panel, in the pixels of the panel's own raster."""

    x: float
    y: float
    length: float
    micrometres: float | None = None  # what is written beside it; None where there is nothing that can be read


class _Bar(NamedTuple):
    x: int
    y: int
    w: int
    h: int
    ink: Mask  # everything of its colour, (H, W)
    softness: NDArray[np.float32]  # how much of the bar's colour a pixel has, 0–255


def find_scale_bar(pixels: Pixels, lossy: bool = False) -> ScaleBar | None:
    """The scale bar of a panel, (H, W, 3); None if there is none, or it is not clear which it is."""
    bars = _bars(pixels, lossy)
    read = [(bar, value) for bar in bars if (value := _label(bar)) is not None]
    if len(read) == 1:
        bar, value = read[0]
        return ScaleBar(bar.x, bar.y, bar.w, value)
    if len(bars) == 1 and not read:
        return ScaleBar(bars[0].x, bars[0].y, bars[0].w)
    return None


def bar_ratio(
    bar: ScaleBar,
    panel_to_source: tuple[tuple[float, float, float], tuple[float, float, float]],
    size: tuple[float, float],
) -> float | None:
    """How long a bar is on its source, in times of what is written beside it; None where nothing can be read.

    Parameters
    ----------
    panel_to_source
        From pixels of the panel to pixels of the plane.
    size
        Width and height of a pixel of the plane, in micrometres.
    """
    if bar.micrometres is None or bar.micrometres <= 0:
        return None
    (a, _, _), (d, _, _) = panel_to_source
    return bar.length * math.hypot(a * size[0], d * size[1]) / bar.micrometres


def disagrees(bar: ScaleBar, ratio: float) -> bool:
    """Whether a bar is off by more than 5 %, and by more than the pixel that its ends may be off."""
    return abs(ratio - 1) > 0.05 + 1.5 / max(1.0, bar.length)


def _bars(pixels: Pixels, lossy: bool) -> list[_Bar]:
    """Thin upright rectangles of one pure colour, at least three times as wide as high."""
    height, width = pixels.shape[:2]
    found: list[_Bar] = []
    for colour in _COLOURS:
        off = distance(pixels, colour)
        ink: Mask = off <= (48 if lossy else 20)
        if not 0 < float(ink.mean()) < 0.5:
            continue
        stats = cv2.connectedComponentsWithStats(ink.astype(np.uint8), connectivity=8)[2]
        candidates = np.flatnonzero(
            (stats[:, cv2.CC_STAT_WIDTH] >= max(12, 0.03 * width))
            & (stats[:, cv2.CC_STAT_WIDTH] <= 0.7 * width)
            & (stats[:, cv2.CC_STAT_HEIGHT] >= 2)
            & (stats[:, cv2.CC_STAT_HEIGHT] <= max(6, 0.06 * height))
        )
        for i in candidates[:200]:
            x, y, w, h, area = (int(v) for v in stats[i])
            if i == 0 or w < 3 * h or area < 0.94 * w * h or x == 0 or y == 0 or x + w == width or y + h == height:
                continue
            if _stands_alone(off, x, y, w, h):
                found.append(_Bar(x, y, w, h, ink, (255 - off).astype(np.float32)))
    return found


def _stands_alone(off: NDArray[np.uint8], x: int, y: int, w: int, h: int) -> bool:
    """Whether another colour begins at once above, below and at both ends of a bar."""
    height, width = off.shape
    sides = [
        off[max(0, y - 3), x : x + w],
        off[min(height - 1, y + h + 2), x : x + w],
        off[y : y + h, max(0, x - 3)],
        off[y : y + h, min(width - 1, x + w + 2)],
    ]
    return all(float((side > 60).mean()) > 0.85 for side in sides)


def _label(bar: _Bar) -> float | None:
    """Micrometres by the text above or below a bar; None if there is none, or it is in doubt."""
    height, width = bar.ink.shape
    reach = int(max(20, 0.14 * height, 5 * bar.h))
    x0, x1 = max(0, bar.x - int(0.8 * bar.w) - 30), min(width, bar.x + int(1.8 * bar.w) + 30)
    values = set()
    for y0, y1 in ((max(0, bar.y - reach), bar.y - 1), (bar.y + bar.h + 1, min(height, bar.y + bar.h + reach))):
        if y1 - y0 >= 7:
            value = _read(bar.softness[y0:y1, x0:x1], bar.x + bar.w / 2 - x0)
            if value is not None:
                values.add(value)
    return values.pop() if len(values) == 1 else None


def _read(soft: NDArray[np.float32], middle: float) -> float | None:
    """Number and unit of the line of text in a window."""
    best: tuple[float, float] | None = None
    for level in (200, 150, 110):
        marks = _marks(soft, level)
        for line in _lines(marks):
            value = _value(line)
            if value is None:
                continue
            away = abs((line[0].x + line[-1].x + line[-1].w) / 2 - middle)
            if best is None or away < best[0] - 1:
                best = (away, value)
            elif value != best[1] and away <= best[0] + 1:
                return None
    return best[1] if best else None


class _Character(NamedTuple):
    x: int
    y: int
    w: int
    h: int
    mark: Mark


def _marks(soft: NDArray[np.float32], level: int) -> list[_Character]:
    core = soft >= level
    _, labels, stats, _ = cv2.connectedComponentsWithStats(core.astype(np.uint8), connectivity=8)
    marks = []
    for i in range(1, min(len(stats), 150)):
        x, y, w, h, _ = (int(v) for v in stats[i])
        if h > 80 or w > 120 or w * h < 1:
            continue
        patch = np.where(labels[y : y + h, x : x + w] == i, soft[y : y + h, x : x + w], 0)
        marks.append(_Character(x, y, w, h, normalise(patch.astype(np.float32))))
    return marks


def _lines(marks: list[_Character]) -> Iterable[list[_Character]]:
    """Runs of characters side by side: at least a digit and two letters, with points between them."""
    tall = sorted((m for m in marks if m.h >= 5 and m.w <= 2 * m.h), key=lambda m: m.x)
    used: set[int] = set()
    for i, first in enumerate(tall):
        if i in used:
            continue
        line = [first]
        for j in range(i + 1, len(tall)):
            last, one = line[-1], tall[j]
            size = max(m.h for m in line)
            if one.x - (last.x + last.w) > 1.2 * size:
                break
            level = min(one.y + one.h, first.y + first.h) - max(one.y, first.y)
            if level >= 0.4 * min(one.h, first.h) and one.x >= last.x + 0.4 * last.w and 0.4 <= one.h / size <= 1.9:
                line.append(one)
                used.add(j)
        if len(line) < 3:
            continue
        size = max(m.h for m in line)
        bottom = np.median([m.y + m.h for m in line])
        points = [
            m
            for m in marks
            if m.h < 0.35 * size
            and m.w < 0.45 * size
            and line[0].x < m.x < line[-1].x
            and abs(m.y + m.h - bottom) < 0.3 * size
        ]
        yield sorted([*line, *points], key=lambda m: m.x)


def _value(line: list[_Character]) -> float | None:
    """Micrometres of "20 µm" and the like; every character must be sure."""
    size = max(m.h for m in line)
    number, chances = "", classify([m.mark for m in line])
    unit: list[Any] = []
    for one, row in zip(line, chances, strict=True):
        if one.h < 0.35 * size:
            if unit or not number:
                return None
            number += "."
            continue
        digit, p = _digit(row)
        if not unit and p >= _SURE:
            number += digit
        else:
            unit.append(row)
    if not number or len(unit) != 2 or number.count(".") > 1 or number.endswith("."):
        return None
    # No zero stands before another digit: a point was lost there.
    if number.startswith("0") and not number.startswith("0."):
        return None
    name = _unit(unit[0], unit[1])
    return float(number) * MICROMETRES[name] if name else None


def _digit(row: NDArray[np.float32]) -> tuple[str, float]:
    """The digit that a mark is, and how likely it is one: a 0 looks like an O."""
    best = ("", 0.0)
    for digit in "0123456789":
        names = _LOOKS_LIKE.get(digit, digit)
        names = (names,) if isinstance(names, str) else names
        chance = float(sum(row[CLASSES.index(name)] for name in names))
        if chance > best[1]:
            best = (digit, chance)
    return best


def _unit(first: NDArray[np.float32], second: NDArray[np.float32]) -> str | None:
    if float(second[CLASSES.index("m")]) < _SURE:
        return None
    chances = {
        "µm": float(first[CLASSES.index("µ")] + first[CLASSES.index("Uu")]),
        "nm": float(first[CLASSES.index("n")]),
        "mm": float(first[CLASSES.index("m")]),
    }
    name = max(chances, key=lambda key: chances[key])
    return name if chances[name] >= _SURE else None
