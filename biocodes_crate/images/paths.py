"""Many paths, of which those in a folder are asked for again and again."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator


class SortedPaths:
    """Paths in order, so that finding a folder's costs no look at the others: a crate may hold a million files."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths = sorted(paths)

    def below(self, folder: str) -> Iterator[str]:
        """Those in a folder and its subfolders, in order."""
        prefix = folder.rstrip("/") + "/"
        for at in range(bisect_left(self._paths, prefix), len(self._paths)):
            if not self._paths[at].startswith(prefix):
                return
            yield self._paths[at]


def folders_of(names: Iterable[str]) -> set[str]:
    """Every folder that a path lies in, near or far."""
    folders: set[str] = set()
    for name in names:
        parent = name.rpartition("/")[0]
        while parent and parent not in folders:
            folders.add(parent)
            parent = parent.rpartition("/")[0]
    return folders
