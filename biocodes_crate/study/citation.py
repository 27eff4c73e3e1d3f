"""`CITATION.cff` says what `study.yaml` leaves out (Citation File Format 1.2.0)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from biocodes_crate.errors import BadManifest
from biocodes_crate.findings import Finding, Severity
from biocodes_crate.study.load import load_yaml
from biocodes_crate.study.manifest import Author, Manifest

CITATION = "CITATION.cff"
_ORCID = re.compile(r"(?:https?://orcid\.org/)?([0-9]{4}-[0-9]{4}-[0-9]{4}-[0-9]{3}[0-9X])")
_SPDX = re.compile(r"[A-Za-z0-9][A-Za-z0-9.+-]{0,99}")
_DOI = re.compile(r"(?:https?://(?:dx\.)?doi\.org/|doi:)?(10\.[0-9]{4,9}/\S{1,480})")


def complete(manifest: Manifest, root: Path) -> tuple[Manifest, tuple[Finding, ...]]:
    """The manifest with its gaps filled from `CITATION.cff`, if there is one.

    A file that cannot be read is a finding: nobody is kept from building by it.
    """
    path = root / CITATION
    if not path.is_file() or path.is_symlink():
        return manifest, ()
    try:
        value = load_yaml(path).value
    except BadManifest as error:
        finding = Finding("citation-unreadable", Severity.WARNING, CITATION, error.message, error.remedy)
        return manifest, (finding,)
    if not isinstance(value, Mapping):
        return manifest, (Finding("citation-unreadable", Severity.WARNING, CITATION, "it is not a mapping of keys"),)
    return (
        replace(
            manifest,
            title=manifest.title or _text(value, "title"),
            description=manifest.description or _text(value, "abstract"),
            license=manifest.license or _license(value.get("license")),
            authors=manifest.authors or _authors(value.get("authors")),
            keywords=manifest.keywords or _keywords(value.get("keywords")),
            publication=manifest.publication or _publication(value.get("preferred-citation")),
        ),
        (),
    )


def _text(value: Mapping[str, Any], key: str) -> str | None:
    text = value.get(key)
    return text.strip()[:50_000] or None if isinstance(text, str) else None


def _license(value: Any) -> str | None:
    first = value[0] if isinstance(value, list) and value else value
    return first if isinstance(first, str) and _SPDX.fullmatch(first) else None


def _authors(value: Any) -> tuple[Author, ...]:
    people = [person for person in value if isinstance(person, Mapping)] if isinstance(value, list) else []
    return tuple(author for author in map(_author, people) if author is not None)


def _author(person: Mapping[str, Any]) -> Author | None:
    given, family = _text(person, "given-names"), _text(person, "family-names")
    family = " ".join(part for part in (_text(person, "name-particle"), family) if part)
    name = f"{family}, {given}" if family and given else family or given or _text(person, "name")
    if not name:
        return None
    orcid = _ORCID.fullmatch(_text(person, "orcid") or "")
    return Author(name[:500], orcid[1] if orcid else None, _text(person, "affiliation"))


def _keywords(value: Any) -> tuple[str, ...]:
    return tuple(word for word in value if isinstance(word, str) and word) if isinstance(value, list) else ()


def _publication(value: Any) -> str | None:
    doi = _DOI.fullmatch(_text(value, "doi") or "") if isinstance(value, Mapping) else None
    return doi[1] if doi else None
