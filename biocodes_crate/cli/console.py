"""What a person sees: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import secrets
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from biocodes_crate.errors import BiocodesError, CannotWrite
from biocodes_crate.progress import OnProgress, Progress

_SECONDS_BETWEEN_LINES = 5.0


def result(text: str) -> None:
    """Print a result."""
    sys.stdout.write(harmless(text) + "\n")


def result_json(value: Any) -> None:
    """Print a result for a program."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def answer(as_json: bool, value: Callable[[], Any], text: Callable[[], str]) -> None:
    """Print a result for a program or for a person; only the one that is asked for is made."""
    if as_json:
        result_json(value())
    else:
        result(text())


def note(text: str) -> None:
    """Say something that is no result."""
    sys.stderr.write(harmless(text) + "\n")


def error(problem: BiocodesError) -> None:
    """Say what went wrong, where, and what to do."""
    where = f"{problem.where}: " if problem.where is not None else ""
    note(f"crate: {where}{problem.message}")
    if problem.remedy:
        note(f"  → {problem.remedy}")


def harmless(text: str) -> str:
    """Text of strangers without control characters, which a terminal would obey."""
    return "".join(char if char == "\n" or char.isprintable() else ascii(char)[1:-1] for char in text)


def can_ask() -> bool:
    """Whether there is a person at a terminal."""
    return sys.stdin is not None and sys.stdin.isatty()


def ask(question: str) -> bool:
    """Ask a person; anything but a clear yes is a no."""
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


@contextmanager
def progress() -> Iterator[OnProgress]:
    """Show the progress of long work: a bar on a terminal, plain lines in a log."""
    if sys.stderr.isatty():
        with _bars() as report:
            yield report
    else:
        yield _Lines()


class _Lines:
    """One line when a step begins, and one every few seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._step = ""
        self._last = 0.0

    def __call__(self, progress: Progress) -> None:
        with self._lock:
            now = time.monotonic()
            if progress.step == self._step and now - self._last < _SECONDS_BETWEEN_LINES:
                return
            self._step, self._last = progress.step, now
        note(f"{progress.step}: {progress.done}" + (f" of {progress.total}" if progress.total is not None else ""))


@contextmanager
def _bars() -> Iterator[OnProgress]:
    from rich.console import Console  # rich is needed on a terminal only
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description:<18}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        tasks = {}
        lock = threading.Lock()

        def report(progress: Progress) -> None:
            with lock:
                if progress.step not in tasks:
                    tasks[progress.step] = bars.add_task(harmless(progress.step), total=progress.total)
                bars.update(tasks[progress.step], completed=progress.done, total=progress.total)

        yield report


def write_text(path: Path, text: str) -> None:
    """Write a result to a file: all of it or nothing."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    try:
        temporary.write_text(text, encoding="utf-8", newline="\n")
        temporary.replace(path)
    except OSError as problem:
        raise CannotWrite(
            f"it cannot be written ({problem.strerror or problem})",
            where=path,
            remedy="Check the folder, its rights and the free space.",
        ) from problem
    finally:
        temporary.unlink(missing_ok=True)
