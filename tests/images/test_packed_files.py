"""Files of a zip are read where they are, as they would be on disk."""

import io
import os
import zipfile

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from imagewriters import make_pixels, write_ome_zarr, write_set
from PIL import Image as Pillow

from biocodes_crate.errors import UnreadableImage, UnsafePath
from biocodes_crate.images import NeedsPath, PackedFile, PlaneIndex, open_image, open_packed_image
from biocodes_crate.images import packed as packed_module

WAYS = {
    "stored": zipfile.ZIP_STORED,
    "deflated": zipfile.ZIP_DEFLATED,
    "bzip2": zipfile.ZIP_BZIP2,
    "lzma": zipfile.ZIP_LZMA,
}


def pack(path, files, way=zipfile.ZIP_DEFLATED):
    """A zip of files, given as bytes or by their paths on disk; its path and its members by name."""
    with zipfile.ZipFile(path, "w", way) as archive:
        for name, content in files.items():
            archive.writestr(name, content if isinstance(content, bytes) else content.read_bytes())
    with zipfile.ZipFile(path) as archive:
        return path, {item.filename: item for item in archive.infolist()}


def contents(size):
    """Some of it shrinks, some does not."""
    rng = np.random.default_rng(size)
    return rng.integers(0, 256, size // 2, np.uint8).tobytes() + bytes(size - size // 2)


@pytest.fixture(scope="module", params=WAYS)
def opened(request, tmp_path_factory):
    content = contents(300_000)
    path = tmp_path_factory.mktemp("zip") / "a.zip"
    return content, PackedFile(*pack(path, {"folder/a.bin": content, "b": b"b"}, WAYS[request.param]), "folder/a.bin")


@given(st.lists(st.tuples(st.integers(0, 310_000), st.integers(0, 70_000)), max_size=8), st.booleans())
@settings(max_examples=25, deadline=None)
def test_any_reads_give_what_a_file_on_disk_gives(opened, reads, buffered):
    content, packed = opened
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(packed_module, "_BLOCK", 10_000)
        with packed.open("rb", -1 if buffered else 0) as file, io.BytesIO(content) as expected:
            for start, length in reads:
                assert file.seek(start) == expected.seek(start)
                assert file.read(length) == expected.read(length)
                assert file.tell() == expected.tell()
            assert file.seek(-10, os.SEEK_END) == len(content) - 10
            assert file.read() == content[-10:]


def test_a_large_deflated_file_is_read_backwards_with_few_marks(tmp_path, monkeypatch):
    monkeypatch.setattr(packed_module, "_BLOCK", 1000)
    monkeypatch.setattr(packed_module, "_MARKS", 16)
    content = contents(1_000_000)
    packed = PackedFile(*pack(tmp_path / "a.zip", {"a": content}), "a")
    with packed.open() as file:
        for start in range(990_000, -1, -90_000):
            file.seek(start)
            assert file.read(5000) == content[start : start + 5000]
    assert len(packed._opened._marks) <= 17


def tiffs(folder):
    pixels = make_pixels((2, 3, 40, 50))
    files = {
        "plain.tif": {},
        "tiled.tif": {"tile": (16, 16), "compression": "zlib"},
        "strips.tif": {"rowsperstrip": 7, "compression": "lzw"},
        "image.ome.tif": {"metadata": {"axes": "CZYX"}},
        "big.btf": {"bigtiff": True},
    }
    for name, options in files.items():
        tifffile.imwrite(folder / name, pixels, photometric="minisblack", **options)
    Pillow.fromarray(make_pixels((40, 50), "uint8")).save(folder / "grey.png")
    Pillow.fromarray(make_pixels((40, 50))).save(folder / "deep.png")
    Pillow.fromarray(make_pixels((40, 50, 3), "uint8")).save(folder / "colour.jpg")
    return {path.name: path for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("way", WAYS)
def test_images_have_the_pixels_that_they_have_on_disk(tmp_path, way):
    (tmp_path / "files").mkdir()
    files = tiffs(tmp_path / "files")
    archive, members = pack(tmp_path / "a.zip", files, WAYS[way])
    for name, path in files.items():
        expected, image = open_image(path), open_packed_image(archive, members, name)
        assert image.path == archive / name
        assert image.scenes == expected.scenes
        for one, other in zip(image.scenes, expected.scenes, strict=True):
            for plane in one.planes():
                np.testing.assert_array_equal(one.plane(plane), other.plane(plane))
            np.testing.assert_array_equal(
                one.region(PlaneIndex(), 5, 9, 20, 11), other.region(PlaneIndex(), 5, 9, 20, 11)
            )


def test_a_zip_in_the_zip_is_an_ome_zarr_too(tmp_path):
    write_ome_zarr(tmp_path / "a.ome.zarr", make_pixels((1, 1, 2, 20, 30)))
    files = {p.relative_to(tmp_path).as_posix(): p for p in (tmp_path / "a.ome.zarr").rglob("*") if p.is_file()}
    inner, _ = pack(tmp_path / "a.zarr.zip", files, zipfile.ZIP_STORED)
    for way in ("stored", "deflated"):
        image = open_packed_image(
            *pack(tmp_path / f"{way}.zip", {"images/a.zarr.zip": inner}, WAYS[way]), "images/a.zarr.zip"
        )
        np.testing.assert_array_equal(image.scenes[0].plane(PlaneIndex(1)), make_pixels((1, 1, 2, 20, 30))[0, 0, 1])


def test_what_only_reads_from_disk_says_so(tmp_path):
    archive, members = pack(tmp_path / "a.zip", {"a.nd2": b"x"})
    with pytest.raises(NeedsPath):
        open_packed_image(archive, members, "a.nd2")


def test_what_lies_beside_a_file_of_a_vendor_is_named(tmp_path):
    files = {"i/a.ics": b"x", "i/a.ids": b"x", "i/b.vsi": b"x", "i/_b_/stack1/frame.ets": b"x", "i/c.oif": b"x"}
    archive, members = pack(tmp_path / "a.zip", files)
    for name, others in (("i/a.ics", ("a.ids",)), ("i/b.vsi", ("_b_",)), ("i/c.oif", ())):
        with pytest.raises(NeedsPath) as caught:
            open_packed_image(archive, members, name)
        assert caught.value.others == others


def test_a_set_of_several_files_names_the_others(tmp_path):
    names = write_set(tmp_path, make_pixels((2, 20, 30)))
    files = {f"images/{name}": tmp_path / name for name in names}
    archive, members = pack(tmp_path / "a.zip", files)
    with pytest.raises(NeedsPath) as caught:
        open_packed_image(archive, members, "images/a.ome.tif")
    assert caught.value.others == ("b.ome.tif",)


@pytest.mark.parametrize("way", ["deflated", "lzma"])
def test_damage_is_an_error_of_ours(tmp_path, way):
    archive, members = pack(tmp_path / "a.zip", {"a.tif": bytes(range(250)) * 4000}, WAYS[way])
    data = bytearray(archive.read_bytes())
    data[100:200] = b"\xff" * 100
    archive.write_bytes(data)
    with pytest.raises(UnreadableImage), PackedFile(archive, members, "a.tif").open() as file:
        file.read()


def test_a_member_whose_header_is_gone_is_an_error_of_ours(tmp_path):
    archive, members = pack(tmp_path / "a.zip", {"a.tif": b"x" * 100})
    archive.write_bytes(bytes(50) + archive.read_bytes()[50:])
    with pytest.raises(UnreadableImage):
        PackedFile(archive, members, "a.tif").open()


def test_what_must_be_read_as_a_whole_is_bounded(tmp_path, monkeypatch):
    monkeypatch.setattr(packed_module, "MAX_WHOLE", 99)
    for way in WAYS.values():
        packed = PackedFile(*pack(tmp_path / "a.zip", {"a": b"x" * 100}, way), "a")
        with pytest.raises(UnsafePath):
            packed.read_bytes()
    with pytest.raises(UnsafePath):
        packed.open()
