"""`crate report`: make the page that a person looks at, or the graph alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from biocodes_crate.cli import console
from biocodes_crate.cli.handling import handled
from biocodes_crate.cli.options import AsJson, CratePlace


@handled
def report(
    crate: CratePlace,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="PATH", help="The page to write; default: stdout.")
    ] = None,
    graph: Annotated[
        Path | None,
        typer.Option("--graph", metavar="SVG", help="Draw the provenance as a graph: figures, panels, planes, images."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make the HTML page that a person looks at.

    `crate build` writes the same page as ro-crate-preview.html, with the graph in it.

    \b
    Examples:
        crate report my-study.zip -o my-study.html
        crate report my-study --graph provenance.svg
    """
    from biocodes_crate.crate import open_crate
    from biocodes_crate.report import graph_from_crate, report_as_json, report_from_crate, report_html

    with open_crate(crate) as reader:
        if graph is not None:
            console.document_to(graph, graph_from_crate(reader))
            if output is None and not as_json:
                return
        with console.progress() as on_progress:
            view = report_from_crate(reader, on_progress=on_progress)
    if output is not None or not as_json:
        console.document_to(output, report_html(view))
    if as_json:
        console.result_json(report_as_json(view))
