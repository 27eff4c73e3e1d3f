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
_BLOCK_BYTES = 2**17  # of rows reduced at once, so that sums stay in the processor's cache: ten times as fast
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
        height = min(self._factor, rows.shape[0])  # of a cell
        step = height * max(1, _BLOCK_BYTES // max(1, height * self._width * rows.itemsize))
        for start in range(0, rows.shape[0], step):
            cells = self._cells(rows[start : start + step], height)
            self._means[self._cell : self._cell + len(cells)] = cells
            self._cell += len(cells)

    def _cells(self, rows: Pixels, height: int) -> NDArray[np.float32]:
        if self._factor == 1:
            return _to_float32(rows)
        # Sums of up to 16 × 16 pixels of 16 bits are exact in float32, which is twice as fast.
        is_exact = rows.dtype.kind in "iu" and rows.itemsize <= 2 and self._factor <= 16
        return _cell_means(rows, height, self._factor, np.dtype(np.float32 if is_exact else np.float64))


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
    ordered = np.sort(flat)  # four times as fast as np.partition, which does not use the processor's vectors
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
    factor = -(-max(*pixels.shape, 1) // RENDERING_SIDE)
    if factor == 1 or pixels.size == 0:
        return pixels
    whole = pixels.shape[0] // factor * factor
    kind = np.dtype(np.float64)
    cells = [_cell_means(pixels[:whole], factor, factor, kind)] if whole else []
    if whole < pixels.shape[0]:
        cells.append(_cell_means(pixels[whole:], pixels.shape[0] - whole, factor, kind))
    return np.concatenate(cells)


def _cell_means(rows: Pixels, height: int, width: int, kind: np.dtype[Any]) -> NDArray[np.float32]:
    """Means of cells of `height` × `width` pixels; the last column of cells may be narrower.

    Rows are added one after another, then columns, so that rounding never varies.
    Plain equivalent: rows.reshape(-1, height, columns, width).mean(axis=(1, 3))
    """
    lines = rows[::height].astype(kind)
    for i in range(1, height):
        lines += rows[i::height]
    columns = -(-rows.shape[1] // width)
    sums = np.zeros((lines.shape[0], columns), kind)
    for i in range(width):
        part = lines[:, i::width]
        sums[:, : part.shape[1]] += part
    areas = np.full(columns, height * width, kind)
    areas[-1] = height * (rows.shape[1] - width * (columns - 1))
    return _to_float32(sums / areas)


def _finite(rows: Pixels) -> Pixels:
    finite = np.isfinite(rows)
    return rows if finite.all() else np.where(finite, rows, 0).astype(rows.dtype)


def _to_float32(values: NDArray[Any]) -> NDArray[np.float32]:
    if values.dtype == np.float64:  # may be beyond float32, or the sum of two numbers beyond float64
        limit = np.finfo(np.float32).max
        values = np.clip(np.nan_to_num(values, nan=0.0), -limit, limit)
    return values.astype(np.float32, copy=False)
