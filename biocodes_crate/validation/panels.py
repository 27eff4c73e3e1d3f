"""The pixels of a panel, found again by its box."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from biocodes_crate.figures import Box, Figure, Panel
from biocodes_crate.figures.declared import cut_out
from biocodes_crate.figures.model import FigurePage, PageUnit
from biocodes_crate.figures.pictures import cut_declared
from biocodes_crate.figures.raster import Raster

_SLACK = 0.01  # of what the page is measured in: boxes are written with four decimals
_NEAREST = 0.51  # of a pixel: boxes are written in whole ones
_NEAR = 1.01  # a box that authors declare within half a pixel of what is found, rounded

Matches = Callable[[Panel], bool]


def panel_at(
    figure: Figure, number: int, box: Box, matches: Matches, rasters: Callable[[], list[Raster]]
) -> Panel | None:
    """The panel of a page at a box: as it is found, or else cut out, as for a box that authors declare.

    What authors declare of a figure is not in the crate, so that a box may be that of a panel as it is found, or
    one cut out within a pixel of it. It is the one that `matches` what the crate says of its pixels; if none does,
    it is the likeliest, whose pixels are then not those that the crate was made from.

    Parameters
    ----------
    figure
        The figure, opened without what its authors declare.
    number
        Of the page, from 1.
    box
        As the crate states it.
    matches
        Whether a panel has the codes that the crate states.
    rasters
        Gives the pixels of the pages, if the figure is a picture.

    Returns
    -------
    None where the page is not there, or the box cannot be cut out of it.
    """
    page = next((page for page in figure.pages if page.number == number), None)
    if page is None:
        return None
    likeliest: Panel | None = None
    for panel in _candidates(page, box, rasters):
        if matches(panel):
            return panel
        likeliest = likeliest or panel
    return likeliest


def _candidates(page: FigurePage, box: Box, rasters: Callable[[], list[Raster]]) -> Iterator[Panel]:
    """Panels that may be meant, the likeliest first."""
    in_percent = page.unit is PageUnit.PERCENT
    yield from (panel for panel in page.panels if _distance(panel.box, box) <= (_SLACK if in_percent else _NEAREST))
    if in_percent:
        cut = cut_out(page.panels, box)
    else:
        pages = rasters()
        raster = pages[page.number - 1] if page.number <= len(pages) else None
        cut = cut_declared(raster.pixels, box, raster.lossy) if raster is not None else None
    if cut is not None:
        yield cut
    if not in_percent:
        yield from (panel for panel in page.panels if _NEAREST < _distance(panel.box, box) <= _NEAR)


def _distance(one: Box, other: Box) -> float:
    return max(abs(a - b) for a, b in zip(one, other, strict=True))
