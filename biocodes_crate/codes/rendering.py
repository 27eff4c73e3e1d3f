"""A plane made small: what its Image-Code, and tracing, are computed from. See docs/adr/0002-plane-rendering.md.

Rows stream by; what is kept is a grid of mean values. The result depends on the pixels alone,
never on how many rows come at once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from biocodes_crate.codes.units import image_code
from biocodes_crate.images.model import Pixels

REDUCED_SIDE = 1024
RENDERING_SIDE = 256
WINDOW = (0.01, 0.998)  # shares of the pixels at black and at white; chosen by measurement, see the ADR


@dataclass(frozen=True, slots=True)
class Reduced:
    """A plane reduced by a whole number, so that its longest side is at most 1024 pixels.

    Pixel (i, j) is the mean over the plane's rows i·factor to (i + 1)·factor and columns likewise;
    the last row and column of cells may be smaller. With a factor of 1 it is the plane itself.
    Pixels that are not finite count as 0.
    """

    pixels: NDArray[np.float32] = field(repr=False)  # (h, w)
    factor: int  # plane pixels per reduced pixel, along both axes
    height: int  # of the plane
    width: int


class Reducer:
    """Takes the rows of a plane in order and reduces them."""

    def __init__(self, height: int, width: int) -> None:
        self._height, self._width = height, width
        self._factor = max(1, -(-max(height, width) // REDUCED_SIDE))
        shape = (-(-height // self._factor), -(-width // self._factor))
        self._means: NDArray[np.float32] = np.zeros(shape, np.float32)
        self._carry: list[Pixels] = []  # rows of a cell that is not complete
        self._carried = 0
        self._cell = 0  # the row of cells that comes next

    def add(self, rows: Pixels) -> None:
        """The next (n, X) rows."""
        start = 0
        if self._carried:
            start = min(self._factor - self._carried, rows.shape[0])
            self._carry.append(rows[:start].copy())
            self._carried += start
            if self._carried == self._factor:
                self._flush()
        whole = start + (rows.shape[0] - start) // self._factor * self._factor
        if whole > start:
            self._reduce(rows[start:whole])
        if whole < rows.shape[0]:
            self._carry.append(rows[whole:].copy())
            self._carried += rows.shape[0] - whole

    def finish(self) -> Reduced:
        """The reduced plane, when all rows have come."""
        if self._carried:
            self._flush()
        return Reduced(self._means, self._factor, self._height, self._width)

    def _flush(self) -> None:
        rows = np.concatenate(self._carry)
        self._carry, self._carried = [], 0
        self._reduce(rows)

    def _reduce(self, rows: Pixels) -> None:
        """Rows of whole cells, or of the last, smaller one."""
        if rows.dtype.kind == "f":
            rows = _finite(rows)
        count = max(1, rows.shape[0] // self._factor)
        height = rows.shape[0] // count  # of a cell
        target = self._means[self._cell : self._cell + count]
        self._cell += count
        if self._factor == 1:
            np.copyto(target, _to_float32(rows))
            return
        sums = _sum_rows(rows, count, height)
        cells: NDArray[np.float64] = np.zeros(target.shape, np.float64)
        for i in range(self._factor):
            part = sums[:, i :: self._factor]
            cells[:, : part.shape[1]] += part
        widths = np.full(target.shape[1], self._factor)
        widths[-1] = self._width - self._factor * (target.shape[1] - 1)
        np.copyto(target, _to_float32(cells / (height * widths)))


def reduce_plane(pixels: Pixels) -> Reduced:
    """Reduce (Y, X) pixels that are all at hand."""
    reducer = Reducer(*pixels.shape)
    reducer.add(pixels)
    return reducer.finish()


def render(reduced: Reduced) -> NDArray[np.uint8]:
    """The 8-bit rendering of a plane, its longest side at most 256 pixels."""
    pixels = _smaller(reduced.pixels)
    if pixels.size == 0:
        return np.zeros((1, 1), np.uint8)
    flat = pixels.ravel()
    low_at = math.floor(WINDOW[0] * (flat.size - 1))
    high_at = math.ceil(WINDOW[1] * (flat.size - 1))
    ordered = np.partition(flat, [low_at, high_at])
    low, high = float(ordered[low_at]), float(ordered[high_at])
    if high <= low:
        low, high = float(flat.min()), float(flat.max())
    if high <= low:
        return np.zeros(pixels.shape, np.uint8)
    grey = np.rint((np.clip(pixels.astype(np.float64), low, high) - low) / (high - low) * 255)
    return grey.astype(np.uint8)


def plane_image_code(reduced: Reduced) -> str:
    """The Image-Code of a plane: its rendering, scaled to 32×32 as iscc-sdk scales, and not trimmed."""
    return grey_image_code(render(reduced))


def grey_image_code(grey: NDArray[np.uint8]) -> str:
    """The Image-Code of (H, W) grey values."""
    small = Pillow.fromarray(grey).resize((32, 32), Pillow.Resampling.BICUBIC)
    return image_code(small.tobytes())


def _smaller(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Means over cells of a whole number of pixels."""
    height, width = pixels.shape
    factor = -(-max(height, width, 1) // RENDERING_SIDE)
    if factor == 1:
        return pixels
    # A cell at the border that is not whole takes the border's pixels again.
    padded = np.pad(pixels, ((0, -height % factor), (0, -width % factor)), mode="edge")
    cells: NDArray[np.float64] = np.zeros((padded.shape[0] // factor, padded.shape[1] // factor), np.float64)
    for i in range(factor):
        for j in range(factor):
            cells += padded[i::factor, j::factor]
    return _to_float32(cells / factor**2)


def _sum_rows(rows: Pixels, count: int, height: int) -> NDArray[Any]:
    """Sums over `height` rows each, (count, X). Exact for integers; for floats always in the same order."""
    if rows.dtype.kind in "iu":
        exact = np.int64 if rows.itemsize == 4 or height > 2**15 else np.int32 if rows.dtype.kind == "i" else np.uint32
        sums: NDArray[Any] = rows.reshape(count, height, -1).sum(axis=1, dtype=exact)
        return sums
    total = np.zeros((count, rows.shape[1]), np.float64)
    for i in range(height):
        total += rows[i::height]
    return total


def _finite(rows: Pixels) -> Pixels:
    finite = np.isfinite(rows)
    return rows if finite.all() else np.where(finite, rows, 0).astype(rows.dtype)


def _to_float32(values: NDArray[Any]) -> NDArray[np.float32]:
    if values.dtype == np.float64:
        limit = np.finfo(np.float32).max
        values = np.clip(np.nan_to_num(values, nan=0.0), -limit, limit)
    return values.astype(np.float32)
