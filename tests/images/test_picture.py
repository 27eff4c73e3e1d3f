"""PNG and JPEG pictures used as images, and the choice of a reader."""

import io
import struct
import sys
import zlib

import imagecodecs
import numpy as np
import pytest
from imagewriters import make_pixels, write_ome_zarr
from PIL import Image as Pillow

from biocodes_crate.errors import MissingReader, NotAnImage, UnreadableImage
from biocodes_crate.images import ImageFormat, PlaneIndex, is_image, looks_like_image_name, open_image


def planes(path):
    (scene,) = open_image(path).scenes
    return scene, np.stack([scene.plane(index) for index in scene.planes()], axis=-1)


@pytest.mark.parametrize(("mode", "samples"), [("L", 1), ("LA", 2), ("RGB", 3), ("RGBA", 4)])
def test_samples_are_channels(tmp_path, mode, samples):
    pixels = make_pixels((7, 5, samples), "uint8")
    Pillow.fromarray(pixels.squeeze()).save(tmp_path / "a.png")
    scene, found = planes(tmp_path / "a.png")
    np.testing.assert_array_equal(found, pixels)
    assert scene.is_rgb == (samples >= 3)
    assert open_image(tmp_path / "a.png").format is ImageFormat.PLAIN


def test_a_jpeg_reads_as_pillow_decodes_it(tmp_path):
    Pillow.fromarray(make_pixels((40, 30, 3), "uint8")).save(tmp_path / "Ü b#.jpg")
    _, found = planes(tmp_path / "Ü b#.jpg")
    np.testing.assert_array_equal(found, np.asarray(Pillow.open(tmp_path / "Ü b#.jpg")))


def test_colour_tables_are_resolved(tmp_path):
    rgb = np.zeros((4, 4, 3), "uint8")
    rgb[:2] = (255, 0, 10)
    Pillow.fromarray(rgb).convert("P", palette=Pillow.Palette.ADAPTIVE).save(tmp_path / "a.png")
    scene, found = planes(tmp_path / "a.png")
    assert scene.is_rgb
    np.testing.assert_array_equal(found, rgb)


def test_one_bit_becomes_black_and_white(tmp_path):
    Pillow.fromarray(np.eye(9, dtype=bool)).save(tmp_path / "a.png")
    _, found = planes(tmp_path / "a.png")
    np.testing.assert_array_equal(found[..., 0], np.eye(9) * 255)


@pytest.mark.parametrize("samples", [1, 3, 4])
def test_sixteen_bits_are_kept(tmp_path, samples):
    pixels = make_pixels((7, 5, samples)) * 200
    (tmp_path / "a.png").write_bytes(imagecodecs.png_encode(pixels.squeeze()))
    _, found = planes(tmp_path / "a.png")
    assert found.dtype == np.uint16
    np.testing.assert_array_equal(found, pixels)


def test_damaged_pictures_are_errors(tmp_path):
    buffer = io.BytesIO()
    Pillow.fromarray(make_pixels((100, 100, 3), "uint8")).save(buffer, "PNG")
    (tmp_path / "a.png").write_bytes(buffer.getvalue()[:5000])
    (tmp_path / "b.png").write_text("hello")
    (tmp_path / "c.jpg").write_bytes(b"")
    with pytest.raises(UnreadableImage, match="decoded"):
        planes(tmp_path / "a.png")
    for name in ("b.png", "c.jpg"):
        with pytest.raises(NotAnImage):
            open_image(tmp_path / name)


@pytest.mark.parametrize("side", [20_000, 2**31 - 1])
def test_a_picture_that_claims_to_be_huge_is_refused(tmp_path, side):
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    chunk = b"IHDR" + header
    data = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + chunk + struct.pack(">I", zlib.crc32(chunk))
    (tmp_path / "a.png").write_bytes(data + struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT")))
    with pytest.raises(UnreadableImage, match=r"claims|read"):
        open_image(tmp_path / "a.png")


@pytest.mark.parametrize("name", ["a.nd2", "b.CZI", "c.lif", "d.dv"])
def test_a_format_without_its_plug_in_says_what_to_install(tmp_path, monkeypatch, name):
    monkeypatch.setitem(sys.modules, f"bioio_{name[2:].lower()}", None)
    (tmp_path / name).write_bytes(b"x")
    assert is_image(tmp_path / name)
    with pytest.raises(MissingReader, match=f"pip install bioio-{name[2:].lower()}"):
        open_image(tmp_path / name)


def test_images_are_told_by_name_and_metadata(tmp_path):
    for name in ("a.ome.tif", "b.TIFF", "c.png", "d.jpeg", "e.zarr.zip", "f.ozx", "g.czi"):
        assert looks_like_image_name(name)
    for name in ("a.txt", "b.zip", "tif", "c.tif.md5", "study.yaml"):
        assert not looks_like_image_name(name)
        (tmp_path / name).write_text("")
        assert not is_image(tmp_path / name)
    assert not is_image(tmp_path / "nothing.tif")
    write_ome_zarr(tmp_path / "x", make_pixels((2, 2)), "yx")
    assert is_image(tmp_path / "x")


def test_what_is_no_image_is_an_error(tmp_path):
    (tmp_path / "a.txt").write_text("")
    for path in (tmp_path / "a.txt", tmp_path, tmp_path / "nothing.tif"):
        with pytest.raises(NotAnImage) as caught:
            open_image(path)
        assert caught.value.where == path


def test_blocks_are_made_once_and_bounded():
    from biocodes_crate.images.blocks import BlockCache

    cache = BlockCache(max_bytes=1000)
    made = []

    def make(n):
        made.append(n)
        return np.zeros(400, "uint8")

    for n in (1, 1, 2, 1, 3, 2):  # 3 pushes out 2
        cache.get(n, lambda n=n: make(n))
    assert made == [1, 2, 3, 2]
    with pytest.raises(RuntimeError):
        cache.get(9, lambda: (_ for _ in ()).throw(RuntimeError()))
    assert cache.get(9, lambda: make(9)).size == 400


def test_a_block_that_another_thread_makes_need_not_be_waited_for():
    from threading import Event, Thread

    from biocodes_crate.images.blocks import BlockCache

    cache, begun, go_on = BlockCache(), Event(), Event()

    def make():
        begun.set()
        assert go_on.wait(60)
        return np.ones(3)

    maker = Thread(target=cache.get, args=("a", make))
    maker.start()
    try:
        assert begun.wait(60)
        assert cache.get_unless_busy("a", make) is None
        assert cache.get_unless_busy("b", lambda: np.ones(5)).size == 5
    finally:
        go_on.set()
        maker.join()
    assert cache.get_unless_busy("a", make).size == 3


def test_reading_from_many_threads_gives_the_same_pixels(tmp_path):
    from concurrent.futures import ThreadPoolExecutor

    pixels = make_pixels((1, 2, 8, 64, 64))
    (scene,) = open_image(write_ome_zarr(tmp_path / "a.zarr", pixels, chunks=(1, 2, 4, 16, 64))).scenes
    indices = list(scene.planes()) * 3
    with ThreadPoolExecutor(8) as pool:
        for index, plane in zip(indices, pool.map(scene.plane, indices), strict=True):
            np.testing.assert_array_equal(plane, pixels[index.t, index.c, index.z])
    assert scene.plane(PlaneIndex()).dtype == np.uint16
