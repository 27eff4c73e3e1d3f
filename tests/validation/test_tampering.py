"""The tampering matrix: each change of a crate, and exactly the findings that come of it."""

import json
import shutil
import zipfile

import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image as Pillow
from small_study import FIGURE, TIFF, ZARR, build, write_study

from biocodes_crate.crate import METADATA, read_pages, write_zip
from biocodes_crate.crate.content import GENERATED
from biocodes_crate.findings import Severity
from biocodes_crate.validation import Level, validate_crate

TIFF_ID = "images/zellen%201.ome.tif"
ZARR_ID = "images/stack.ome.zarr/"
FIGURE_ID = "figures/fig%20%231.png"
PANEL = f"#{FIGURE_ID}/page/1/panel"
EDGE = f"{PANEL}/0/edge/0"


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    root = tmp_path_factory.mktemp("built") / "study"
    root.mkdir()
    write_study(root)
    build(root)
    return root


@pytest.fixture
def crate(built, tmp_path):
    return shutil.copytree(built, tmp_path / "crate")


def found(path, level=Level.PROVENANCE, severities=(Severity.ERROR, Severity.WARNING)):
    report = validate_crate(path, level)
    assert report.valid == (not any(finding.severity is Severity.ERROR for finding in report.findings))
    return {(finding.id, finding.entity) for finding in report.findings if finding.severity in severities}


def edit(crate, entity_id, **properties):
    metadata = json.loads((crate / METADATA).read_text(encoding="utf-8"))
    entity = next(entity for entity in metadata["@graph"] if entity["@id"] == entity_id)
    entity.update(properties)
    (crate / METADATA).write_text(json.dumps(metadata, ensure_ascii=False), encoding="utf-8")


def flip_tiff_pixel(crate, plane=1):
    with tifffile.TiffFile(crate / TIFF) as file:
        page = file.pages[plane]
        offset = page.dataoffsets[0]
    with (crate / TIFF).open("r+b") as file:
        file.seek(offset + 1000)
        byte = file.read(1)
        file.seek(offset + 1000)
        file.write(bytes([byte[0] ^ 1]))


def test_a_crate_that_nobody_touched_is_valid_with_every_panel_proven(built):
    assert found(built) == set()
    pages = read_pages(json.loads((built / METADATA).read_text(encoding="utf-8")))
    edges = [(edge.status.value, edge.image, edge.source.z) for panel in pages[0].panels for edge in panel.edges]
    assert edges == [("verified", TIFF, 0), ("verified", ZARR, 1)]


def test_one_flipped_pixel_names_image_scene_and_plane(crate):
    flip_tiff_pixel(crate)
    scene = "#images/zellen%201.ome.tif/scene/0"
    assert found(crate) == {
        ("code-differs", TIFF_ID),
        ("scene-code-differs", scene),
        ("plane-code-differs", f"{scene}/plane/z0c1t0"),
    }


def test_swapped_planes_refute_the_edge(crate):
    array = zarr.open_array(crate / ZARR / "0", mode="r+")
    array[:] = array[:][:, :, [0, 2, 1]]
    names = found(crate)
    scene = "#images/stack.ome.zarr/scene/0"
    assert names == {
        ("code-differs", ZARR_ID),
        ("scene-code-differs", scene),
        ("plane-code-differs", f"{scene}/plane/z1c0t0"),
        ("plane-code-differs", f"{scene}/plane/z2c0t0"),
        ("edge-refuted", f"{PANEL}/1/edge/0"),
    }


def test_a_deleted_figure_is_named_and_its_edges_are_open(crate):
    (crate / FIGURE).unlink()
    assert found(crate) == {
        ("file-missing", FIGURE_ID),
        ("edge-not-rechecked", EDGE),
        ("edge-not-rechecked", f"{PANEL}/1/edge/0"),
    }


def test_a_changed_figure_is_named_with_its_panel(crate):
    with Pillow.open(crate / FIGURE) as opened:
        pixels = np.array(opened)
    pixels[100:140, 100:140] = pixels[100:140, 200:240]
    Pillow.fromarray(pixels).save(crate / FIGURE)
    assert found(crate) == {
        ("size-differs", FIGURE_ID),
        ("code-differs", FIGURE_ID),
        ("panel-code-differs", f"{PANEL}/0"),
        ("evidence-differs", EDGE),
    }


def test_a_figure_replaced_by_another_one_refutes_its_edges(crate):
    with Pillow.open(crate / FIGURE) as opened:
        pixels = np.array(opened)
    pixels[20:320, 20:320], pixels[20:320, 380:680] = pixels[20:320, 380:680], pixels[20:320, 20:320].copy()
    Pillow.fromarray(pixels).save(crate / FIGURE)
    assert found(crate) == {
        ("size-differs", FIGURE_ID),
        ("code-differs", FIGURE_ID),
        ("panel-code-differs", f"{PANEL}/0"),
        ("panel-code-differs", f"{PANEL}/1"),
        ("edge-refuted", EDGE),
        ("edge-refuted", f"{PANEL}/1/edge/0"),
    }


def test_a_renamed_file_is_missing_and_unlisted(crate):
    (crate / "study.yaml").rename(crate / "notes.yaml")
    assert found(crate) == {("file-missing", "study.yaml"), ("file-unlisted", "notes.yaml")}


def test_a_renamed_image_is_missing_and_unlisted_and_leaves_its_edges_open(crate):
    (crate / TIFF).rename(crate / "images" / "cells.ome.tif")
    assert found(crate) == {
        ("file-missing", TIFF_ID),
        ("file-unlisted", "images/cells.ome.tif"),
        ("edge-not-rechecked", EDGE),
    }


def test_an_extra_file_is_a_warning(crate):
    (crate / "extra.txt").write_text("x")
    assert found(crate) == {("file-unlisted", "extra.txt")}


def test_another_file_of_the_same_size_is_named(crate):
    (crate / "study.yaml").write_text("title: Large\n")
    assert found(crate) == {("code-differs", "study.yaml")}


def test_the_code_of_another_file_is_named(crate):
    metadata = json.loads((crate / METADATA).read_text(encoding="utf-8"))
    other = next(entity for entity in metadata["@graph"] if entity["@id"] == FIGURE_ID)["iscc_code"]
    edit(crate, "study.yaml", iscc_code=other, identifier={"@id": other})
    assert found(crate) == {("code-differs", "study.yaml")}


def test_an_edge_pointed_to_the_neighbouring_plane_is_refuted(crate):
    edit(crate, f"{PANEL}/1/edge/0/region", isPartOf={"@id": "#z2"}, hasSource={"@id": "#z2"})
    edit(crate, f"{PANEL}/1", isBasedOn={"@id": "#z2"}, wasDerivedFrom={"@id": "#z2"})
    metadata = json.loads((crate / METADATA).read_text(encoding="utf-8"))
    plane = {"@id": "#z2", "@type": ["ImageObject", "ImagePlane"], "name": "z 2", "theZ": 2, "theC": 0, "theT": 0}
    metadata["@graph"].append({**plane, "isPartOf": {"@id": "#images/stack.ome.zarr/scene/0"}})
    (crate / METADATA).write_text(json.dumps(metadata, ensure_ascii=False), encoding="utf-8")
    assert found(crate, severities=[Severity.ERROR]) == {
        ("edge-refuted", f"{PANEL}/1/edge/0"),
        ("edges-file-differs", "provenance/edges.jsonld"),
    }


@pytest.mark.parametrize(
    ("entity", "change", "expected"),
    [
        (f"{EDGE}/evidence/correlation", {"value": 0.9}, {"evidence-differs"}),
        (f"{EDGE}/evidence/log10-false-alarm", {"value": -300}, {"evidence-differs"}),
        (
            f"{EDGE}/transform/0",
            {"panelToSource": "[[0.51,0,58],[0,0.51,38]]", "scaleFactor": 0.51},
            {"evidence-differs"},
        ),
        (
            f"{EDGE}/transform/0",
            {"panelToSource": "[[0.49878,0,60],[0,-0.49868,190]]", "flipped": True, "rotationDegrees": 180},
            {"edge-refuted"},
        ),
        (
            f"{EDGE}/transform/0",
            {"panelToSource": "[[0.49878,0,66],[0,0.49868,40]]"},
            {"edge-refuted", "transform-outside"},
        ),
        (f"{EDGE}/transform/1", {"inverted": True}, {"evidence-differs"}),
        (f"{EDGE}/transform/1", {"clipMax": 1500}, {"evidence-differs"}),
        (f"{EDGE}/transform/1", {"gamma": 2.2}, {"evidence-differs"}),
        (f"{EDGE}/transform/1", {"lut": "viridis"}, {"evidence-differs"}),
    ],
    ids=str,
)
def test_an_edited_edge_is_named(crate, entity, change, expected):
    edit(crate, entity, **change)
    assert found(crate) == {(name, EDGE) for name in expected} | {("edges-file-differs", "provenance/edges.jsonld")}


def test_an_edited_table_is_named(crate):
    import pyarrow.parquet as pq

    path = crate / "codes" / "planes.parquet"
    table = pq.read_table(path)
    pq.write_table(table.slice(1), path)
    assert found(crate) == {("table-differs", "codes/planes.parquet"), ("size-differs", "codes/planes.parquet")}


def test_a_corrupt_image_is_named_and_the_rest_is_checked(crate):
    chunk = next(path for path in sorted((crate / ZARR / "0" / "c").rglob("*")) if path.is_file())
    chunk.write_bytes(b"garbage")
    assert found(crate) == {
        ("code-differs", ZARR_ID),
        ("image-unreadable", ZARR_ID),
        ("edge-not-rechecked", f"{PANEL}/1/edge/0"),
    }


def test_an_image_with_a_link_in_it_is_not_opened(crate, tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    (crate / ZARR / "0" / "link").symlink_to(secret)
    assert found(crate) == {
        ("link-in-crate", f"{ZARR}/0/link"),
        ("not-checked", ZARR_ID),
        ("edge-not-rechecked", f"{PANEL}/1/edge/0"),
    }


def test_a_crate_made_by_software_that_knew_fewer_terms_is_valid(crate):
    for path in (crate / METADATA, crate / "provenance" / "edges.jsonld"):
        document = json.loads(path.read_text(encoding="utf-8"))
        assert document["@context"][1].pop("contentCredentials")
        path.write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")
    edit(crate, "provenance/edges.jsonld", contentSize=str((crate / "provenance" / "edges.jsonld").stat().st_size))
    assert found(crate) == set()


@pytest.fixture(scope="module")
def packed(built, tmp_path_factory):
    out = tmp_path_factory.mktemp("packed") / "crate.zip"
    files = {path: built / path for path in GENERATED if (built / path).exists()}
    payload = [path.relative_to(built).as_posix() for path in built.rglob("*") if path.is_file()]
    write_zip(built, out, payload, files)
    return out


def test_a_zip_is_validated_as_the_folder_is(packed):
    assert found(packed) == set()


def test_a_changed_file_in_a_zip_is_named(packed, tmp_path):
    out = tmp_path / "changed.zip"
    with zipfile.ZipFile(packed) as source, zipfile.ZipFile(out, "w") as target:
        for info in source.infolist():
            data = source.read(info)
            target.writestr(info, b"title: Changed\n" if info.filename == "study.yaml" else data)
    assert found(out, severities=[Severity.ERROR]) == {("size-differs", "study.yaml"), ("code-differs", "study.yaml")}


def test_a_bare_metadata_file_is_validated_as_far_as_it_goes(built):
    report = validate_crate(built / METADATA)
    assert report.valid
    assert report.level is Level.METADATA
    assert [finding.id for finding in report.findings] == ["level-reduced"]


def test_a_flipped_pixel_of_an_ome_zarr_in_a_zip_is_named(built, packed, tmp_path):
    crate = shutil.copytree(built, tmp_path / "crate")
    array = zarr.open_array(crate / ZARR / "0", mode="r+")
    array[0, 0, 1, 5, 5] += 1
    out = tmp_path / "changed.zip"
    with zipfile.ZipFile(out, "w") as target:
        for path in sorted(crate.rglob("*")):
            if path.is_file():
                target.write(path, f"crate/{path.relative_to(crate).as_posix()}")
    scene = "#images/stack.ome.zarr/scene/0"
    assert found(out) == {
        ("code-differs", ZARR_ID),
        ("scene-code-differs", scene),
        ("plane-code-differs", f"{scene}/plane/z1c0t0"),
    }
