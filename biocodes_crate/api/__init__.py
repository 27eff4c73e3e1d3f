"""The Python API: what the command line does, as functions and objects.

The root package offers all of this, and imports it when it is first used:

    import biocodes_crate as bc

    crate = bc.build("my-study")
    crate.edges
    crate.figures["fig1.png"].panels["A"].source.plot()
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from biocodes_crate.api.crate import Crate, CrateImage, as_level, opened
from biocodes_crate.api.edges import Edges, PanelEdge
from biocodes_crate.api.figures import Figure, Panel, Source
from biocodes_crate.api.names import Names
from biocodes_crate.api.traced import traced_figure
from biocodes_crate.codes import Comparison, entry_for, web_entry
from biocodes_crate.codes import compare as compare_two
from biocodes_crate.pipeline import build_study
from biocodes_crate.progress import OnProgress, ignore_progress
from biocodes_crate.remote import is_url
from biocodes_crate.study import init_study
from biocodes_crate.validation import Level, Report, validate_crate

__all__ = [
    "Comparison",
    "Crate",
    "CrateImage",
    "Edges",
    "Figure",
    "Level",
    "Names",
    "Panel",
    "PanelEdge",
    "Report",
    "Source",
    "build",
    "code",
    "compare",
    "init",
    "open",
    "trace",
    "validate",
]

AnyPath = Path | str


def build(
    study: AnyPath,
    output: AnyPath | None = None,
    *,
    with_index: bool = False,
    workers: int | None = None,
    cluster: str | None = None,
    use_cache: bool = True,
    on_progress: OnProgress = ignore_progress,
) -> Crate:
    """Pack a study into a crate, and open it. The same as `crate build`.

    Parameters
    ----------
    study
        The folder with images and figures.
    output
        A folder or `.zip` to write a complete crate to. By default only metadata files are
        written, into the study itself.
    with_index
        Whether the crate holds the index that panels are looked up in, for `trace`.
    workers
        Threads that decode images; by default one for each core.
    cluster
        Address of a Dask scheduler, whose workers then code the images.
    use_cache
        Whether codes and edges of unchanged files are taken from the user's cache.
    on_progress
        Called with a :class:`~biocodes_crate.progress.Progress` now and then.

    Raises
    ------
    NotAStudy, BadManifest, CannotWrite
        The folder, its `study.yaml` or the output is not what it should be. Faults of single
        images and figures are in `findings` of the crate.
    """
    out = None if output is None else Path(output)
    result = build_study(
        Path(study),
        out,
        with_index=with_index,
        workers=workers,
        cluster=cluster,
        use_cache=use_cache,
        on_progress=on_progress,
    )
    crate = opened(result.crate)
    crate.built = result
    return crate


def open(path: AnyPath) -> Crate:  # noqa: A001 - reads `bc.open(…)`
    """Open a crate of anybody: its folder, a zip of it, or its metadata file; or a deposited one, by URL or DOI.

    Only a text that is a URL or DOI, and no path of a file, is looked up on the web.

    Raises
    ------
    NotACrate
        There is none, or its metadata cannot be read.
    """
    return opened(path)


def trace(
    figure: AnyPath,
    within: AnyPath | Crate,
    *,
    workers: int | None = None,
    use_cache: bool = True,
    on_progress: OnProgress = ignore_progress,
) -> Figure:
    """Find the planes that a figure comes from. Nothing is written. The same as `crate trace`.

    Parameters
    ----------
    figure
        Any figure file; it need not be part of the study.
    within
        A study or a crate; or, as text, the URL or DOI of a record.
    """
    where = within.origin if isinstance(within, Crate) else within
    return traced_figure(Path(figure), where, workers=workers, use_cache=use_cache, on_progress=on_progress)


def validate(
    crate: AnyPath | Crate, level: Level | str = Level.PROVENANCE, on_progress: OnProgress = ignore_progress
) -> Report:
    """Say what is wrong with a crate. The same as `crate validate`.

    Parameters
    ----------
    level
        "metadata", "integrity" or "provenance"; each includes those before it.

    Returns
    -------
    Report
        `valid` and `findings`; faults of the crate never raise.
    """
    where = crate.origin if isinstance(crate, Crate) else crate
    return validate_crate(where, as_level(level), on_progress)


def code(path: AnyPath, *, simprints: bool = False, on_progress: OnProgress = ignore_progress) -> dict[str, Any]:
    """The ISCCs of any file, folder or image, also on the web, as an IsccEntry. The same as `crate code`."""
    if isinstance(path, str) and is_url(path):
        return web_entry(path, simprints, on_progress)
    return entry_for(Path(path), simprints, on_progress)


def compare(a: AnyPath, b: AnyPath) -> Comparison:
    """Compare two files, images or ISCCs, unit by unit. The same as `crate compare`."""
    return compare_two(str(a), str(b))


def init(study: AnyPath) -> Path:
    """Write a commented `study.yaml` to fill in; its path. The same as `crate init`."""
    return init_study(Path(study))
