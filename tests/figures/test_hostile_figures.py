"""Files made to do harm: each ends in a clear refusal or finding, and nothing is fetched, run or unpacked for it."""

import base64
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tifffile
from figure_drawing import micrograph
from pdf_writing import draw, image, one_page, stream, write_objects
from PIL import Image
from pptx import Presentation

from biocodes_crate.errors import UnreadableFigure
from biocodes_crate.figures import open_figure, pdf_drawing, probe, read_omero_figure, svg_drawing

CATALOG = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>"]


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_a_pdf_with_a_million_objects_on_its_page_is_not_searched(tmp_path: Path) -> None:
    path = write(tmp_path / "a.pdf", one_page(b"0 0 1 1 re f\n" * 1_000_000, []))
    assert [f.id for f in open_figure(path).findings] == ["figure-too-complex"]


def test_a_pdf_with_very_many_objects_in_its_file_is_read(tmp_path: Path) -> None:
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 400 200]>>"
    path = write(tmp_path / "a.pdf", write_objects([*CATALOG, page, *[b"<<>>"] * 200_000]))
    assert len(open_figure(path).pages) == 1


def test_forms_within_forms_are_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine forms that draw the next one ten times: a thousand million objects in two kilobytes."""
    monkeypatch.setattr(probe, "_SECONDS", 2.0)
    objects = [*CATALOG]
    objects.append(
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 400 200]/Contents 4 0 R/Resources<</XObject<</F 5 0 R>>>>>>"
    )
    objects.append(stream(b"", b"/F Do "))
    head = b"/Type/XObject/Subtype/Form/BBox[0 0 400 200]"
    objects += [stream(head + b"/Resources<</XObject<</F %d 0 R>>>>" % (6 + i), b"/F Do " * 10) for i in range(9)]
    objects.append(stream(head, b"0 0 1 1 re f "))
    with pytest.raises(UnreadableFigure, match="cannot be opened safely"):
        open_figure(write(tmp_path / "a.pdf", write_objects(objects)))


def test_a_form_that_draws_itself_ends(tmp_path: Path) -> None:
    head = b"/Type/XObject/Subtype/Form/BBox[0 0 400 200]/Resources<</XObject<</F 5 0 R>>>>"
    page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 400 200]/Contents 4 0 R/Resources<</XObject<</F 5 0 R>>>>>>"
    path = write(tmp_path / "a.pdf", write_objects([*CATALOG, page, stream(b"", b"/F Do "), stream(head, b"/F Do ")]))
    assert len(open_figure(path).pages) == 1


def test_an_image_of_two_thousand_million_pixels_is_not_unpacked(tmp_path: Path) -> None:
    head = b"/Type/XObject/Subtype/Image/Width 40000/Height 50000/BitsPerComponent 8/ColorSpace/DeviceGray"
    path = write(tmp_path / "a.pdf", one_page(draw(6, 0, 0, 100, 100), [stream(head, bytes(1000))]))
    assert [f.id for f in open_figure(path).findings] == ["figure-too-complex"]


def test_a_million_words_of_a_pdf_that_begin_nothing_are_passed_over_at_once(tmp_path: Path) -> None:
    """A search that looks on from each of them would look at 4 gigabytes."""
    junk = b"1 0 obj << " * 1_000_000
    hidden = b"<</Length %d>>\nstream\n%s\nendstream" % (len(junk), junk)
    path = write(tmp_path / "a.pdf", one_page(draw(6, 20, 20, 90, 90), [image(micrograph(1, 90, 90)), hidden]))
    assert len(open_figure(path).pages[0].panels) == 1


def test_a_page_that_takes_too_long_to_draw_costs_only_what_is_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / "a.pdf", one_page(draw(6, 20, 20, 90, 90), [image(micrograph(1, 90, 90))]))
    assert open_figure(path).findings == ()
    monkeypatch.setattr(pdf_drawing, "_SECONDS", 0.01)  # less than a Python needs to begin
    figure = open_figure(path)
    assert [f.id for f in figure.findings] == ["figure-too-complex"]
    assert len(figure.pages[0].panels) == 1


def test_a_drawer_of_pages_begins_anew_after_a_failure_but_not_for_ever(tmp_path: Path) -> None:
    path = write(tmp_path / "a.pdf", one_page(b"1 0 0 rg 0 0 200 200 re f", []))
    drawer = pdf_drawing.PdfDrawer(path.read_bytes())
    drawn = [drawer.draw(index, 0.5) for index in (0, 7, 0, 7, 0)]  # there is no page 7
    drawer.close()
    assert [pixels is not None for pixels in drawn] == [True, False, True, False, False]
    assert drawn[0] is not None
    assert drawn[0].shape == (100, 200, 3)
    assert drawn[0][50, [50, 150]].tolist() == [[255, 0, 0], [255, 255, 255]]


def test_a_damaged_image_that_is_used_often_is_decoded_once(tmp_path: Path) -> None:
    """Unpacked for each of 20,000 uses, two megabytes would be 40 gigabytes."""
    bad = f'<image id="b" width="90" height="90" href="data:image/png;base64,{"A" * 2_000_000}"/>'
    figure = open_figure(svg(tmp_path, f"<defs>{bad}</defs>{picture_in_svg()}" + '<use href="#b"/>' * 20_000))
    assert "figure-image-unreadable" in {f.id for f in figure.findings}
    assert len(figure.pages[0].panels) == 1


SVG = '<svg xmlns="http://www.w3.org/2000/svg" xmlns:x="http://www.w3.org/1999/xlink" width="%s" height="%s">%s</svg>'


def svg(tmp_path: Path, body: str, width: float = 400, height: float = 200) -> Path:
    return write(tmp_path / "a.svg", (SVG % (width, height, body)).encode())


def picture_in_svg() -> str:
    buffer = io.BytesIO()
    Image.fromarray(micrograph(1, 90, 90)).save(buffer, "PNG")
    uri = base64.b64encode(buffer.getvalue()).decode()
    return f'<image x="20" y="20" width="90" height="90" href="data:image/png;base64,{uri}"/>'


def test_an_svg_with_too_many_elements_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFigure, match="elements"):
        open_figure(svg(tmp_path, "<g/>" * 500_001))


def test_entities_that_multiply_are_refused(tmp_path: Path) -> None:
    """The billion laughs."""
    entities = "".join(f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, 11))
    text = f'<!DOCTYPE svg [<!ENTITY a0 "ha">{entities}]>' + SVG % (9, 9, "<text>&a10;</text>")
    with pytest.raises(UnreadableFigure, match="entities"):
        open_figure(write(tmp_path / "a.svg", text.encode()))


@pytest.mark.parametrize("depth", [2_000, 200_000])
def test_an_svg_as_deep_as_a_well_is_refused(tmp_path: Path, depth: int) -> None:
    with pytest.raises(UnreadableFigure, match="deep"):
        open_figure(svg(tmp_path, "<g>" * depth + "</g>" * depth))


def test_what_lies_too_deep_to_be_searched_is_told(tmp_path: Path) -> None:
    figure = open_figure(svg(tmp_path, "<g>" * 100 + picture_in_svg() + "</g>" * 100))
    assert "figure-too-complex" in [f.id for f in figure.findings]


def test_what_is_used_a_thousand_million_times_is_not_followed(tmp_path: Path) -> None:
    levels = "".join(f'<g id="l{i}">{f"""<use href="#l{i + 1}"/>""" * 10}</g>' for i in range(9))
    body = f'<defs>{levels}<rect id="l9" width="5" height="5"/></defs>{picture_in_svg()}<use href="#l0"/>'
    figure = open_figure(svg(tmp_path, body))
    assert {f.id for f in figure.findings} == {"figure-too-complex"}
    assert len(figure.pages[0].panels) == 1


def test_long_styles_and_paths_are_read_once_however_often_they_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Read anew by each of 20,000 elements, these 400 kilobytes would be 8 gigabytes."""
    monkeypatch.setattr(svg_drawing, "_SECONDS", 1.0)
    style = "rect{" + "fill:red;" * 22_000 + "}"
    body = f"""<style>{style}</style><clipPath id="c"><path d="M0 0{"h1" * 100_000}v200z"/></clipPath>
        <defs><rect id="r" clip-path="url(#c)" width="9" height="1"/></defs>{picture_in_svg()}"""
    figure = open_figure(svg(tmp_path, body + '<use href="#r"/>' * 20_000))
    assert len(figure.pages[0].panels) == 1


def test_drawing_that_takes_too_long_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(svg_drawing, "_SECONDS", 0.05)  # less than a Python needs to begin
    figure = open_figure(svg(tmp_path, picture_in_svg()))
    assert [f.id for f in figure.findings] == ["figure-too-complex"]
    assert len(figure.pages[0].panels) == 1


@pytest.mark.parametrize(("width", "height"), [(9e6, 9e6), (1e6, 1), (1, 1e6)])
def test_an_svg_as_large_as_a_field_is_drawn_small(tmp_path: Path, width: float, height: float) -> None:
    assert open_figure(svg(tmp_path, '<rect width="9" height="9"/>', width, height)).pages[0].panels == ()


def test_filters_are_not_drawn(tmp_path: Path) -> None:
    blur = '<filter id="f">' + '<feGaussianBlur stdDeviation="500"/>' * 200 + "</filter>"
    body = (
        f"<style>.s{{filter:url(#f)}}</style>{blur}"
        + '<rect class="s" filter="url(#f)" width="2000" height="2000"/>' * 20
    )
    assert open_figure(svg(tmp_path, body, 2000, 2000)).findings == ()


@pytest.mark.parametrize(
    "body",
    [
        '<image width="90" height="90" x:href="file:///etc/passwd"/>',
        '<image width="90" height="90" href="http://127.0.0.1:1/a.png"/>',
        '<image width="90" height="90" href="//127.0.0.1/a.png"/>',
        '<use href="other.svg#a"/><image width="90" height="90" href="secret.png"/>',
    ],
)
def test_nothing_outside_of_the_file_is_opened(tmp_path: Path, body: str) -> None:
    Image.fromarray(micrograph(1, 90, 90)).save(tmp_path / "secret.png")
    figure = open_figure(svg(tmp_path, body))
    assert figure.pages[0].panels == ()
    assert [f.id for f in figure.findings] == ["figure-remote-image"]


def parts_of_pptx() -> dict[str, bytes]:
    picture, made = io.BytesIO(), io.BytesIO()
    Image.fromarray(micrograph(1, 90, 90)).save(picture, "PNG")
    deck = Presentation()
    deck.slides.add_slide(deck.slide_layouts[6]).shapes.add_picture(picture, 0, 0, 900_000, 900_000)
    deck.save(made)
    with zipfile.ZipFile(made) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def write_pptx(path: Path, parts: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def test_a_picture_in_a_pptx_that_unpacks_a_thousandfold_is_not_unpacked(tmp_path: Path) -> None:
    parts = {name: bytes(40 << 20) if name.endswith(".png") else content for name, content in parts_of_pptx().items()}
    with pytest.raises(UnreadableFigure, match="unpacks"):
        open_figure(write_pptx(tmp_path / "a.pptx", parts))


def test_a_pptx_of_too_many_parts_is_refused(tmp_path: Path) -> None:
    parts = parts_of_pptx() | {f"ppt/x{i}.xml": b"<a/>" for i in range(20_001)}
    with pytest.raises(UnreadableFigure, match="unpacks"):
        open_figure(write_pptx(tmp_path / "a.pptx", parts))


def test_entities_in_a_slide_are_not_expanded(tmp_path: Path) -> None:
    entities = b"".join(b'<!ENTITY %c "%s">' % (98 + i, (b"&%c;" % (97 + i)) * 10) for i in range(9))
    parts = parts_of_pptx() | {
        "ppt/slides/slide1.xml": b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">' + entities + b"]><p>&j;</p>"
    }
    with pytest.raises(UnreadableFigure):
        open_figure(write_pptx(tmp_path / "a.pptx", parts))


def test_a_linked_picture_in_a_pptx_is_not_fetched(tmp_path: Path) -> None:
    parts = parts_of_pptx()
    name = "ppt/slides/_rels/slide1.xml.rels"
    parts[name] = parts[name].replace(
        b'Target="../media/image1.png"', b'Target="http://127.0.0.1:1/a.png" TargetMode="External"'
    )
    figure = open_figure(write_pptx(tmp_path / "a.pptx", parts))
    assert figure.pages[0].panels == ()
    assert [f.id for f in figure.findings] == ["figure-image-unreadable"]


def whole_files(folder: Path) -> list[Path]:
    pixels = micrograph(1, 90, 90)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    files = [
        write(folder / "a.pdf", one_page(draw(6, 20, 20, 90, 90), [image(pixels)])),
        write(folder / "b.png", buffer.getvalue()),
        svg(folder, '<rect width="50" height="50"/>'),
        write_pptx(folder / "d.pptx", parts_of_pptx()),
    ]
    Image.fromarray(pixels).save(folder / "e.jpg")
    tifffile.imwrite(folder / "f.tif", pixels, photometric="rgb", compression="zlib")
    return [*files, folder / "e.jpg", folder / "f.tif"]


@pytest.mark.parametrize("share", [0.0, 0.02, 0.3, 0.6, 0.9, 0.99])
def test_what_is_cut_short_is_refused_or_read_as_far_as_it_goes(tmp_path: Path, share: float) -> None:
    outcomes = set()
    for path in whole_files(tmp_path):
        content = path.read_bytes()
        path.write_bytes(content[: int(share * len(content))])
        try:
            outcomes.add(len(open_figure(path).pages))
        except UnreadableFigure:
            outcomes.add(0)
    assert outcomes <= {0, 1}
    assert share > 0.5 or outcomes == {0}


def test_a_tiff_that_claims_more_pixels_than_it_may_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((64, 64), np.uint8), photometric="minisblack", metadata=None)
    content = bytearray(path.read_bytes())
    for tag in (256, 257):  # ImageWidth, ImageLength
        at = content.find(tag.to_bytes(2, "little"), 8)
        content[at + 2 : at + 4] = (4).to_bytes(2, "little")
        content[at + 8 : at + 12] = (100_000).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(UnreadableFigure, match="million pixels"):
        open_figure(path)


def jpeg_of_scans(path: Path, side: int, scans: int) -> Path:
    """A progressive JPEG that repeats its last scan."""
    buffer = io.BytesIO()
    Image.new("L", (side, side), 128).save(buffer, "JPEG", progressive=True)
    content = buffer.getvalue()
    last = content[content.rindex(b"\xff\xda") : -2]
    return write(path, content[:-2] + last * scans + content[-2:])


def test_a_jpeg_that_goes_over_its_pixels_a_thousand_times_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFigure, match="scans"):
        open_figure(jpeg_of_scans(tmp_path / "a.jpg", 2000, 1000))
    assert len(open_figure(jpeg_of_scans(tmp_path / "b.jpg", 60, 100)).pages) == 1


def test_pages_of_a_tiff_beyond_two_hundred_are_told_of(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((201, 20, 20), np.uint8), photometric="minisblack", metadata=None)
    figure = open_figure(path)
    assert [f.id for f in figure.findings] == ["figure-too-long"]
    assert len(figure.pages) == 200


def test_a_hundred_thousand_equal_panels_of_omero_figure_are_one(tmp_path: Path) -> None:
    panel = '{"imageId": 7, "x": 20, "y": 90, "width": 90, "height": 90}'
    path = write(tmp_path / "a.json", f'{{"version": 9, "panels": [{", ".join([panel] * 100_000)}]}}'.encode())
    found = read_omero_figure(path)
    assert found is not None
    assert len(found.panels) == 1


def test_of_more_panels_than_a_figure_has_the_first_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("biocodes_crate.figures.opening.MOST_PANELS", 2)
    image = picture_in_svg()
    drawn = "".join(f'<g transform="translate({x} 0)">{image}</g>' for x in (0, 100, 200, 300))
    path = tmp_path / "f.svg"
    path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" width="400" height="100">{drawn}</svg>')
    figure = open_figure(path)
    assert len(figure.pages[0].panels) == 2
    assert [f.id for f in figure.findings] == ["panels-left-out"]
    assert "4 panels" in figure.findings[0].message
