"""Panels that once were missed, or once were told wrongly."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.stats import betabinom
from specimens import Study, panel_of, shown, texture

from biocodes_crate.figures import Box, Figure, FigurePage, PageUnit
from biocodes_crate.study import DeclaredSource
from biocodes_crate.tracing import Status, trace_figure, trace_panel
from biocodes_crate.tracing.decision import UNRELATED, log10_tail
from biocodes_crate.tracing.evidence import agreement
from biocodes_crate.tracing.strokes import half_width
from biocodes_crate.tracing.tones import colour_map, fit_colours


@pytest.fixture(scope="module")
def study() -> Study:
    return Study(a=texture(1), b=texture(2), c=texture(3))


def _through_jpeg(pixels: np.ndarray, quality: int) -> np.ndarray:
    return cv2.imdecode(cv2.imencode(".jpg", pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1], 1)[..., ::-1]


@pytest.mark.parametrize("name", ["viridis", "hot"])
def test_a_colour_map_run_backwards_and_blurred_by_jpeg_is_traced(name: str, study: Study) -> None:
    grey = shown(texture(2))[20:180, 30:200]
    coloured = colour_map(name).round().astype(np.uint8)[255 - grey]
    (edge,) = trace_panel(panel_of(_through_jpeg(coloured, 40)), study.index, study).edges
    assert (edge.status, edge.image) == (Status.VERIFIED, "images/b.tif")
    assert edge.intensity is not None
    assert edge.intensity.inverted


def test_a_colour_map_that_nobody_named_is_traced(study: Study) -> None:
    grey = shown(texture(2))[20:180, 30:200]
    ramp = np.linspace(0, 1, 256)
    own = np.stack([255 * np.sin(2.2 * ramp), 60 + 190 * (1 - ramp), 40 + 200 * ramp**2], -1).round().astype(np.uint8)
    (edge,) = trace_panel(panel_of(own[grey]), study.index, study).edges
    assert (edge.status, edge.image) == (Status.VERIFIED, "images/b.tif")


def test_a_grey_inverted_panel_with_a_coloured_patch_is_traced_and_the_patch_listed(study: Study) -> None:
    grey = 255 - shown(texture(2))
    pixels = np.repeat(grey[..., None], 3, -1)
    pixels[60:110, 80:150] = [20, 200, 30]
    traced = trace_panel(panel_of(pixels), study.index, study)
    assert [(e.status, e.image) for e in traced.edges] == [(Status.VERIFIED, "images/b.tif")]
    assert any(_covered(box, Box(80, 60, 70, 50)) > 0.8 for box in traced.unexplained)


def _covered(found: Box, wanted: Box) -> float:
    width = min(found.x + found.w, wanted.x + wanted.w) - max(found.x, wanted.x)
    height = min(found.y + found.h, wanted.y + wanted.h) - max(found.y, wanted.y)
    return max(0.0, width) * max(0.0, height) / (wanted.w * wanted.h)


def test_channels_that_hold_the_same_pixels_in_other_places_are_ambiguous() -> None:
    whole = texture(5, 260, 320)
    shifted = Study(twins=np.stack([whole[:220, :260], whole[30:250, 45:305]])[:, None])
    traced = trace_panel(panel_of(shown(whole[60:180, 80:220])), shifted.index, shifted)
    assert {edge.status for edge in traced.edges} == {Status.AMBIGUOUS}
    assert {plane.c for edge in traced.edges for plane in edge.candidates} == {0, 1}


def test_a_panel_is_found_by_the_place_that_its_neighbour_shows() -> None:
    """Noise alone has no features that survive; the other time of the same place has."""
    rng = np.random.default_rng(3)
    faint = 1000 + 25 * rng.normal(size=(220, 260))
    pair = Study(film=np.stack([texture(7), faint])[None])
    box = np.s_[40:180, 50:220]
    panels = (panel_of(shown(texture(7)[box])), panel_of(shown(faint[box], 930, 1070)))
    known = Study(film=texture(7)).index  # as if the second time had not become a key picture
    assert trace_panel(panels[1], known, pair).edges == ()
    page = FigurePage(1, 400, 200, PageUnit.PIXEL, panels)
    (traced,) = trace_figure(Figure(Path("a.png"), "image/png", (page,)), "figures/a.png", known, pair)
    assert [[(e.status, e.source.z, e.source.t) for e in panel.edges] for panel in traced.panels] == [
        [(Status.VERIFIED, 0, 0)],
        [(Status.VERIFIED, 1, 0)],
    ]


@pytest.mark.parametrize(("count", "of"), [(0, 10), (3, 10), (10, 10), (40, 64), (64, 64)])
def test_the_stated_probability_is_the_tail_of_the_distribution(count: int, of: int) -> None:
    for a, b in UNRELATED:
        expected = np.log10(betabinom(of, a, b).pmf(np.arange(count, of + 1)).sum())
        assert log10_tail(count, of, a, b) == pytest.approx(expected, abs=1e-6)


def test_parts_of_the_same_picture_are_in_place_and_those_of_another_are_not() -> None:
    a, b = (shown(texture(seed)).astype(np.float32) for seed in (1, 2))
    valid = np.ones(a.shape, bool)
    noise = np.random.default_rng(0).normal(0, 8, a.shape).astype(np.float32)
    assert all(k > 0.95 * n for k, n in agreement(a, a + noise, valid).parts)
    assert all(k < 0.35 * n for k, n in agreement(a, b, valid).parts)


def test_a_curve_of_colours_follows_any_map() -> None:
    source = np.random.default_rng(0).uniform(0, 1000, 5000).astype(np.float32)
    wanted = np.stack([255 - source / 5, 100 + 50 * np.sin(source / 300), source / 4], -1).astype(np.float32)
    assert fit_colours(source, wanted).residual < 3


def test_a_stroke_is_thin_and_a_patch_is_not() -> None:
    canvas = np.zeros((100, 120), np.uint8)
    assert half_width(cv2.line(canvas.copy(), (10, 10), (90, 80), 1, 3) > 0) < 3
    assert half_width(cv2.rectangle(canvas.copy(), (20, 20), (60, 60), 1, -1) > 0) > 15


@pytest.mark.parametrize("size", [(360, 300), (480, 410)])
def test_a_place_is_settled_from_a_start_that_is_some_pixels_off(size: tuple[int, int]) -> None:
    """A declaration without a region starts at the whole plane; what it is brought to must be where it lies."""
    frames = np.stack([texture(40) + 0.5 * texture(50 + t) for t in range(4)])[:, np.newaxis, np.newaxis]
    study = Study(movie=frames)
    crop = shown(frames[1, 0, 0, 10:210, 6:246])
    panel = panel_of(cv2.resize(crop, size, interpolation=cv2.INTER_LINEAR), (DeclaredSource("images/movie.tif", t=3),))
    declared, found = trace_panel(panel, study.index, study).edges
    assert declared.status is Status.CONTRADICTED
    assert found.status is Status.VERIFIED
    assert found.source.t == 1
    assert found.region is not None
    assert np.abs(np.subtract(found.region, (6, 10, 240, 200))).max() < 0.5
