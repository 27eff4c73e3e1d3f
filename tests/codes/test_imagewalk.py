"""IMAGEWALK (IEP-0018): its vectors, and the same codes whatever holds the pixels."""

import tempfile
import zipfile
from pathlib import Path

import numcodecs
import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from imagewriters import make_pixels, pixel_arrays, planes_in_order, write_ome_tiff, write_ome_zarr, zip_folder

from biocodes_crate.codes import canonical_bytes, code_image, code_plane, code_scene, data_code, instance_code
from biocodes_crate.codes.imagewalk import canonical_parts
from biocodes_crate.images import open_image


@pytest.mark.parametrize(
    ("pixels", "expected"),
    [
        (np.array([[1, 2], [3, 4]], "uint8"), "01 02 03 04"),
        (np.array([[256, 512], [768, 1024]], "uint16"), "01 00 02 00 03 00 04 00"),
        (np.array([[1.0, 2.0]], "float32"), "3F 80 00 00 40 00 00 00"),
    ],
)
@pytest.mark.parametrize("order", "<>")
def test_planes_are_row_major_and_big_endian(pixels, expected, order):
    """ "Each (Y, X) plane row-major, each pixel big-endian." """
    stored = pixels.astype(pixels.dtype.newbyteorder(order))
    assert canonical_bytes(stored) == bytes.fromhex(expected)
    assert canonical_bytes(np.asfortranarray(stored)) == bytes.fromhex(expected)
    assert b"".join(canonical_parts(stored)) == bytes.fromhex(expected)


def test_planes_are_walked_z_outermost_then_c_then_t(tmp_path):
    """ "A T2 C2 Z2 image of 1×1 planes is walked z0c0t0, z0c0t1, z0c1t0, z0c1t1, z1c0t0, …" """
    pixels = np.arange(8, dtype="uint8").reshape(2, 2, 2, 1, 1)
    (scene,) = open_image(write_ome_tiff(tmp_path / "a.ome.tif", [pixels])).scenes
    codes = code_scene(scene)
    walked = bytes(int(pixels[t, c, z, 0, 0]) for z in range(2) for c in range(2) for t in range(2))
    assert codes.units == (data_code(walked), instance_code(walked))
    assert [tuple(plane.index) for plane in codes.planes][:5] == [(0, 0, 0), (0, 0, 1), (0, 1, 0), (0, 1, 1), (1, 0, 0)]


def containers(folder: Path, pixels: np.ndarray, data) -> list[Path]:
    """The same (T, C, Z, Y, X) pixels as people keep them."""
    chunks = tuple(data.draw(st.integers(1, n)) for n in pixels.shape)
    big = data.draw(st.booleans())
    axes = data.draw(st.permutations("tczyx"))
    turned = pixels.transpose(["tczyx".index(a) for a in axes])
    turned_chunks = tuple(chunks["tczyx".index(a)] for a in axes)
    v2 = data.draw(st.sampled_from([None, numcodecs.Blosc(), numcodecs.Zstd(), numcodecs.GZip()]))
    v3 = data.draw(st.sampled_from([None, zarr.codecs.ZstdCodec(), zarr.codecs.BloscCodec()]))
    zarr04 = write_ome_zarr(
        folder / "a.zarr", turned, "".join(axes), "0.4", chunks=turned_chunks, compressors=v2, big_endian=big
    )
    zarr05 = write_ome_zarr(
        folder / "b.zarr", pixels, chunks=chunks, shards=tuple(2 * n for n in chunks), compressors=v3, big_endian=big
    )
    return [
        zarr04,
        zarr05,
        zip_folder(zarr05, folder / "c.ozx"),
        zip_folder(zarr04, folder / "d.zarr.zip", zipfile.ZIP_DEFLATED, "d.zarr/"),
        write_ome_tiff(folder / "e.ome.tif", [pixels], byteorder="><"[big]),
        write_ome_tiff(folder / "f.ome.tif", [pixels], compression="zlib", tile=(16, 16)),
    ]


@given(pixels=pixel_arrays(), data=st.data())
@settings(max_examples=20, deadline=None)
def test_the_same_pixels_give_the_same_codes_in_any_container(pixels, data):
    """ "One code per scene, whatever the file format." """
    with tempfile.TemporaryDirectory() as folder:
        coded = [code_image(open_image(path), workers=2) for path in containers(Path(folder), pixels, data)]
    scenes = [codes.scenes for codes in coded]
    assert all(scene == scenes[0] for scene in scenes)
    (scene,) = scenes[0]
    whole = b"".join(map(canonical_bytes, planes_in_order(pixels)))
    assert scene.units == (data_code(whole), instance_code(whole))
    for plane, expected in zip(scene.planes, planes_in_order(pixels), strict=True):
        assert plane.data_code == data_code(canonical_bytes(expected))
        assert plane.instance_code == instance_code(canonical_bytes(expected))


def test_samples_of_a_colour_picture_are_walked_as_channels(tmp_path):
    """ "RGB(A) samples count as channels." """
    import tifffile

    pixels = make_pixels((20, 30, 3), "uint8")
    for name, planar in (("a.tif", "contig"), ("b.tif", "separate")):
        stored = pixels if planar == "contig" else np.moveaxis(pixels, -1, 0)
        tifffile.imwrite(tmp_path / name, stored, photometric="rgb", planarconfig=planar, metadata=None)
        (scene,) = code_image(open_image(tmp_path / name)).scenes
        whole = b"".join(pixels[..., c].tobytes() for c in range(3))
        assert scene.units == (data_code(whole), instance_code(whole))


def test_an_empty_scene_has_the_code_of_no_bytes(tmp_path):
    path = write_ome_zarr(tmp_path / "a.zarr", np.zeros((1, 0, 1, 4, 4), "uint8"))
    (scene,) = code_image(open_image(path)).scenes
    assert scene.units == (data_code(b""), instance_code(b""))
    path = write_ome_zarr(tmp_path / "b.zarr", np.zeros((1, 2, 1, 0, 4), "uint8"))
    (scene,) = code_image(open_image(path)).scenes
    assert [plane.instance_code for plane in scene.planes] == [instance_code(b"")] * 2


def test_one_plane_can_be_coded_alone(tmp_path):
    pixels = make_pixels((2, 1, 3, 40, 50))
    (scene,) = open_image(write_ome_zarr(tmp_path / "a.zarr", pixels)).scenes
    for plane in code_scene(scene).planes:
        assert code_plane(scene, plane.index) == plane
