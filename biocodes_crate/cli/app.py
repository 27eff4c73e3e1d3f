"""The app: one module for each command, registered here in the order of the help.

Heavy imports stay within the commands, so that `crate --help` answers at once.
"""

from __future__ import annotations

from typing import Annotated

import typer

from biocodes_crate import __version__
from biocodes_crate.cli import console
from biocodes_crate.cli.build import build
from biocodes_crate.cli.cache import cache
from biocodes_crate.cli.code import code
from biocodes_crate.cli.compare import compare
from biocodes_crate.cli.deposit import deposit
from biocodes_crate.cli.edges import edges
from biocodes_crate.cli.export import export
from biocodes_crate.cli.init import init
from biocodes_crate.cli.report import report
from biocodes_crate.cli.trace import trace
from biocodes_crate.cli.validate import validate
from biocodes_crate.cli.watch import watch

app = typer.Typer(
    name="crate",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(asked: bool) -> None:
    if asked:
        console.result(f"biocodes-crate {__version__}")
        raise typer.Exit


@app.callback()
def crate(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Pack a bioimaging study into an RO-Crate in which figure panels are linked to the planes they show.

    \b
    Start with
        crate build STUDY
    where STUDY is a folder with images and the figures made from them.
    """


app.command()(init)
app.command()(build)
app.command()(validate)
app.command()(trace)
app.command()(edges)
app.command()(code)
app.command()(compare)
app.command()(report)
app.command()(export)
app.command()(deposit)
app.command()(watch)
app.command()(cache)
