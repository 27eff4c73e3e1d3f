"""TREEWALK over files that do not lie on disk by themselves, such as those of a zip: the same codes."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePosixPath
from typing import IO

from pathspec import PathSpec
from pathspec.patterns.gitignore.spec import GitIgnoreSpecPattern

from biocodes_crate.codes.model import TreeCode
from biocodes_crate.codes.treewalk import IGNORE_FILE, METADATA_SUFFIX, Rules, _is_ignored, _sort_key
from biocodes_crate.codes.units import SumHasher
from biocodes_crate.errors import UnreadableImage

OpenFile = Callable[[str], IO[bytes]]
_MAX_IGNORE_BYTES = 2**20


def packed_tree_code(path: str, files: Iterable[str], open_file: OpenFile) -> TreeCode:
    """The code of a file, or of a folder in TREEWALK order, as :func:`~.treewalk.tree_code` gives it for one on disk.

    Parameters
    ----------
    path
        The file or folder, with slashes.
    files
        Every file there is, or at least those below `path`.
    open_file
        Opens one of them.

    Raises
    ------
    UnreadableImage
        A file cannot be read.
    """
    known = set(files)
    if path in known:
        return _code([path], open_file)
    prefix = f"{path}/"
    inside = sorted(
        (PurePosixPath(name.removeprefix(prefix)) for name in known if name.startswith(prefix)), key=_sort_key
    )
    return _code((prefix + str(name) for name in _kept(inside, lambda name: open_file(prefix + name))), open_file)


def packed_payload_code(files: Iterable[str], open_file: OpenFile) -> TreeCode:
    """One code for some files in TREEWALK order, as :func:`~.treewalk.payload_code` gives it for files on disk."""
    names = {PurePosixPath(name) for name in files if not name.endswith(METADATA_SUFFIX)}
    return _code((str(name) for name in sorted(names, key=_sort_key)), open_file)


def _kept(files: list[PurePosixPath], open_file: OpenFile) -> Iterator[PurePosixPath]:
    """Files in their order, without those that rules of the folders above them leave out."""
    rules: dict[PurePosixPath, Rules | None] = {}
    present = set(files)

    def rules_of(folder: PurePosixPath) -> Rules | None:
        if folder not in rules:
            above = rules_of(folder.parent) if folder != PurePosixPath() else None
            ignore_file = folder / IGNORE_FILE
            if ignore_file in present and not _is_ignored_folder(folder):
                own = _read_rules(str(ignore_file), open_file)
                rules[folder] = own if above is None else above + own
            else:
                rules[folder] = above
        return rules[folder]

    def _is_ignored_folder(folder: PurePosixPath) -> bool:
        return any(_is_ignored(part, rules_of(part.parent)) for part in _within(folder))

    for file in files:
        if file.name.endswith(METADATA_SUFFIX) or _is_ignored_folder(file.parent):
            continue
        if not _is_ignored(file, rules_of(file.parent)):
            yield file


def _within(folder: PurePosixPath) -> list[PurePosixPath]:
    """A folder and those above it, below the root."""
    return [part for part in (folder, *folder.parents) if part != PurePosixPath()]


def _read_rules(name: str, open_file: OpenFile) -> Rules:
    with open_file(name) as stream:
        content = stream.read(_MAX_IGNORE_BYTES + 1)
    if len(content) > _MAX_IGNORE_BYTES:
        raise UnreadableImage("it is too large for a list of patterns", where=name, remedy="Shorten it.")
    try:
        return PathSpec.from_lines(GitIgnoreSpecPattern, content.decode("utf-8").splitlines())
    except ValueError as error:
        raise UnreadableImage(f"it holds no patterns ({error})", where=name, remedy="Write it as UTF-8.") from error


def _code(files: Iterable[str], open_file: OpenFile) -> TreeCode:
    hasher = SumHasher()
    for name in files:
        try:
            with open_file(name) as stream:
                while data := stream.read(SumHasher.BEST_SIZE):
                    hasher.update(data)
        except (
            OSError,
            EOFError,
            ValueError,
            RuntimeError,
            NotImplementedError,
            zipfile.BadZipFile,
            zlib.error,
        ) as error:
            raise UnreadableImage(
                f"it cannot be read ({error})", where=name, remedy="Fetch or pack the zip again."
            ) from error
    result = hasher.finish()
    data_unit, instance_unit = result["units"]
    return TreeCode(result["iscc"], (data_unit, instance_unit), result["datahash"], result["filesize"])
