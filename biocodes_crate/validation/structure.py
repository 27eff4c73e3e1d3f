"""The rules of RO-Crate itself, for any crate of 1.1 to 1.3: one pass over the entities, nothing fetched."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import biocodes_crate.crate as crate_package
from biocodes_crate.crate import id_to_path
from biocodes_crate.crate.entities import MOST_TYPES, Entity, Index, first_ref, refs, text, types
from biocodes_crate.crate.terms import PROFILE
from biocodes_crate.errors import UnsafePath
from biocodes_crate.validation.rules import Findings

_CONTEXT = re.compile(r"https?://w3id\.org/ro/crate/(1\.[123])(?:-DRAFT)?/context")
_VERSION = re.compile(r"https?://w3id\.org/ro/crate/1\.[123](?:-DRAFT)?/?")
_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_NO_IRI = re.compile(r'[\s<>"{}|\\^`\x00-\x1f]')
_DATE = re.compile(r"[0-9]{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01])(T[0-9:.,]+(Z|[+-][0-9:]+)?)?)?)?")
_DATA = frozenset({"File", "Dataset"})


def check_structure(metadata: Mapping[str, Any], found: Findings) -> tuple[Index, Entity]:
    """Check the rules of RO-Crate; give the entities, and the root (empty if there is none)."""
    terms = _check_context(metadata.get("@context"), found)
    index = _check_entities(metadata["@graph"], terms, found)
    root = _check_root(index, found)
    _check_parts(index, root, found)
    for key in ("hasPart", "isPartOf"):
        _check_circles(index, key, found)
    return index, root


def is_absolute(entity_id: str) -> bool:
    """Whether an id is an IRI of its own, not a path within the crate."""
    return _ABSOLUTE.match(entity_id) is not None


def data_entities(index: Index, root: Entity) -> list[Entity]:
    """Files and folders, except the root."""
    return [
        entity
        for entity in index
        if _DATA.intersection(types(entity)) and not entity["@id"].startswith("#") and entity is not root
    ]


def _check_context(context: Any, found: Findings) -> frozenset[str] | None:
    """The terms that the context defines; None where it cannot be told."""
    parts = context if isinstance(context, list) else [context]
    terms: set[str] = set()
    known = complete = False
    for part in parts:
        if isinstance(part, str) and (match := _CONTEXT.fullmatch(part)):
            terms |= _shipped_terms(match[1])
            known = True
        elif isinstance(part, str):
            found.add("context-remote", "ro-crate-metadata.json", f"the context {part} is not fetched", key="@context")
            complete = True
        elif isinstance(part, dict):
            for address in _named_contexts(part):
                message = f"the context {address} is not fetched"
                found.add("context-remote", "ro-crate-metadata.json", message, key="@context")
            terms |= {key for key, value in part.items() if value is not None}
            if "@import" in part or "@vocab" in part:
                complete = True
    if not known:
        found.add(
            "context-missing", "ro-crate-metadata.json", "RO-Crate's context is not among the contexts", key="@context"
        )
    return None if complete or not known else frozenset(terms)


def _named_contexts(context: dict[str, Any]) -> Iterator[str]:
    """Other contexts that an inline one refers to: by import, or for the values of a term."""
    scoped = [term["@context"] for term in context.values() if isinstance(term, dict) and "@context" in term]
    for value in (
        context.get("@import"),
        *(one for part in scoped for one in (part if isinstance(part, list) else [part])),
    ):
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            yield from _named_contexts(value)


@cache
def _shipped_terms(version: str) -> frozenset[str]:
    path = Path(crate_package.__file__).parent / "contexts" / f"{version}.jsonld"
    return frozenset(json.loads(path.read_text(encoding="utf-8"))["@context"])


def _check_entities(graph: list[Any], terms: frozenset[str] | None, found: Findings) -> Index:
    normal: dict[str, str] = {}
    seen: set[str] = set()
    for position, entity in enumerate(graph):
        where = _name(entity, position)
        if not isinstance(entity, dict) or not isinstance(entity.get("@id"), str) or not entity["@id"]:
            found.add("entity-malformed", where, "is no object with an '@id' that is text", key="@id")
            continue
        if isinstance(entity.get("@type"), list) and len(entity["@type"]) > MOST_TYPES:
            found.add("entity-malformed", where, f"has more than {MOST_TYPES} types", key="@type")
        if not types(entity):
            found.add("entity-malformed", where, "has no '@type'", key="@type")
        if entity["@id"] in seen:
            found.add("id-duplicate", where, "is the id of more than one entity", key="@id")
            continue
        seen.add(entity["@id"])
        _check_id(entity, normal, found)
        for key, value in entity.items():
            if not key.startswith("@"):
                _check_value(where, key, value, found)
                if terms is not None and key not in terms and ":" not in key:
                    found.add("term-undefined", where, f"'{key}' is not a term of the context", key=key)
    return Index({"@graph": graph})


def _name(entity: Any, position: int) -> str:
    if isinstance(entity, dict) and isinstance(entity.get("@id"), str):
        return str(entity["@id"])
    return f"@graph[{position}]"


def _check_id(entity: Entity, normal: dict[str, str], found: Findings) -> None:
    entity_id = entity["@id"]
    if _NO_IRI.search(entity_id):
        found.add("id-encoding", entity_id, "holds a character that an IRI cannot", key="@id")
    # Tools drop the slash of "#a/", and systems compare names in their own normal form.
    same = unicodedata.normalize("NFC", unquote(entity_id)).removeprefix("./").rstrip("/")
    if same and normal.setdefault(same, entity_id) != entity_id:
        found.add("id-collision", entity_id, f"is the same as {normal[same]} once normalised", key="@id")
    if not _DATA.intersection(types(entity)) or entity_id in {"./", "."} or entity_id.startswith("#"):
        return
    if entity_id.lower().startswith("file:"):
        found.add("id-unsafe", entity_id, "names a file of this computer", key="@id")
    elif not is_absolute(entity_id):
        try:
            id_to_path(entity_id)
        except UnsafePath as error:
            found.add("id-unsafe", entity_id, error.message, key="@id")


def _check_value(entity_id: str, key: str, value: Any, found: Findings) -> None:
    for item in value if isinstance(value, list) else (value,):
        if isinstance(item, list):
            found.add("value-nested", entity_id, f"'{key}' holds a list within a list", key=key)
        elif isinstance(item, dict) and set(item) != {"@id"} and "@value" not in item:
            found.add("value-nested", entity_id, f"'{key}' holds a nested object", key=key)
        elif isinstance(item, dict) and "@id" in item and not isinstance(item["@id"], str):
            found.add("value-nested", entity_id, f"'{key}' holds a reference that is no text", key=key)


def _check_root(index: Index, found: Findings) -> Entity:
    descriptor = index.get("ro-crate-metadata.json") or next(
        (e for e in index if e["@id"].rsplit("/", 1)[-1].endswith("ro-crate-metadata.json") and "about" in e), {}
    )
    root_id = first_ref(descriptor, "about")
    if not descriptor or root_id is None:
        found.add("descriptor-missing", "ro-crate-metadata.json", "is not described, or not about a root", key="about")
        root_id = "./"
    elif not any(_VERSION.fullmatch(version) for version in refs(descriptor, "conformsTo")):
        found.add("version-unknown", descriptor["@id"], "conforms to no version that we know", key="conformsTo")
    root = index.get(root_id)
    if "Dataset" not in types(root):
        found.add("root-missing", root_id, "is not in the metadata as a Dataset", key="@type")
        return root
    for key in ("name", "description", "datePublished"):
        if not text(root, key):
            found.add("root-incomplete", root_id, f"'{key}' is missing or no text", key=key)
    date = text(root, "datePublished")
    if date and not _DATE.fullmatch(date):
        found.add("root-incomplete", root_id, f"'datePublished' is no ISO 8601 date: {date}", key="datePublished")
    if not refs(root, "license") and not text(root, "license"):
        found.add("root-incomplete", root_id, "'license' is missing", key="license")
    if PROFILE not in refs(root, "conformsTo"):
        found.add("profile-not-claimed", root_id, f"'conformsTo' does not name {PROFILE}", key="conformsTo")
        found.lenient = True
    return root


def _check_circles(index: Index, key: str, found: Findings) -> None:
    """Nothing is a part of itself: a walk along one property meets nothing that it is on the way from."""
    done: set[str] = set()
    for start in index:
        if start["@id"] in done:
            continue
        way: dict[str, Iterator[str]] = {start["@id"]: iter(refs(start, key))}  # in the order of the walk
        while way:
            here, targets = next(reversed(way.items()))
            target = next(targets, None)
            if target is None:
                done.add(here)
                del way[here]
            elif target in way:
                found.add("part-circular", here, f"'{key}' leads back to {target}", key=key)
            elif target in index and target not in done:
                way[target] = iter(refs(index.get(target), key))


def _check_parts(index: Index, root: Entity, found: Findings) -> None:
    reached: set[str] = set()
    pending = [root] if root else []
    while pending:  # each entity once, so that cycles end
        entity = pending.pop()
        parts = refs(entity, "hasPart")
        for part, times in Counter(parts).items():
            if times > 1:
                found.add("part-duplicate", part, f"is listed {times} times by {entity['@id']}", key="hasPart")
        for part in parts:
            if part in reached:
                continue
            reached.add(part)
            if part not in index:
                found.add("part-missing", part, f"is part of {entity['@id']}, but not in the metadata", key="hasPart")
            else:
                pending.append(index.get(part))
    for entity in data_entities(index, root):
        # The preview and the descriptor belong to the crate, not to its data.
        if entity["@id"] not in reached and not entity["@id"].endswith(
            ("ro-crate-metadata.json", "ro-crate-preview.html")
        ):
            found.add("part-unlisted", entity["@id"], "is not among the parts of the root", key="hasPart")
    for entity in index:
        for key in entity:
            if key == "hasPart" or key.startswith("@"):
                continue
            for target in refs(entity, key):
                if target not in index and (target.startswith("#") or not is_absolute(target)):
                    found.add(
                        "reference-dangling",
                        entity["@id"],
                        f"'{key}' refers to {target}, which is not described",
                        key=key,
                    )
