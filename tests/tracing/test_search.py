"""Panels that no local feature leads to: smooth or noisy planes, searched by sliding the panel over them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from specimens import Study, panel_of, resized, shown, texture

from biocodes_crate.tracing import Status, trace_panel
from biocodes_crate.tracing.locate import PanelPixels
from biocodes_crate.tracing.pixels import Matrix, SourcePixels
from biocodes_crate.tracing.retrieve import Hypothesis
from biocodes_crate.tracing.shortlist import at_other_depths, shortlist
from biocodes_crate.tracing.sliding import slide
from biocodes_crate.tracing.tones import take_apart

REGION = (30, 40, 96, 84)  # x, y, w, h
SMOOTH = 4.0  # pixels


def smooth(seed: int) -> NDArray[np.float32]:
    """A plane out of focus, with little that a local feature could be hung on."""
    plane = cv2.GaussianBlur(texture(seed, 150, 170), (0, 0), SMOOTH)
    return np.asarray((plane - plane.min()) / (plane.max() - plane.min()) * 3000 + 300, np.float32)


def noisy_stack(seed: int, depth: int = 9) -> NDArray[np.float32]:
    """Planes (Z, Y, X) that change slowly along z, each under noise of its own that is as strong."""
    dice = np.random.default_rng(seed)
    ends = [cv2.GaussianBlur(texture(seed + 10 * i, 150, 170), (0, 0), 2.0) for i in range(2)]
    planes = []
    for z in range(depth):
        plane = ends[0] * (1 - 0.4 * z / depth) + ends[1] * 0.4 * z / depth
        planes.append(plane + dice.normal(scale=1.2 * plane.std(), size=plane.shape))
    return np.clip(np.stack(planes), 0, 6000).astype(np.float32)


def cropped(plane: NDArray[np.float32], times: float) -> NDArray[np.uint8]:
    x, y, w, h = REGION
    return resized(shown(plane[y : y + h, x : x + w]), times)


def truth(times: float) -> Matrix:
    return np.array([[1 / times, 0, REGION[0]], [0, 1 / times, REGION[1]]])


def away(found: Hypothesis, times: float, shape: tuple[int, ...]) -> float:
    """How far the corners of a panel are from where they should be, in source pixels."""
    corners = np.array([[0, 0, 1], [shape[1], 0, 1], [0, shape[0], 1], [shape[1], shape[0], 1]], float).T
    return float(np.abs((found.panel_to_source - truth(times)) @ corners).max())


@pytest.mark.parametrize("times", [0.7, 1.0, 2.6])
def test_a_crop_of_a_smooth_plane_is_the_first_on_the_shortlist(times: float) -> None:
    study = Study(**{f"p{seed}": smooth(seed) for seed in range(1, 8)})
    panel = panel_of(cropped(smooth(3), times))
    tone, pixels = take_apart(panel.pixels, panel.mask), SourcePixels(study)
    slid = slide(tone.greys[0], study.index, range(len(study.index.pictures)), pixels)
    first = shortlist(PanelPixels(panel, tone), slid, study.index, pixels, 1)[0]
    assert first.picture.image == "images/p3.tif"
    assert away(first, times, panel.pixels.shape) < 3


def test_a_plane_of_a_noisy_stack_is_found_where_only_what_is_coarse_is_shared() -> None:
    study = Study(stack=noisy_stack(1), other=noisy_stack(2), third=texture(4))
    edges = trace_panel(panel_of(cropped(noisy_stack(1)[4], 1.7)), study.index, study).edges
    assert [(edge.status, edge.image, edge.source.z) for edge in edges] == [(Status.VERIFIED, "images/stack.tif", 4)]


def test_a_smooth_panel_of_another_study_stays_without_a_source() -> None:
    study = Study(**{f"p{seed}": smooth(seed) for seed in range(1, 8)})
    for seed in range(20, 23):
        edges = trace_panel(panel_of(cropped(smooth(seed), 1.6)), study.index, study).edges
        assert not edges, seed


def test_planes_that_show_nothing_are_passed_over() -> None:
    study = Study(flat=np.full((80, 90), 7.0, np.float32), p3=smooth(3))
    panel = panel_of(cropped(smooth(3), 1.0))
    tone = take_apart(panel.pixels, panel.mask)
    found = slide(tone.greys[0], study.index, range(len(study.index.pictures)), SourcePixels(study))
    assert {h.picture.image for h in found} == {"images/p3.tif"}


def test_a_place_is_tried_on_the_other_key_pictures_of_its_stack_only() -> None:
    study = Study(stack=noisy_stack(1), other=texture(4))
    here = next(p for p in study.index.pictures if p.image == "images/stack.tif" and p.z == 4)
    tried = at_other_depths([Hypothesis(here, truth(1.0), False, 0, 0.0)], study.index)
    assert {h.picture.z for h in tried} == {-3, -2, -1, 0, 1, 2, 3, 5, 6, 7, 8}
    assert {h.picture.image for h in tried} == {"images/stack.tif"}
    assert all((h.panel_to_source == truth(1.0)).all() for h in tried)
