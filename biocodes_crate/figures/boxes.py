"""Boxes of one page, or of one plane: in whole pixels, and how much they have in common."""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from biocodes_crate.figures.model import Box

_T = TypeVar("_T", np.uint8, np.bool_)


def shared_area(a: Box, b: Box) -> float:
    """The area that two boxes share, in the square of their unit."""
    w = min(a.x + a.w, b.x + b.w) - max(a.x, b.x)
    h = min(a.y + a.h, b.y + b.h) - max(a.y, b.y)
    return max(0.0, w) * max(0.0, h)


def intersection_over_union(a: Box, b: Box) -> float:
    """How much two boxes have in common, 0–1."""
    shared = shared_area(a, b)
    union = a.w * a.h + b.w * b.h - shared
    return shared / union if union > 0 else 0.0


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
