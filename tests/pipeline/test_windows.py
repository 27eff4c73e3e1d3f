"""Windows that OMERO.figure's JSON states, against the tones of panels."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from biocodes_crate.figures import Box, Figure, FigurePage, PageUnit, Panel, PanelKind
from biocodes_crate.pipeline.windows import check_windows
from biocodes_crate.study.manifest import DeclaredSource
from biocodes_crate.tracing import Claim, Edge, PlaneRef, Status, TracedPage, TracedPanel
from biocodes_crate.tracing.model import Intensity

SOURCE = cv2.GaussianBlur(np.random.default_rng(1).normal(1500, 2500, (160, 200)), (0, 0), 3).clip(0, 4095)


def scenes(image: str, scene: int) -> Any:
    rows = SimpleNamespace(rows=lambda plane, y0, y1: SOURCE[y0:y1].astype(np.uint16))
    return SimpleNamespace(size_x=200, size_y=160, source=rows)


def findings(shown: tuple[float, float], stated: tuple[float, float], **changes: Any) -> list[str]:
    """Of a panel that shows a window of the source, a corner left out, and has another stated."""
    levels = 255 * np.clip((SOURCE[20:, 30:] - shown[0]) / (shown[1] - shown[0]), 0, 1)
    colour = changes.pop("colour", (1, 1, 1))
    pixels = (levels[..., None] * np.array(colour)).round().astype(np.uint8)
    height, width = pixels.shape[:2]
    declared = (replace(DeclaredSource("a.zarr", c=0, window=stated), **changes.pop("declared", {})),)
    edge = Edge(
        Status.VERIFIED,
        Claim.DECLARED,
        "a.zarr",
        0,
        PlaneRef(0, 0, 0),
        Box(30, 20, width, height),
        ((1, 0, 30), (0, 1, 20)),
        intensity=Intensity(lut="gray"),
    )
    edge = replace(edge, **changes)
    box = Box(0, 0, width, height)
    panel = Panel(box, PanelKind.IMAGE, pixels, np.zeros((height, width), np.bool_), declared=declared)
    page = FigurePage(1, width, height, PageUnit.PIXEL, (panel,))
    traced = TracedPage("f.pdf", 1, width, height, PageUnit.PIXEL, (
        TracedPanel("A", box, PanelKind.IMAGE, width, height, edges=(edge,)),
    ))  # fmt: skip
    return [f.id for f in check_windows(Figure(Path("f.pdf"), "application/pdf", (page,)), (traced,), scenes)]


@pytest.mark.parametrize("window", [(0, 4095), (800, 2400), (0, 20_000), (3000, 200)])
def test_a_window_that_is_shown_is_no_finding(window: tuple[float, float]) -> None:
    assert findings(window, window) == []


@pytest.mark.parametrize(
    ("shown", "stated"), [((0, 4095), (800, 2400)), ((0, 4095), (0, 20_000)), ((200, 3000), (3000, 200))]
)
def test_a_window_that_is_not_shown_is_told(shown: tuple[float, float], stated: tuple[float, float]) -> None:
    assert findings(shown, stated) == ["window-mismatch"]


def test_a_coloured_channel_is_judged_by_its_colour() -> None:
    green = {"colour": (0, 0.5, 0), "intensity": Intensity(color="008000")}
    assert findings((0, 4095), (0, 4095), **green) == []
    assert findings((0, 4095), (0, 20_000), **green) == ["window-mismatch"]


@pytest.mark.parametrize(
    "changes",
    [
        {"intensity": Intensity(lut="viridis")},
        {"intensity": None},
        {"status": Status.AMBIGUOUS},
        {"panel_to_source": None},
        {"image": "b.zarr"},
        {"declared": {"c": 1}},
        {"declared": {"window": None}},
    ],
)
def test_what_cannot_be_compared_is_no_finding(changes: dict[str, Any]) -> None:
    assert findings((0, 4095), (0, 20_000), **changes) == []
