"""The example study gives its known truth, and its crate is sound."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import rdflib
import tifffile
from rocrate.rocrate import ROCrate

from biocodes_crate.crate import edges_json, open_crate, read_pages
from biocodes_crate.crate.linked_data import edges_query, load_graph
from biocodes_crate.pipeline import build_study, trace_one
from biocodes_crate.validation import validate_crate

EXACT = ("status", "image", "scene", "z", "c", "t", "projection")


def metadata_of(crate: Path) -> dict:
    with open_crate(crate) as reader:
        return reader.metadata


def in_order(edges: list[dict]) -> list[dict]:
    return sorted(edges, key=lambda edge: [str(edge[key]) for key in EXACT])


def assert_as_known(pages: list[dict], truth: list[dict]) -> None:
    assert [page["figure"] for page in pages] == [page["figure"] for page in truth]
    for page, known_page in zip(pages, truth, strict=True):
        assert [panel["label"] for panel in page["panels"]] == [panel["label"] for panel in known_page["panels"]]
        for panel, known in zip(page["panels"], known_page["panels"], strict=True):
            assert panel["kind"] == known["kind"]
            assert np.abs(np.subtract(panel["box"], known["box"])).max() <= 2
            found, wanted = in_order(panel["edges"]), in_order(known["edges"])
            assert [[edge[key] for key in EXACT] for edge in found] == [[edge[key] for key in EXACT] for edge in wanted]
            for edge, known_edge in zip(found, wanted, strict=True):
                if edge["status"] == "verified":
                    assert np.abs(np.subtract(edge["region"], known_edge["region"])).max() <= 1


def test_the_edges_of_the_example_are_the_known_truth(example_crate, example_truth):
    assert_as_known(edges_json(read_pages(metadata_of(example_crate))), example_truth)


def test_the_example_is_valid(example_crate):
    report = validate_crate(example_crate)
    assert report.valid, report.findings


def test_the_example_loads_in_rocrate(example_crate):
    crate = ROCrate(example_crate)
    assert crate.name == "Spindles, envelopes and mitochondria"
    assert crate.dereference("figures/fig1.png") is not None


def test_one_query_lists_panel_image_plane_status_and_correlation(example_crate, example_truth):
    rows = list(load_graph(metadata_of(example_crate)).query(edges_query()))
    statuses = [str(row.status) for row in rows]
    known = [edge["status"] for page in example_truth for panel in page["panels"] for edge in panel["edges"]]
    assert sorted(statuses) == sorted(known)
    verified = [row for row in rows if str(row.status) == "verified"]
    assert all(isinstance(row.correlation, rdflib.Literal) and float(row.correlation) > 0.9 for row in verified)


def test_a_figure_is_traced_in_a_study_without_a_crate(example_crate, example_truth, tmp_path):
    figure = tmp_path / "found somewhere.jpg"
    shutil.copy(example_crate / "figures" / "fig2.jpg", figure)
    pages, _ = trace_one(figure, example_crate)
    (page,) = edges_json(pages)
    known = example_truth[1]["panels"]
    found = [[edge[key] for key in EXACT] for panel in page["panels"] for edge in panel["edges"]]
    assert found == [[edge[key] for key in EXACT] for panel in known for edge in panel["edges"]]


@pytest.fixture
def changed(example_crate, tmp_path):
    return Path(shutil.copytree(example_crate, tmp_path / "changed"))


def errors(crate: Path) -> set[str]:
    return {finding.entity for finding in validate_crate(crate).findings if finding.severity.value == "error"}


def test_one_flipped_pixel_is_found_and_named(changed):
    path = changed / "images" / "mitochondria.tif"
    pixels = tifffile.imread(path)
    pixels[100, 100] ^= 1
    tifffile.imwrite(path, pixels, compression="zlib", metadata=None)
    assert any("mitochondria.tif" in entity for entity in errors(changed))
    assert not any("fig1" in entity or "hela" in entity for entity in errors(changed))


def test_one_edited_edge_is_found_and_named(changed):
    path = changed / "ro-crate-metadata.json"
    metadata = json.loads(path.read_text())
    edge = next(e for e in metadata["@graph"] if e.get("verificationStatus") == {"@id": "bc:contradicted"})
    edge["verificationStatus"] = {"@id": "bc:verified"}
    path.write_text(json.dumps(metadata))
    assert any(edge["@id"] in entity for entity in errors(changed))


def test_one_deleted_figure_is_found_and_named(changed):
    (changed / "figures" / "fig3.tif").unlink()
    assert any("fig3.tif" in entity for entity in errors(changed))


def test_a_second_build_changes_nothing_but_dates(changed):
    def state() -> dict[str, bytes]:
        return {
            str(path.relative_to(changed)): path.read_bytes()
            for path in sorted(changed.rglob("*"))
            if path.is_file() and path.name != "ro-crate-preview.html"
        }

    def undated(metadata: bytes) -> list:
        graph = json.loads(metadata)["@graph"]
        return [{k: v for k, v in entity.items() if k not in {"datePublished", "endTime"}} for entity in graph]

    before = state()
    build_study(changed)
    after = state()
    assert before.keys() == after.keys()
    metadata = {"ro-crate-metadata.json"}
    assert {name for name in before if before[name] != after[name]} <= metadata
    assert undated(before["ro-crate-metadata.json"]) == undated(after["ro-crate-metadata.json"])
