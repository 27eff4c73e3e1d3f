import numpy as np
import pytest
from figure_drawing import Pixels, micrograph
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw, ImageFont

from biocodes_crate.figures.scalebars import ScaleBar, bar_ratio, disagrees, find_scale_bar


def with_bar(
    label: str | None, length: int = 80, size: int = 20, colour: tuple[int, int, int] = (255, 255, 255), seed: int = 3
) -> Pixels:
    """A bar in the lower right corner of a micrograph, with its label above it."""
    ground = 40 if colour[0] > 100 else 190
    picture = Image.fromarray(np.clip(micrograph(seed, 320, 260, ground), 1, 150).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((290 - length, 235, 290 - 1, 239), fill=colour)
    if label:
        font = ImageFont.load_default(size)
        draw.text((290 - length / 2, 228), label, fill=colour, font=font, anchor="md")
    return np.asarray(picture)


@settings(max_examples=25, deadline=None)
@given(length=st.integers(25, 180), seed=st.integers(0, 500))
def test_a_bar_is_measured_to_the_pixel(length: int, seed: int) -> None:
    bar = find_scale_bar(with_bar(None, length, seed=seed))
    assert bar == ScaleBar(290 - length, 235, length)


@pytest.mark.parametrize("colour", [(255, 255, 255), (0, 0, 0)])
@pytest.mark.parametrize(
    ("label", "micrometres"),
    [
        ("10 um", 10),
        ("1 mm", 1000),
        ("50 um", 50),
        ("5um", 5),
        ("20 um", 20),
        ("200 nm", 0.2),
        ("25 um", 25),
        ("0.5 um", 0.5),
    ],
)
def test_number_and_unit_are_read(label: str, micrometres: float, colour: tuple[int, int, int]) -> None:
    read = [find_scale_bar(with_bar(label, 90, size, colour)) for size in (18, 24, 30)]
    values = {bar.micrometres for bar in read if bar is not None}
    # It may say that it does not know, never something else.
    assert values <= {None, micrometres}
    assert micrometres in values


@pytest.mark.parametrize("label", ["um", "10 px", "drug", "10 s", "24 h", "x 100", "10.um"])
def test_other_words_are_no_length(label: str) -> None:
    bar = find_scale_bar(with_bar(label, 90, 24))
    assert bar is not None
    assert bar.micrometres is None


def test_two_bars_are_none() -> None:
    picture = with_bar(None).copy()
    picture[20:25, 30:100] = 255
    assert find_scale_bar(picture) is None


def test_a_picture_without_a_bar_has_none() -> None:
    assert [find_scale_bar(micrograph(seed, 300, 300)) for seed in range(8)] == [None] * 8


def test_a_bar_is_compared_along_the_axis_of_the_source_that_it_lies_on() -> None:
    bar = ScaleBar(0, 0, 100, 50.0)
    assert bar_ratio(bar, ((2, 0, 5), (0, 2, 7)), (0.25, 9)) == pytest.approx(1)
    assert bar_ratio(bar, ((0, 2, 5), (2, 0, 7)), (9, 0.25)) == pytest.approx(1)  # turned by 90°
    assert bar_ratio(bar, ((2, 0, 5), (0, 2, 7)), (0.5, 0.5)) == pytest.approx(2)
    assert bar_ratio(ScaleBar(0, 0, 100), ((2, 0, 5), (0, 2, 7)), (0.5, 0.5)) is None


@pytest.mark.parametrize(
    ("length", "ratio", "wrong"), [(200, 1.04, False), (200, 1.07, True), (200, 0.9, True), (20, 1.1, False)]
)
def test_beyond_five_percent_and_a_pixel_is_a_mismatch(length: float, ratio: float, wrong: bool) -> None:
    assert disagrees(ScaleBar(0, 0, length, 10), ratio) is wrong
