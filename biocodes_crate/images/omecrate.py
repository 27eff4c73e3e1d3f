"""Organism and imaging method from the RO-Crate that many public OME-Zarr carry inside.

They follow the shape of the OME NGFF challenge (2024): acquisition with `fbbi_id`, biosample with
`organism_classification`. Its context is incomplete, so it is read by JSON key, and never written.
"""

from __future__ import annotations

import json
import re
from typing import Any

_OBO = "http://purl.obolibrary.org/obo/"


def read_biology(document: bytes | None) -> tuple[str | None, str | None]:
    """IRIs of the organism (NCBI Taxonomy) and the imaging method (FBbi), where they are stated."""
    if document is None:
        return None, None
    try:
        content = json.loads(document)
    except (ValueError, RecursionError):
        return None, None  # the image is fine without it
    graph = content.get("@graph") if isinstance(content, dict) else None
    entities = [entity for entity in graph if isinstance(entity, dict)] if isinstance(graph, list) else []
    return (
        _first(entities, "organism_classification", r"(?:NCBITaxon[:_]|NCBI:txid|taxon:)(\d+)$", f"{_OBO}NCBITaxon_"),
        _first(entities, "fbbi_id", r"FBbi[:_](\d+)$", f"{_OBO}FBbi_"),
    )


def _first(entities: list[dict[str, Any]], key: str, pattern: str, prefix: str) -> str | None:
    for entity in entities:
        value = entity.get(key)
        for item in value if isinstance(value, list) else [value]:
            name = item.get("@id") if isinstance(item, dict) else item
            match = re.search(pattern, name, re.IGNORECASE) if isinstance(name, str) and len(name) < 300 else None
            if match:
                return prefix + match[1]
    return None
