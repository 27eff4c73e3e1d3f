import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from figure_drawing import Pixels, chart, micrograph, overlap, page, paste
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from biocodes_crate.errors import UnreadableFigure
from biocodes_crate.figures import PanelKind, is_figure_name, open_figure
from biocodes_crate.figures.pictures import find_panels
from biocodes_crate.figures.raster import read_raster
from biocodes_crate.study.manifest import DeclaredFigure, DeclaredPanel, DeclaredSource


def boxes_of(pixels: Pixels, lossy: bool = False) -> list[tuple[float, ...]]:
    return [tuple(panel.box) for panel in find_panels(pixels, lossy) if panel.kind is PanelKind.IMAGE]


def assert_found(found: list[tuple[float, ...]], truth: list[tuple[int, int, int, int]], slack: int = 1) -> None:
    assert len(found) == len(truth)
    for box in truth:
        assert any(np.abs(np.array(box) - np.array(one)).max() <= slack for one in found), (box, found)


@settings(max_examples=12, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 1000),
    columns=st.integers(1, 3),
    rows=st.integers(1, 2),
    gutter=st.sampled_from([1, 2, 3, 8, 20]),
    ground=st.sampled_from([(255, 255, 255), (0, 0, 0), (200, 220, 240)]),
)
def test_panels_of_a_grid_are_found_to_the_pixel(
    seed: int, columns: int, rows: int, gutter: int, ground: tuple[int, int, int]
) -> None:
    rng = np.random.default_rng(seed)
    widths, heights = rng.integers(110, 200, columns), rng.integers(110, 180, rows)
    canvas = page(int(widths.sum()) + gutter * (columns + 1), int(heights.sum()) + gutter * (rows + 1), ground)
    truth = []
    for r in range(rows):
        for c in range(columns):
            x = gutter * (c + 1) + int(widths[:c].sum())
            y = gutter * (r + 1) + int(heights[:r].sum())
            picture = micrograph(seed * 10 + 3 * r + c, int(widths[c]), int(heights[r]))
            truth.append(paste(canvas, picture, x, y))
    assert_found(boxes_of(canvas), truth)


@settings(max_examples=8, deadline=None, derandomize=True)
@given(seed=st.integers(0, 1000), ground=st.integers(60, 120))
def test_panels_that_touch_are_parted_at_the_seam(seed: int, ground: int) -> None:
    canvas = np.concatenate([micrograph(seed, 180, 220), micrograph(seed + 1, 230, 220, ground)], axis=1)
    assert_found(boxes_of(canvas), [(0, 0, 180, 220), (180, 0, 230, 220)])


@settings(max_examples=10, deadline=None, derandomize=True)
@given(seed=st.integers(0, 1000), width=st.integers(60, 400), height=st.integers(60, 400), ground=st.integers(0, 200))
def test_a_single_micrograph_is_one_panel(seed: int, width: int, height: int, ground: int) -> None:
    assert_found(boxes_of(micrograph(seed, width, height, ground)), [(0, 0, width, height)])


def test_cells_on_a_ground_as_black_as_the_page_are_not_cut_apart() -> None:
    picture = micrograph(1, 300, 260, 0).astype(np.int16) - 40
    assert_found(boxes_of(np.clip(picture, 0, 255).astype(np.uint8)), [(0, 0, 300, 260)])


def test_uneven_rows_on_a_white_page_keep_their_sizes() -> None:
    canvas = page(700, 500)
    truth = [
        paste(canvas, micrograph(1, 200, 300), 10, 10),
        paste(canvas, micrograph(2, 300, 140), 220, 10),
        paste(canvas, micrograph(3, 120, 310), 560, 60),
        paste(canvas, micrograph(4, 320, 130), 225, 170),
    ]
    assert_found(boxes_of(canvas), truth)


def test_jpeg_ripples_do_not_move_the_edges(tmp_path: Path) -> None:
    canvas = page(520, 260)
    truth = [paste(canvas, micrograph(1, 240, 230), 11, 13), paste(canvas, micrograph(2, 240, 230), 262, 13)]
    path = tmp_path / "fig.jpg"
    Image.fromarray(canvas).save(path, quality=85)
    assert_found([tuple(p.box) for p in open_figure(path).pages[0].panels], truth, slack=2)


def test_a_framed_inset_is_a_panel_and_masked_in_its_parent() -> None:
    canvas = page(420, 420)
    paste(canvas, micrograph(1, 400, 400), 10, 10)
    canvas[276:400, 276:400] = 255
    paste(canvas, micrograph(9, 120, 120, 90), 278, 278)
    panels = find_panels(canvas)
    assert [tuple(p.box) for p in panels] == [(10, 10, 400, 400), (278, 278, 120, 120)]
    assert panels[0].mask[280:380, 280:380].all()


def test_a_box_drawn_on_an_image_is_no_inset_but_is_masked() -> None:
    canvas = micrograph(1, 400, 400)
    for edge in (slice(100, 102), slice(220, 222)):
        canvas[edge, 100:222] = 255
        canvas[100:222, edge] = 255
    (panel,) = find_panels(canvas)
    assert panel.mask[100:102, 110:210].all()
    assert panel.mask.mean() < 0.03


def test_a_scale_bar_is_masked_and_little_else() -> None:
    canvas = micrograph(3, 300, 300)
    canvas[270:276, 200:280] = 255
    (panel,) = find_panels(canvas)
    assert panel.mask[270:276, 200:280].all()
    assert panel.mask.mean() < 0.02


def test_charts_are_not_images() -> None:
    canvas = page(640, 300)
    image = paste(canvas, micrograph(1, 280, 280), 10, 10)
    paste(canvas, chart(300, 280), 320, 10)
    panels = find_panels(canvas)
    assert [tuple(p.box) for p in panels if p.kind is PanelKind.IMAGE] == [image]
    assert any(p.kind is PanelKind.CHART for p in panels)


@pytest.mark.parametrize("mode", ["RGB", "L", "P", "RGBA", "CMYK", "1"])
def test_every_mode_of_a_picture_is_read(tmp_path: Path, mode: str) -> None:
    canvas = page(300, 200)
    paste(canvas, micrograph(1, 240, 160), 20, 20)
    path = tmp_path / ("fig.tif" if mode == "CMYK" else "fig.png")
    Image.fromarray(canvas).convert(mode).save(path)
    (panel,) = (p for p in open_figure(path).pages[0].panels if p.kind is PanelKind.IMAGE)
    assert overlap(tuple(panel.box), (20, 20, 240, 160)) > 0.9


def test_transparency_becomes_white(tmp_path: Path) -> None:
    rgba = np.zeros((50, 60, 4), np.uint8)
    rgba[10:40, 10:50, 3] = 255
    Image.fromarray(rgba).save(tmp_path / "fig.png")
    (raster,) = read_raster(tmp_path / "fig.png")
    assert (raster.pixels[0, 0] == 255).all()
    assert (raster.pixels[20, 20] == 0).all()


def test_sixteen_bits_use_the_full_range(tmp_path: Path) -> None:
    samples = np.linspace(0, 65535, 64 * 64 * 3).reshape(64, 64, 3).astype(np.uint16)
    tifffile.imwrite(tmp_path / "fig.tif", samples, photometric="rgb")
    (raster,) = read_raster(tmp_path / "fig.tif")
    assert np.array_equal(raster.pixels, (samples >> 8).astype(np.uint8))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "tif", "png"])
def test_orientation_is_applied(tmp_path: Path, orientation: int, suffix: str) -> None:
    """EXIF 2.3, tag 0x0112; the same for JPEG as for TIFF and PNG."""
    picture = np.zeros((40, 64, 3), np.uint8)
    picture[:20, :32] = 250
    path = tmp_path / f"fig.{suffix}"
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(picture).save(path, exif=exif, **({"quality": 100} if suffix == "jpg" else {}))
    (raster,) = read_raster(path)
    assert raster.pixels.shape[:2] == ((40, 64) if orientation < 5 else (64, 40))
    height, width = raster.pixels.shape[:2]
    quarters = [
        raster.pixels[y : y + height // 2, x : x + width // 2].mean() for y in (0, height // 2) for x in (0, width // 2)
    ]
    assert int(np.argmax(quarters)) == {1: 0, 2: 1, 3: 3, 4: 2, 5: 0, 6: 1, 7: 3, 8: 2}[orientation]


def test_pages_of_a_tiff_are_pages(tmp_path: Path) -> None:
    pages = np.stack([micrograph(1, 120, 100), micrograph(2, 120, 100)])
    tifffile.imwrite(tmp_path / "fig.tif", pages, photometric="rgb")
    assert [p.number for p in open_figure(tmp_path / "fig.tif").pages] == [1, 2]


@pytest.mark.parametrize(
    "content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n", b"II*\0\xff\xff\xff\x7f", b"\xff\xd8\xff\xe0"]
)
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_damaged_pictures_are_refused_in_words(tmp_path: Path, content: bytes, suffix: str) -> None:
    path = tmp_path / f"fig{suffix}"
    path.write_bytes(content)
    with pytest.raises(UnreadableFigure):
        open_figure(path)


def test_a_truncated_picture_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "fig.png"
    Image.fromarray(micrograph(1, 300, 300)).save(path)
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(UnreadableFigure):
        open_figure(path)


def test_a_decompression_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "fig.png"
    header = struct.pack(">II5B", 40_000, 40_000, 1, 0, 0, 0, 0)
    chunk = lambda name, body: struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))  # noqa: E731
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(10**6))))
    with pytest.raises(UnreadableFigure, match="million pixels"):
        open_figure(path)


def test_names_tell_figures() -> None:
    assert all(is_figure_name(Path(n)) for n in ("a.PNG", "b.jpeg", "c.tif", "d.pdf", "e.svg", "f.pptx", "g.ai"))
    assert not any(is_figure_name(Path(n)) for n in ("a.ome.tif", "b.txt", ".c.png", "d"))


def test_declared_boxes_and_sources_reach_their_panels(tmp_path: Path) -> None:
    canvas = page(640, 220)
    paste(canvas, micrograph(1, 200, 200), 10, 10)
    paste(canvas, micrograph(2, 200, 200), 220, 10)
    paste(canvas, micrograph(3, 200, 200), 430, 10)
    path = tmp_path / "fig.png"
    Image.fromarray(canvas).save(path)
    sources = [(DeclaredSource(f"{i}.tif"),) for i in range(3)]
    declared = DeclaredFigure(
        "fig.png",
        "A caption",
        panels=(
            DeclaredPanel(label="A", box=(12, 12, 190, 196), sources=sources[0]),
            DeclaredPanel(label="C", sources=sources[2]),
            DeclaredPanel(label="B", sources=sources[1], digital_source="digitalCapture"),
        ),
    )
    figure = open_figure(path, declared)
    assert figure.caption == "A caption"
    assert [(p.label, p.declared) for p in figure.pages[0].panels] == list(zip("ABC", sources, strict=True))
    assert tuple(figure.pages[0].panels[0].box) == (12, 12, 190, 196)
    assert figure.pages[0].panels[0].pixels.shape == (196, 190, 3)
    assert figure.pages[0].panels[1].digital_source == "digitalCapture"
    assert figure.findings == ()


def test_a_declared_panel_that_is_not_there_is_a_finding(tmp_path: Path) -> None:
    path = tmp_path / "fig.png"
    Image.fromarray(micrograph(1, 200, 200)).save(path)
    declared = DeclaredFigure("fig.png", panels=(DeclaredPanel(label="D"), DeclaredPanel(label="A", page=3)))
    assert [f.id for f in open_figure(path, declared).findings] == ["declared-panel-not-found"] * 2


def test_a_large_page_is_found_on_a_small_copy_with_exact_edges() -> None:
    canvas = page(3600, 2600)
    truth = [
        paste(canvas, np.kron(micrograph(1, 400, 400), np.ones((4, 4, 1), np.uint8)), 101, 203),
        paste(canvas, np.kron(micrograph(2, 400, 400), np.ones((4, 4, 1), np.uint8)), 1803, 205),
    ]
    assert_found(boxes_of(canvas), truth)
