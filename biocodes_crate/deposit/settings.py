"""`deposit.yaml`: what a record says besides the crate; checked against its schema at the door."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jsonschema

from biocodes_crate.deposit.servers import GB, Limits
from biocodes_crate.errors import BadManifest, BadSettings
from biocodes_crate.resources import resource
from biocodes_crate.study.load import load_yaml

DEPOSIT_YAML = "deposit.yaml"


@dataclass(frozen=True, slots=True)
class Contributor:
    """Somebody who is no author."""

    name: str
    orcid: str | None = None
    affiliation: str | None = None
    role: str = "other"


@dataclass(frozen=True, slots=True)
class Grant:
    funder: str  # name, or ROR identifier
    number: str | None = None
    title: str | None = None


@dataclass(frozen=True, slots=True)
class Related:
    """A work that the record is related to."""

    identifier: str  # DOI or URL
    relation: str
    type: str | None = None


@dataclass(frozen=True, slots=True)
class Settings:
    """`deposit.yaml`. Everything is optional."""

    title: str | None = None
    version: str | None = None
    publication_date: str | None = None
    publisher: str | None = None
    language: str | None = None
    keywords: tuple[str, ...] = ()
    contributors: tuple[Contributor, ...] = ()
    funding: tuple[Grant, ...] = ()
    related: tuple[Related, ...] = ()
    zip_gigabytes: float | None = None
    record_gigabytes: float | None = None

    def limits(self, limits: Limits) -> Limits:
        """The server's limits, as far as nothing else is said."""
        if self.zip_gigabytes is not None:
            limits = replace(limits, zip_bytes=max(1, int(self.zip_gigabytes * GB)))
        if self.record_gigabytes is not None:
            limits = replace(limits, record_bytes=int(self.record_gigabytes * GB))
        return limits


def read_settings(path: Path) -> Settings:
    """Read `deposit.yaml`.

    Raises
    ------
    BadSettings
        It is not YAML, or does not fit `schemas/deposit.schema.json`. All misfits are named, with their lines.
    """
    try:
        loaded = load_yaml(path)
    except BadManifest as error:
        raise BadSettings(error.message, where=path, remedy=error.remedy) from error
    schema = json.loads(resource("schemas", "deposit.schema.json").read_bytes())
    errors = sorted(
        jsonschema.Draft202012Validator(schema).iter_errors(loaded.value), key=lambda e: str(e.absolute_path)
    )
    if errors:
        said = [f"line {loaded.line(tuple(error.absolute_path))}: {_explain(error)}" for error in errors[:20]]
        raise BadSettings(
            "; ".join(dict.fromkeys(said)), where=path, remedy="The keys are described in schemas/deposit.schema.json."
        )
    return settings_from(loaded.value or {})


def settings_from(value: Mapping[str, Any]) -> Settings:
    """Settings from what the schema has let pass."""
    plain = {key: value[key] for key in value if value[key] is not None and not isinstance(value[key], list)}
    return Settings(
        **plain,
        keywords=tuple(value.get("keywords") or ()),
        contributors=tuple(Contributor(**_stated(entry)) for entry in value.get("contributors") or ()),
        funding=tuple(Grant(**_stated(entry)) for entry in value.get("funding") or ()),
        related=tuple(Related(**_stated(entry)) for entry in value.get("related") or ()),
    )


def _stated(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if value is not None}


def _explain(error: jsonschema.ValidationError) -> str:
    key = ".".join(str(part) for part in error.absolute_path)
    # Without values: somebody may have put a token here.
    if error.validator == "additionalProperties" and isinstance(error.instance, Mapping):
        known = set(error.schema.get("properties", ())) if isinstance(error.schema, Mapping) else set()
        unknown = ", ".join(sorted(f"'{name}'" for name in error.instance if name not in known))
        return f"{unknown} is not a key that is known{f' in {key}' if key else ''}"
    if error.validator == "required":
        return f"'{key}': {error.message}"
    expected = error.schema.get("description") if isinstance(error.schema, Mapping) else None
    return f"'{key}' does not fit ({error.validator}{f'; expected: {expected}' if expected else ''})"
