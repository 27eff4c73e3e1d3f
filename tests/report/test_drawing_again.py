from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from report_examples import cells, placed

from biocodes_crate.figures.model import Box, PageUnit, PanelKind
from biocodes_crate.images import PlaneIndex, Scene
from biocodes_crate.report import Layer, difference, render_source
from biocodes_crate.report.encoding import BUDGET, Encoder, Role
from biocodes_crate.report.previews import composed_page, plane_preview, scene_thumbnail
from biocodes_crate.report.rendering import add_up, colourise, fitted_size
from biocodes_crate.tracing.model import Intensity, PlaneRef, Projection, ProjectionKind, TracedPage, TracedPanel
from biocodes_crate.tracing.pixels import SourcePixels


class Stack:
    chunk_rows = 7

    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels = pixels  # (C, Z, Y, X)

    def rows(self, plane: PlaneIndex, start: int, stop: int) -> np.ndarray:
        return self.pixels[plane.c, plane.z, start:stop]


def scene_of(pixels: np.ndarray, **more: object) -> Scene:
    c, z, y, x = pixels.shape
    return Scene(0, "", "", x, y, z, c, 1, pixels.dtype, Stack(pixels), **more)  # type: ignore[arg-type]


def drawn(pixels: np.ndarray, layers: list[Layer], affine: object, size: tuple[int, int]) -> np.ndarray | None:
    scene = scene_of(pixels)
    return render_source(SourcePixels(lambda image, index: scene), "a", 0, layers, affine, size, size)  # type: ignore[arg-type]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 3), st.integers(0, 20), st.integers(0, 20))
def test_a_crop_turned_by_quarters_is_drawn_exactly(quarter: int, x: int, y: int) -> None:
    """Origin at the outer corner of the top left pixel: no half pixel is lost."""
    pixels = np.random.default_rng(0).integers(0, 256, (1, 1, 60, 64)).astype(np.uint8)
    made = drawn(pixels, [Layer(PlaneRef(0, 0, 0), Intensity(0, 255))], placed(x, y, 1.0, quarter, 32), (32, 32))
    assert made is not None
    expected = np.rot90(pixels[0, 0, y : y + 32, x : x + 32], quarter)
    assert np.array_equal(made[..., 0], expected)


def test_window_gamma_inversion_and_colour_are_applied_in_this_order() -> None:
    grey = np.array([[0, 100, 150, 200, 300]], np.float32)
    shown = colourise(grey, Intensity(100, 200, 2.0, inverted=True, color="00FF80"))
    assert np.allclose(shown[0, :, 1], [255, 255, 255 * 0.75, 0, 0])
    assert np.allclose(shown[0, :, 0], 0)


def test_channels_of_a_merge_add_up_and_saturate() -> None:
    grey = np.full((2, 2), 10, np.float32)
    shown = add_up([grey, grey], [Intensity(0, 10, color="FF0000"), Intensity(0, 5, color="FF8000")])
    assert shown[0, 0].tolist() == [255, 128, 0]


def test_colour_maps_that_nobody_knows_are_shown_in_grey() -> None:
    grey = np.linspace(0, 1, 9, dtype=np.float32).reshape(3, 3)
    shown = colourise(grey, Intensity(0, 1, lut="<unknown>"))
    assert np.array_equal(shown[..., 0], shown[..., 2])


def test_what_lies_outside_of_the_source_is_black() -> None:
    pixels = np.full((1, 1, 40, 40), 200, np.uint8)
    made = drawn(pixels, [Layer(PlaneRef(0, 0, 0), Intensity(0, 255))], placed(20, 0, 1.0, 0, 40), (40, 40))
    assert made is not None
    assert made[:, :18].min() == 200
    assert made[:, 22:].max() == 0


@pytest.mark.parametrize("affine", [((0.0, 0.0, 0.0), (0.0, 0.0, 0.0)), ((1.0, 0.0, 1e9), (0.0, 1.0, 1e9))])
def test_degenerate_transforms_draw_nothing(affine: object) -> None:
    assert drawn(np.zeros((1, 1, 40, 40), np.uint8), [Layer(PlaneRef(0, 0, 0))], affine, (20, 20)) is None


def test_projections_are_computed() -> None:
    pixels = cells(3, 1, 5, 64, 64)
    source = PlaneRef(None, 0, 0, Projection(ProjectionKind.MAX, 1, 3))
    made = drawn(pixels, [Layer(source, Intensity(0, 5000))], placed(0, 0, 1.0, 0, 64), (64, 64))
    assert made is not None
    expected = np.rint(pixels[0, 1:4].max(0) * np.float32(255 / 5000)).clip(0, 255)
    assert np.abs(made[..., 0] - expected).max() <= 1


@pytest.mark.parametrize("kind", list(ProjectionKind))
def test_previews_of_projections_equal_those_of_the_projected_plane(kind: ProjectionKind) -> None:
    pixels = cells(4, 1, 4, 50, 70)
    how = {ProjectionKind.MAX: np.max, ProjectionKind.MIN: np.min, ProjectionKind.SUM: np.sum}.get(kind, np.mean)
    made = plane_preview(scene_of(pixels), PlaneRef(None, 0, 0, Projection(kind, 0, 3)), 100)
    assert np.allclose(made, how(pixels[0].astype(float), axis=0), rtol=1e-5)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 90), st.integers(1, 90), st.integers(5, 60))
def test_previews_are_means_however_the_rows_come(height: int, width: int, longest: int) -> None:
    pixels = np.random.default_rng(1).integers(0, 999, (1, 1, height, width)).astype(np.uint16)
    made = plane_preview(scene_of(pixels), PlaneRef(0, 0, 0), longest)
    factor = max(1, -(-max(height, width) // longest))
    assert max(made.shape) <= longest
    assert made[0, 0] == pytest.approx(
        np.pad(pixels[0, 0], ((0, factor), (0, factor)), mode="edge")[:factor, :factor].mean(), rel=1e-5
    )


def test_thumbnails_of_colour_pictures_keep_their_colours() -> None:
    pixels = np.zeros((3, 1, 30, 30), np.uint8)
    pixels[0], pixels[1] = 200, 100
    assert scene_thumbnail(scene_of(pixels, is_rgb=True), 64)[5, 5].tolist() == [200, 100, 0]


def test_a_difference_is_dark_where_pictures_agree_and_tells_brighter_from_darker() -> None:
    same = np.full((4, 4, 3), 90, np.uint8)
    other = same.copy()
    other[0, 0], other[1, 1] = 190, 0
    made = difference(other, same)
    assert made[3, 3].max() < 40
    assert made[0, 0, 0] > made[0, 0, 2]
    assert made[1, 1, 2] > made[1, 1, 0]


def test_pages_of_documents_are_composed_from_their_panels() -> None:
    panel = TracedPanel("A", Box(50, 50, 25, 25), PanelKind.IMAGE, 10, 10)
    page = TracedPage("a.pdf", 1, 200, 100, PageUnit.PERCENT, (panel, panel))
    made = composed_page(page, [np.zeros((10, 10, 3), np.uint8), None])
    assert made.shape == (700, 1400, 3)
    assert made[360, 720].max() == 0
    assert made[340, 690].min() == 255


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(1, 600))
def test_fitted_sizes_are_never_empty(width: int, height: int, longest: int) -> None:
    w, h = fitted_size((width, height), longest)
    assert 1 <= min(w, h) <= max(w, h) <= max(longest, 1)


def test_pictures_share_a_budget() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (480, 480, 3)).astype(np.uint8)
    alone = Encoder.of({Role.PANEL: 1}).encode(noise, Role.PANEL)
    crowded = Encoder.of({Role.PANEL: 400}).encode(noise, Role.PANEL)
    assert len(alone.uri) * 0.75 < Role.PANEL.most_bytes * 1.01
    assert len(crowded.uri) * 0.75 < BUDGET / 400 * 1.01
    assert crowded.width < alone.width
