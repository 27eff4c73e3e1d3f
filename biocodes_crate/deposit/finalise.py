"""The metadata of a crate as it is deposited: with DOI, version, and where its bytes are.

Pure: metadata in, metadata out. The user's own file stays as it is.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from biocodes_crate.crate import METADATA, path_to_id
from biocodes_crate.crate.entities import Entity, Index, first_ref, ref, refs

DOI_SCHEME = "https://registry.identifiers.org/registry/doi"
OURS = "#deposit/"


@dataclass(frozen=True, slots=True)
class Download:
    """A zip of the deposit, as the crate describes it."""

    key: str
    url: str
    holds: tuple[str, ...] = ()  # ids of data entities; empty: all of them


def finalise(
    metadata: dict[str, Any], *, doi: str, version: str, page: str, downloads: Sequence[Download]
) -> dict[str, Any]:
    """Add to the root its DOI, version, page, and `distribution`; what an earlier deposit added goes.

    The same metadata serves in the zip and beside it: the paths that it names lie in the zips that
    `distribution` names.
    """
    final = copy.deepcopy(metadata)
    index = Index(final)
    root_id = first_ref(index.get(METADATA), "about") or "./"
    root = index.get(root_id)
    earlier = {entity["@id"] for entity in index if _is_of_a_deposit(entity)}
    earlier |= {target for target in refs(root, "identifier") if _is_doi(index.get(target))}
    final["@graph"] = [entity for entity in final["@graph"] if not _has_id(entity, earlier)]
    doi_id = f"https://doi.org/{path_to_id(doi)}"
    root["identifier"] = [
        *(value for value in _listed(root.get("identifier")) if not _has_id(value, earlier)),
        ref(doi_id),
    ]
    root["version"] = version
    root["url"] = page
    added: list[Entity] = []
    if doi_id not in index or doi_id in earlier:
        added.append(
            {
                "@id": doi_id,
                "@type": "PropertyValue",
                "name": "DOI",
                "propertyID": ref(DOI_SCHEME),
                "value": f"doi:{doi}",
                "url": doi_id,
            }
        )
    added += [_download(number, len(downloads), download) for number, download in enumerate(downloads, 1)]
    places = [ref(entity["@id"]) for entity in added if entity["@type"] == "DataDownload"]
    root["distribution"] = places[0] if len(places) == 1 else places
    final["@graph"] += added
    return final


def _download(number: int, count: int, download: Download) -> Entity:
    words = (
        "The whole crate as a zip." if count == 1 else f"Part {number} of {count}: unpack all of them into one folder."
    )
    entity: Entity = {
        "@id": f"{OURS}{path_to_id(download.key)}",
        "@type": "DataDownload",
        "name": download.key,
        "description": words,
        "encodingFormat": "application/zip",
        "contentUrl": download.url,
    }
    if count > 1:
        held = [ref(entity_id) for entity_id in download.holds]
        entity["hasPart"] = held
    return entity


def _is_of_a_deposit(entity: Entity) -> bool:
    return str(entity["@id"]).startswith(OURS)


def _is_doi(entity: Entity) -> bool:
    return bool(first_ref(entity, "propertyID") == DOI_SCHEME)


def _has_id(value: Any, ids: set[str]) -> bool:
    return isinstance(value, dict) and value.get("@id") in ids


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]
