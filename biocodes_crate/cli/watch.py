"""`crate watch`: code images as an instrument writes them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from biocodes_crate.cli import console
from biocodes_crate.cli.handling import handled
from biocodes_crate.cli.options import Workers

if TYPE_CHECKING:
    from biocodes_crate.watch import Event

SOME_FAILED = 1


@handled
def watch(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder that acquisitions are put into.")],
    once: Annotated[bool, typer.Option("--once", help="Code what is finished, and end: for cron.")] = False,
    interval: Annotated[float, typer.Option("--interval", min=0.1, metavar="SECONDS", help="How often to look.")] = 5.0,
    settle: Annotated[
        float, typer.Option("--settle", min=0, metavar="SECONDS", help="Finished is what did not change for so long.")
    ] = 30.0,
    patience: Annotated[
        float,
        typer.Option("--patience", min=0, metavar="SECONDS", help="Likewise, when chunks or files are still missing."),
    ] = 3600.0,
    simprints: Annotated[
        bool, typer.Option("--simprints", help="List the Data-Code of every plane, for search.")
    ] = False,
    workers: Workers = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print a JSON object for each event, one a line.")] = False,
) -> int | None:
    """Code images as an instrument writes them.

    Every finished file or OME-Zarr in DIR gets its codes beside it, once, as NAME.iscc.json.

    \b
    Examples:
        crate watch /data/microscope
        crate watch /data/microscope --once
    """
    from biocodes_crate.codes import default_cache
    from biocodes_crate.watch import Happened, Rhythm, watch_folder

    def show(event: Event) -> None:
        if as_json:
            shown = {"event": event.happened.value, "path": str(event.path), "iscc_code": event.iscc}
            _line(json.dumps({**shown, "message": event.message} if event.message else shown))
        elif event.happened in {Happened.FAILED, Happened.WAITING}:
            console.note(f"crate: {event.path}: {event.message}")
            if event.remedy:
                console.note(f"  → {event.remedy}")
        else:
            _line(f"{event.happened.value}  {event.iscc}  {event.path}")

    failed = watch_folder(
        folder,
        once=once,
        rhythm=Rhythm(interval, settle, max(settle, patience)),
        simprints=simprints,
        workers=workers,
        cache=default_cache(),
        on_event=show,
    )
    return SOME_FAILED if failed else None


def _line(text: str) -> None:
    """A line that is in the log at once."""
    console.result(text)
    sys.stdout.flush()
