"""Codes remembered from one run to the next, by the state of the files they were made from.

Lives outside of any study, and can be deleted at any time. It saves time and is never evidence:
checks of integrity read the pixels. Nothing in it is ever executed: JSON and arrays, no pickle.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
import sys
import time
import uuid
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biocodes_crate.codes.model import ImageCodes, PlaneCodes, SceneCodes, TreeCode
from biocodes_crate.images import Image, PlaneIndex

VERSION = "1"  # raise when codes, renderings or the form of an entry change
MAX_BYTES = 4 * 2**30
_LOOK_EVERY = 256  # entries written; looking through them all each time would take ever longer
_CODES = "codes.json"
_METADATA = ("zarr.json", ".zattrs", ".zgroup", "OME/METADATA.ome.xml")
_TICK_NS = 20_000_000  # file times are at least this fine, but for FAT with its 2 s
_COARSE_NS = 2_000_000_000


@dataclass(frozen=True, slots=True)
class CachedImage:
    """What is remembered of an image."""

    codes: ImageCodes
    attachments: dict[str, NDArray[Any]] = field(default_factory=dict)  # of other steps, such as an index for tracing


class CodeCache:
    """A folder of entries, bounded in bytes; what was not used for the longest time goes first.

    Safe with several processes: an entry appears whole or not at all. A cache that cannot be read
    or written is an empty one.
    """

    def __init__(self, folder: Path, max_bytes: int = MAX_BYTES) -> None:
        self.folder = folder  # of the whole cache, for what other steps keep beside the codes
        self._folder = folder / f"codes-{VERSION}"
        self._max_bytes = max_bytes
        self._known = max_bytes  # bytes in use, as far as known: at first it has to be looked
        self._puts = 0

    def get(self, key: str) -> CachedImage | None:
        """The entry of a key; None where there is none, or it is damaged."""
        path = self._path(key)
        try:
            with zipfile.ZipFile(path) as archive:
                codes = _codes_from_json(json.loads(archive.read(_CODES)))
                attachments = {
                    name.removesuffix(".npy"): np.lib.format.read_array(
                        io.BytesIO(archive.read(name)), allow_pickle=False
                    )
                    for name in archive.namelist()
                    if name.endswith(".npy")
                }
            os.utime(path)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile, zlib.error, EOFError):
            with contextlib.suppress(OSError):
                path.unlink()
            return None
        return CachedImage(codes, attachments)

    def put(self, key: str, codes: ImageCodes, attachments: dict[str, NDArray[Any]] | None = None) -> None:
        """Remember an image."""
        path = self._path(key)
        temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex}.tmp")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with zipfile.ZipFile(temporary, "w") as archive:
                archive.writestr(_CODES, json.dumps(_codes_to_json(codes)), zipfile.ZIP_DEFLATED)
                for name, array in (attachments or {}).items():
                    buffer = io.BytesIO()
                    np.lib.format.write_array(buffer, np.asanyarray(array), allow_pickle=False)
                    archive.writestr(f"{name}.npy", buffer.getbuffer())
            self._known += temporary.stat().st_size
            temporary.replace(path)
            self._puts += 1
            if self._known > self._max_bytes or self._puts % _LOOK_EVERY == 0:  # others may write too
                self._evict()
        except OSError:
            pass  # a full or read-only disk must not stop the work
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink()

    def clear(self) -> int:
        """Forget everything; returns how many bytes that freed."""
        freed = 0
        for path, status in list(self._entries()):
            with contextlib.suppress(OSError):
                path.unlink()
                freed += status.st_size
        return freed

    def size(self) -> int:
        """Bytes in use."""
        return sum(status.st_size for _, status in self._entries())

    def _path(self, key: str) -> Path:
        if not key.isalnum():
            raise ValueError("a key is hexadecimal")
        return self._folder / key[:2] / key

    def _entries(self) -> Iterator[tuple[Path, os.stat_result]]:
        for path in self._folder.glob("*/*"):
            with contextlib.suppress(OSError):
                yield path, path.stat()

    def _evict(self) -> None:
        entries = sorted(self._entries(), key=lambda entry: entry[1].st_mtime_ns)
        total = sum(status.st_size for _, status in entries)
        for path, status in entries:
            if total <= self._max_bytes:
                break
            with contextlib.suppress(OSError):
                path.unlink()
                total -= status.st_size
        self._known = total


def default_cache() -> CodeCache | None:
    """The user's cache; None where the environment variable BIOCODES_CACHE says "off".

    BIOCODES_CACHE may name another folder. Otherwise it is `biocodes-crate` in XDG_CACHE_HOME, or in
    the platform's folder for caches.
    """
    named = os.environ.get("BIOCODES_CACHE", "")
    if named.lower() == "off":
        return None
    if named:
        return CodeCache(Path(named))
    xdg = os.environ.get("XDG_CACHE_HOME", "")
    if xdg:
        return CodeCache(Path(xdg) / "biocodes-crate")
    try:
        home = Path.home()
    except RuntimeError:
        return None
    if sys.platform == "darwin":
        return CodeCache(home / "Library" / "Caches" / "biocodes-crate")
    if sys.platform == "win32":
        return CodeCache(Path(os.environ.get("LOCALAPPDATA", home / "AppData" / "Local")) / "biocodes-crate" / "Cache")
    return CodeCache(home / ".cache" / "biocodes-crate")


def content_key(image: Image) -> str:
    """A key of the state of an image's files: their paths, sizes and times, and its metadata.

    Waits until the newest file time lies in the past by more than the clock's grain, so that any
    later change gives another key.
    """
    return _settled(lambda: _state(image))


def remember(
    cache: CodeCache | None,
    image: Image,
    make: Callable[[], tuple[ImageCodes, dict[str, NDArray[Any]]]],
    is_complete: Callable[[CachedImage], bool] = lambda _found: True,
) -> CachedImage:
    """What the cache holds of an image, if that is complete, or else what `make` gives.

    That is kept only when the files did not change meanwhile.
    """
    if cache is None:
        return CachedImage(*make())
    key = content_key(image)
    found = cache.get(key)
    if found is not None and is_complete(found):
        return found
    made = CachedImage(*make())
    if content_key(image) == key:
        cache.put(key, made.codes, made.attachments)
    return made


def remember_tree(cache: CodeCache | None, root: Path, files: Sequence[Path], make: Callable[[], TreeCode]) -> TreeCode:
    """The code of files below `root` that the cache holds for their state, or else what `make` gives."""
    if cache is None:
        return make()
    try:
        key = _settled(lambda: _files_state(root, files))
        found = cache.get(key)
        if found is not None:
            return found.codes.tree
        made = make()
        if _files_state(root, files)[0] == key:
            cache.put(key, ImageCodes(made, ()))
    except OSError:  # a file vanished: `make` says which
        return make()
    return made


def clear_cache(folder: Path) -> int:
    """Remove all that any step keeps in the folder of the cache; returns how many bytes that freed."""
    freed = 0
    for path in _kept(folder):
        with contextlib.suppress(OSError):
            size = path.stat().st_size
            path.unlink()
            freed += size
    return freed


def cache_size(folder: Path) -> int:
    """Bytes that the cache takes."""
    total = 0
    for path in _kept(folder):
        with contextlib.suppress(OSError):
            total += path.stat().st_size
    return total


def _kept(folder: Path) -> Iterator[Path]:
    """The files of the cache and nothing else, whatever the folder may hold besides."""
    for part in sorted(folder.glob("*-*")):
        if re.fullmatch(r"(codes|traces)-\w{1,8}", part.name) and part.is_dir() and not part.is_symlink():
            yield from (path for path in part.rglob("*") if path.is_file() and not path.is_symlink())


def _settled(state: Callable[[], tuple[str, int]]) -> str:
    """A state, once the newest time in it lies in the past by more than the clock's grain."""
    while True:
        digest, newest = state()
        grain = _COARSE_NS if newest % 1_000_000_000 == 0 else _TICK_NS
        age = time.time_ns() - newest
        if not 0 <= age < grain:
            return digest
        time.sleep((grain - age) / 1e9)


def _files_state(root: Path, files: Sequence[Path]) -> tuple[str, int]:
    digest = hashlib.sha256(f"files {VERSION} {version('iscc-lib')} {root.absolute()}".encode("utf-8", "replace"))
    newest = 0
    for path in files:
        status = path.stat()
        line = [os.fspath(path.relative_to(root)), status.st_size, status.st_mtime_ns]
        digest.update(json.dumps(line).encode())
        newest = max(newest, status.st_mtime_ns)
    return digest.hexdigest(), newest


def _state(image: Image) -> tuple[str, int]:
    """Digest of the state of the files, and the newest time among them in nanoseconds."""
    digest = hashlib.sha256(f"{VERSION} {version('iscc-lib')}".encode())
    newest = 0
    for path in image.files or (image.path,):
        for name, status in _files(path):
            line = [str(path.absolute()), name, status.st_size, status.st_mtime_ns]
            digest.update(json.dumps(line).encode())
            newest = max(newest, status.st_mtime_ns)
        for name in _METADATA:
            with contextlib.suppress(OSError):
                digest.update((path / name).read_bytes())
    return digest.hexdigest(), newest


def _files(path: Path) -> Iterable[tuple[str, os.stat_result]]:
    """Name and status of a file, or of every file of a folder in a fixed order."""
    if not path.is_dir():
        yield "", path.stat()
        return
    pending = [path]
    while pending:
        folder = pending.pop()
        with os.scandir(folder) as entries:
            listed = sorted(entries, key=lambda entry: entry.name)
        for entry in listed:
            if entry.is_dir(follow_symlinks=False):
                pending.append(Path(entry.path))
            else:
                yield os.path.relpath(entry.path, path), entry.stat(follow_symlinks=entry.is_symlink())


def _codes_to_json(codes: ImageCodes) -> dict[str, Any]:
    tree = codes.tree
    return {
        "tree": [tree.iscc, list(tree.units), tree.datahash, tree.filesize],
        "scenes": [
            [
                scene.scene,
                scene.iscc,
                list(scene.units),
                [[*p.index, p.data_code, p.instance_code, p.image_code] for p in scene.planes],
                scene.plane_bytes,
            ]
            for scene in codes.scenes
        ],
    }


def _codes_from_json(document: dict[str, Any]) -> ImageCodes:
    iscc, (data_unit, instance_unit), datahash, filesize = document["tree"]
    return ImageCodes(
        TreeCode(iscc, (data_unit, instance_unit), datahash, filesize),
        tuple(
            SceneCodes(
                index,
                scene_iscc,
                (units[0], units[1]),
                tuple(PlaneCodes(PlaneIndex(z, c, t), *planes) for z, c, t, *planes in rows),
                plane_bytes,
            )
            for index, scene_iscc, units, rows, plane_bytes in document["scenes"]
        ),
    )
