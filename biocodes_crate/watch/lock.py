"""One watcher for a folder: two would code everything twice."""

from __future__ import annotations

import errno
import importlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from biocodes_crate.errors import CannotWrite


@contextmanager
def only_watcher(root: Path) -> Iterator[None]:
    """Hold a lock on a folder; it goes with the process, however that ends. Where there are no locks, none is held.

    Raises
    ------
    CannotWrite
        Another watcher of this machine holds it.
    """
    try:
        fcntl = importlib.import_module("fcntl")
    except ImportError:  # not a POSIX system
        yield
        return
    handle = os.open(root, os.O_RDONLY)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in {errno.EWOULDBLOCK, errno.EACCES}:
                raise CannotWrite(
                    "another crate watch is at work in this folder",
                    where=root,
                    remedy="One is enough; end the other one to start again.",
                ) from error
        yield
    finally:
        os.close(handle)
