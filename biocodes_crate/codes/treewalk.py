"""TREEWALK: one code for a file or a folder of files, from their raw bytes.

Order within a folder: names in Unicode NFC sorted by their UTF-8 bytes, first the `.*ignore` files,
then the other files, then the subfolders, depth first. Symbolic links are skipped, and so is what
`.isccignore` files (gitignore patterns) name, and files called `*.iscc.json`.
Source: IEP-0009 TREEWALK; the tool `iscc-sum` gives the same codes.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath
from unicodedata import normalize

from pathspec import PathSpec
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from biocodes_crate.codes.model import TreeCode
from biocodes_crate.codes.units import SumHasher
from biocodes_crate.errors import BiocodesError, UnreadableImage

Rules = PathSpec[GitIgnoreSpecPattern]  # patterns are relative to the root of the walk, as in iscc-sum

IGNORE_FILE = ".isccignore"
METADATA_SUFFIX = ".iscc.json"
_MAX_IGNORE_BYTES = 2**20


def tree_code(path: Path, on_bytes: Callable[[int], None] | None = None) -> TreeCode:
    """The code of a file's bytes, or of all files of a folder in TREEWALK order.

    `on_bytes` is called with the number of bytes read, now and then.
    """
    return _code(walk_tree(path) if path.is_dir() else [path], on_bytes)


def payload_code(root: Path, files: Iterable[Path], on_bytes: Callable[[int], None] | None = None) -> TreeCode:
    """One code for some files below `root`, in TREEWALK order, without duplicates and sidecars (`*.iscc.json`).

    The order and so the code do not depend on where `root` lies.
    """
    relative = {
        PurePosixPath(file.relative_to(root).as_posix()) for file in files if not file.name.endswith(METADATA_SUFFIX)
    }
    return _code((root / path for path in sorted(relative, key=_sort_key)), on_bytes)


def walk_tree(root: Path) -> Iterator[Path]:
    """The files of a folder in TREEWALK order."""
    yield from _walk(root, PurePosixPath(), None)


def _walk(folder: Path, relative: PurePosixPath, rules: Rules | None) -> Iterator[Path]:
    with _readable(folder), os.scandir(folder) as entries:
        listed = [(entry.name, entry.is_dir(), entry.is_file()) for entry in entries if not entry.is_symlink()]
    listed.sort(key=lambda item: _name_key(item[0]))
    if any(name == IGNORE_FILE and is_file for name, _, is_file in listed):
        own = _read_rules(folder / IGNORE_FILE)
        rules = own if rules is None else rules + own  # a later pattern can take back an earlier one
    kept = [item for item in listed if not _is_ignored(relative / item[0], rules)]
    files = [name for name, _, is_file in kept if is_file and not name.endswith(METADATA_SUFFIX)]
    for name in sorted(files, key=lambda name: not _is_ignore_file(name)):  # a stable sort
        yield folder / name
    for name, is_dir, _ in kept:
        if is_dir:
            yield from _walk(folder / name, relative / name, rules)


def _is_ignored(path: PurePosixPath, rules: Rules | None) -> bool:
    return rules is not None and (rules.match_file(str(path)) or rules.match_file(f"{path}/"))


def _read_rules(path: Path) -> Rules:
    with _readable(path):
        if path.stat().st_size > _MAX_IGNORE_BYTES:
            raise UnreadableImage("it is too large for a list of patterns", where=path, remedy="Shorten it.")
        return PathSpec.from_lines(GitIgnoreSpecPattern, path.read_text(encoding="utf-8").splitlines())


def _code(files: Iterable[Path], on_bytes: Callable[[int], None] | None) -> TreeCode:
    hasher = SumHasher()
    for file in files:
        with _readable(file), file.open("rb", buffering=0) as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise OSError("not a regular file")
            while data := stream.read(SumHasher.BEST_SIZE):
                hasher.update(data)
                if on_bytes is not None:
                    on_bytes(len(data))
    result = hasher.finish()
    data_unit, instance_unit = result["units"]
    return TreeCode(result["iscc"], (data_unit, instance_unit), result["datahash"], result["filesize"])


class _readable:  # noqa: N801  # reads like a function
    """Wraps errors of the file system."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, (OSError, ValueError)) and not isinstance(error, BiocodesError):
            raise UnreadableImage(
                f"it cannot be read ({getattr(error, 'strerror', None) or error})",
                where=self._path,
                remedy="Check its permissions.",
            ) from error


def _is_ignore_file(name: str) -> bool:
    return name.startswith(".") and name.endswith("ignore")


def _name_key(name: str) -> tuple[bytes, bytes]:
    return normalize("NFC", name).encode("utf-8", "surrogateescape"), name.encode("utf-8", "surrogateescape")


def _sort_key(path: PurePosixPath) -> list[tuple[int, tuple[bytes, bytes]]]:
    """Where a file comes in a walk: in each folder ignore files (0), other files (1), subfolders (2)."""
    *folders, name = path.parts
    return [*((2, _name_key(folder)) for folder in folders), (0 if _is_ignore_file(name) else 1, _name_key(name))]
