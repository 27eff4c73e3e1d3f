"""What every reader has in common: the pixel types we take, and the boundary where errors are wrapped."""

from __future__ import annotations

from typing import Any

import numpy as np

from biocodes_crate.errors import BiocodesError, UnreadableImage
from biocodes_crate.images.model import Pixels, PixelSource, PlaneIndex, RegionSource, WalkedSource

PIXEL_TYPES = ("uint8", "uint16", "uint32", "int8", "int16", "int32", "float32", "float64")  # IMAGEWALK, section 3
MAX_SIDE = 2**31 - 1
MAX_PLANES = 10_000_000
MAX_BLOCK_BYTES = 2**31  # of one chunk, strip or tile; Blosc itself can hold no more


def native_pixel_type(dtype: np.dtype[Any], *, where: object) -> np.dtype[Any]:
    """The pixel type in native byte order, or an error that names what IMAGEWALK does not define."""
    if dtype.name not in PIXEL_TYPES:
        raise UnreadableImage(
            f"its pixels are {dtype.name}, for which no code is defined",
            where=where,
            remedy=f"Convert it to one of {', '.join(PIXEL_TYPES)}.",
        )
    return dtype.newbyteorder("=")


def check_sizes(sizes: dict[str, int], *, where: object) -> None:
    """Refuse sizes that no real image has: they would keep a reader busy for ever."""
    for axis, size in sizes.items():
        if not 0 <= size <= MAX_SIDE:
            raise UnreadableImage(f"its size along {axis} is {size}", where=where, remedy="The file is damaged.")
    planes = 1
    for axis, size in sizes.items():
        planes *= size if axis in "zct" else 1
    if planes > MAX_PLANES:
        raise UnreadableImage(
            f"it claims to hold {planes} planes", where=where, remedy=f"At most {MAX_PLANES} are read."
        )


class GuardedSource:
    """A pixel source whose every fault is an :class:`UnreadableImage` naming the file and the plane.

    Checks what is asked for (planes and rows that exist) and what comes back (shape, dtype).
    """

    def __init__(
        self, source: PixelSource, *, where: object, sizes: tuple[int, int, int, int, int], dtype: np.dtype[Any]
    ) -> None:
        self._source = source
        self._where = where
        self._x, self._y, self._z, self._c, self._t = sizes
        self._dtype = dtype

    @property
    def chunk_rows(self) -> int:
        """As the source has it."""
        return self._source.chunk_rows

    def rows(self, plane: PlaneIndex, start: int, stop: int) -> Pixels:
        """Rows `start` to `stop` of a plane, (stop - start, X)."""
        return self._read(plane, 0, start, self._x, stop - start)

    def walked_rows(self, plane: PlaneIndex, start: int, stop: int) -> Pixels:
        """As `rows`, for those who take all planes in IMAGEWALK order."""
        return self._read(plane, 0, start, self._x, stop - start, walked=True)

    def region(self, plane: PlaneIndex, x: int, y: int, w: int, h: int) -> Pixels:
        """A rectangle of a plane, (h, w)."""
        return self._read(plane, x, y, w, h)

    def _read(self, plane: PlaneIndex, x: int, y: int, w: int, h: int, *, walked: bool = False) -> Pixels:
        z, c, t = plane
        if not (0 <= z < self._z and 0 <= c < self._c and 0 <= t < self._t):
            raise UnreadableImage(
                f"there is no plane z={z}, c={c}, t={t}",
                where=self._where,
                remedy=f"It has {self._z} z, {self._c} c and {self._t} t, counted from 0.",
            )
        if not (0 <= x <= x + w <= self._x and 0 <= y <= y + h <= self._y):
            raise UnreadableImage(
                f"the rectangle {x},{y},{w},{h} is not within the plane",
                where=self._where,
                remedy=f"It is {self._x} pixels wide and {self._y} high.",
            )
        if w == 0 or h == 0:
            return np.empty((h, w), self._dtype)
        try:
            if walked and isinstance(self._source, WalkedSource):
                pixels = self._source.walked_rows(plane, y, y + h)
            elif w == self._x or not isinstance(self._source, RegionSource):
                pixels = self._source.rows(plane, y, y + h)
                pixels = pixels[:, x : x + w]
            else:
                pixels = self._source.region(plane, x, y, w, h)
        except BiocodesError:
            raise
        except (Exception, RecursionError) as error:  # codecs raise whatever they like
            raise UnreadableImage(
                f"the pixels of plane z={z}, c={c}, t={t} cannot be decoded ({_reason(error)})",
                where=self._where,
                remedy="The file is damaged or incomplete: copy it again from its source.",
            ) from error
        if pixels.shape != (h, w) or pixels.dtype != self._dtype:
            raise UnreadableImage(
                f"plane z={z}, c={c}, t={t} came as {pixels.dtype} {pixels.shape}, not {self._dtype} {(h, w)}",
                where=self._where,
                remedy="The file is damaged or incomplete: copy it again from its source.",
            )
        return pixels


def _reason(error: BaseException) -> str:
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text[:200]}" if text else type(error).__name__
