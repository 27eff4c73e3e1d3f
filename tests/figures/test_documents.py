import base64
import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pypdfium2
import pypdfium2.raw as pdfium
import pytest
from figure_drawing import Pixels, micrograph
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pptx import Presentation
from pptx.util import Emu

from biocodes_crate.errors import UnreadableFigure
from biocodes_crate.figures import PageUnit, Panel, open_figure
from biocodes_crate.figures.model import Box
from biocodes_crate.figures.placing import Matrix, Placed, intersect, place
from biocodes_crate.figures.svg_geometry import fitted, length, parse_path_bounds, parse_transform
from biocodes_crate.study.manifest import DeclaredFigure, DeclaredPanel, DeclaredProjection, DeclaredSource


def png(pixels: Pixels) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format="PNG")
    return buffer.getvalue()


def data_uri(pixels: Pixels) -> str:
    return "data:image/png;base64," + base64.b64encode(png(pixels)).decode()


def only_panel(path: Path) -> Panel:
    (page,) = open_figure(path).pages
    assert page.unit is PageUnit.PERCENT
    (panel,) = page.panels
    return panel


def write_svg(path: Path, body: str, head: str = 'width="400" height="200"') -> Path:
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" {head}>{body}</svg>'
    )
    return path


def add_to_pdf(
    document: pypdfium2.PdfDocument, page: pypdfium2.PdfPage, pixels: Pixels, matrix: tuple[float, ...]
) -> None:
    image = pypdfium2.PdfImage.new(document)
    image.set_bitmap(pypdfium2.PdfBitmap.from_pil(Image.fromarray(pixels)))
    image.set_matrix(pypdfium2.PdfMatrix(*matrix))
    page.insert_obj(image)


def write_pdf(path: Path, placed: list[tuple[Pixels, tuple[float, ...]]], rotation: int = 0) -> Path:
    document = pypdfium2.PdfDocument.new()
    page = document.new_page(400, 200)
    for pixels, matrix in placed:
        add_to_pdf(document, page, pixels, matrix)
    page.gen_content()
    page.set_rotation(rotation)
    document.save(path)
    document.close()
    return path


@settings(max_examples=40, deadline=None)
@given(
    numbers=st.lists(st.floats(-50, 50), min_size=12, max_size=12),
    x=st.floats(-10, 10),
    y=st.floats(-10, 10),
)
def test_matrices_apply_one_after_the_other(numbers: list[float], x: float, y: float) -> None:
    first, second = Matrix(*numbers[:6]), Matrix(*numbers[6:])
    assert np.allclose(second.after(first).point(x, y), second.point(*first.point(x, y)), atol=1e-6)


@settings(max_examples=30, deadline=None)
@given(
    turns=st.integers(0, 3),
    flip=st.booleans(),
    scale=st.floats(0.5, 3),
    crop=st.tuples(*[st.integers(0, 15)] * 4),
)
def test_an_image_is_placed_as_the_page_shows_it(
    turns: int, flip: bool, scale: float, crop: tuple[int, int, int, int]
) -> None:
    pixels = micrograph(5, 60, 50)
    shown = np.rot90(pixels[:, ::-1] if flip else pixels, -turns)  # mirrored, then turned clockwise
    quarter = Matrix(*[(1, 0, 0, 1), (0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0)][turns], 200, 200)
    matrix = Matrix(scale, 0, 0, scale).after(quarter).after(Matrix(-1 if flip else 1, 0, 0, 1))
    whole = matrix.bounds(Box(0, 0, 60, 50))
    left, top, right, bottom = crop
    clip = Box(
        whole.x + left * scale,
        whole.y + top * scale,
        whole.w - (left + right) * scale,
        whole.h - (top + bottom) * scale,
    )
    panel = place(Placed(pixels, matrix, clip), 800, 800)
    assert panel is not None
    expected = shown[top : shown.shape[0] - bottom, left : shown.shape[1] - right]
    assert np.array_equal(panel.pixels, expected)
    assert np.allclose(panel.box, [v / 8 for v in clip])


def test_a_slanted_image_keeps_its_scale_and_masks_what_lies_outside() -> None:
    panel = place(Placed(micrograph(5, 100, 80), parse_transform("translate(200 200) rotate(30) scale(2)")), 600, 600)
    assert panel is not None
    width, height = 100 * np.cos(np.pi / 6) + 80 / 2, 100 / 2 + 80 * np.cos(np.pi / 6)
    assert panel.pixels.shape[:2] == (round(height), round(width))
    assert panel.mask.mean() == pytest.approx(1 - 8000 / (width * height), abs=0.03)


def test_what_is_clipped_away_or_off_the_page_is_no_panel() -> None:
    pixels = micrograph(1, 60, 60)
    assert place(Placed(pixels, Matrix(e=500)), 400, 400) is None
    assert place(Placed(pixels, Matrix(), Box(100, 100, 50, 50)), 400, 400) is None
    assert place(Placed(pixels, Matrix(a=float("nan"))), 400, 400) is None


def test_pdf_images_come_with_pixels_and_place(tmp_path: Path) -> None:
    first, second = micrograph(1, 120, 80), micrograph(2, 90, 90)
    path = write_pdf(tmp_path / "fig.pdf", [(first, (160, 0, 0, 100, 20, 60)), (second, (100, 0, 0, 100, 240, 60))])
    (page,) = open_figure(path).pages
    assert [np.round(p.box, 3).tolist() for p in page.panels] == [[5, 20, 40, 50], [60, 20, 25, 50]]
    assert np.array_equal(page.panels[0].pixels, first)
    assert np.array_equal(page.panels[1].pixels, second)


def test_the_same_image_placed_twice_is_two_panels(tmp_path: Path) -> None:
    pixels = micrograph(1, 120, 80)
    path = write_pdf(tmp_path / "fig.pdf", [(pixels, (120, 0, 0, 80, 20, 60)), (pixels, (120, 0, 0, 80, 220, 60))])
    assert len(open_figure(path).pages[0].panels) == 2


@pytest.mark.parametrize(
    ("rotation", "box"),
    [(0, [10, 20, 30, 50]), (90, [30, 10, 50, 30]), (180, [60, 30, 30, 50]), (270, [20, 60, 50, 30])],
)
def test_turned_pdf_pages_turn_their_images(tmp_path: Path, rotation: int, box: list[float]) -> None:
    pixels = micrograph(1, 120, 100)
    panel = only_panel(write_pdf(tmp_path / "fig.pdf", [(pixels, (120, 0, 0, 100, 40, 60))], rotation))
    assert np.round(panel.box, 3).tolist() == box
    assert np.array_equal(panel.pixels, np.rot90(pixels, -rotation // 90))


def test_a_pdf_page_without_images_is_drawn_and_segmented(tmp_path: Path) -> None:
    document = pypdfium2.PdfDocument.new()
    page = document.new_page(400, 200)
    for x in range(20, 180, 4):
        for y in range(20, 180, 4):
            square = pypdfium2.PdfObject(pdfium.FPDFPageObj_CreateNewRect(x, y, 4, 4), page=None)
            grey = (x * 7 + y * 13) % 120 + 30
            pdfium.FPDFPageObj_SetFillColor(square, grey, grey, grey, 255)
            pdfium.FPDFPath_SetDrawMode(square, pdfium.FPDF_FILLMODE_WINDING, False)
            page.insert_obj(square)
    page.gen_content()
    document.save(tmp_path / "fig.pdf")
    document.close()
    assert np.round(only_panel(tmp_path / "fig.pdf").box).tolist() == [5, 10, 40, 80]


def test_an_svg_image_goes_through_transforms_viewports_and_clips(tmp_path: Path) -> None:
    pixels = micrograph(1, 100, 80)
    body = f"""
    <style>.cut{{clip-path:url(#window)}}</style>
    <defs><clipPath id="window"><path d="M20 10h60v40h-60z"/></clipPath></defs>
    <g transform="translate(50,20)"><g class="cut" transform="scale(2)">
      <image width="100" height="80" xlink:href="{data_uri(pixels)}"/></g></g>
    <text x="85" y="30" font-size="12">(A)</text>"""
    panel = only_panel(write_svg(tmp_path / "fig.svg", body))
    assert np.round(panel.box, 3).tolist() == [22.5, 20, 30, 40]
    assert np.array_equal(panel.pixels, pixels[10:50, 20:80])
    assert panel.label == "A"


def test_an_svg_use_shows_its_image_again(tmp_path: Path) -> None:
    body = f'<defs><image id="i" width="100" height="80" href="{data_uri(micrograph(1, 100, 80))}"/></defs>'
    body += '<use href="#i" x="10"/><use xlink:href="#i" x="200" y="50"/>'
    (page,) = open_figure(write_svg(tmp_path / "fig.svg", body)).pages
    assert [np.round(p.box, 2).tolist() for p in page.panels] == [[2.5, 0, 25, 40], [50, 25, 25, 40]]


def test_hidden_svg_images_are_no_panels(tmp_path: Path) -> None:
    image = f'<image width="100" height="80" href="{data_uri(micrograph(1, 100, 80))}"'
    body = f'{image} display="none"/><g style="display:none">{image}/></g>{image} visibility="hidden"/>'
    assert open_figure(write_svg(tmp_path / "fig.svg", body)).pages[0].panels == ()


def test_nothing_remote_is_fetched_by_an_svg(tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_bytes(png(micrograph(1, 100, 100)))
    body = '<image width="100" height="100" href="secret.png"/><image href="http://localhost:1/x.png" width="9" height="9"/>'
    figure = open_figure(write_svg(tmp_path / "fig.svg", body))
    assert figure.pages[0].panels == ()
    assert [f.id for f in figure.findings] == ["figure-remote-image"]


@pytest.mark.parametrize(
    ("transform", "point"),
    [
        ("translate(3)", (4, 1)),
        ("rotate(90)", (-1, 1)),
        ("rotate(180 2 2)", (3, 3)),
        ("matrix(1 2 3 4 5 6)", (9, 12)),
        ("scale(2) translate(1,1)", (4, 4)),
        ("skewX(45)", (2, 1)),
    ],
)
def test_svg_transforms_follow_the_specification(transform: str, point: tuple[float, float]) -> None:
    assert parse_transform(transform).point(1, 1) == pytest.approx(point)


def test_svg_lengths_and_paths_are_measured() -> None:
    assert length("1in", 0, 0) == 96
    assert length("50%", 0, 30) == 15
    assert length("wide", 7, 0) == 7
    assert parse_path_bounds("M1,2 L5 8 h-10 v3z m2 2 1 1") == Box(-5, 2, 10, 9)
    assert fitted(Box(0, 0, 10, 10), Box(0, 0, 20, 40), None).point(0, 0) == (0, 10)
    assert fitted(Box(0, 0, 10, 10), Box(0, 0, 20, 40), "xMinYMax slice").point(10, 10) == (40, 40)
    assert intersect(None, Box(1, 1, 2, 2)) == Box(1, 1, 2, 2)


HOSTILE_SVG = [
    '<!DOCTYPE svg [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><svg>&b;</svg>',
    '<!DOCTYPE svg [<!ENTITY x SYSTEM "file:///etc/passwd">]><svg><text>&x;</text></svg>',
    "<svg><g>",
    "not xml at all",
    "<html/>",
    "",
]


@pytest.mark.parametrize("text", HOSTILE_SVG)
def test_hostile_svgs_are_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "fig.svg"
    path.write_text(text)
    with pytest.raises(UnreadableFigure):
        open_figure(path)


def test_an_svg_that_uses_itself_ends(tmp_path: Path) -> None:
    layers = "".join(f'<g id="l{i}">' + f'<use href="#l{i + 1}"/>' * 10 + "</g>" for i in range(30))
    body = f'<g id="a"><use href="#a"/></g>{layers}'
    assert open_figure(write_svg(tmp_path / "fig.svg", body)).pages[0].panels == ()


def test_damaged_images_in_an_svg_are_findings(tmp_path: Path) -> None:
    body = '<image width="10" height="10" href="data:image/png;base64,AAAA"/><image href="data:,x"/>'
    figure = open_figure(write_svg(tmp_path / "fig.svg", body))
    assert [f.id for f in figure.findings] == ["figure-image-unreadable"]


@pytest.mark.parametrize(
    "content", [b"", b"%PDF-1.7\n", b"%PDF-1.4\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\ntrailer<</Root 1 0 R>>"]
)
def test_damaged_pdfs_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "fig.pdf"
    path.write_bytes(content)
    with pytest.raises(UnreadableFigure):
        open_figure(path)


def slide_with(tmp_path: Path, pixels: Pixels) -> tuple[object, object, Path]:
    deck = Presentation()
    deck.slide_width, deck.slide_height = Emu(4_000_000), Emu(2_000_000)
    slide = deck.slides.add_slide(deck.slide_layouts[6])
    source = tmp_path / "picture.png"
    source.write_bytes(png(pixels))
    return deck, slide, source


def test_pptx_pictures_are_cropped_turned_and_named(tmp_path: Path) -> None:
    pixels = micrograph(1, 100, 80)
    deck, slide, source = slide_with(tmp_path, pixels)
    picture = slide.shapes.add_picture(str(source), 1_000_000, 500_000, 800_000, 400_000)
    picture.crop_left, picture.crop_bottom = 0.2, 0.25
    picture.rotation = 90
    box = slide.shapes.add_textbox(1_200_000, 200_000, 200_000, 100_000)
    box.text_frame.text = "c"
    deck.save(tmp_path / "fig.pptx")
    panel = only_panel(tmp_path / "fig.pptx")
    assert np.round(panel.box, 3).tolist() == [30, 15, 10, 40]
    assert np.array_equal(panel.pixels, np.rot90(pixels[:60, 20:], -1))
    assert panel.label == "c"


def test_pptx_groups_move_and_scale_and_flips_mirror(tmp_path: Path) -> None:
    pixels = micrograph(1, 100, 80)
    deck, slide, source = slide_with(tmp_path, pixels)
    group = slide.shapes.add_group_shape()
    picture = group.shapes.add_picture(str(source), 0, 0, 1_000_000, 800_000)
    picture._element.spPr.xfrm.set("flipH", "1")
    group.left, group.top, group.width, group.height = 2_000_000, 400_000, 500_000, 400_000
    deck.save(tmp_path / "fig.pptx")
    panel = only_panel(tmp_path / "fig.pptx")
    assert np.round(panel.box, 3).tolist() == [50, 20, 12.5, 20]
    assert np.array_equal(panel.pixels, pixels[:, ::-1])


def test_a_pptx_that_unpacks_to_too_much_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "fig.pptx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("ppt/presentation.xml", bytes(65 << 20))
    with pytest.raises(UnreadableFigure, match="unpacks"):
        open_figure(path)


@pytest.mark.parametrize("content", [b"", b"PK\3\4", b"nothing"])
def test_damaged_pptx_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "fig.pptx"
    path.write_bytes(content)
    with pytest.raises(UnreadableFigure):
        open_figure(path)


def test_a_truncated_pptx_is_refused(tmp_path: Path) -> None:
    deck, _, _ = slide_with(tmp_path, micrograph(1, 50, 50))
    path = tmp_path / "fig.pptx"
    deck.save(path)
    path.write_bytes(path.read_bytes()[:-3000])
    with pytest.raises(UnreadableFigure):
        open_figure(path)


def omero_json(**changes: object) -> dict[str, object]:
    panel = {
        "imageId": "images/a.ome.zarr",
        "x": 40,
        "y": 40,
        "width": 200,
        "height": 100,
        "zoom": 200,
        "dx": 10,
        "dy": None,
        "rotation": 0,
        "theZ": 3,
        "theT": 1,
        "orig_width": 400,
        "orig_height": 300,
        "channels": [{"active": True}, {"active": False}, {"active": True}],
        "labels": [{"text": "A", "position": "topleft"}],
    }
    return {"version": 9, "panels": [panel | changes], "paper_width": 400, "paper_height": 200, "page_count": 1}


def omero_panel(tmp_path: Path, **changes: object) -> Panel:
    path = write_pdf(tmp_path / "fig.pdf", [(micrograph(1, 200, 100), (200, 0, 0, 100, 40, 60))])
    (tmp_path / "fig.json").write_text(json.dumps(omero_json(**changes)))
    (panel,) = open_figure(path, None, [tmp_path / "fig.json"], {"77": "images/b.tif"}).pages[0].panels
    return panel


def test_omero_figure_declares_region_plane_and_channels(tmp_path: Path) -> None:
    """Region by figure-formats: tw = 200, th = 200 / (200 / 100) = 100, x0 = (400 - 200) / 2 - 10, y0 = 100."""
    panel = omero_panel(tmp_path)
    assert panel.label == "A"
    first, second = panel.declared
    assert (first.image, first.scene, first.z, first.c, first.t) == ("images/a.ome.zarr", 0, 3, 0, 1)
    assert second.c == 2
    assert first.region == (90, 100, 200, 100)


def test_omero_figure_declares_projections_and_ids(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    panel = omero_panel(tmp_path, imageId=77, z_projection=True, z_start=2, z_end=8)
    assert panel.declared[0].image == "images/b.tif"
    assert panel.declared[0].z is None
    assert panel.declared[0].projection == DeclaredProjection("max", 2, 8)
    assert omero_panel(tmp_path, imageId=5).declared[0].image == "omero:5"


def test_study_yaml_goes_before_omero_figure(tmp_path: Path) -> None:
    path = write_pdf(tmp_path / "fig.pdf", [(micrograph(1, 200, 100), (200, 0, 0, 100, 40, 60))])
    (tmp_path / "fig.json").write_text(json.dumps(omero_json()))
    mine = (DeclaredSource("images/c.tif"),)
    declared = DeclaredFigure("fig.pdf", panels=(DeclaredPanel(label="A", sources=mine),))
    (panel,) = open_figure(path, declared, [tmp_path / "fig.json"]).pages[0].panels
    assert panel.declared == mine


def test_the_json_of_another_figure_is_left_alone(tmp_path: Path) -> None:
    assert omero_panel(tmp_path, x=300, y=150, width=60, height=30).declared == ()


@pytest.mark.parametrize(
    "content", [b"[]", b"{", b'{"panels": 3}', b'{"panels": [{"imageId": {}}, 3]}', b"[" * 100_000]
)
def test_json_that_is_not_omeros_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = write_pdf(tmp_path / "fig.pdf", [(micrograph(1, 200, 100), (200, 0, 0, 100, 40, 60))])
    (tmp_path / "fig.json").write_bytes(content)
    assert open_figure(path, None, [tmp_path / "fig.json"]).pages[0].panels[0].declared == ()


def test_the_digital_source_type_is_read_from_xmp(tmp_path: Path) -> None:
    body = f'<metadata>{XMP}</metadata><image width="100" height="80" href="{data_uri(micrograph(1, 100, 80))}"/>'
    figure = open_figure(write_svg(tmp_path / "fig.svg", body))
    assert figure.properties["digital_source"] == "trainedAlgorithmicMedia"
    declared = DeclaredFigure("fig.svg", digital_source="digitalCapture")
    assert open_figure(tmp_path / "fig.svg", declared).properties["digital_source"] == "digitalCapture"


XMP = """<x:xmpmeta xmlns:x="adobe:ns:meta/" xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/">
<Iptc4xmpExt:DigitalSourceType>http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia</Iptc4xmpExt:DigitalSourceType>
</x:xmpmeta>"""
