"""Ranges of projections: as exact as a slice, and no further away by being renamed."""

from __future__ import annotations

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


def test_ranges_that_give_one_picture_are_ambiguous() -> None:
    """Outer slices that are empty add nothing to a maximum."""
    stack = np.stack([texture(90) if z == 4 else texture(91) * (z == 5) + 1.0 for z in range(10)])
    study = Study(sparse=stack)
    panel = panel_of(shown(stack[2:8].max(axis=0)))
    (edge,) = trace_panel(panel, study.index, study).edges
    assert edge.status is Status.AMBIGUOUS
    ranges = {(p.projection.z_start, p.projection.z_end) for p in edge.candidates if p.projection}
    assert (0, 9) in ranges
