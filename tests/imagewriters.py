"""Small images of every layout, written by other people's libraries."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import zarr
from hypothesis import strategies as st
from zarr.codecs import BytesCodec, TransposeCodec

PIXEL_TYPES = ("uint8", "uint16", "uint32", "int8", "int16", "int32", "float32", "float64")


def make_pixels(shape: Sequence[int], dtype: str = "uint16", seed: int = 0) -> np.ndarray:
    """Random pixels, smooth enough to be compressible."""
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 200, shape).cumsum(axis=-1) % 251
    return (values - (100 if np.dtype(dtype).kind == "i" else 0)).astype(dtype)


def write_set(folder: Path, planes: Sequence[np.ndarray]) -> list[str]:
    """An OME-TIFF of several files, one plane of a stack in each, which all describe the whole; their names."""
    names = [f"{chr(97 + z)}.ome.tif" for z in range(len(planes))]
    height, width = planes[0].shape
    blocks = "".join(
        f'<TiffData FirstZ="{z}" IFD="0" PlaneCount="1"><UUID FileName="{name}">urn:uuid:{z}</UUID></TiffData>'
        for z, name in enumerate(names)
    )
    for z, name in enumerate(names):
        xml = (
            '<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" '
            f'UUID="urn:uuid:{z}"><Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" '
            f'Type="{planes[z].dtype}" SizeX="{width}" SizeY="{height}" SizeZ="{len(planes)}" SizeC="1" SizeT="1">'
            f"{blocks}</Pixels></Image></OME>"
        )
        tifffile.imwrite(folder / name, planes[z], description=xml, metadata=None)
    return names


def write_array(path: Path, pixels: np.ndarray, zarr_format: int = 3, **options: Any) -> None:
    """One Zarr array. Options are those of zarr.create_array, and `order`, `big_endian`."""
    big = options.pop("big_endian", False)
    order = options.pop("order", "C")
    dtype = pixels.dtype
    if zarr_format == 2:
        dtype = dtype.newbyteorder(">" if big else "<")
        options["order"] = order
    else:
        options["serializer"] = BytesCodec(endian="big" if big else "little")
        if order == "F":
            options["filters"] = [TransposeCodec(order=tuple(reversed(range(pixels.ndim))))]
    array = zarr.create_array(path, shape=pixels.shape, dtype=dtype, zarr_format=zarr_format, **options)
    array[...] = pixels


def multiscales(
    axes: str,
    levels: Sequence[str] = ("0",),
    *,
    scale: Sequence[float] | None = None,
    unit: str | None = "micrometer",
    **more: Any,
) -> list[dict[str, Any]]:
    """OME-Zarr multiscales metadata."""
    types = {"t": "time", "c": "channel"}
    entries = [
        {"name": a, "type": types.get(a, "space")} | ({"unit": unit} if unit and a in "zyx" else {}) for a in axes
    ]
    datasets = [
        {
            "path": level,
            "coordinateTransformations": [{"type": "scale", "scale": [s * 2**i for s in scale or [1.0] * len(axes)]}],
        }
        for i, level in enumerate(levels)
    ]
    return [{"axes": entries, "datasets": datasets, **more}]


def write_group(path: Path, ome: dict[str, Any], version: str = "0.5") -> None:
    """A group with OME metadata."""
    path.mkdir(parents=True, exist_ok=True)
    if version == "0.5":
        document = {"zarr_format": 3, "node_type": "group", "attributes": {"ome": {"version": "0.5", **ome}}}
        (path / "zarr.json").write_text(json.dumps(document))
    else:
        (path / ".zgroup").write_text('{"zarr_format": 2}')
        (path / ".zattrs").write_text(json.dumps(ome))


def write_ome_zarr(
    path: Path,
    pixels: np.ndarray,
    axes: str = "tczyx",
    version: str = "0.5",
    *,
    levels: Sequence[str] = ("0",),
    ome: dict[str, Any] | None = None,
    scale: Sequence[float] | None = None,
    **options: Any,
) -> Path:
    """An OME-Zarr image with the axes of the pixels; lower levels hold every second pixel."""
    more = {"version": "0.4"} if version == "0.4" else {}
    write_group(path, {"multiscales": multiscales(axes, levels, scale=scale, **more), **(ome or {})}, version)
    for i, level in enumerate(levels):
        step = tuple(slice(None, None, 2**i) if a in "yx" else slice(None) for a in axes)
        opts = options if i == 0 else {k: v for k, v in options.items() if k not in {"chunks", "shards"}}
        write_array(path / level, pixels[step], 3 if version == "0.5" else 2, **opts)
    return path


def zip_folder(folder: Path, target: Path, compression: int = zipfile.ZIP_STORED, inside: str = "") -> Path:
    """Zip a folder's content, the root metadata first."""
    with zipfile.ZipFile(target, "w", compression) as archive:
        for file in sorted(p for p in folder.rglob("*") if p.is_file()):
            archive.write(file, inside + file.relative_to(folder).as_posix())
    return target


def write_ome_tiff(path: Path, scenes: Sequence[np.ndarray], axes: str = "TCZYX", **options: Any) -> Path:
    """One OME-TIFF with a series for each array."""
    metadata = options.pop("metadata", {})
    with tifffile.TiffWriter(path, ome=True, byteorder=options.pop("byteorder", "<")) as tiff:
        for pixels in scenes:
            tiff.write(pixels, photometric="minisblack", metadata={"axes": axes, **metadata}, **options)
    return path


def write_ome_tiff_set(folder: Path, pixels: np.ndarray) -> list[Path]:
    """One (1, 1, Z, Y, X) image of 16 bits, its planes spread over two files that name each other."""
    _, _, z, y, x = pixels.shape
    uuids = [f"urn:uuid:00000000-0000-0000-0000-00000000000{n}" for n in range(2)]
    half = z // 2
    blocks = "".join(
        f'<TiffData FirstZ="{i}" IFD="{i % half}" PlaneCount="1">'
        f'<UUID FileName="s{i // half}.ome.tif">{uuids[i // half]}</UUID></TiffData>'
        for i in range(z)
    )
    paths = []
    for n in range(2):
        xml = (
            f'<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="{uuids[n]}"><Image ID="Image:0">'
            f'<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="{x}" SizeY="{y}" SizeZ="{z}" SizeC="1" '
            f'SizeT="1" BigEndian="false"><Channel ID="Channel:0:0" SamplesPerPixel="1"/>{blocks}</Pixels></Image></OME>'
        )
        paths.append(folder / f"s{n}.ome.tif")
        part = pixels[0, 0, n * half : (n + 1) * half]
        tifffile.imwrite(paths[-1], part, description=xml, metadata=None, photometric="minisblack")
    return paths


@st.composite
def pixel_arrays(draw: st.DrawFn, max_side: int = 7) -> np.ndarray:
    """Random (T, C, Z, Y, X) pixels of every pixel type, often one pixel wide."""
    shape = [draw(st.integers(1, 3)) for _ in "tcz"] + [draw(st.integers(1, max_side)) for _ in "yx"]
    return make_pixels(shape, draw(st.sampled_from(PIXEL_TYPES)), draw(st.integers(0, 1000)))


def planes_in_order(pixels: np.ndarray) -> list[np.ndarray]:
    """The planes of (T, C, Z, Y, X) pixels: Z outermost, then C, T innermost."""
    t, c, z = pixels.shape[:3]
    return [pixels[k, j, i] for i in range(z) for j in range(c) for k in range(t)]
