"""What lies in a watched folder: image files and OME-Zarr folders, and whether somebody still writes them."""

from __future__ import annotations

import hashlib
import json
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from biocodes_crate.images import looks_like_image_name
from biocodes_crate.watch.sidecar import SUFFIX

_ZARR_METADATA = frozenset({"zarr.json", ".zgroup", ".zattrs", ".zarray"})


@dataclass(frozen=True, slots=True)
class Acquisition:
    """An image by its name: a file, or a folder that holds Zarr metadata."""

    path: Path
    is_folder: bool


class State(NamedTuple):
    """How files look from outside. Two equal states: nothing was written between, as far as times and sizes tell."""

    digest: str  # of names, sizes and times; the acquisition's own name does not count, so that it may be renamed
    newest: float  # time of the last change that the file system knows of, seconds since 1970
    inode: int  # of the first file or folder; it stays through a rename


@dataclass(slots=True)
class Found:
    """What lies in a folder and the folders in it."""

    acquisitions: list[Acquisition] = field(default_factory=list)  # by the order of their names in each folder
    sidecars: list[Path] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)  # that hold them


def find_acquisitions(root: Path) -> Found:
    """Every acquisition below a folder.

    Hidden files and symbolic links are passed over, and so are folders that vanish or cannot be
    read. What lies within a Zarr folder belongs to it.
    """
    found = Found()
    pending = [root]
    while pending:
        folder = pending.pop()
        try:
            with os.scandir(folder) as entries:
                listed = sorted(entries, key=lambda entry: os.fsencode(entry.name))
        except OSError:
            continue
        found.folders.append(folder)
        pending += [path for entry in listed if (path := _sort(entry, found)) is not None]
    return found


def state_of(paths: Iterable[Path]) -> State:
    """The state of some files and folders, which are told apart by their order and the files in folders by name.

    Raises
    ------
    OSError
        One of them vanished or cannot be read.
    """
    digest = hashlib.sha256()
    newest, inode = 0.0, 0
    for number, path in enumerate(paths):
        status = path.stat()
        inode = inode or status.st_ino
        for name, one in _files(path, status):
            digest.update(json.dumps([number, name, one.st_size, one.st_mtime_ns]).encode())
            # A copy may keep the times of its source: when it was put here tells more.
            newest = max(newest, one.st_mtime, one.st_ctime)
    return State(digest.hexdigest(), newest, inode)


def open_for_writing(root: Path) -> frozenset[Path]:
    """Files below a folder that a program of this machine has open for writing, as far as we may know.

    Linux tells it of our user's own programs, and root of all. Elsewhere nothing is known, and the
    time for which a file did not grow has to do.
    """
    if not sys.platform.startswith("linux"):
        return frozenset()
    below = os.path.join(os.path.realpath(root), "")  # noqa: PTH118  # with a slash at its end
    found = set()
    for process in _listed("/proc"):
        if not process.isdigit() or int(process) == os.getpid():
            continue
        for number in _listed(f"/proc/{process}/fd"):
            try:
                target = os.readlink(f"/proc/{process}/fd/{number}")  # noqa: PTH115  # a Path would be made of very many
                if target.startswith(below) and _writes(process, number):
                    found.add(Path(target))
            except OSError:
                continue  # closed meanwhile
    return frozenset(found)


def is_open(paths: Iterable[Path], opened: frozenset[Path]) -> bool:
    """Whether one of the files, or a file in one of the folders, is among those that are open."""
    if not opened:
        return False
    real = [Path(os.path.realpath(path)) for path in paths]
    return any(file == path or path in file.parents for path in real for file in opened)


def _sort(entry: os.DirEntry[str], found: Found) -> Path | None:
    """Note what an entry is; a folder that has to be looked through is given back."""
    path = Path(entry.path)
    try:
        if entry.name.startswith(".") or entry.is_symlink():
            return None
        if entry.is_dir():
            if not entry.name.lower().endswith(".zarr") and not _holds_zarr(path):
                return path
            found.acquisitions.append(Acquisition(path, is_folder=True))
        elif entry.is_file() and entry.name.endswith(SUFFIX):
            found.sidecars.append(path)
        elif entry.is_file() and looks_like_image_name(entry.name):
            found.acquisitions.append(Acquisition(path, is_folder=False))
    except OSError:
        pass  # it vanished
    return None


def _holds_zarr(folder: Path) -> bool:
    return any((folder / name).is_file() for name in _ZARR_METADATA)


def _files(path: Path, status: os.stat_result) -> Iterator[tuple[str, os.stat_result]]:
    if not stat.S_ISDIR(status.st_mode):
        yield "", status
        return
    pending = [path]
    while pending:
        with os.scandir(pending.pop()) as entries:
            listed = sorted(entries, key=lambda entry: os.fsencode(entry.name))
        for entry in listed:
            if entry.is_dir(follow_symlinks=False):
                pending.append(Path(entry.path))
            else:
                yield os.path.relpath(entry.path, path), entry.stat(follow_symlinks=False)


def _listed(folder: str) -> list[str]:
    try:
        return os.listdir(folder)  # noqa: PTH208  # names are all that is needed, of very many folders
    except OSError:
        return []


def _writes(process: str, number: str) -> bool:
    with open(f"/proc/{process}/fdinfo/{number}", encoding="ascii") as file:  # noqa: PTH123
        for line in file:
            if line.startswith("flags:"):
                return int(line.split()[1], 8) & os.O_ACCMODE != os.O_RDONLY
    return False
