"""Exact drawings: cuts of whole pixels, the filters of figure makers, and what tells planes and ranges apart."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow
from specimens import Study, panel_of, scene_of, shown, texture

from biocodes_crate.study import DeclaredProjection, DeclaredSource
from biocodes_crate.tracing import Claim, Projection, ProjectionKind, Status, recheck_panel, trace_panel
from biocodes_crate.tracing.drawing import STANDARD, Cut, Way, brought, whole_pixels
from biocodes_crate.tracing.features import describe, describe_coarsely
from biocodes_crate.tracing.pixels import comparison_grid, plan_warp
from biocodes_crate.tracing.settle import leaning

SCENE = scene_of(texture(1)[np.newaxis, np.newaxis, np.newaxis])  # 220 × 260

cuts = st.builds(
    lambda x, y, w, h, *how: Cut(x, y, x + w, y + h, *how),
    st.integers(0, 100), st.integers(0, 100), st.integers(30, 110), st.integers(30, 110),
    st.booleans(), st.booleans(), st.booleans(),
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(cut=cuts, height=st.integers(30, 400), width=st.integers(30, 400), off=st.floats(-0.3, 0.3))
def test_a_cut_is_found_again_from_a_place_that_is_a_little_off(cut: Cut, height: int, width: int, off: float) -> None:
    place = cut.matrix((height, width))
    corners = place @ np.array([[0, 0, 1], [width, height, 1]], float).T
    assert np.allclose(np.sort(corners[0]), [cut.x0, cut.x1])
    assert np.allclose(np.sort(corners[1]), [cut.y0, cut.y1])
    place[:, 2] += off
    assert whole_pixels(place, (height, width), SCENE) == cut


def test_a_turned_panel_and_one_that_goes_beyond_the_scene_are_no_cuts_of_whole_pixels() -> None:
    place = Cut(20, 20, 120, 120, turned=False, mirrored_x=False, mirrored_y=False).matrix((100, 100))
    angle = np.deg2rad(3)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    assert whole_pixels(np.column_stack([turn @ place[:, :2], place[:, 2]]), (100, 100), SCENE) is None
    place[:, 2] = [-3, 20]
    assert whole_pixels(place, (100, 100), SCENE) is None


@pytest.mark.parametrize("used", STANDARD)
@pytest.mark.parametrize("size", [(150, 130), (40, 50)])
@settings(max_examples=10, deadline=None)
@given(cut=cuts)
def test_a_cut_is_drawn_as_pillow_itself_draws_it(cut: Cut, size: tuple[int, int], used: Pillow.Resampling) -> None:
    pixels = texture(1)
    shape = size if not cut.turned else size[::-1]
    drawn = np.asarray(
        Pillow.fromarray(pixels[cut.y0 : cut.y1, cut.x0 : cut.x1]).resize((size[1], size[0]), used), np.float32
    )
    drawn = drawn.T if cut.turned else drawn
    drawn = drawn[:: -1 if cut.mirrored_y else 1, :: -1 if cut.mirrored_x else 1]
    place = cut.matrix(shape)
    grid = comparison_grid(shape, place, 480)
    warp = plan_warp(place, grid, SCENE)
    assert warp is not None
    window = pixels[warp.window.y0 : warp.window.y1, warp.window.x0 : warp.window.x1]
    ours = brought(window, Way(warp, used, cut))
    assert ours.shape == (grid.height, grid.width)
    if ours.shape == drawn.shape:
        inner = np.s_[6:-6, 6:-6]  # beyond a cut lie pixels of the plane, which the box of Pillow's does not see
        assert np.abs(ours[inner] - drawn[inner]).mean() < 0.003 * np.ptp(pixels)


def test_a_panel_leans_to_what_it_shows_and_noise_has_no_say() -> None:
    dice = np.random.default_rng(3)
    difference = dice.normal(0, 1, (4000, 1))
    blocks = np.repeat(np.arange(100), 40)
    for share in (0.0, 0.3, 1.0):
        leans = []
        for _ in range(200):
            noise = dice.normal(0, 5, difference.shape)
            lean, error, spread = leaning(share * difference + noise, difference, blocks)
            leans.append((lean - share) / error)
            assert 80 < spread <= 100
        # The error is the one that shows: standard scores have a mean of nought and a width of one.
        assert abs(np.mean(leans)) < 0.25
        assert 0.8 < np.std(leans) < 1.25


def test_what_differs_in_one_block_only_is_said_to() -> None:
    difference = np.zeros((400, 1))
    difference[:10] = 5
    _, _, spread = leaning(np.zeros((400, 1)), difference, np.repeat(np.arange(40), 10))
    assert spread == pytest.approx(1)


def slow_stack() -> np.ndarray:
    """Twenty slices that change slowly, the outer ones dim, with a little of their own."""
    ends = texture(70), texture(71)
    bright = np.exp(-(((np.arange(20) - 9.5) / 5) ** 2))
    slices = [ends[0] + (ends[1] - ends[0]) * z / 19 + 0.3 * texture(300 + z) for z in range(20)]
    return np.stack([300 + b * pixels for b, pixels in zip(bright, slices, strict=True)]).astype("f4")


@pytest.mark.parametrize("quality", [30])
def test_ends_that_make_up_for_each_other_are_not_taken_one_for_the_other(quality: int | None) -> None:
    """Slices between two pictures: a mean shows where its middle lies, and hardly how many slices it is of."""
    ends = texture(70), texture(71)
    bright = np.exp(-(((np.arange(20) - 9.5) / 5) ** 2))
    stack = np.stack([300 + b * (ends[0] + (ends[1] - ends[0]) * z / 19) for z, b in enumerate(bright)])
    study = Study(slow=stack.astype(np.float32))
    picture = shown(stack[4:15].mean(axis=0), low=300, high=1800)[20:180, 30:230]
    if quality is not None:
        _, stored = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])
        picture = np.asarray(cv2.imdecode(stored, cv2.IMREAD_GRAYSCALE), np.uint8)
    (edge,) = trace_panel(panel_of(picture), study.index, study).edges
    named = [edge.source] if edge.status is Status.VERIFIED else list(edge.candidates)
    ranges = [(p.projection.z_start, p.projection.z_end) for p in named if p.projection]
    assert any(abs(first - 4) <= 1 and abs(last - 14) <= 1 for first, last in ranges)


@pytest.mark.parametrize("used", [Pillow.Resampling.BICUBIC])
def test_the_range_of_a_cut_that_was_enlarged_is_found(used: Pillow.Resampling) -> None:
    stack = slow_stack()
    study = Study(slow=stack)
    picture = shown(stack[4:15].mean(axis=0), low=300, high=1800)[20:180, 30:230]
    panel = panel_of(np.asarray(Pillow.fromarray(picture).resize((290, 232), used)))
    (edge,) = trace_panel(panel, study.index, study).edges
    assert edge.status is Status.VERIFIED
    assert edge.source.projection is not None
    assert abs(edge.source.projection.z_start - 4) <= 1
    assert abs(edge.source.projection.z_end - 14) <= 1


def test_ends_that_do_not_show_are_told_and_a_recheck_knows_them() -> None:
    """Slices 0, 1, 18 and 19 of twenty are empty: a maximum over 1–18 looks like one over 2–17."""
    stack = np.stack([texture(200 + z) if 2 <= z <= 17 else np.full((220, 260), 300, np.float32) for z in range(20)])
    stack[0, 60:120, 80:160] = 4000  # and the whole stack does not
    stack[19, 20:60, 30:90] = 4000
    study = Study(outer=stack)
    panel = panel_of(shown(stack[1:19].max(axis=0), high=4000))
    (edge,) = trace_panel(panel, study.index, study).edges
    assert edge.status is Status.VERIFIED
    projection = edge.source.projection
    assert projection is not None
    assert projection.kind is ProjectionKind.MAX
    assert 1 <= projection.z_start <= 2
    assert 17 <= projection.z_end <= 18

    def again(first: int, last: int) -> bool:
        source = replace(edge.source, projection=Projection(ProjectionKind.MAX, first, last))
        (result,) = recheck_panel(panel, [replace(edge, source=source)], study)
        return result.agrees

    assert again(2, 17)
    assert not again(4, 17)


@pytest.mark.parametrize(("first", "last", "right"), [(3, 8, True), (6, 8, False)])
def test_a_declared_range_that_gives_the_same_picture_is_not_contradicted(
    *, first: int, last: int, right: bool
) -> None:
    """Twelve slices, of which 4 to 7 show anything: the maximum of any range that holds them is the same."""
    stack = np.stack([texture(400 + z) if 4 <= z <= 7 else np.full((220, 260), 300, np.float32) for z in range(12)])
    study = Study(outer=stack)
    source = DeclaredSource("images/outer.tif", projection=DeclaredProjection("max", first, last))
    panel = panel_of(shown(stack[2:10].max(axis=0), high=4000), declared=(source,))
    edges = trace_panel(panel, study.index, study).edges
    assert [edge.status for edge in edges if edge.claim is Claim.DECLARED] == [
        Status.VERIFIED if right else Status.CONTRADICTED
    ]


@pytest.mark.parametrize(("low", "high", "gamma", "jpeg"), [(300, 4000, 0.6, False), (800, 2500, 1.0, True)])
def test_ranges_with_the_same_values_are_not_told_apart(low: float, high: float, gamma: float, *, jpeg: bool) -> None:
    """The curves that are fitted to them differ a little, where contrast was cut off most."""
    stack = np.stack([texture(400 + z) if 4 <= z <= 7 else np.full((220, 260), 300, np.float32) for z in range(12)])
    study = Study(outer=stack)
    picture = shown(stack[4:8].max(axis=0), low, high, gamma)
    if jpeg:
        picture = np.asarray(cv2.imdecode(cv2.imencode(".jpg", picture)[1], cv2.IMREAD_GRAYSCALE), np.uint8)
    (edge,) = trace_panel(panel_of(picture), study.index, study).edges
    assert edge.status is Status.VERIFIED
    assert edge.source.projection == Projection(ProjectionKind.MAX, 0, 11)  # all is the habit
    assert "can look the same" in edge.reason
    assert len(edge.alike) > 1


def test_of_two_places_with_the_same_pixels_the_one_that_holds_the_whole_panel_is_named() -> None:
    """The second channel is the first, turned by 180° and shifted, so that it lacks a strip of it."""
    first = texture(120)
    second = np.full_like(first, 300)
    second[:-14] = first[::-1, ::-1][14:]
    study = Study(twice=np.stack([first, second])[:, np.newaxis])
    (edge,) = trace_panel(panel_of(shown(first)), study.index, study).edges
    assert edge.status is Status.VERIFIED
    assert edge.source.c == 0
    # Of a cut that both hold, nobody can tell.
    (edge,) = trace_panel(panel_of(shown(first)[30:200, 20:220]), study.index, study).edges
    assert edge.status is Status.AMBIGUOUS


def test_a_rich_picture_is_described_from_fewer_pixels_and_a_smooth_one_as_ever() -> None:
    rich = cv2.resize(texture(5), (640, 540), interpolation=cv2.INTER_CUBIC)
    rich += np.random.default_rng(1).normal(0, 60, rich.shape).astype(np.float32)
    coarse, fine = describe_coarsely(rich, 400), describe(rich, 400)
    assert len(coarse) == len(fine) == 400
    assert coarse.sizes.min() > 1.5 * fine.sizes.min()
    away = np.hypot(*(coarse.points[:, np.newaxis] - describe(rich, 4000).points).transpose(2, 0, 1)).min(axis=1)
    assert np.median(away) < 1.5  # pixels: they lie where features are
    smooth = cv2.GaussianBlur(texture(6, 400, 400), (0, 0), 9)
    few, as_ever = describe_coarsely(smooth, 400), describe(smooth, 400)
    assert len(few) == len(as_ever) < 400
    assert np.array_equal(few.points, as_ever.points)


def test_a_picture_without_features_has_none() -> None:
    assert len(describe_coarsely(np.zeros((300, 300), np.float32), 300)) == 0
