import json
import socket

import pytest
from crate_examples import example_content, paths
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from rdflib import URIRef
from rdflib.namespace import RDF

from biocodes_crate.crate import crate_metadata, edges_jsonld, metadata_bytes, path_to_id
from biocodes_crate.crate.linked_data import BASE, edges_query, load_graph
from biocodes_crate.crate.terms import BC, TERMS
from biocodes_crate.errors import NotACrate


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("the network was used")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_the_query_lists_every_edge_with_its_evidence():
    rows = {
        (str(row.panel), str(row.image), str(row.status)): row
        for row in load_graph(crate_metadata(example_content())).query(edges_query())
    }
    verified = rows["A", "images/zellen #1.ome.zarr", "verified"]
    assert len(rows) == 5 - 1  # two of panel A share image and status
    assert float(verified.correlation) in {0.98, 0.97}
    assert rows["C", "images/gone.tif", "unverified"].correlation is None


def test_no_property_is_lost_on_the_way_to_triples():
    metadata = crate_metadata(example_content())
    graph = load_graph(metadata)
    for entity in metadata["@graph"]:
        subject = next(
            (
                node
                for node in graph.subjects(RDF.type)
                if str(node) in {entity["@id"], BASE + entity["@id"].removeprefix("./")}
            ),
            None,
        )
        subject = URIRef(entity["@id"].replace("bc:", BC)) if entity["@id"].startswith("bc:") else subject
        assert subject is not None, entity["@id"]
        keys = {key for key in entity if not key.startswith("@")}
        assert len(set(graph.predicates(subject)) - {RDF.type}) == len(keys), entity["@id"]


@given(st.lists(paths, min_size=20, max_size=60, unique=True))
@settings(max_examples=4, deadline=None, phases=[Phase.generate])  # shrinking would parse the context for minutes
def test_any_names_survive_as_iris(names):
    entities = [{"@id": path_to_id(name), "@type": "File"} for name in names]
    graph = load_graph({"@context": "https://w3id.org/ro/crate/1.3/context", "@graph": entities})
    assert {str(subject).removeprefix(BASE) for subject in graph.subjects(RDF.type)} == {
        entity["@id"] for entity in entities
    }


def test_the_edges_file_means_the_same_as_the_crate():
    metadata = crate_metadata(example_content())
    whole = load_graph(metadata)
    part = load_graph(edges_jsonld(metadata), base=f"{BASE}provenance/edges.jsonld")
    assert len(part) > 200
    assert set(part) <= set(whole)


@pytest.mark.parametrize(
    "context",
    [
        "https://example.org/context",
        ["https://w3id.org/ro/crate/1.3/context", "file:///etc/passwd"],
        7,
    ],
)
def test_a_context_that_would_have_to_be_fetched_is_refused(context):
    with pytest.raises(NotACrate):
        load_graph({"@context": context, "@graph": []})


def test_contexts_hidden_in_terms_and_entities_are_not_fetched():
    graph = load_graph(
        {
            "@context": [
                "https://w3id.org/ro/crate/1.1/context",
                {
                    "a": {"@id": "http://a.example/", "@context": "http://evil.example/"},
                    "@import": "http://evil.example/",
                },
            ],
            "@graph": [{"@id": "./", "@context": "http://evil.example/", "name": "x", "a": {"@id": "#b"}}],
        }
    )
    assert len(graph) == 2


def test_the_crate_loads_in_rocrate(tmp_path):
    from rocrate.rocrate import ROCrate

    content = example_content()
    for path in ["images/zellen #1.ome.zarr", "codes", "provenance", "figures"]:
        (tmp_path / path).mkdir(parents=True)
    metadata = crate_metadata(content)
    (tmp_path / "ro-crate-metadata.json").write_bytes(metadata_bytes(metadata))
    crate = ROCrate(tmp_path)
    assert crate.name == "Zellen"
    assert len(crate.data_entities) == len(metadata["@graph"][1]["hasPart"])
    edges = [entity for entity in crate.get_entities() if "ProvenanceEdge" in entity.type]
    assert len(edges) == 6
    assert {edge["verificationStatus"]["name"] for edge in edges} == {
        "verified",
        "ambiguous",
        "contradicted",
        "unverified",
    }


def test_our_context_redefines_no_term_of_ro_crate_but_those_it_should():
    from importlib.resources import files

    shipped = json.loads((files("biocodes_crate") / "crate/contexts/1.3.jsonld").read_text())["@context"]
    changed = {
        key
        for key, value in TERMS.items()
        if key in shipped and (value["@id"] if isinstance(value, dict) else value) != shipped[key]
    }
    assert changed == {"source", "candidate", "weight"}
