"""Reuse: two panels that show overlapping regions of one plane."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import combinations

from biocodes_crate.figures.boxes import shared_area
from biocodes_crate.figures.model import Box
from biocodes_crate.findings import Finding, Severity
from biocodes_crate.tracing.model import Edge, PlaneRef, Status, TracedPage, TracedPanel

OVERLAP = 0.3  # of the smaller region
NEARLY_ALL = 0.95  # of an inset


def find_reuse(pages: Iterable[TracedPage]) -> tuple[Finding, ...]:
    """One finding for every two panels whose verified sources overlap on the same plane.

    Split channels beside a merge are the usual way to show one region several times, so panels of
    one figure page that share a plane only because one of them is a merge are not reported; nor is an
    inset that lies on the panel whose detail it shows.
    """
    shown: dict[tuple[str, int, PlaneRef], list[tuple[str, int, TracedPanel, Edge]]] = defaultdict(list)
    for page in pages:
        for panel in page.panels:
            for edge in panel.edges:
                if edge.status is Status.VERIFIED and edge.region is not None:
                    shown[(edge.image, edge.scene, edge.source)].append((page.figure, page.number, panel, edge))
    findings, seen = [], set()
    for (image, _, _), uses in shown.items():
        for a, b in combinations(uses, 2):
            pair = (a[0], a[1], a[2].box, b[0], b[1], b[2].box)
            if a[2] is b[2] or pair in seen or _merge_and_part(a, b) or _inset_on_its_parent(a, b):
                continue
            assert a[3].region is not None
            assert b[3].region is not None
            share = _overlap(a[3].region, b[3].region)
            if share >= OVERLAP:
                seen.add(pair)
                findings.append(
                    Finding(
                        "panels-share-source",
                        Severity.INFO,
                        a[0],
                        f"{_name(a)} and {_name(b)} show overlapping regions of the same plane of {image} "
                        f"({share:.0%} of the smaller region)",
                        "If this is meant, say so in the captions; if not, check which panel should be another image.",
                    )
                )
    return tuple(findings)


def _merge_and_part(a: tuple[str, int, TracedPanel, Edge], b: tuple[str, int, TracedPanel, Edge]) -> bool:
    counts = [sum(e.status is Status.VERIFIED for e in use[2].edges) for use in (a, b)]
    return a[:2] == b[:2] and counts[0] != counts[1]


def _inset_on_its_parent(a: tuple[str, int, TracedPanel, Edge], b: tuple[str, int, TracedPanel, Edge]) -> bool:
    """Whether one panel lies on the other on the page, and shows a part of the region that the other shows."""
    for (*place, inset, detail), (*other_place, parent, whole) in ((a, b), (b, a)):
        if place == other_place and _lies_on(inset.box, parent.box) and detail.region and whole.region:
            return _lies_on(detail.region, whole.region)
    return False


def _lies_on(inner: Box, outer: Box) -> bool:
    """Whether nearly all of a smaller box lies within a larger one."""
    return inner.w * inner.h < outer.w * outer.h and _overlap(inner, outer) > NEARLY_ALL


def _name(use: tuple[str, int, TracedPanel, Edge]) -> str:
    figure, page, panel, _ = use
    label = f"panel {panel.label}" if panel.label else f"the panel at ({panel.box.x:.0f}, {panel.box.y:.0f})"
    return f"{label} of {figure}" + (f" page {page}" if page > 1 else "")


def _overlap(a: Box, b: Box) -> float:
    smaller = min(a.w * a.h, b.w * b.h)
    return shared_area(a, b) / smaller if smaller > 0 else 0.0
