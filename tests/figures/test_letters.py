import cv2
import numpy as np
import pytest
from figure_drawing import micrograph, page, paste
from PIL import Image, ImageDraw, ImageFont

from biocodes_crate.figures.model import Box
from biocodes_crate.figures.order import reading_order
from biocodes_crate.figures.pictures import find_panels
from biocodes_crate.figures.placing import Text, letters_for


@pytest.mark.parametrize("inside", [True, False])
def test_letters_in_or_above_the_corner_are_read(inside: bool) -> None:
    canvas = page(660, 260)
    font = ImageFont.load_default(24)
    for i in range(3):
        paste(canvas, micrograph(i, 200, 200), 10 + 215 * i, 45)
    drawn = Image.fromarray(canvas)
    for i, letter in enumerate("ABC"):
        place = (14 + 215 * i, 46) if inside else (10 + 215 * i, 10)
        ImageDraw.Draw(drawn).text(place, letter, fill=(255,) * 3 if inside else (0,) * 3, font=font)
    assert [p.label for p in find_panels(np.asarray(drawn))] == ["A", "B", "C"]


def test_no_letter_is_read_where_there_is_none() -> None:
    canvas = page(660, 220)
    for i in range(3):
        paste(canvas, micrograph(i, 200, 200), 10 + 215 * i, 10)
    assert [p.label for p in find_panels(canvas)] == [None] * 3


def test_other_marks_are_not_letters() -> None:
    canvas = page(440, 260)
    for i in range(2):
        paste(canvas, micrograph(i, 200, 200), 10 + 215 * i, 45)
        cv2.circle(canvas, (20 + 215 * i, 20), 9, (0, 0, 0), -1)
    assert [p.label for p in find_panels(canvas)] == [None] * 2


def test_reading_order_goes_by_rows_with_insets_after_their_parents() -> None:
    boxes = [Box(220, 12, 200, 150), Box(10, 240, 400, 90), Box(10, 10, 200, 200), Box(150, 150, 50, 50)]
    assert reading_order(boxes) == [2, 3, 0, 1]


def test_letters_from_text_go_to_the_nearest_corner() -> None:
    boxes = [Box(10, 20, 30, 30), Box(50, 20, 30, 30)]
    texts = [Text("(b)", Box(50, 15, 2, 3)), Text("a", Box(10, 15, 2, 3)), Text("Fig", Box(10, 5, 2, 3))]
    assert letters_for(boxes, texts) == ["a", "b"]
