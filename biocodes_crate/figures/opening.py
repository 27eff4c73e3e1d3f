"""Open a figure file of any supported format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from biocodes_crate.errors import UnreadableFigure
from biocodes_crate.findings import Finding, Severity
from biocodes_crate.figures.declared import CutPanel, apply_declared, cut_out
from biocodes_crate.figures.formats import PICTURES, FigureFormat, figure_format
from biocodes_crate.figures.model import Figure, FigurePage, PageUnit
from biocodes_crate.figures.pictures import cut_declared, picture_page
from biocodes_crate.figures.raster import read_raster
from biocodes_crate.study.manifest import DeclaredFigure, DeclaredPanel

_Document = tuple[list[FigurePage], dict[str, Any], list[Finding]]


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
    properties: dict[str, Any] = {}
    wanted = declared.panels if declared else ()
    if kind in PICTURES:
        rasters = read_raster(path)
        pages = []
        for i, raster in enumerate(rasters):
            page = picture_page(raster.pixels, i + 1, raster.lossy)
            cut = partial(cut_declared, raster.pixels, lossy=raster.lossy)
            pages.append(_declared_on(page, wanted, cut, path, findings))
    else:
        read = {FigureFormat.PDF: _read_pdf, FigureFormat.SVG: _read_svg, FigureFormat.PPTX: _read_pptx}[kind]
        found, properties, extra = read(path)
        findings += extra
        pages = [_declared_on(page, wanted, partial(cut_out, page.panels), path, findings) for page in found]
    numbers = {page.number for page in pages}
    findings += [_not_found(path, one) for one in wanted if (one.page or 1) not in numbers]
    return Figure(
        path,
        kind.value,
        tuple(pages),
        declared.caption if declared else None,
        properties,
        tuple(findings),
    )


def _read_pdf(path: Path) -> _Document:
    from biocodes_crate.figures.pdf import read_pdf

    return read_pdf(path)


def _read_svg(path: Path) -> _Document:
    from biocodes_crate.figures.svg import read_svg

    return read_svg(path)


def _read_pptx(path: Path) -> _Document:
    from biocodes_crate.figures.pptx import read_pptx

    return read_pptx(path)


def _declared_on(
    page: FigurePage, declared: Sequence[DeclaredPanel], cut: CutPanel, path: Path, findings: list[Finding]
) -> FigurePage:
    """A page with what the authors say of its panels."""
    here = [one for one in declared if (one.page or 1) == page.number]
    panels, unplaced = apply_declared(page.panels, here, cut, keep_found=page.unit is PageUnit.PERCENT)
    findings += [_not_found(path, one) for one in unplaced]
    return replace(page, panels=tuple(panels))


def _not_found(path: Path, panel: DeclaredPanel) -> Finding:
    name = f"panel {panel.label}" if panel.label else "a panel"
    return Finding(
        "declared-panel-not-found",
        Severity.WARNING,
        path.name,
        f"study.yaml declares {name}, but the figure shows none that fits",
        "Give the panel's box in study.yaml: x, y, width and height in pixels of the figure (percent for documents).",
    )
