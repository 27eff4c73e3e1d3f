"""One place where errors become messages and exit codes, and where every command gets what all share."""

from __future__ import annotations

import functools
import inspect
import os
import signal
import sys
import traceback
from collections.abc import Callable
from types import FrameType
from typing import Any, NoReturn, ParamSpec

import typer

from biocodes_crate.cli import console
from biocodes_crate.cli.console import Verbosity
from biocodes_crate.cli.options import Quiet, Verbose
from biocodes_crate.errors import BiocodesError

CANNOT_RUN = 2
INTERRUPTED = 130  # 128 + SIGINT
TERMINATED = 143  # 128 + SIGTERM
BROKEN_PIPE = 141  # 128 + SIGPIPE

_P = ParamSpec("_P")
_SHARED = {"quiet": Quiet, "verbose": Verbose}


class Terminated(BaseException):
    """The system asked to end: unwind, so that nothing is left half-done."""


def handled(command: Callable[_P, int | None]) -> Callable[_P, None]:
    """A command whose errors become messages; what it returns becomes the exit code.

    Gives it the options `--quiet` and `--verbose`.
    """

    @functools.wraps(command)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> None:
        quiet, verbose = (bool(kwargs.pop(name, False)) for name in _SHARED)
        console.set_verbosity(Verbosity.QUIET if quiet else Verbosity.VERBOSE if verbose else Verbosity.NORMAL)
        raise typer.Exit(_exit_code(lambda: command(*args, **kwargs)))

    described: Any = run  # typer asks for the signature and the annotations
    signature = inspect.signature(command, eval_str=True)
    shared = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=kind)
        for name, kind in _SHARED.items()
    ]
    described.__signature__ = signature.replace(parameters=[*signature.parameters.values(), *shared])
    described.__annotations__ = {**command.__annotations__, **_SHARED}
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
        console.say("crate: interrupted")
        return INTERRUPTED
    except Terminated:
        return TERMINATED
    except BrokenPipeError:
        # Who read the output has enough; Python would complain again while it shuts down.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except MemoryError:
        console.say("crate: there is not enough memory for this")
        return CANNOT_RUN
    except Exception as error:
        if os.environ.get("BIOCODES_DEBUG"):
            traceback.print_exc()
        console.say(f"crate: a fault in the software: {type(error).__name__}: {error}")
        console.say("  → Please report it, with what BIOCODES_DEBUG=1 prints.")
        return CANNOT_RUN
    return code


def _terminate(_signum: int, _frame: FrameType | None) -> NoReturn:
    raise Terminated
