"""Turtle and N-Quads of all that a crate says."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urljoin

import rdflib
from rdflib.namespace import NamespaceManager

from biocodes_crate.crate.linked_data import load_graph
from biocodes_crate.crate.terms import BC
from biocodes_crate.errors import NotACrate
from biocodes_crate.export.base import as_iri, base_of, root_of
from biocodes_crate.export.model import Export, ExportFormat, Place

_PREFIXES = {
    "bc": BC,
    "schema": "http://schema.org/",
    "prov": "http://www.w3.org/ns/prov#",
    "oa": "http://www.w3.org/ns/oa#",
    "dqv": "http://www.w3.org/ns/dqv#",
    "dct": "http://purl.org/dc/terms/",
    "ome": "http://www.openmicroscopy.org/rdf/2016-06/ome_core/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "iscc": "http://purl.org/iscc/terms/#",
}


def export_rdf(metadata: Mapping[str, Any], form: ExportFormat, place: Place) -> Export:
    """The triples of a crate; as N-Quads in a graph that has the name of the crate's root. Blank nodes have no names
    of their own; a flat crate has none.

    Raises
    ------
    NotACrate
        The metadata is no JSON-LD, or names a context that does not ship with the package.
    """
    base = base_of(metadata, place)
    graph = _clean(load_graph(_with_iris(metadata), base))
    try:
        if form is ExportFormat.NQUADS:
            name = rdflib.URIRef(urljoin(base, as_iri(str(root_of(metadata).get("@id", "./"))))).n3()
            lines = sorted(f"{s.n3()} {p.n3()} {_ntriples(o)} {name} ." for s, p, o in graph)
            return Export("".join(f"{line}\n" for line in lines), "application/n-quads")
        text = graph.serialize(format="turtle", base=base)
    except Exception as error:  # whatever strange literals make rdflib raise
        raise NotACrate(
            f"the metadata cannot be written as RDF ({error})", remedy="Run `crate validate` to see what is wrong."
        ) from error
    return Export(text, "text/turtle")


def _ntriples(node: Any) -> str:
    if not isinstance(node, rdflib.Literal):
        return str(node.n3())
    # N-Quads has no short forms of numbers, as Turtle has.
    text = str(node).translate({ord("\\"): "\\\\", ord('"'): '\\"', ord("\n"): "\\n", ord("\r"): "\\r"})
    kind = f"@{node.language}" if node.language else f"^^{node.datatype.n3()}" if node.datatype is not None else ""
    return f'"{text}"{kind}'


def _clean(graph: rdflib.Graph) -> rdflib.Graph:
    """The graph with names of our choice for prefixes, and without IRIs that no syntax can write."""
    result = rdflib.Graph()
    result.namespace_manager = NamespaceManager(result, bind_namespaces="none")
    for prefix, iri in _PREFIXES.items():
        result.bind(prefix, iri)
    for triple in graph:
        subject, predicate, value = (
            rdflib.URIRef(as_iri(str(node))) if isinstance(node, rdflib.URIRef) else node for node in triple
        )
        result.add((subject, predicate, value))
    return result


def _with_iris(value: Any) -> Any:
    """Metadata with ids that are IRIs: rdflib drops an entity whose id is not. It is 40 levels deep at most."""
    if isinstance(value, Mapping):
        return {
            key: as_iri(item) if key == "@id" and isinstance(item, str) else _with_iris(item)
            for key, item in value.items()
        }
    return [_with_iris(item) for item in value] if isinstance(value, list) else value
