"""What is remembered of earlier runs saves time when a crate is built; checks read the files."""

import os

import pytest
import tifffile
from small_study import TIFF, write_study

from biocodes_crate.codes import CodeCache
from biocodes_crate.codes.cache import content_key
from biocodes_crate.images import open_image
from biocodes_crate.pipeline import build_study
from biocodes_crate.validation import Level, validate_crate


@pytest.mark.parametrize("level", [Level.INTEGRITY, Level.PROVENANCE])
def test_a_changed_pixel_is_found_although_the_cache_takes_the_file_for_unchanged(tmp_path, monkeypatch, level):
    """The file has the size and the times of before, so that the cache gives the codes of before."""
    monkeypatch.setenv("BIOCODES_CACHE", str(tmp_path / "cache"))
    study = tmp_path / "study"
    study.mkdir()
    write_study(study)
    image = study / TIFF
    build_study(study)
    cache = CodeCache(tmp_path / "cache")
    key = content_key(open_image(image))
    remembered = cache.get(key)
    assert remembered is not None, "the build remembered nothing"
    assert validate_crate(study, level).valid

    status = image.stat()
    with tifffile.TiffFile(image) as tiff:
        offset = tiff.pages[1].dataoffsets[0]
    with image.open("r+b") as file:
        file.seek(offset + 1000)
        byte = file.read(1)[0]
        file.seek(offset + 1000)
        file.write(bytes([byte ^ 1]))
    os.utime(image, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert content_key(open_image(image)) == key, "the cache would know"
    assert cache.get(key).codes == remembered.codes

    report = validate_crate(study, level)
    assert not report.valid
    assert any("zellen" in (finding.entity or "") for finding in report.findings)
