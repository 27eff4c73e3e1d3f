"""Crates made to do harm: each is a finding, in bounded time and memory, and nothing outside of it is touched."""

import copy
import json
import stat
import tempfile
import zipfile
from pathlib import Path

import pytest
from broken_crates import AMBIGUOUS, CASES, EDGE, PAGE, PLANE, SCENE, VALID, add, put
from crate_examples import DATA_CODE, IMAGE_CODE
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_study import FIGURE, TIFF, build, write_study

from biocodes_crate.crate import METADATA
from biocodes_crate.errors import BiocodesError
from biocodes_crate.findings import Severity
from biocodes_crate.validation import RULES, Level, validate_crate

TEXT = json.dumps(VALID, ensure_ascii=False)


@pytest.fixture(autouse=True)
def nothing_outside_is_touched(tmp_path, monkeypatch):
    """A crate lies in a folder beside others, whose content must stay as it is."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    yield
    assert [path.name for path in outside.iterdir()] == ["secret"]
    assert (outside / "secret").read_text() == "secret"
    assert list(temporary.iterdir()) == []
    assert {path.name for path in tmp_path.iterdir()} <= {"outside", "temporary", "crate", "crate.zip"}


@pytest.fixture(autouse=True)
def nothing_is_fetched(monkeypatch):
    import socket

    def refuse(*_):
        raise AssertionError("the network was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def pack(tmp_path, entries, metadata=TEXT, compression=zipfile.ZIP_DEFLATED):
    path = tmp_path / "crate.zip"
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in [(METADATA, metadata), *entries]:
            archive.writestr(name, content)
    return path


def ids(path, level=Level.INTEGRITY):
    report = validate_crate(path, level)
    assert all(found.id in RULES for found in report.findings)
    assert len(report.findings) < 20_000
    for found in report.findings:
        (found.entity + found.message).encode("utf-8")
    return {found.id for found in report.findings}


def link(target):
    info = zipfile.ZipInfo("link")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return info, target


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([("../outside/secret", "gone")], "path-escapes"),
        ([("a/../../outside/secret", "gone")], "path-escapes"),
        ([("/etc/passwd", "gone")], "path-escapes"),
        ([("C:/windows/win.ini", "gone")], "path-escapes"),
        ([("..\\outside\\secret", "gone")], "path-escapes"),
        ([link("../outside/secret")], "link-in-crate"),
        ([link("/etc/passwd")], "link-in-crate"),
        ([("study.yaml", "1"), ("study.yaml", "2")], "file-duplicate"),
        ([("a.txt", "1"), ("A.txt", "2")], "name-collision"),
        ([("u\u0308.txt", "1"), ("\u00fc.txt", "2")], "name-collision"),
        ([("a", "1"), ("a/b.txt", "2")], "name-collision"),
    ],
    ids=str,
)
def test_a_zip_with_a_name_that_leads_out_or_repeats(tmp_path, entries, expected):
    assert expected in ids(pack(tmp_path, entries))


def test_a_zip_with_a_name_that_some_read_to_its_first_null(tmp_path):
    path = pack(tmp_path, [("study.yaml_x", "1")])
    path.write_bytes(path.read_bytes().replace(b"study.yaml_x", b"study.yaml\0x"))
    assert "path-escapes" in ids(path)


def test_a_name_longer_than_any_system_takes(tmp_path):
    assert "path-escapes" in ids(pack(tmp_path, [("a/" * 30_000 + "a", "1")]))


def test_an_entry_that_is_encrypted_by_its_local_header_only(tmp_path):
    path = pack(tmp_path, [("study.yaml", "1")])
    data = bytearray(path.read_bytes())
    data[data.index(b"study.yaml", data.index(b"PK\x03\x04", 4)) - 30 + 6] |= 1
    path.write_bytes(data)
    report = validate_crate(path, Level.METADATA)
    assert [found.entity for found in report.findings if found.id == "file-encrypted"] == ["study.yaml"]
    assert not report.valid


def lie(path, name, size):
    """Let the directory of a zip claim another size for a member."""
    data = bytearray(path.read_bytes())
    at = data.rindex(b"PK\x01\x02" if name is None else name.encode()) - (0 if name is None else 46)
    data[at + 24 : at + 28] = size.to_bytes(4, "little")
    path.write_bytes(data)


def test_a_zip_bomb_that_claims_an_impossible_size(tmp_path):
    path = pack(tmp_path, [("bomb.bin", b"x" * 10)])
    lie(path, "bomb.bin", 4_000_000_000)
    assert "zip-bomb" in ids(path)


def test_a_zip_bomb_in_place_of_the_metadata(tmp_path):
    path = tmp_path / "crate.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(METADATA, TEXT)
    lie(path, METADATA, 4_000_000_000)
    assert ids(path) == {"metadata-malformed"}


def test_a_file_that_grows_a_thousandfold_is_not_read_to_the_end(tmp_path, monkeypatch):
    from biocodes_crate.validation import workspace

    real = workspace.Workspace
    monkeypatch.setattr(workspace, "Workspace", lambda crate: real(crate, limit=1 << 20))
    metadata = copy.deepcopy(VALID)
    path = pack(tmp_path, [("study.yaml", bytes(64 << 20))], json.dumps(metadata))
    report = validate_crate(path, Level.INTEGRITY)
    assert ("not-checked", "study.yaml") in {(found.id, found.entity) for found in report.findings}


def nested(depth):
    return '{"@context": ' + "[" * depth + "]" * depth + ', "@graph": []}'


@pytest.mark.parametrize(
    "content",
    [
        TEXT.replace('"theC": 1', '"theC": NaN').encode(),
        TEXT.replace('"theC": 1', '"theC": -Infinity').encode(),
        TEXT.replace('"name": "Zellen"', '"name": "\\ud800"', 1).encode(),
        TEXT.encode("utf-16"),
        b"\xff\xfe\x00",
        b"",
        b"[]",
        b"null",
        TEXT.replace('"@graph"', '"@graph": [], "@graph"', 1).encode(),
        b'{"@graph": {}}',
        nested(100).encode(),
        nested(100_000).encode(),
        ('{"@graph": [' + '{"a":' * 5000 + "1" + "}" * 5000 + "]}").encode(),
        TEXT[:-200].encode(),
        ('{"@graph": [' + ",".join(["0"] * 500_001) + "]}").encode(),
        ("9" * 5000).join(['{"@graph": [', "]}"]).encode(),
    ],
    ids=lambda content: repr(content[:20]) + str(len(content)),
)
@pytest.mark.parametrize("packed", [False, True])
def test_metadata_that_cannot_be_read_is_a_finding(tmp_path, content, packed):
    if packed:
        path = pack(tmp_path, [], content)
    else:
        path = tmp_path / "crate"
        path.mkdir()
        (path / METADATA).write_bytes(content)
    report = validate_crate(path)
    assert [(found.id, found.severity) for found in report.findings] == [("metadata-malformed", Severity.ERROR)]
    assert report.exit_code == 1


@pytest.mark.parametrize("value", ["x" * 100_000_000, [{"@id": "#run"}] * 1_000_000], ids=["text", "references"])
def test_a_hundred_megabytes_of_metadata(tmp_path, value):
    metadata = copy.deepcopy(VALID)
    put("#run", description=value)(metadata)
    (tmp_path / "crate").mkdir()
    (tmp_path / "crate" / METADATA).write_text(json.dumps(metadata), encoding="utf-8")
    report = validate_crate(tmp_path / "crate", Level.METADATA)
    assert sum(len(found.message) for found in report.findings) < 1_000_000


def test_more_metadata_than_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("biocodes_crate.crate.parsing.MAX_METADATA", 1000)
    assert ids(pack(tmp_path, [])) == {"metadata-malformed"}


MANY = [{"@id": f"#x{number}"} for number in range(3000)]
HOSTILE = {
    "parts in a circle": (
        put("images/zellen%20%231.ome.zarr/", hasPart=[{"@id": "./"}, {"@id": SCENE}]), "part-circular"
    ),
    "a scene of itself": (put(SCENE, isPartOf={"@id": SCENE}), "part-circular"),
    "a plane of itself": (put(PLANE, isPartOf={"@id": PLANE}), "part-circular"),
    "a panel of itself": (put(f"{PAGE}/panel/0", isPartOf={"@id": f"{PAGE}/panel/0"}), "part-circular"),
    "an edge to itself": (put(EDGE, panel={"@id": EDGE}, source={"@id": EDGE}), "edge-misplaced"),
    "a context on the web": (lambda m: m["@context"].append("https://evil.example/context"), "context-remote"),
    "a context that imports": (
        lambda m: m["@context"].append({"@import": "https://evil.example/context"}), "context-remote"
    ),
    "a context within a term": (
        lambda m: m["@context"].append({"x": {"@id": "#x", "@context": ["https://evil.example/context"]}}),
        "context-remote",
    ),
    "a context on this computer": (lambda m: m["@context"].append("file:///etc/passwd"), "context-remote"),
    "a file on the web": (
        lambda m: (
            add({"@id": "http://evil.example/x", "@type": "File", "name": "x", "encodingFormat": "a/b"})(m),
            m["@graph"][1]["hasPart"].append({"@id": "http://evil.example/x"}),
        ),
        "file-remote",
    ),
    "a part listed twice": (lambda m: m["@graph"][1]["hasPart"].extend(m["@graph"][1]["hasPart"]), "part-duplicate"),
    "a type of numbers": (put(EDGE, type_=[1, None, {"@id": "x"}]), "entity-malformed"),
    "a box beyond all numbers": (
        put(f"{PAGE}/panel/0/selector", selectorValue=f"xywh=pixel:{'9' * 400},0,1,1"), "panel-unreadable"
    ),
    "a size beyond all numbers": (put(SCENE, sizeX=10**400), "property-invalid"),
    "an index beyond all numbers": (put(PLANE, theZ=1e308), "property-invalid"),
    "an affine beyond all numbers": (
        put(f"{EDGE}/transform/0", panelToSource="[[1e999,0,0],[0,1e999,0]]"), "panel-unreadable"
    ),
    "an affine of nothing": (put(f"{EDGE}/transform/0", panelToSource="[[NaN,0,0],[0,NaN,0]]"), "property-invalid"),
    "many candidates": (put(AMBIGUOUS, candidate=MANY), "findings-left-out"),
    "many edges": (put(f"{PAGE}/panel/0", hasProvenanceEdge=MANY), "findings-left-out"),
    "a graph of numbers": (lambda m: m["@graph"].extend([1, "x", None, [], [[]]] * 500), "entity-malformed"),
    "an id with control characters": (add({"@id": "#\x1b[31m\u202e", "@type": "Thing"}), "id-encoding"),
}  # fmt: skip


@pytest.fixture(scope="module")
def usual(tmp_path_factory):
    """What is found in the crate that they are made from, whose files are not there."""
    return ids(pack(tmp_path_factory.mktemp("usual"), []))


@pytest.mark.parametrize("name", HOSTILE)
def test_metadata_made_to_confuse(tmp_path, usual, name):
    change, expected = HOSTILE[name]
    metadata = copy.deepcopy(VALID)
    change(metadata)
    assert expected not in usual
    assert expected in ids(pack(tmp_path, [], json.dumps(metadata)))


def test_an_id_that_is_long_is_cut_short_in_findings(tmp_path):
    metadata = copy.deepcopy(VALID)
    add({"@id": "#" + "x" * 1_000_000, "@type": 7})(metadata)
    report = validate_crate(pack(tmp_path, [], json.dumps(metadata)), Level.METADATA)
    assert "entity-malformed" in {found.id for found in report.findings}
    assert max(len(found.entity) for found in report.findings) < 1000


def test_parts_in_a_long_chain_are_followed_to_their_end(tmp_path):
    metadata = copy.deepcopy(VALID)
    chain = [{"@id": f"#c{n}", "@type": "Thing", "name": "x", "hasPart": {"@id": f"#c{n + 1}"}} for n in range(20_000)]
    chain[-1]["hasPart"] = {"@id": "#c0"}
    metadata["@graph"] += chain
    report = validate_crate(pack(tmp_path, [], json.dumps(metadata)), Level.METADATA)
    assert [found.entity for found in report.findings if found.id == "part-circular"] == ["#c19999"]


@pytest.mark.parametrize(
    "name", ["a singular transform", "a transform elsewhere", "ids that collide once decoded", "an id that leads out"]
)
def test_what_the_corpus_has_is_found_in_a_zip_too(tmp_path, name):
    change, rule_id, _ = CASES[name]
    metadata = copy.deepcopy(VALID)
    change(metadata)
    assert rule_id in ids(pack(tmp_path, [], json.dumps(metadata)))


@pytest.mark.parametrize(
    ("key", "code"), [("imageCode", DATA_CODE), ("dataCode", IMAGE_CODE), ("instanceCode", "ISCC:" + "A" * 90_000)]
)
def test_a_code_of_the_wrong_type(tmp_path, key, code):
    metadata = copy.deepcopy(VALID)
    put(PLANE, identifier=None, **{key: code})(metadata)
    assert "code-invalid" in ids(pack(tmp_path, [], json.dumps(metadata)))


def test_a_folder_of_links_and_pipes(tmp_path):
    import os

    crate = tmp_path / "crate"
    crate.mkdir()
    (crate / METADATA).write_text(TEXT, encoding="utf-8")
    (crate / "study.yaml").symlink_to(tmp_path / "outside" / "secret")
    (crate / "images").symlink_to(tmp_path / "outside", target_is_directory=True)
    (crate / "loop").symlink_to(crate, target_is_directory=True)
    os.mkfifo(crate / "pipe")  # opening it would wait for ever
    assert {"link-in-crate", "file-unreadable"} <= ids(crate)


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    root = tmp_path_factory.mktemp("built") / "study"
    root.mkdir()
    write_study(root)
    build(root)
    return root


JUNK = st.sampled_from(
    [None, True, -1, 0, 1e308, 2**70, "", "\x00", "xywh=pixel:1,1,1,1", [], [[]], {}, {"@id": 7}, {"@id": "./"},
     {"@value": "x"}, "x" * 3000, "[[1,0,0],[0,1,0]]", "[[0.5,0,90],[0,0.5,80]]", {"@id": "../../x"}, {"@id": "bc:verified"},
     {"@id": "bc:unverified"}, FIGURE, TIFF, "images", "99"]
)  # fmt: skip


@given(st.data())
@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
def test_a_crate_with_files_mutated_at_random_never_raises(built, data):
    """Every level, to the pixels: metadata at random, and now and then a file."""
    metadata = json.loads((built / METADATA).read_text(encoding="utf-8"))
    graph = metadata["@graph"]
    for _ in range(data.draw(st.integers(1, 5))):
        entity = data.draw(st.sampled_from(graph))
        entity[data.draw(st.sampled_from([*entity, "hasPart", "selectorValue"]))] = data.draw(JUNK)
    broken = data.draw(st.none() | st.sampled_from(sorted(p for p in built.rglob("*") if p.is_file())))
    garbage = data.draw(st.binary(max_size=40))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "crate.zip"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(METADATA, json.dumps(metadata))
            for file in built.rglob("*"):
                if file.is_file() and file.name != METADATA:
                    content = file.read_bytes()
                    name = file.relative_to(built).as_posix()
                    archive.writestr(name, garbage + content[len(garbage) :] if file == broken else content)
        try:
            report = validate_crate(path)
        except BiocodesError:
            return
    assert all(found.id in RULES for found in report.findings)


def test_a_listed_file_that_is_a_link_is_missing(built, tmp_path):
    import shutil

    crate = shutil.copytree(built, tmp_path / "crate")
    (crate / FIGURE).unlink()
    (crate / FIGURE).symlink_to(tmp_path / "outside" / "secret")
    report = validate_crate(crate, Level.INTEGRITY)
    assert not report.valid
    assert {"file-missing", "link-in-crate"} <= {found.id for found in report.findings}


def test_entries_that_share_their_bytes(tmp_path):
    """D. Fifield, A better zip bomb (WOOT 2019): many names for one content."""
    path = pack(tmp_path, [("a.bin", b"x" * 1000), ("b.bin", b"x" * 1000)])
    data = bytearray(path.read_bytes())
    at = [data.rindex(name) - 46 for name in (b"a.bin", b"b.bin")]
    data[at[1] + 42 : at[1] + 46] = data[at[0] + 42 : at[0] + 46]
    path.write_bytes(data)
    report = validate_crate(path, Level.METADATA)
    assert {found.entity for found in report.findings if found.id == "zip-bomb"} == {"a.bin", "b.bin"}


def test_an_image_that_claims_far_more_pixels_than_it_stores(built, tmp_path):
    import shutil

    crate = shutil.copytree(built, tmp_path / "crate")
    (array,) = (file for file in (crate / "images").rglob("zarr.json") if '"array"' in file.read_text())
    metadata = json.loads(array.read_text())
    metadata["shape"][-2:] = [10_000_000, 10_000_000]
    array.write_text(json.dumps(metadata))
    report = validate_crate(crate)
    assert "not-checked" in {found.id for found in report.findings}
    assert not report.valid  # its bytes are other ones


def test_a_panel_of_thousands_of_edges_is_not_decided_thousands_of_times(built, tmp_path, monkeypatch):
    import shutil

    from biocodes_crate.validation import provenance

    decided = []
    real = provenance.recheck_panel
    monkeypatch.setattr(
        provenance,
        "recheck_panel",
        lambda panel, edges, get: decided.append(len(edges)) or real(panel, edges[:1], get) * len(edges),
    )
    crate = shutil.copytree(built, tmp_path / "crate")
    metadata = json.loads((crate / METADATA).read_text(encoding="utf-8"))
    panel = next(entity for entity in metadata["@graph"] if "hasProvenanceEdge" in entity)
    edge_id = panel["hasProvenanceEdge"]["@id"] if isinstance(panel["hasProvenanceEdge"], dict) else None
    edge_id = edge_id or panel["hasProvenanceEdge"][0]["@id"]
    edge = next(entity for entity in metadata["@graph"] if entity["@id"] == edge_id)
    copies = [{**edge, "@id": f"{edge_id}x{number}"} for number in range(500)]
    metadata["@graph"] += copies
    panel["hasProvenanceEdge"] = [{"@id": copy["@id"]} for copy in copies]
    (crate / METADATA).write_text(json.dumps(metadata), encoding="utf-8")
    report = validate_crate(crate)
    assert max(decided) <= 64
    assert {"edge-not-rechecked", "edges-too-many"} <= {found.id for found in report.findings}
    assert [found.entity for found in report.findings if found.id == "edges-too-many"] == [panel["@id"]]


def _with_copies_of_a_panel(crate, count):
    """As `count` panels at one place, each with an edge of its own."""
    metadata = json.loads((crate / METADATA).read_text(encoding="utf-8"))
    by_id = {entity["@id"]: entity for entity in metadata["@graph"]}
    edge = next(
        e
        for e in metadata["@graph"]
        if "ProvenanceEdge" in e["@type"] and e["verificationStatus"]["@id"] == "bc:verified"
    )
    panel = by_id[edge["panel"]["@id"]]
    for number in range(count):
        mark, own = {"@id": f"{panel['@id']}x{number}"}, {"@id": f"{edge['@id']}x{number}"}
        copies = {**panel, **mark, "hasProvenanceEdge": own, "qualifiedDerivation": own}, {**edge, **own, "panel": mark}
        metadata["@graph"] += copies
        parts = by_id[panel["isPartOf"]["@id"]]["hasPart"]
        parts.append(mark)
    (crate / METADATA).write_text(json.dumps(metadata), encoding="utf-8")
    return panel["isPartOf"]["@id"]


@pytest.mark.parametrize(("name", "limit"), [("MOST_PANELS", 5), ("_MOST_ON_PAGE", 5), ("_MOST_PIXELS", 1)])
def test_a_page_of_thousands_of_panels_is_decided_as_far_as_a_figure_can_go(built, tmp_path, monkeypatch, name, limit):
    import shutil

    from biocodes_crate.validation import provenance

    decided = []
    real = provenance.recheck_panel
    monkeypatch.setattr(
        provenance, "recheck_panel", lambda panel, edges, get: decided.append(panel) or real(panel, edges, get)
    )
    monkeypatch.setattr(provenance, name, limit)
    crate = shutil.copytree(built, tmp_path / "crate")
    figure = _with_copies_of_a_panel(crate, 20)
    report = validate_crate(crate)
    assert not report.valid
    assert 1 <= len(decided) <= 5
    assert [found.entity for found in report.findings if found.id == "panels-too-many"] == [figure]
    assert sum(found.id == "edge-not-rechecked" for found in report.findings) >= 15


def test_the_edges_file_may_be_anything(built, tmp_path):
    import shutil

    crate = shutil.copytree(built, tmp_path / "crate")
    for content in ('{"@graph": [{"@id": {}}, {"@id": []}, 7]}', "[" * 90_000, "NaN", "", '{"@graph": 1}'):
        (crate / "provenance" / "edges.jsonld").write_text(content)
        report = validate_crate(crate, Level.INTEGRITY)
        assert "edges-file-differs" in {found.id for found in report.findings}
