"""`crate validate`: say what is wrong with a crate."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from biocodes_crate.cli import console
from biocodes_crate.cli.handling import handled
from biocodes_crate.cli.options import CratePlace


class LevelName(StrEnum):
    """How far validation goes."""

    METADATA = "metadata"
    INTEGRITY = "integrity"
    PROVENANCE = "provenance"


class FormatName(StrEnum):
    """How the findings are written."""

    TEXT = "text"
    JSON = "json"
    JUNIT = "junit"
    SARIF = "sarif"
    HTML = "html"
    MARKDOWN = "markdown"


@handled
def validate(
    crate: CratePlace,
    level: Annotated[
        LevelName, typer.Option("--level", help="How far to go; each level includes those before it.")
    ] = LevelName.PROVENANCE,
    form: Annotated[FormatName, typer.Option("--format", help="How to write the findings.")] = FormatName.TEXT,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="PATH", help="The file to write; default: stdout.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> int:
    """Say what is wrong with a crate. Exit code 0: valid, 1: not valid, 2: cannot run.

    The level metadata checks the JSON-LD, integrity the files and their codes, provenance every
    edge again, on the pixels.

    \b
    Examples:
        crate validate my-study
        crate validate submission.zip --format markdown > ticket.md
        crate validate https://zenodo.org/records/1234567 --level metadata
    """
    from biocodes_crate.cli.words import describe_report
    from biocodes_crate.validation import Level, ReportFormat, render, validate_crate

    with console.progress() as report_progress:
        report = validate_crate(crate, Level[level.name], report_progress)
    if as_json:
        form = FormatName.JSON
    if form is FormatName.TEXT and output is None:
        console.result(describe_report(report, console.width(), verbose=console.is_verbose()))
        return report.exit_code
    if form is FormatName.TEXT:
        text = console.harmless(describe_report(report)) + "\n"
    else:
        text = render(report, ReportFormat[form.name])
    console.document_to(output, text)
    return report.exit_code
