"""Zips as streams: as long as was said, the same bytes each time, readable by everybody."""

import hashlib
import io
import shutil
import subprocess
import zipfile
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biocodes_crate.deposit import zipstream
from biocodes_crate.deposit.zipstream import Member, measure, zip_blocks, zip_size
from biocodes_crate.errors import CannotWrite

NAMES = st.text(st.characters(blacklist_categories=("Cs", "Cc"), blacklist_characters="/\\"), min_size=1, max_size=20)
CONTENTS = st.dictionaries(NAMES, st.binary(max_size=3000), max_size=12)


def packed(contents: dict[str, bytes]) -> bytes:
    def opened(path: str):
        return io.BytesIO(contents[path])

    members = measure(contents, opened)
    data = b"".join(zip_blocks(members, opened))
    assert len(data) == zip_size(members)
    return data


@given(CONTENTS)
@settings(max_examples=60, deadline=None)
def test_a_stream_is_as_long_as_was_said_and_holds_what_was_put_in(contents):
    data = packed(contents)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        assert {info.filename: archive.read(info) for info in archive.infolist()} == contents
        assert all(info.date_time == (1980, 1, 1, 0, 0, 0) for info in archive.infolist())
        assert all(info.compress_type == zipfile.ZIP_STORED for info in archive.infolist())
    assert packed(contents) == data


def sparse(size: int):
    """A file of zeros that takes no memory."""
    block = bytes(1 << 20)

    class Zeros(io.RawIOBase):
        left = size

        def readable(self) -> bool:
            return True

        def read(self, count: int = -1, /) -> bytes:
            given = block if count <= self.left else bytes(self.left)
            self.left -= len(given)
            return given

    return Zeros()


def test_the_size_of_files_past_4_gib_is_right(monkeypatch):
    """The arithmetic of ZIP64, with headers as they are, and content that is only counted."""
    large = Member("large.bin", (1 << 32) + 5, 0)
    after = Member("after.bin", 10, 0)
    assert len(zipstream._local(large)) == 30 + 9 + 20
    assert len(zipstream._local(after)) == 30 + 9
    assert len(zipstream._central(after, (1 << 32) + 100)) == 46 + 9 + 12
    assert len(zipstream._central(large, (1 << 32) + 100)) == 46 + 9 + 28
    assert len(zipstream._end(2, (1 << 32) + 100, 100)) == 56 + 20 + 22
    assert len(zipstream._end(2, 100, 100)) == 22
    assert len(zipstream._end(70_000, 100, 100)) == 56 + 20 + 22


@pytest.mark.parametrize("limit", [50, 400])
def test_zip64_is_readable_by_others(monkeypatch, limit):
    """With the limit of 32 bits put lower, small files take the ways of large ones."""
    contents = {"a.bin": b"x" * 300, "b.bin": b"y" * 20, "c.bin": b"z" * 500}
    monkeypatch.setattr(zipstream, "_MAX32", limit)
    members = [Member(path, len(data), zlib.crc32(data)) for path, data in contents.items()]
    assert zip_size(members) == len(b"".join(zip_blocks(members, lambda path: io.BytesIO(contents[path]))))
    assert b"PK\6\6" in b"".join(zip_blocks(members, lambda path: io.BytesIO(contents[path])))


@pytest.mark.skipif(not shutil.which("unzip"), reason="unzip is not installed")
def test_files_past_4_gib_and_65535_entries_are_read_by_unzip_and_python(tmp_path, monkeypatch):
    """More than four gigabytes of zeros into a sparse file, never written; their checksum is not what is tested."""
    size = (1 << 32) + 1000
    check = zlib.crc32
    monkeypatch.setattr(zipstream.zlib, "crc32", lambda block, crc=0: 7 if not block[0] else check(block, crc))
    members = [Member("large.bin", size, 7), Member("after.txt", 5, check(b"after"))]
    path, zeros = tmp_path / "large.zip", bytes(2 << 20)
    with path.open("wb") as file:
        for part in zip_blocks(members, lambda name: sparse(size) if name == "large.bin" else io.BytesIO(b"after")):
            if part == zeros[: len(part)]:
                file.seek(len(part), io.SEEK_CUR)
            else:
                file.write(part)
    assert path.stat().st_size == zip_size(members)
    with zipfile.ZipFile(path) as archive:
        assert archive.open("after.txt").read(5) == b"after"
        assert archive.getinfo("large.bin").file_size == size
    done = subprocess.run(["unzip", "-p", path, "after.txt"], capture_output=True, check=False)
    assert done.stdout == b"after", done.stderr

    many = [Member(f"{number:05}", 0, 0) for number in range(70_000)]
    data = b"".join(zip_blocks(many, lambda _: io.BytesIO()))
    assert len(data) == zip_size(many)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert len(archive.namelist()) == 70_000


@pytest.mark.parametrize("now", [b"other", b"longer than before", b"", b"shor"])
def test_a_file_that_changed_since_it_was_measured_stops_the_stream(now):
    contents = {"a": b"short"}
    members = measure(contents, lambda path: io.BytesIO(contents[path]))
    contents["a"] = now
    with pytest.raises(CannotWrite, match="changed"):
        list(zip_blocks(members, lambda path: io.BytesIO(contents[path])))


def test_a_name_that_a_zip_cannot_hold_is_refused():
    with pytest.raises(CannotWrite, match="UTF-8"):
        zip_size([Member("\udcff", 0, 0)])
    with pytest.raises(CannotWrite, match="too long"):
        zip_size([Member("a" * 70_000, 0, 0)])


def test_many_small_files_come_in_few_blocks():
    contents = {str(number): b"x" * 100 for number in range(5000)}
    members = measure(contents, lambda path: io.BytesIO(contents[path]))
    blocks = list(zip_blocks(members, lambda path: io.BytesIO(contents[path])))
    assert len(blocks) <= 3
    assert max(map(len, blocks)) < 3 << 20
    assert hashlib.md5(b"".join(blocks)).hexdigest() == hashlib.md5(packed(contents)).hexdigest()
