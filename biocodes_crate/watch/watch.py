"""`crate watch`: every finished acquisition of a folder is coded once.

What was done is read from the sidecars, so nothing is lost when the watcher is killed: an
acquisition is done when a sidecar beside it states the very state of its files. Everything
else waits until it has not changed for a while and nobody has it open for writing.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path

from biocodes_crate import __version__
from biocodes_crate.codes import CodeCache, image_entry
from biocodes_crate.codes.pictures import figure_image_code
from biocodes_crate.errors import BiocodesError, CannotWrite, NotAStudy, UnreadableImage
from biocodes_crate.images import Image, ImageFormat, open_image
from biocodes_crate.progress import OnProgress, ignore_progress
from biocodes_crate.tracing import code_and_index
from biocodes_crate.watch.acquisitions import (
    Acquisition,
    Found,
    State,
    find_acquisitions,
    is_open,
    open_for_writing,
    state_of,
)
from biocodes_crate.watch.lock import only_watcher
from biocodes_crate.watch.notify import Changes, notified
from biocodes_crate.watch.sidecar import Sidecar, foreign, read_sidecar, sidecar_path, sweep, write_sidecar

_INCOMPLETE = frozenset({"chunks-missing", "planes-missing"})
_DEEP = 60  # every so many looks, done folders are looked through again, and with notifications anything at all


@dataclass(frozen=True, slots=True)
class Rhythm:
    """How long to wait, in seconds."""

    interval: float = 5.0  # between looks
    settle: float = 30.0  # without a change, before an acquisition counts as finished
    patience: float = 3600.0  # likewise, where chunks or files of it are missing


class Happened(Enum):
    """What became of an acquisition."""

    CODED = "coded"
    RENAMED = "renamed"  # its sidecar followed
    WAITING = "waiting"  # parts of it are missing: it may not be finished
    FAILED = "failed"  # it will be tried again


@dataclass(frozen=True, slots=True)
class Event:
    """Something that the watcher did or could not do."""

    happened: Happened
    path: Path
    iscc: str | None = None
    message: str = ""
    remedy: str = ""


@dataclass(slots=True)
class _Tracked:
    """What is known of an acquisition."""

    files: tuple[Path, ...]
    state: State
    since: float  # monotonic: when it was first seen in this state
    is_done: bool = False
    has_changed: bool = False  # under our eyes
    is_hopeless: bool = False  # in this state
    is_incomplete: bool = False
    tries: int = 0
    not_before: float = 0.0
    quick: tuple[int, ...] = ()
    sidecar: tuple[int, ...] | None = None  # how the sidecar looked


def watch_folder(
    root: Path,
    *,
    once: bool = False,
    rhythm: Rhythm | None = None,
    simprints: bool = False,
    workers: int | None = None,
    cache: CodeCache | None = None,
    on_event: Callable[[Event], None] = lambda _event: None,
    on_progress: OnProgress = ignore_progress,
    stop: threading.Event | None = None,
) -> int:
    """Code what lies in a folder and what comes, each acquisition once, until `stop` is set.

    Parameters
    ----------
    once
        Return when everything that is finished is coded.
    simprints
        Whether sidecars list the Data-Code of every plane.
    cache
        Where codes are kept, so that `build` finds them.

    Returns
    -------
    int
        How many acquisitions could not be coded.

    Raises
    ------
    NotAStudy
        There is no such folder.
    CannotWrite
        It cannot be written to, or another watcher is at work in it.
    """
    if not root.is_dir():
        raise NotAStudy("there is no such folder", where=root, remedy="Name the folder that acquisitions are put into.")
    if not os.access(root, os.W_OK):
        raise CannotWrite("sidecars cannot be written here", where=root, remedy="Change the folder's rights.")
    watcher = _Watcher(root, rhythm or Rhythm(), simprints, workers, cache, on_event, on_progress)
    with ExitStack() as stack:
        stack.enter_context(only_watcher(root))
        changes = None if once else stack.enter_context(notified(root))
        while True:
            watcher.look(changes)
            if once and not watcher.waits():
                return watcher.failures()
            if _pause(watcher, changes, stop, once=once):
                return watcher.failures()


def _pause(watcher: _Watcher, changes: Changes | None, stop: threading.Event | None, *, once: bool) -> bool:
    """Wait for the next look; true to end."""
    stop = stop or threading.Event()
    interval = watcher.rhythm.interval
    if once or changes is None or watcher.is_busy():
        return stop.wait(min(interval, max(0.05, watcher.rhythm.settle / 2)) if once else interval)
    for _ in range(_DEEP):
        if stop.is_set() or changes.wait(interval):
            break
    # A log that grows all the time would else be followed by look after look.
    return stop.wait(interval)


class _Watcher:
    """Looks through a folder again and again."""

    def __init__(
        self,
        root: Path,
        rhythm: Rhythm,
        simprints: bool,
        workers: int | None,
        cache: CodeCache | None,
        on_event: Callable[[Event], None],
        on_progress: OnProgress,
    ) -> None:
        self.rhythm = rhythm
        self._root = root
        self._simprints = simprints
        self._workers = workers
        self._cache = cache
        self._on_event = on_event
        self._on_progress = on_progress
        self._tracked: dict[Path, _Tracked] = {}
        self._parts: dict[Path, Path] = {}  # files of a set → the first of them, which has the sidecar
        self._orphans: dict[Path, Sidecar | None] = {}
        self._looks = 0

    def look(self, changes: Changes | None = None) -> None:
        """Look once, and code what is finished."""
        dirty = changes.take() if changes is not None else frozenset()
        deep = self._looks % _DEEP == 0 or dirty is None
        self._looks += 1
        found = find_acquisitions(self._root)
        if not found.folders:
            return  # the share is gone for now; what is known stays
        if deep:
            for folder in found.folders:
                sweep(folder)
        there = {acquisition.path for acquisition in found.acquisitions}
        self._tracked = {path: tracked for path, tracked in self._tracked.items() if path in there}
        self._parts = {part: first for part, first in self._parts.items() if first in there}
        for acquisition in found.acquisitions:
            touched = deep or any(acquisition.path in (path, *path.parents) for path in dirty or ())
            self._observe(acquisition, deep=touched)
        self._follow_renames(found, there)
        self._code_finished(found)

    def waits(self) -> bool:
        """Whether something has yet to prove that it does not change."""
        return any(
            not (t.is_done or t.is_hopeless or t.has_changed or t.is_incomplete or path in self._parts)
            for path, t in self._tracked.items()
        )

    def is_busy(self) -> bool:
        """Whether anything is not done."""
        return any(not t.is_done and path not in self._parts for path, t in self._tracked.items())

    def failures(self) -> int:
        """How many acquisitions could not be coded."""
        return sum(t.is_hopeless for t in self._tracked.values())

    def _observe(self, acquisition: Acquisition, *, deep: bool) -> None:
        """Take note of the state of an acquisition."""
        path = acquisition.path
        known = self._tracked.get(path)
        try:
            quick = _quick(path, known.files if known is not None else ())
            beside = _look_of(sidecar_path(path))
            if known is not None and known.is_done and not deep and (known.quick, known.sidecar) == (quick, beside):
                return
            sidecar = read_sidecar(sidecar_path(path)) if beside is not None else None
            files = known.files if known is not None else (path,)
            if sidecar is not None and sidecar.files:
                files = tuple(path.parent / name for name in sidecar.files)
            state = self._state(files, path)
        except OSError:
            self._tracked.pop(path, None)  # it vanished or changes under our eyes
            return
        if known is None:
            known = self._tracked[path] = _Tracked(files, state, time.monotonic())
        elif state.digest != known.state.digest:
            fresh = _Tracked(files, state, time.monotonic(), has_changed=not known.is_done)
            known = self._tracked[path] = fresh
        known.files, known.quick, known.sidecar = files, quick, beside
        was_done = known.is_done
        known.is_done = sidecar is not None and sidecar.state == state.digest
        if sidecar is not None and known.is_done:
            self._parts.update((part, path) for part in files if part != path)
        if was_done and not known.is_done:  # somebody removed the sidecar
            known.since = time.monotonic()
        if beside is not None and sidecar is None and not known.is_hopeless:
            self._fail(known, path, foreign(sidecar_path(path)))

    def _state(self, files: tuple[Path, ...], path: Path) -> State:
        try:
            return state_of(files)
        except FileNotFoundError:
            return state_of((path,))  # the set has lost a file

    def _follow_renames(self, found: Found, there: set[Path]) -> None:
        """Let sidecars follow acquisitions that were renamed: the same file in the same state, without its sidecar."""
        homeless = {
            path: t
            for path, t in self._tracked.items()
            if not t.is_done and not t.is_hopeless and t.sidecar is None and path not in self._parts
        }
        if not homeless:
            return
        orphans: dict[Path, Sidecar | None] = {}
        for path in found.sidecars:
            if path.with_name(path.name.removesuffix(".iscc.json")) not in there:
                orphans[path] = self._orphans[path] if path in self._orphans else read_sidecar(path)
        self._orphans = orphans
        for orphan, sidecar in list(orphans.items()):
            if sidecar is None or sidecar.files or not sidecar.inode:
                continue
            for path, tracked in homeless.items():
                if (tracked.state.digest, tracked.state.inode) != (sidecar.state, sidecar.inode):
                    continue
                target = sidecar_path(path)
                try:
                    if not os.path.lexists(target):
                        orphan.rename(target)
                except OSError:
                    break  # then it is coded again
                del self._orphans[orphan], homeless[path]
                tracked.is_done, tracked.sidecar = True, _look_of(target)
                self._on_event(Event(Happened.RENAMED, path, str(sidecar.entry.get("iscc_code"))))
                break

    def _code_finished(self, found: Found) -> None:
        opened: frozenset[Path] | None = None
        for acquisition in found.acquisitions:
            path = acquisition.path
            tracked = self._tracked.get(path)
            now = time.monotonic()
            if tracked is None or tracked.is_done or path in self._parts or now < tracked.not_before:
                continue
            if now - tracked.since < self.rhythm.settle:
                continue
            if opened is None:
                opened = open_for_writing(self._root)
            if is_open(tracked.files, opened):
                tracked.has_changed = True
                continue
            try:
                self._code(path, tracked)
            except BiocodesError as error:
                self._fail(tracked, path, error)
            except OSError as error:
                self._fail(tracked, path, UnreadableImage(f"it cannot be read ({error.strerror or error})", where=path))

    def _code(self, path: Path, tracked: _Tracked) -> None:
        """Code an acquisition that is finished by all that can be seen from outside."""
        target = sidecar_path(path)
        if os.path.lexists(target) and read_sidecar(target) is None:
            raise foreign(target)
        image = open_image(path)
        if self._is_part(path, tracked, image):
            return
        missing = next((finding for finding in image.findings if finding.id in _INCOMPLETE), None)
        quiet = max(time.monotonic() - tracked.since, time.time() - tracked.state.newest)
        if missing is not None and quiet < self.rhythm.patience:
            if not tracked.is_incomplete:
                self._on_event(Event(Happened.WAITING, path, None, missing.message, missing.remedy))
            tracked.is_incomplete = True
            return
        codes, _ = code_and_index(
            image, path.name, cache=self._cache, workers=self._workers, on_progress=self._on_progress
        )
        looks = figure_image_code(path) if image.format is ImageFormat.PLAIN else None
        if state_of(tracked.files).digest != tracked.state.digest:
            tracked.since, tracked.has_changed = time.monotonic(), True
            return
        made = Sidecar(
            entry=image_entry(codes, looks, simprints=self._simprints),
            computed=datetime.now(UTC).isoformat(timespec="seconds"),
            software=f"biocodes-crate {__version__}",
            state=tracked.state.digest,
            inode=tracked.state.inode,
            files=_names(tracked.files, path.parent) if len(tracked.files) > 1 else (),
        )
        before = read_sidecar(target)
        if before is not None and before.codes == made.codes:  # touched or copied, but the same
            made = replace(made, computed=before.computed, software=before.software)
        write_sidecar(target, made)
        tracked.is_done, tracked.is_hopeless, tracked.sidecar = True, False, _look_of(target)
        tracked.quick = _quick(path, tracked.files)
        self._parts.update((part, path) for part in tracked.files if part != path)
        self._on_event(Event(Happened.CODED, path, codes.tree.iscc))

    def _is_part(self, path: Path, tracked: _Tracked, image: Image) -> bool:
        """Whether more files than this one make up the image. Its first file is then to wait for all of them."""
        files = tuple(sorted(image.files)) if len(image.files) > 1 else (path,)
        if files == tracked.files:
            return False
        main = next((file for file in files if file in self._tracked), path)
        first = self._tracked[main]
        if first.files != files:
            first.files, first.state, first.since = files, state_of(files), time.monotonic()
        if main != path:
            self._parts[path] = main
        return True

    def _fail(self, tracked: _Tracked, path: Path, error: BiocodesError) -> None:
        """Say so once for each state, and try again later: a share may have failed, a plug-in be installed."""
        if not os.path.lexists(path):  # it was moved while it was coded, and will be found where it is now
            self._tracked.pop(path, None)
            return
        if not tracked.is_hopeless:
            self._on_event(Event(Happened.FAILED, path, None, error.message, error.remedy))
        tracked.is_hopeless = True
        pause = min(self.rhythm.patience, max(self.rhythm.settle, self.rhythm.interval) * 2**tracked.tries)
        tracked.tries = min(tracked.tries + 1, 20)
        tracked.not_before = time.monotonic() + pause


def _quick(path: Path, files: tuple[Path, ...]) -> tuple[int, ...]:
    """What shows most changes without looking through a folder."""
    numbers: list[int] = []
    for one in files or (path,):
        status = one.stat()
        numbers += [status.st_size, status.st_mtime_ns, status.st_ino]
    return tuple(numbers)


def _look_of(path: Path) -> tuple[int, ...] | None:
    try:
        status = path.lstat()
    except OSError:
        return None
    return status.st_size, status.st_mtime_ns, status.st_ino


def _names(files: tuple[Path, ...], folder: Path) -> tuple[str, ...]:
    return tuple(Path(os.path.relpath(file, folder)).as_posix() for file in files)
