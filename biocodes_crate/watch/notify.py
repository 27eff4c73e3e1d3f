"""Notifications of the operating system that something changed; where there are none, looking again has to do."""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from watchdog.events import FileSystemEvent, FileSystemEventHandler
from watchdog.observers import Observer

from biocodes_crate.watch.sidecar import SUFFIX

_MEANT = frozenset({"created", "modified", "moved", "closed", "deleted"})  # reading alone is no change
_MOST_PATHS = 10_000


class Changes:
    """Where something changed since one last looked. Safe to fill from another thread."""

    def __init__(self) -> None:
        self._paths: set[Path] | None = set()  # None: too many to tell
        self._lock = threading.Lock()
        self._any = threading.Event()

    def note(self, path: Path) -> None:
        """Something changed here."""
        with self._lock:
            if self._paths is not None:
                self._paths.add(path)
                if len(self._paths) > _MOST_PATHS:
                    self._paths = None
        self._any.set()

    def take(self) -> frozenset[Path] | None:
        """Where, since the last time; None for anywhere."""
        with self._lock:
            paths, self._paths = self._paths, set()
            self._any.clear()
        return None if paths is None else frozenset(paths)

    def wait(self, seconds: float) -> bool:
        """Wait until something changes, but not longer."""
        return self._any.wait(seconds)


@contextmanager
def notified(root: Path) -> Iterator[Changes | None]:
    """Changes below a folder while the context lasts; None where the system cannot tell (too many folders)."""
    # watchdog 7 may meet a new folder twice: in its notification, and while it looks through the folder above. Of that
    # it warns, from its own thread, which ends where warnings are errors; it is harmless.
    warnings.filterwarnings("ignore", "Callback with id", RuntimeWarning)
    changes = Changes()
    observer = Observer()
    try:
        observer.schedule(_Handler(changes), os.fspath(root), recursive=True)
        observer.start()
    except (OSError, RuntimeError):
        yield None
        return
    try:
        yield changes
    finally:
        observer.stop()
        observer.join(5)


class _Handler(FileSystemEventHandler):
    def __init__(self, changes: Changes) -> None:
        self._changes = changes

    def on_any_event(self, event: FileSystemEvent) -> None:
        """Called by watchdog, from its own thread."""
        if event.event_type not in _MEANT:
            return
        for name in (event.src_path, event.dest_path):
            path = Path(os.fsdecode(name)) if name else None
            if path is not None and not (path.name.endswith((SUFFIX, ".part")) or event.is_directory):
                self._changes.note(path)
