"""`crate cache`: what is remembered, and forgetting it."""

from __future__ import annotations

from typing import Annotated

import typer

from biocodes_crate.cli import console
from biocodes_crate.cli.handling import handled
from biocodes_crate.cli.options import AsJson


@handled
def cache(
    clear: Annotated[bool, typer.Option("--clear", help="Forget everything.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show how much is remembered of earlier runs and where, or forget it.

    It saves time and is never evidence: `crate validate --level integrity` reads everything anew.

    \b
    Example:
        crate cache --clear
    """
    from biocodes_crate.codes import cache_size, clear_cache, default_cache

    kept = default_cache()
    if kept is None:
        console.answer(as_json, lambda: {"folder": None}, lambda: "The cache is off (BIOCODES_CACHE).")
        return
    freed = clear_cache(kept.folder) if clear else 0
    size = cache_size(kept.folder)
    console.answer(
        as_json,
        lambda: {"folder": str(kept.folder), "bytes": size, "freed": freed},
        lambda: f"{kept.folder}: {size / 1e6:.1f} MB" + (f", {freed / 1e6:.1f} MB freed" if clear else ""),
    )
