from __future__ import annotations

from dataclasses import replace
from itertools import product

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from specimens import Study, panel_of, resized, shown, texture

from biocodes_crate.figures import Box, PageUnit, PanelKind
from biocodes_crate.tracing import (
    Claim,
    Edge,
    Evidence,
    ImageIndex,
    PlaneRef,
    Status,
    TracedPage,
    TracedPanel,
    find_reuse,
    recheck_panel,
    trace_panel,
)
from biocodes_crate.tracing.decision import THRESHOLD, decide
from biocodes_crate.tracing.evidence import agreement
from biocodes_crate.tracing.features import as_variant, describe
from biocodes_crate.tracing.pixels import Kernel, apply_warp, comparison_grid, on_grid, plan_warp
from biocodes_crate.tracing.register import is_sound, register
from biocodes_crate.tracing.retrieve import fit_similarity
from biocodes_crate.tracing.strokes import is_drawn


@pytest.mark.parametrize(("mirrored", "inverted"), list(product((False, True), (False, True))))
def test_features_of_a_mirrored_or_inverted_picture_need_no_second_look(*, mirrored: bool, inverted: bool) -> None:
    picture = texture(3)
    other = picture[:, ::-1] if mirrored else picture
    features = as_variant(describe(picture, 400), mirrored, inverted)
    target = describe(np.ascontiguousarray(4000 - other if inverted else other), 400)
    likeness = features.descriptors.astype(np.float32) @ target.descriptors.astype(np.float32).T
    expected = features.points.copy()
    if mirrored:
        expected[:, 0] = picture.shape[1] - expected[:, 0]
    away = np.hypot(*(target.points[likeness.argmax(axis=1)] - expected).T)
    # By chance: under one in a hundred. Dim structure is raised for display, so an inversion is not quite one.
    assert (away < 2).mean() > (0.15 if inverted else 0.5)


@settings(max_examples=40, deadline=None)
@given(
    scale=st.floats(0.2, 4),
    turn=st.floats(-3.1, 3.1),
    x=st.floats(-500, 500),
    y=st.floats(-500, 500),
    flip=st.booleans(),
)
def test_a_similarity_is_recovered_from_points(scale: float, turn: float, x: float, y: float, *, flip: bool) -> None:
    points = np.random.default_rng(0).uniform(0, 300, (12, 2))
    cosine, sine = scale * np.cos(turn), scale * np.sin(turn)
    linear = np.array([[cosine, -sine], [sine, cosine]]) @ np.diag([-1.0 if flip else 1.0, 1.0])
    fitted = fit_similarity(points, points @ linear.T + [x, y], mirrored=flip)
    assert fitted is not None
    assert np.allclose(fitted, np.column_stack([linear, [x, y]]), atol=1e-6)


@pytest.mark.parametrize("seed", range(4))
def test_registration_is_exact_to_a_tenth_of_a_pixel(seed: int) -> None:
    study = Study(a=texture(seed))
    scene = study("images/a.tif", 0)
    truth = np.array([[0.71, 0.02, 31.3], [-0.02, 0.71, 22.8]])
    grid = comparison_grid((150, 170), truth, 400)
    plane = scene.plane(next(scene.planes())).astype(np.float32)

    def read(warp):
        return plane[warp.window.y0 : warp.window.y1, warp.window.x0 : warp.window.x1]

    warp = plan_warp(truth, grid, scene)
    assert warp is not None
    panel = shown(apply_warp(warp, read(warp))).astype(np.float32)
    start = truth + np.array([[0.008, -0.01, 1.2], [0.01, 0.006, -1.5]])
    found = register(panel, np.ones(panel.shape, bool), read, scene, start, grid, smoothing=1.0, steps=12)
    assert found is not None
    corners = np.array([[0, 0, 1], [170, 0, 1], [0, 150, 1], [170, 150, 1]])
    assert np.abs(corners @ (found - truth).T).max() < 0.1


@pytest.mark.parametrize(
    "matrix",
    [
        [[0, 0, 0], [0, 0, 0]],
        [[1, 0, 0], [0, 0.01, 0]],
        [[1, 1, 0], [1, 1, 0]],
        [[np.nan, 0, 0], [0, 1, 0]],
        [[50, 0, 0], [0, 50, 0]],
        [[1, 0.8, 0], [0, 1, 0]],
    ],
)
def test_degenerate_transforms_are_rejected_by_geometry(matrix: list) -> None:
    with np.errstate(all="ignore"):
        try:
            sound = is_sound(np.array(matrix, float))
        except np.linalg.LinAlgError:
            sound = False
    assert not sound


@settings(max_examples=30, deadline=None)
@given(one=st.integers(0, 10**6), other=st.integers(0, 10**6))
def test_unrelated_planes_are_never_accepted(one: int, other: int) -> None:
    if one == other:
        return
    a, b = (shown(texture(seed, 120, 140)).astype(np.float32) for seed in (one, other))
    found = agreement(a, b, np.ones(a.shape, bool))
    assert not decide(found).accepted
    assert found.log10_chance > THRESHOLD


def test_the_same_plane_is_accepted_by_a_wide_margin() -> None:
    a = shown(texture(1)).astype(np.float32)
    noisy = a + np.random.default_rng(0).normal(0, 10, a.shape).astype(np.float32)
    decision = decide(agreement(a, noisy, np.ones(a.shape, bool)))
    assert decision.accepted
    assert decision.log10_false_alarm < 2 * THRESHOLD


@pytest.mark.parametrize(("in_place", "parts", "accepted"), [(23, 23, True), (19, 23, False), (27, 32, True)])
def test_of_few_parts_nearly_all_must_be_in_place(in_place: int, parts: int, accepted: bool) -> None:
    a = shown(texture(1)).astype(np.float32)
    found = agreement(a, a, np.ones(a.shape, bool))
    assert decide(replace(found, parts=((in_place, parts), (0, 0)))).accepted is accepted


def test_smooth_blobs_that_happen_to_coincide_are_no_proof() -> None:
    """One bright nucleus looks much like another: few independent samples, so chance is not excluded."""
    y, x = np.mgrid[0:120, 0:140].astype(np.float32)
    a = 200 * np.exp(-(((x - 70) / 25) ** 2 + ((y - 60) / 20) ** 2))
    b = 220 * np.exp(-(((x - 72) / 23) ** 2 + ((y - 59) / 22) ** 2))
    assert not decide(agreement(a, b, np.ones(a.shape, bool))).accepted


def test_an_index_survives_being_stored() -> None:
    (part,) = Study(a=texture(1)).parts
    again = ImageIndex.from_arrays("images/a.tif", part.to_arrays())
    assert again is not None
    assert again.pictures == part.pictures
    assert np.array_equal(again.features.descriptors, part.features.descriptors)


@pytest.mark.parametrize("name", ["index_version", "pictures", "owner", "points", "descriptors", "small"])
def test_a_damaged_index_is_not_used(name: str) -> None:
    (part,) = Study(a=texture(1)).parts
    arrays = part.to_arrays()
    missing = {key: value for key, value in arrays.items() if key != name}
    assert ImageIndex.from_arrays("images/a.tif", missing) is None
    wrong = arrays | {name: arrays[name][:-1] if len(arrays[name]) > 1 else np.array([99])}
    assert ImageIndex.from_arrays("images/a.tif", wrong) is None


def test_the_inverted_file_finds_what_comparing_all_finds() -> None:
    study = Study(**{f"p{i}": texture(i, 400, 480) for i in range(12)})
    assert len(study.index) > 4000  # so that lists are used
    rows = np.arange(0, len(study.index), 97)
    found, distances = study.index.nearest(study.index.features.descriptors[rows], 3)
    assert (found[:, 0] == rows).mean() > 0.99
    assert (np.diff(distances, axis=1) >= 0).all()


def edge_of(region: Box, status: Status = Status.VERIFIED, c: int = 0) -> Edge:
    return Edge(status, Claim.DISCOVERED, "images/a.tif", 0, PlaneRef(0, c, 0), region)


def panel_with(*edges: Edge, label: str) -> TracedPanel:
    return TracedPanel(label, Box(ord(label), 0, 10, 10), PanelKind.IMAGE, 10, 10, edges=edges)


def page_of(*panels: TracedPanel) -> TracedPage:
    return TracedPage("figures/f.png", 1, 100, 100, PageUnit.PIXEL, panels)


def test_two_panels_on_one_region_are_reported_in_neutral_words() -> None:
    page = page_of(
        panel_with(edge_of(Box(0, 0, 100, 100)), label="A"), panel_with(edge_of(Box(20, 20, 90, 90)), label="B")
    )
    (finding,) = find_reuse([page])
    assert finding.id == "panels-share-source"
    assert "panel A" in finding.message
    assert "panel B" in finding.message
    assert not any(word in finding.message.lower() for word in ("fraud", "manipul", "fake", "duplicat"))


def test_regions_apart_and_unproven_edges_are_no_reuse() -> None:
    a = panel_with(edge_of(Box(0, 0, 100, 100)), label="A")
    apart = panel_with(edge_of(Box(200, 0, 100, 100)), label="B")
    unproven = panel_with(edge_of(Box(0, 0, 100, 100), Status.AMBIGUOUS), label="C")
    assert find_reuse([page_of(a, apart, unproven)]) == ()


def test_split_channels_beside_their_merge_are_no_reuse() -> None:
    region = Box(0, 0, 100, 100)
    merge = panel_with(edge_of(region), edge_of(region, c=1), label="M")
    assert find_reuse([page_of(merge, panel_with(edge_of(region), label="A"))]) == ()


def test_an_inset_on_its_parent_is_no_reuse_and_one_of_another_place_is() -> None:
    whole = replace(panel_with(edge_of(Box(0, 0, 100, 100)), label="A"), box=Box(0, 0, 50, 50))
    detail = panel_with(edge_of(Box(30, 30, 20, 20)), label="B")
    assert find_reuse([page_of(whole, replace(detail, box=Box(38, 38, 10, 10)))]) == ()
    assert len(find_reuse([page_of(whole, replace(detail, box=Box(60, 0, 10, 10)))])) == 1
    beyond = panel_with(edge_of(Box(90, 30, 20, 20)), label="B")
    assert len(find_reuse([page_of(whole, replace(beyond, box=Box(38, 38, 10, 10)))])) == 1


TAMPERED = {
    "neighbouring plane": lambda e: replace(e, source=PlaneRef(1, 0, 0)),
    "transform": lambda e: replace(e, panel_to_source=((1.0, 0.0, 25.0), (0.0, 1.0, 0.0))),
    "degenerate transform": lambda e: replace(e, panel_to_source=((0.0, 0.0, 0.0), (0.0, 0.0, 0.0))),
    "no transform": lambda e: replace(e, panel_to_source=None),
    "outside": lambda e: replace(e, panel_to_source=((1.0, 0.0, 9e6), (0.0, 1.0, 0.0))),
    "no such image": lambda e: replace(e, image="images/other.tif"),
    "no such plane": lambda e: replace(e, source=PlaneRef(77, 0, 0)),
}


@pytest.mark.parametrize("name", TAMPERED)
def test_a_tampered_edge_is_not_borne_out(name: str) -> None:
    stack = np.stack([0.7 * texture(5) + 0.3 * texture(80 + z) for z in range(4)])
    study = Study(a=stack)
    panel = panel_of(resized(shown(stack[2]), 1.2))
    (edge,) = trace_panel(panel, study.index, study).edges
    (result,) = recheck_panel(panel, [TAMPERED[name](edge)], study)
    assert not result.agrees
    assert result.reason


def test_edited_evidence_is_told_from_measured() -> None:
    study = Study(a=texture(5))
    panel = panel_of(shown(texture(5)))
    (edge,) = trace_panel(panel, study.index, study).edges
    edited = replace(edge, evidence=Evidence(0.5, 200, 0.1, None, -3.0))
    (result,) = recheck_panel(panel, [edited], study)
    assert result.agrees
    assert "correlation is stated as 0.5" in result.drift


def test_overlays_are_no_image_content() -> None:
    source = np.full((40, 40, 1), 60, np.float32)
    letter = np.full((40, 40), 60, np.uint8)
    cv2.putText(letter, "A", (5, 32), cv2.FONT_HERSHEY_SIMPLEX, 1, 255, 2)
    drawn = np.atleast_3d(letter.astype(np.float32))
    assert is_drawn(drawn, source, (drawn != source)[..., 0])
    pasted = np.random.default_rng(0).uniform(20, 120, source.shape).astype(np.float32)
    assert not is_drawn(pasted, source, np.ones((40, 40), bool))


@pytest.mark.parametrize("how", [cv2.INTER_NEAREST_EXACT, cv2.INTER_LINEAR, cv2.INTER_CUBIC])
@pytest.mark.parametrize("size", [(300, 250), (410, 350), (530, 460), (1400, 1180)])
def test_an_enlarged_panel_is_drawn_as_it_was_enlarged(how: int, size: tuple[int, int]) -> None:
    """Summing up what was interpolated blurs noise, in the panel and so in what it is compared with."""
    dice = np.random.default_rng(2)
    source = dice.normal(128, 30, (230, 270)).astype(np.float32)
    panel = cv2.resize(source, size, interpolation=how)
    matrix = np.array([[270 / size[0], 0, 0], [0, 230 / size[1], 0]])
    grid = comparison_grid(panel.shape, matrix, 480)
    scene = Study(noise=source).scenes["images/noise.tif"]
    warp = plan_warp(matrix, grid, scene)
    assert warp is not None
    kernel = {cv2.INTER_NEAREST_EXACT: Kernel.NEAREST, cv2.INTER_LINEAR: Kernel.LINEAR}.get(how, Kernel.SMOOTH)
    window = source[warp.window.y0 : warp.window.y1, warp.window.x0 : warp.window.x1]
    away = apply_warp(warp, window, kernel) - on_grid(panel, grid)
    assert float(np.sqrt((away[3:-3, 3:-3] ** 2).mean())) < (6 if size[0] == 1400 else 3)
