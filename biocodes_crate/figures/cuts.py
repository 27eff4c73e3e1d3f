"""Straight lines that part panels: gutters of one colour, and seams where panels touch.

All work is on (H, W, 3) pictures, along columns; rows are done by handing in the transposed picture.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from biocodes_crate.figures.channels import distance, highest, lowest

Pixels = NDArray[np.uint8]

_REACH = 8  # pixels on either side that a seam is compared with; JPEG blocks are 8 wide
_NOISE = 5.0  # grey levels that say nothing
WHITE = 235  # levels from which paper is white
_ALONG = 5  # pixels averaged along a seam, so that noise does not hide a step in brightness
_WIN, _LOSS, _DULL = 1.6, -1.0, -0.12  # log-likelihood of a seam per pixel: a step, none, flat on both sides


class Gutter(NamedTuple):
    """Columns `start` to `stop` (exclusive) hold one colour over the whole height."""

    start: int
    stop: int
    sharpness: float  # 0–1: how much of its sides begins at once


class Segment(NamedTuple):
    """A seam: left of column `at`, over rows `start` to `stop` (exclusive)."""

    at: int
    start: int
    stop: int
    score: float
    blank: int  # rows beyond it that are white on both sides: they tell nothing


def find_gutters(pixels: Pixels, tolerance: int) -> list[Gutter]:
    """The inner gutters of a picture, judged by their colour and by how its sides begin.

    The dark ground of a micrograph is of one colour, too, but what lies in it is round: its first
    column is short, and it grows. A panel begins at its full height.
    """
    height, width = pixels.shape[:2]
    if width < 3 or height < 3:
        return []
    colour = np.median(pixels, axis=0).astype(np.int16)  # (W, 3)
    off = distance(pixels, colour) > tolerance
    plain = off.mean(axis=0) <= 0.01
    gutters: list[Gutter] = []
    for start, stop in runs(plain):
        for a, b in _of_one_colour(colour, start, stop, tolerance):
            if a == 0 or b == width or not _is_flat(pixels[:, a:b]):
                continue
            ground = np.median(colour[a:b], axis=0)
            left = _begins(pixels[:, max(0, a - 12) : a][:, ::-1], ground, tolerance)
            right = _begins(pixels[:, b : b + 12], ground, tolerance)
            gutters.append(Gutter(a, b, min(left, right) + 0.5 * max(left, right)))
    return gutters


def _is_flat(gutter: Pixels) -> bool:
    """Whether a wide gutter is as plain as a page; narrow ones may carry ripples of JPEG from their sides."""
    width = gutter.shape[1]
    if width <= 10:
        return True
    core = gutter[:, width // 4 : width - width // 4].astype(np.float32)
    return float(core.std(axis=(0, 1)).max()) < 4.0


def runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Start and stop (exclusive) of each run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(np.int8)))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def _of_one_colour(colour: NDArray[np.int16], start: int, stop: int, tolerance: int) -> list[tuple[int, int]]:
    """Split a run of plain columns where the colour jumps."""
    steps = np.abs(np.diff(colour[start:stop], axis=0)).max(axis=1) > max(tolerance, 6)
    bounds = [start, *(start + 1 + int(i) for i in np.flatnonzero(steps)), stop]
    return [(a, b) for a, b in pairwise(bounds) if b > a]


def _begins(side: Pixels, ground: NDArray[np.float64], tolerance: int) -> float:
    """How abruptly content begins beside a gutter, 0–1; `side` starts at the gutter."""
    if side.shape[1] == 0:
        return 0.0
    off = distance(side, ground.astype(np.int16)) > tolerance
    filled = off.mean(axis=0)
    first, most = float(filled[:2].max()), float(filled.max())
    if most < 0.02:
        return 0.0
    return first * min(1.0, (first / most) ** 2 * 1.2)


def find_seams(pixels: Pixels, least: float = 24.0, shortest: int = 24) -> list[Segment]:
    """The best straight discontinuity along every column, where there is one.

    A step counts where it is larger than any within `_REACH` pixels on either side; by chance that
    happens once in 17 times. The score is the log-likelihood of the best run (maximum subarray).
    """
    height, width = pixels.shape[:2]
    if width < 2 * _REACH or height < shortest:
        return []
    steps = _steps(pixels)  # (H, W - 1)
    around = np.zeros_like(steps)
    for d in range(2, _REACH + 1):
        np.maximum(around[:, d:], steps[:, :-d], out=around[:, d:])
        np.maximum(around[:, :-d], steps[:, d:], out=around[:, :-d])
    gain = np.where(steps > np.maximum(around * 1.05, _NOISE), _WIN, _LOSS).astype(np.float32)
    dull = (steps <= _NOISE) & (around <= _NOISE)
    gain[dull] = _DULL
    score, start, stop = best_runs(gain)
    blank = dull & (lowest(pixels[:, 1:]) >= WHITE)
    found = []
    for x in np.flatnonzero((score >= least) & (stop - start >= shortest)):
        a, b = int(start[x]), int(stop[x])
        beyond = int(blank[:a, x].sum() + blank[b:, x].sum())
        found.append(Segment(int(x) + 1, a, b, float(score[x]), beyond))
    return found


def _steps(pixels: Pixels) -> NDArray[np.float32]:
    """Absolute steps between neighbouring columns, averaged along the columns, largest channel."""
    smooth = cv2.blur(pixels.astype(np.float32), (1, _ALONG), borderType=cv2.BORDER_REFLECT)
    return np.asarray(highest(np.abs(np.diff(smooth, axis=1))), np.float32)


def best_runs(
    gain: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
    """The best run of each column (Kadane): score, start, stop (exclusive)."""
    height, width = gain.shape
    best = np.zeros(width, np.float32)
    best_start = np.zeros(width, np.int64)
    best_stop = np.zeros(width, np.int64)
    current = np.zeros(width, np.float32)
    current_start = np.zeros(width, np.int64)
    for y in range(height):
        fresh = current <= 0
        current_start[fresh] = y
        current = np.where(fresh, gain[y], current + gain[y])
        better = current > best
        best[better] = current[better]
        best_start[better] = current_start[better]
        best_stop[better] = y + 1
    return best, best_start, best_stop
