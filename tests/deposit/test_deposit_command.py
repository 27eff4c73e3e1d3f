"""`crate deposit` as a person or a script uses it, and what it remembers."""

import json
import os
from pathlib import Path

import pytest
from deposit_helpers import assert_complete, draft, files, is_published
from typer.testing import CliRunner

from biocodes_crate.cli import console
from biocodes_crate.cli.app import app
from biocodes_crate.deposit import Memory
from biocodes_crate.deposit.choice import record_id
from biocodes_crate.errors import BadSettings, DepositFailed


@pytest.fixture
def command(fake, crate, monkeypatch):
    """Runs the command against the fake."""
    monkeypatch.setenv("INVENIO_TOKEN", fake.token)
    monkeypatch.setenv("BIOCODES_STATE", str(fake.memory))
    monkeypatch.setattr("biocodes_crate.deposit.client.Patience.pause", lambda *_: 0.0)

    def run(*options: str, typed: str | None = None):
        arguments = ["deposit", str(crate), "--to", fake.url, "--level", "metadata", *options]
        if typed is not None:
            monkeypatch.setattr(console, "can_ask", lambda: True)
        return CliRunner().invoke(app, arguments, input=typed)

    return run


def test_a_dry_run_sends_nothing_and_shows_everything(fake, command, monkeypatch):
    monkeypatch.delenv("INVENIO_TOKEN")  # not needed for it
    done = command("--dry-run", "--publish")
    assert done.exit_code == 0, done.output
    assert fake.requests() == []
    for words in (
        "POST /records",
        "zellen-kerne.zip",
        "actions/publish",
        '"title": "Zellen & Kerne"',
        "cc-by-4.0",
        "bytes",
    ):
        assert words in done.stdout
    planned = json.loads(command("--dry-run", "--json").stdout)
    assert planned["metadata"]["title"] == "Zellen & Kerne"
    assert not [request for request in planned["requests"] if "publish" in request]
    assert fake.requests() == []
    assert not fake.memory.exists()


def test_a_dry_run_says_the_size_that_is_sent(fake, command):
    planned = {
        file["key"]: file["size"] for file in json.loads(command("--dry-run", "--draft", "1", "--json").stdout)["files"]
    }
    done = json.loads(command("--json").stdout)
    sent = {file["key"]: file["size"] for file in done["files"]}
    assert done["id"] == "1"
    assert planned.keys() == sent.keys()
    # The DOI is the only thing that is not known before.
    assert all(abs(planned[key] - sent[key]) <= 40 for key in sent)


def test_the_result_says_where_to_look_and_that_nothing_is_published(fake, command):
    done = command()
    assert done.exit_code == 0, done.output
    assert "nothing is published" in done.stdout
    assert f"{fake.url.removesuffix('/api')}/uploads/1" in done.stdout
    assert "10.5072/zenodo.1" in done.stdout
    assert not is_published(fake, "1")
    said = json.loads(command("--json").stdout)
    assert said["published"] is False
    assert said["id"] == "1"
    assert [file["sent"] for file in said["files"]] == [False] * 4


@pytest.mark.parametrize(
    ("typed", "published"),
    [("y\n", True), ("yes\n", True), ("n\n", False), ("\n", False), ("", False), ("Y es\n", False)],
)
def test_publishing_asks_and_shows_what(fake, command, typed, published):
    done = command("--publish", typed=typed)
    assert done.exit_code == 0, done.output
    for words in ("Zellen & Kerne", "Lovelace", "cc-by-4.0", "10.5072/zenodo.1", "for good", "zellen-kerne.zip"):
        assert words in done.stderr
    assert is_published(fake, "1") is published
    assert ("Published" in done.stdout) is published


def test_without_a_person_publishing_needs_yes(fake, command):
    done = command("--publish")
    assert done.exit_code == 2
    assert "--yes" in done.stderr
    assert fake.requests() == []
    assert json.loads(command("--publish", "--yes", "--json").stdout)["published"] is True


def test_yes_alone_publishes_nothing(fake, command):
    assert command("--yes").exit_code == 0
    assert not is_published(fake, "1")


@pytest.mark.parametrize(
    "options",
    [
        ("--draft", "1", "--new-version", "2"), ("--draft", "1", "--new-draft"), ("--draft", "../../admin"),
        ("--settings", "no-such-file.yaml"), ("--new-version", "a/b"),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_said_before_anything_is_sent(fake, command, options):
    done = command(*options)
    assert done.exit_code == 2, done.output
    assert "→" in done.stderr
    assert "Traceback" not in done.output
    assert not [r for r in fake.requests() if r["method"] != "GET"]


def test_an_invalid_crate_has_its_own_exit_code(fake, command, crate):
    path = crate / "ro-crate-metadata.json"
    metadata = json.loads(path.read_bytes())
    next(e for e in metadata["@graph"] if e["@id"] == "./").pop("description")
    path.write_text(json.dumps(metadata))
    done = command()
    assert done.exit_code == 1
    assert "crate validate" in done.stderr
    assert fake.requests() == []


def test_settings_can_lie_elsewhere(fake, command, tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("title: My title\nversion: 2.0.1\n")
    assert command("--settings", str(path)).exit_code == 0
    metadata = draft(fake, "1")["metadata"]
    assert (metadata["title"], metadata["version"]) == ("My title", "2.0.1")


def test_a_server_that_is_not_there_is_said(crate, monkeypatch, tmp_path):
    monkeypatch.setenv("INVENIO_TOKEN", "token")
    monkeypatch.setenv("BIOCODES_STATE", str(tmp_path / "state"))
    monkeypatch.setattr("biocodes_crate.deposit.client.Patience.pause", lambda *_: 0.0)
    done = CliRunner().invoke(app, ["deposit", str(crate), "--to", "http://127.0.0.1:9", "--level", "metadata"])
    assert done.exit_code == 2
    assert "cannot be reached" in done.stderr
    assert "Traceback" not in done.output


def test_what_is_no_invenio_is_said(fake, crate, monkeypatch):
    monkeypatch.setattr("fake_invenio.Handler._create", lambda *_: (201, {"hello": "world"}))
    with pytest.raises(DepositFailed, match="not that of an InvenioRDM"):
        fake.deposit(crate)


def test_metadata_alone_and_nothing_at_all_cannot_be_deposited(fake, crate):
    from biocodes_crate.errors import NotACrate

    with pytest.raises(NotACrate, match="metadata file alone"):
        fake.deposit(crate / "ro-crate-metadata.json")
    with pytest.raises(NotACrate):
        fake.deposit(crate / "figures")


@pytest.mark.parametrize(
    ("text", "record"),
    [
        ("1234", "1234"), ("abcde-12345", "abcde-12345"), ("https://zenodo.org/records/1234?preview=1", "1234"),
        ("https://zenodo.org/uploads/1234", "1234"), ("10.5281/zenodo.1234", "1234"), ("https://doi.org/10.5281/zenodo.1234", "1234"),
        ("https://zenodo.org/api/records/1234/draft", "1234"), (" 1234 ", "1234"),
    ],
)  # fmt: skip
def test_records_are_known_by_what_people_paste(text, record):
    assert record_id(text) == record


@pytest.mark.parametrize("text", ["", "..", "a/b", "1 2", "https://zenodo.org/", "x" * 100, "1?a", "1#a", "é"])
def test_what_is_no_record_is_refused(text):
    with pytest.raises(BadSettings):
        record_id(text)


def test_what_is_remembered_is_kept_apart_by_server_and_crate(tmp_path):
    memory = Memory(tmp_path)
    one = memory.load("https://a.org", tmp_path / "one")
    one.draft, one.files = "1", {"a.zip": ["md5"]}
    memory.save(one)
    assert memory.load("https://a.org", tmp_path / "one") == one
    assert memory.load("https://b.org", tmp_path / "one").draft is None
    assert memory.load("https://a.org", tmp_path / "two").draft is None
    assert not [path for path in tmp_path.rglob("*") if path.name.endswith(".new")]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff", b'{"draft": 1, "files": 3}', b"[" * 100_000])
def test_a_memory_that_cannot_be_read_is_as_good_as_none(fake, crate, content):
    done = fake.deposit(crate)
    (path,) = fake.memory.rglob("*.json")
    path.write_bytes(content)
    with pytest.raises(DepositFailed, match=f"--draft {done.id}"):  # found on the server instead
        fake.deposit(crate)


@pytest.mark.skipif(os.geteuid() == 0 if hasattr(os, "geteuid") else True, reason="root may write anywhere")
def test_a_state_that_cannot_be_written_stops_before_a_draft_is_made(fake, crate, tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(DepositFailed, match="remembered"):
        fake.deposit(crate)
    assert fake.store.items == {}


def test_a_state_folder_that_is_a_file_stops_before_a_draft_is_made(fake, crate):
    Path(fake.memory).write_text("a file")
    with pytest.raises(DepositFailed, match="BIOCODES_STATE"):
        fake.deposit(crate)
    assert fake.store.items == {}


def test_a_new_draft_is_another_one(fake, command):
    command()
    done = json.loads(command("--new-draft", "--json").stdout)
    assert done["id"] != "1"
    assert set(files(fake, "1")) == set(files(fake, done["id"]))


def test_a_crate_of_another_language_and_odd_names_is_deposited(fake, crate):
    (crate / "deposit.yaml").write_text("title: 細胞と核\n", encoding="utf-8")
    path = crate / "ro-crate-metadata.json"
    path.write_text(path.read_text(encoding="utf-8").replace("Zellen & Kerne", "細胞と核"), encoding="utf-8")
    done = fake.deposit(crate)
    assert done.files[0].key == "study.zip"
    assert done.title == "細胞と核"
    assert_complete(fake, done)
