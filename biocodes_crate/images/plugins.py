"""Formats that bioio reads, each through a plug-in that is an extra of this package."""

from __future__ import annotations

from pathlib import Path

from biocodes_crate.errors import MissingReader

EXTRAS = {
    ".nd2": "nd2",
    ".czi": "czi",
    ".lif": "lif",
    ".dv": "dv",
    ".r3d": "dv",
    ".sldy": "sldy",
    ".ims": "bioformats",
    ".oib": "bioformats",
    ".oif": "bioformats",
    ".vsi": "bioformats",
    ".zvi": "bioformats",
    ".lof": "bioformats",
    ".xlif": "bioformats",
    ".stk": "bioformats",
    ".ics": "bioformats",
    ".mrc": "bioformats",
}
SUFFIXES = tuple(EXTRAS)


def missing_reader(path: Path) -> MissingReader:
    """The error for an image of a format whose plug-in is not installed."""
    extra = EXTRAS[path.suffix.lower()]
    return MissingReader(
        f"reading {path.suffix.lower()} files needs a plug-in that is not installed",
        where=path,
        remedy=f"Install it with: pip install bioio-{extra}",
    )
