"""Arguments and options that several commands take."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

StudyArgument = Annotated[Path, typer.Argument(metavar="STUDY", help="The folder of the study.")]
CrateArgument = Annotated[Path, typer.Argument(metavar="CRATE", help="A crate: its folder, zip or metadata file.")]
CratePlace = Annotated[
    str,
    typer.Argument(metavar="CRATE", help="A crate: its folder, zip or metadata file; or the URL or DOI of a record."),
]
Workers = Annotated[
    int | None, typer.Option("--workers", min=1, metavar="N", help="Threads that decode images; default: one per core.")
]
ClusterAddress = Annotated[
    str | None,
    typer.Option("--cluster", metavar="ADDRESS", help="Code on the workers of this Dask scheduler (tcp://host:8786)."),
]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Compute everything anew, and remember nothing.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print the result and errors, nothing else.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Print every note, and how long each step took.")]
