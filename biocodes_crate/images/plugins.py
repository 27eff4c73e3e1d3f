"""Formats that bioio reads, each through a plug-in that is an extra of this package."""

from __future__ import annotations

import importlib
import math
import threading
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from biocodes_crate.errors import BiocodesError, MissingReader, UnreadableImage
from biocodes_crate.images.blocks import shared_blocks
from biocodes_crate.images.model import Channel, Image, ImageFormat, Pixels, PlaneIndex, Scene
from biocodes_crate.images.pixels import GuardedSource, check_sizes, native_pixel_type

EXTRAS = {
    ".nd2": "nd2",
    ".czi": "czi",
    ".lif": "lif",
    ".dv": "dv",
    ".r3d": "dv",
    ".ims": "bioformats",
    ".oib": "bioformats",
    ".oif": "bioformats",
    ".vsi": "bioformats",
    ".zvi": "bioformats",
    ".lof": "bioformats",
    ".xlif": "bioformats",
    ".stk": "bioformats",
    ".ics": "bioformats",
    ".mrc": "bioformats",
}
# bioio-sldy 1.5 loads the YAML of an acquisition so that it may name any function of Python to be called.
REFUSED = {".sldy": "the plug-in that reads it, bioio-sldy, runs code that such a file may hold"}
SUFFIXES = (*EXTRAS, *REFUSED)


def open_with_plugin(path: Path) -> Image:
    """Open an image through its plug-in.

    Raises
    ------
    MissingReader
        The plug-in is not installed.
    UnreadableImage
        The file is damaged, or its format is one that cannot be read safely.
    """
    suffix = path.suffix.lower()
    if suffix in REFUSED:
        raise UnreadableImage(
            f"{suffix} files are not read: {REFUSED[suffix]}",
            where=path,
            remedy="Export it as OME-TIFF or OME-Zarr, on a computer that trusts it.",
        )
    try:
        reader = importlib.import_module(f"bioio_{EXTRAS[suffix]}").Reader
    except ImportError as error:
        raise MissingReader(
            f"reading {suffix} files needs a plug-in that is not installed",
            where=path,
            remedy=f"Install it with: pip install bioio-{EXTRAS[suffix]}",
        ) from error
    try:
        names = list(reader(path).scenes)
        scenes = tuple(_scene(reader(path), index, str(name), path) for index, name in enumerate(names))
    except BiocodesError:
        raise
    except Exception as error:
        raise UnreadableImage(
            f"its plug-in cannot read it ({type(error).__name__}: {error})",
            where=path,
            remedy="The file is damaged or incomplete: copy it again from its source.",
        ) from error
    return Image(path, ImageFormat.OTHER, f"image/x-{suffix[1:]}", scenes, files=_files_of_set(path))


def _files_of_set(path: Path) -> tuple[Path, ...]:
    """The file and those beside it that hold its pixels, as far as their makers give them fixed names; else nothing."""
    name = beside_it(path.name)
    beside = None if name is None else path.with_name(name)
    if beside is None or not beside.exists():
        return ()
    found = beside.rglob("*") if beside.is_dir() else [beside]
    return path, *sorted(file for file in found if file.is_file() and not file.is_symlink())


def beside_it(name: str) -> str | None:
    """The file or folder beside a file of this name that holds its pixels, where its makers give that a fixed name."""
    path = PurePosixPath(name)
    return {
        ".ics": f"{path.stem}.ids",  # ICS 1
        ".oif": f"{name}.files",  # Olympus FluoView
        ".vsi": f"_{path.stem}_",  # Olympus cellSens
    }.get(path.suffix.lower())


def _scene(reader: Any, index: int, name: str, path: Path) -> Scene:
    reader.set_scene(index)
    data = reader.xarray_dask_data
    axes = "".join(str(axis) for axis in data.dims)
    sizes = dict(zip(axes.lower(), data.shape, strict=True))
    other = [axis for axis, size in sizes.items() if axis not in "tczyxs" and size > 1]
    if other or not {"y", "x"} <= sizes.keys():
        raise UnreadableImage(
            f"scene {index} has the axes {axes} of sizes {data.shape}, not T, C, Z, Y and X alone",
            where=path,
            remedy="Export it as OME-TIFF or OME-Zarr.",
        )
    samples = sizes.get("s", 1)
    x, y, z, t = (sizes.get(axis, 1) for axis in "xyzt")
    c = sizes.get("c", 1) * samples
    check_sizes({"x": x, "y": y, "z": z, "c": c, "t": t}, where=path)
    dtype = native_pixel_type(np.dtype(data.dtype), where=path)
    names = [str(channel) for channel in reader.channel_names or ()]
    physical = reader.physical_pixel_sizes
    return Scene(
        index=index,
        name=name,
        array_path="",
        size_x=x,
        size_y=y,
        size_z=z,
        size_c=c,
        size_t=t,
        dtype=dtype,
        source=GuardedSource(_PluginSource(data, axes.lower()), where=path, sizes=(x, y, z, c, t), dtype=dtype),
        channels=tuple(Channel(channel) for channel in names) if len(names) == c else (),
        physical_size_x=_size(physical.X),
        physical_size_y=_size(physical.Y),
        physical_size_z=_size(physical.Z),
        is_rgb=samples in {3, 4} and c == samples,
    )


class _PluginSource:
    """Planes of a bioio reader, which are read whole and by one thread at a time."""

    def __init__(self, data: Any, axes: str) -> None:
        self._data = data  # xarray over dask
        self._axes = axes
        self._sizes = dict(zip(axes, data.shape, strict=True))
        self._lock = threading.Lock()

    @property
    def chunk_rows(self) -> int:
        """All rows."""
        return max(1, int(self._sizes["y"]))

    def rows(self, plane: PlaneIndex, start: int, stop: int) -> Pixels:
        """Rows of a plane."""
        return shared_blocks.get((self, plane), lambda: self._plane(plane))[start:stop]

    def _plane(self, plane: PlaneIndex) -> Pixels:
        samples = self._sizes.get("s", 1)
        position = {"z": plane.z, "c": plane.c // samples, "t": plane.t, "s": plane.c % samples}
        selection = tuple(slice(None) if axis in "yx" else position.get(axis, 0) for axis in self._axes)
        with self._lock:
            pixels = np.asarray(self._data.data[selection].compute(scheduler="synchronous"))
        if self._axes.index("x") < self._axes.index("y"):
            pixels = pixels.T
        return np.ascontiguousarray(pixels).astype(pixels.dtype.newbyteorder("="), copy=False)


def _size(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) and value > 0 else None
