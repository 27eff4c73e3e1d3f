"""Ranges of projections: as exact as a slice, and no further away by being renamed."""

from __future__ import annotations

import cv2
import numpy as np
from specimens import Study, panel_of, shown, texture

from biocodes_crate.tracing import Status, trace_panel


def test_a_range_of_slowly_changing_slices_is_found_to_the_slice() -> None:
    """Slices that change slowly: each range is like the next, but not like the one after that."""
    ends = texture(70), texture(71)
    stack = np.stack([ends[0] + (ends[1] - ends[0]) * z / 11 + 0.15 * texture(80 + z) for z in range(12)])
    study = Study(slow=stack)
    panel = panel_of(shown(stack[6:10].mean(axis=0)))
    edges = trace_panel(panel, study.index, study).edges
    assert edges
    for edge in edges:
        if edge.status is Status.VERIFIED:
            assert edge.source.projection is not None
            assert abs(edge.source.projection.z_start - 6) <= 1
            assert abs(edge.source.projection.z_end - 9) <= 1


def sparse() -> np.ndarray:
    """Ten slices, of which the fifth and sixth show something."""
    return np.stack([texture(90) if z == 4 else texture(91) * (z == 5) + 1.0 for z in range(10)])


def test_ranges_that_give_one_picture_are_ambiguous() -> None:
    """Outer slices that are empty add nothing to a maximum."""
    stack = sparse()
    stack[0] += texture(92)
    study = Study(sparse=stack)
    panel = panel_of(shown(stack[2:8].max(axis=0)))
    (edge,) = trace_panel(panel, study.index, study).edges
    assert edge.status is Status.AMBIGUOUS
    ranges = {(p.projection.z_start, p.projection.z_end) for p in edge.candidates if p.projection}
    assert len(ranges) > 1
    assert all(0 < first <= 4 and last >= 5 for first, last in ranges)


def test_a_range_that_gives_the_picture_of_the_whole_stack_is_called_the_whole_stack() -> None:
    stack = sparse()
    study = Study(sparse=stack)
    panel = panel_of(shown(stack[2:8].max(axis=0)))
    (edge,) = trace_panel(panel, study.index, study).edges
    assert edge.status is Status.VERIFIED
    assert edge.source.projection is not None
    assert (edge.source.projection.z_start, edge.source.projection.z_end) == (0, 9)


def test_lettering_over_a_projection_does_not_blur_its_range() -> None:
    stack = np.stack([texture(100 + z) for z in range(8)])
    study = Study(stack=stack)
    pixels = shown(stack[2:6].max(axis=0), low=600, high=4000)
    for row in range(3):
        cv2.putText(pixels, "control 24 h", (10, 50 + 60 * row), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 255, 2, cv2.LINE_AA)
    (edge,) = trace_panel(panel_of(pixels), study.index, study).edges
    assert edge.status is Status.VERIFIED
    assert edge.source.projection is not None
    assert abs(edge.source.projection.z_start - 2) <= 1
    assert abs(edge.source.projection.z_end - 5) <= 1


def test_a_noisy_plane_after_jpeg_is_not_called_a_projection_of_its_neighbours() -> None:
    """The mean of like planes has less noise, and so has a plane after JPEG."""
    dice = np.random.default_rng(5)
    common = texture(110)
    stack = np.stack([np.clip(common + dice.normal(0, 400, common.shape), 0, 4000) for _ in range(5)])
    study = Study(noisy=stack.astype(np.float32))
    _, stored = cv2.imencode(".jpg", shown(stack[2].astype(np.float32)), [cv2.IMWRITE_JPEG_QUALITY, 15])
    panel = panel_of(np.asarray(cv2.imdecode(stored, cv2.IMREAD_GRAYSCALE), np.uint8))
    (edge,) = trace_panel(panel, study.index, study).edges
    assert edge.status is Status.AMBIGUOUS or edge.source.z == 2
