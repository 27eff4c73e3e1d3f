"""The metadata of a draft that somebody may have worked on: what they wrote stays, what is ours is renewed.

Pure. An answer of the server is never sent back as it is: it is enriched with what the server then
refuses ("Unknown field").
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from biocodes_crate.deposit.memory import fields_digest
from biocodes_crate.deposit.records import NONCE

Json = dict[str, Any]

_SHARED = frozenset({"identifiers", "related_identifiers"})  # lists that both sides add to


def merge(present: Mapping[str, Any], ours: Mapping[str, Any], marks: Mapping[str, set[str]]) -> tuple[Json, list[str]]:
    """The metadata to send, and the fields that stay as somebody else wrote them.

    Parameters
    ----------
    present
        What the draft has, as the server gives it.
    ours
        What we would write.
    marks
        By field, the marks (:func:`fields_digest`) of values that are not somebody's work on this
        draft: what we wrote before, what a new version has taken over.
    """
    result: Json = {}
    kept: list[str] = []
    for key, value in present.items():
        foreign = value not in (None, "", []) and fields_digest(value) not in marks.get(key, ())
        if foreign and key not in _SHARED:
            result[key] = writable(key, value)
            if key in ours and not _says(value, ours[key]):
                kept.append(key)
    for key, value in ours.items():
        if key not in _SHARED:
            result.setdefault(key, value)
    identifiers = _identifiers(present.get("identifiers"), ours.get("identifiers", []))
    related = _related(present, ours, marks)
    result |= {key: value for key, value in (("identifiers", identifiers), ("related_identifiers", related)) if value}
    return result, kept


def draft_body(present: Mapping[str, Any], metadata: Json, preview: str | None) -> Json:
    """The whole body of an update, with what is not metadata as it is."""
    access: Any = present.get("access")
    access = access if isinstance(access, dict) else {}
    body: Json = {
        "access": {key: access[key] for key in ("record", "files", "embargo") if key in access}
        or {"record": "public", "files": "public"},
        "files": {"enabled": True},
        "metadata": metadata,
    }
    files = present.get("files")
    chosen = files.get("default_preview") if isinstance(files, dict) else None
    if chosen or preview:
        body["files"]["default_preview"] = chosen or preview
    if isinstance(files, dict) and files.get("order"):
        body["files"]["order"] = files["order"]
    if present.get("custom_fields"):
        body["custom_fields"] = {key: _slim(value) for key, value in present["custom_fields"].items()}
    return body


def marks_of(metadata: Mapping[str, Any]) -> dict[str, str]:
    """A mark for each field of metadata as the server gives it."""
    return {key: fields_digest(value) for key, value in metadata.items()}


def writable(key: str, value: Any) -> Any:
    """A field of an answer, in the form in which the server takes it."""
    if key in {"resource_type", "languages", "rights", "subjects"}:
        return [_entry(item) for item in value] if isinstance(value, list) else _entry(value)
    if key in {"creators", "contributors"}:
        return [_person(item) for item in value] if isinstance(value, list) else value
    return _slim(value)


def _entry(value: Any) -> Any:
    """An entry of a vocabulary is named by its id alone; one in words has a few fields."""
    if not isinstance(value, dict):
        return value
    if "id" in value:
        return {"id": value["id"]}
    return {name: value[name] for name in ("title", "description", "link", "subject") if name in value}


def _person(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    person = value.get("person_or_org")
    result: Json = {}
    if isinstance(person, dict):
        names = ("type", "name", "given_name", "family_name", "identifiers")
        result["person_or_org"] = {name: person[name] for name in names if name in person}
        if result["person_or_org"].get("type") == "personal":
            result["person_or_org"].pop("name", None)  # made of the other two
    if isinstance(value.get("affiliations"), list):
        places = [place for place in value["affiliations"] if isinstance(place, dict)]
        result["affiliations"] = [
            {"id": place["id"]} if "id" in place else {"name": place.get("name", "")} for place in places
        ]
    if isinstance(value.get("role"), dict) and "id" in value["role"]:
        result["role"] = {"id": value["role"]["id"]}
    return result


def _slim(value: Any) -> Any:
    """Anything else: where the server has added a title to an id, the id alone."""
    if isinstance(value, list):
        return [_slim(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "id" in value and isinstance(value["id"], str) and "geometry" not in value:
        return {"id": value["id"]}
    return {key: _slim(item) for key, item in value.items()}


def _identifiers(present: Any, ours: list[Json]) -> list[Json]:
    """Ours, and those of others; an ISCC that is not ours is that of an earlier state."""
    others = [
        {name: item[name] for name in ("identifier", "scheme") if name in item}
        for item in (present if isinstance(present, list) else [])
        if isinstance(item, dict) and not str(item.get("identifier", "")).startswith(("ISCC:", NONCE))
    ]
    return [*others, *ours]


def _related(present: Mapping[str, Any], ours: Mapping[str, Any], marks: Mapping[str, set[str]]) -> list[Json]:
    """Those of others, and ours; all of them are ours where nobody has touched them."""
    theirs = present.get("related_identifiers") or []
    mine = list(ours.get("related_identifiers", []))
    if not isinstance(theirs, list) or fields_digest(theirs) in marks.get("related_identifiers", ()):
        return mine
    kept = [_slim_relation(item) for item in theirs if isinstance(item, dict)]
    said = {_relation_key(item) for item in kept}
    return [*kept, *(item for item in mine if _relation_key(item) not in said)]


def _slim_relation(item: Json) -> Json:
    result: Json = {name: item[name] for name in ("identifier", "scheme") if name in item}
    for name in ("relation_type", "resource_type"):
        if isinstance(item.get(name), dict) and "id" in item[name]:
            result[name] = {"id": item[name]["id"]}
    return result


def _relation_key(item: Json) -> tuple[str, str]:
    relation = item.get("relation_type")
    return str(item.get("identifier", "")).lower(), str(relation.get("id", "")) if isinstance(relation, dict) else ""


def _says(value: Any, ours: Any) -> bool:
    """Whether a value of the server's says what ours does, apart from what the server added."""
    if isinstance(ours, dict):
        return isinstance(value, dict) and all(key in value and _says(value[key], ours[key]) for key in ours)
    if isinstance(ours, list):
        return isinstance(value, list) and len(value) == len(ours) and all(map(_says, value, ours))
    return bool(value == ours)
