"""Open a figure file of any supported format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from biocodes_crate.errors import UnreadableFigure
from biocodes_crate.findings import Finding, Severity
from biocodes_crate.figures.declared import apply_declared
from biocodes_crate.figures.formats import PICTURES, figure_format
from biocodes_crate.figures.model import Figure
from biocodes_crate.figures.pictures import cut_declared, picture_page
from biocodes_crate.figures.raster import read_raster
from biocodes_crate.study.manifest import DeclaredFigure, DeclaredPanel


def open_figure(path: Path, declared: DeclaredFigure | None = None, siblings: Sequence[Path] = ()) -> Figure:
    """Read a figure and find its panels.

    Parameters
    ----------
    path
        PNG, JPEG, TIFF, PDF (also PDF-compatible AI), SVG or PPTX.
    declared
        What `study.yaml` says of it: its boxes win over what is found, its sources reach the panels.
    siblings
        Files that may belong to the figure: OMERO.figure's JSON beside an exported PDF or TIFF.

    Raises
    ------
    UnreadableFigure
        If the file cannot be opened, is damaged beyond use, or exceeds the limits.
    """
    kind = figure_format(path)
    if kind is None:
        raise UnreadableFigure(
            "this is not a kind of figure that can be read",
            where=path,
            remedy="Save the figure as PNG, JPEG, TIFF, PDF, SVG or PPTX.",
        )
    if not path.is_file():
        raise UnreadableFigure("there is no such file", where=path)
    findings: list[Finding] = []
    if kind in PICTURES:
        rasters = read_raster(path)
        pages = []
        for i, raster in enumerate(rasters):
            page = picture_page(raster.pixels, i + 1, raster.lossy)
            wanted = [d for d in (declared.panels if declared else ()) if (d.page or 1) == i + 1]
            cut = partial(cut_declared, raster.pixels, lossy=raster.lossy)
            panels, unplaced = apply_declared(page.panels, wanted, cut)
            findings += [_not_found(path, d) for d in unplaced]
            pages.append(replace(page, panels=tuple(panels)))
    else:
        raise UnreadableFigure("this format is not read yet", where=path)
    return Figure(path, kind.value, tuple(pages), declared.caption if declared else None, findings=tuple(findings))


def _not_found(path: Path, panel: DeclaredPanel) -> Finding:
    name = f"panel {panel.label}" if panel.label else "a panel"
    return Finding(
        "declared-panel-not-found",
        Severity.WARNING,
        path.name,
        f"study.yaml declares {name}, but the figure shows none that fits",
        "Give the panel's box in study.yaml: x, y, width and height in pixels of the figure (percent for documents).",
    )
