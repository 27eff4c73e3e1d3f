"""YAML from strangers: bounded, without aliases that explode, with the line of every value."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from biocodes_crate.errors import BadManifest

MAX_BYTES = 4 << 20
MAX_DEPTH = 40
MAX_NODES = 300_000  # after aliases are followed

Key = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Loaded:
    """A value made of what JSON knows, and the line (from 1) of each key and item in it."""

    value: Any
    lines: dict[Key, int]

    def line(self, key: Key) -> int:
        """The line of a key, or of the nearest one around it."""
        return next((self.lines[key[:end]] for end in range(len(key), -1, -1) if key[:end] in self.lines), 1)


def load_yaml(path: Path) -> Loaded:
    """Read a small YAML file of a person's making.

    Scalars are those of YAML 1.2: `No` is a text, `012` is the number 12, and a date is a text.

    Raises
    ------
    BadManifest
        It is too large, not YAML, or not what JSON could hold.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadManifest(
            f"it cannot be read ({error.strerror or error})", where=path, remedy="Check its permissions."
        ) from error
    if len(content) > MAX_BYTES:
        raise BadManifest(f"it is larger than {MAX_BYTES >> 20} MiB", where=path, remedy="Shorten it.")
    try:
        text = content.decode("utf-8-sig")
        _check_depth(text, path)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except UnicodeDecodeError as error:
        raise BadManifest("it is not UTF-8 text", where=path, remedy="Save it as UTF-8.") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"line {mark.line + 1}: " if mark is not None else ""
        problem = getattr(error, "problem", None) or str(error)
        raise BadManifest(
            f"{line}it is not YAML ({problem})", where=path, remedy="Check indentation, colons and quotes there."
        ) from error
    maker = _Maker(path)
    return Loaded(None if node is None else maker.make(node, ()), maker.lines)


def _check_depth(text: str, path: Path) -> None:
    """Refuse what the recursive steps after this one could not stand."""
    depth = 0
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.events.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                line = event.start_mark.line + 1 if event.start_mark is not None else 1
                raise BadManifest(
                    f"line {line}: it is nested too deeply", where=path, remedy="Compare with the documentation."
                )
        elif isinstance(event, yaml.events.CollectionEndEvent):
            depth -= 1


class _Maker:
    """Makes values from nodes; keeps count, so that aliases cannot make many of few."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._count = 0
        self._open: set[int] = set()  # nodes around the present one
        self.lines: dict[Key, int] = {}

    def make(self, node: yaml.Node, key: Key) -> Any:
        self._count += 1
        if self._count > MAX_NODES or id(node) in self._open:
            raise self._refuse(node, "its aliases repeat too much", "Write the values out.")
        self.lines.setdefault(key, node.start_mark.line + 1)
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node)
        self._open.add(id(node))
        try:
            if isinstance(node, yaml.SequenceNode):
                return [self.make(item, (*key, i)) for i, item in enumerate(node.value)]
            return self._mapping(node, key)
        finally:
            self._open.discard(id(node))

    def _mapping(self, node: yaml.Node, key: Key) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for name_node, value_node in node.value:
            if not isinstance(name_node, yaml.ScalarNode):
                raise self._refuse(name_node, "a key is not a plain word", "Check the indentation and brackets there.")
            name = str(name_node.value)
            if name in result:
                raise self._refuse(name_node, f"the key '{name}' is there twice", "Remove one of the two.")
            self.lines[(*key, name)] = name_node.start_mark.line + 1
            result[name] = self.make(value_node, (*key, name))
        return result

    def _refuse(self, node: yaml.Node, message: str, remedy: str) -> BadManifest:
        return BadManifest(f"line {node.start_mark.line + 1}: {message}", where=self._path, remedy=remedy)


# The core schema of YAML 1.2.2, section 10.3.2.
_CORE: tuple[tuple[re.Pattern[str], Callable[[str], Any]], ...] = (
    (re.compile(r"null|Null|NULL|~|"), lambda _: None),
    (re.compile(r"true|True|TRUE"), lambda _: True),
    (re.compile(r"false|False|FALSE"), lambda _: False),
    (re.compile(r"[-+]?[0-9]{1,18}"), int),
    (re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?"), float),
)


def _scalar(node: yaml.ScalarNode) -> Any:
    text = str(node.value)
    if node.style is not None or node.tag == "!":  # quoted, or a block
        return text
    for pattern, make in _CORE:
        if pattern.fullmatch(text):
            value = make(text)
            return value if not isinstance(value, float) or math.isfinite(value) else text
    return text
