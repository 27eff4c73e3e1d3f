"""What was drawn over an image: letters, scale bars, arrows, boxes. Found to be left out, not read."""

from __future__ import annotations

from itertools import product
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from biocodes_crate.figures.channels import distance, highest, lowest

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]

_MOST = 0.12  # share of a panel beyond which pure colours are its content
_SPECKS = 400  # per million pixels: so many single dots of a colour are noise of the image


def find_overlays(pixels: Pixels, lossy: bool = False) -> Mask:
    """Mask of overlays in a panel, (H, W, 3): True where something was drawn.

    An overlay is of one pure colour, ends within a pixel or two, and consists of strokes or upright bars.
    Saturated parts of an image have soft edges, or are broad and round; when in doubt they are kept.
    """
    height, width = pixels.shape[:2]
    mask = np.zeros((height, width), np.bool_)
    if min(height, width) < 16:
        return mask
    stroke = max(3.0, 0.016 * min(height, width))
    for colour, reference in _pure_colours(pixels, lossy):
        if not colour.any():
            continue
        drawn = _strokes(pixels, colour, reference, stroke)
        if 0 < drawn.mean() < _MOST:
            mask |= drawn
    grown: Mask = cv2.dilate(mask.astype(np.uint8), np.ones((5, 5) if lossy else (3, 3), np.uint8)) > 0
    return grown


def _pure_colours(pixels: Pixels, lossy: bool) -> list[tuple[Mask, tuple[int, int, int]]]:
    """Masks of white, black and the six pure hues, each with the colour it stands for."""
    low, high = lowest(pixels), highest(pixels)
    white, black = (232, 22) if lossy else (250, 5)
    found: list[tuple[Mask, tuple[int, int, int]]] = [(low >= white, (255, 255, 255)), (high <= black, (0, 0, 0))]
    vivid = (high >= (200 if lossy else 240)) & (low <= (100 if lossy else 80))
    if vivid.any() and not _is_one_hue(pixels):
        for pattern in product((False, True), repeat=3):
            if any(pattern) and not all(pattern):
                mask = vivid.copy()
                for channel, lit in enumerate(pattern):
                    value = pixels[..., channel]
                    mask &= (value >= 190) if lit else (value < 110)
                red, green, blue = (255 if lit else 0 for lit in pattern)
                found.append((mask, (red, green, blue)))
    return found


def _is_one_hue(pixels: Pixels) -> bool:
    """Whether most of the panel's colour is one hue: then vivid pixels are signal, as with a green channel."""
    coloured = pixels[(highest(pixels).astype(np.int16) - lowest(pixels)) > 30]
    return bool(len(coloured) > 0.05 * pixels.shape[0] * pixels.shape[1])


def _strokes(pixels: Pixels, colour: Mask, reference: tuple[int, int, int], stroke: float) -> Mask:
    """The parts of a colour that are drawn: thin or upright, and sharp."""
    height, width = colour.shape
    count, labels, stats, _ = cv2.connectedComponentsWithStats(colour.astype(np.uint8), connectivity=8)
    out = np.zeros_like(colour)
    areas = stats[:, cv2.CC_STAT_AREA]
    specks = int((areas[1:] <= 4).sum())
    noisy = specks > max(12, _SPECKS * height * width / 1e6)
    least = 40 if noisy else 6
    candidates = [i for i in range(1, count) if areas[i] >= least]
    if len(candidates) > 600:
        return out
    off = distance(pixels, reference)
    kernel = np.ones((3, 3), np.uint8)
    dashes: list[int] = []
    for i in candidates:
        x, y, w, h, area = (int(v) for v in stats[i])
        if w > 0.97 * width and h > 0.97 * height:
            continue
        a, b, c, d = max(0, y - 3), min(height, y + h + 3), max(0, x - 3), min(width, x + w + 3)
        part = (labels[a:b, c:d] == i).astype(np.uint8)
        near = cv2.dilate(part, kernel, iterations=1)
        ring = (cv2.dilate(near, kernel, iterations=1) > 0) & (near == 0)
        if not ring.any():
            continue
        sharp = float((off[a:b, c:d][ring] > 70).mean())
        if sharp < (0.8 if area < 40 else 0.72):
            continue
        bar = area >= 0.93 * w * h and max(w, h) >= 2.5 * min(w, h) and min(w, h) <= 3 * stroke
        thickness = float(cv2.distanceTransform(np.pad(part, 1), cv2.DIST_L2, 3).max())
        # A stroke is longer than wide; a spot is not, however sharp.
        thin = thickness <= min(stroke, 0.3 * max(w, h)) and max(w, h) >= 5 and area >= 2.0 * max(w, h)
        if bar or thin:
            out[a:b, c:d] |= part > 0
        elif area >= 0.9 * w * h and max(w, h) <= 4 * stroke:
            dashes.append(i)
    for i in _in_line(dashes, np.asarray(stats)):
        x, y, w, h, _ = (int(v) for v in stats[i])
        out[y : y + h, x : x + w] |= labels[y : y + h, x : x + w] == i
    return out


def _in_line(dashes: list[int], stats: NDArray[Any]) -> list[int]:
    """Those of some small upright marks that make up a dashed line: five or more, level with each other."""
    kept: set[int] = set()
    for start, extent in ((0, 2), (1, 3)):
        for i in dashes:
            row = [
                j
                for j in dashes
                if abs(stats[j][start] - stats[i][start]) <= 1 and stats[j][extent] == stats[i][extent]
            ]
            if len(row) >= 5:
                kept.update(row)
    return sorted(kept)
