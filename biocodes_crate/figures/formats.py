"""Which files are figures, by their names."""

from __future__ import annotations

from enum import Enum

from biocodes_crate.images import AnyFile


class FigureFormat(Enum):
    """A kind of figure file, with its media type."""

    PNG = "image/png"
    JPEG = "image/jpeg"
    TIFF = "image/tiff"
    PDF = "application/pdf"
    SVG = "image/svg+xml"
    PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"


_BY_SUFFIX = {
    ".png": FigureFormat.PNG,
    ".jpg": FigureFormat.JPEG,
    ".jpeg": FigureFormat.JPEG,
    ".tif": FigureFormat.TIFF,
    ".tiff": FigureFormat.TIFF,
    ".pdf": FigureFormat.PDF,
    ".ai": FigureFormat.PDF,
    ".svg": FigureFormat.SVG,
    ".svgz": FigureFormat.SVG,
    ".pptx": FigureFormat.PPTX,
}

PICTURES = frozenset({FigureFormat.PNG, FigureFormat.JPEG, FigureFormat.TIFF})


def figure_format(path: AnyFile) -> FigureFormat | None:
    """The format that the file's name says, or None if it is not a figure's."""
    name = path.name.lower()
    if name.startswith(".") or name.endswith((".ome.tif", ".ome.tiff")):
        return None
    return _BY_SUFFIX.get(path.suffix.lower())


def is_figure_name(path: AnyFile) -> bool:
    """Whether a file of this name can be opened with :func:`~biocodes_crate.figures.open_figure`."""
    return figure_format(path) is not None
