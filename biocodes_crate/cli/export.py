"""`crate export`: write a crate in another shape."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from biocodes_crate.cli import console
from biocodes_crate.cli.handling import handled
from biocodes_crate.cli.options import CratePlace


class ExportName(StrEnum):
    """What a crate can be written as."""

    TURTLE = "turtle"
    NQUADS = "nquads"
    ISCC = "iscc"
    PROV_N = "prov-n"
    PROV_JSON = "prov-json"
    GIDE = "gide"


@handled
def export(
    crate: CratePlace,
    form: Annotated[ExportName, typer.Option("--format", help="The shape to write.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="PATH", help="The file to write; default: stdout.")
    ] = None,
    url: Annotated[
        str | None, typer.Option("--url", metavar="URL", help="The page where the crate is published.")
    ] = None,
    publisher: Annotated[
        str | None, typer.Option("--publisher", metavar="NAME", help="Who runs that page; for gide.")
    ] = None,
) -> None:
    """Write a crate in another shape.

    turtle and nquads hold all that it says, iscc its codes as IsccEntry, one JSON object a line,
    prov-n and prov-json its provenance edges, gide what the Global Image Data Ecosystem harvests.

    \b
    Examples:
        crate export my-study --format turtle > my-study.ttl
        crate export my-study --format gide --url https://zenodo.org/records/1 -o my-study-ro-crate-metadata.json
    """
    from biocodes_crate.crate import open_crate
    from biocodes_crate.export import ExportFormat, Place, export_crate

    with open_crate(crate) as reader:
        made = export_crate(reader, ExportFormat[form.name], Place(url, publisher))
    console.document_to(output, made.text)
    for text in made.notes:
        console.note(f"crate: {text}")
