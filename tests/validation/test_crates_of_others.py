"""Crates that other tools wrote: judged as far as it goes, told what they lack, and never a crash."""

import json
from pathlib import Path

import pytest

from biocodes_crate.crate import METADATA, open_crate, read_pages
from biocodes_crate.errors import CannotExport, NotACrate
from biocodes_crate.export import ExportFormat, Place, export_crate
from biocodes_crate.validation import Level, validate_crate

CRATES = sorted((Path(__file__).parents[1] / "data" / "crates").glob("*.json"))


def written_by_ro_crate_py(folder, version):
    rocrate = pytest.importorskip("rocrate.rocrate")
    from rocrate.model import Person

    source = folder / "source.csv"
    source.write_text("1,2\n")
    crate = rocrate.ROCrate(version=version)
    crate.name, crate.description = "Measurements", "A crate made with ro-crate-py."
    crate.license = "https://creativecommons.org/licenses/by/4.0/"
    file = crate.add_file(source, dest_path="data/a b.csv", properties={"encodingFormat": "text/csv"})
    file["author"] = crate.add(Person(crate, "#ada", properties={"name": "Ada"}))
    crate.write_zip(folder / "crate.zip")
    return folder / "crate.zip"


def laid_out(metadata, folder):
    (folder / "crate").mkdir()
    (folder / "crate" / METADATA).write_bytes(metadata.read_bytes())
    return folder / "crate"


def use(path):
    """Whatever can be done with a crate."""
    reports = {level: validate_crate(path, level) for level in Level}
    with open_crate(path) as crate:
        read_pages(crate.metadata, lambda *_: None)
        for form in ExportFormat:
            try:
                export_crate(crate, form, Place("https://repository.example/records/7"))
            except (CannotExport, NotACrate):
                continue
    return reports


@pytest.mark.parametrize("metadata", CRATES, ids=lambda path: path.stem)
def test_a_crate_of_others_is_told_what_it_lacks(metadata, tmp_path):
    reports = use(laid_out(metadata, tmp_path))
    assert "profile-not-claimed" in {finding.id for finding in reports[Level.METADATA].findings}


def test_files_that_the_metadata_of_others_name_are_looked_for(tmp_path):
    path = laid_out(next(path for path in CRATES if path.stem == "runcrate"), tmp_path)
    found = [finding.id for finding in validate_crate(path, Level.INTEGRITY).findings]
    named = {e["@id"] for e in json.loads((path / METADATA).read_text())["@graph"] if e["@type"] == "File"}
    assert found.count("file-missing") >= len(named) > 0


@pytest.mark.parametrize("version", ["1.1", "1.2", "1.3"])
def test_a_crate_of_ro_crate_py_is_valid_at_every_level(version, tmp_path):
    reports = use(written_by_ro_crate_py(tmp_path, version))
    for report in reports.values():
        assert report.valid, report.findings
        assert "profile-not-claimed" in {finding.id for finding in report.findings}


def test_a_term_that_the_context_of_the_ngff_challenge_lacks_is_named(tmp_path):
    path = laid_out(next(path for path in CRATES if path.stem == "ngff-challenge"), tmp_path)
    found = validate_crate(path, Level.METADATA).findings
    assert "fbbi_id" in {finding.property for finding in found if finding.id == "term-undefined"}
    with open_crate(path) as crate:
        assert "NCBI:txid9606" in export_crate(crate, ExportFormat.TURTLE).text
