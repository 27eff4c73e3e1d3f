"""`crate report`: make the page that a person looks at."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from biocodes_crate.cli import console
from biocodes_crate.cli.handling import handled
from biocodes_crate.cli.options import CrateArgument


@handled
def report(
    crate: CrateArgument,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="PATH", help="The file to write; default: stdout.")
    ] = None,
) -> None:
    """Make the HTML page that a person looks at.

    `crate build` writes the same page as ro-crate-preview.html.

    \b
    Example:
        crate report my-study.zip -o my-study.html
    """
    from biocodes_crate.crate import open_crate
    from biocodes_crate.report import report_from_crate, report_html

    with console.progress() as on_progress, open_crate(crate) as reader:
        page = report_html(report_from_crate(reader, on_progress=on_progress))
    if output is None:
        sys.stdout.write(page)
        return
    console.write_text(output, page)
    console.note(f"Written: {output}")
