"""TIFF pages read band by band come out as they do when they are read whole."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from biocodes_crate.figures import tiff
from biocodes_crate.figures.raster import read_raster

RGB = np.random.default_rng(1).integers(0, 256, (70, 90, 3), np.uint8)
DEEP = RGB.astype(np.uint16) * 257
LAYOUTS: list[dict[str, Any]] = [
    {},
    {"compression": "lzw", "rowsperstrip": 16},
    {"compression": "zlib", "predictor": True, "rowsperstrip": 7},
    {"compression": "zlib", "tile": (32, 48)},
    {"tile": (32, 48)},
    {"compression": "lzw", "planarconfig": "separate", "rowsperstrip": 16},
    {"planarconfig": "separate"},
]


@pytest.fixture(autouse=True)
def narrow_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiff, "_ROWS", 11)


def read(path: Path, samples: Any, **options: Any) -> Any:
    stored = np.moveaxis(samples, -1, 0) if options.get("planarconfig") == "separate" else samples
    tifffile.imwrite(path / "a.tif", stored, metadata=None, **options)
    (raster,) = read_raster(path / "a.tif")
    return raster.pixels


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
@pytest.mark.parametrize("samples", [RGB, DEEP], ids=["8 bits", "16 bits"])
def test_colours_are_the_same_in_every_layout(tmp_path: Path, samples: Any, layout: dict[str, Any]) -> None:
    assert np.array_equal(read(tmp_path, samples, photometric="rgb", **layout), RGB)


@pytest.mark.parametrize("layout", LAYOUTS, ids=str)
def test_inks_become_light_in_every_layout(tmp_path: Path, layout: dict[str, Any]) -> None:
    inks = np.concatenate([255 - RGB, RGB[..., :1] // 4], axis=2)
    with Image.fromarray(inks, "CMYK") as picture:
        wanted = np.asarray(picture.convert("RGB")).astype(int)
    found = read(tmp_path, inks, photometric="separated", **layout)
    assert np.abs(found.astype(int) - wanted).max() <= 1


@pytest.mark.parametrize("layout", LAYOUTS[:5], ids=str)
def test_the_range_is_that_of_the_page_and_not_of_a_band(tmp_path: Path, layout: dict[str, Any]) -> None:
    """A 12-bit capture in 16 bits fills 8 bits by its brightest pixel, which lies in the last rows."""
    grey = (np.arange(70)[:, None] * np.ones(90) * 40).astype(np.uint16)
    found = read(tmp_path, grey, photometric="minisblack", **layout)
    wanted = (grey.astype(np.float32) * 255 / grey.max() + 0.5).astype(np.uint8)
    assert np.array_equal(found[..., 0], wanted)
    real = grey.astype(np.float32) / 100
    real[3, 4] = np.nan
    found = read(tmp_path, real, photometric="minisblack", **(layout | {"predictor": None}))
    assert abs(int(found[69, 0, 0]) - 255) + abs(int(found[3, 4, 0])) == 0


@pytest.mark.parametrize("layout", LAYOUTS[:5], ids=str)
def test_bits_palettes_and_reversed_grey_are_read(tmp_path: Path, layout: dict[str, Any]) -> None:
    bits = RGB[..., 0] > 128
    plain = {key: value for key, value in layout.items() if key != "predictor"}
    assert np.array_equal(read(tmp_path, bits, photometric="minisblack", **plain)[..., 1], bits * 255)
    reverse = read(tmp_path, RGB[..., 0], photometric="miniswhite", **plain)
    assert np.array_equal(reverse[..., 2], 255 - RGB[..., 0])
    colours = np.random.default_rng(2).integers(0, 256, (3, 256)).astype(np.uint16) * 257
    found = read(tmp_path, RGB[..., 0], photometric="palette", colormap=colours, **plain)
    assert np.array_equal(found, (colours >> 8).astype(np.uint8).T[RGB[..., 0]])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_applies_to_bands(tmp_path: Path, orientation: int) -> None:
    tags = [(274, 3, 1, orientation, True)]
    found = read(tmp_path, DEEP, photometric="rgb", compression="lzw", rowsperstrip=16, extratags=tags)
    with Image.fromarray(RGB) as picture:
        picture.getexif()[274] = orientation
        picture.save(tmp_path / "b.png", exif=picture.getexif())
    assert np.array_equal(found, read_raster(tmp_path / "b.png")[0].pixels)


def test_a_page_of_16_bits_is_never_held_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tifffile.TiffPage, "asarray", lambda *_, **__: pytest.fail("it was read whole"))
    assert np.array_equal(read(tmp_path, DEEP, photometric="rgb", compression="lzw", rowsperstrip=16), RGB)
