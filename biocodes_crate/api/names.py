"""Looking things up by path, as a person would: the end of the path is enough where it is unique."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeVar

from biocodes_crate.crate import display

T = TypeVar("T")
_LISTED = 12  # names in a message


class Names(Mapping[str, T]):
    """A mapping by full path that also takes the end of a path, such as ``"fig1.png"``."""

    def __init__(self, items: Mapping[str, T], what: str) -> None:
        self._items = dict(items)
        self._what = what

    def __getitem__(self, name: str) -> T:
        if name in self._items:
            return self._items[name]
        found = [path for path in self._items if path.endswith(f"/{name}")]
        if len(found) == 1:
            return self._items[found[0]]
        if found:
            raise KeyError(f"{name!r} may be any of {_listed(found)}: give more of the path")
        raise KeyError(f"there is no {self._what} {name!r}; there are {_listed(list(self._items)) or 'none'}")

    def __contains__(self, name: object) -> bool:
        try:
            return isinstance(name, str) and self[name] is not None
        except KeyError:
            return False

    def __iter__(self) -> Iterator[str]:
        return iter(self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return f"<{len(self)} {self._what}s: {_listed(list(self._items))}>"


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(display(name) for name in names[:_LISTED]) + more
