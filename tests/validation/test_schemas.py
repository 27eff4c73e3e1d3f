"""Every schema is a valid 2020-12 schema, takes what is right and refuses what is wrong."""

import json

import jsonschema
import pytest
import yaml
from broken_crates import VALID, put
from crate_examples import example_content

from biocodes_crate.crate import crate_metadata, edges_json, read_pages
from biocodes_crate.findings import Finding, Severity
from biocodes_crate.resources import resource
from biocodes_crate.validation import Level, Report

NAMES = ["study", "crate", "edges", "report"]


def validator(name):
    schema = json.loads(resource("schemas", f"{name}.schema.json").read_text(encoding="utf-8"))
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("name", NAMES)
def test_a_schema_is_valid_and_explains_itself(name):
    schema = validator(name).schema
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"].endswith("2020-12/schema")
    assert schema["description"]


def test_schemas_refer_to_nothing_remote():
    for name in NAMES:
        text = resource("schemas", f"{name}.schema.json").read_text(encoding="utf-8")
        assert text.count('"$ref": "') == text.count('"$ref": "#/$defs/')


STUDY = """
title: Zellen
description:
license: CC-BY-4.0
authors: [{name: Ada Lovelace, orcid: 0000-0002-1825-0097, affiliation: Institute, ror: 04wxnsj81}]
keywords: [cells]
publication: 10.1234/abcd
funding: [Grant 1]
organism: NCBITaxon:9606
imaging_method: FBbi:00000251
images: [{path: images/a.ome.zarr, description: Cells, digital_source: digitalCapture, omero_id: 123}]
figures:
  - path: "figures/ü #1.png"
    caption: Cells.
    panels:
      - {label: A, box: [0, 0, 300, 300], digital_source: trainedAlgorithmicMedia,
         sources: [{image: images/a.ome.zarr, scene: 0, z: 5, c: 1, t: 0, region: [0, 0, 10.5, 10]}]}
      - {label: B, page: 2, sources: [{image: images/a.ome.zarr, projection: max}]}
      - {label: C, sources: [{image: images/a.ome.zarr, projection: {kind: mean, z: [0, 4]}}]}
exclude: ["**/scratch/**"]
"""


@pytest.mark.parametrize("text", [STUDY, "", "title: x", "figures:\n", "images: [{path: a}]"])
def test_a_right_study_is_taken(text):
    validator("study").validate(yaml.safe_load(text))


@pytest.mark.parametrize(
    "text",
    [
        "[]",
        "titel: x",
        "title: 7",
        "license: all rights reserved",
        "authors: [Ada]",
        "authors: [{orcid: 0000-0002-1825-0097}]",
        "authors: [{name: Ada, orcid: 123}]",
        "authors: [{name: Ada, ror: x}]",
        "publication: paper.pdf",
        "organism: human",
        "imaging_method: confocal",
        "images: [{path: ../a}]",
        "images: [{path: /etc/passwd}]",
        "images: [{path: a/../../b}]",
        "images: [{path: 'a\\b'}]",
        "images: [{path: a, omero_id: -1}]",
        "images: [{path: a, digital_source: camera}]",
        "figures: [{panels: []}]",
        "figures: [{path: a, panels: [{box: [0, 0, 0, 5]}]}]",
        "figures: [{path: a, panels: [{box: [1, 2, 3]}]}]",
        "figures: [{path: a, panels: [{page: 0}]}]",
        "figures: [{path: a, panels: [{sources: [{z: 1}]}]}]",
        "figures: [{path: a, panels: [{sources: [{image: a, z: -1}]}]}]",
        "figures: [{path: a, panels: [{sources: [{image: a, z: 1.5}]}]}]",
        "figures: [{path: a, panels: [{sources: [{image: a, z: 1, projection: max}]}]}]",
        "figures: [{path: a, panels: [{sources: [{image: a, projection: median}]}]}]",
        "exclude: x",
    ],
)
def test_a_wrong_study_is_refused(text):
    assert not validator("study").is_valid(yaml.safe_load(text))


def test_our_crate_is_taken_as_a_whole():
    validator("crate").validate(VALID)


@pytest.mark.parametrize(
    "change",
    [
        put("./", datePublished="soon"),
        put("./", author={"@id": "#x"}),
        put("study.yaml", contentSize=300),
        put("#run", endTime=7),
        put("#images/gone.tif/scene/0", sceneIndex=-1),
        put("#run", name={"text": "nested"}),
        lambda metadata: metadata["@graph"].clear(),
        lambda metadata: metadata.update({"@context": "https://w3id.org/ro/crate/1.1/context"}),
        lambda metadata: metadata["@graph"].append([]),
    ],
)  # fmt: skip
def test_a_wrong_crate_is_refused(change):
    metadata = json.loads(json.dumps(VALID))
    change(metadata)
    assert not validator("crate").is_valid(metadata)


def test_edges_as_json_fit_their_schema():
    edges = edges_json(read_pages(crate_metadata(example_content())))
    validator("edges").validate(edges)
    edges[0]["panels"][0]["edges"][0]["status"] = "sure"
    assert not validator("edges").is_valid(edges)


def test_a_report_as_json_fits_its_schema():
    finding = Finding("file-missing", Severity.ERROR, "a.txt", "is not there", "Restore it.")
    report = Report((finding,), Level.INTEGRITY, "crate").as_json()
    validator("report").validate(report)
    assert (report["valid"], report["counts"]) == (False, {"error": 1, "warning": 0, "info": 0})
    assert not validator("report").is_valid({**report, "level": "deep"})


def test_a_new_study_yaml_names_the_schema_for_editors(tmp_path):
    from biocodes_crate.study import init_study

    first, *_ = init_study(tmp_path).read_text(encoding="utf-8").splitlines()
    assert first == f"# yaml-language-server: $schema={validator('study').schema['$id']}"


VALID_EDGES = edges_json(read_pages(crate_metadata(example_content())))


@pytest.mark.parametrize(
    "change",
    [
        lambda edges: edges[0].pop("figure"),
        lambda edges: edges[0].update(page=0),
        lambda edges: edges[0]["panels"][0].update(kind="photo"),
        lambda edges: edges[0]["panels"][0].update(box=[1, 2, 3]),
        lambda edges: edges[0]["panels"][0]["edges"][0].update(panel_to_source=[[1, 0], [0, 1]]),
        lambda edges: edges[0]["panels"][0]["edges"][0].pop("evidence"),
    ],
)
def test_wrong_edges_are_refused(change):
    edges = json.loads(json.dumps(VALID_EDGES))
    validator("edges").validate(edges)
    change(edges)
    assert not validator("edges").is_valid(edges)


@pytest.mark.parametrize(
    "change",
    [{"valid": "yes"}, {"counts": {"error": 0}}, {"findings": [{"id": "x"}]}, {"crate": None}, {"more": 1}],
)
def test_a_wrong_report_is_refused(change):
    report = Report((), Level.METADATA, "crate").as_json()
    validator("report").validate(report)
    assert not validator("report").is_valid({**report, **change})
