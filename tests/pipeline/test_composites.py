"""Scale bars and zoom boxes against the sources that panels were traced to."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from biocodes_crate.figures import Box, Figure, FigurePage, PageUnit, Panel, PanelKind
from biocodes_crate.figures.scalebars import ScaleBar
from biocodes_crate.pipeline.composites import check_composites
from biocodes_crate.tracing import Claim, Edge, PlaneRef, Status, TracedPage, TracedPanel


def scenes(image: str, scene: int) -> Any:
    return SimpleNamespace(physical_size_x=0.5, physical_size_y=0.5)


def noise(width: int, height: int) -> np.ndarray:
    grey = cv2.GaussianBlur(np.random.default_rng(1).normal(90, 60, (height, width)), (0, 0), 2)
    return np.repeat(np.clip(grey, 5, 200).astype(np.uint8)[..., None], 3, axis=2)


def edge(region: Box, width: int, status: Status = Status.VERIFIED, image: str = "a.zarr") -> Edge:
    scale = region.w / width
    return Edge(
        status,
        Claim.DISCOVERED,
        image,
        0,
        PlaneRef(0, 0, 0),
        region,
        ((scale, 0, region.x), (0, scale, region.y)),
    )


def page_of(*panels: tuple[Panel, tuple[Edge, ...]]) -> tuple[Figure, tuple[TracedPage, ...]]:
    page = FigurePage(1, 800, 600, PageUnit.PIXEL, tuple(panel for panel, _ in panels))
    traced = tuple(
        TracedPanel(label, p.box, p.kind, p.pixels.shape[1], p.pixels.shape[0], edges=edges)
        for label, (p, edges) in zip("AB", panels, strict=False)
    )
    return Figure(Path("f.png"), "image/png", (page,)), (TracedPage("f.png", 1, 800, 600, PageUnit.PIXEL, traced),)


def panel(box: Box, pixels: np.ndarray | None = None, bar: ScaleBar | None = None) -> Panel:
    shown = noise(round(box.w), round(box.h)) if pixels is None else pixels
    return Panel(box, PanelKind.IMAGE, shown, np.zeros(shown.shape[:2], np.bool_), scale_bar=bar)


@pytest.mark.parametrize(("micrometres", "ids"), [(50.0, []), (52.0, []), (100.0, ["scale-bar-mismatch"]), (None, [])])
def test_a_scale_bar_is_compared_with_the_pixel_size(micrometres: float | None, ids: list[str]) -> None:
    """200 pixels of the panel, half a pixel of the source each, half a micrometre a pixel: 50 µm."""
    figure, pages = page_of(
        (panel(Box(0, 0, 400, 300), bar=ScaleBar(10, 10, 200, micrometres)), (edge(Box(0, 0, 200, 150), 400),))
    )
    assert [f.id for f in check_composites(figure, pages, scenes)] == ids


def test_a_scale_bar_without_a_proven_source_or_pixel_size_is_left_alone() -> None:
    shown = panel(Box(0, 0, 400, 300), bar=ScaleBar(10, 10, 200, 1000.0))
    unproven = edge(Box(0, 0, 200, 150), 400, Status.UNVERIFIED)
    assert check_composites(*page_of((shown, (unproven,))), scenes) == []
    sizeless = SimpleNamespace(physical_size_x=None, physical_size_y=None)
    assert check_composites(*page_of((shown, (edge(Box(0, 0, 200, 150), 400),))), lambda *_: sizeless) == []


def with_zoom(box: tuple[int, int, int, int], dashed: bool = False) -> tuple[Panel, Panel]:
    """A panel with a box drawn on it, and an inset in its corner."""
    pixels = noise(400, 400)
    x0, y0, x1, y1 = box
    if dashed:
        for i in range(x0, x1, 8):
            pixels[y0 : y0 + 2, i : i + 5] = pixels[y1 - 2 : y1, i : i + 5] = 255
        for i in range(y0, y1, 8):
            pixels[i : i + 5, x0 : x0 + 2] = pixels[i : i + 5, x1 - 2 : x1] = 255
    else:
        cv2.rectangle(pixels, (x0, y0), (x1 - 1, y1 - 1), (255, 255, 255), 2)
    cv2.rectangle(pixels, (268, 268), (392, 392), (255, 255, 255), 2)
    return panel(Box(0, 0, 400, 400), pixels), panel(Box(270, 270, 120, 120))


@pytest.mark.parametrize("dashed", [False, True])
@pytest.mark.parametrize(
    ("drawn", "ids"), [((60, 80, 120, 140), ["zoom-box-agrees"]), ((180, 30, 240, 90), ["zoom-box-mismatch"])]
)
def test_a_zoom_box_is_compared_with_the_region_of_the_inset(
    drawn: tuple[int, int, int, int], ids: list[str], dashed: bool
) -> None:
    parent, inset = with_zoom(drawn, dashed)
    # The panel shows the source at twice its size; 60–120 and 80–140 of it are 30–60 and 40–70 of the source.
    edges = edge(Box(0, 0, 200, 200), 400), edge(Box(30, 40, 30, 30), 120)
    figure, pages = page_of((parent, (edges[0],)), (inset, (edges[1],)))
    assert [f.id for f in check_composites(figure, pages, scenes)] == ids


def test_an_inset_of_another_image_or_without_proof_is_not_compared() -> None:
    parent, inset = with_zoom((180, 30, 240, 90))
    whole, detail = edge(Box(0, 0, 200, 200), 400), edge(Box(30, 40, 30, 30), 120)
    for other in (replace(detail, image="b.zarr"), replace(detail, status=Status.CONTRADICTED)):
        assert check_composites(*page_of((parent, (whole,)), (inset, (other,))), scenes) == []


def test_no_box_at_all_is_no_finding() -> None:
    parent, inset = panel(Box(0, 0, 400, 400)), panel(Box(270, 270, 120, 120))
    edges = edge(Box(0, 0, 200, 200), 400), edge(Box(30, 40, 30, 30), 120)
    assert check_composites(*page_of((parent, (edges[0],)), (inset, (edges[1],))), scenes) == []
