"""Figures: open a figure file and find its panels, with their pixels."""

from biocodes_crate.figures.formats import figure_format, is_figure_name
from biocodes_crate.figures.model import Box, Figure, FigurePage, PageUnit, Panel, PanelKind
from biocodes_crate.figures.opening import open_figure

__all__ = [
    "Box",
    "Figure",
    "FigurePage",
    "PageUnit",
    "Panel",
    "PanelKind",
    "figure_format",
    "is_figure_name",
    "open_figure",
]
