"""Image, scene, plane: what a reader gives, whatever the file format.

A *scene* is what Bio-Formats calls a series. Indices count from 0. An absent axis has size 1.
Samples of an RGB(A) image count as channels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from biocodes_crate.findings import Finding

Pixels = NDArray[Any]


class PlaneIndex(NamedTuple):
    """Which plane of a scene."""

    z: int = 0
    c: int = 0
    t: int = 0


class PixelSource(Protocol):
    """Reads rows of the planes of one scene. Must be safe to call from several threads."""

    @property
    def chunk_rows(self) -> int:
        """How many rows are read at once without decoding anything twice."""

    def rows(self, plane: PlaneIndex, start: int, stop: int) -> Pixels:
        """Rows `start` to `stop` of a plane, (stop - start, X), in the scene's dtype, native byte order."""


@runtime_checkable
class RegionSource(PixelSource, Protocol):
    """A source that can read a rectangle without reading the full width of its rows."""

    def region(self, plane: PlaneIndex, x: int, y: int, w: int, h: int) -> Pixels:
        """A rectangle of a plane, (h, w), in the scene's dtype, native byte order."""


@runtime_checkable
class WalkedSource(PixelSource, Protocol):
    """A source that does better when it knows that all planes are walked in IMAGEWALK order."""

    def walked_rows(self, plane: PlaneIndex, start: int, stop: int) -> Pixels:
        """As `rows`."""


class ImageFormat(Enum):
    """How an image is stored."""

    OME_ZARR_04 = "OME-Zarr 0.4"
    OME_ZARR_05 = "OME-Zarr 0.5"
    OME_TIFF = "OME-TIFF"
    TIFF = "TIFF"
    PLAIN = "picture"  # PNG or JPEG used as an image
    OTHER = "other"  # through a plug-in


@dataclass(frozen=True, slots=True)
class Channel:
    """What the metadata says about one channel."""

    name: str | None = None
    color: str | None = None  # "RRGGBB"


@dataclass(frozen=True, slots=True)
class Scene:
    """One five-dimensional image, with its pixels at hand."""

    index: int
    name: str
    array_path: str  # within the image: "0" in an OME-Zarr, "" where there is none
    size_x: int
    size_y: int
    size_z: int
    size_c: int
    size_t: int
    dtype: np.dtype[Any]
    source: PixelSource = field(repr=False, compare=False)
    channels: tuple[Channel, ...] = ()
    physical_size_x: float | None = None  # micrometre per pixel
    physical_size_y: float | None = None
    physical_size_z: float | None = None
    is_rgb: bool = False  # channels are the samples of one colour picture

    def planes(self) -> Iterator[PlaneIndex]:
        """Yield every plane's index in IMAGEWALK order: Z outermost, then C, T innermost."""
        for z, c, t in product(range(self.size_z), range(self.size_c), range(self.size_t)):
            yield PlaneIndex(z, c, t)

    @property
    def plane_count(self) -> int:
        return self.size_z * self.size_c * self.size_t

    def plane(self, index: PlaneIndex) -> Pixels:
        """All pixels of a plane, (Y, X) in the scene's dtype."""
        return self.source.rows(index, 0, self.size_y)

    def region(self, index: PlaneIndex, x: int, y: int, w: int, h: int) -> Pixels:
        """A rectangle that lies within the plane, (h, w) in the scene's dtype. Reads only the blocks it touches."""
        if isinstance(self.source, RegionSource):
            return self.source.region(index, x, y, w, h)
        return self.source.rows(index, y, y + h)[:, x : x + w]

    def strips(self, index: PlaneIndex) -> Iterator[Pixels]:
        """The rows of a plane in order, a chunk row at a time, each (rows, X)."""
        step = max(1, self.source.chunk_rows)
        for start in range(0, self.size_y, step):
            yield self.walked_rows(index, start, min(start + step, self.size_y))

    def walked_rows(self, index: PlaneIndex, start: int, stop: int) -> Pixels:
        """Rows of a plane, (stop - start, X), for those who take all planes in IMAGEWALK order."""
        if isinstance(self.source, WalkedSource):
            return self.source.walked_rows(index, start, stop)
        return self.source.rows(index, start, stop)


@dataclass(frozen=True, slots=True)
class Image:
    """An opened image: a file or a folder with one scene or more."""

    path: Path
    format: ImageFormat
    encoding_format: str  # media type, such as "image/tiff"
    scenes: tuple[Scene, ...]
    conforms_to: str | None = None  # IRI of the specification that it says it follows
    omero_id: int | None = None
    organism: str | None = None  # IRI, read from metadata inside the image
    imaging_method: str | None = None  # IRI, likewise
    findings: tuple[Finding, ...] = ()
    files: tuple[Path, ...] = ()  # every file read, where there is more than `path` (multi-file sets)
