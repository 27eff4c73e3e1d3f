"""What lies in a zip besides the crate: bytes that belong to no file, files beside the crate's folder."""

import io
import shutil
import subprocess
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from biocodes_crate.crate import open_crate

METADATA = '{"@context": [], "@graph": []}'
FOREIGN = 4321


class Unseekable(io.BytesIO):
    """What a stream to the web is: headers cannot be mended, so that lengths follow the content."""

    def seekable(self):
        return False

    def seek(self, *_):
        raise io.UnsupportedOperation

    def tell(self):
        raise io.UnsupportedOperation


def packed(entries, *, streamed=False, large=False, comment=b"", method=zipfile.ZIP_DEFLATED):
    target = Unseekable() if streamed else io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        archive.comment = comment
        for name, content in entries.items():
            with archive.open(zipfile.ZipInfo(name), "w", force_zip64=large) as file:
                file.write(content)
    return target.getvalue()


def kinds(path):
    with open_crate(path) as crate:
        return [oddity.kind for oddity in crate.oddities]


@given(
    contents=st.dictionaries(st.text("abc/ü", min_size=1).map(lambda name: f"d/{name}"), st.binary(), max_size=4),
    streamed=st.booleans(),
    large=st.booleans(),
    comment=st.text("abc", max_size=50).map(str.encode),
    method=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]),
)
def test_a_zip_as_programs_write_it_holds_no_foreign_bytes(tmp_path_factory, contents, **options):
    path = tmp_path_factory.mktemp("zip") / "c.zip"
    path.write_bytes(packed({"ro-crate-metadata.json": METADATA.encode(), **contents}, **options))
    assert "foreign" not in kinds(path)


@pytest.mark.skipif(shutil.which("zip") is None, reason="Info-ZIP is not installed")
@pytest.mark.parametrize("options", [["-r"], ["-r0"], ["-rX"]])
def test_a_zip_of_info_zip_holds_none(tmp_path, options):
    (tmp_path / "c/sub").mkdir(parents=True)
    (tmp_path / "c/ro-crate-metadata.json").write_text(METADATA)
    (tmp_path / "c/sub/file.txt").write_text("x" * 1000)
    subprocess.run(["zip", "-q", *options, "../c.zip", "."], cwd=tmp_path / "c", check=True)
    assert kinds(tmp_path / "c.zip") == []


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("where", ["before", "behind", "between", "before the directory"])
def test_bytes_of_no_file_are_told(tmp_path, where, streamed):
    one = packed({"ro-crate-metadata.json": METADATA.encode(), "a.txt": b"a"}, streamed=streamed)
    junk = b"\x00" * FOREIGN
    path = tmp_path / "c.zip"
    if where == "before":
        path.write_bytes(junk + one)
    elif where == "behind":
        path.write_bytes(one + junk)
    else:
        path.write_bytes(spread(one, b"PK\x01\x02" if where.endswith("directory") else b"PK\x03\x04", junk))
    with open_crate(path) as crate:
        assert [(oddity.kind, oddity.path) for oddity in crate.oddities] == [("foreign", "c.zip")]
        told = int(crate.oddities[0].message.split()[2])
        assert FOREIGN - 24 <= told <= FOREIGN  # lengths behind a streamed file may be as long as that


def spread(content, mark, junk):
    """A zip with bytes before its second header of a kind, or its directory; places are moved along."""
    at = content.index(mark, 1)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        offsets = [info.header_offset for info in archive.infolist()]
        start = archive.start_dir
    moved = bytearray(content[:at] + junk + content[at:])
    entry = start + len(junk)
    for offset in offsets:
        if offset >= at:
            moved[entry + 42 : entry + 46] = (offset + len(junk)).to_bytes(4, "little")
        entry = moved.find(b"PK\x01\x02", entry + 4)
    end = moved.rfind(b"PK\x05\x06")
    moved[end + 16 : end + 20] = (start + len(junk)).to_bytes(4, "little")
    return bytes(moved)


def test_a_crate_behind_another_is_read_and_the_other_told(tmp_path):
    first = packed({"ro-crate-metadata.json": b'{"@graph": [{"@id": "first"}]}'})
    second = packed({"ro-crate-metadata.json": b'{"@graph": [{"@id": "second"}]}'})
    (tmp_path / "c.zip").write_bytes(first + second)
    with open_crate(tmp_path / "c.zip") as crate:
        assert crate.metadata["@graph"][0]["@id"] == "second"
        assert [oddity.kind for oddity in crate.oddities] == ["foreign"]


def test_files_beside_the_folder_of_the_crate_are_told(tmp_path):
    entries = {"c/ro-crate-metadata.json": METADATA.encode(), "c/a.txt": b"a", "data/raw.tif": b"x", "note.txt": b"y"}
    left = {"__MACOSX/c/._a.txt": b"m", ".DS_Store": b"d"}
    (tmp_path / "c.zip").write_bytes(packed(entries | left))
    with open_crate(tmp_path / "c.zip") as crate:
        assert [(o.kind, o.path) for o in crate.oddities] == [("outside", "data/raw.tif"), ("outside", "note.txt")]
        assert set(crate.files()) == {"ro-crate-metadata.json", "a.txt"}
