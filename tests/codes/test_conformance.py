"""The codes are those of the released tools: iscc-sum, iscc-sdk and iscc-bio (the extra "test").

iscc-sdk and iscc-bio change other libraries when they are imported, so they run in processes of their own.
"""

from __future__ import annotations

import importlib.util
import io
import json
import os
import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr
from imagewriters import make_pixels, write_group, write_ome_tiff, write_ome_tiff_set, write_ome_zarr, zip_folder
from PIL import Image as Pillow
from plugin_files import write_dv, write_lif

from biocodes_crate.codes import code_picture, entry_for, payload_code, tree_code
from biocodes_crate.codes.pictures import figure_image_code

BENCH = os.environ.get("BIOCODES_BENCH")


def needs(module: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(importlib.util.find_spec(module) is None, reason=f"{module} is not installed")


def script(name: str, *arguments: object) -> str:
    """Standard output of a command of this environment."""
    command = [Path(sys.executable).with_name(name), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


# iscc-sum


def random_tree(root: Path, seed: int) -> None:
    """Files and folders with every kind of name; some ignored, some linked."""
    dice = random.Random(seed)
    names = [
        "a",
        "B",
        "ä",
        "a\u0308",
        "z z",
        "#1",
        ".hidden",
        ".gitignore",
        ".myignore",
        "x.iscc.json",
        "1",
        "10",
        "2",
        "é.tmp",
    ]

    def fill(folder: Path, depth: int) -> None:
        folder.mkdir()
        for name in dice.sample(names, 6):
            if depth and dice.random() < 0.4:
                fill(folder / name, depth - 1)
            elif dice.random() < 0.1:
                (folder / name).symlink_to(root)
            else:
                (folder / name).write_bytes(dice.randbytes(dice.randrange(3000)))
        if dice.random() < 0.4:
            patterns = dice.sample(["*.tmp", "!é.tmp", "a/", "/B", "10", "**/2", "z*", "!z z", "# none", "", "B/1"], 4)
            (folder / ".isccignore").write_text("\n".join(patterns), encoding="utf-8")

    fill(root, 3)


@needs("iscc_sum")
@pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning")
@pytest.mark.parametrize("seed", range(25))
def test_trees_are_walked_and_coded_as_by_iscc_sum(tmp_path, seed):
    import iscc_sum
    from iscc_sum.treewalk import treewalk_iscc

    random_tree(tmp_path / "tree", seed)
    walked = list(treewalk_iscc(tmp_path / "tree"))
    processor = iscc_sum.IsccSumProcessor()
    for file in walked:
        processor.update(file.read_bytes())
    result = processor.result(wide=True, add_units=True)
    ours = tree_code(tmp_path / "tree")
    assert (ours.iscc, ours.datahash, ours.filesize) == (result.iscc, result.datahash, result.filesize)
    assert ours.units == tuple(result.units)
    assert payload_code(tmp_path / "tree", walked) == ours


@needs("iscc_sum")
@pytest.mark.parametrize("size", [0, 1, 1000, 3_000_000])
def test_files_are_coded_as_by_iscc_sum(tmp_path, size):
    path = tmp_path / "a ü#.bin"
    path.write_bytes(random.Random(size).randbytes(size))
    assert script("iscc-sum", path).split()[0] == tree_code(path).iscc


@needs("iscc_sum")
def test_an_image_folder_is_coded_as_by_iscc_sum(tmp_path):
    path = write_ome_zarr(tmp_path / "a.zarr", make_pixels((2, 2, 3, 40, 50)), version="0.4", levels=("0", "1"))
    assert script("iscc-sum", "--tree", path).split()[0] == tree_code(path).iscc


# iscc-sdk

SDK = """
import json, sys, warnings
warnings.simplefilter("ignore")
import iscc_sdk
from loguru import logger
logger.remove()
options = json.loads(sys.argv[1])
print(json.dumps([
    iscc_sdk.code_image(path, bits=256, extract_meta=False, create_thumb=False, **options).iscc
    for path in sys.argv[2:]
]))
"""


def sdk_codes(paths: list[Path], **options: object) -> list[str]:
    command = [sys.executable, "-c", SDK, json.dumps(options), *map(str, paths)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return json.loads(output.splitlines()[-1])


def pictures(folder: Path) -> list[Path]:
    """Picture files of every mode, with borders, transparency, turned."""
    dice = np.random.default_rng(0)
    paths = []

    def save(picture: Pillow.Image, suffix: str = ".png", **options: object) -> None:
        paths.append(folder / f"{len(paths)}{suffix}")
        picture.save(paths[-1], **options)

    def random_picture(width: int = 300, height: int = 200) -> Pillow.Image:
        small = Pillow.fromarray(dice.integers(0, 255, (9, 12, 3), dtype=np.uint8))
        return small.resize((width, height), Pillow.Resampling.BICUBIC)

    for _ in range(8):  # frames of near-uniform colour, one within another, on some sides only
        picture = random_picture()
        for _ in range(int(dice.integers(0, 4))):
            left, top, right, bottom = (int(n) for n in dice.integers(0, 20, 4) * dice.integers(0, 2, 4))
            colour = tuple(int(n) for n in dice.integers(0, 255, 3))
            framed = Pillow.new("RGB", (picture.width + left + right, picture.height + top + bottom), colour)
            framed.paste(picture, (left, top))
            noise = dice.integers(-12, 12, (framed.height, framed.width, 1)) * (dice.random() < 0.5)
            picture = Pillow.fromarray(np.clip(np.asarray(framed) + noise, 0, 255).astype(np.uint8))
        save(picture)
    gradient = np.broadcast_to(np.linspace(0, 255, 200, dtype=np.uint8)[:, None, None], (200, 100, 3))
    save(Pillow.fromarray(np.ascontiguousarray(gradient)))
    save(Pillow.fromarray(np.ascontiguousarray(gradient[::-1])))
    save(Pillow.new("RGB", (50, 40), (7, 7, 7)))
    picture = random_picture()
    for mode in ("L", "1", "P", "CMYK", "LA", "RGBA", "I;16"):
        save(
            picture.convert("L" if mode in {"I;16", "LA"} else mode).convert(mode), ".tif" if mode == "CMYK" else ".png"
        )
    alpha = picture.convert("RGBA")
    alpha.putalpha(Pillow.fromarray(dice.integers(0, 255, (200, 300), dtype=np.uint8)))
    save(alpha)
    table = picture.quantize(16)
    save(table, transparency=3)
    exif = Pillow.Exif()
    for orientation in range(1, 9):
        exif[0x0112] = orientation
        save(picture, ".jpg", exif=exif, quality=85)
    save(picture, ".tif")
    save(picture, ".webp")
    save(picture.convert("L"), ".gif")
    save(picture, ".bmp")
    save(random_picture(1, 40))
    save(random_picture(40, 1))
    return paths


@needs("iscc_sdk")
def test_pictures_are_coded_as_by_iscc_sdk(tmp_path):
    paths = pictures(tmp_path)
    codes = sdk_codes(paths)
    assert {path.name: figure_image_code(path) for path in paths} == {
        path.name: code for path, code in zip(paths, codes, strict=True)
    }


@needs("iscc_sdk")
@pytest.mark.skipif(BENCH is None, reason="BIOCODES_BENCH names no folder of real figures")
def test_real_figures_are_coded_as_by_iscc_sdk():
    paths = (
        sorted(Path(str(BENCH)).glob("**/figures/*.png"))[:40] + sorted(Path(str(BENCH)).glob("**/images/*.jpg"))[:20]
    )
    assert [figure_image_code(path) for path in paths] == sdk_codes(paths)


@needs("iscc_sdk")
def test_a_panel_is_coded_as_by_iscc_sdk_without_trimming(tmp_path):
    paths = [path for path in pictures(tmp_path) if path.suffix == ".png"]
    panels = [np.asarray(Pillow.open(path).convert("RGB")) for path in paths]
    for path, panel in zip(paths, panels, strict=True):
        Pillow.fromarray(panel).save(path)
    codes = sdk_codes(paths, image_trim_border=False)
    assert [code_picture(panel).image_code for panel in panels] == codes


# iscc-bio


def biocode(path: Path) -> dict:
    output = script("iscc-bio", "biocode", "--simprints", path)
    return json.loads(output[output.index("{") :])


def assert_like_biocode(path: Path) -> None:
    """The same entry in all that iscc-bio gives."""
    theirs, ours = biocode(path), entry_for(path, simprints=True)
    assert theirs["parts"], "iscc-bio gave no scene code"
    assert set(ours) == set(theirs)
    for key in set(theirs) - {"generator"}:
        assert ours[key] == theirs[key], key


@needs("iscc_bio")
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_ome_tiff_is_coded_as_by_iscc_bio(tmp_path, dtype):
    arrays = [make_pixels((2, 3, 4, 30, 40), dtype), make_pixels((1, 2, 1, 25, 35), dtype)]
    assert_like_biocode(write_ome_tiff(tmp_path / "a.ome.tif", arrays))


@needs("iscc_bio")
def test_a_plain_stack_is_coded_as_by_iscc_bio(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", make_pixels((5, 30, 40)), photometric="minisblack", metadata=None)
    assert_like_biocode(tmp_path / "a.tif")


@needs("iscc_bio")
@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_ome_zarr_is_coded_as_by_iscc_bio(tmp_path, version):
    """Its levels are called s0 and s1, as iscc-bio 0.2.0 gives no scene code for levels called 0 and 1."""
    compressor = zarr.codecs.ZstdCodec() if version == "0.5" else None
    path = write_ome_zarr(
        tmp_path / "a.ome.zarr",
        make_pixels((2, 3, 4, 30, 40)),
        version=version,
        levels=("s0", "s1"),
        chunks=(1, 1, 1, 16, 16),
        compressors=compressor,
    )
    assert_like_biocode(path)


@needs("iscc_bio")
@pytest.mark.skipif(BENCH is None, reason="BIOCODES_BENCH names no folder of real samples")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["cluster.nd2", "multiple_images.czi", "quickfigures_skip_cy5.czi"])
def test_formats_of_microscope_makers_are_coded_as_by_iscc_bio(name):
    if importlib.util.find_spec(f"bioio_{name[-3:]}") is None:
        pytest.skip(f"bioio-{name[-3:]} is not installed")
    assert_like_biocode(next(Path(str(BENCH)).glob(f"**/readers/{name}")))


@needs("iscc_bio")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["lif", "dv"])
def test_lif_and_dv_are_coded_as_by_iscc_bio(tmp_path, kind):
    if importlib.util.find_spec(f"bioio_{kind}") is None:
        pytest.skip(f"bioio-{kind} is not installed")
    if kind == "lif":
        scenes = {"one": make_pixels((2, 2, 3, 10, 12)), "two": make_pixels((1, 1, 1, 5, 6), seed=1)}
        assert_like_biocode(write_lif(tmp_path / "a.lif", scenes))
    else:
        assert_like_biocode(write_dv(tmp_path / "a.dv", make_pixels((1, 2, 3, 10, 12))))


# What iscc-bio cannot do is held against the pixels themselves, read by zarr-python and tifffile,
# put into order by IMAGEWALK's own words, and hashed by the reference iscc-core.


def reference_codes(scenes: list[np.ndarray]) -> list[list[str]]:
    """Data-Code and Instance-Code of each (T, C, Z, Y, X) array: Z outermost, then C, T innermost, big-endian."""
    import iscc_core

    units = []
    for pixels in scenes:
        walked = np.ascontiguousarray(pixels.transpose(2, 1, 0, 3, 4))
        stream = walked.astype(walked.dtype.newbyteorder(">")).tobytes()
        units.append(
            [
                iscc_core.gen_data_code_v0(io.BytesIO(stream), bits=256)["iscc"],
                iscc_core.gen_instance_code_v0(io.BytesIO(stream), bits=256)["iscc"],
            ]
        )
    return units


def our_units(path: Path) -> list[list[str]]:
    return [part["units"] for part in entry_for(path)["parts"]]


def through_zarr(path: Path) -> np.ndarray:
    return np.asarray(zarr.open_array(path, mode="r")[...])


@needs("iscc_core")
@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("zipped", [None, "a.zarr.zip", "a.ozx"])
def test_every_field_of_a_plate_is_coded_and_no_label(tmp_path, version, zipped):
    """Also ordinary levels called 0 and 1, for which iscc-bio gives no scene code."""
    root = tmp_path / "plate.zarr"
    write_group(root, {"plate": {"wells": [{"path": "A/1"}, {"path": "B/2"}], "version": "0.4"}}, version)
    for number, well in enumerate(("A/1", "B/2")):
        write_group(root / well, {"well": {"images": [{"path": "0"}, {"path": "1"}]}}, version)
        for field in range(2):
            image = root / well / str(field)
            write_ome_zarr(
                image, make_pixels((2, 2, 1, 9, 8), seed=2 * number + field), version=version, levels=("0", "1")
            )
            write_group(image / "labels", {"labels": ["cells"]}, version)
            write_ome_zarr(image / "labels" / "cells", make_pixels((1, 1, 1, 9, 8), seed=99), version=version)
    expected = reference_codes([through_zarr(root / w / f / "0") for w in ("A/1", "B/2") for f in "01"])
    assert our_units(zip_folder(root, tmp_path / zipped) if zipped else root) == expected


@needs("iscc_core")
@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_a_collection_is_coded_by_its_metadata_and_not_by_the_names_of_its_groups(tmp_path, version):
    root = tmp_path / "a.zarr"
    write_group(root, {"bioformats2raw.layout": 3}, version)
    write_group(root / "OME", {"series": ["second", "first"]}, version)
    for number, name in enumerate(("first", "second", "0")):  # "0" is there, but no image of the collection
        write_ome_zarr(root / name, make_pixels((1, 2, 2, 9, 8), seed=number), version=version)
    assert our_units(root) == reference_codes([through_zarr(root / name / "0") for name in ("second", "first")])


@needs("iscc_core")
def test_a_set_of_ome_tiffs_is_coded_as_one(tmp_path):
    pixels = make_pixels((1, 1, 4, 16, 16))
    paths = write_ome_tiff_set(tmp_path, pixels)
    for path in paths:
        assert our_units(path) == reference_codes([pixels])
        with tifffile.TiffFile(path) as tiff:
            assert reference_codes([tiff.asarray()[None, None]]) == our_units(path)


@needs("iscc_core")
@pytest.mark.parametrize("samples", [3, 4])
def test_all_samples_of_a_colour_picture_are_coded(tmp_path, samples):
    """Of which iscc-bio codes the red ones alone."""
    pixels = make_pixels((9, 8, samples), "uint8")
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="rgb")
    assert our_units(tmp_path / "a.tif") == reference_codes([pixels.transpose(2, 0, 1)[None, :, None]])


@needs("iscc_core")
@pytest.mark.parametrize("shape", [(1, 1, 1, 7, 1), (1, 2, 1, 1, 7), (3, 1, 1, 1, 1), (1, 1, 2, 1, 1)])
@pytest.mark.parametrize("dtype", ["uint8", "int16", "float64"])
def test_images_one_pixel_wide_are_coded(tmp_path, shape, dtype):
    """Which iscc-bio loses when it squeezes axes."""
    pixels = make_pixels(shape, dtype)
    expected = reference_codes([pixels])
    assert our_units(write_ome_zarr(tmp_path / "a.zarr", pixels)) == expected
    assert our_units(write_ome_tiff(tmp_path / "a.ome.tif", [pixels])) == expected


@needs("iscc_core")
@pytest.mark.parametrize("axes", ["yx", "cyx", "zyx", "tyx", "tczyx"])
def test_missing_axes_have_one_position(tmp_path, axes):
    five = make_pixels([{"t": 2, "c": 3, "z": 2, "y": 5, "x": 4}[a] if a in axes else 1 for a in "tczyx"])
    pixels = five.reshape([n for n, a in zip(five.shape, "tczyx", strict=True) if a in axes])
    assert our_units(write_ome_zarr(tmp_path / "a.zarr", pixels, axes)) == reference_codes([five])


@needs("iscc_core")
@pytest.mark.parametrize("shape", [(1, 1, 1, 0, 5), (1, 1, 1, 5, 0), (0, 1, 1, 5, 5)])
def test_an_empty_scene_has_the_code_of_no_bytes(tmp_path, shape):
    path = write_ome_zarr(tmp_path / "a.zarr", np.zeros(shape, "uint8"), chunks=(1, 1, 1, 5, 5))
    assert our_units(path) == reference_codes([np.zeros(shape, "uint8")])
