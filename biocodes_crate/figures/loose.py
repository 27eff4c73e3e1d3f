"""Content without an edge of its own: charts, drawings, micrographs that fade into the page."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from biocodes_crate.figures.boxes import PixelBox
from biocodes_crate.figures.content import shows_image
from biocodes_crate.figures.cuts import runs

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]


def gather_loose(pixels: Pixels, rest: Mask, panels: list[PixelBox], least: int, lossy: bool) -> list[PixelBox]:
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
            (pieces if shows_image(pixels, box, lossy) else graphics).append(box)
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
