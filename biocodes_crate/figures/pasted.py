"""Pictures pasted into pictures without a frame: the image breaks off along straight lines that meet at corners."""

from __future__ import annotations

from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

from biocodes_crate.figures.cuts import Segment, find_seams
from biocodes_crate.figures.insets import Inset, is_foreign, overlap

Pixels = NDArray[np.uint8]

_MOST_SEAMS = 24  # of each direction; a picture with more straight breaks is a pattern, or a mosaic
_PURE = 0.8  # least score for each pixel of the clearest seam, of 1.6 at the most
_LEAST = 0.3  # and of the others
_MEAN = 0.5  # and of all together
_CORNER = 6  # pixels by which seams may miss each other, or reach past a corner
_COVERED = 0.7  # least share of a side that its seam covers
_LARGEST = 0.5  # of the panel


def find_pasted(pixels: Pixels) -> list[Inset]:
    """Rectangles without a frame in a corner of a panel, (H, W, 3), whose content does not go on outside of them.

    Their two inner sides are seams. Tiles that were stitched have seams as well, but these go through from side to
    side. What breaks off elsewhere in a panel is no inset, but may have been spliced in: it stays with the panel, to be
    held against its source.
    """
    height, width = pixels.shape[:2]
    shortest = max(24, int(0.12 * min(height, width)))
    if min(height, width) < 3 * shortest:
        return []
    turned = np.ascontiguousarray(pixels.transpose(1, 0, 2))
    upright = _pure(find_seams(pixels, shortest=shortest), height)
    level = _pure(find_seams(turned, shortest=shortest), width)
    if not upright or not level or max(len(upright), len(level)) > _MOST_SEAMS:
        return []
    upright = [seam for seam in upright if not _is_line(pixels, seam)]
    level = [seam for seam in level if not _is_line(turned, seam)]
    found: list[tuple[float, Inset]] = []
    for (left, right), (top, bottom) in product(_pairs(upright, width, shortest), _pairs(level, height, shortest)):
        box = Inset(
            left.at if left else 0, top.at if top else 0, right.at if right else width, bottom.at if bottom else height
        )
        sides = [(left, box.y0, box.y1), (right, box.y0, box.y1), (top, box.x0, box.x1), (bottom, box.x0, box.x1)]
        drawn = [side for side in sides if side[0] is not None]
        in_corner = len(drawn) == 2 and (left is None) != (right is None)
        if not in_corner or (box.x1 - box.x0) * (box.y1 - box.y0) > _LARGEST * width * height:
            continue
        if all(seam is not None and _lies_on(seam, start, stop) for seam, start, stop in drawn):
            seams = [seam for seam, _, _ in drawn if seam is not None]
            pixels_along = sum(stop - start for _, start, stop in drawn)
            if sum(s.score for s in seams) >= _MEAN * pixels_along and max(map(_purity, seams)) >= _PURE:
                found.append((sum(s.score for s in seams), box))
    kept: list[Inset] = []
    for _, box in sorted(found, key=lambda one: -one[0]):
        if not any(overlap(box, other) for other in kept) and is_foreign(pixels, box, box):
            kept.append(box)
    return kept


def _pure(seams: list[Segment], size: int) -> list[Segment]:
    """Seams that are steps nearly everywhere, and end before the panel does on one side at least."""
    return [s for s in seams if _purity(s) >= _LEAST and s.stop - s.start < 0.95 * size]


def _purity(seam: Segment) -> float:
    return seam.score / (seam.stop - seam.start)


def _pairs(seams: list[Segment], size: int, shortest: int) -> list[tuple[Segment | None, Segment | None]]:
    """Seams that may be opposite sides; None is the panel's own side."""
    pairs: list[tuple[Segment | None, Segment | None]] = []
    for i, one in enumerate(seams):
        pairs += [(one, None)] if size - one.at >= shortest else []
        pairs += [(None, one)] if one.at >= shortest else []
        pairs += [(one, other) for other in seams[i + 1 :] if other.at - one.at >= shortest]
    return pairs


def _lies_on(seam: Segment, start: int, stop: int) -> bool:
    """Whether a seam covers a side, and does not go on past its corners."""
    covered = min(seam.stop, stop) - max(seam.start, start)
    return seam.start >= start - _CORNER and seam.stop <= stop + _CORNER and covered >= _COVERED * (stop - start)


def _is_line(pixels: Pixels, seam: Segment) -> bool:
    """Whether a step is the side of a line drawn on the image, which goes on behind it."""
    near = pixels[seam.start : seam.stop, max(0, seam.at - 6) : seam.at + 6].astype(np.float32)
    at = min(seam.at, 6)
    if near.shape[1] < at + 6 or at < 6:
        return False
    smooth = np.asarray(cv2.blur(near, (1, 9), borderType=cv2.BORDER_REFLECT))
    step = np.abs(smooth[:, at] - smooth[:, at - 1]).max(axis=1)
    across = np.abs(smooth[:, at + 3 :].mean(axis=1) - smooth[:, : at - 3].mean(axis=1)).max(axis=1)
    return float(across.mean()) < 0.4 * float(step.mean())
