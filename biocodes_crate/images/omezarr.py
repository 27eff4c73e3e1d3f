"""OME-Zarr 0.4 and 0.5, in a folder or zipped: scenes by the metadata, never by the names of groups.

Layouts: one multiscale image; a bioformats2raw collection; an HCS plate, whose every field is a
scene. Labels are kept apart. Full resolution is the first dataset of the first multiscale.
Source: https://ngff.openmicroscopy.org/0.4/ and /0.5/, sections "multiscales", "plate", "well",
"bioformats2raw.layout".
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from biocodes_crate.errors import NotAnImage, UnreadableImage
from biocodes_crate.findings import Finding, Severity
from biocodes_crate.images.blocks import MAX_BYTES
from biocodes_crate.images.model import Channel, Image, ImageFormat, Pixels, PlaneIndex, Scene
from biocodes_crate.images.omecrate import read_biology
from biocodes_crate.images.omexml import omero_id_of, parse_ome_xml
from biocodes_crate.images.packed import AnyFile, shown_path
from biocodes_crate.images.pixels import GuardedSource, check_sizes
from biocodes_crate.images.stores import FolderStore, Store, ZipStore, safe_key
from biocodes_crate.images.units import micrometres
from biocodes_crate.images.zarrarray import MAX_METADATA_BYTES, ZarrArray, open_array, read_json

ZIP_SUFFIXES = (".zarr.zip", ".ozx")
_MAX_SCENES = 100_000
_COUNTED_FILES = 50_000  # arrays of more chunks are not searched for missing ones when they are opened
_READ_BYTES = 4 * 2**20  # rows of small chunks are read together up to this size


def is_ome_zarr(path: Path) -> bool:
    """Whether a folder holds OME-Zarr metadata at its top, or calls itself Zarr."""
    if path.is_dir():
        if path.name.lower().endswith(".zarr"):
            return True
        if not any((path / name).is_file() for name in ("zarr.json", ".zattrs")):
            return False
        try:
            return bool(_Group.read(FolderStore(path), "").kinds)
        except UnreadableImage:
            return False
    return path.name.lower().endswith(ZIP_SUFFIXES)


def open_ome_zarr(place: AnyFile, store: Store | None = None) -> Image:
    """Open an OME-Zarr folder or zip file; or what a store holds, whose place is then `place`."""
    path = shown_path(place)
    is_folder = store is not None or (isinstance(place, Path) and place.is_dir())
    if store is None:
        store = FolderStore(path) if is_folder else ZipStore(place)
    root = _Group.read(store, "")
    if not root.exists:
        raise NotAnImage(
            "there is no Zarr group in it",
            where=path,
            remedy="An OME-Zarr has a zarr.json or .zattrs at its top; the copy may be incomplete.",
        )
    findings: list[Finding] = []
    scenes = []
    for index, (group, name) in enumerate(_images(store, root, path)):
        if index >= _MAX_SCENES:
            raise UnreadableImage(f"it claims to hold more than {_MAX_SCENES} scenes", where=path)
        scenes.append(_scene(store, group, name, index, where=path, findings=findings))
    if not scenes:
        raise NotAnImage(
            "its metadata names no image",
            where=path,
            remedy="An OME-Zarr image has `multiscales` metadata at its top, a plate `plate`.",
        )
    organism, imaging_method = read_biology(store.read("ro-crate-metadata.json", limit=MAX_METADATA_BYTES))
    version = root.version or _Group.read(store, scenes[0].array_path.rpartition("/")[0]).version
    return Image(
        path=path,
        format=ImageFormat.OME_ZARR_05 if root.is_v3 else ImageFormat.OME_ZARR_04,
        encoding_format="application/vnd.zarr" if is_folder else "application/zip",
        scenes=tuple(scenes),
        conforms_to=f"https://ngff.openmicroscopy.org/{version}/" if version else None,
        organism=organism,
        imaging_method=imaging_method,
        findings=tuple(findings),
        omero_id=omero_id_of(parse_ome_xml(store.read("OME/METADATA.ome.xml", limit=MAX_METADATA_BYTES) or "")),
    )


class _Group(NamedTuple):
    """A Zarr group and its OME metadata."""

    path: str
    exists: bool
    is_v3: bool
    ome: dict[str, Any]

    @classmethod
    def read(cls, store: Store, path: str) -> _Group:
        prefix = f"{path}/" if path else ""
        document = read_json(store, f"{prefix}zarr.json")
        if document is not None:
            attributes = document.get("attributes")
            attributes = attributes if isinstance(attributes, dict) else {}
            ome = attributes.get("ome")
            return cls(path, True, True, ome if isinstance(ome, dict) else attributes)
        attributes = read_json(store, f"{prefix}.zattrs")
        exists = attributes is not None or store.read(f"{prefix}.zgroup", limit=MAX_METADATA_BYTES) is not None
        return cls(path, exists, False, attributes or {})

    @property
    def kinds(self) -> set[str]:
        return {"multiscales", "plate", "well", "bioformats2raw.layout"} & set(self.ome)

    @property
    def version(self) -> str | None:
        """The version of OME-Zarr that the group says it follows."""
        for holder in (self.ome, *_dicts(self.ome.get("multiscales")), self.ome.get("plate"), self.ome.get("well")):
            version = holder.get("version") if isinstance(holder, dict) else None
            if isinstance(version, str) and len(version) < 20 and version.replace(".", "").isalnum():
                return version
        return "0.4" if "bioformats2raw.layout" in self.ome and not self.is_v3 else None


def _images(store: Store, root: _Group, where: Path | str) -> Iterator[tuple[_Group, str]]:
    """Every multiscale group with the name of its scene, in order."""
    if "plate" in root.ome:
        yield from _fields(store, root, where)
    elif "multiscales" in root.ome:
        yield root, ""
    elif "bioformats2raw.layout" in root.ome:
        paths, names = _collection(store)
        for number, path in enumerate(paths):
            yield _required_group(store, safe_key(path, where=where)), names[number] if number < len(names) else ""
    elif "well" in root.ome:
        yield from _fields_of_well(store, root, where)


def _collection(store: Store) -> tuple[list[str], list[str]]:
    """Paths and names of the images of a bioformats2raw collection."""
    document = store.read("OME/METADATA.ome.xml", limit=MAX_METADATA_BYTES)
    described = parse_ome_xml(document) if document is not None else []
    names = [image.name or "" for image in described]
    series = _Group.read(store, "OME").ome.get("series")
    if isinstance(series, list) and all(isinstance(path, str) for path in series):
        return series, names
    if described:
        return [str(number) for number in range(len(described))], names
    # Neither is there: "the groups are numbered consecutively from 0".
    number = 0
    while _Group.read(store, str(number)).exists and number <= _MAX_SCENES:
        number += 1
    return [str(i) for i in range(number)], []


def _fields(store: Store, plate: _Group, where: Path | str) -> Iterator[tuple[_Group, str]]:
    content = plate.ome["plate"]
    wells = content.get("wells") if isinstance(content, dict) else None
    for well in _dicts(wells):
        yield from _fields_of_well(store, _required_group(store, _path_of(well, where)), where)


def _fields_of_well(store: Store, well: _Group, where: Path | str) -> Iterator[tuple[_Group, str]]:
    content = well.ome.get("well")
    for field in _dicts(content.get("images") if isinstance(content, dict) else None):
        path = "/".join(filter(None, (well.path, _path_of(field, where))))
        yield _required_group(store, path), path


def _required_group(store: Store, path: str) -> _Group:
    group = _Group.read(store, path)
    if not group.exists:
        raise UnreadableImage(
            "there is no group, although the metadata names one",
            where=store.where(path),
            remedy="The copy is incomplete: copy the whole folder again.",
        )
    return group


def _scene(store: Store, group: _Group, name: str, index: int, *, where: Path | str, findings: list[Finding]) -> Scene:
    multiscales = _dicts(group.ome.get("multiscales"))
    datasets = _dicts(multiscales[0].get("datasets")) if multiscales else []
    if not datasets:
        raise UnreadableImage(
            f"scene {index} has no `multiscales` metadata with datasets",
            where=store.where(group.path),
            remedy="Export the image again as OME-Zarr.",
        )
    multiscale, dataset = multiscales[0], datasets[0]
    path = "/".join(filter(None, (group.path, _path_of(dataset, where))))
    array = open_array(store, path)
    axes = _axes(multiscale, array, index, store.where(group.path))
    sizes = {letter: array.shape[axes.index(letter)] if letter in axes else 1 for letter in "xyzct"}
    check_sizes(sizes, where=where)
    _note_missing(array, index, where, findings)
    scale = _scale(multiscale, dataset, axes)
    return Scene(
        index=index,
        name=name or _text(multiscale.get("name")) or "",
        array_path=path,
        size_x=sizes["x"],
        size_y=sizes["y"],
        size_z=sizes["z"],
        size_c=sizes["c"],
        size_t=sizes["t"],
        dtype=array.dtype,
        source=GuardedSource(
            _ZarrSource(array, axes),
            where=where,
            sizes=(sizes["x"], sizes["y"], sizes["z"], sizes["c"], sizes["t"]),
            dtype=array.dtype,
        ),
        channels=_channels(group.ome.get("omero"), sizes["c"]),
        physical_size_x=scale.get("x"),
        physical_size_y=scale.get("y"),
        physical_size_z=scale.get("z"),
    )


def _axes(multiscale: dict[str, Any], array: ZarrArray, index: int, where: Path | str) -> str:
    """One letter of "tczyx" for each axis; "_" for another axis of size 1."""
    stated = multiscale.get("axes")
    if stated is None and str(multiscale.get("version")) in {"0.1", "0.2"}:
        stated = list("tczyx")  # fixed before 0.3
    if stated is None:
        stated = [name for name in array.dimension_names if name is not None]
    entries = [entry if isinstance(entry, dict) else {"name": entry} for entry in stated] if stated else []
    if len(entries) != len(array.shape):
        raise UnreadableImage(
            f"scene {index} names {len(entries)} axes for an array of {len(array.shape)} dimensions",
            where=where,
            remedy="Export the image again with OME-Zarr axes metadata.",
        )
    letters = ""
    for entry, size in zip(entries, array.shape, strict=True):
        letter = str(entry.get("name")).lower()
        if letter not in {*"tczyx"}:
            letter = {"time": "t", "channel": "c"}.get(str(entry.get("type")), letter)
        if letter in {*"tczyx"} and letter not in letters:
            letters += letter
        elif size == 1:
            letters += "_"
        else:
            raise UnreadableImage(
                f"scene {index} has an axis {entry.get('name')!r} of size {size}, which is none of t, c, z, y, x",
                where=where,
                remedy="Store each position of that axis as an image of its own.",
            )
    for letter in "yx":
        if letter not in letters:
            names = ", ".join(repr(entry.get("name")) for entry in entries)
            raise UnreadableImage(
                f"scene {index} has no {letter.upper()} axis (axes are {names})",
                where=where,
                remedy="Export the image again with OME-Zarr axes metadata.",
            )
    return letters


def _scale(multiscale: dict[str, Any], dataset: dict[str, Any], axes: str) -> dict[str, float]:
    """Micrometres per pixel of full resolution, of the axes whose unit is stated."""
    factors = [1.0] * len(axes)
    for holder in (dataset, multiscale):
        for transform in _dicts(holder.get("coordinateTransformations")):
            values = transform.get("scale")
            if transform.get("type") == "scale" and isinstance(values, list) and len(values) == len(axes):
                numbers = [value if isinstance(value, int | float) else 1.0 for value in values]
                factors = [factor * float(number) for factor, number in zip(factors, numbers, strict=True)]
    entries = multiscale.get("axes")
    result = {}
    for letter, factor, entry in zip(axes, factors, entries if isinstance(entries, list) else [], strict=False):
        size = micrometres(factor, _text(entry.get("unit"))) if isinstance(entry, dict) else None
        if letter in {*"xyz"} and size is not None:
            result[letter] = size
    return result


def _channels(omero: Any, size_c: int) -> tuple[Channel, ...]:
    channels = []
    for entry in _dicts(omero.get("channels")) if isinstance(omero, dict) else []:
        color = _text(entry.get("color"))
        is_hex = color is not None and len(color) == 6 and all(digit in "0123456789abcdefABCDEF" for digit in color)
        channels.append(Channel(_text(entry.get("label")), color.upper() if color and is_hex else None))
    return tuple(channels) if len(channels) == size_c else ()


def _note_missing(array: ZarrArray, index: int, where: Path | str, findings: list[Finding]) -> None:
    if array.files_expected > _COUNTED_FILES:
        return
    present = array.files_present()
    missing = array.files_expected - present if present is not None else 0
    if missing > 0:
        findings.append(
            Finding(
                "chunks-missing",
                Severity.INFO,
                str(where),
                f"{missing} of {array.files_expected} chunk files of scene {index} are not there; "
                f"their pixels count as {array.fill}, the fill value",
                "Writers leave out empty chunks. If the image is not empty there, copy it again.",
            )
        )


class _ZarrSource:
    """Planes of a Zarr array."""

    def __init__(self, array: ZarrArray, axes: str) -> None:
        self._array = array
        self._axes = axes
        self._kept = _kept_of_chunks(array, axes)

    @property
    def chunk_rows(self) -> int:
        """Rows of one chunk, or of several small ones."""
        y, x = self._axes.index("y"), self._axes.index("x")
        rows = self._array.chunks[y]
        row_bytes = max(1, self._array.shape[x] * self._array.dtype.itemsize)
        return rows * max(1, _READ_BYTES // (rows * row_bytes))

    def rows(self, plane: PlaneIndex, start: int, stop: int) -> Pixels:
        """Full rows."""
        return self.region(plane, 0, start, self._array.shape[self._axes.index("x")], stop - start)

    def walked_rows(self, plane: PlaneIndex, start: int, stop: int) -> Pixels:
        """Full rows, of chunks of which only as much is kept as will be there when it is needed."""
        return self._read(plane, 0, start, self._array.shape[self._axes.index("x")], stop - start, self._kept)

    def region(self, plane: PlaneIndex, x: int, y: int, w: int, h: int) -> Pixels:
        """Only the chunks that the rectangle touches."""
        return self._read(plane, x, y, w, h, self._array.chunks)

    def _read(self, plane: PlaneIndex, x: int, y: int, w: int, h: int, keep: tuple[int, ...]) -> Pixels:
        at = {"z": plane.z, "c": plane.c, "t": plane.t, "_": 0}
        spans = {"y": slice(y, y + h), "x": slice(x, x + w)}
        pixels = self._array.read(
            tuple(spans[axis] if axis in spans else slice(at[axis], at[axis] + 1) for axis in self._axes),
            keep=keep,
        )
        pixels = pixels.reshape([n for n, axis in zip(pixels.shape, self._axes, strict=True) if axis in spans])
        return pixels if self._axes.index("y") < self._axes.index("x") else np.ascontiguousarray(pixels.T)


def _kept_of_chunks(array: ZarrArray, axes: str) -> tuple[int, ...]:
    """How much of a chunk to keep while planes are walked Z outermost, then C, T innermost.

    Between two z of a chunk come all planes of the first, in every channel and time; between two c of it
    those of all times. What does not fit into memory until then had better not be kept at all: it would be thrown
    out before it is used, and everything decoded again for every plane.
    """
    sizes = dict(zip(axes, array.shape, strict=True))
    keep = dict(zip(axes, array.chunks, strict=True))
    plane_bytes = max(1, sizes["y"] * sizes["x"] * array.dtype.itemsize)
    keep |= dict.fromkeys(keep.keys() - set("zctyx"), 1)
    for axis, faster in (("z", "ct"), ("c", "t"), ("t", "")):
        if keep.get(axis, 1) == 1:
            continue
        depth = min(keep[axis], max(1, sizes[axis]))
        between = plane_bytes * math.prod(max(1, sizes.get(other, 1)) for other in faster)
        fits = max(1, min(depth, MAX_BYTES // between))
        keep[axis] = -(-depth // -(-depth // fits))  # in equal parts
        if keep[axis] > 1:
            break
    return tuple(keep[axis] for axis in axes)


def _dicts(value: Any) -> list[dict[str, Any]]:
    """The objects of a list that somebody wrote."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None


def _path_of(entry: dict[str, Any], where: Path | str) -> str:
    path = entry.get("path")
    if not isinstance(path, str):
        raise UnreadableImage("its metadata names an image without a path", where=where, remedy="Export it again.")
    return safe_key(path, where=where)
