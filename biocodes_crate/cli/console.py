"""What a person sees: results on stdout, everything else on stderr."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from enum import IntEnum
from pathlib import Path
from typing import Any, TextIO

from biocodes_crate.cli.styles import Style, encodable, painted, plain, styled
from biocodes_crate.errors import BiocodesError, CannotWrite
from biocodes_crate.progress import OnProgress

USUAL = 80  # columns, where there is no terminal
NARROWEST, WIDEST = 40, 120


class Verbosity(IntEnum):
    """How much is said besides the result."""

    QUIET = 0  # errors
    NORMAL = 1  # and progress, and what is written where
    VERBOSE = 2  # and every note, and how long each step took


class _Settings:
    verbosity = Verbosity.NORMAL


def set_verbosity(verbosity: Verbosity) -> None:
    """How much the rest of this run says."""
    _Settings.verbosity = verbosity


def verbosity() -> Verbosity:
    """How much is to be said."""
    return _Settings.verbosity


def is_quiet() -> bool:
    """Whether only what a script needs is wanted."""
    return _Settings.verbosity is Verbosity.QUIET


def is_verbose() -> bool:
    """Whether everything is wanted."""
    return _Settings.verbosity is Verbosity.VERBOSE


def width() -> int:
    """Columns to print results in: those of the terminal within reason, 80 where there is none."""
    if not sys.stdout.isatty():
        return USUAL
    return min(max(shutil.get_terminal_size((USUAL, 24)).columns, NARROWEST), WIDEST)


def result(text: str) -> None:
    """Print a result."""
    _print(text, sys.stdout)


def result_json(value: Any) -> None:
    """Print a result for a program."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=not _holds_unicode(), allow_nan=False) + "\n")


def answer(as_json: bool, value: Callable[[], Any], text: Callable[[], str]) -> None:
    """Print a result for a program or for a person; only the one that is asked for is made."""
    if as_json:
        result_json(value())
    else:
        result(text())


def document(text: str) -> None:
    """Print a file in a format that others define: UTF-8 whatever the locale says, but for a terminal's eyes."""
    if sys.stdout.isatty():
        sys.stdout.write(encodable(_escaped(text), sys.stdout.encoding))
        return
    sys.stdout.flush()
    sys.stdout.buffer.write(text.encode("utf-8"))
    sys.stdout.buffer.flush()


def document_to(path: Path | None, text: str) -> None:
    """Write such a file where it was asked for, or print it."""
    if path is None:
        document(text)
    else:
        write_text(path, text)
        written(path)


def written(path: Path) -> None:
    """Say where a file was written."""
    note(f"Written: {path}")


def note(text: str) -> None:
    """Say something that is no result."""
    if _Settings.verbosity is not Verbosity.QUIET:
        _print(text, sys.stderr)


def progress() -> AbstractContextManager[OnProgress]:
    """Show the progress of long work: a bar on a terminal, plain lines in a log."""
    from biocodes_crate.cli.progressing import progress as shown  # it prints through this module

    return shown()


def error(problem: BiocodesError) -> None:
    """Say what went wrong, where, and what to do."""
    where = f"{problem.where}: " if problem.where is not None else ""
    _print(f"{styled('crate:', Style.BAD)} {where}{problem.message}", sys.stderr)
    if problem.remedy:
        _print(f"  → {problem.remedy}", sys.stderr)


def say(text: str) -> None:
    """Say on stderr what must be seen, whatever the verbosity."""
    _print(text, sys.stderr)


def harmless(text: str) -> str:
    """Text of strangers without control characters, which a terminal would obey, and without styles."""
    return _escaped(plain(text))


def has_colour(stream: TextIO) -> bool:
    """Whether colours are wanted: https://no-color.org, and only on a terminal that knows them."""
    return stream.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


def _print(text: str, stream: TextIO) -> None:
    marks = set(text) - set(plain(text))
    safe = "".join(char if char in marks else _escaped(char) for char in text)
    shown = painted(safe) if has_colour(stream) else plain(safe)
    stream.write(encodable(shown, stream.encoding) + "\n")


def _escaped(text: str) -> str:
    return "".join(char if char == "\n" or char.isprintable() else ascii(char)[1:-1] for char in text)


def can_ask() -> bool:
    """Whether there is a person at a terminal."""
    return sys.stdin is not None and sys.stdin.isatty()


def ask(question: str, about: str = "") -> bool:
    """Ask a person, however little else is said; anything but a clear yes is a no."""
    sys.stderr.write(harmless(f"{about}\n{question} [y/N] ".lstrip("\n")))
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _holds_unicode() -> bool:
    try:
        "→\U0001f600".encode(sys.stdout.encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


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
