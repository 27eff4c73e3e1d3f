"""A crate as an RDF graph, without network: contexts are those that ship with the package."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import rdflib

from biocodes_crate.errors import NotACrate

BASE = "https://biocodes.invalid/crate/"
"""What relative ids are resolved against; rdflib loses them under an `arcp:` base."""

_HERE = Path(__file__).parent
_KNOWN = re.compile(r"https?://w3id\.org/ro/crate/(1\.[123])(?:-DRAFT)?/context")


def load_graph(metadata: Mapping[str, Any], base: str = BASE) -> rdflib.Graph:
    """The triples of a crate's metadata.

    Raises
    ------
    NotACrate
        The metadata names a context that does not ship with us, or is no JSON-LD.
    """
    local = {"@context": _local_context(metadata.get("@context")), "@graph": _without_contexts(metadata.get("@graph"))}
    graph = rdflib.Graph()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # rdflib warns of anybody's odd literals
            graph.parse(data=json.dumps(local), format="json-ld", publicID=base)
    except Exception as error:  # rdflib raises whatever a strange document makes it raise
        raise NotACrate(
            f"the metadata is not JSON-LD that can be read ({error})", remedy="Check its '@context' and its ids."
        ) from error
    return graph


def edges_query() -> str:
    """The SPARQL query that lists the provenance edges of a crate."""
    return (_HERE / "queries" / "edges.rq").read_text(encoding="utf-8")


def _local_context(context: Any) -> list[Any]:
    """The context with every reference replaced by what ships with us."""
    parts = context if isinstance(context, list) else [context]
    result = []
    for part in parts:
        if isinstance(part, str):
            match = _KNOWN.fullmatch(part)
            if match is None:
                raise NotACrate(
                    f"the context {part} is not one that ships with biocodes-crate, and nothing is fetched",
                    remedy="Write the terms into an inline context beside RO-Crate's own.",
                )
            result.append(_shipped(match[1]))
        elif isinstance(part, dict):
            result.append(_without_imports(part))
        elif part is not None:
            raise NotACrate("the '@context' is neither text nor an object", remedy="Use RO-Crate's context.")
    return result


@cache
def _shipped(version: str) -> Any:
    return json.loads((_HERE / "contexts" / f"{version}.jsonld").read_text(encoding="utf-8"))["@context"]


def _without_imports(context: Mapping[str, Any]) -> dict[str, Any]:
    # A term may carry a context of its own, which may again be remote.
    return {
        key: {name: part for name, part in value.items() if name != "@context"} if isinstance(value, dict) else value
        for key, value in context.items()
        if key != "@import"
    }


def _without_contexts(value: Any, depth: int = 0) -> Any:
    if depth > 50:
        raise NotACrate("the metadata is nested too deeply", remedy="Write it as flattened JSON-LD.")
    if isinstance(value, dict):
        return {key: _without_contexts(item, depth + 1) for key, item in value.items() if key != "@context"}
    if isinstance(value, list):
        return [_without_contexts(item, depth + 1) for item in value]
    return value
