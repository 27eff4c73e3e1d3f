from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biocodes_crate.figures.model import Box
from biocodes_crate.images import Channel
from biocodes_crate.report import SceneFacts, describe_edge, describe_plane, explain_evidence
from biocodes_crate.report.words import colour_name, decompose, describe_sizes, false_alarm
from biocodes_crate.tracing.model import (
    Claim,
    Edge,
    Evidence,
    Intensity,
    PlaneRef,
    Projection,
    ProjectionKind,
    Status,
)

STACK = SceneFacts(size_x=1024, size_y=1024, size_z=12, size_c=3, channels=(Channel("DAPI"), Channel("GFP")))


def edge(**values: object) -> Edge:
    return Edge(Status.VERIFIED, Claim.DISCOVERED, "a.tif", 0, **{"source": PlaneRef(5, 1, 0), **values})  # type: ignore[arg-type]


def test_an_edge_is_told_in_one_line() -> None:
    told = describe_edge(
        edge(
            region=Box(380, 410, 400, 400),
            panel_to_source=((0.0, 1.0, 380.0), (-1.0, 0.0, 810.0)),
            intensity=Intensity(120, 3800, 1.0, color="00FF00"),
        ),
        STACK,
    )
    assert told == (
        "plane z 5, channel 1 (GFP), 400×400 px at (380, 410), rotated 90° clockwise, window 120–3800, shown in green"
    )


def test_what_goes_without_saying_is_not_said() -> None:
    flat = SceneFacts(size_x=100, size_y=80)
    assert describe_edge(edge(source=PlaneRef(0, 0, 0), region=Box(0, 0, 100, 80)), flat) == (
        "the only plane, all of its 100×80 px"
    )
    assert describe_edge(edge(source=PlaneRef(0, 0, 0))) == "plane z 0, channel 0, time 0"


def test_projections_and_merges_are_told() -> None:
    source = PlaneRef(None, 2, 0, Projection(ProjectionKind.MAX, 0, 11))
    told = describe_edge(edge(source=source, intensity=Intensity(lut="viridis", inverted=True, weight=0.4)), STACK)
    assert told == (
        "maximum projection of z 0–11, channel 2, inverted, shown in the colours of viridis, 40 % of the panel's signal"
    )


@pytest.mark.parametrize(
    ("affine", "told"),
    [
        (((1.0, 0, 0), (0, 1.0, 0)), []),
        (((-1.0, 0, 9), (0, 1.0, 0)), ["mirrored left to right"]),
        (((1.0, 0, 0), (0, -1.0, 9)), ["mirrored top to bottom"]),
        (((-1.0, 0, 9), (0, -1.0, 9)), ["rotated 180°"]),
        (((0.5, 0, 0), (0, 0.5, 0)), ["enlarged 2×"]),
        (((4.0, 0, 0), (0, 4.0, 0)), ["reduced to 25 %"]),
    ],
)
def test_geometry_is_told(affine: object, told: list[str]) -> None:
    assert describe_edge(edge(panel_to_source=affine), STACK).split(", ")[2:] == told


@settings(max_examples=100, deadline=None)
@given(st.floats(0, 359), st.booleans(), st.floats(0.1, 10))
def test_what_is_told_of_the_geometry_makes_the_panel_from_the_source(
    degrees: float, mirrored: bool, scale: float
) -> None:
    """Turned clockwise, then mirrored, then scaled: that is the inverse of panel to source."""
    angle = math.radians(degrees)
    turn = np.array([[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]])  # y down: clockwise
    mirror = np.diag([-1.0 if mirrored else 1.0, 1.0])
    panel_to_source = np.linalg.inv(scale * mirror @ turn)
    rows = tuple((float(a), float(b), 0.0) for a, b in panel_to_source)
    found = decompose(rows)  # type: ignore[arg-type]
    assert found.mirrored == mirrored
    assert found.scale == pytest.approx(scale)
    assert abs((found.degrees - degrees + 180) % 360 - 180) < 1e-6


def test_evidence_says_only_what_was_measured() -> None:
    assert explain_evidence(Evidence()) == []
    told = explain_evidence(Evidence(0.98, 9, 0.99, None, -31.0))
    assert [measurement.value for measurement in told] == ["0.980", "99.0 %", "9 of 256 bits", "about 1 in 10³¹"]
    assert all(measurement.share is None or 0 <= measurement.share <= 1 for measurement in told)


def test_probabilities_near_one_are_told_in_percent() -> None:
    assert false_alarm(-0.30103) == "about 50 %"
    assert false_alarm(3.0) == "about 100 %"


def test_colours_have_names_where_one_is_near() -> None:
    assert colour_name("00F000") == "green"
    assert colour_name("#ff00ff") == "magenta"
    assert colour_name("808080") == "grey"
    assert colour_name("FF8080") == "#FF8080"
    assert colour_name("no colour") == "no colour"


def test_names_of_channels_stay_in_one_line() -> None:
    odd = SceneFacts(size_c=2, channels=(Channel("a\n\tb"), Channel("  ")))
    assert describe_plane(PlaneRef(0, 0, 0), odd) == "channel 0 (a b)"
    assert describe_plane(PlaneRef(0, 1, 0), odd) == "channel 1"


def test_sizes_of_a_scene_are_told() -> None:
    facts = SceneFacts(size_x=9, size_y=8, size_z=2, size_c=3, size_t=4, pixel_type="uint8", physical_size_x=0.103)
    assert describe_sizes(facts) == "9×8 px, 2 z, 3 channels, 4 times, uint8, 0.103 µm per pixel"
