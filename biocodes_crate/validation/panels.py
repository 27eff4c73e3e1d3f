"""The pixels of a panel, found again by its box."""

from __future__ import annotations

from biocodes_crate.figures import Box, Figure, Panel
from biocodes_crate.figures.model import PageUnit
from biocodes_crate.figures.pictures import cut_declared
from biocodes_crate.figures.raster import read_raster

_SLACK = 0.01  # of what the page is measured in: boxes are written with four decimals


def panel_at(figure: Figure, number: int, box: Box) -> Panel | None:
    """The panel of a page at a box: as it is found, or else cut out, as for a box that authors declare.

    None where the page is not there, or the box cannot be cut out of it.
    """
    page = next((page for page in figure.pages if page.number == number), None)
    if page is None:
        return None
    limit = 0.51 if page.unit is PageUnit.PIXEL else _SLACK
    for panel in page.panels:
        if all(abs(a - b) <= limit for a, b in zip(panel.box, box, strict=True)):
            return panel
    if page.unit is PageUnit.PERCENT:
        return None
    raster = read_raster(figure.path)[number - 1]
    return cut_declared(raster.pixels, box, raster.lossy)
