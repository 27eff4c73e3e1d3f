"""Codes are remembered by the state of the files, safely and never trusted blindly."""

import json
import multiprocessing
import os
import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
from imagewriters import make_pixels, write_ome_tiff, write_ome_zarr

from biocodes_crate.cli.app import app
from biocodes_crate.codes import (
    CodeCache,
    cache_size,
    clear_cache,
    code_image,
    content_key,
    default_cache,
    payload_code,
    remember,
    remember_tree,
)
from biocodes_crate.images import open_image


@pytest.fixture
def image(tmp_path):
    return open_image(write_ome_zarr(tmp_path / "a.zarr", make_pixels((1, 2, 2, 8, 9)), chunks=(1, 1, 1, 8, 9)))


@pytest.fixture
def cache(tmp_path):
    return CodeCache(tmp_path / "cache")


def test_codes_and_attachments_come_back(cache, image):
    codes = code_image(image)
    arrays = {"points": np.arange(6, dtype=np.float32).reshape(2, 3), "names": np.array(["a", "ö"])}
    cache.put("ab12", codes, arrays)
    found = cache.get("ab12")
    assert found.codes == codes
    for name, array in arrays.items():
        np.testing.assert_array_equal(found.attachments[name], array)
        assert found.attachments[name].dtype == array.dtype
    assert cache.get("ab13") is None


def test_an_unchanged_image_is_not_made_again(cache, image):
    made = []

    def make():
        made.append(1)
        return code_image(image), {"x": np.zeros(3)}

    first, second = remember(cache, image, make), remember(cache, image, make)
    assert made == [1]
    assert first.codes == second.codes
    assert remember(None, image, make).codes == first.codes
    assert made == [1, 1]


@pytest.mark.parametrize("change", ["pixel", "metadata", "new file", "removed", "renamed", "touched"])
def test_any_change_of_the_files_changes_the_key(image, change):
    before = content_key(image)
    chunk = image.path / "0" / "c" / "0" / "0" / "0" / "0" / "0"
    if change == "pixel":
        data = bytearray(chunk.read_bytes())
        data[-1] ^= 1
        chunk.write_bytes(data)
    elif change == "metadata":
        with (image.path / "zarr.json").open("a") as file:
            file.write(" ")
    elif change == "new file":
        (image.path / "0" / "c" / "x").write_text("")
    elif change == "removed":
        chunk.unlink()
    elif change == "renamed":
        chunk.rename(chunk.with_name("1"))
    else:
        os.utime(chunk, ns=(1, 1))
    assert content_key(image) != before


def test_the_key_holds_while_nothing_changes_and_knows_its_place(tmp_path):
    a, b = (open_image(write_ome_tiff(tmp_path / name, [make_pixels((1, 1, 1, 4, 4))])) for name in ("a.tif", "b.tif"))
    for image in (a, b):
        os.utime(image.path, (1, 1))
    assert content_key(a) == content_key(a) != content_key(b)


def test_an_image_that_changes_while_it_is_coded_is_not_remembered(cache, image):
    def make():
        codes = code_image(image)
        (image.path / "more").write_text("x")
        return codes, {}

    remember(cache, image, make)
    assert cache.size() == 0


def test_damaged_entries_are_forgotten(cache, image, tmp_path):
    cache.put("ab12", code_image(image), {"x": np.zeros(9)})
    (entry,) = (path for path in (tmp_path / "cache").rglob("*") if path.is_file())
    for damage in (b"", b"PK nonsense", entry.read_bytes()[:-100]):
        entry.parent.mkdir(exist_ok=True)
        entry.write_bytes(damage)
        assert cache.get("ab12") is None
        assert not entry.exists()


def test_nothing_in_an_entry_is_executed(cache, image, tmp_path):
    class Evil:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "pwned"),))

    cache.put("ab12", code_image(image))
    (entry,) = (path for path in (tmp_path / "cache").rglob("*") if path.is_file())
    header = np.lib.format.magic(1, 0) + b"\x36\x00{'descr': '|O', 'fortran_order': False, 'shape': (1,)}"
    with zipfile.ZipFile(entry, "a") as archive:
        archive.writestr("x.npy", header + pickle.dumps(Evil()))
    assert cache.get("ab12") is None
    assert not (tmp_path / "pwned").exists()


def test_the_least_recently_used_entries_go_first(tmp_path, image):
    codes = code_image(image)
    CodeCache(tmp_path / "one").put("aa", codes, {"x": np.zeros(1000)})
    size = CodeCache(tmp_path / "one").size()
    cache = CodeCache(tmp_path / "cache", max_bytes=int(size * 2.5))
    for number, key in enumerate(("aa", "bb")):
        cache.put(key, codes, {"x": np.zeros(1000)})
        (entry,) = (tmp_path / "cache").rglob(key + "/" + key)
        os.utime(entry, (number, number))
    cache.get("aa")  # now the younger one
    cache.put("cc", codes, {"x": np.zeros(1000)})
    assert [cache.get(key) is not None for key in ("aa", "bb", "cc")] == [True, False, True]


def test_it_can_be_cleared(cache, image):
    cache.put("ab12", code_image(image))
    size = cache.size()
    assert cache.clear() == size > 0
    assert cache.size() == 0
    assert cache.get("ab12") is None
    assert cache.clear() == 0


def test_a_cache_that_cannot_be_written_does_no_harm(tmp_path, image):
    (tmp_path / "file").write_text("")
    cache = CodeCache(tmp_path / "file" / "cache")
    cache.put("ab12", code_image(image))
    assert cache.get("ab12") is None


def _put_many(folder: str, path: str) -> None:
    cache, codes = CodeCache(Path(folder)), code_image(open_image(Path(path)))
    for _ in range(20):
        cache.put("ab12", codes, {"x": np.arange(5000)})


def test_writers_at_the_same_time_leave_a_whole_entry(tmp_path, image):
    context = multiprocessing.get_context("spawn")
    writers = [context.Process(target=_put_many, args=(str(tmp_path / "cache"), str(image.path))) for _ in range(2)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    found = CodeCache(tmp_path / "cache").get("ab12")
    assert found.codes == code_image(image)
    assert len(list((tmp_path / "cache").rglob("*.tmp"))) == 0


def test_the_place_follows_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv("BIOCODES_CACHE", raising=False)
    assert (tmp_path / "xdg" / "biocodes-crate") in default_cache()._folder.parents
    monkeypatch.setenv("BIOCODES_CACHE", str(tmp_path / "own"))
    assert (tmp_path / "own") in default_cache()._folder.parents
    monkeypatch.setenv("BIOCODES_CACHE", "off")
    assert default_cache() is None


def test_the_code_of_files_is_computed_once_for_each_state(tmp_path, cache):
    files = [tmp_path / "study" / name for name in ("a", "b")]
    (tmp_path / "study").mkdir()
    for file in files:
        file.write_bytes(b"x")
    made = []

    def make():
        made.append(1)
        return payload_code(tmp_path / "study", files)

    def remembered():
        return remember_tree(cache, tmp_path / "study", files, make)

    assert remembered() == remembered() == payload_code(tmp_path / "study", files)
    assert len(made) == 1
    files[1].write_bytes(b"y")
    assert remembered() == payload_code(tmp_path / "study", files)
    files[1].rename(tmp_path / "study" / "c")
    files[1] = tmp_path / "study" / "c"
    assert remembered() == payload_code(tmp_path / "study", files)
    assert len(made) == 3
    remember_tree(None, tmp_path / "study", files, make)
    assert len(made) == 4


def test_files_that_change_while_they_are_coded_are_not_remembered(tmp_path, cache):
    file = tmp_path / "a"
    file.write_bytes(b"x")

    def make():
        code = payload_code(tmp_path, [file])
        file.write_bytes(b"changed")
        return code

    remember_tree(cache, tmp_path, [file], make)
    assert cache.size() == 0


def test_the_bound_holds_without_looking_through_all_entries_each_time(tmp_path, image, monkeypatch):
    codes = code_image(image)
    CodeCache(tmp_path / "one").put("aa", codes)
    size = CodeCache(tmp_path / "one").size()
    cache = CodeCache(tmp_path / "cache", max_bytes=size * 10)
    looks = []
    real = CodeCache._entries
    monkeypatch.setattr(CodeCache, "_entries", lambda self: looks.append(1) or real(self))
    for number in range(40):
        cache.put(f"{number:04x}", codes)
    assert len(looks) <= 32
    monkeypatch.undo()
    assert 0 < cache.size() <= size * 11


def test_clearing_removes_what_the_cache_wrote_and_nothing_else(tmp_path, image):
    folder = tmp_path / "cache"
    CodeCache(folder).put("ab12", code_image(image))
    (folder / "traces-1").mkdir()
    (folder / "traces-1" / "x.json").write_text("{}")
    (folder / "codes-mine").mkdir()
    (folder / "my-files").mkdir()
    (folder / "my-files" / "thesis.txt").write_text("years of work")
    (folder / "codes-2").symlink_to(folder / "my-files")
    assert cache_size(folder) > 0
    assert clear_cache(folder) > 0
    assert cache_size(folder) == 0
    assert (folder / "my-files" / "thesis.txt").read_text() == "years of work"
    assert clear_cache(tmp_path / "nowhere") == 0


def test_the_command_shows_and_clears_it(tmp_path, image, monkeypatch, capsys):
    monkeypatch.setenv("BIOCODES_CACHE", str(tmp_path / "cache"))
    default_cache().put("ab12", code_image(image))
    for arguments, left in ((["cache", "--json"], True), (["cache", "--clear", "--json"], False)):
        with pytest.raises(SystemExit) as ended:
            app(arguments)
        assert ended.value.code == 0
        said = json.loads(capsys.readouterr().out)
        assert said["folder"] == str(tmp_path / "cache")
        assert (said["bytes"] > 0) == left
    assert said["freed"] > 0
