"""Two panels on the same region of one plane: often meant, sometimes not, never to be hidden."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator
from itertools import product
from typing import NamedTuple

from biocodes_crate.crate.pages import LocatedPage
from biocodes_crate.figures.boxes import intersection_over_union
from biocodes_crate.figures.model import Box
from biocodes_crate.tracing.model import Status
from biocodes_crate.validation.rules import Findings

_REUSE_OVERLAP = 0.8  # of two regions, intersection over union: what is called the same region
_MAX_COMPARED = 200  # regions near one: a hostile crate costs no quadratic time


class _Shown(NamedTuple):
    panel: str
    region: Box


class _Cell(NamedTuple):
    """Where a region lies, coarsely: in a grid as fine as half of the regions of its size.

    Regions that overlap by more than `_REUSE_OVERLAP` have widths within that ratio, and left edges apart by less
    than a fifth of the larger width; so with heights and top edges. Their sizes then differ by one class, and their
    places by one step, at most.
    """

    width: int  # class: its logarithm
    height: int
    x: int
    y: int


def check_reuse(pages: list[LocatedPage], found: Findings) -> None:
    """Look for regions of one plane that two panels show."""
    cells: dict[Hashable, list[_Shown]] = {}
    for page, ids in pages:
        for panel, (panel_id, _) in zip(page.panels, ids, strict=True):
            for edge in panel.edges:
                if edge.status not in {Status.VERIFIED, Status.AMBIGUOUS} or edge.region is None:
                    continue
                plane, shown = (edge.image, edge.scene, edge.source), _Shown(panel_id, edge.region)
                other = _first_like(shown, plane, cells)
                if other is not None:
                    found.add("region-reused", panel_id, f"shows the same region as {other}")
                _keep(shown, cells.setdefault((plane, _cell(edge.region)), []))


def _first_like(shown: _Shown, plane: Hashable, cells: dict[Hashable, list[_Shown]]) -> str | None:
    """Another panel with this region, of what was seen before."""
    compared = 0
    for cell in _near(shown.region):
        for other in cells.get((plane, cell), ()):
            if other.panel != shown.panel and intersection_over_union(other.region, shown.region) > _REUSE_OVERLAP:
                return other.panel
            compared += 1
            if compared >= _MAX_COMPARED:
                return None
    return None


def _keep(shown: _Shown, others: list[_Shown]) -> None:
    """Two of a panel tell as much as all of its regions in one cell do."""
    if len(others) < _MAX_COMPARED and sum(other.panel == shown.panel for other in others) < 2:
        others.append(shown)


def _class(size: float) -> int:
    return math.floor(math.log(size) / -math.log(_REUSE_OVERLAP))


def _step(size_class: int) -> float:
    return float(_REUSE_OVERLAP**-size_class) / 2


def _cell(region: Box) -> _Cell:
    width, height = _class(region.w), _class(region.h)
    return _Cell(width, height, math.floor(region.x / _step(width)), math.floor(region.y / _step(height)))


def _near(region: Box) -> Iterator[_Cell]:
    """The cells of what may overlap with a region so much, its own first."""
    own = _cell(region)
    yield own
    for width, height in product(_around(own.width), _around(own.height)):
        x, y = math.floor(region.x / _step(width)), math.floor(region.y / _step(height))
        for cell in (_Cell(width, height, *place) for place in product(_around(x), _around(y))):
            if cell != own:
                yield cell


def _around(value: int) -> tuple[int, int, int]:
    return value, value - 1, value + 1
