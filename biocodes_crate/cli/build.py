"""`crate build`: pack a study into a crate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from biocodes_crate.cli import console
from biocodes_crate.cli.handling import handled
from biocodes_crate.cli.options import AsJson, ClusterAddress, NoCache, StudyArgument, Workers


@handled
def build(
    study: StudyArgument,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="PATH", help="Write a complete crate to this folder or .zip; default: in place."
        ),
    ] = None,
    with_index: Annotated[
        bool,
        typer.Option("--with-index", help="Store the index, so that `crate trace` need not code the images again."),
    ] = False,
    workers: Workers = None,
    cluster: ClusterAddress = None,
    no_cache: NoCache = False,
    as_json: AsJson = False,
) -> None:
    """Pack a study into a crate: codes, figures, panels, edges.

    In place, only metadata files are written, and no data is copied. A second build only redoes
    what changed.

    \b
    Examples:
        crate build my-study
        crate build my-study -o my-study.zip
    """
    from biocodes_crate.cli.words import build_as_json, describe_build
    from biocodes_crate.pipeline import build_study

    with console.progress() as report:
        result = build_study(
            study,
            output,
            with_index=with_index,
            workers=workers,
            cluster=cluster,
            use_cache=not no_cache,
            on_progress=report,
        )
    if console.is_quiet() and not as_json:
        console.result(str(result.crate))
        return
    console.answer(
        as_json,
        lambda: build_as_json(result),
        lambda: describe_build(result, console.width(), verbose=console.is_verbose()),
    )
