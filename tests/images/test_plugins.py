"""Formats of microscope makers, through bioio plug-ins. Real samples: BIOCODES_BENCH/readers."""

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from imagewriters import make_pixels, planes_in_order
from plugin_files import write_dv, write_lif

from biocodes_crate.errors import MissingReader, UnreadableImage
from biocodes_crate.images import ImageFormat, is_image, open_image
from biocodes_crate.images.plugins import EXTRAS

BENCH = os.environ.get("BIOCODES_BENCH")


class Lazy:
    """As a dask array behaves."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels = pixels

    def __getitem__(self, at):
        return SimpleNamespace(compute=lambda scheduler: self.pixels[at])


class FakeReader:
    """As bioio readers behave; the content is an attribute of the class."""

    scenes = ("one", "two")
    dims = "TCZYX"
    pixels = make_pixels((2, 2, 3, 5, 6))

    def __init__(self, path: Path) -> None:
        if path.read_bytes() == b"damaged":
            raise ValueError("no magic")
        self.xarray_dask_data = SimpleNamespace(
            dims=tuple(self.dims), shape=self.pixels.shape, dtype=self.pixels.dtype, data=Lazy(self.pixels)
        )
        self.channel_names = ["DAPI", "GFP"]
        self.physical_pixel_sizes = SimpleNamespace(X=0.1, Y=0.2, Z=None)

    def set_scene(self, index: int) -> None:
        assert index in {0, 1}


@pytest.fixture
def nd2(tmp_path, monkeypatch):
    module = ModuleType("bioio_nd2")
    module.Reader = type("Reader", (FakeReader,), {})
    monkeypatch.setitem(sys.modules, "bioio_nd2", module)
    (tmp_path / "a.nd2").write_bytes(b"x")
    return tmp_path / "a.nd2", module.Reader


def test_scenes_and_planes_come_from_the_plug_in(nd2):
    path, reader = nd2
    image = open_image(path)
    assert image.format is ImageFormat.OTHER
    assert [scene.name for scene in image.scenes] == ["one", "two"]
    scene = image.scenes[1]
    for index in scene.planes():
        np.testing.assert_array_equal(scene.plane(index), reader.pixels[index.t, index.c, index.z])
    assert [channel.name for channel in scene.channels] == ["DAPI", "GFP"]
    assert (scene.physical_size_x, scene.physical_size_y, scene.physical_size_z) == (0.1, 0.2, None)


def test_samples_are_channels(nd2):
    path, reader = nd2
    reader.dims, reader.pixels = "CZYXS", make_pixels((1, 2, 5, 6, 3), "uint8")
    scene = open_image(path).scenes[0]
    assert scene.is_rgb
    for index in scene.planes():
        np.testing.assert_array_equal(scene.plane(index), reader.pixels[0, index.z, ..., index.c])


def test_axes_that_have_no_place_are_refused(nd2):
    path, reader = nd2
    reader.dims, reader.pixels = "VYX", make_pixels((2, 5, 6))
    with pytest.raises(UnreadableImage, match="axes VYX"):
        open_image(path)
    reader.pixels = make_pixels((1, 5, 6))
    assert open_image(path).scenes[0].plane_count == 1


def test_what_the_plug_in_cannot_read_is_an_error(nd2):
    path, _ = nd2
    path.write_bytes(b"damaged")
    with pytest.raises(UnreadableImage, match="no magic"):
        open_image(path)


@pytest.mark.skipif(BENCH is None, reason="BIOCODES_BENCH names no folder of real samples")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("cluster.nd2", [(3, 2, 10, 31, 38)]),
        ("multiple_images.czi", [(1, 1, 2, 251, 251)] * 2),
        ("quickfigures_skip_cy5.czi", [(1, 3, 1, 600, 800)]),
    ],
)
def test_real_samples_are_read(name, shapes):
    if importlib.util.find_spec(f"bioio_{name[-3:]}") is None:
        pytest.skip(f"bioio-{name[-3:]} is not installed")
    scenes = open_image(next(Path(str(BENCH)).glob(f"**/readers/{name}"))).scenes
    assert [(s.size_t, s.size_c, s.size_z, s.size_y, s.size_x) for s in scenes] == shapes
    for scene in scenes:
        assert any(scene.plane(index).any() for index in scene.planes())


@pytest.mark.skipif(importlib.util.find_spec("bioio_lif") is None, reason="bioio-lif is not installed")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("dtype", ["uint8", "uint16"])
def test_every_pixel_of_a_lif_is_read(tmp_path, dtype):
    arrays = {"one": make_pixels((2, 2, 3, 10, 12), dtype), "two": make_pixels((1, 1, 1, 5, 6), dtype, seed=3)}
    scenes = open_image(write_lif(tmp_path / "a.lif", arrays)).scenes
    assert [scene.name for scene in scenes] == ["one", "two"]
    for scene, pixels in zip(scenes, arrays.values(), strict=True):
        assert (scene.size_t, scene.size_c, scene.size_z, scene.size_y, scene.size_x) == pixels.shape
        for index, expected in zip(scene.planes(), planes_in_order(pixels), strict=True):
            np.testing.assert_array_equal(scene.plane(index), expected)


@pytest.mark.skipif(importlib.util.find_spec("bioio_dv") is None, reason="bioio-dv is not installed")
@pytest.mark.filterwarnings("ignore")
def test_every_pixel_of_a_dv_is_read(tmp_path):
    pixels = make_pixels((1, 2, 3, 10, 12), "uint16")
    (scene,) = open_image(write_dv(tmp_path / "a.dv", pixels)).scenes
    assert (scene.size_t, scene.size_c, scene.size_z, scene.size_y, scene.size_x) == pixels.shape
    for index, expected in zip(scene.planes(), planes_in_order(pixels), strict=True):
        np.testing.assert_array_equal(scene.plane(index), expected)


@pytest.mark.parametrize(("suffix", "package"), [(s, f"bioio-{extra}") for s, extra in sorted(EXTRAS.items())])
def test_a_missing_plug_in_is_an_error_with_the_command_to_install_it(tmp_path, monkeypatch, suffix, package):
    monkeypatch.setitem(sys.modules, package.replace("-", "_"), None)
    (tmp_path / f"a{suffix}").write_bytes(b"x")
    with pytest.raises(MissingReader) as caught:
        open_image(tmp_path / f"a{suffix}")
    assert f"pip install {package}" in caught.value.remedy
    assert f"a{suffix}" in str(caught.value)


def test_a_format_whose_plug_in_runs_what_files_hold_is_refused(tmp_path, monkeypatch):
    """bioio-sldy 1.5 executed `!!python/object/apply:os.system` in the ChannelRecord.yaml of an acquisition."""
    monkeypatch.setitem(sys.modules, "bioio_sldy", SimpleNamespace())  # installed, and not to be touched
    (tmp_path / "a.sldy").write_bytes(b"x")
    assert is_image(tmp_path / "a.sldy")
    with pytest.raises(UnreadableImage, match="runs code") as caught:
        open_image(tmp_path / "a.sldy")
    assert "OME-TIFF" in caught.value.remedy


@pytest.mark.parametrize(
    ("name", "others"),
    [("a.oif", ["a.oif.files/s_C001.tif", "a.oif.files/sub/x.pty"]), ("a.vsi", ["_a_/stack1/frame_t.ets"]), ("a.ics", ["a.ids"])],
)  # fmt: skip
def test_files_beside_it_that_hold_the_pixels_belong_to_the_image(tmp_path, monkeypatch, name, others):
    """So a build codes it anew when one of them changes."""
    from biocodes_crate.codes.cache import content_key

    module = ModuleType("bioio_bioformats")
    module.Reader = FakeReader
    monkeypatch.setitem(sys.modules, "bioio_bioformats", module)
    (tmp_path / name).write_bytes(b"x")
    assert open_image(tmp_path / name).files == ()
    for other in others:
        (tmp_path / other).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / other).write_bytes(b"y")
        os.utime(tmp_path / other, (1, 1))
    (tmp_path / "b.tif").write_bytes(b"no part of it")
    image = open_image(tmp_path / name)
    assert image.files == (tmp_path / name, *(tmp_path / other for other in others))
    before = content_key(image)
    os.utime(tmp_path / others[-1], (2, 2))
    assert content_key(image) != before
