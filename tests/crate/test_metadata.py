import json
from dataclasses import replace

import pytest
from crate_examples import VERIFIED, contents, example_content
from hypothesis import given, settings

from biocodes_crate.crate import (
    CrateContent,
    FigureRecord,
    RunInfo,
    as_written,
    crate_metadata,
    edges_csv,
    edges_json,
    edges_jsonld,
    metadata_bytes,
    read_pages,
)
from biocodes_crate.crate.terms import BC, PROFILE, TERMS
from biocodes_crate.errors import NotACrate
from biocodes_crate.figures.model import Box, PageUnit, PanelKind
from biocodes_crate.study.manifest import Manifest
from biocodes_crate.tracing.model import Evidence, TracedPage, TracedPanel


@pytest.fixture(scope="module")
def metadata():
    return crate_metadata(example_content())


@pytest.fixture(scope="module")
def by_id(metadata):
    return {entity["@id"]: entity for entity in metadata["@graph"]}


def one(metadata, kind, **properties):
    found = [
        entity
        for entity in metadata["@graph"]
        if kind in entity["@type"] and all(entity.get(key) == value for key, value in properties.items())
    ]
    assert len(found) == 1
    return found[0]


@given(contents())
@settings(max_examples=80, deadline=None)
def test_nothing_about_an_edge_is_lost_in_a_crate(content):
    written = json.loads(metadata_bytes(crate_metadata(content)))
    assert read_pages(written) == [as_written(page) for page in content.pages]


@given(contents())
@settings(max_examples=30, deadline=None)
def test_every_id_is_unique_and_every_reference_is_flat(content):
    graph = crate_metadata(content)["@graph"]
    ids = [entity["@id"] for entity in graph]
    assert len(ids) == len(set(ids))
    for entity in graph:
        for value in entity.values():
            for item in value if isinstance(value, list) else [value]:
                assert not isinstance(item, dict) or set(item) == {"@id"}


def test_the_same_content_in_another_order_gives_the_same_bytes():
    content = example_content()
    shuffled = replace(
        content,
        images=content.images[::-1],
        figures=content.figures[::-1],
        pages=content.pages[::-1],
        files=content.files[::-1],
        findings=content.findings[::-1],
    )
    assert metadata_bytes(crate_metadata(content)) == metadata_bytes(crate_metadata(shuffled))


def test_every_reference_leads_to_an_entity(metadata, by_id):
    elsewhere = {
        "https://w3id.org/ro/crate/1.3",
        "http://purl.org/iscc/terms/#iscc",
        "http://purl.org/iscc/terms/#units",
    }
    for entity in metadata["@graph"]:
        for value in entity.values():
            for item in value if isinstance(value, list) else [value]:
                if isinstance(item, dict):
                    assert item["@id"] in by_id or item["@id"] in elsewhere


def test_the_root_says_what_ro_crate_demands(by_id):
    root = by_id["./"]
    assert (root["name"], root["description"], root["datePublished"]) == ("Zellen", "What the cells do.", "2026-11-22")
    assert root["license"] == {"@id": "https://spdx.org/licenses/CC-BY-4.0"}
    assert root["conformsTo"] == {"@id": PROFILE}
    assert by_id["ro-crate-metadata.json"]["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.3"}
    author = by_id[root["author"][0]["@id"]]
    assert (author["@type"], author["givenName"], author["familyName"]) == ("Person", "Ada", "Lovelace")
    assert by_id[root["author"][1]["@id"]]["name"] == "Jörg Müller"


def test_author_keywords_and_parts_are_arrays_even_of_one(metadata):
    content = example_content()
    single = replace(content, manifest=replace(content.manifest, authors=content.manifest.authors[:1]))
    root = crate_metadata(single)["@graph"][1]
    assert len(root["author"]) == 1
    assert root["keywords"] == ["cells"]
    assert isinstance(root["hasPart"], list)


def test_every_data_entity_is_part_of_the_root(metadata, by_id):
    parts = {part["@id"] for part in by_id["./"]["hasPart"]}
    data = {
        entity["@id"]
        for entity in metadata["@graph"]
        if {"File", "Dataset"} & set([entity["@type"]] if isinstance(entity["@type"], str) else entity["@type"])
    }
    assert parts == data - {"./"}


def test_paths_are_encoded_where_an_iri_needs_it_and_only_there(by_id):
    assert "images/zellen%20%231.ome.zarr/" in by_id
    assert "figures/Abb.%201%20ü%23.png" in by_id


def test_only_a_verified_edge_makes_the_panel_derived(metadata, by_id):
    panel = one(metadata, "FigurePanel", panelLabel="B")
    assert not {"isBasedOn", "wasDerivedFrom", "qualifiedDerivation"} & panel.keys()
    page = "#figures/Abb.%201%20ü%23.png/page/1/panel/0"
    panel = by_id[page]
    assert panel["wasDerivedFrom"] == panel["isBasedOn"]
    assert [by_id[plane["@id"]]["@type"][1] for plane in panel["isBasedOn"]] == ["ImagePlane", "ImageProjection"]
    assert panel["qualifiedDerivation"] == panel["hasProvenanceEdge"]
    types = {tuple(by_id[edge["@id"]]["@type"]) for edge in panel["hasProvenanceEdge"]}
    assert types == {("Role", "ProvenanceEdge", "Derivation")}


def test_a_single_value_is_not_wrapped_unless_the_context_says_set(metadata):
    for entity in metadata["@graph"]:
        for key, value in entity.items():
            if isinstance(value, list) and not key.startswith("@"):
                assert len(value) > 1 or TERMS[key]["@container"] == "@set"


def test_a_rotated_region_has_its_outline_besides_its_box(metadata, by_id):
    regions = [entity for entity in metadata["@graph"] if "ImageRegion" in entity["@type"]]
    outlined = [region for region in regions if isinstance(region.get("hasSelector"), list)]
    assert len(outlined) == 1
    box, outline = (by_id[selector["@id"]] for selector in outlined[0]["hasSelector"])
    assert box["selectorValue"] == "xywh=pixel:20,12,81,81"
    assert "50.00,12.00" in outline["selectorValue"]


def test_geometry_tells_rotation_scale_and_flip(metadata):
    steps = [entity for entity in metadata["@graph"] if "panelToSource" in entity]
    turned = next(step for step in steps if step["rotationDegrees"])
    assert turned["rotationDegrees"] == pytest.approx(30.466, abs=1e-3)
    assert turned["scaleFactor"] == pytest.approx(0.197231, rel=1e-5)
    assert turned["flipped"] is False


def test_the_plane_of_an_edge_carries_its_codes(metadata, by_id):
    plane = one(metadata, "ImagePlane", theZ=5)
    assert plane["iscc_code"].startswith("ISCC:K4")
    names = {by_id[code["@id"]]["name"] for code in plane["identifier"]}
    assert names == {"ISCC-SUM", "Image-Code", "Data-Code", "Instance-Code"}


def test_a_source_that_is_not_in_the_study_is_no_data_entity(by_id):
    assert by_id["#images/gone.tif"]["@type"] == "ImageObject"
    assert "images/gone.tif" not in by_id


def test_a_study_without_any_metadata_gives_a_crate():
    root = crate_metadata(CrateContent("Über uns", Manifest(), RunInfo("0", "2026-01-01T00:00:00Z"), "2026-01-01"))[
        "@graph"
    ][1]
    assert root["name"] == "Über uns"
    assert root["license"] == {"@id": "https://spdx.org/licenses/NONE"}
    assert "author" not in root


def test_a_page_of_an_unknown_figure_is_refused():
    page = TracedPage("nowhere.png", 1, 9, 9, PageUnit.PIXEL, ())
    with pytest.raises(ValueError, match=r"nowhere\.png"):
        crate_metadata(replace(example_content(), pages=(page,)))


def test_evidence_that_is_not_finite_counts_as_not_measured():
    edge = replace(VERIFIED, evidence=Evidence(float("nan"), None, float("inf"), None, -float("inf")))
    panel = TracedPanel("A", Box(0, 0, 5, 5), PanelKind.IMAGE, 5, 5, edges=(edge,))
    content = replace(
        example_content(),
        figures=(FigureRecord("f.png", "image/png"),),
        pages=(TracedPage("f.png", 1, 9, 9, PageUnit.PIXEL, (panel,)),),
    )
    assert read_pages(crate_metadata(content))[0].panels[0].edges[0].evidence == Evidence()


def test_names_with_half_a_character_are_written_all_the_same():
    content = replace(example_content(), folder="a\udcff", manifest=Manifest())
    assert b"datePublished" in metadata_bytes(crate_metadata(content))


def test_edges_as_json_have_the_shape_of_the_contract(metadata):
    pages = edges_json(read_pages(metadata))
    assert [(page["figure"], page["page"]) for page in pages] == [
        ("figures/Abb. 1 ü#.png", 1),
        ("figures/talk.pptx", 1),
        ("figures/talk.pptx", 2),
    ]
    panel = pages[0]["panels"][0]
    assert panel["box"] == [10, 12, 300, 300]
    assert panel["unexplained"] == [[20, 20, 5, 9]]
    assert panel["edges"][0] == {
        "status": "verified",
        "claim": "discovered",
        "image": "images/zellen #1.ome.zarr",
        "scene": 0,
        "z": 5,
        "c": 1,
        "t": 0,
        "projection": None,
        "candidates": [],
        "region": [40, 38, 60, 60],
        "panel_to_source": [[0.2, 0.0, 40.0], [0.0, 0.2, 38.0]],
        "evidence": {
            "correlation": 0.98,
            "image_code_hamming": 9,
            "share_explained": 0.99,
            "plane_margin": 0.02,
            "log10_false_alarm": -31.0,
        },
    }
    assert panel["edges"][1]["projection"] == {"kind": "max", "z": [0, 11]}
    assert pages[0]["panels"][1]["edges"][0]["candidates"] == [{"z": 0, "c": 0, "t": 0}, {"z": 0, "c": 0, "t": 1}]


def test_edges_as_csv_have_a_row_for_every_edge_and_every_panel_without():
    rows = edges_csv([as_written(page) for page in example_content().pages]).splitlines()
    assert len(rows) == 1 + 6 + 2
    assert rows[0].startswith("figure,page,panel")


def test_a_name_that_looks_like_a_formula_is_defused_in_csv():
    panel = TracedPanel("=1+1", Box(0, 0, 1, 1), PanelKind.CHART, 1, 1)
    assert ",'=1+1," in edges_csv([TracedPage("f.png", 1, 9, 9, PageUnit.PIXEL, (panel,))])


def test_edges_as_json_ld_hold_the_edges_and_no_people(metadata):
    document = edges_jsonld(metadata)
    types = {kind for entity in document["@graph"] for kind in entity["@type"]}
    assert {"ProvenanceEdge", "FigurePanel", "ImagePlane", "QualityMeasurement"} <= types
    assert "Person" not in {str(entity["@type"]) for entity in document["@graph"]}
    assert read_pages(document) == read_pages(metadata)


@pytest.mark.parametrize(
    ("kind", "key", "value", "complaint"),
    [
        ("ProvenanceEdge", "verificationStatus", {"@id": "bc:certain"}, "is 'certain'"),
        ("ProvenanceEdge", "claim", None, "is None"),
        ("ProvenanceEdge", "source", {"@id": "#nothing"}, "names no region"),
        ("ImageRegion", "isPartOf", {"@id": "#nothing"}, "names no plane"),
        ("ImagePlane", "theC", -1, "not a whole number"),
        ("ImageScene", "isPartOf", {"@id": "./"}, "does not stay within"),
        ("FragmentSelector", "selectorValue", "xywh=pixel:0,0,0,0", "is empty"),
        ("FragmentSelector", "selectorValue", 7, "names no selector"),
        ("TransformStep", "panelToSource", "[[1,0,NaN],[0,1,0]]", r"is not \[\[a,b,c"),
        ("TransformStep", "panelToSource", "[" * 900, r"is not \[\[a,b,c"),
        ("QualityMeasurement", "value", "high", "is not a number"),
    ],
)  # fmt: skip
def test_a_faulty_edge_is_named_and_the_others_are_read(kind, key, value, complaint):
    metadata = crate_metadata(example_content())
    for entity in metadata["@graph"]:
        if kind in entity["@type"] and (kind != "TransformStep" or key in entity):
            entity[key] = value
    with pytest.raises(NotACrate, match=complaint):
        read_pages(metadata)
    faults = []
    read_pages(metadata, lambda *fault: faults.append(fault))
    assert faults


def test_our_terms_live_in_one_namespace():
    assert TERMS["bc"] == BC
    assert all(not isinstance(value, str) or "://" in value for value in TERMS.values())
