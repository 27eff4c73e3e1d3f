"""Builds of small studies: what goes wrong stays where it is, and nothing is lost."""

import json
import os
import shutil
import zipfile
from pathlib import Path

import pytest
import tifffile
from drawn_study import FIGURE, TIFF, ZARR, write_drawn_study
from imagewriters import make_pixels

from biocodes_crate.crate import edges_json, open_crate, read_pages
from biocodes_crate.errors import CannotWrite, NotAStudy
from biocodes_crate.pipeline import build_study
from biocodes_crate.progress import Progress
from biocodes_crate.validation import validate_crate

MADE = {"ro-crate-metadata.json", "ro-crate-preview.html", "codes/planes.parquet", "provenance/edges.jsonld"}


@pytest.fixture(scope="session")
def drawn(tmp_path_factory):
    """A drawn study. Read only."""
    return write_drawn_study(tmp_path_factory.mktemp("drawn") / "Stüdy #1")


@pytest.fixture
def study(drawn, tmp_path):
    """A drawn study of one's own."""
    return Path(shutil.copytree(drawn, tmp_path / "Stüdy #1"))


def files_of(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def ids(result) -> set[str]:
    return {finding.id for finding in result.findings}


def errors(crate: Path) -> list:
    return [finding for finding in validate_crate(crate).findings if finding.severity.value == "error"]


def sources(crate: Path) -> list[tuple]:
    with open_crate(crate) as reader:
        pages = edges_json(read_pages(reader.metadata))
    return [(e["status"], e["image"], e["z"]) for page in pages for panel in page["panels"] for e in panel["edges"]]


def test_a_build_in_place_adds_only_metadata(study):
    before = files_of(study)
    result = build_study(study)
    after = files_of(study)
    assert set(after) - set(before) == MADE
    assert all(after[name] == content for name, content in before.items())
    assert (result.images, result.planes, result.figures, result.panels, result.backed) == (2, 3, 1, 2, 2)
    assert result.preview == study / "ro-crate-preview.html"


def test_names_with_spaces_umlauts_and_hashes_are_traced_and_valid(study):
    build_study(study)
    assert sources(study) == [("verified", TIFF, 0), ("verified", ZARR, 1)]
    assert errors(study) == []


def test_a_zip_is_a_complete_crate_with_the_dotfiles_of_ome_zarr(study, tmp_path):
    before = files_of(study)
    out = tmp_path / "out.zip"
    result = build_study(study, out)
    assert files_of(study) == before
    assert result.preview is None
    with zipfile.ZipFile(out) as archive:
        assert set(archive.namelist()) == set(before) | MADE
        assert f"{ZARR}/.zattrs" in archive.namelist()
    assert errors(out) == []
    assert sources(out) == [("verified", TIFF, 0), ("verified", ZARR, 1)]


def test_a_folder_elsewhere_is_a_complete_crate(study, tmp_path):
    before = files_of(study)
    out = tmp_path / "out"
    build_study(study, out)
    assert files_of(study) == before
    assert set(files_of(out)) == set(before) | MADE
    assert errors(out) == []


def test_a_study_that_cannot_be_written_to_stops_before_any_work(study, monkeypatch):
    monkeypatch.setattr(os, "access", lambda *_: False)
    steps = []
    with pytest.raises(CannotWrite):
        build_study(study, on_progress=steps.append)
    assert not steps


def test_the_files_of_a_set_are_one_image(study):
    pixels = make_pixels((2, 1, 16, 16))
    names = [study / "images" / f"set_{i}.ome.tif" for i in range(2)]
    xml = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="Image:0"><Pixels ID="Pixels:0" '
        'DimensionOrder="XYZCT" Type="uint16" SizeX="16" SizeY="16" SizeZ="1" SizeC="1" SizeT="2">'
        '<Channel ID="Channel:0" SamplesPerPixel="1"/>'
        + "".join(
            f'<TiffData IFD="0" FirstT="{i}" PlaneCount="1"><UUID FileName="set_{i}.ome.tif">urn:uuid:{i:032}</UUID></TiffData>'
            for i in range(2)
        )
        + "</Pixels></Image></OME>"
    )
    for i, name in enumerate(names):
        tifffile.imwrite(name, pixels[i, 0], description=xml, metadata=None)
    result = build_study(study)
    assert (result.images, result.planes) == (3, 5)
    assert errors(study) == []


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_study_is_built_elsewhere(study, tmp_path):
    for path in [study, *study.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    try:
        with pytest.raises(CannotWrite):
            build_study(study)
        build_study(study, tmp_path / "out.zip")
    finally:
        for path in [study, *study.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)
    assert errors(tmp_path / "out.zip") == []


def test_the_output_may_not_lie_within_the_study(study):
    with pytest.raises(CannotWrite):
        build_study(study, study / "out")


def test_a_crate_of_somebody_else_is_not_overwritten(study):
    (study / "ro-crate-metadata.json").write_text('{"@context": "x", "@graph": []}')
    before = files_of(study)
    with pytest.raises(CannotWrite):
        build_study(study)
    assert files_of(study) == before


def test_a_corrupt_image_is_a_finding_and_the_rest_builds(study):
    path = study / TIFF
    path.write_bytes(path.read_bytes()[:300])
    chunk = next(p for p in sorted((study / ZARR / "0").rglob("*")) if p.is_file() and not p.name.startswith("."))
    result = build_study(study)
    assert "image-unreadable" in ids(result)
    assert sources(study) == [("verified", ZARR, 1)]
    assert errors(study) == []
    chunk.write_bytes(b"no chunk")
    result = build_study(study)
    assert {f.entity for f in result.findings if f.id == "image-unreadable"} == {TIFF, ZARR}
    assert result.images == 0
    assert errors(study) == []


def test_an_unreadable_figure_is_a_finding_and_the_rest_builds(study):
    (study / "figures" / "fig2.png").write_bytes(b"no picture")
    (study / "figures" / "fig3.pdf").write_bytes(b"%PDF-no")
    result = build_study(study)
    assert {f.entity for f in result.findings if f.id == "figure-unreadable"} == {
        "figures/fig2.png",
        "figures/fig3.pdf",
    }
    assert result.figures == 1
    assert len(sources(study)) == 2
    assert errors(study) == []


def test_a_study_without_images_builds(study):
    shutil.rmtree(study / "images")
    result = build_study(study)
    assert {"no-images", "panel-without-source"} <= ids(result)
    assert errors(study) == []


def test_a_study_without_figures_builds(study):
    shutil.rmtree(study / "figures")
    result = build_study(study)
    assert "no-figures" in ids(result)
    assert result.planes == 3
    assert errors(study) == []


def test_an_empty_folder_builds_and_says_what_is_missing(tmp_path):
    result = build_study(tmp_path)
    assert {"no-images", "no-figures"} <= ids(result)
    assert result.iscc is None
    assert errors(tmp_path) == []


def test_what_is_no_study_stops(tmp_path):
    with pytest.raises(NotAStudy):
        build_study(tmp_path / "gone")


@pytest.mark.parametrize("step", ["images", "figures", "tracing"])
def test_an_interrupted_build_leaves_the_study_as_it_was(study, step):
    build_study(study)
    before = files_of(study)
    (study / "images" / "new.tif").write_bytes((study / TIFF).read_bytes())

    def interrupt(progress: Progress) -> None:
        if progress.step.startswith(step):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_study(study, use_cache=False, on_progress=interrupt)
    after = files_of(study)
    del after["images/new.tif"]
    assert after == before


@pytest.mark.parametrize("out", ["out.zip", "out"])
def test_an_interrupted_copy_leaves_nothing_behind(study, tmp_path, out):
    def interrupt(progress: Progress) -> None:
        if progress.step in {"copying files", "packing files"} and progress.done > 2:
            raise KeyboardInterrupt

    before = set(tmp_path.iterdir())
    with pytest.raises(KeyboardInterrupt):
        build_study(study, tmp_path / out, on_progress=interrupt)
    assert set(tmp_path.iterdir()) == before


def test_what_changed_is_done_again_and_nothing_else(study):
    build_study(study)
    steps: list[str] = []
    build_study(study, on_progress=lambda progress: steps.append(progress.step))
    assert not any(step.startswith(("tracing", "coding")) for step in steps)
    (study / "study.yaml").write_text(
        f"figures: [{{path: {json.dumps(FIGURE)}, panels: [{{box: [20, 20, 180, 160], sources: [{{image: {ZARR}, z: 0}}]}}]}}]"
    )
    result = build_study(study)
    assert "declaration-contradicted" in ids(result)


def test_without_the_cache_the_same_crate_is_made(study):
    now = build_study(study).pages
    again = build_study(study, use_cache=False).pages
    assert edges_json(now) == edges_json(again)


def test_links_out_of_the_study_are_left_out(study, tmp_path):
    secret = tmp_path / "secret.txt"
    secret.write_text("secret")
    (study / "link.txt").symlink_to(secret)
    build_study(study, tmp_path / "out.zip")
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert "link.txt" not in archive.namelist()


def test_a_crate_can_be_built_again_from_its_zip(study, tmp_path):
    build_study(study, tmp_path / "out.zip")
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        archive.extractall(tmp_path / "again")
    result = build_study(tmp_path / "again")
    assert result.backed == 2
    assert sources(tmp_path / "again") == sources(tmp_path / "out.zip")


def test_a_page_that_cannot_be_drawn_is_a_finding_and_no_old_page_stays(study, monkeypatch):
    build_study(study)

    def fail(view):
        raise LookupError("no <b>such</b> thing \udcff")

    monkeypatch.setattr("biocodes_crate.pipeline.build.report_html", fail)
    result = build_study(study)
    assert result.backed == 2
    assert "preview-failed" in ids(result)
    page = (study / "ro-crate-preview.html").read_text(encoding="utf-8")
    assert "LookupError: no &lt;b&gt;such&lt;/b&gt; thing" in page
    assert "panel" not in page
    assert "preview-failed" in (study / "ro-crate-metadata.json").read_text(encoding="utf-8")
    assert errors(study) == []
    monkeypatch.undo()
    assert "preview-failed" not in ids(build_study(study))
