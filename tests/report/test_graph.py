from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from itertools import combinations, pairwise
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from biocodes_crate.crate import open_crate
from biocodes_crate.figures.model import Box, PageUnit, PanelKind
from biocodes_crate.report import ReportView, graph_from_crate, provenance_svg
from biocodes_crate.report.layering import crossings
from biocodes_crate.tracing.model import Claim, Edge, PlaneRef, Status, TracedPage, TracedPanel

SVG = "{http://www.w3.org/2000/svg}"


def pages_of(edges: list[list[tuple[int, int, Status]]], label: str | None = "A") -> list[TracedPage]:
    """A page with a panel for each list of (image, z, status)."""
    panels = tuple(
        TracedPanel(
            label, Box(0, 0, 9, 9), PanelKind.IMAGE, 9, 9,
            edges=tuple(Edge(s, Claim.DISCOVERED, f"images/{i}.tif", 0, PlaneRef(z, 0, 0)) for i, z, s in links),
        )
        for links in edges
    )  # fmt: skip
    return [TracedPage("figures/a.png", 1, 100, 100, PageUnit.PIXEL, panels)]


links = st.tuples(st.integers(0, 4), st.integers(0, 3), st.sampled_from(Status))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(links, max_size=4), max_size=12))
def test_nodes_never_overlap_and_lie_within_the_picture(edges: list[list[tuple[int, int, Status]]]) -> None:
    root = ET.fromstring(provenance_svg(pages_of(edges)))
    columns: dict[float, list[float]] = {}
    for node in root.iter(f"{SVG}g"):
        if "node" in node.get("class", ""):
            rect = node.find(f"{SVG}rect")
            assert rect is not None
            x, y, w, h = (float(rect.get(k, "")) for k in ("x", "y", "width", "height"))
            columns.setdefault(x, []).append(y)
            assert 0 <= x <= x + w <= float(root.get("width", "")) + 1
            assert 0 <= y <= y + h <= float(root.get("height", "")) + 1
    for ys in columns.values():
        assert all(b - a >= 24 for a, b in pairwise(sorted(ys)))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(links, max_size=4), max_size=12))
def test_planes_of_one_image_stay_together(edges: list[list[tuple[int, int, Status]]]) -> None:
    """Lines between planes and images never cross."""
    root = ET.fromstring(provenance_svg(pages_of(edges)))
    ends = []
    for line in root.iter(f"{SVG}path"):
        if line.get("class") == "part":
            x0, y0, x1, y1 = (float(v) for v in re.findall(r"^M(\S+) (\S+?)C.* (\S+) (\S+)$", line.get("d", ""))[0])
            ends.append((x0, y0, x1, y1))
    rightmost = max((end[2] for end in ends), default=0)
    to_images = sorted((y0, y1) for _, y0, x1, y1 in ends if x1 == rightmost)
    if len({end[2] for end in ends}) > 1:
        assert all(a[1] <= b[1] for a, b in pairwise(to_images))


heights = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=40)


@settings(max_examples=100, deadline=None)
@given(heights)
def test_crossings_are_counted_as_one_would_by_hand(lines: list[tuple[int, int]]) -> None:
    at = {("a", y): float(y) for y in range(10)} | {("b", y): float(y) for y in range(10)}
    by_hand = sum((a - c) * (b - d) < 0 for (a, b), (c, d) in combinations(lines, 2))
    assert crossings([(("a", a), ("b", b)) for a, b in lines], at) == by_hand


def hundred_panels() -> list[TracedPage]:
    """Ten figures of ten panels, which show planes of twelve images all over the place."""
    pages = []
    for figure in range(10):
        edges = [[((figure * 5 + panel * 7) % 12, panel % 4, Status.VERIFIED)] for panel in range(10)]
        (page,) = pages_of(edges)
        pages.append(replace(page, figure=f"figures/fig{figure}.png"))
    return pages


def test_a_hundred_panels_are_drawn_figure_by_figure() -> None:
    """Lines of one figure stay beside its panels; an image of several figures says so."""
    root = ET.fromstring(provenance_svg(hundred_panels()))
    for line in root.iter(f"{SVG}path"):
        if "data-from" in line.attrib:
            y0, y1 = (float(y) for y in re.findall(r"^M\S+ (\S+?)C.* \S+ (\S+)$", line.get("d", ""))[0])
            assert abs(y1 - y0) <= 10 * 30, "no line is longer than a figure"
    assert "100 panels of 10 figures" in root.get("aria-label", "")
    assert "of 12 images" in root.get("aria-label", "")
    texts = [text.text or "" for text in root.iter(f"{SVG}text")]
    assert any(re.fullmatch(r"[0-9]+\.tif, in [0-9]+ figures", text) for text in texts)


def test_a_small_crate_is_one_graph() -> None:
    first, second = (
        replace(page, figure=f"{n}.png") for n, page in enumerate(pages_of([[(0, 0, Status.VERIFIED)]]) * 2)
    )
    texts = [text.text for text in ET.fromstring(provenance_svg([first, second])).iter(f"{SVG}text")]
    assert texts.count("0.tif") == 1


def test_the_graph_of_a_crate_names_channels_where_its_images_are_at_hand(crate: Path) -> None:
    with open_crate(crate) as reader:
        assert "channel 0 (GFP)" in graph_from_crate(reader)
    with open_crate(crate / "ro-crate-metadata.json") as reader:
        assert "channel 0" in graph_from_crate(reader)


def test_the_graph_says_what_its_signs_mean(view: ReportView) -> None:
    texts = " ".join(text.text or "" for text in ET.fromstring(provenance_svg(view.pages)).iter(f"{SVG}text"))
    assert "verified: the pixels prove the source" in texts


def test_the_graph_is_the_same_every_time(view: ReportView) -> None:
    assert provenance_svg(view.pages) == provenance_svg(view.pages)


def test_the_graph_shows_every_panel_plane_and_image(view: ReportView) -> None:
    root = ET.fromstring(provenance_svg(view.pages))
    assert root.get("role") == "img"
    assert root.get("aria-label") == ("Provenance graph: 9 panels of 2 figures, linked to 6 planes of 3 images")
    texts = [text.text for text in root.iter(f"{SVG}text")]
    assert {"fig 1.png", "cells #1.ome.tif", "gone.tif"} <= set(texts)


def test_states_differ_in_more_than_colour() -> None:
    edges = [[(0, number, status)] for number, status in enumerate(Status)]
    root = ET.fromstring(provenance_svg(pages_of(edges)))
    dashes = [
        line.get("stroke-dasharray") for line in root.iter(f"{SVG}path") if "line" in line.get("class", "").split()
    ]
    assert len(dashes) == len(set(dashes)) == 4


def test_names_of_anybody_are_escaped_in_the_graph() -> None:
    hostile = "</text><script>alert(1)</script>&\"'\x00\ud800"
    svg = provenance_svg(pages_of([[(0, 0, Status.VERIFIED)]], hostile))
    root = ET.fromstring(svg)
    assert not list(root.iter(f"{SVG}script"))
    assert "<script" not in svg


def test_a_graph_of_nothing_is_a_picture() -> None:
    ET.fromstring(provenance_svg([]))
