"""What programs really write: masks, strips, flattened pages, outlines for text."""

import base64
import io
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from figure_drawing import Pixels, micrograph, overlap, page, paste
from lxml import etree
from pdf_writing import draw, image, one_page
from PIL import Image, ImageDraw, ImageFont
from pptx import Presentation
from pptx.util import Emu

from biocodes_crate.figures import Panel, PanelKind, open_figure
from biocodes_crate.figures.placing import Matrix, Placed
from biocodes_crate.figures.strips import join_strips


def panels_of(path: Path, content: bytes) -> tuple[Panel, ...]:
    path.write_bytes(content)
    return open_figure(path).pages[0].panels


def test_a_soft_mask_hides_its_part_of_an_image(tmp_path: Path) -> None:
    pixels = micrograph(1, 200, 160)
    opacity = np.full((160, 200), 255, np.uint8)
    opacity[:, :50] = 0
    content = one_page(draw(6, 20, 20, 200, 160), [image(pixels, b"/SMask 7 0 R"), image(opacity)])
    (panel,) = panels_of(tmp_path / "fig.pdf", content)
    assert np.array_equal(panel.pixels[:, 52:], pixels[:, 52:])
    assert (panel.pixels[:, :48] == 255).all()
    assert panel.mask[:, :48].all()
    assert panel.mask[:, 60:].mean() < 0.05


@pytest.mark.parametrize("flip", [1, -1])
@pytest.mark.parametrize("across", [False, True])
def test_an_image_in_strips_is_one_panel(tmp_path: Path, across: bool, flip: int) -> None:
    pixels = micrograph(2, 240, 180)
    bounds = [0, 37, 74, 111, 180]
    if across:
        parts = [pixels[:, a:b] for a, b in zip(bounds, [*bounds[1:-1], 240], strict=False)]
        placed = [(20 + a, 10, p.shape[1], 180) for a, p in zip(bounds, parts, strict=False)]
    else:
        parts = [pixels[a:b] for a, b in pairwise(bounds)]
        placed = [(20, 190 - b, 240, b - a) for a, b in pairwise(bounds)]
    content = b"".join(draw(6 + i, *place) for i, place in list(enumerate(placed))[::flip])
    (panel,) = panels_of(tmp_path / "fig.pdf", one_page(content, [image(part) for part in parts]))
    assert np.array_equal(panel.pixels, pixels)
    assert np.allclose(panel.box, (5, 5, 60, 90))


def test_two_panels_that_touch_are_not_joined(tmp_path: Path) -> None:
    content = draw(6, 20, 100, 150, 90) + draw(7, 20, 10, 150, 90)
    images = [image(micrograph(1, 150, 90)), image(micrograph(2, 150, 90, 110))]
    assert len(panels_of(tmp_path / "fig.pdf", one_page(content, images))) == 2


def test_many_strips_are_joined_in_one_go() -> None:
    pixels = np.repeat(np.arange(200, dtype=np.uint8)[:, None, None], 90, axis=1).repeat(3, axis=2)
    strips = [Placed(pixels[i : i + 1], Matrix(2, 0, 0, 2, 5, 7 + 2 * i)) for i in range(200)]
    (whole,) = join_strips(strips[::-1])
    assert np.array_equal(whole.pixels, pixels)


def flattened() -> tuple[Pixels, list[tuple[int, int, int, int]]]:
    canvas = page(900, 460)
    boxes = [paste(canvas, micrograph(i, 400, 400), 30 + 430 * i, 40) for i in range(2)]
    drawn = Image.fromarray(canvas)
    for i, letter in enumerate("AB"):
        ImageDraw.Draw(drawn).text((30 + 430 * i, 4), letter, fill=(0, 0, 0), font=ImageFont.load_default(28))
    return np.asarray(drawn), boxes


@pytest.mark.parametrize("suffix", ["pdf", "ai", "svg", "pptx"])
def test_a_figure_that_was_flattened_into_one_image_is_taken_apart(tmp_path: Path, suffix: str) -> None:
    canvas, boxes = flattened()
    path = tmp_path / f"fig.{suffix}"
    if suffix in ("pdf", "ai"):
        path.write_bytes(one_page(draw(6, 0, 0, 450, 230), [image(canvas)], (450, 230)))
    elif suffix == "svg":
        buffer = io.BytesIO()
        Image.fromarray(canvas).save(buffer, "PNG")
        data = base64.b64encode(buffer.getvalue()).decode()
        path.write_text(
            '<svg xmlns="http://www.w3.org/2000/svg" width="900" height="460">'
            f'<image width="900" height="460" href="data:image/png;base64,{data}"/></svg>'
        )
    else:
        Image.fromarray(canvas).save(tmp_path / "a.png")
        deck = Presentation()
        deck.slide_width, deck.slide_height = Emu(9_000_000), Emu(4_600_000)
        slide = deck.slides.add_slide(deck.slide_layouts[6])
        slide.shapes.add_picture(str(tmp_path / "a.png"), 0, 0, 9_000_000, 4_600_000)
        deck.save(str(path))
    panels = open_figure(path).pages[0].panels
    assert [p.label for p in panels] == ["A", "B"]
    for panel, (x, y, w, h) in zip(panels, boxes, strict=True):
        assert overlap(tuple(panel.box), (x / 9, y / 4.6, w / 9, h / 4.6)) > 0.98
        assert np.array_equal(panel.pixels, canvas[y : y + h, x : x + w])


def test_one_large_micrograph_is_not_taken_apart(tmp_path: Path) -> None:
    pixels = micrograph(4, 800, 600, 225)
    (panel,) = panels_of(tmp_path / "fig.pdf", one_page(draw(6, 0, 0, 400, 300), [image(pixels)], (400, 300)))
    assert panel.pixels.shape == pixels.shape


@pytest.mark.parametrize("space", ["grey", "rgb", "cmyk", "indexed", "calibrated", "separation"])
def test_images_of_every_colour_space_are_read(tmp_path: Path, space: str) -> None:
    grey = micrograph(3, 150, 120)[..., 0]
    ramp = bytes(v for i in range(256) for v in (i, 255 - i, 0))
    function = b"<</FunctionType 2/Domain[0 1]/C0[1 1 1]/C1[0 0 0]/N 1>>"
    made = {
        "grey": (image(grey), np.repeat(grey[..., None], 3, axis=2)),
        "rgb": (image(micrograph(3, 150, 120)), micrograph(3, 150, 120)),
        "cmyk": (
            image(np.stack([grey * 0, grey * 0, grey * 0, 255 - grey], axis=2)),
            np.repeat(grey[..., None], 3, axis=2),
        ),
        "indexed": (
            image(grey, space=b"[/Indexed/DeviceRGB 255<%s>]" % ramp.hex().encode()),
            np.stack([grey, 255 - grey, grey * 0], axis=2),
        ),
        "calibrated": (
            image(grey, space=b"[/CalGray<</WhitePoint[0.95 1 1.09]>>]"),
            np.repeat(grey[..., None], 3, axis=2),
        ),
        "separation": (
            image(grey, space=b"[/Separation/Black/DeviceRGB %s]" % function),
            np.repeat(255 - grey[..., None], 3, axis=2),
        ),
    }
    (panel,) = panels_of(tmp_path / "fig.pdf", one_page(draw(6, 20, 20, 150, 120), [made[space][0]]))
    expected = made[space][1].astype(float)
    # CMYK goes through PDFium's profile: darker, but in the same order.
    if space == "cmyk":
        assert np.corrcoef(panel.pixels.ravel(), expected.ravel())[0, 1] > 0.97
    else:
        assert np.abs(panel.pixels - expected).max() <= 2


def test_a_clip_in_fractions_of_the_image_is_applied(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    pixels = micrograph(1, 100, 80)
    Image.fromarray(pixels).save(buffer, "PNG")
    data = base64.b64encode(buffer.getvalue()).decode()
    (tmp_path / "fig.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="400" height="200"><defs>'
        '<clipPath id="c" clipPathUnits="objectBoundingBox"><rect x="0.2" y="0.25" width="0.5" height="0.5"/></clipPath></defs>'
        f'<image x="40" y="20" width="200" height="160" clip-path="url(#c)" href="data:image/png;base64,{data}"/></svg>'
    )
    (panel,) = open_figure(tmp_path / "fig.svg").pages[0].panels
    assert np.array_equal(panel.pixels, pixels[20:60, 20:70])
    assert np.allclose(panel.box, (20, 30, 25, 40))


def test_letters_that_were_turned_into_outlines_are_read_from_the_drawn_page(tmp_path: Path) -> None:
    """An "L" of two bars in millimetres, as Illustrator and matplotlib write text."""
    images = ""
    for i in range(2):
        buffer = io.BytesIO()
        Image.fromarray(micrograph(i, 200, 160)).save(buffer, "PNG")
        data = base64.b64encode(buffer.getvalue()).decode()
        images += f'<image x="{5 + 90 * i}" y="20" width="75" height="60" href="data:image/png;base64,{data}"/>'
    bars = '<path d="M5 8h2v8h4v2h-6z"/><path d="M95 8h2.4l4 6v-6h2v10h-2.4l-4-6v6h-2z"/>'
    (tmp_path / "fig.svg").write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="180mm" height="90mm" viewBox="0 0 180 90">{images}{bars}</svg>'
    )
    assert [p.label for p in open_figure(tmp_path / "fig.svg").pages[0].panels] == ["L", "N"]


def test_a_shape_filled_with_a_picture_is_a_panel(tmp_path: Path) -> None:
    pixels = micrograph(1, 100, 80)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    deck = Presentation()
    deck.slide_width, deck.slide_height = Emu(4_000_000), Emu(2_000_000)
    slide = deck.slides.add_slide(deck.slide_layouts[6])
    shape = slide.shapes.add_shape(1, 1_000_000, 500_000, 800_000, 640_000)
    _, name = slide.part.get_or_add_image_part(str(tmp_path / "a.png"))
    fill = etree.fromstring(
        '<a:blipFill xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main" '
        'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
        f'<a:blip r:embed="{name}"/><a:srcRect l="10000" b="25000"/><a:stretch><a:fillRect/></a:stretch></a:blipFill>'
    )
    shape._element.spPr.insert(2, fill)
    deck.save(str(tmp_path / "fig.pptx"))
    (panel,) = open_figure(tmp_path / "fig.pptx").pages[0].panels
    assert panel.kind is PanelKind.IMAGE
    assert np.allclose(panel.box, (25, 25, 20, 32))
    assert np.array_equal(panel.pixels, pixels[:60, 10:])


def test_only_the_first_hundred_pages_are_read(tmp_path: Path) -> None:
    import pypdfium2

    document = pypdfium2.PdfDocument.new()
    for _ in range(103):
        document.new_page(50, 50)
    document.save(tmp_path / "fig.pdf")
    document.close()
    figure = open_figure(tmp_path / "fig.pdf")
    assert len(figure.pages) == 100
    assert [f.id for f in figure.findings] == ["figure-too-long"]
