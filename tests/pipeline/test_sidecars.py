"""What `crate watch` coded is found again by `build`."""

from __future__ import annotations

import json
import os

import pytest
from imagewriters import make_pixels, write_ome_tiff, write_ome_zarr

from biocodes_crate.codes import default_cache
from biocodes_crate.codes.units import SumHasher
from biocodes_crate.images import pixels as reading
from biocodes_crate.pipeline import build_study
from biocodes_crate.validation import Level, validate_crate
from biocodes_crate.watch import Rhythm, sidecar_path, watch_folder

QUICK = Rhythm(0.02, 0.05)


@pytest.fixture
def study(tmp_path):
    """With a TIFF and an OME-Zarr, coded by a watcher."""
    images = tmp_path / "study" / "images"
    images.mkdir(parents=True)
    write_ome_tiff(images / "a.ome.tif", [make_pixels((1, 2, 2, 40, 50))])
    write_ome_zarr(images / "b.zarr", make_pixels((1, 1, 2, 40, 50), seed=1))
    watch_folder(images, once=True, rhythm=QUICK, cache=default_cache())
    return tmp_path / "study"


def graph(root):
    document = json.loads((root / "ro-crate-metadata.json").read_text())
    return {entity["@id"]: entity for entity in document["@graph"]}


def test_the_crate_says_when_and_by_what_each_image_was_first_coded(study):
    path = sidecar_path(study / "images" / "a.ome.tif")
    document = json.loads(path.read_text())
    document["metadata"]["biocodes-crate"] |= {
        "computed": "2025-05-04T03:02:01+00:00",
        "software": "biocodes-crate 0.0.9",
    }
    path.write_text(json.dumps(document))
    build_study(study)
    entities = graph(study)
    action = entities["#first-coding/images/a.ome.tif"]
    assert action["@type"] in ("CreateAction", ["CreateAction"])
    assert action["endTime"] == "2025-05-04T03:02:01+00:00"
    assert action["object"] == {"@id": "images/a.ome.tif"}
    software = entities[action["instrument"]["@id"]]
    assert (software["name"], software["version"]) == ("biocodes-crate", "0.0.9")
    image = entities["images/a.ome.tif"]
    assert {"@id": image["iscc_code"]} in action["result"]
    assert {"@id": image["iscc_code"]}["@id"] == document["iscc_code"]
    assert {ref["@id"] for ref in entities["./"]["mentions"]} == {
        "#run", "#first-coding/images/a.ome.tif", "#first-coding/images/b.zarr/",
    }  # fmt: skip
    report = validate_crate(study, Level.INTEGRITY)
    assert [finding for finding in report.findings if finding.severity.value != "info"] == [
        finding for finding in report.findings if finding.id in {"license-not-stated", "author-missing"}
    ]


def test_build_reads_no_pixel_of_what_was_coded_by_watch(study, monkeypatch):
    def read(*_args):
        raise AssertionError("pixels were read")

    monkeypatch.setattr(reading.GuardedSource, "_read", read)
    # The page of a crate shows pictures, which are painted from pixels; it is not asked for here.
    from biocodes_crate.pipeline.images import code_images
    from biocodes_crate.study import read_study

    made = code_images(study, read_study(study).images, cache=default_cache())
    assert len(made.coded) == 2
    assert not made.unreadable


def test_sidecars_are_no_part_of_the_code_of_the_study(study):
    before = build_study(study).iscc
    for path in study.rglob("*.iscc.json"):
        path.unlink()
    after = build_study(study)
    assert after.iscc == before is not None
    assert "mentions" in graph(study)["./"]
    assert graph(study)["./"]["mentions"] == {"@id": "#run"}


def test_sidecars_go_along_into_a_copy_of_the_study(study, tmp_path):
    build_study(study, tmp_path / "out")
    assert (tmp_path / "out" / "images" / "a.ome.tif.iscc.json").is_file()
    assert validate_crate(tmp_path / "out", Level.INTEGRITY).exit_code == 0


def test_an_image_that_is_not_what_was_coded_is_told(study):
    write_ome_tiff(study / "images" / "a.ome.tif", [make_pixels((1, 2, 2, 40, 50), seed=7)])
    result = build_study(study)
    (finding,) = [finding for finding in result.findings if finding.id == "sidecar-differs"]
    assert (finding.entity, finding.severity.value) == ("images/a.ome.tif", "warning")
    assert "#first-coding/images/a.ome.tif" not in graph(study)
    assert "#first-coding/images/b.zarr/" in graph(study)


def test_the_same_pixels_in_another_file_are_told_apart_from_other_pixels(study):
    path = study / "images" / "a.ome.tif"
    write_ome_tiff(path, [make_pixels((1, 2, 2, 40, 50))], compression="zlib")
    (finding,) = [finding for finding in build_study(study).findings if finding.id == "sidecar-differs"]
    assert finding.severity.value == "info"
    assert "pixels are the same" in finding.message


@pytest.mark.parametrize(
    "change",
    [
        {"computed": "yesterday"},
        {"computed": "2025-01-01T00:00:00"},
        {"software": "<script>alert(1)</script>"},
        {"software": "other 1.0"},
        {"files": [1]},
        {"inode": "x"},
        {"state": None},
    ],
)
def test_a_sidecar_that_makes_no_sense_is_not_believed(study, change):
    path = sidecar_path(study / "images" / "a.ome.tif")
    document = json.loads(path.read_text())
    document["metadata"]["biocodes-crate"] |= change
    path.write_text(json.dumps(document))
    os.utime(path)
    build_study(study)
    assert "#first-coding/images/a.ome.tif" not in graph(study)


def test_a_second_build_hashes_no_file_of_images_again(study, monkeypatch):
    """Nothing twice: neither pixels nor raw bytes; the page alone paints a picture of each image."""
    build_study(study)
    hashed = []
    real = SumHasher.update
    monkeypatch.setattr(SumHasher, "update", lambda self, data: hashed.append(len(data)) or real(self, data))
    again = build_study(study)
    sidecars = sum(path.stat().st_size for path in study.rglob("*.iscc.json"))
    assert sum(hashed) <= sidecars  # which are files of the study like any other
    assert again.iscc is not None
