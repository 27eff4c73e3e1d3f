"""Scale bars that documents draw over embedded images, as lines or rectangles with text."""

import base64
import io
import math
from pathlib import Path

import pytest
from figure_drawing import Pixels, micrograph
from pdf_writing import image, stream, write_objects
from PIL import Image
from pptx import Presentation
from pptx.dml.color import RGBColor
from pptx.enum.shapes import MSO_CONNECTOR, MSO_SHAPE
from pptx.util import Emu, Pt

from biocodes_crate.figures import Panel, open_figure
from biocodes_crate.figures.scalebars import ScaleBar
from biocodes_crate.figures.vector_bars import stated_length

PICTURE = micrograph(4, 300, 240)
PIXEL = 12_700  # English Metric Units for each pixel of the picture


@pytest.mark.parametrize(
    ("text", "micrometres"),
    [
        ("20 µm", 20),
        ("20 \N{GREEK SMALL LETTER MU}m", 20),
        ("0.5um", 0.5),
        ("2,5\N{NO-BREAK SPACE}mm", 2500),
        ("200 nm", 0.2),
        ("20 ms", None),
        ("x 20 µm", None),
        ("0 µm", None),
        ("20 µm 40 µm", None),
        ("A", None),
    ],
)
def test_a_label_is_a_number_and_a_unit(text: str, micrometres: float | None) -> None:
    assert stated_length(text) == micrometres


def bar_of(path: Path) -> ScaleBar | None:
    panels: list[Panel] = [panel for page in open_figure(path).pages for panel in page.panels]
    assert len(panels) == 1
    return panels[0].scale_bar


def pdf(path: Path, drawing: bytes, words: bytes, rotation: int = 0) -> Path:
    """A page with the picture at (50, 50), a point for a pixel; µ is 265 in this encoding."""
    content = b"q 300 0 0 240 50 50 cm /I6 Do Q\n" + drawing + b"\n" + words
    path.write_bytes(
        write_objects(
            [
                b"<</Type/Catalog/Pages 2 0 R>>",
                b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
                b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 400 340]/Rotate %d/Contents 4 0 R/Resources 5 0 R>>"
                % rotation,
                stream(b"", content),
                b"<</XObject<</I6 6 0 R/F7 7 0 R>>/Font<</H<</Type/Font/Subtype/Type1/BaseFont/Helvetica"
                b"/Encoding/WinAnsiEncoding>>>>>>",
                image(PICTURE),
                stream(b"/Type/XObject/Subtype/Form/BBox[0 0 1000 1000]", b"1 g 0 0 40 2 re f"),
            ]
        )
    )
    return path


WORDS = b"BT /H 12 Tf 1 g 240 80 Td (20 \\265m) Tj ET"


@pytest.mark.parametrize(
    "drawing",
    [
        b"1 g 220 70 80 4 re f",
        b"1 G 4 w 220 72 m 300 72 l S",
        b"1 G 4 w 2 J 222 72 m 298 72 l S",  # projecting caps reach over the ends
        b"q 2 0 0 2 0 0 cm 1 G 2 w 110 36 m 150 36 l S Q",
        b"q 2 0 0 2 220 70 cm /F7 Do Q",
        b"1 g 220 70 m 300 70 l 300 74 l 220 74 l h f",
    ],
)
def test_a_bar_of_a_pdf_is_measured_exactly(tmp_path: Path, drawing: bytes) -> None:
    bar = bar_of(pdf(tmp_path / "a.pdf", drawing, WORDS))
    assert bar is not None
    assert bar.micrometres == 20
    assert bar.length == pytest.approx(80, abs=0.05)
    assert (bar.x, bar.y) == pytest.approx((170, 290 - 74), abs=0.05)


@pytest.mark.parametrize(
    ("drawing", "words"),
    [
        (b"220 70 80 4 re n", WORDS),  # not painted
        (b"1 g 220 70 80 40 re f", WORDS),  # a box
        (b"q 200 100 200 200 re W n 1 g 220 70 80 4 re f Q", WORDS),  # below what a clip leaves
        (b"q 200 0 200 60 re W n 1 g 220 70 80 4 re f Q", WORDS),  # above it
        (b"1 G 4 w 220 60 m 300 120 l S", WORDS),  # slanted
        (b"1 g 220 70 80 4 re f", b""),  # nothing is written: its length is not known
        (b"1 g 220 70 80 4 re f", b"BT /H 12 Tf 1 g 240 200 Td (20 \\265m) Tj ET"),  # far away
        (b"1 g 220 70 80 4 re f 90 270 60 4 re f", WORDS + b" BT /H 12 Tf 1 g 90 255 Td (15 \\265m) Tj ET"),  # two
        (b"1 g 20 20 80 4 re f", b"BT /H 12 Tf 0 g 40 28 Td (20 \\265m) Tj ET"),  # outside of the panel
    ],
)
def test_what_is_no_clear_bar_says_no_length(tmp_path: Path, drawing: bytes, words: bytes) -> None:
    bar = bar_of(pdf(tmp_path / "a.pdf", drawing, words))
    assert bar is None or bar.micrometres is None


def svg(path: Path, drawing: str) -> Path:
    buffer = io.BytesIO()
    Image.fromarray(PICTURE).save(buffer, "PNG")
    uri = base64.b64encode(buffer.getvalue()).decode()
    path.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="400" height="340">'
        f'<image x="50" y="50" width="150" height="120" href="data:image/png;base64,{uri}"/>{drawing}</svg>'
    )
    return path


@pytest.mark.parametrize(
    "drawing",
    [
        '<rect x="140" y="150" width="40" height="2" fill="white"/>'
        '<text x="160" y="146" font-size="8" text-anchor="middle" fill="white">20 µm</text>',
        '<line x1="140" y1="151" x2="180" y2="151" stroke="white" stroke-width="2"/>'
        '<text x="140" y="165" style="font-size:8px;fill:white">20 μm</text>',
        '<g stroke="white" stroke-width="1" transform="translate(100 100) scale(2)"><path d="M20 25.5h20"/></g>'
        '<text x="160" y="146" style="font: 8px Arial; text-anchor: middle">20 µm</text>',
        '<g transform="translate(140 151)"><path style="stroke:#fff;stroke-width:2" d="M0 0L40 0"/>'
        '<text y="-5"><tspan x="8" y="-5" font-size="8">20</tspan><tspan> µm</tspan></text></g>',
    ],
)
def test_a_bar_of_an_svg_is_measured_exactly(tmp_path: Path, drawing: str) -> None:
    """The picture is shown at half its size: 40 units are 80 of its pixels."""
    bar = bar_of(svg(tmp_path / "a.svg", drawing))
    assert bar is not None
    assert bar.micrometres == 20
    assert (bar.x, bar.y, bar.length) == pytest.approx((180, 200, 80), abs=0.05)


def slide(path: Path, kind: str, pixels: Pixels = PICTURE) -> Path:
    """The picture at (60, 40), and a bar of 80 pixels, 4 high, with text above it."""
    deck = Presentation()
    shapes = deck.slides.add_slide(deck.slide_layouts[6]).shapes
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    shapes.add_picture(buffer, Emu(60 * PIXEL), Emu(40 * PIXEL), width=Emu(300 * PIXEL))
    x, y = 60 + 200, 40 + 215
    if kind == "line":
        line = shapes.add_connector(
            MSO_CONNECTOR.STRAIGHT, Emu(x * PIXEL), Emu((y + 2) * PIXEL), Emu((x + 80) * PIXEL), Emu((y + 2) * PIXEL)
        )
        line.line.width = Pt(4)
        line.line.color.rgb = RGBColor(255, 255, 255)
    else:
        group = shapes.add_group_shape() if kind == "group" else None
        target = group.shapes if group is not None else shapes
        target.add_shape(MSO_SHAPE.RECTANGLE, Emu(x * PIXEL), Emu(y * PIXEL), Emu(80 * PIXEL), Emu(4 * PIXEL))
    text = shapes.add_textbox(Emu((x - 10) * PIXEL), Emu((y - 22) * PIXEL), Emu(100 * PIXEL), Emu(20 * PIXEL))
    text.text_frame.text = "20 µm"
    deck.save(str(path))
    return path


@pytest.mark.parametrize("kind", ["rectangle", "line", "group"])
def test_a_bar_of_a_slide_is_measured_exactly(tmp_path: Path, kind: str) -> None:
    bar = bar_of(slide(tmp_path / "a.pptx", kind))
    assert bar is not None
    assert bar.micrometres == 20
    assert (bar.x, bar.y, bar.length) == pytest.approx((200, 215, 80), abs=0.05)


def test_a_bar_on_a_turned_page_is_measured_along_the_page(tmp_path: Path) -> None:
    """The page is shown turned by 180°: what was drawn level stays level."""
    bar = bar_of(pdf(tmp_path / "a.pdf", b"1 g 220 70 80 4 re f", WORDS, rotation=180))
    assert bar is not None
    assert math.isclose(bar.length, 80, abs_tol=0.05)
