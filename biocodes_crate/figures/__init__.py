"""Figures: open a figure file and find its panels, with their pixels."""

from biocodes_crate.figures.formats import figure_format, is_figure_name
from biocodes_crate.figures.model import Box, Figure, FigurePage, PageUnit, Panel, PanelKind
from biocodes_crate.figures.omero_figure import OmeroFigure, read_omero_figure
from biocodes_crate.figures.opening import open_figure

__all__ = [
    "Box",
    "Figure",
    "FigurePage",
    "OmeroFigure",
    "PageUnit",
    "Panel",
    "PanelKind",
    "figure_format",
    "is_figure_name",
    "open_figure",
    "read_omero_figure",
]
