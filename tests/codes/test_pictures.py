"""Codes of figures and panels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow

from biocodes_crate.codes import code_figure, code_picture, image_code_hamming, parse, tree_code
from biocodes_crate.codes.pictures import figure_image_code, on_white, picture_image_code, trim_border


def noise(height=40, width=50, seed=0):
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), dtype=np.uint8)


def smooth(height=200, width=300, seed=0):
    small = Pillow.fromarray(noise(6, 8, seed))
    return np.asarray(small.resize((width, height), Pillow.Resampling.BICUBIC))


def test_the_code_of_a_panel_names_its_units():
    codes = code_picture(smooth())
    assert [unit.kind for unit in parse(codes.iscc)] == ["Image-Code", "Data-Code", "Instance-Code"]
    assert {unit.bits for code in (codes.image_code, codes.data_code, codes.instance_code) for unit in parse(code)} == {
        256
    }


def test_a_panel_is_not_trimmed():
    dark = np.zeros((100, 100, 3), np.uint8)
    dark[40:60, 40:60] = smooth(20, 20)
    assert code_picture(dark).image_code != code_picture(dark[40:60, 40:60]).image_code


def test_one_changed_pixel_changes_the_instance_code_alone():
    pixels = smooth()
    other = pixels.copy()
    other[3, 4, 1] ^= 1
    a, b = code_picture(pixels), code_picture(other)
    assert a.instance_code != b.instance_code
    assert image_code_hamming(a.image_code, b.image_code) <= 4


def test_the_shape_of_a_panel_is_part_of_its_identity():
    pixels = noise(10, 20)
    assert code_picture(pixels).instance_code != code_picture(pixels.reshape(20, 10, 3)).instance_code


def test_a_panel_may_be_a_view_of_the_figure():
    figure = noise(100, 100)
    assert code_picture(figure[10:50, 20:80]) == code_picture(figure[10:50, 20:80].copy())


@given(edges=st.tuples(*[st.integers(0, 9)] * 4), border=st.tuples(*[st.integers(0, 255)] * 3), seed=st.integers(0, 50))
@settings(max_examples=50, deadline=None)
def test_a_border_of_one_colour_is_cut_off(edges, border, seed):
    content = noise(12, 15, seed)
    content[0, :] = content[-1, :] = content[:, 0] = content[:, -1] = [(value + 128) % 256 for value in border]
    content[0, 0] = border
    content[0, 1] = content[1, 0] = [(value + 128) % 256 for value in border]
    top, bottom, left, right = (edge + 1 for edge in edges)
    framed = np.full((12 + top + bottom, 15 + left + right, 3), border, np.uint8)
    framed[top : top + 12, left : left + 15] = content
    assert trim_border(Pillow.fromarray(framed)).size[0] <= 15


def test_a_picture_of_one_colour_stays_whole():
    flat = Pillow.new("RGB", (30, 20), (9, 9, 9))
    assert trim_border(flat).size == (30, 20)


def test_transparent_parts_become_white():
    picture = Pillow.new("RGBA", (4, 4), (10, 20, 30, 0))
    picture.putpixel((1, 1), (10, 20, 30, 255))
    assert on_white(picture).getpixel((0, 0)) == (255, 255, 255)
    assert on_white(picture).getpixel((1, 1)) == (10, 20, 30)


def test_a_turned_photograph_is_coded_upright(tmp_path):
    picture = Pillow.fromarray(smooth())
    exif = Pillow.Exif()
    exif[0x0112] = 6  # turned by 90° clockwise
    picture.save(tmp_path / "a.png")
    picture.transpose(Pillow.Transpose.ROTATE_90).save(tmp_path / "b.png", exif=exif)
    assert figure_image_code(tmp_path / "a.png") == figure_image_code(tmp_path / "b.png")


def test_a_figure_has_the_code_of_its_file(tmp_path):
    Pillow.fromarray(smooth()).save(tmp_path / "a.png")
    codes = code_figure(tmp_path / "a.png")
    assert codes.iscc == tree_code(tmp_path / "a.png").iscc
    assert codes.image_code == picture_image_code(Pillow.fromarray(smooth()))


@pytest.mark.parametrize("content", [b"%PDF-1.7 ...", b"<svg/>", b"", b"\x89PNG\r\n\x1a\n broken"])
def test_what_is_no_picture_has_the_code_of_its_file_alone(tmp_path, content):
    (tmp_path / "a").write_bytes(content)
    codes = code_figure(tmp_path / "a")
    assert codes.image_code is None
    assert codes.tree.filesize == len(content)
