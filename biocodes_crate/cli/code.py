"""`crate code`: print the ISCCs of anything."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from biocodes_crate.cli import console
from biocodes_crate.cli.handling import handled
from biocodes_crate.cli.options import AsJson, ClusterAddress


@handled
def code(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Any file or folder.")],
    simprints: Annotated[
        bool, typer.Option("--simprints", help="List the Data-Code of every plane, for search.")
    ] = False,
    cluster: ClusterAddress = None,
    as_json: AsJson = True,
) -> None:
    """Print the ISCCs of any file, folder or image.

    As IsccEntry JSON, which the search tools of ISCC read.

    \b
    Example:
        crate code images/cells.ome.zarr
    """
    from contextlib import nullcontext

    from biocodes_crate.codes import connect, entry_for

    del as_json  # an entry is JSON; scripts may say so all the same

    with console.progress() as report, connect(cluster) if cluster else nullcontext() as connection:
        entry = entry_for(path, simprints, report, cluster=connection)
    console.result_json(entry)
