"""Rectangles that stand out from a page: panels, or panels that touch."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from biocodes_crate.figures.boxes import PixelBox
from biocodes_crate.figures.content import shows_image

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]

_FAINT = 5  # levels off the page, on average: the ripples of JPEG stay below


def find_solids(pixels: Pixels, off: NDArray[np.uint8], least: int, lossy: bool) -> tuple[list[PixelBox], Mask]:
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
            if closing and (min(box.width, box.height) < 3 * least or not shows_image(pixels, box, lossy)):
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
