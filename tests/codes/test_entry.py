"""IsccEntry in the shape of iscc-bio, and comparison in words."""

import base64

import numpy as np
import pytest
from imagewriters import make_pixels, write_ome_tiff, write_ome_zarr
from PIL import Image as Pillow

from biocodes_crate.codes import code_image, compare, entry_for, parse, tree_code
from biocodes_crate.errors import BadCode, NotAnImage, UnreadableImage
from biocodes_crate.images import open_image

FOUNDING = "ISCC:KEC5FEDFHVYTLFAWZPRUARXFXGMYX5MSO2XYTVQWXBUAH74TU4YG3ZY"
CONTRAST = "ISCC:KECV74PVO3A7XPC7ZPRUARXFXGMYWN2WQDAR56XLTGAT4ELZMQTATEA"


@pytest.fixture
def pixels():
    return make_pixels((2, 1, 2, 40, 50))


@pytest.fixture
def tiff(tmp_path, pixels):
    return write_ome_tiff(tmp_path / "a ü#1.ome.tif", [pixels, pixels[:1]])


def test_an_image_has_an_entry_for_each_scene(tiff):
    entry = entry_for(tiff)
    codes = code_image(open_image(tiff))
    assert entry["iscc_code"] == tree_code(tiff).iscc
    assert entry["units"] == list(tree_code(tiff).units)
    assert entry["filesize"] == tiff.stat().st_size
    assert entry["generator"].startswith("biocodes-crate")
    assert entry["parts"] == [{"iscc_code": s.iscc, "units": list(s.units)} for s in codes.scenes]


def test_simprints_are_the_data_codes_of_the_planes(tiff, pixels):
    part = entry_for(tiff, simprints=True)["parts"][0]
    planes = code_image(open_image(tiff)).scenes[0].planes
    assert part["simprints"]["DATA_NONE_V0"] == [
        {"simprint": base64.b64encode(parse(p.data_code)[0].digest).decode(), "offset": i, "size": 40 * 50 * 2}
        for i, p in enumerate(planes)
    ]


def test_files_and_folders_have_entries_without_parts(tmp_path):
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a.txt").write_text("hello")
    for path in (tmp_path / "d", tmp_path / "d" / "a.txt"):
        entry = entry_for(path)
        assert entry["iscc_code"] == tree_code(path).iscc
        assert entry["parts"] == []


def test_a_picture_also_has_its_image_code(tmp_path):
    Pillow.fromarray(make_pixels((30, 40, 3), "uint8")).save(tmp_path / "a.png")
    kinds = [parse(unit)[0].kind for unit in entry_for(tmp_path / "a.png")["units"]]
    assert kinds == ["Image-Code", "Data-Code", "Instance-Code"]


def test_what_is_not_there_or_broken_is_an_error(tmp_path):
    with pytest.raises(NotAnImage):
        entry_for(tmp_path / "nothing")
    (tmp_path / "a.tif").write_bytes(b"II*\0\1\0\0\0")
    with pytest.raises(UnreadableImage):
        entry_for(tmp_path / "a.tif")


def test_the_founding_codes_are_compared_in_words():
    comparison = compare(FOUNDING, CONTRAST)
    assert comparison.summary == "Image-Code identical, Data- and Instance-Code different."
    (part,) = comparison.parts
    words = {unit.kind: unit.words for unit in part.units}
    assert words["Instance-Code"] == "not bit for bit the same"
    assert "same picture" in words["Image-Code"]


def test_the_same_pixels_in_another_format_are_recognised(tmp_path, pixels):
    a = write_ome_tiff(tmp_path / "a.ome.tif", [pixels])
    b = write_ome_zarr(tmp_path / "b.zarr", pixels)
    comparison = compare(str(a), str(b))
    assert comparison.summary == "The pixels are the same; the files differ (format, compression or metadata)."
    assert [part.a for part in comparison.parts] == ["file", "scene 0"]


def test_changed_planes_are_counted(tmp_path, pixels):
    other = pixels.copy()
    other[0, 0, 0, 3, 3] += 1
    a = write_ome_tiff(tmp_path / "a.ome.tif", [pixels])
    b = write_ome_tiff(tmp_path / "b.ome.tif", [other])
    summary = compare(str(a), str(b)).summary
    assert summary == "0 of 1 scenes have the same pixels; 3 of 4 planes of the first are also in the second."


def test_the_same_file_is_the_same(tiff):
    assert compare(str(tiff), str(tiff)).summary == "Data- and Instance-Code identical."


def test_a_plane_is_named_by_a_fragment(tmp_path, pixels, tiff):
    b = write_ome_zarr(tmp_path / "b.zarr", pixels)
    comparison = compare(f"{tiff}#scene=0&z=1&c=0&t=1", str(b))
    (part,) = comparison.parts
    assert (part.a, part.b) == ("scene 0, z=1, c=0, t=1", "scene 0, z=1, c=0, t=1")
    assert part.is_identical
    assert compare(f"{tiff}#scene=0", f"{b}#scene=0").summary == "Data- and Instance-Code identical."


def test_a_code_finds_the_part_of_an_image_that_it_names(tiff):
    codes = code_image(open_image(tiff))
    for code, name in [(codes.tree.iscc, "file"), (codes.scenes[1].iscc, "scene 1")]:
        (part,) = compare(code, str(tiff)).parts
        assert part.b == name
        assert part.is_identical
    (part,) = compare(codes.scenes[0].planes[2].image_code, str(tiff)).parts
    assert part.b == "scene 0, z=1, c=0, t=0"


@pytest.mark.parametrize("text", ["nothing.tif", "nothing.tif#scene=1", "hello", ""])
def test_neither_a_path_nor_a_code_is_an_error(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadCode):
        compare(text or "ISCC:", FOUNDING)


@pytest.mark.parametrize("fragment", ["z=x", "q=1", "scene=-1", "scene=1&", "scene=99999999999"])
def test_a_fragment_that_names_nothing_is_an_error(tiff, fragment):
    with pytest.raises(BadCode, match="names no scene or plane"):
        compare(f"{tiff}#{fragment}", FOUNDING)


def test_a_scene_or_plane_that_is_not_there_is_an_error(tiff):
    for fragment in ("scene=7", "scene=0&z=9"):
        with pytest.raises(UnreadableImage, match="there is no"):
            compare(f"{tiff}#{fragment}", FOUNDING)


def test_codes_of_other_kinds_cannot_be_compared(tmp_path):
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(BadCode, match="in common"):
        compare(str(tmp_path / "a.txt"), parse(FOUNDING)[1].code)


def test_pictures_are_compared_by_their_looks(tmp_path):
    small = Pillow.fromarray(np.random.default_rng(0).integers(0, 255, (8, 8, 3), dtype=np.uint8))
    picture = small.resize((400, 300), Pillow.Resampling.BICUBIC)
    picture.save(tmp_path / "a.png")
    picture.save(tmp_path / "a.jpg", quality=90)
    part = compare(str(tmp_path / "a.png"), str(tmp_path / "a.jpg")).parts[0]
    assert part.units[0].kind == "Image-Code"
    assert part.units[0].distance < 16
