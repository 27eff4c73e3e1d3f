"""Places that the other panels of a page suggest for a panel that the index does not find.

The channels, times and depths of a figure show one region, and a detail is enlarged from the panel that it
lies in or beside. What is suggested is followed up and decided like any other hypothesis.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from biocodes_crate.figures.boxes import shared_area
from biocodes_crate.figures.model import Box, Panel
from biocodes_crate.tracing.features import displayed
from biocodes_crate.tracing.index import PROJECTED, KeyPicture
from biocodes_crate.tracing.model import Edge, Status, TracedPanel
from biocodes_crate.tracing.pixels import Matrix, SourcePixels
from biocodes_crate.tracing.retrieve import Hypothesis

MOST_COMPANIONS = 6  # other panels whose places are tried
SAME_PROPORTIONS = 0.03  # logarithm, by which panels of one size may differ
ENLARGEMENTS = np.geomspace(1.25, 10, 30)  # of a detail, in times of the panel that it comes from
SMALLEST_TEMPLATE = 10  # pixels of that panel
SEARCHED_SIDE = 640  # pixels to which the longer side of that panel is reduced for the search
DETAIL_LIKENESS = 0.75  # correlation; details are drawn from the same pixels, often in the same tones


def suggested(
    panel: Panel, others: Sequence[tuple[Panel, TracedPanel]], pixels: SourcePixels
) -> Iterator[Sequence[Hypothesis]]:
    """What to try, a batch at a time: the places of panels of the same size, then details of other panels.

    Parameters
    ----------
    others
        The other panels of the page, with what they were traced to.
    """
    yield tuple(_beside_it(panel, [traced for _, traced in others], pixels).values())[:MOST_COMPANIONS]
    yield list(_details(panel, others, pixels))


def _beside_it(
    panel: Panel, others: Sequence[TracedPanel], pixels: SourcePixels
) -> dict[tuple[object, ...], Hypothesis]:
    """Places that panels of the same size show."""
    found: dict[tuple[object, ...], Hypothesis] = {}
    height, width = panel.pixels.shape[:2]
    for other in others:
        to_other = np.diag([other.width / width, other.height / height, 1.0])
        if abs(float(np.log(to_other[0, 0] / to_other[1, 1]))) > SAME_PROPORTIONS:
            continue
        for edge in _proven(other):
            matrix = np.array(edge.panel_to_source) @ to_other
            found.setdefault(
                (edge.image, edge.scene, edge.panel_to_source),
                Hypothesis(_key(edge, pixels), matrix, False, 0, 0.0, placed=True),
            )
    return found


def _details(panel: Panel, others: Sequence[tuple[Panel, TracedPanel]], pixels: SourcePixels) -> Iterator[Hypothesis]:
    """Where in other panels the panel lies, made smaller; the panels that hold it on the page first."""
    traced = [(other, edges[0]) for other, found in others if (edges := _proven(found))]
    traced.sort(key=lambda pair: not shared_area(pair[0].box, panel.box))
    for other, edge in traced[:MOST_COMPANIONS]:
        place = detail_of(panel, other)
        if place is not None:
            matrix = np.array(edge.panel_to_source) @ np.vstack([place, [0, 0, 1]])
            yield Hypothesis(_key(edge, pixels), matrix, False, 0, 0.0)


def detail_of(panel: Panel, other: Panel) -> Matrix | None:
    """The transform from a panel's pixels to those of another one that it is a detail of; None where there is none."""
    field, grey = displayed(panel_grey(other)), displayed(panel_grey(panel))
    shrunk = min(1.0, SEARCHED_SIDE / max(field.shape))
    if shrunk < 1:
        field = np.asarray(cv2.resize(field, None, fx=shrunk, fy=shrunk, interpolation=cv2.INTER_AREA), np.uint8)
    taken = _place_on(panel.box, other.box, field.shape)
    height, width = grey.shape
    on_page = panel.box.w / other.box.w * field.shape[1] / width  # pixels of the field for each of the panel's
    best, place = DETAIL_LIKENESS, None
    for enlarged in ENLARGEMENTS:
        scale = on_page / float(enlarged)
        size = round(width * scale), round(height * scale)
        if min(size) < SMALLEST_TEMPLATE:
            break
        if size[0] >= field.shape[1] or size[1] >= field.shape[0]:
            continue
        template = cv2.resize(grey, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
        if template.std() < 2:
            continue
        likeness = cv2.matchTemplate(field, template, cv2.TM_CCOEFF_NORMED)
        if taken is not None:  # the detail does not show itself
            x0, y0, x1, y1 = taken
            likeness[max(0, y0 - size[1] + 1) : max(0, y1), max(0, x0 - size[0] + 1) : max(0, x1)] = 0
        top = float(likeness.max())
        if top > best:
            y, x = divmod(int(likeness.argmax()), likeness.shape[1])
            best, place = top, (x, y, *size)
    if place is None:
        return None
    x, y, w, h = (value / shrunk for value in place)
    return np.array([[w / width, 0.0, x], [0.0, h / height, y]])


def _place_on(box: Box, other: Box, shape: tuple[int, ...]) -> tuple[int, int, int, int] | None:
    """Where a panel lies on another one, in pixels of a picture (Y, X) of that: x0, y0, x1, y1."""
    if not shared_area(box, other):
        return None
    to_x, to_y = shape[1] / other.w, shape[0] / other.h
    x, y = (box.x - other.x) * to_x, (box.y - other.y) * to_y
    return int(x), int(y), int(np.ceil(x + box.w * to_x)), int(np.ceil(y + box.h * to_y))


def panel_grey(panel: Panel) -> NDArray[np.float32]:
    """The mean of a panel's colours (Y, X)."""
    return np.asarray(panel.pixels.mean(axis=2), np.float32)


def _proven(traced: TracedPanel) -> list[Edge]:
    """Edges whose place is proven: that of ambiguous ones is, too."""
    return [
        edge
        for edge in traced.edges
        if edge.panel_to_source is not None and edge.status in (Status.VERIFIED, Status.AMBIGUOUS)
    ]


def _key(edge: Edge, pixels: SourcePixels) -> KeyPicture:
    """The key picture that comes nearest to what an edge shows."""
    scene = pixels.scene(edge.image, edge.scene)
    z = edge.source.z if edge.source.z is not None else (scene.size_z - 1) // 2
    if edge.source.projection is not None:
        z = next((number for number, kind in PROJECTED.items() if kind is edge.source.projection.kind), z)
    channel = -1 if scene.is_rgb else edge.source.c
    return KeyPicture(edge.image, edge.scene, z, channel, edge.source.t, scene.size_x, scene.size_y)
