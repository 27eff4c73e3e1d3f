"""A crate from a deposit: metadata first, then only what is asked for."""

import io
import json
import random
import shutil
import subprocess
import sys
import zipfile

import pytest
from deposit_helpers import call, new_draft, put_file, snapshot

from biocodes_crate.crate import open_crate
from biocodes_crate.crate.deposited import DepositedCrate, open_deposited
from biocodes_crate.deposit import Wanted
from biocodes_crate.errors import NotACrate, RemoteUnreadable
from biocodes_crate.pipeline import build_study, trace_one
from biocodes_crate.remote import RemoteFile, Web
from biocodes_crate.validation import Level, validate_crate

METADATA = "ro-crate-metadata.json"


@pytest.fixture
def published(place, built_crate):
    """A published crate, and the address of its record."""
    done = place.deposit(built_crate, publish=True, wanted=Wanted(new_draft=True))
    place.clear() if place.faults_url else None
    return f"{place.url.removesuffix('/api')}/records/{done.id}"


def publish(place, files: dict[str, bytes]) -> str:
    """A record that somebody made by hand."""
    made = new_draft(
        place, title="By hand", publisher="Test", publication_date="2026-11-22",
        creators=[{"person_or_org": {"type": "personal", "family_name": "Doe", "given_name": "J"}}],
    )  # fmt: skip
    for key, data in files.items():
        put_file(place, made, key, data)
    status, answer = call(place, "POST", f"/records/{made}/draft/actions/publish")
    assert status == 202, answer
    return f"{place.url.removesuffix('/api')}/records/{made}"


def streamed(value):
    """An answer whose body is not read yet, as from a line."""
    import httpx

    return httpx.Response(200, stream=httpx.ByteStream(json.dumps(value).encode()))


def packed(folder, prefix: str = "") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, data in snapshot(folder).items():
            archive.writestr(prefix + path, data)
    return buffer.getvalue()


def test_a_record_is_valid_as_its_crate_is(published):
    report = validate_crate(published, Level.PROVENANCE)
    assert report.level is Level.PROVENANCE
    assert report.valid, report.findings
    assert report.crate == published


def test_its_metadata_alone_costs_no_zip(fake, built_crate):
    done = fake.deposit(built_crate, publish=True)
    fake.clear()
    address = f"{fake.url.removesuffix('/api')}/records/{done.id}"
    assert validate_crate(address, Level.METADATA).valid
    paths = [request["path"] for request in fake.requests()]
    assert not [path for path in paths if ".zip" in path]
    assert len(paths) == 3  # the record, its files, the metadata
    assert not [request for request in fake.requests() if "Authorization" in request["headers"]]


def test_a_file_costs_about_its_own_bytes(fake, crate):
    (crate / "images" / "stack.ome.zarr" / "large").write_bytes(bytes(8 << 20))
    done = fake.deposit(crate, publish=True)
    fake.clear()
    with open_crate(f"{fake.url.removesuffix('/api')}/records/{done.id}") as reader:
        assert isinstance(reader, DepositedCrate)
        assert set(reader.files()) == set(snapshot(crate))
        with reader.open("figures/fig 1.png") as file:
            assert file.read() == (crate / "figures" / "fig 1.png").read_bytes()
        assert reader.fetched < 2 << 20
    assert all("Range" in r["headers"] for r in fake.requests() if ".zip" in r["path"])


def test_a_figure_is_traced_in_a_record(published, built_crate):
    pages, _ = trace_one(built_crate / "figures" / "fig 1.png", published, use_cache=False)
    statuses = [edge.status.value for page in pages for panel in page.panels for edge in panel.edges]
    assert statuses == ["verified", "verified"]


@pytest.mark.parametrize("form", ["api", "file", "metadata", "slash", "query"])
def test_a_record_is_known_by_many_addresses(place, published, form):
    site, _, record = published.rpartition("/records/")
    address = {
        "api": f"{site}/api/records/{record}",
        "file": f"{site}/api/records/{record}/files/zellen-kerne.zip/content",
        "metadata": f"{site}/records/{record}/files/{METADATA}?download=1",
        "slash": f"{published}/",
        "query": f"{published}?preview=1",
    }[form]
    with open_crate(address) as reader:
        assert reader.has_payload is (form != "metadata")
        assert any(entity["@id"] == "./" for entity in reader.metadata["@graph"])
        if form != "metadata":
            assert "figures/fig 1.png" in reader.files()


def test_a_divided_crate_is_one(place, crate):
    (crate / "deposit.yaml").write_text("zip_gigabytes: 0.00005\n")
    done = place.deposit(crate, publish=True)
    with open_crate(f"{place.url.removesuffix('/api')}/records/{done.id}") as reader:
        assert set(reader.files()) == set(snapshot(crate)) - {"deposit.yaml"}
        for path in reader.files():
            with reader.open(path) as file:
                if path != METADATA:
                    assert file.read() == (crate / path).read_bytes(), path
        assert reader.oddities == ()


def test_a_zip_that_somebody_deposited_by_hand_is_read(place, built_crate):
    address = publish(place, {"notes.txt": b"notes", "my crate.zip": packed(built_crate, "study/")})
    with open_crate(address) as reader:
        assert set(reader.files()) == set(snapshot(built_crate))
    assert validate_crate(address, Level.METADATA).valid


def test_metadata_beside_the_zip_that_differs_is_an_error(place, built_crate):
    loose = json.loads((built_crate / METADATA).read_bytes())
    next(entity for entity in loose["@graph"] if entity["@id"] == "./")["name"] = "Something nicer"
    address = publish(place, {METADATA: json.dumps(loose).encode(), "crate.zip": packed(built_crate)})
    report = validate_crate(address, Level.INTEGRITY)
    assert "metadata-differs" in {finding.id for finding in report.findings}
    assert not report.valid


def test_a_file_in_two_zips_is_an_error(place, built_crate):
    metadata = json.loads((built_crate / METADATA).read_bytes())
    other = io.BytesIO()
    with zipfile.ZipFile(other, "w") as archive:
        archive.writestr("figures/fig 1.png", b"another figure")
    address = publish(
        place,
        {METADATA: (built_crate / METADATA).read_bytes(), "a.zip": packed(built_crate), "b.zip": other.getvalue()},
    )
    assert metadata
    report = validate_crate(address, Level.INTEGRITY)
    assert "file-duplicate" in {finding.id for finding in report.findings}


def test_what_is_no_crate_is_said(place):
    with pytest.raises(NotACrate, match="neither"):
        open_crate(publish(place, {"notes.txt": b"notes"}))
    with pytest.raises(NotACrate, match="read as a zip"):
        open_crate(publish(place, {"a.zip": b"no zip at all"}))
    with pytest.raises(NotACrate, match="not JSON"):
        open_crate(publish(place, {METADATA: b"{"}))
    with pytest.raises(RemoteUnreadable, match="404"):
        open_crate(f"{place.url.removesuffix('/api')}/records/999999999")
    with pytest.raises(NotACrate, match="neither that of a record"):
        open_crate(f"{place.url.removesuffix('/api')}/about")


def test_a_draft_is_not_public(place, crate):
    done = place.deposit(crate)
    with pytest.raises(RemoteUnreadable, match="404"):
        open_crate(f"{place.url.removesuffix('/api')}/records/{done.id}")


def test_a_checksum_that_is_not_the_records_is_refused(fake, built_crate):
    done = fake.deposit(built_crate, publish=True)
    fake.inject(fault="bad-checksum", path="/files$")
    with pytest.raises(RemoteUnreadable, match="checksum"):
        open_crate(f"{fake.url.removesuffix('/api')}/records/{done.id}")


def test_a_line_that_breaks_does_not_make_a_crate_invalid(fake, built_crate):
    """No verdict at all is right where the pixels could not be had."""
    done = fake.deposit(built_crate, publish=True)
    address = f"{fake.url.removesuffix('/api')}/records/{done.id}"
    reader = open_deposited(address, Web(sleep=lambda _: None))
    reader.files()
    fake.inject(fault="error-before", path=r"\.zip/content$", status=500, times=None)
    reader._parts()[0].file._blocks.clear()
    with reader, pytest.raises(RemoteUnreadable):
        reader.open("figures/fig 1.png").read()
    assert reader.failure is None or isinstance(reader.failure, RemoteUnreadable)


def test_validation_raises_when_the_line_broke(fake, built_crate, monkeypatch):
    done = fake.deposit(built_crate, publish=True)
    address = f"{fake.url.removesuffix('/api')}/records/{done.id}"
    monkeypatch.setattr("biocodes_crate.remote.time.sleep", lambda _: None)
    monkeypatch.setattr(Web.__init__, "__defaults__", (None, lambda _: None, lambda *_: None))
    monkeypatch.setattr("biocodes_crate.remote.MAX_BLOCKS", 1)
    fake.inject(fault="error-before", path=r"\.zip/content$", status=500, times=None, skip=3)
    with pytest.raises(RemoteUnreadable, match="500"):
        validate_crate(address, Level.PROVENANCE)


def test_dois_of_zenodo_need_no_resolver(monkeypatch):
    import httpx

    asked = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(str(request.url))
        if request.url.host == "doi.org":
            return httpx.Response(302, headers={"location": "https://repository.example.org/records/abcde-12345"})
        if request.url.path.endswith(("/records/abcde-12345", "/about")):
            return streamed({"id": "x"})
        return httpx.Response(404)

    for doi, site in (("10.5281/zenodo.12", "zenodo.org"), ("10.5072/zenodo.12", "sandbox.zenodo.org")):
        with pytest.raises(RemoteUnreadable, match="404"):
            open_deposited(f"https://doi.org/{doi}", Web(httpx.MockTransport(answer), sleep=lambda _: None))
        assert asked == [f"https://{site}/api/records/12"]
        asked.clear()
    with pytest.raises(RemoteUnreadable, match="404"):
        open_deposited("https://doi.org/10.1234/other", Web(httpx.MockTransport(answer), sleep=lambda _: None))
    assert asked[0] == "https://doi.org/10.1234/other"
    assert "https://repository.example.org/api/records/abcde-12345" in asked


def test_the_id_of_all_versions_leads_to_the_latest(fake, built_crate):
    """Zenodo answers with a redirect; files are those of the record that it leads to."""
    import httpx

    seen = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.path)
        if request.url.path == "/api/records/1":
            return httpx.Response(301, headers={"location": "/api/records/2"})
        if request.url.path == "/api/records/2":
            return streamed({"id": "2"})
        if request.url.path == "/api/records/2/files":
            return streamed({"entries": [{"key": METADATA, "size": 3, "checksum": "md5:x"}]})
        return httpx.Response(404)

    with pytest.raises(RemoteUnreadable):
        open_deposited("https://zenodo.org/records/1", Web(httpx.MockTransport(answer), sleep=lambda _: None))
    assert seen[-1] == f"/api/records/2/files/{METADATA}/content"


def test_the_command_line_takes_addresses(published, built_crate):
    run = [sys.executable, "-c", "from biocodes_crate.cli import main; main()"]
    done = subprocess.run(
        [*run, "validate", published, "--level", "metadata", "--json"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["crate"] == published
    done = subprocess.run([*run, "edges", published, "--json"], capture_output=True, text=True, check=False)
    assert json.loads(done.stdout)[0]["figure"] == "figures/fig 1.png"
    done = subprocess.run([*run, "validate", published + "9999999"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


@pytest.fixture(scope="module")
def indexed(built_crate, tmp_path_factory):
    """A crate with a stored index, and eight megabytes that have nothing to do with its figures."""
    root = tmp_path_factory.mktemp("indexed") / "study"
    shutil.copytree(built_crate, root)
    (root / "notes.bin").write_bytes(random.Random(1).randbytes(8 << 20))
    build_study(root, with_index=True)
    return root


def test_a_stored_index_answers_from_a_few_bytes_of_the_record(fake, indexed, monkeypatch):
    done = fake.deposit(indexed, publish=True)
    fetched = []
    close = RemoteFile.close

    def counted(file):
        fetched.append(file.fetched)
        close(file)

    monkeypatch.setattr(RemoteFile, "close", counted)
    address = f"{fake.url.removesuffix('/api')}/records/{done.id}"
    pages, _ = trace_one(indexed / "figures" / "fig 1.png", address, use_cache=False)
    assert [e.status.value for p in pages for panel in p.panels for e in panel.edges] == ["verified", "verified"]
    assert 0 < sum(fetched) < 3 << 20


def test_a_line_that_breaks_while_tracing_gives_no_answer(fake, indexed, monkeypatch):
    done = fake.deposit(indexed, publish=True)
    monkeypatch.setattr(Web.__init__, "__defaults__", (None, lambda _: None, lambda *_: None))
    monkeypatch.setattr("biocodes_crate.remote.MAX_BLOCKS", 1)
    fake.inject(fault="error-before", path=r"\.zip/content$", status=500, times=None, skip=4)
    with pytest.raises(RemoteUnreadable, match="500"):
        trace_one(
            indexed / "figures" / "fig 1.png", f"{fake.url.removesuffix('/api')}/records/{done.id}", use_cache=False
        )
