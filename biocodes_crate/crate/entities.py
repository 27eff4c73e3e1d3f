"""Entities of a flat JSON-LD graph: building them in order, and reading them without trust."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from biocodes_crate.crate.ids import display
from biocodes_crate.crate.terms import ALWAYS_ARRAYS, ISCC_TERM, ISCC_UNITS_TERM
from biocodes_crate.errors import NotACrate

Entity = dict[str, Any]

MOST_TYPES = 100
"""Of one entity that are looked at: many entities may refer to one of a million types."""
_MOST_VALUES = 100  # that are looked through for the first of a kind


class Graph:
    """Entities in the order in which they came, each `@id` once."""

    def __init__(self) -> None:
        self._entities: dict[str, Entity] = {}

    def add(self, entity_id: str, types: str | list[str], /, **properties: Any) -> dict[str, str]:
        """Add an entity, leaving out what is None or empty, and return a reference to it."""
        if entity_id in self._entities:
            raise ValueError(f"two entities would have the id {entity_id}")
        self._entities[entity_id] = {"@id": entity_id, "@type": types}
        self.update(entity_id, **properties)
        return ref(entity_id)

    def update(self, entity_id: str, /, **properties: Any) -> None:
        """Add properties to an entity that is there already."""
        for key, value in properties.items():
            if value is not None and value not in ([], ""):
                self._entities[entity_id][key] = _clean(_compact(key, value))

    def add_once(self, entity_id: str, types: str | list[str], /, **properties: Any) -> dict[str, str]:
        """Add an entity that several others share."""
        return ref(entity_id) if entity_id in self._entities else self.add(entity_id, types, **properties)

    def add_code(self, code: str) -> dict[str, str]:
        """Add the `PropertyValue` of an ISCC."""
        kind = code_kind(code)
        unit = kind in {"Image-Code", "Data-Code", "Instance-Code"}
        return self.add_once(
            code,
            "PropertyValue",
            name=kind or "ISCC",
            propertyID=ref(ISCC_UNITS_TERM if unit else ISCC_TERM),
            value=code,
        )

    def entities(self) -> list[Entity]:
        return list(self._entities.values())


def ref(entity_id: str) -> dict[str, str]:
    """A reference to an entity."""
    return {"@id": entity_id}


class Index:
    """The entities of untrusted metadata by `@id`; every accessor copes with any JSON."""

    def __init__(self, metadata: Mapping[str, Any]) -> None:
        graph = metadata.get("@graph")
        if not isinstance(graph, list):
            raise NotACrate(
                "the metadata has no '@graph' list", remedy="Write the metadata as flattened, compacted JSON-LD."
            )
        self._entities: dict[str, Entity] = {}
        for entity in graph:
            if isinstance(entity, dict) and isinstance(entity.get("@id"), str):
                self._entities.setdefault(entity["@id"], entity)

    def get(self, entity_id: str | None) -> Entity:
        """The entity, or an empty one."""
        return self._entities.get(entity_id, {}) if entity_id is not None else {}

    def __contains__(self, entity_id: str) -> bool:
        return entity_id in self._entities

    def __iter__(self) -> Iterator[Entity]:
        return iter(self._entities.values())

    def of_type(self, name: str) -> Iterator[Entity]:
        return (entity for entity in self if name in types(entity))

    def follow(self, entity: Mapping[str, Any], key: str) -> list[Entity]:
        """The entities that a property refers to and that exist, in order."""
        return [self._entities[target] for target in refs(entity, key) if target in self._entities]


def types(entity: Mapping[str, Any]) -> tuple[str, ...]:
    """The types of an entity, no more than `MOST_TYPES`."""
    return tuple(value for value in islice(_listed(entity.get("@type")), MOST_TYPES) if isinstance(value, str))


def refs(entity: Mapping[str, Any], key: str) -> list[str]:
    """The ids that a property refers to."""
    return list(_refs(_listed(entity.get(key))))


def first_refs(entity: Mapping[str, Any], key: str) -> Iterator[str]:
    """The ids that the first values of a property refer to: all of them, unless the crate is hostile.

    For values of entities that others share: looking through a long list for each of them takes quadratic time.
    """
    return _refs(_first(entity, key))


def first_ref(entity: Mapping[str, Any], key: str) -> str | None:
    return next(first_refs(entity, key), None)


def text(entity: Mapping[str, Any], key: str) -> str | None:
    """A property's first text."""
    return next((value for value in _first(entity, key) if isinstance(value, str)), None)


def number(entity: Mapping[str, Any], key: str) -> float | None:
    """A property's first number, finite."""
    for value in _first(entity, key):
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300 and not _nan(value):
            return value
    return None


def integer(entity: Mapping[str, Any], key: str) -> int | None:
    """A property's first whole number, however it is written."""
    value = number(entity, key)
    return int(value) if value is not None and value == int(value) else None


def code_kind(code: str) -> str | None:
    """What an ISCC is, from its header (ISO 24138, section "ISCC-HEADER"); None if it is no ISCC that we know."""
    body = code.removeprefix("ISCC:")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    if len(body) < 10 or any(char not in alphabet for char in body):
        return None
    bits = alphabet.index(body[0]) << 5 | alphabet.index(body[1])
    main, sub = bits >> 6, bits >> 2 & 0xF
    match main, sub:
        case 2, 1:
            return "Image-Code"
        case 3, 0:
            return "Data-Code"
        case 4, 0:
            return "Instance-Code"
        case 5, 5 | 7:  # 7: wide
            return "ISCC-SUM"
        case 5, _:
            return "ISCC-CODE"
    return None


def _refs(values: Iterable[Any]) -> Iterator[str]:
    return (value["@id"] for value in values if isinstance(value, dict) and isinstance(value.get("@id"), str))


def _first(entity: Mapping[str, Any], key: str) -> Iterator[Any]:
    return islice(_listed(entity.get(key)), _MOST_VALUES)


def _listed(value: Any) -> Iterable[Any]:
    if value is None:
        return ()
    return value if isinstance(value, list) else (value,)


def _nan(value: float) -> bool:
    return isinstance(value, float) and math.isnan(value)


def _compact(key: str, value: Any) -> Any:
    # RO-Crate 1.3: single values are not wrapped, unless the context says that the term is a set.
    if key in ALWAYS_ARRAYS:
        return value if isinstance(value, list) else [value]
    if isinstance(value, list) and len(value) == 1:
        return value[0]
    return value


def _clean(value: Any) -> Any:
    """Text of foreign metadata may hold lone surrogates, which no UTF-8 file can."""
    if isinstance(value, str):
        return value if _encodable(value) else display(value)
    if isinstance(value, list):
        return [_clean(item) for item in value]
    return value


def _encodable(value: str) -> bool:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
