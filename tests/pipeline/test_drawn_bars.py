"""Scale bars that a document draws over an embedded image, against the pixel size of its source."""

import base64
import io
from pathlib import Path

import numpy as np
import pytest
from drawn_study import blobs
from imagewriters import write_ome_zarr
from pdf_writing import image, stream, write_objects
from PIL import Image
from pptx import Presentation
from pptx.enum.shapes import MSO_SHAPE
from pptx.util import Emu

from biocodes_crate.pipeline import build_study

# The panel has half of the pixels of its source, which are 0.2 µm wide: 50 pixels of the panel are 20 µm.
SOURCE = np.asarray(blobs(7, (360, 400), 300))
CROP = SOURCE[40:320, 60:340]


@pytest.fixture
def study(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    (tmp_path / "figures").mkdir()
    write_ome_zarr(tmp_path / "images" / "a.ome.zarr", SOURCE[None, None, None], scale=(1, 1, 1, 0.2, 0.2))
    return tmp_path


def picture() -> io.BytesIO:
    buffer = io.BytesIO()
    Image.fromarray(CROP).resize((140, 140), Image.Resampling.BOX).save(buffer, "PNG")
    buffer.seek(0)
    return buffer


def svg(path: Path, length: float) -> None:
    uri = base64.b64encode(picture().getvalue()).decode()
    path.write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="200" height="200">'
        f'<image x="20" y="20" width="140" height="140" href="data:image/png;base64,{uri}"/>'
        f'<rect x="90" y="145" width="{length}" height="3" fill="white"/>'
        '<text x="95" y="140" font-size="8">20 µm</text></svg>'
    )


def pptx(path: Path, length: float) -> None:
    deck = Presentation()
    shapes = deck.slides.add_slide(deck.slide_layouts[6]).shapes
    unit = 40_000
    shapes.add_picture(picture(), Emu(20 * unit), Emu(20 * unit), width=Emu(140 * unit))
    shapes.add_shape(MSO_SHAPE.RECTANGLE, Emu(90 * unit), Emu(145 * unit), Emu(round(length * unit)), Emu(3 * unit))
    text = shapes.add_textbox(Emu(90 * unit), Emu(133 * unit), Emu(40 * unit), Emu(11 * unit))
    text.text_frame.text = "20 µm"
    deck.save(str(path))


def pdf(path: Path, length: float) -> None:
    """A point for each pixel of the panel, which is a vector page with an embedded image, a rectangle and words."""
    pixels = np.asarray(Image.open(picture()))
    drawing = b"q 140 0 0 140 20 40 cm /I6 Do Q 1 g 90 52 %f 3 re f " % length
    font = b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>"
    path.write_bytes(
        write_objects(
            [
                b"<</Type/Catalog/Pages 2 0 R>>",
                b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
                b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 200 200]/Contents 4 0 R/Resources 5 0 R>>",
                stream(b"", drawing + b"BT /H 8 Tf 95 60 Td (20 \\265m) Tj ET"),
                b"<</XObject<</I6 6 0 R>>/Font<</H %s>>>>" % font,
                image(pixels),
            ]
        )
    )


@pytest.mark.parametrize(("length", "told"), [(50, False), (51.5, False), (56, True), (44, True)])
@pytest.mark.parametrize("write", [svg, pptx, pdf], ids=lambda write: write.__name__)
def test_a_drawn_bar_that_is_off_by_more_than_5_percent_is_told(study: Path, write, length: float, told: bool) -> None:
    write(study / "figures" / f"fig.{write.__name__}", length)
    result = build_study(study)
    assert result.backed == 1
    assert ("scale-bar-mismatch" in {finding.id for finding in result.findings}) is told
