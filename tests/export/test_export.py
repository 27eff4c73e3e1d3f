"""Every export is read by a parser, or fits a schema, that others wrote."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import iscc_core
import jsonschema
import pytest
import rdflib
from crate_examples import contents, example_content
from hypothesis import given, settings
from hypothesis import strategies as st
from rdflib.compare import isomorphic
from typer.testing import CliRunner

from biocodes_crate.cli.app import app
from biocodes_crate.crate import crate_metadata, metadata_bytes, open_crate
from biocodes_crate.crate.linked_data import BASE, load_graph
from biocodes_crate.errors import CannotExport, NotACrate
from biocodes_crate.export import ExportFormat, Place, export_crate

# rdflib's reader of N-Quads uses what rdflib itself calls deprecated.
pytestmark = pytest.mark.filterwarnings("ignore:.*is deprecated:DeprecationWarning")

VALID = json.loads(metadata_bytes(crate_metadata(example_content())))
DATA = Path(__file__).parents[1] / "data"
URL = "https://repository.example/records/7"
BC = rdflib.Namespace("https://w3id.org/ro/terms/biocodes#")


class Bare:
    """The metadata of a crate alone, open."""

    has_payload = False
    path = Path("ro-crate-metadata.json")

    def __init__(self, metadata):
        self.metadata = metadata

    def files(self):
        return {}


def export(form, metadata=VALID, **place):
    return export_crate(Bare(metadata), form, Place(**place)).text


def edges(metadata, status):
    return [e for e in metadata["@graph"] if e.get("verificationStatus") == {"@id": f"bc:{status}"}]


def test_turtle_says_what_the_crate_says():
    graph = rdflib.Graph().parse(data=export(ExportFormat.TURTLE), format="turtle")
    assert isomorphic(graph, load_graph(VALID))


def test_nquads_say_the_same_in_a_graph_named_by_the_root():
    text = export(ExportFormat.NQUADS, url=URL)
    dataset = rdflib.Dataset()
    dataset.parse(data=text, format="nquads")
    names = {str(name) for _, _, _, name in dataset.quads()}
    assert names == {f"{URL}/"}
    assert len(text.splitlines()) == len(load_graph(VALID))
    turtle = rdflib.Graph().parse(data=export(ExportFormat.TURTLE, url=URL), format="turtle")
    assert isomorphic(turtle, dataset.graph(rdflib.URIRef(f"{URL}/")))


def test_relative_ids_are_resolved_where_the_crate_is_published():
    graph = rdflib.Graph().parse(data=export(ExportFormat.TURTLE, url=f"{URL}/"), format="turtle")
    panels = {str(panel) for panel in graph.subjects(rdflib.RDF.type, BC.FigurePanel)}
    assert all(panel.startswith(f"{URL}/#figures/") for panel in panels)


def test_ids_that_are_no_iris_lose_no_triples():
    metadata = json.loads(json.dumps(VALID))
    metadata["@graph"].append(
        {"@id": "#a b<c>", "@type": "Thing", "name": 'x "y"\n\\z\u2028', "url": {"@id": "http://x y/"}}
    )
    for form, reader in ((ExportFormat.TURTLE, "turtle"), (ExportFormat.NQUADS, "nquads")):
        dataset = rdflib.Dataset(default_union=True)
        dataset.parse(data=export(form, metadata), format=reader)
        subject = rdflib.URIRef(f"{BASE}#a%20b%3Cc%3E")
        assert str(dataset.value(subject, rdflib.URIRef("http://schema.org/name"))) == 'x "y"\n\\z\u2028'


def entries(text):
    validator = jsonschema.Draft202012Validator(json.loads((DATA / "schemas" / "iscc-entry.schema.json").read_text()))
    result = [json.loads(line) for line in text.splitlines()]
    for entry in result:
        validator.validate(entry)
        assert "iscc_code" in entry or "units" in entry
        for code in [*filter(None, [entry.get("iscc_code")]), *entry.get("units", [])]:
            assert iscc_core.iscc_validate(code, strict=True)
    return result


def test_iscc_lists_every_code_of_the_example(example_crate):
    with open_crate(example_crate) as crate:
        made = export_crate(crate, ExportFormat.ISCC)
        metadata = crate.metadata
    assert made.notes == ()
    listed = entries(made.text)
    coded = {entity["@id"] for entity in metadata["@graph"] if {"iscc_code", "imageCode", "dataCode"} & set(entity)}
    sources = [entry["metadata"]["source"] for entry in listed]
    assert coded <= set(sources)
    assert len(sources) == len(set(sources))
    kinds = {entry["metadata"]["kind"] for entry in listed}
    assert {"crate", "image", "scene", "plane", "figure", "panel"} <= kinds
    sizes = [e for e in metadata["@graph"] if "ImageScene" in e["@type"] and "sizeX" in e]
    planes = sum(e["sizeZ"] * e["sizeC"] * e["sizeT"] for e in sizes)
    assert sum(entry["metadata"]["kind"] == "plane" for entry in listed) == planes


def test_a_code_that_is_none_is_left_out_with_a_note():
    metadata = json.loads(json.dumps(VALID))
    next(e for e in metadata["@graph"] if e["@id"] == "study.yaml")["iscc_code"] = "ISCC:NONSENSE"
    made = export_crate(Bare(metadata), ExportFormat.ISCC)
    assert any("study.yaml" in note for note in made.notes)
    assert "study.yaml" not in {entry["metadata"]["source"] for entry in entries(made.text)}


def prov(text, form):
    model = pytest.importorskip("prov.model")
    kind = {ExportFormat.PROV_N: "provn", ExportFormat.PROV_JSON: "json"}[form]
    return model.ProvDocument.deserialize(content=text, format=kind)


def test_prov_n_and_prov_json_say_the_same():
    documents = [prov(export(form), form) for form in (ExportFormat.PROV_N, ExportFormat.PROV_JSON)]
    assert documents[0] == documents[1]


def test_only_verified_edges_derive_a_panel():
    model = pytest.importorskip("prov.model")
    document = prov(export(ExportFormat.PROV_JSON), ExportFormat.PROV_JSON)
    derivations = list(document.get_records(model.ProvDerivation))
    by_id = {entity["@id"]: entity for entity in VALID["@graph"]}
    expected = {
        (edge["panel"]["@id"], by_id[edge["source"]["@id"]]["isPartOf"]["@id"]) for edge in edges(VALID, "verified")
    }
    found = set()
    for derivation in derivations:
        panel, source = (str(value.uri) for _, value in derivation.formal_attributes[:2])
        found.add((panel.removeprefix(BASE), source.removeprefix(BASE)))
    assert found == expected
    told = [
        entity
        for entity in document.get_records(model.ProvEntity)
        if any(str(value) == "bc:ProvenanceEdge" for value in entity.get_attribute("prov:type"))
    ]
    assert len(told) == sum(
        len(edges(VALID, status)) for status in ("verified", "ambiguous", "contradicted", "unverified")
    )


@given(contents(), st.sampled_from([ExportFormat.PROV_N, ExportFormat.PROV_JSON]))
@settings(max_examples=30, deadline=None)
def test_prov_of_any_crate_is_read(content, form):
    metadata = crate_metadata(content)
    document = prov(export(form, metadata), form)
    panels = sum("FigurePanel" in entity["@type"] for entity in metadata["@graph"])
    assert panels == 0 or len(document.get_records()) >= panels


@given(contents())
@settings(max_examples=10, deadline=None)
def test_rdf_of_any_crate_is_read(content):
    metadata = crate_metadata(content)
    graph = rdflib.Graph().parse(data=export(ExportFormat.TURTLE, metadata), format="turtle")
    assert len(graph) == len(load_graph(metadata))


def gide(metadata=VALID, **place):
    return json.loads(export(ExportFormat.GIDE, metadata, **{"url": URL, **place}))


def test_gide_is_one_dataset_on_the_web_with_all_that_the_profile_demands():
    """GIDE search input profile, "Dataset": what is REQUIRED, and how many of it."""
    made = gide()
    assert made["@context"][0] == "https://w3id.org/ro/crate/1.2/context"
    datasets = [entity for entity in made["@graph"] if entity["@type"] == "Dataset"]
    assert [dataset["@id"] for dataset in datasets] == [URL]
    by_id = {entity["@id"]: entity for entity in made["@graph"]}
    (dataset,) = datasets
    for key in ("name", "description", "datePublished", "license", "identifier"):
        assert isinstance(dataset[key], str)
    assert by_id[dataset["publisher"]["@id"]]["@type"] == "Organization"
    for key, kind, name in (
        ("author", "Person", "name"),
        ("about", "Taxon", "scientificName"),
        ("measurementMethod", "DefinedTerm", "name"),
    ):
        assert dataset[key]
        for target in dataset[key]:
            assert by_id[target["@id"]]["@type"] == kind
            assert isinstance(by_id[target["@id"]][name], str)
    assert by_id["http://purl.obolibrary.org/obo/NCBITaxon_9606"]["scientificName"] == "Homo sapiens"
    graph = load_graph(made, f"{URL}/")
    method = rdflib.URIRef("http://rs.tdwg.org/dwc/iri/measurementMethod")
    assert {str(value) for value in graph.objects(rdflib.URIRef(URL), method)} == {
        "http://purl.obolibrary.org/obo/FBbi_00000251"
    }


def test_every_reference_of_a_gide_crate_is_described():
    made = gide()
    ids = {entity["@id"] for entity in made["@graph"]} | {"https://w3id.org/ro/crate/1.2"}
    for entity in made["@graph"]:
        for value in entity.values():
            for item in value if isinstance(value, list) else [value]:
                assert not isinstance(item, dict) or item["@id"] in ids


def test_gide_counts_the_files_of_a_crate_that_has_them(tmp_path):
    (tmp_path / "ro-crate-metadata.json").write_text(json.dumps(VALID), encoding="utf-8")
    (tmp_path / "codes").mkdir()
    (tmp_path / "codes" / "planes.parquet").write_bytes(b"not of the payload")
    (tmp_path / "study.yaml").write_bytes(b"x" * 300)
    (tmp_path / "a.bin").write_bytes(b"x" * 50)
    with open_crate(tmp_path) as crate:
        made = json.loads(export_crate(crate, ExportFormat.GIDE, Place(URL)).text)
    sizes = {entity["@id"]: entity["value"] for entity in made["@graph"] if entity["@type"] == "QuantitativeValue"}
    assert sizes == {"#file-count": 2, "#size": 350}


def test_gide_loads_in_ro_crate_py(tmp_path):
    from rocrate.rocrate import ROCrate

    (tmp_path / "ro-crate-metadata.json").write_text(json.dumps(gide()), encoding="utf-8")
    crate = ROCrate(tmp_path)
    assert crate.root_dataset.id.rstrip("/") == URL
    assert crate.root_dataset["publisher"].type == "Organization"


ROC = os.environ.get("BIOCODES_ROC_VALIDATOR") or (
    sys.executable if importlib.util.find_spec("rocrate_validator") else None
)


@pytest.mark.skipif(ROC is None, reason="rocrate-validator is not installed; BIOCODES_ROC_VALIDATOR names a python")
def test_gide_passes_rocrate_validator_as_ro_crate_1_2(tmp_path):
    runner = DATA.parent / "validation" / "run_rocrate_validator.py"
    path = tmp_path / "ro-crate-metadata.json"
    path.write_text(json.dumps(gide()), encoding="utf-8")
    contexts = Path(load_graph.__code__.co_filename).parent / "contexts"
    profiles = DATA.parents[1] / "profiles"
    command = [ROC, runner, "--profile", "ro-crate-1.2", "--severity", "REQUIRED", contexts, profiles, path]
    done = subprocess.run(list(map(str, command)), capture_output=True, check=True, text=True)
    [result] = json.loads(done.stdout)
    assert (result["passed"], result["issues"]) == (True, [])


CHECK = """
import sys, pyshacl, rdflib
shapes, data = (rdflib.Graph().parse(path) for path in sys.argv[1:])
assert len(shapes) > 100
conforms, _, text = pyshacl.validate(data, shacl_graph=shapes, allow_infos=True, allow_warnings=True)
sys.exit(0 if conforms else text)
"""


@pytest.mark.skipif(
    ROC is None or "BIOCODES_GIDE_SHAPES" not in os.environ,
    reason="BIOCODES_GIDE_SHAPES names GIDE's own shapes, which rocrate-validator's SHACL runs",
)
def test_gide_conforms_to_the_shapes_of_gide(tmp_path):
    """github.com/German-BioImaging/gide-data-deliverable, data_deliverable/gide_profile_shacl_shape.ttl"""
    load_graph(gide(), f"{URL}/").serialize(tmp_path / "gide.ttl")
    done = subprocess.run(
        [ROC, "-c", CHECK, os.environ["BIOCODES_GIDE_SHAPES"], tmp_path / "gide.ttl"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"about": None}, "an organism"),
        ({"measurementTechnique": None}, "an imaging method"),
        ({"author": None}, "an author"),
        ({"license": {"@id": "https://spdx.org/licenses/NONE"}}, "a licence"),
        ({"datePublished": "2020"}, "a date"),
    ],
)
def test_what_gide_demands_and_the_crate_lacks_is_said(change, word):
    metadata = json.loads(json.dumps(VALID))
    for entity in metadata["@graph"]:
        if entity["@id"] == "./":
            entity.update(change)
        elif "about" in change or "measurementTechnique" in change:
            entity.pop("about", None) if entity["@id"] != "ro-crate-metadata.json" else None
            entity.pop("measurementTechnique", None)
    with pytest.raises(CannotExport, match=word):
        export(ExportFormat.GIDE, metadata, url=URL)


def test_gide_needs_a_page_on_the_web():
    with pytest.raises(CannotExport, match="page"):
        export(ExportFormat.GIDE)


@pytest.mark.parametrize("url", ["ftp://x/", "javascript:alert(1)", "https://a b/", "x", "https://x/<y>", ""])
@pytest.mark.parametrize("form", [ExportFormat.TURTLE, ExportFormat.PROV_N, ExportFormat.GIDE])
def test_a_url_that_is_none_is_refused(url, form):
    with pytest.raises(CannotExport, match="no http"):
        export(form, url=url)


JUNK = st.sampled_from([None, True, -1, 1e308, "", "a b", [], [[]], {}, {"@id": 7}, {"@id": "./"}, {"@value": "x"}, "\x00", {"@list": [1]}])  # fmt: skip


@given(st.data(), st.sampled_from(ExportFormat))
@settings(max_examples=80, deadline=None)
def test_an_export_of_a_crate_mutated_at_random_is_text_or_an_error_of_ours(data, form):
    metadata = json.loads(json.dumps(VALID))
    graph = metadata["@graph"]
    for _ in range(data.draw(st.integers(1, 4))):
        entity = data.draw(st.sampled_from(graph))
        entity[data.draw(st.sampled_from([*entity, "@context", "hasPart", "name"]))] = data.draw(JUNK)
    try:
        text = export(form, metadata, url=URL)
    except (NotACrate, CannotExport):
        return
    assert isinstance(text, str)


@pytest.mark.parametrize("form", ExportFormat)
def test_the_same_crate_gives_the_same_text(form):
    assert export(form, url=URL) == export(form, json.loads(json.dumps(VALID)), url=URL)


def test_a_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    (tmp_path / "ro-crate-metadata.json").write_text(json.dumps(VALID), encoding="utf-8")
    (tmp_path / "out").mkdir()
    target = tmp_path / "out" / "out.ttl"
    target.write_text("before")
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    done = CliRunner().invoke(app, ["export", str(tmp_path), "--format", "turtle", "-o", str(target)])
    assert done.exit_code == 2
    assert "No space left" in done.stderr
    assert [path.name for path in target.parent.iterdir()] == ["out.ttl"]
    assert target.read_text() == "before"


@pytest.mark.parametrize("command", [["export", "--format", "prov-n"], ["edges", "--format", "csv"],
                                     ["validate", "--level", "metadata", "--format", "markdown"], ["report"]])  # fmt: skip
def test_documents_are_utf_8_whatever_the_locale_says(command, tmp_path):
    (tmp_path / "ro-crate-metadata.json").write_text(json.dumps(VALID), encoding="utf-8")
    place = [command[0], str(tmp_path), *command[1:]]
    done = subprocess.run(
        [sys.executable, "-c", "from biocodes_crate.cli import main; main()", *place],
        env=os.environ | {"PYTHONIOENCODING": "ascii"}, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not done.stdout.decode("utf-8").isascii()


@pytest.mark.parametrize("form", ["turtle", "nquads", "iscc", "prov-n", "prov-json", "gide"])
def test_the_command_writes_to_stdout_or_a_file(form, tmp_path):
    (tmp_path / "ro-crate-metadata.json").write_text(json.dumps(VALID), encoding="utf-8")
    command = ["export", str(tmp_path), "--format", form, "--url", URL]
    shown = CliRunner().invoke(app, command)
    assert shown.exit_code == 0, shown.stderr
    out = tmp_path / "out"
    assert CliRunner().invoke(app, [*command, "-o", str(out)]).exit_code == 0
    assert out.read_text(encoding="utf-8") == shown.stdout
