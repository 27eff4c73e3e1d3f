"""Entities that many others refer to: codes, and terms of vocabularies."""

from __future__ import annotations

from typing import Any

from biocodes_crate.crate.entities import Graph
from biocodes_crate.crate.ids import path_to_id
from biocodes_crate.crate.terms import BC, DEFINED_TERMS, DIGITAL_SOURCE, OBO


def add_digital_source(graph: Graph, term: str | None) -> dict[str, str] | None:
    """Add a term of the IPTC digital source type vocabulary."""
    if term is None:
        return None
    bare = term.removeprefix(DIGITAL_SOURCE)
    return graph.add_once(DIGITAL_SOURCE + path_to_id(bare), "DefinedTerm", name=bare, termCode=bare)


def add_ontology_term(graph: Graph, term: str | None) -> dict[str, str] | None:
    """Add an organism or imaging method, given as an IRI or as `PREFIX:NUMBER` of an OBO ontology."""
    if term is None:
        return None
    if "://" in term:
        iri = term
    else:
        prefix, _, local = term.partition(":")
        iri = f"{OBO}{path_to_id(prefix)}_{path_to_id(local)}"
    code = iri.removeprefix(OBO).replace("_", ":", 1)
    kind = "Taxon" if code.startswith("NCBITaxon:") else "DefinedTerm"
    return graph.add_once(iri, kind, name=code)


def add_term(graph: Graph, term: str) -> dict[str, str]:
    """Add one of our own terms that are values."""
    return graph.add_once(
        f"bc:{term}",
        "DefinedTerm",
        name=term,
        description=DEFINED_TERMS[term],
        url=BC + term,
    )


def add_codes(
    graph: Graph,
    iscc: str | None,
    image_code: str | None = None,
    data_code: str | None = None,
    instance_code: str | None = None,
) -> dict[str, Any]:
    """Add the codes of an entity, and return the properties that it gets."""
    codes = [code for code in (iscc, image_code, data_code, instance_code) if code]
    return {
        "identifier": [graph.add_code(code) for code in dict.fromkeys(codes)],
        "iscc_code": iscc,
        "imageCode": image_code,
        "dataCode": data_code,
        "instanceCode": instance_code,
    }
