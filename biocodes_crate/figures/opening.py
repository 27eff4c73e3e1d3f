"""Open a figure file of any supported format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from biocodes_crate.errors import UnreadableFigure
from biocodes_crate.figures.declared import CutPanel, apply_declared, cut_out
from biocodes_crate.figures.formats import PICTURES, FigureFormat, figure_format
from biocodes_crate.figures.metadata import file_properties
from biocodes_crate.figures.model import MOST_PANELS, Figure, FigurePage, PageUnit, Panel
from biocodes_crate.figures.omero_figure import OmeroFigure, find_omero_figure, panels_on
from biocodes_crate.figures.pdf import read_pdf
from biocodes_crate.figures.pictures import cut_declared, picture_page
from biocodes_crate.figures.pptx import read_pptx
from biocodes_crate.figures.raster import MAX_PAGES, read_raster
from biocodes_crate.figures.svg import read_svg
from biocodes_crate.findings import Finding, Severity
from biocodes_crate.images import AnyFile
from biocodes_crate.images.packed import shown_path
from biocodes_crate.study.manifest import DeclaredFigure, DeclaredPanel


def open_figure(
    path: AnyFile,
    declared: DeclaredFigure | None = None,
    siblings: Sequence[Path] = (),
    omero_images: Mapping[str, str] | None = None,
) -> Figure:
    """Read a figure and find its panels.

    Parameters
    ----------
    path
        PNG, JPEG, TIFF, PDF (also PDF-compatible AI), SVG or PPTX, on disk or in a zip.
    declared
        What `study.yaml` says of it: its boxes win over what is found, its sources reach the panels.
    siblings
        Files that may belong to the figure: OMERO.figure's JSON beside an exported PDF or TIFF.
    omero_images
        Paths within the study by OMERO id (digits) or by file name, for OMERO.figure's JSON; an id that is not
        in it makes a source "omero:123".

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
    pages: list[tuple[FigurePage, CutPanel]] = []
    if kind in PICTURES:
        rasters = read_raster(path)
        about = rasters[0].info
        if len(rasters) >= MAX_PAGES:
            message = f"the file has many pages; at most {MAX_PAGES} are read"
            remedy = "Put figures into a file of their own."
            findings.append(Finding("figure-too-long", Severity.WARNING, path.name, message, remedy))
        for i, raster in enumerate(rasters):
            page = picture_page(raster.pixels, i + 1, raster.lossy)
            pages.append((page, partial(cut_declared, raster.pixels, lossy=raster.lossy)))
    else:
        reader = {FigureFormat.PDF: read_pdf, FigureFormat.SVG: read_svg, FigureFormat.PPTX: read_pptx}[kind]
        found, about, findings = reader(path)
        pages = [(page, partial(cut_out, page.panels)) for page in found]
    place = shown_path(path)
    exported = find_omero_figure(place, siblings, omero_images, [page for page, _ in pages]) if siblings else None
    wanted = declared.panels if declared else ()
    told = []
    for page, cut in pages:
        if declared is not None and declared.digital_source:
            # What the authors say of the figure goes before what the pictures in it say of themselves.
            said = replace(page, panels=tuple(replace(panel, digital_source=None) for panel in page.panels))
        else:
            said = page
        complete, unplaced = _declared_on(said, wanted, cut, exported)
        if len(complete.panels) > MOST_PANELS:
            findings.append(_too_many(path, complete))
            complete = replace(complete, panels=complete.panels[:MOST_PANELS])
        told.append(complete)
        findings += [_not_found(path, one) for one in unplaced]
    numbers = {page.number for page in told}
    findings += [_not_found(path, one) for one in wanted if (one.page or 1) not in numbers]
    return Figure(
        place,
        kind.value,
        tuple(told),
        declared.caption if declared else None,
        _properties(about, exported, declared),
        tuple(findings),
    )


def _properties(
    about: Mapping[str, Any], exported: OmeroFigure | None, declared: DeclaredFigure | None
) -> dict[str, Any]:
    properties = file_properties(about)
    if exported is not None:
        properties["omero_figure"] = exported.path.name
    if declared is not None and declared.digital_source:
        properties["digital_source"] = declared.digital_source
    return properties


def _declared_on(
    page: FigurePage,
    declared: Sequence[DeclaredPanel],
    cut: CutPanel,
    exported: OmeroFigure | None,
) -> tuple[FigurePage, list[DeclaredPanel]]:
    """A page with what the authors say of its panels, and what fits none; `study.yaml` goes before OMERO.figure."""
    keep_found = page.unit is PageUnit.PERCENT
    panels: Sequence[Panel] = page.panels
    if exported is not None and exported.pages < page.number and page.unit is PageUnit.PERCENT:
        panels = ()  # the exporter lists the images that it used on pages of their own, with thumbnails
    elif exported is not None:
        panels, _ = apply_declared(panels, panels_on(exported, page), cut, keep_found)
    here = [one for one in declared if (one.page or 1) == page.number]
    panels, unplaced = apply_declared(panels, here, cut, keep_found)
    return replace(page, panels=tuple(panels)), unplaced


def _too_many(path: AnyFile, page: FigurePage) -> Finding:
    message = f"page {page.number} has {len(page.panels)} panels, of which the first {MOST_PANELS} are read"
    return Finding("panels-left-out", Severity.WARNING, path.name, message, "Put figures into files of their own.")


def _not_found(path: AnyFile, panel: DeclaredPanel) -> Finding:
    name = f"panel {panel.label}" if panel.label else "a panel"
    return Finding(
        "declared-panel-not-found",
        Severity.WARNING,
        path.name,
        f"study.yaml declares {name}, but the figure shows none that fits",
        "Give the panel's box in study.yaml: x, y, width and height in pixels of the figure (percent for documents).",
    )
