"""One place where errors become messages and exit codes."""

from __future__ import annotations

import functools
import os
import signal
import sys
import traceback
from collections.abc import Callable
from types import FrameType
from typing import NoReturn, ParamSpec

import typer

from biocodes_crate.cli import console
from biocodes_crate.errors import BiocodesError

CANNOT_RUN = 2
INTERRUPTED = 130  # 128 + SIGINT
TERMINATED = 143  # 128 + SIGTERM
BROKEN_PIPE = 141  # 128 + SIGPIPE

_P = ParamSpec("_P")


class Terminated(BaseException):
    """The system asked to end: unwind, so that nothing is left half-done."""


def handled(command: Callable[_P, int | None]) -> Callable[_P, None]:
    """A command whose errors become messages; what it returns becomes the exit code."""

    @functools.wraps(command)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> None:
        raise typer.Exit(_exit_code(lambda: command(*args, **kwargs)))

    return run


def _exit_code(work: Callable[[], int | None]) -> int:
    signal.signal(signal.SIGTERM, _terminate)
    try:
        code = work() or 0
        sys.stdout.flush()
    except BiocodesError as error:
        console.error(error)
        return error.exit_code
    except KeyboardInterrupt:
        console.note("crate: interrupted; what was there before is as it was")
        return INTERRUPTED
    except Terminated:
        return TERMINATED
    except BrokenPipeError:
        # Who read the output has enough; Python would complain again while it shuts down.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except MemoryError:
        console.note("crate: there is not enough memory for this")
        return CANNOT_RUN
    except Exception as error:
        if os.environ.get("BIOCODES_DEBUG"):
            traceback.print_exc()
        console.note(f"crate: a fault in the software: {type(error).__name__}: {error}")
        console.note("  → Please report it, with what BIOCODES_DEBUG=1 prints.")
        return CANNOT_RUN
    return code


def _terminate(_signum: int, _frame: FrameType | None) -> NoReturn:
    raise Terminated
