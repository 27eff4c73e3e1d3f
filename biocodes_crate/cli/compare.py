"""`crate compare`: compare two things by their codes."""

from __future__ import annotations

from typing import Annotated

import typer

from biocodes_crate.cli import console
from biocodes_crate.cli.handling import handled
from biocodes_crate.cli.options import AsJson


@handled
def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="A path, IMAGE#scene=0&z=5&c=1&t=0, or an ISCC.")],
    b: Annotated[str, typer.Argument(metavar="B", help="What to compare it with.")],
    as_json: AsJson = False,
) -> None:
    """Compare two files, images or ISCCs, unit by unit.

    \b
    Examples:
        crate compare a.ome.tif b.ome.zarr
        crate compare ISCC:KEC… ISCC:KEC…
    """
    from biocodes_crate.cli.words import comparison_as_json, describe_comparison
    from biocodes_crate.codes import compare as compare_two

    result = compare_two(a, b)
    console.answer(as_json, lambda: comparison_as_json(result), lambda: describe_comparison(result, console.width()))
