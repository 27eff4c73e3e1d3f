"""Progress of long work, as plain data: a library function calls a function, and knows no terminal."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple


class Progress(NamedTuple):
    """How far a step has come."""

    step: str  # "coding planes"
    done: int
    total: int | None  # None while unknown


OnProgress = Callable[[Progress], None]


def ignore_progress(progress: Progress) -> None:
    """Report to nobody."""
