"""`crate code`: print the ISCCs of anything."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from biocodes_crate.cli import console
from biocodes_crate.cli.handling import handled
from biocodes_crate.cli.options import AsJson, ClusterAddress
from biocodes_crate.findings import Finding


@handled
def code(
    path: Annotated[str, typer.Argument(metavar="PATH", help="Any file or folder, or the URL of one.")],
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
        crate code https://example.org/cells.ome.zarr
    """
    from contextlib import nullcontext

    from biocodes_crate.codes import connect, entry_for, web_entry
    from biocodes_crate.errors import NoCluster
    from biocodes_crate.remote import is_url

    def tell(finding: Finding) -> None:
        console.note(f"{finding.id}: {finding.message}")
        if finding.remedy:
            console.note(f"  → {finding.remedy}")

    del as_json  # an entry is JSON; scripts may say so all the same

    if is_url(path) and cluster:
        raise NoCluster("what lies on the web is coded on this machine", where=path, remedy="Leave out --cluster.")
    with console.progress() as report:
        if is_url(path):
            entry = web_entry(path, simprints, report)
        else:
            with connect(cluster) if cluster else nullcontext() as connection:
                entry = entry_for(Path(path), simprints, report, cluster=connection, on_finding=tell)
    console.result_json(entry)
