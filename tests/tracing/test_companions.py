"""Details enlarged from another panel of the page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from specimens import Study, panel_of, resized, shown, texture

from biocodes_crate.figures import Box, Figure, FigurePage, PageUnit, Panel
from biocodes_crate.study import DeclaredSource
from biocodes_crate.tracing import Status, TraceIndex, trace_figure
from biocodes_crate.tracing.companions import detail_of

PARENT = Box(10, 10, 260, 220)
DETAIL = Box(90, 60, 64, 56)  # of the parent


def parent(**said: object) -> Panel:
    declared = (DeclaredSource(**said),) if said else ()
    return replace(panel_of(shown(texture(1)), declared), box=PARENT)


def enlarged(plane: np.ndarray, region: Box, times: float, at: tuple[float, float]) -> Panel:
    x, y, w, h = (int(v) for v in region)
    pixels = resized(shown(plane)[y : y + h, x : x + w], times)
    return replace(panel_of(pixels), box=Box(*at, pixels.shape[1], pixels.shape[0]))


def statuses(*panels: Panel) -> list[set[Status]]:
    study = Study(a=texture(1))
    page = FigurePage(1, 700, 500, PageUnit.PIXEL, panels)
    (traced,) = trace_figure(Figure(Path("a.png"), "image/png", (page,)), "figures/a.png", TraceIndex([]), study)
    return [{edge.status for edge in panel.edges} for panel in traced.panels]


def test_a_detail_is_found_through_the_panel_that_it_was_enlarged_from() -> None:
    """The index holds nothing, so that only the declared parent leads there."""
    detail = enlarged(texture(1), DETAIL, 3, at=(300, 10))
    assert statuses(parent(image="images/a.tif"), detail) == [{Status.VERIFIED}, {Status.VERIFIED}]
    assert statuses(parent(), detail) == [set(), set()]


def test_a_detail_of_something_else_stays_without_a_source() -> None:
    detail = enlarged(texture(2), DETAIL, 3, at=(300, 10))
    assert statuses(parent(image="images/a.tif"), detail) == [{Status.VERIFIED}, set()]


@settings(max_examples=12, deadline=None)
@given(
    x=st.integers(0, 190),
    y=st.integers(0, 150),
    side=st.integers(36, 70),
    times=st.floats(1.6, 6),
    seed=st.integers(1, 5),
)
def test_the_place_of_a_detail_is_exact_to_two_pixels(x: int, y: int, side: int, times: float, seed: int) -> None:
    detail = enlarged(texture(seed), Box(x, y, side, side), times, at=(300, 10))
    place = detail_of(detail, replace(panel_of(shown(texture(seed))), box=PARENT))
    assert place is not None
    height, width = detail.pixels.shape[:2]
    found = place @ np.array([[0, 0, 1], [width, height, 1]]).T
    assert np.abs(found.T - [[x, y], [x + side, y + side]]).max() <= max(2, 0.06 * side)


def test_an_inset_is_not_taken_for_a_detail_of_itself() -> None:
    """Pasted over its parent, it is found where it comes from and not where it lies."""
    whole = parent()
    inset = enlarged(texture(1), Box(150, 120, 48, 48), 1.5, at=(PARENT.x + 20, PARENT.y + 20))
    whole.pixels[20:92, 20:92] = inset.pixels
    place = detail_of(inset, whole)
    assert place is not None
    assert place[:, 2] == pytest.approx([150, 120], abs=3)


def test_a_detail_of_a_large_panel_is_found_in_the_panels_own_pixels() -> None:
    large = replace(panel_of(resized(shown(texture(3)), 4)), box=Box(0, 0, 1040, 880))
    detail = enlarged(texture(3), Box(100, 80, 60, 60), 12, at=(1100, 0))
    place = detail_of(detail, large)
    assert place is not None
    assert place[:, 2] == pytest.approx([400, 320], abs=10)


def test_pages_in_percent_and_rasters_of_their_own_size_are_measured_alike() -> None:
    """In a document a panel's box and its pixels have different units."""
    whole = replace(parent(), box=Box(5, 5, 40, 34))
    detail = replace(enlarged(texture(1), DETAIL, 2, at=(0, 0)), box=Box(50, 5, 30, 26))
    smaller = cv2.resize(detail.pixels, None, fx=0.8, fy=0.8, interpolation=cv2.INTER_AREA)
    for pixels in (detail.pixels, smaller):
        place = detail_of(replace(detail, pixels=pixels), whole)
        assert place is not None
        assert place[:, 2] == pytest.approx([DETAIL.x, DETAIL.y], abs=3)
