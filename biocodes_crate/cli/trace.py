"""`crate trace`: find the planes that a figure comes from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from biocodes_crate.cli import console
from biocodes_crate.cli.handling import handled
from biocodes_crate.cli.options import AsJson, NoCache, Workers


@handled
def trace(
    figure: Annotated[Path, typer.Argument(metavar="FIGURE", help="A figure: PNG, JPEG, TIFF, PDF, SVG or PPTX.")],
    within: Annotated[
        str, typer.Option("--in", metavar="PATH", help="The study or crate to look in; or the URL or DOI of a record.")
    ],
    workers: Workers = None,
    no_cache: NoCache = False,
    as_json: AsJson = False,
) -> None:
    """Find the planes that a figure comes from. No crate is written.

    \b
    Example:
        crate trace suspicious.png --in my-study
    """
    from biocodes_crate.cli.words import describe_edges, describe_findings
    from biocodes_crate.crate import edges_json
    from biocodes_crate.pipeline import trace_one

    with console.progress() as report:
        pages, findings = trace_one(figure, within, workers=workers, use_cache=not no_cache, on_progress=report)
    console.answer(as_json, lambda: edges_json(pages), lambda: describe_edges(pages, console.width()))
    if findings:
        console.note(describe_findings(findings, console.width(), all_of_them=console.is_verbose()))
