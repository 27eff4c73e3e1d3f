"""What an export is, and what it needs to know besides the crate."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ExportFormat(StrEnum):
    """The shapes that a crate can be written in."""

    TURTLE = "turtle"
    NQUADS = "nquads"
    ISCC = "iscc"  # IsccEntry, one JSON object a line
    PROV_N = "prov-n"
    PROV_JSON = "prov-json"
    GIDE = "gide"  # detached RO-Crate for the Global Image Data Ecosystem


@dataclass(frozen=True, slots=True)
class Place:
    """Where a crate is published: what its relative ids are relative to."""

    url: str | None = None  # of the page of the record; None: what the crate says of itself
    publisher: str | None = None  # name of who runs that place


@dataclass(frozen=True, slots=True)
class Export:
    """A crate in another shape."""

    text: str
    media_type: str
    notes: tuple[str, ...] = ()  # what a reader of it should know to be missing
