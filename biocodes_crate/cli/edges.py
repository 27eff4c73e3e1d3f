"""`crate edges`: list the provenance edges of a crate."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from biocodes_crate.cli import console
from biocodes_crate.cli.handling import handled
from biocodes_crate.cli.options import CratePlace


class EdgeFormat(StrEnum):
    """How edges are printed."""

    TABLE = "table"
    JSON = "json"
    JSONLD = "jsonld"
    CSV = "csv"


@handled
def edges(
    crate: CratePlace,
    form: Annotated[EdgeFormat, typer.Option("--format", help="How to print them.")] = EdgeFormat.TABLE,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """List the provenance edges of a crate.

    Which panel shows which plane, and what the pixels say about it.

    \b
    Examples:
        crate edges my-study
        crate edges my-study.zip --format csv > edges.csv
    """
    from biocodes_crate.cli.words import describe_edges
    from biocodes_crate.crate import edges_csv, edges_json, edges_jsonld, open_crate, read_pages

    with open_crate(crate) as reader:
        metadata = reader.metadata
    if form is EdgeFormat.JSONLD:
        console.result_json(edges_jsonld(metadata))
        return
    pages = read_pages(metadata, lambda entity, key, fault: console.note(f"{entity}: '{key}' {fault}"))
    if as_json or form is EdgeFormat.JSON:
        console.result_json(edges_json(pages))
    elif form is EdgeFormat.CSV:
        console.document(edges_csv(pages))
    else:
        console.result(describe_edges(pages, console.width()))
