"""The structure of single entities, by the JSON Schema `schemas/crate.schema.json`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

import jsonschema

from biocodes_crate.crate.entities import Entity, Index, types
from biocodes_crate.resources import resource
from biocodes_crate.validation.rules import Findings


def check_shapes(index: Index, root: Entity, found: Findings) -> None:
    """Check every entity whose types the profile knows.

    The schema as a whole tries each branch on each entity; here an entity meets only the branches of
    its own types, which is what keeps crates of 20,000 entities quick.
    """
    for entity in index:
        for name in _definitions(entity, root):
            for error in _errors(name, entity):
                _report(entity, error, found)


def schema(name: str) -> dict[str, Any]:
    """A JSON Schema that ships with the package."""
    loaded: dict[str, Any] = json.loads(resource("schemas", name).read_text(encoding="utf-8"))
    return loaded


def _definitions(entity: Entity, root: Entity) -> Iterator[str]:
    if entity is root:
        yield "Root"
        return
    if entity["@id"] == "ro-crate-metadata.json":
        yield "Descriptor"
        return
    kinds = types(entity)
    known = _validator().schema["$defs"]
    for kind in dict.fromkeys(kinds):
        # A measurement is a PropertyValue too, but its value is a number.
        measured = kind == "PropertyValue" and "QualityMeasurement" in kinds
        if kind in known and kind[:1].isupper() and kind not in _CHOSEN and not measured:
            yield kind
    data = "File" in kinds or "Dataset" in kinds
    if data and "ImageObject" in kinds:
        yield "Figure" if "figurePage" in entity else "Image"
    elif "File" in kinds:
        yield "File"


_CHOSEN = frozenset({"Root", "Descriptor", "Figure", "Image", "File"})


@cache
def _validator() -> Any:
    return jsonschema.Draft202012Validator(schema("crate.schema.json"))


@cache
def _validator_of(name: str) -> Any:
    whole = _validator()
    return whole.evolve(schema={"$ref": f"#/$defs/{name}", "$defs": whole.schema["$defs"]})


def _errors(name: str, entity: Entity) -> Iterable[Any]:
    return _validator_of(name).iter_errors(entity)  # type: ignore[no-any-return]


def _report(entity: Entity, error: Any, found: Findings) -> None:
    key = next((part for part in error.absolute_path if isinstance(part, str)), None)
    if error.validator == "required":
        for missing in error.validator_value:
            if key is None and missing not in entity:
                found.add("property-missing", entity["@id"], f"'{missing}' is missing", key=missing)
        return
    said = json.dumps(entity.get(key) if key is not None else error.instance, ensure_ascii=False)
    wanted = error.schema.get("description") if isinstance(error.schema, dict) else None
    rule = f"'{error.validator}' of the schema" if wanted is None else wanted
    shown = said if len(said) <= 120 else f"{said[:119]}…"
    found.add("property-invalid", entity["@id"], f"'{key}' is {shown}; expected: {rule}", key=key)
