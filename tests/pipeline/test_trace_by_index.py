"""A crate with its index: figures are traced in it, and images are neither unpacked nor coded again."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from biocodes_crate.crate import INDEX_FILE
from biocodes_crate.findings import Severity
from biocodes_crate.pipeline import build_study, trace_one
from biocodes_crate.pipeline import trace as trace_module
from biocodes_crate.tracing import Status
from biocodes_crate.validation import Level, validate_crate

EXAMPLE = Path(__file__).parents[2] / "examples/study"


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory, own_cache: Path) -> Path:
    out = tmp_path_factory.mktemp("packed") / "study.zip"
    build_study(EXAMPLE, out, with_index=True)
    return out


def _verified(pages: tuple) -> list[tuple]:
    return [
        (panel.label, edge.image, edge.source)
        for page in pages
        for panel in page.panels
        for edge in panel.edges
        if edge.status is Status.VERIFIED
    ]


def test_a_zip_with_its_index_is_traced_in_without_its_images_being_coded_or_unpacked(
    packed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    figure = EXAMPLE / "figures/fig1.png"
    expected = _verified(trace_one(figure, EXAMPLE)[0])

    def refuse(*arguments: object, **options: object) -> None:
        raise AssertionError("the images were unpacked or coded")

    monkeypatch.setattr(trace_module, "extract", refuse)
    monkeypatch.setattr(trace_module, "code_images", refuse)
    pages, findings = trace_one(figure, packed)
    assert _verified(pages) == expected != []
    assert findings == ()


def test_a_crate_with_its_index_is_valid(packed: Path) -> None:
    report = validate_crate(packed, Level.INTEGRITY)
    assert not [f for f in report.findings if f.severity is Severity.ERROR]
    assert not [f for f in report.findings if INDEX_FILE in f.entity]


def test_an_index_whose_checksum_is_wrong_is_not_needed(packed: Path, tmp_path: Path) -> None:
    figure = EXAMPLE / "figures/fig1.png"
    with zipfile.ZipFile(packed) as archive:
        item = archive.getinfo(INDEX_FILE)
    data = bytearray(packed.read_bytes())
    start = item.header_offset + 30 + len(INDEX_FILE)
    data[start + 1000 : start + 1100] = bytes(100)
    copy = tmp_path / "flipped.zip"
    copy.write_bytes(data)
    with zipfile.ZipFile(copy) as archive, pytest.raises(zipfile.BadZipFile):
        archive.read(INDEX_FILE)
    assert _verified(trace_one(figure, copy)[0]) == _verified(trace_one(figure, EXAMPLE)[0])


def test_a_damaged_index_is_not_needed(packed: Path, tmp_path: Path) -> None:
    figure = EXAMPLE / "figures/fig1.png"
    expected = _verified(trace_one(figure, EXAMPLE)[0])
    copy = tmp_path / "damaged.zip"
    with zipfile.ZipFile(packed) as whole, zipfile.ZipFile(copy, "w") as damaged:
        for item in whole.infolist():
            data = whole.read(item)
            damaged.writestr(item, data[: len(data) // 2] if item.filename == INDEX_FILE else data)
    assert _verified(trace_one(figure, copy)[0]) == expected


def test_an_index_written_in_place_is_kept_up_to_date(tmp_path: Path) -> None:
    study = tmp_path / "study"
    shutil.copytree(EXAMPLE, study)
    for path in (study / "figures").iterdir():
        path.unlink()
    build_study(study, with_index=True)
    first = (study / INDEX_FILE).read_bytes()
    shutil.rmtree(study / "images/mitosis.ome.zarr")
    build_study(study)
    assert (study / INDEX_FILE).read_bytes() != first
    assert not list((study / "codes").glob(".*"))


def test_a_damaged_image_in_a_zip_is_a_finding_and_the_others_are_traced_in(tmp_path: Path) -> None:
    whole = tmp_path / "whole.zip"
    build_study(EXAMPLE, whole)
    with zipfile.ZipFile(whole) as archive:
        item = archive.getinfo("images/mitochondria.tif")
    data = bytearray(whole.read_bytes())
    start = item.header_offset + 30 + len(item.filename)
    data[start + 5000 : start + 5100] = bytes(100)
    copy = tmp_path / "flipped.zip"
    copy.write_bytes(data)
    pages, findings = trace_one(EXAMPLE / "figures/fig1.png", copy)
    assert _verified(pages) == _verified(trace_one(EXAMPLE / "figures/fig1.png", EXAMPLE)[0])
    assert {f.entity for f in findings} == {"images/mitochondria.tif"}
    assert {f.id for f in findings} == {"file-unreadable", "image-unreadable"}


def test_a_damaged_chunk_in_a_zip_never_becomes_pixels(tmp_path: Path) -> None:
    whole = tmp_path / "whole.zip"
    build_study(EXAMPLE, whole)
    with zipfile.ZipFile(whole) as archive:
        chunk = max(
            (i for i in archive.infolist() if i.filename.startswith("images/mitosis.ome.zarr/")),
            key=lambda i: i.file_size,
        )
    data = bytearray(whole.read_bytes())
    start = chunk.header_offset + 30 + len(chunk.filename)
    data[start + 50 : start + 60] = bytes(b ^ 255 for b in data[start + 50 : start + 60])
    copy = tmp_path / "flipped.zip"
    copy.write_bytes(data)
    pages, findings = trace_one(EXAMPLE / "figures/fig1.png", copy)
    assert _verified(pages) == []
    assert {(f.id, f.entity) for f in findings} >= {
        ("file-unreadable", chunk.filename),
        ("image-unreadable", "images/mitosis.ome.zarr"),
    }
