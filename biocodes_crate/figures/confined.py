"""Run a few lines of Python in a process of their own, with a limit on time and memory.

What unpacks or draws a document is written in C++ or Rust: it can hang, take all memory, or end the process.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence

LIMIT = """
import sys
try:
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[1]), int(sys.argv[1])))
except (ImportError, ValueError, OSError):
    pass
"""
# A thread for every core of a large server may take more address space than the limit, before anything is drawn.
_SINGLE_THREADED = {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "RAYON")}
_NO_MEMORY = 3  # what the code exits with where memory ran out


class ConfinedError(Exception):
    """The code did not come to its end; the message says why."""


def confined_environment() -> dict[str, str]:
    """The environment of a confined process."""
    return {**os.environ, **_SINGLE_THREADED}


def run_confined(
    code: str, arguments: Sequence[str], content: bytes | None, *, seconds: float, most_bytes: int
) -> bytes | None:
    """Run `code` and return what it wrote to its standard output; None where no second Python can be had.

    The code finds its arguments in `sys.argv[2:]` and `content` at its standard input. It may call `sys.exit(3)` to
    say that memory ran out.

    Raises
    ------
    ConfinedError
        If it takes too long or too much memory, or ends the process.
    """
    if not sys.executable:
        return None
    command = [sys.executable, "-P", "-c", LIMIT + code, str(most_bytes), *arguments]
    try:
        done = subprocess.run(
            command, input=content, capture_output=True, timeout=seconds, check=False, env=confined_environment()
        )
    except subprocess.TimeoutExpired:
        raise ConfinedError(f"take more than {seconds:.0f} s") from None
    except OSError:
        return None
    if done.returncode < 0 or done.returncode == _NO_MEMORY:
        raise ConfinedError("take more memory than a figure does, or crash the reader")
    return done.stdout if done.returncode == 0 else b""
