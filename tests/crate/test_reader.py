import json
import warnings
import zipfile

import pytest
from crate_examples import paths
from hypothesis import given

from biocodes_crate.crate import extract, id_to_path, open_crate, path_to_id
from biocodes_crate.errors import NotACrate, UnsafePath

METADATA = json.dumps({"@context": [], "@graph": []})


def pack(path, entries, **options):
    with zipfile.ZipFile(path, "w", **options) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of duplicate names, which are meant
        for name, content in entries:
            archive.writestr(name, content)
    return path


@given(paths)
def test_a_path_survives_as_an_id(path):
    for is_folder in (True, False):
        encoded = path_to_id(path, is_folder=is_folder)
        assert id_to_path(encoded) == path
        assert not set(encoded) & set(' "<>\\^`{|}#?')


def test_letters_stay_and_bytes_that_are_no_text_survive():
    assert path_to_id("Größe/日本 1.tif") == "Größe/日本%201.tif"
    assert path_to_id("a\udcff.tif") == "a%FF.tif"
    assert id_to_path("a%FF.tif") == "a\udcff.tif"
    assert path_to_id("a:b?.tif") == "a%3Ab%3F.tif"
    assert path_to_id("@type") == "%40type"  # JSON-LD drops ids that look like keywords


@pytest.mark.parametrize(
    "entity_id",
    ["../x", "a/../../x", "/etc/passwd", "%2e%2e/x", "a/%2E%2E/b", "C:/x", "a\\b", "a%5Cb", "a%00b", "", "./", "a//b",
     "https://example.org/x"],
)  # fmt: skip
def test_an_id_that_leads_out_of_the_crate_is_refused(entity_id):
    with pytest.raises(UnsafePath):
        id_to_path(entity_id)


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"\xff\xfe", "not UTF-8"),
        (b"{", "not JSON"),
        (b'{"@graph": NaN}', "not JSON"),
        (b'{"@graph": [-Infinity]}', "not JSON"),
        (b'{"@graph": ["\\ud800"]}', "surrogate"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"@graph": ' + b"[" * 60 + b"]" * 60 + b"}", "nested too deeply"),
        (b'{"@graph": [' + b"9" * 5000 + b"]}", "not JSON"),
        (b'{"@graph": {}}', "no '@graph' list"),
        (b"[]", "no '@graph' list"),
    ],
)
def test_metadata_that_is_no_sound_json_is_refused_with_the_reason(tmp_path, content, complaint):
    (tmp_path / "ro-crate-metadata.json").write_bytes(content)
    for path in (tmp_path, tmp_path / "ro-crate-metadata.json"):
        with pytest.raises(NotACrate, match=complaint):
            open_crate(path)


def test_metadata_beyond_the_limit_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("biocodes_crate.crate.parsing.MAX_METADATA", 10)
    (tmp_path / "ro-crate-metadata.json").write_text(METADATA)
    with pytest.raises(NotACrate, match="larger than"):
        open_crate(tmp_path)


def test_a_byte_order_mark_is_no_fault(tmp_path):
    (tmp_path / "ro-crate-metadata.json").write_bytes(b"\xef\xbb\xbf" + METADATA.encode())
    assert open_crate(tmp_path).metadata == json.loads(METADATA)


@pytest.mark.parametrize("name", ["", "nowhere", "file.zip"])
def test_what_is_no_crate_is_refused(tmp_path, name):
    (tmp_path / "file.zip").write_bytes(b"PK not a zip")
    with pytest.raises(NotACrate):
        open_crate(tmp_path / name)


def test_a_bare_metadata_file_has_no_payload(tmp_path):
    (tmp_path / "ro-crate-metadata.json").write_text(METADATA)
    with open_crate(tmp_path / "ro-crate-metadata.json") as crate:
        assert not crate.has_payload
        assert crate.folder is None
        with pytest.raises(FileNotFoundError):
            crate.open("a.txt")


def test_links_in_a_folder_are_reported_and_not_followed(tmp_path):
    root = tmp_path / "crate"
    (root / "a").mkdir(parents=True)
    (root / "ro-crate-metadata.json").write_text(METADATA)
    (tmp_path / "secret").write_text("secret")
    (root / "a" / "file").symlink_to(tmp_path / "secret")
    (root / "b").symlink_to(tmp_path)
    with open_crate(root) as crate:
        assert dict(crate.files()) == {"ro-crate-metadata.json": len(METADATA)}
        assert {(oddity.kind, oddity.path) for oddity in crate.oddities} == {("link", "a/file"), ("link", "b")}
        for path in ("a/file", "b/secret"):
            with pytest.raises(UnsafePath):
                crate.open(path)


def test_a_metadata_file_that_is_a_link_is_refused(tmp_path):
    (tmp_path / "crate").mkdir()
    (tmp_path / "real.json").write_text(METADATA)
    (tmp_path / "crate" / "ro-crate-metadata.json").symlink_to(tmp_path / "real.json")
    with pytest.raises(NotACrate):
        open_crate(tmp_path / "crate")


def test_the_crate_may_lie_one_folder_deep_in_a_zip(tmp_path):
    path = pack(tmp_path / "x.zip", [("study/ro-crate-metadata.json", METADATA), ("study/a.txt", "a"), ("other", "")])
    with open_crate(path) as crate:
        assert crate.open("a.txt").read() == b"a"
        assert set(crate.files()) == {"ro-crate-metadata.json", "a.txt"}


def test_a_zip_that_slips_out_repeats_links_or_explodes_is_reported(tmp_path):
    link = zipfile.ZipInfo("link")
    link.external_attr = 0o120777 << 16
    path = pack(
        tmp_path / "x.zip",
        [
            ("ro-crate-metadata.json", METADATA),
            ("../evil.txt", "x"),
            ("/etc/evil", "x"),
            ("a\\..\\b", "x"),
            (link, "/etc/passwd"),
            ("twice.txt", "1"),
            ("twice.txt", "2"),
            ("Twice.TXT", "3"),
        ],
    )
    with open_crate(path) as crate:
        found = {(oddity.kind, oddity.path) for oddity in crate.oddities}
        assert crate.open("twice.txt").read() == b"1"
        assert "link" not in crate.files()
    assert {
        ("path-escapes", "../evil.txt"),
        ("path-escapes", "/etc/evil"),
        ("link", "link"),
        ("duplicate", "twice.txt"),
        ("case-collision", "Twice.TXT"),
    } <= found


def test_a_zip_whose_directory_lies_about_sizes_never_gives_more(tmp_path):
    path = pack(tmp_path / "x.zip", [("ro-crate-metadata.json", METADATA), ("bomb", b"\0" * 5_000_000)], compression=8)
    data = bytearray(path.read_bytes())
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = (100).to_bytes(4, "little")
    path.write_bytes(data)
    with open_crate(path) as crate:
        assert crate.size("bomb") == 100
        with pytest.raises(NotACrate, match="cannot be read"):
            extract(crate, "bomb", tmp_path / "out", limit=1000)
    assert not (tmp_path / "out").exists()


def test_a_file_beyond_the_limit_is_not_unpacked(tmp_path):
    path = pack(tmp_path / "x.zip", [("ro-crate-metadata.json", METADATA), ("big", b"x" * 5000)])
    with open_crate(path) as crate, pytest.raises(UnsafePath, match="limit"):
        extract(crate, "big", tmp_path / "out", limit=1000)


def test_an_entry_that_claims_to_grow_beyond_what_zlib_can_is_reported(tmp_path):
    path = pack(tmp_path / "x.zip", [("ro-crate-metadata.json", METADATA), ("bomb", b"x" * 10)])
    data = bytearray(path.read_bytes())
    at = data.rindex(b"PK\x01\x02")
    data[at + 24 : at + 28] = (2_000_000_000).to_bytes(4, "little")
    path.write_bytes(data)
    with open_crate(path) as crate:
        assert [(oddity.kind, oddity.path) for oddity in crate.oddities] == [("zip-bomb", "bomb")]


def test_a_truncated_zip_is_refused(tmp_path):
    path = pack(tmp_path / "x.zip", [("ro-crate-metadata.json", METADATA)])
    data = path.read_bytes()
    damaged = bytearray(data)
    damaged[35:60] = b"\0" * 25
    path.write_bytes(damaged)
    with pytest.raises(NotACrate):
        open_crate(path)
