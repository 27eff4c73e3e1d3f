import hashlib
import json
import os
import zipfile
from pathlib import Path

import pytest

import biocodes_crate.crate.write as write_module
from biocodes_crate.crate import open_crate, write_folder, write_in_place, write_zip
from biocodes_crate.crate.terms import PROFILE
from biocodes_crate.errors import CannotWrite

OURS = json.dumps({"@graph": [{"@id": "./", "conformsTo": {"@id": PROFILE}}]}).encode()
FILES = {
    "ro-crate-metadata.json": OURS,
    "ro-crate-preview.html": b"<!doctype html>biocodes",
    "codes/planes.parquet": b"PAR1",
    "provenance/edges.jsonld": b"{}",
}


@pytest.fixture
def study(tmp_path):
    root = tmp_path / "study"
    for path, content in {
        "images/a b.ome.zarr/.zattrs": b"{}",
        "images/a b.ome.zarr/.zgroup": b"{}",
        "images/a b.ome.zarr/0/0.0": os.urandom(2000),
        "figures/ü #1.png": b"png",
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(content)
    return root


def snapshot(root: Path) -> dict[str, bytes | None]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes() if path.is_file() else None
        for path in sorted(root.rglob("*"))
    }


def payload(root: Path) -> list[str]:
    return [path for path, content in snapshot(root).items() if content is not None]


def test_files_are_written_into_the_study_and_nothing_else_changes(study):
    before = snapshot(study)
    write_in_place(study, FILES)
    after = snapshot(study)
    assert {path: after[path] for path in FILES} == FILES
    assert {path: content for path, content in after.items() if path in before} == before
    assert len(after) == len(before) + len(FILES) + 2


def test_a_second_write_replaces_the_first(study):
    write_in_place(study, FILES)
    write_in_place(study, {**FILES, "codes/planes.parquet": b"PAR2"})
    assert (study / "codes/planes.parquet").read_bytes() == b"PAR2"
    assert not [path for path in snapshot(study) if path.endswith((".new", ".old"))]


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("calls", range(5))
@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_an_interrupted_write_leaves_the_study_as_it_was(study, monkeypatch, first, calls, error):
    if not first:
        write_in_place(study, FILES)
    before = snapshot(study)
    replace, left = Path.replace, [calls]

    def failing(self, target):
        if str(self).endswith(".new"):
            if not left[0]:
                raise error
            left[0] -= 1
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", failing)
    if calls >= len(FILES):
        return write_in_place(study, FILES)
    with pytest.raises((KeyboardInterrupt, CannotWrite)):
        write_in_place(study, {path: content + b" " for path, content in FILES.items()})
    assert snapshot(study) == before
    return None


def test_a_full_disk_leaves_the_study_as_it_was(study, monkeypatch):
    before = snapshot(study)
    store, left = write_module._store, [2]

    def failing(content, target):
        if not left[0]:
            target.write_bytes(b"half")
            raise OSError(28, "No space left on device")
        left[0] -= 1
        store(content, target)

    monkeypatch.setattr(write_module, "_store", failing)
    with pytest.raises(CannotWrite, match="No space left"):
        write_in_place(study, FILES)
    assert snapshot(study) == before


def test_a_crate_of_somebody_else_is_not_overwritten(study):
    (study / "ro-crate-metadata.json").write_text('{"@graph": [{"@id": "./"}]}')
    before = snapshot(study)
    with pytest.raises(CannotWrite, match="-o"):
        write_in_place(study, FILES)
    assert snapshot(study) == before


def test_a_preview_of_somebody_else_is_not_overwritten(study):
    (study / "ro-crate-preview.html").write_text("my own page")
    with pytest.raises(CannotWrite, match="preview"):
        write_in_place(study, FILES)


def test_nothing_is_written_through_a_link(study, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (study / "codes").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CannotWrite, match="link"):
        write_in_place(study, FILES)
    assert not list((tmp_path / "elsewhere").iterdir())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_study_gives_an_error_that_says_what_to_do(study):
    study.chmod(0o555)
    try:
        with pytest.raises(CannotWrite, match="-o"):
            write_in_place(study, FILES)
    finally:
        study.chmod(0o755)


def test_a_folder_holds_the_whole_crate(study, tmp_path):
    write_folder(study, tmp_path / "out", payload(study), FILES)
    assert snapshot(tmp_path / "out").items() >= {**snapshot(study), **FILES}.items()


def test_a_crate_of_ours_is_replaced_and_a_foreign_folder_is_not(study, tmp_path):
    out = tmp_path / "out"
    write_folder(study, out, payload(study), FILES)
    (out / "old.txt").write_text("left over")
    write_folder(study, out, payload(study), FILES)
    assert not (out / "old.txt").exists()
    (out / "ro-crate-metadata.json").unlink()
    with pytest.raises(CannotWrite, match="not empty"):
        write_folder(study, out, payload(study), FILES)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "study"]


def test_a_failed_copy_leaves_nothing_behind(study, tmp_path):
    with pytest.raises(CannotWrite):
        write_folder(study, tmp_path / "out", [*payload(study), "gone.tif"], FILES)
    with pytest.raises(CannotWrite):
        write_zip(study, tmp_path / "out.zip", [*payload(study), "gone.tif"], FILES)
    assert [path.name for path in tmp_path.iterdir()] == ["study"]


def test_a_copy_into_the_study_is_refused(study):
    with pytest.raises(CannotWrite, match="within the study"):
        write_zip(study, study / "out.zip", payload(study), FILES)
    with pytest.raises(CannotWrite, match="within the study"):
        write_folder(study, study, payload(study), FILES)


def test_a_link_out_of_the_study_is_not_copied(study, tmp_path):
    (tmp_path / "secret.txt").write_text("secret")
    (study / "link.txt").symlink_to(tmp_path / "secret.txt")
    with pytest.raises(CannotWrite, match="link"):
        write_zip(study, tmp_path / "out.zip", ["link.txt"], FILES)


def test_a_zip_holds_the_whole_crate_with_dotfiles_metadata_first(study, tmp_path):
    write_zip(study, tmp_path / "out.zip", payload(study), FILES)
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        names = archive.namelist()
        content = {name: archive.read(name) for name in names}
        assert archive.getinfo("images/a b.ome.zarr/0/0.0").compress_type == zipfile.ZIP_STORED
        assert archive.getinfo("images/a b.ome.zarr/.zattrs").compress_type == zipfile.ZIP_DEFLATED
    assert names[0] == "ro-crate-metadata.json"
    assert "images/a b.ome.zarr/.zgroup" in names
    assert content == {**{path: (study / path).read_bytes() for path in payload(study)}, **FILES}


def test_a_zip_of_the_same_content_has_the_same_bytes(study, tmp_path):
    digests = set()
    for name in ("a.zip", "b.zip"):
        write_zip(study, tmp_path / name, payload(study)[:: -1 if name == "b.zip" else 1], FILES)
        os.utime(study / "figures/ü #1.png", (1, 1))
        digests.add(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())
    assert len(digests) == 1


def test_a_zip_goes_past_four_gigabytes(study, tmp_path, monkeypatch):
    """The limit is lowered, so that no test writes 4 GiB: what is past it takes the ZIP64 path."""
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 1000)
    write_zip(study, tmp_path / "out.zip", payload(study), FILES)
    data = (tmp_path / "out.zip").read_bytes()
    assert b"PK\x06\x06" in data  # ZIP64 end of central directory
    with zipfile.ZipFile(tmp_path / "out.zip") as archive:
        assert archive.testzip() is None
        assert archive.read("images/a b.ome.zarr/0/0.0") == (study / "images/a b.ome.zarr/0/0.0").read_bytes()


def test_a_file_that_grows_while_it_is_packed_fails_the_zip(study, tmp_path, monkeypatch):
    class Stat:
        st_size = 1

    real = Path.stat
    monkeypatch.setattr(
        Path, "stat", lambda self, **kw: Stat() if self.name == "ü #1.png" else real(self, **kw)
    )  # fmt: skip
    with pytest.raises(CannotWrite, match="changed"):
        write_zip(study, tmp_path / "out.zip", ["figures/ü #1.png"], FILES)
    assert not (tmp_path / "out.zip").exists()


def test_what_was_written_opens_as_a_crate(study, tmp_path):
    write_zip(study, tmp_path / "out.zip", payload(study), FILES)
    write_folder(study, tmp_path / "out", payload(study), FILES)
    with open_crate(tmp_path / "out.zip") as packed, open_crate(tmp_path / "out") as copied:
        assert packed.files() == copied.files()
        assert packed.metadata == copied.metadata
        assert packed.open("figures/ü #1.png").read() == b"png"
        assert packed.is_folder("images/a b.ome.zarr")
        assert set(packed.below("images/a b.ome.zarr/0")) == {"images/a b.ome.zarr/0/0.0"}
