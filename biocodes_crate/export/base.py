"""The IRI that relative ids of a crate are resolved against."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from biocodes_crate.crate.entities import Entity, Index, first_ref
from biocodes_crate.crate.linked_data import BASE
from biocodes_crate.errors import CannotExport
from biocodes_crate.export.model import Place

_URL = re.compile(r"https?://[A-Za-z0-9.-]+(:[0-9]+)?(/[A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?")
_FORBIDDEN = re.compile(r"[\x00-\x20<>\"{}|\\^`\ud800-\udfff]")


def base_of(metadata: Mapping[str, Any], place: Place) -> str:
    """An absolute IRI with a slash at the end: of the place, of the root, or one that stands for any crate."""
    root = root_of(metadata)
    url = place.url if place.url is not None else root.get("@id")
    if place.url is not None:
        check_url(place.url)
    elif not isinstance(url, str) or _URL.fullmatch(url) is None:
        return BASE
    return str(url).partition("?")[0].rstrip("/") + "/"


def root_of(metadata: Mapping[str, Any]) -> Entity:
    """The root of a crate, or an empty entity."""
    index = Index(metadata)
    descriptor = index.get("ro-crate-metadata.json") or next(
        (entity for entity in index if entity["@id"].endswith("ro-crate-metadata.json") and "about" in entity), {}
    )
    return index.get(first_ref(descriptor, "about") or "./")


def check_url(url: str) -> str:
    """The URL, if it is one.

    Raises
    ------
    CannotExport
        It is none.
    """
    if _URL.fullmatch(url) is None:
        raise CannotExport(
            "it is no http or https URL", where=url, remedy="Give the page of the record, such as a DOI's."
        )
    return url


def as_iri(entity_id: str) -> str:
    """An id of anybody without characters that no IRI may hold (RFC 3987, section 2.2)."""
    return _FORBIDDEN.sub(
        lambda found: "".join(f"%{byte:02X}" for byte in found[0].encode("utf-8", "replace")), entity_id
    )
