"""TIFF, OME-TIFF and ImageJ hyperstacks: series become scenes; strips and tiles are decoded as rows are asked for.

Pages of a TIFF that says nothing about its third axis are read as z: a stack is the commoner thing
to export, and it lets projections over the pages be found. More unknown axes become c, then t.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tifffile

from biocodes_crate.errors import BiocodesError, NotAnImage, UnreadableImage
from biocodes_crate.findings import Finding, Severity
from biocodes_crate.images.blocks import shared_blocks
from biocodes_crate.images.model import Channel, Image, ImageFormat, Pixels, PixelSource, PlaneIndex, Scene
from biocodes_crate.images.omexml import (
    DescribedImage,
    named_files,
    namespace,
    omero_id_of,
    parse_ome_xml,
    stays_beside,
)
from biocodes_crate.images.packed import AnyFile, NeedsPath, PackedFile, shown_path
from biocodes_crate.images.pixels import MAX_BLOCK_BYTES, GuardedSource, check_sizes, native_pixel_type
from biocodes_crate.images.tiffchain import check_page_chain
from biocodes_crate.images.units import micrometres

SUFFIXES = (".tif", ".tiff", ".tf2", ".tf8", ".btf", ".lsm", ".svs", ".ndpi", ".scn")
_READ_BYTES = 4 * 2**20
_REMEDY = "The file is damaged or incomplete: copy it again from its source."
_RESOLUTION_UNITS = {2: "inch", 3: "cm"}  # TIFF 6.0, tag ResolutionUnit


def open_tiff(path: AnyFile) -> Image:
    """Open a TIFF. The file is closed again; pixels are read by their offsets.

    Raises
    ------
    NeedsPath
        It is one file of a set, and lies in a zip with others of it.
    """
    try:
        if path.suffix.lower() != ".ndpi":  # its offsets are wider than those of a TIFF
            check_page_chain(path)
        with _tiff_file(path) as tiff:
            return _open(tiff, path)
    except BiocodesError:
        raise
    except tifffile.TiffFileError as error:
        raise NotAnImage(f"it is not a TIFF file ({error})", where=path, remedy=_REMEDY) from error
    except (Exception, RecursionError) as error:  # damaged tags fail in many ways
        raise UnreadableImage(
            f"its structure cannot be read ({type(error).__name__}: {error})", where=path, remedy=_REMEDY
        ) from error


@contextmanager
def _tiff_file(path: AnyFile) -> Iterator[tifffile.TiffFile]:
    if isinstance(path, Path):
        with tifffile.TiffFile(path) as tiff:
            yield tiff
    else:  # without a path tifffile looks for no other file of a set
        with path.open("rb") as file, tifffile.TiffFile(file, name=path.name) as tiff:
            yield tiff


def _open(tiff: tifffile.TiffFile, path: AnyFile) -> Image:
    xml = tiff.ome_metadata if tiff.is_ome else None
    if xml is not None:
        _check_named_files(xml, path)
        if isinstance(path, PackedFile):
            _refuse_sets(xml, path)
        elif not tiff.series or "BinaryOnly" in xml:
            return _through_master(xml, path)
    described = parse_ome_xml(xml) if xml is not None else []
    series = _full_resolution(tiff.series)
    if not series:
        raise UnreadableImage("it holds no image", where=path, remedy=_REMEDY)
    opening = _Opening(tiff, path)
    scenes = [
        _scene(opening, one, index, described[index] if len(described) == len(series) else None)
        for index, one in enumerate(series)
    ]
    return Image(
        path=shown_path(path),
        format=ImageFormat.OME_TIFF if xml is not None else ImageFormat.TIFF,
        encoding_format="image/tiff",
        scenes=tuple(scenes),
        conforms_to=namespace(xml) if xml is not None else None,
        omero_id=omero_id_of(described),
        findings=tuple(opening.findings),
        files=tuple(sorted(opening.files)) if len(opening.files) > 1 else (),
    )


def _check_named_files(xml: str, path: AnyFile) -> None:
    for name in named_files(xml):
        if not stays_beside(name):
            raise UnreadableImage(
                f"its OME-XML refers to a file outside of its folder ({name!r})",
                where=path,
                remedy="Do not trust this file.",
            )


def _refuse_sets(xml: str, path: PackedFile) -> None:
    others = path.beside(named_files(xml))
    if others:
        raise NeedsPath("it is one of several files that make up an image", path, others)


def _through_master(xml: str, path: Path) -> Image:
    """A file of a set that leaves the metadata to another file of it."""
    for name in named_files(xml):
        master = path.parent / name
        if master != path and master.suffix.lower() in SUFFIXES and master.is_file():
            return open_tiff(master)
    raise UnreadableImage(
        "it leaves its metadata to another file, which is not there or is no OME-TIFF",
        where=path,
        remedy="Copy all files of the set, or save it as one OME-TIFF.",
    )


def _full_resolution(series: Iterable[tifffile.TiffPageSeries]) -> list[tifffile.TiffPageSeries]:
    """Without the series that are smaller copies of another."""
    every = list(series)
    full = [one for one in every if not one.keyframe.is_reduced]
    return full or every


@dataclass(frozen=True, slots=True)
class _Opening:
    """An open file, and what is noted while its series are looked through."""

    tiff: tifffile.TiffFile
    path: AnyFile
    findings: list[Finding] = field(default_factory=list)
    files: set[Path] = field(default_factory=set)

    def file_of(self, page: tifffile.TiffPage | tifffile.TiffFrame) -> AnyFile:
        """The file that a page lies in: this one, or another one of a set."""
        if not isinstance(self.path, Path):
            return self.path
        file = Path(page.parent.filehandle.path)
        self.files.add(file)
        return file


@dataclass(frozen=True, slots=True)
class _Page:
    """Where the segments of a page lie and how they are decoded."""

    path: AnyFile
    offsets: tuple[int, ...]
    counts: tuple[int, ...]
    decode: Callable[..., Any]
    tables: bytes | None


@dataclass(frozen=True, slots=True)
class _Grid:
    """How strips or tiles make up a page."""

    samples: int  # separate sample planes
    depth: int  # of the page
    height: int
    width: int
    contiguous: int  # samples stored together
    segment_depth: int
    segment_height: int
    segment_width: int

    @property
    def across(self) -> int:
        return -(-self.width // self.segment_width)

    @property
    def down(self) -> int:
        return -(-self.height // self.segment_height)

    @property
    def deep(self) -> int:
        return -(-self.depth // self.segment_depth)


def _scene(opening: _Opening, series: tifffile.TiffPageSeries, index: int, description: DescribedImage | None) -> Scene:
    tiff, path = opening.tiff, opening.path
    stored: Any = series.dtype
    if stored is None:
        key = series.keyframe
        raise UnreadableImage(
            f"its pixels are {key.bitspersample}-bit of sample format {key.sampleformat}, for which no code is defined",
            where=path,
            remedy="Convert it to 8, 16 or 32 bits.",
        )
    dtype = native_pixel_type(np.dtype(series.dtype), where=path)
    shape, axes = _shape_and_axes(series)
    letters = _letters(axes, shape)
    if letters.count("y") != 1 or letters.count("x") != 1:
        raise UnreadableImage(f"scene {index} has the axes {axes}, not one X and one Y", where=path, remedy=_REMEDY)
    sizes = dict.fromkeys("xyzct", 1)
    samples = 1
    for letter, size in zip(letters, shape, strict=True):
        if letter == "s":
            samples = size
        elif letter != "_":
            sizes[letter] = size
    sizes["c"] *= samples
    check_sizes(sizes, where=path)
    source = _source(opening, series, index, letters, shape)
    photometric = int(series.keyframe.photometric)
    x, y, z = _physical_sizes(tiff, series, description)
    return Scene(
        index=index,
        name=(description.name if description else None) or (series.name if tiff.is_ome else "") or "",
        array_path="",
        size_x=sizes["x"],
        size_y=sizes["y"],
        size_z=sizes["z"],
        size_c=sizes["c"],
        size_t=sizes["t"],
        dtype=dtype,
        source=GuardedSource(
            source, where=path, sizes=(sizes["x"], sizes["y"], sizes["z"], sizes["c"], sizes["t"]), dtype=dtype
        ),
        channels=_channels(description, sizes["c"], samples),
        physical_size_x=x,
        physical_size_y=y,
        physical_size_z=z,
        is_rgb=sizes["c"] == samples and samples in {3, 4} and photometric in {2, 6},  # RGB, YCbCr
    )


def _shape_and_axes(series: Any) -> tuple[tuple[int, ...], str]:
    """With the axes of size 1, so that nothing is lost of an image one pixel wide."""
    if hasattr(series, "get_shape"):  # tifffile before 2026.5
        return tuple(series.get_shape(squeeze=False)), str(series.get_axes(squeeze=False))
    return tuple(series.shape), str(series.axes)


def _letters(axes: str, shape: tuple[int, ...]) -> str:
    """Tifffile's axes as ours: "tczyx", "s" for samples, "_" for an unknown axis of size 1."""
    letters = "".join(axis.lower() if axis in "TCZYXS" else "?" for axis in axes)
    free = [letter for letter in "zct" if letter not in letters]
    result = ""
    for letter, size in zip(letters, shape, strict=True):
        if letter != "?":
            result += letter
        elif size == 1:
            result += "_"
        elif free:
            result += free.pop(0)
        else:
            result += "?"  # leaves an axis too many, reported by the caller
    if "?" in result:
        return ""
    return result


def _channels(description: DescribedImage | None, size_c: int, samples: int) -> tuple[Channel, ...]:
    channels = description.channels if description else ()
    if len(channels) == size_c:
        return channels
    # One OME channel may have several samples.
    if channels and len(channels) * samples == size_c:
        return tuple(channel for channel in channels for _ in range(samples))
    return ()


def _physical_sizes(
    tiff: tifffile.TiffFile, series: tifffile.TiffPageSeries, description: DescribedImage | None
) -> tuple[float | None, float | None, float | None]:
    if description is not None:
        return description.physical_size_x, description.physical_size_y, description.physical_size_z
    tags = series.keyframe.tags
    imagej = tiff.imagej_metadata if tiff.is_imagej else None
    stated = str(imagej.get("unit", "")) if imagej else _RESOLUTION_UNITS.get(tags.valueof(296, 2)) or ""
    if imagej is None and stated == "inch":
        return None, None, None  # a printing resolution such as 72 dpi, not a measure of the sample
    z = imagej.get("spacing") if imagej else None
    return (
        _pixel_size(tags.valueof(282), stated),
        _pixel_size(tags.valueof(283), stated),
        micrometres(float(z), stated) if isinstance(z, int | float) else None,
    )


def _pixel_size(resolution: Any, unit: str) -> float | None:
    """Micrometres per pixel of a TIFF resolution, which is pixels per unit."""
    if not isinstance(resolution, tuple) or len(resolution) != 2 or not all(resolution):
        return None
    return micrometres(resolution[1] / resolution[0], unit)


def _source(
    opening: _Opening, series: tifffile.TiffPageSeries, index: int, letters: str, shape: tuple[int, ...]
) -> PixelSource:
    tiff, path, pages = opening.tiff, opening.path, [page for page in series.pages if page is not None]
    key = series.keyframe
    separate, depth, height, width, contiguous = key.shaped
    if isinstance(path, Path):
        opening.files.add(path)
    if series.dataoffset is not None and separate == 1 and len({page.parent for page in pages}) == 1:
        file = opening.file_of(pages[0])
        stored = np.dtype(series.dtype).newbyteorder(tiff.byteorder)
        return _RawSource(file, series.dataoffset, stored, letters, shape)
    stored_pages = tuple(_page(opening, page) for page in series.pages)
    missing = stored_pages.count(None)
    if missing:
        opening.findings.append(
            Finding(
                "planes-missing",
                Severity.WARNING,
                str(path),
                f"{missing} of {len(stored_pages)} pages of scene {index} are not there; their pixels count as 0",
                "Copy all files of the set.",
            )
        )
    if key.is_tiled:
        segment = (key.tiledepth, key.tilelength, key.tilewidth)
    else:
        segment = (1, min(key.rowsperstrip or height, height), width)
    grid = _Grid(separate, depth, height, width, contiguous, *segment)
    _check_grid(grid, np.dtype(series.dtype).itemsize, path)
    fill = np.dtype(series.dtype).newbyteorder("=").type(key.nodata)
    return _SegmentSource(stored_pages, grid, fill, letters, shape)


def _page(opening: _Opening, page: tifffile.TiffPage | tifffile.TiffFrame | None) -> _Page | None:
    if page is None or not page.dataoffsets:
        return None
    return _Page(
        opening.file_of(page),
        tuple(page.dataoffsets),
        tuple(page.databytecounts),
        page.decode,
        page.jpegtables,
    )


def _check_grid(grid: _Grid, itemsize: int, path: AnyFile) -> None:
    if 0 in (grid.segment_depth, grid.segment_height, grid.segment_width):
        raise UnreadableImage("its strips or tiles have no size", where=path, remedy=_REMEDY)
    nbytes = grid.segment_depth * grid.segment_height * grid.segment_width * grid.contiguous * itemsize
    if nbytes > MAX_BLOCK_BYTES:
        raise UnreadableImage(
            f"one strip or tile of it holds {nbytes} bytes",
            where=path,
            remedy=f"Save it again in tiles; at most {MAX_BLOCK_BYTES} bytes are read at once.",
        )


class _Axes:
    """Turns a plane's z, c, t into a position in the axes of the series."""

    def __init__(self, letters: str, shape: tuple[int, ...]) -> None:
        self.letters = letters
        self.shape = shape
        self.samples = shape[letters.index("s")] if "s" in letters else 1

    def position(self, plane: PlaneIndex) -> dict[str, int]:
        """Index by letter; samples are the fast part of the channels."""
        return {"z": plane.z, "c": plane.c // self.samples, "t": plane.t, "s": plane.c % self.samples, "_": 0}


class _RawSource:
    """Pixels that lie in the file one after another, uncompressed."""

    def __init__(self, path: AnyFile, offset: int, stored: np.dtype[Any], letters: str, shape: tuple[int, ...]) -> None:
        self._path = path
        self._offset = offset
        self._stored = stored
        self._axes = _Axes(letters, shape)
        self._strides = [math.prod(shape[i + 1 :]) for i in range(len(shape))]  # in pixels
        self._height, self._width = shape[letters.index("y")], shape[letters.index("x")]
        # The plane's rows must follow each other: nothing but samples may vary faster than x and y.
        tail = letters[letters.index("y") :]
        self._is_rows = tail.replace("_", "") in {"yx", "yxs"}

    @property
    def chunk_rows(self) -> int:
        """Any number will do: the rows of about four megabytes."""
        return max(1, _READ_BYTES // max(1, self._width * self._axes.samples * self._stored.itemsize))

    def rows(self, plane: PlaneIndex, start: int, stop: int) -> Pixels:
        """Read rows at their offset."""
        position = self._axes.position(plane)
        steps = dict(zip(self._axes.letters, self._strides, strict=True))
        letters = self._axes.letters
        first = sum(position[axis] * steps[axis] for axis in letters if axis not in "yxs_")
        in_row = letters.find("s") > letters.index("x")
        if "s" in letters and not in_row:
            first += position["s"] * steps["s"]
        first += start * steps["y"]
        count = (stop - start) * self._width * (self._axes.samples if in_row else 1)
        if not self._is_rows:
            raise UnreadableImage(f"its axes are stored as {letters}", where=self._path, remedy="Save it again.")
        with self._path.open("rb", buffering=0) as file:
            file.seek(self._offset + first * self._stored.itemsize)
            data = file.read(count * self._stored.itemsize)
        if len(data) < count * self._stored.itemsize:
            raise EOFError("the file ends before its pixels do")
        pixels = np.frombuffer(data, self._stored).reshape(stop - start, self._width, -1)
        pixels = pixels[:, :, position["s"] if in_row else 0]
        return pixels.astype(self._stored.newbyteorder("="), copy=False)


class _SegmentSource:
    """Pixels in strips or tiles, of which only those that hold the rows asked for are decoded."""

    def __init__(
        self, pages: tuple[_Page | None, ...], grid: _Grid, fill: Any, letters: str, shape: tuple[int, ...]
    ) -> None:
        self._pages = pages
        self._grid = grid
        self._dtype: np.dtype[Any] = fill.dtype
        self._axes = _Axes(letters, shape)
        self._fill = fill
        # The series is its pages one after another; the axes within a page are its last ones.
        self._sizes = dict(zip(letters, shape, strict=True))

    @property
    def chunk_rows(self) -> int:
        """Rows of one strip or tile, or of several small ones."""
        grid = self._grid
        rows = grid.segment_height
        nbytes = rows * grid.width * grid.contiguous * self._dtype.itemsize
        return rows * max(1, _READ_BYTES // max(1, nbytes))

    def rows(self, plane: PlaneIndex, start: int, stop: int) -> Pixels:
        """Full rows."""
        return self.region(plane, 0, start, self._grid.width, stop - start)

    def region(self, plane: PlaneIndex, x: int, y: int, w: int, h: int) -> Pixels:
        """Decode the segments that the rectangle touches."""
        page_number, sample, level = self._locate(plane)
        out = np.full((h, w), self._fill, self._dtype)
        page = self._pages[page_number]
        if page is None:
            return out
        grid = self._grid
        separate, contiguous = (sample, 0) if grid.samples > 1 else (0, sample)
        in_depth, at_depth = divmod(level, grid.segment_depth)
        for down in range(y // grid.segment_height, -(-(y + h) // grid.segment_height)):
            for across in range(x // grid.segment_width, -(-(x + w) // grid.segment_width)):
                number = ((separate * grid.deep + in_depth) * grid.down + down) * grid.across + across
                top, left = down * grid.segment_height, across * grid.segment_width
                segment = self._segment(page_number, page, number)
                if segment is None:
                    continue
                rows = slice(max(y, top), min(y + h, top + segment.shape[1]))
                columns = slice(max(x, left), min(x + w, left + segment.shape[2]))
                out[rows.start - y : rows.stop - y, columns.start - x : columns.stop - x] = segment[
                    at_depth, rows.start - top : rows.stop - top, columns.start - left : columns.stop - left, contiguous
                ]
        return out

    def _locate(self, plane: PlaneIndex) -> tuple[int, int, int]:
        """Page number, sample and depth level that hold a plane."""
        position = self._axes.position(plane)
        grid = self._grid
        number = 0
        for axis in self._axes.letters:
            if axis not in "yxs":
                number = number * self._sizes[axis] + position[axis]
        per_page = grid.depth
        page, level = divmod(number, per_page)
        if "s" in self._sizes:
            return page, position["s"], level
        # Samples of a page that the metadata takes for channels.
        if grid.samples * grid.contiguous > 1:
            page, sample = divmod(number, grid.samples * grid.contiguous)
            return page, sample, 0
        return page, 0, level

    def _segment(self, page_number: int, page: _Page, number: int) -> Pixels | None:
        """A decoded segment, (depth, rows, columns, samples); None where nothing is stored."""
        if number >= len(page.offsets):
            raise EOFError("the page has fewer strips or tiles than its size needs")
        if page.counts[number] == 0:
            return None

        def decode() -> Pixels:
            with page.path.open("rb", buffering=0) as file:
                file.seek(page.offsets[number])
                data = file.read(page.counts[number])
            if len(data) < page.counts[number]:
                raise EOFError("the file ends before its pixels do")
            segment = page.decode(data, number, jpegtables=page.tables)[0]
            return np.asarray(segment, self._dtype)

        grid = self._grid
        if grid.contiguous == 1 and grid.segment_depth == 1 and grid.segment_height * grid.width <= _READ_BYTES:
            return decode()
        return shared_blocks.get((self, page_number, number), decode)
