"""`study.yaml` becomes a :class:`Manifest`, once, at the door."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jsonschema

from biocodes_crate.errors import BadManifest
from biocodes_crate.resources import resource
from biocodes_crate.study.load import Key, Loaded, load_yaml
from biocodes_crate.study.manifest import (
    Author,
    DeclaredFigure,
    DeclaredImage,
    DeclaredPanel,
    DeclaredProjection,
    DeclaredSource,
    Manifest,
    Region,
)

STUDY_YAML = "study.yaml"


def read_manifest(path: Path) -> Manifest:
    """Read `study.yaml`.

    Raises
    ------
    BadManifest
        It is not YAML, or does not fit `schemas/study.schema.json`. All misfits are named, with
        their lines.
    """
    loaded = load_yaml(path)
    _check(loaded, path)
    return _manifest(loaded.value or {})


def _check(loaded: Loaded, path: Path) -> None:
    schema = json.loads(resource("schemas", "study.schema.json").read_bytes())
    validator = jsonschema.Draft202012Validator(schema)
    found: dict[str, int] = {}
    for error in validator.iter_errors(loaded.value):
        key: Key = tuple(error.absolute_path)
        line = loaded.line((*key, *_unknown_keys(error)[:1]))
        found.setdefault(f"line {line}: {_explain(key, error)}", line)
        if len(found) >= 20:
            break
    if found:
        raise BadManifest(
            "; ".join(sorted(found, key=lambda message: found[message])),
            where=path,
            remedy="Correct it there; `crate init` in an empty folder shows a commented example.",
        )


def _unknown_keys(error: jsonschema.ValidationError) -> list[str]:
    schema: Any = error.schema
    value: Any = error.instance
    if error.validator != "additionalProperties":
        return []
    return [key for key in value if key not in schema.get("properties", {})]


def _explain(key: Key, error: jsonschema.ValidationError) -> str:
    rule: Any = error.validator_value
    value: Any = error.instance
    name = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in key).lstrip(".") or "the file"
    schema: Any = error.schema
    described = schema.get("description")
    hint = f" It is meant to be: {described[:1].lower()}{described[1:].rstrip('.')}" if described else ""
    match error.validator:
        case "additionalProperties":
            known = set(schema.get("properties", {}))
            unknown = ", ".join(f"'{other}'" for other in _unknown_keys(error))
            return f"{name} has the unknown key {unknown} (known are {', '.join(sorted(known))})"
        case "required":
            missing = ", ".join(f"'{other}'" for other in rule if other not in value)
            return f"{name} lacks {missing}"
        case "not":
            return f"{name} names both 'z' and 'projection'; a source is one or the other"
        case "type":
            wanted = rule
            kinds = " or ".join(kind for kind in ([wanted] if isinstance(wanted, str) else wanted) if kind != "null")
            return f"{name} is {_short(value)}, not {_a(kinds)}." + hint
        case "enum":
            words = ", ".join(str(word) for word in rule if word is not None)
            return f"{name} is {_short(value)}, not one of {words}"
        case "pattern":
            return f"{name} is {_short(value)}, which has not the right form." + hint
        case _:
            return f"{name} is {_short(value)}, which does not fit." + hint


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else f"{text[:57]}…"


def _a(kinds: str) -> str:
    words = kinds.replace("string", "text").replace("array", "list").replace("object", "mapping")
    return ("an " if words[:1] in "aeiou" else "a ") + words


def _manifest(value: Mapping[str, Any]) -> Manifest:
    return Manifest(
        title=_text(value, "title"),
        description=_text(value, "description"),
        license=_text(value, "license"),
        authors=tuple(_author(author) for author in value.get("authors") or ()),
        keywords=tuple(value.get("keywords") or ()),
        publication=_text(value, "publication"),
        funding=tuple(value.get("funding") or ()),
        organism=_text(value, "organism"),
        imaging_method=_text(value, "imaging_method"),
        images=tuple(_image(image) for image in value.get("images") or ()),
        figures=tuple(_figure(figure) for figure in value.get("figures") or ()),
        exclude=tuple(value.get("exclude") or ()),
    )


def _text(value: Mapping[str, Any], key: str) -> str | None:
    text = value.get(key)
    return text.strip() or None if text is not None else None


def _path(value: str) -> str:
    """Tidy: one slash between parts, none at the end, no `.`; NFC, as names are compared."""
    return "/".join(part for part in unicodedata.normalize("NFC", value).split("/") if part not in {"", "."})


def _author(value: Mapping[str, Any]) -> Author:
    orcid, ror = _text(value, "orcid"), _text(value, "ror")
    return Author(
        name=value["name"].strip(),
        orcid=orcid.removeprefix("https://orcid.org/") if orcid else None,
        affiliation=_text(value, "affiliation"),
        ror=ror.removeprefix("https://ror.org/") if ror else None,
    )


def _image(value: Mapping[str, Any]) -> DeclaredImage:
    return DeclaredImage(
        path=_path(value["path"]),
        description=_text(value, "description"),
        digital_source=value.get("digital_source"),
        omero_id=value.get("omero_id"),
    )


def _figure(value: Mapping[str, Any]) -> DeclaredFigure:
    return DeclaredFigure(
        path=_path(value["path"]),
        caption=_text(value, "caption"),
        digital_source=value.get("digital_source"),
        panels=tuple(_panel(panel) for panel in value.get("panels") or ()),
    )


def _panel(value: Mapping[str, Any]) -> DeclaredPanel:
    box = value.get("box")
    return DeclaredPanel(
        label=_text(value, "label"),
        box=(box[0], box[1], box[2], box[3]) if box else None,
        page=value.get("page"),
        digital_source=value.get("digital_source"),
        sources=tuple(_source(source) for source in value.get("sources") or ()),
    )


def _source(value: Mapping[str, Any]) -> DeclaredSource:
    region, projection = value.get("region"), value.get("projection")
    return DeclaredSource(
        image=_path(value["image"]),
        scene=value.get("scene"),
        z=value.get("z"),
        c=value.get("c"),
        t=value.get("t"),
        region=Region(*region) if region else None,
        projection=_projection(projection) if projection else None,
    )


def _projection(value: str | Mapping[str, Any]) -> DeclaredProjection:
    if isinstance(value, str):
        return DeclaredProjection(value)
    first, last = value.get("z") or (None, None)
    return DeclaredProjection(value["kind"], first, last)
