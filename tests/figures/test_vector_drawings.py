"""How programs place images in SVG: patterns, masks, styles, nested viewports."""

import base64
import gzip
import io
from pathlib import Path

import numpy as np
import pytest
from figure_drawing import micrograph
from PIL import Image

from biocodes_crate.errors import UnreadableFigure
from biocodes_crate.figures import open_figure
from biocodes_crate.figures.svg_geometry import parse_transform

PIXELS = micrograph(1, 200, 160)
WHOLE, QUARTER = [5, 10, 50, 80], [10, 20, 25, 40]


def uri() -> str:
    buffer = io.BytesIO()
    Image.fromarray(PIXELS).save(buffer, "PNG")
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


IMAGE = f'<image x="20" y="20" width="200" height="160" href="{uri()}"/>'
BARE = f'<image width="200" height="160" xlink:href="{uri()}"/>'
RECTANGLE = '<rect x="40" y="40" width="100" height="80" fill="white"/>'


def svg(body: str, size: str = 'width="400" height="200"') -> str:
    spaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    return f"<svg {spaces} {size}>{body}</svg>"


def boxes_in(path: Path, text: str) -> list[list[float]]:
    path.write_text(text)
    figure = open_figure(path)
    assert figure.findings == ()
    return [np.round(panel.box, 1).tolist() for panel in figure.pages[0].panels]


@pytest.mark.parametrize(
    ("body", "box"),
    [
        # Figma: an image, used in a pattern in fractions of the shape that it fills.
        (
            '<rect x="20" y="20" width="200" height="160" fill="url(#p)"/><defs><pattern id="p" width="1" height="1" '
            'patternContentUnits="objectBoundingBox"><use xlink:href="#i" transform="scale(0.005 0.00625)"/></pattern>'
            f"{BARE.replace('width', 'id=_i_ width', 1).replace('_', chr(34))}</defs>",
            WHOLE,
        ),
        # A tile in user units, of which the shape shows a part.
        (
            f'<pattern id="p" patternUnits="userSpaceOnUse" x="20" y="20" width="200" height="160">{BARE}</pattern>'
            '<path d="M40 40h100v80h-100z" style="fill:url(#p)"/>',
            QUARTER,
        ),
        # A pattern that takes its content from another, and fits it into its tile.
        (
            f'<pattern id="q" viewBox="0 0 200 160">{BARE}</pattern><pattern id="p" xlink:href="#q" width="1" height="1"/>'
            '<circle cx="120" cy="100" r="80" fill="url(#p)"/>',
            [10, 18, 40, 64],
        ),
        (f'<g style="transform: translate(20px, 20px)">{BARE}</g>', WHOLE),
        (f'<g transform="scale(0.5)" transform-origin="20 20">{IMAGE}</g>', [5, 10, 25, 40]),
        (f'<style>image{{x:20px;y:20px;width:200px;height:160px}}</style><image href="{uri()}"/>', WHOLE),
        (f'<image x="20" y="20" width="100" href="{uri()}"/>', [5, 10, 25, 40]),
        (f'<mask id="m" fill="white">{RECTANGLE}</mask><g mask="url(#m)">{IMAGE}</g>', QUARTER),
        (f'<defs><g id="g">{RECTANGLE}</g></defs><mask id="m"><use href="#g"/></mask><g mask="url(#m)">{IMAGE}</g>', QUARTER),
        # What is in a mask may be anything: then nothing is cut off.
        (f'<mask id="m"><text y="300" font-size="600" fill="white">A</text></mask><g mask="url(#m)">{IMAGE}</g>', WHOLE),
        (
            f'<clipPath id="a"><rect width="140" height="120"/></clipPath><clipPath id="b" clip-path="url(#a)">'
            f'<rect x="40" y="40" width="300" height="300"/></clipPath><g clip-path="url(#b)">{IMAGE}</g>',
            QUARTER,
        ),
        (
            f'<clipPath id="a"><rect width="140" height="120"/></clipPath><clipPath id="b">'
            f'<rect x="40" y="40" width="300" height="300" clip-path="url(#a)"/></clipPath><g clip-path="url(#b)">{IMAGE}</g>',
            QUARTER,
        ),
        (f'<svg x="20" y="20" width="100" height="80" overflow="visible">{BARE}</svg>', WHOLE),
        (f'<svg x="20" y="20" width="100" height="80">{BARE}</svg>', [5, 10, 25, 40]),
        (f'<svg x="20" y="20" width="100" height="80" viewBox="0 0 200 160">{BARE}</svg>', [5, 10, 25, 40]),
        (
            f'<symbol id="s" viewBox="0 0 200 160" preserveAspectRatio="none">{BARE}</symbol>'
            '<use href="#s" x="20" y="20" width="100" height="160"/>',
            [5, 10, 25, 80],
        ),
        (f'<switch><g systemLanguage="xx">{IMAGE}</g><g transform="scale(0.5)">{IMAGE}</g>{IMAGE}</switch>', [2.5, 5, 25, 40]),
    ],
)  # fmt: skip
def test_an_image_is_where_the_page_shows_it(tmp_path: Path, body: str, box: list[float]) -> None:
    assert boxes_in(tmp_path / "fig.svg", svg(body)) == [box]


@pytest.mark.parametrize("hidden", ['opacity=".0"', 'style="opacity:0%"', 'display="none"'])
def test_what_is_clear_or_switched_off_is_no_panel(tmp_path: Path, hidden: str) -> None:
    assert boxes_in(tmp_path / "fig.svg", svg(f"<g {hidden}>{IMAGE}</g>")) == []


def test_an_image_under_a_painted_area_is_no_panel(tmp_path: Path) -> None:
    body = f'{IMAGE}<rect width="230" height="200" fill="white"/><g transform="translate(240 20) scale(0.5)">{BARE}</g>'
    assert boxes_in(tmp_path / "fig.svg", svg(body)) == [[60, 10, 25, 40]]


def test_a_texture_of_many_tiles_is_no_row_of_panels(tmp_path: Path) -> None:
    body = f'<pattern id="p" width="0.1" height="0.1">{BARE}</pattern>{IMAGE}<rect width="400" height="10" fill="url(#p)"/>'
    assert boxes_in(tmp_path / "fig.svg", svg(body)) == [WHOLE]


@pytest.mark.parametrize(
    ("css", "attribute"),
    [
        ("translate(1cm, 10px)", "translate(37.7952755906 10)"),
        ("rotate(0.25turn) scaleX(2)", "rotate(90) scale(2 1)"),
        ("translateY(12pt) rotate(1.5707963268rad)", "translate(0 16) rotate(90)"),
    ],
)
def test_units_of_css_become_those_of_attributes(css: str, attribute: str) -> None:
    assert np.allclose(parse_transform(css), parse_transform(attribute), atol=1e-6)


def test_a_packed_svg_is_unpacked(tmp_path: Path) -> None:
    packed = gzip.compress(svg(IMAGE).encode())
    (tmp_path / "fig.svgz").write_bytes(packed)
    (panel,) = open_figure(tmp_path / "fig.svgz").pages[0].panels
    assert np.array_equal(panel.pixels, PIXELS)
    (tmp_path / "cut.svgz").write_bytes(packed[: len(packed) // 2])
    with pytest.raises(UnreadableFigure):
        open_figure(tmp_path / "cut.svgz")


def test_a_packed_svg_that_unpacks_without_end_is_refused(tmp_path: Path) -> None:
    (tmp_path / "fig.svgz").write_bytes(gzip.compress(b"<svg>" + b" " * (301 << 20), 1))
    with pytest.raises(UnreadableFigure, match="larger"):
        open_figure(tmp_path / "fig.svgz")
