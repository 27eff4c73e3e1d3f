"""`crate validate`: say what is wrong with a crate."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from biocodes_crate.cli import console
from biocodes_crate.cli.handling import handled
from biocodes_crate.cli.options import AsJson, CrateArgument


class LevelName(StrEnum):
    """How far validation goes."""

    METADATA = "metadata"
    INTEGRITY = "integrity"
    PROVENANCE = "provenance"


@handled
def validate(
    crate: CrateArgument,
    level: Annotated[
        LevelName, typer.Option("--level", help="How far to go; each level includes those before it.")
    ] = LevelName.PROVENANCE,
    as_json: AsJson = False,
) -> int:
    """Say what is wrong with a crate. Exit code 0: valid, 1: not valid, 2: cannot run.

    The level metadata checks the JSON-LD, integrity the files and their codes, provenance every
    edge again, on the pixels.

    \b
    Example:
        crate validate my-study
    """
    from biocodes_crate.cli.words import describe_report
    from biocodes_crate.validation import Level, validate_crate

    with console.progress() as report_progress:
        report = validate_crate(crate, Level[level.name], report_progress)
    console.answer(as_json, report.as_json, lambda: describe_report(report))
    return report.exit_code
