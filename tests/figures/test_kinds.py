"""What is a micrograph, and what only looks busy."""

import cv2
import numpy as np
import pytest
from figure_drawing import Pixels, micrograph, page, paste
from PIL import Image, ImageDraw, ImageFont

from biocodes_crate.figures import PanelKind
from biocodes_crate.figures.content import judge_kind
from biocodes_crate.figures.pictures import find_panels
from biocodes_crate.figures.text import find_text


def written(lines: list[str], size: int, ground: tuple[int, int, int] = (255, 255, 255)) -> Pixels:
    """Words, cut close."""
    font = ImageFont.load_default(size)
    canvas = Image.new("RGB", (int(0.75 * size * max(map(len, lines))), int(1.35 * size * len(lines))), ground)
    for i, line in enumerate(lines):
        ImageDraw.Draw(canvas).text((2, 1.3 * size * i), line, fill=(0, 0, 0), font=font)
    return np.asarray(canvas)


@pytest.mark.parametrize("ground", [(255, 255, 255), (232, 232, 232)])
@pytest.mark.parametrize(
    "lines", [["Input data", "(grayscale image)"], ["0.532", "53.200", "5.586", "73.416", "11.172"]]
)
def test_words_and_columns_of_numbers_are_text(lines: list[str], ground: tuple[int, int, int]) -> None:
    assert judge_kind(written(lines, 22, ground)) is PanelKind.TEXT


def test_a_micrograph_with_a_caption_stays_an_image() -> None:
    picture = Image.fromarray(micrograph(1, 300, 200, 190))
    ImageDraw.Draw(picture).text(
        (8, 170), "DAPI, 24 h after treatment", fill=(0, 0, 0), font=ImageFont.load_default(18)
    )
    assert judge_kind(np.asarray(picture)) is PanelKind.IMAGE


def test_a_filled_box_with_a_frame_is_a_drawing() -> None:
    canvas = page(80, 60, (144, 238, 144))
    cv2.rectangle(canvas, (1, 1), (78, 58), (0, 0, 0), 2)
    assert judge_kind(canvas) is not PanelKind.IMAGE


def test_flat_colours_with_hard_edges_are_no_image() -> None:
    canvas = page(160, 160)
    colours = [(255, 255, 0), (255, 0, 255), (0, 255, 255), (190, 190, 0)]
    for i in range(40):
        x, y = 4 + 19 * (i % 8), 4 + 30 * (i // 8)
        cv2.rectangle(canvas, (x, y), (x + 15, y + 24), colours[i % 4], -1)
        cv2.rectangle(canvas, (x, y), (x + 15, y + 24), (0, 0, 0), 1)
    assert judge_kind(canvas) is not PanelKind.IMAGE


def test_windows_around_images_are_no_panels() -> None:
    canvas = page(720, 260)
    cv2.rectangle(canvas, (10, 10), (700, 250), (200, 200, 200), -1)
    for x in (20, 34, 48):
        cv2.circle(canvas, (x, 28), 5, (255, 96, 92), -1, cv2.LINE_AA)
    cv2.putText(canvas, "control, denoised", (250, 32), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (60, 60, 60), 1, cv2.LINE_AA)
    truth = [paste(canvas, micrograph(i, 210, 195), 20 + 228 * i, 46) for i in range(3)]
    found = [tuple(p.box) for p in find_panels(canvas) if p.kind is PanelKind.IMAGE]
    assert sorted(found) == sorted(truth)


def test_lines_of_text_are_found_where_they_stand() -> None:
    canvas = micrograph(2, 300, 200, 180)
    drawn = Image.fromarray(canvas)
    ImageDraw.Draw(drawn).text((40, 60), "control", fill=(0, 0, 0), font=ImageFont.load_default(26))
    lines, _ = find_text(np.asarray(drawn))
    (line,) = [line for line in lines if len(line.characters) >= 5]
    assert 38 <= line.x0 <= 46
    assert 55 <= line.y0 <= 75
    assert len(line.characters) == 7
