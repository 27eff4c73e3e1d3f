"""Everything that can go wrong on the way: it ends well, or with words that say what the draft holds."""

import re
import shutil
import signal
import subprocess
import sys
import time

import pytest
from conftest import Place
from deposit_helpers import assert_complete, call, content, draft, files, is_published, new_draft, put_file

from biocodes_crate.deposit import Wanted
from biocodes_crate.errors import CannotWrite, DepositFailed, NotAllowed, ServerRefused, ServerUnreachable

ZIP = "zellen-kerne.zip"
LOOSE = ["ro-crate-metadata.json", "ro-crate-preview.html", "edges.jsonld"]
CONTENT = rf"/files/{re.escape(ZIP)}/content$"
COMMIT = rf"/files/{re.escape(ZIP)}/commit$"


@pytest.fixture(autouse=True)
def faults_can_be_had(request):
    """A real server without the proxy that misbehaves cannot be tested here."""
    name = next((name for name in ("place", "fake") if name in request.fixturenames), None)
    place = request.getfixturevalue(name) if name else None
    if place is not None and place.faults_url is None:
        pytest.skip("INVENIO_RDM_FAULTS_URL is not set")
    yield
    if place is not None:
        place.clear()


def drafts_of(place: Place) -> int:
    assert place.store is not None
    return len(place.store.items)


WELL = {
    "the connection breaks in the middle of an upload": {"fault": "drop-upload", "method": "PUT", "path": CONTENT},
    "it breaks after a few bytes, twice": {
        "fault": "drop-upload", "method": "PUT", "path": CONTENT, "after_bytes": 10, "times": 2,
    },
    "the answer to an upload is lost": {"fault": "drop-answer", "method": "PUT", "path": CONTENT},
    "a gateway gives up after an upload": {"fault": "error-after", "method": "PUT", "path": CONTENT, "status": 504},
    "a fault before an upload": {"fault": "error-before", "method": "PUT", "path": CONTENT, "status": 500},
    "a fault after the file was committed": {"fault": "error-after", "method": "POST", "path": COMMIT, "status": 500},
    "the answer to the commit is lost": {"fault": "drop-answer", "method": "POST", "path": COMMIT},
    "the answer to the commit is cut": {"fault": "cut-answer", "method": "POST", "path": COMMIT},
    "the answer to the commit has another checksum": {"fault": "bad-checksum", "method": "POST", "path": COMMIT},
    "a fault before the commit": {"fault": "error-before", "method": "POST", "path": COMMIT, "status": 502},
    "a fault after a file was announced": {
        "fault": "error-after", "method": "POST", "path": r"/draft/files$", "status": 500,
    },
    "the DOI was reserved, but the answer was lost": {"fault": "drop-answer", "method": "POST", "path": r"/pids/doi$"},
    "a fault after the DOI was reserved": {
        "fault": "error-after", "method": "POST", "path": r"/pids/doi$", "status": 500,
    },
    "a fault after the metadata was taken": {
        "fault": "error-after", "method": "PUT", "path": r"/draft$", "status": 503,
    },
    "the list of files cannot be had at first": {
        "fault": "error-before", "method": "GET", "path": r"/draft/files$", "status": 502, "times": 3,
    },
    "vocabularies are not available for a moment": {
        "fault": "error-before", "method": "GET", "path": r"/vocabularies/", "status": 500, "times": 2,
    },
}  # fmt: skip


@pytest.mark.parametrize("fault", WELL.values(), ids=list(WELL))
def test_it_ends_well_although(place, crate, fault):
    place.inject(**fault)
    done = place.deposit(crate)
    assert place._control("GET")["faults"] == []  # it did happen
    assert set(files(place, done.id)) == {ZIP, *LOOSE}
    assert_complete(place, done)
    assert not is_published(place, done.id)
    assert sum(place.waits) < 60


def test_an_upload_that_arrived_is_not_sent_again(place, crate):
    """After ten gigabytes, a gateway that gave up a second too early must not cost another ten."""
    place.inject(fault="error-after", method="PUT", path=CONTENT, status=504)
    done = place.deposit(crate)
    assert len([r for r in place.requests() if r["method"] == "PUT" and r["path"].endswith(f"{ZIP}/content")]) == 1
    assert_complete(place, done)


@pytest.mark.parametrize("fault", ["error-after", "drop-answer"])
def test_a_draft_whose_making_was_not_answered_is_found_again(fake, crate, fault):
    fake.inject(fault=fault, method="POST", path=r"/api/records$", status=500)
    done = fake.deposit(crate)
    assert drafts_of(fake) == 1
    assert_complete(fake, done)
    # The mark by which it was found is gone.
    assert not [i for i in draft(fake, done.id)["metadata"]["identifiers"] if i["identifier"].startswith("urn:")]


def test_a_server_that_asks_to_wait_is_waited_for(place, crate):
    place.inject(fault="error-before", method="PUT", path=CONTENT, status=429, headers={"Retry-After": "7"})
    done = place.deposit(crate)
    assert 7.0 in place.waits
    assert any("too many requests" in words for words in place.words)
    assert_complete(place, done)


def test_a_server_that_asks_for_an_hour_is_left_with_word_of_it(place, crate):
    place.inject(fault="error-before", method="PUT", path=CONTENT, status=429, headers={"Retry-After": "3600"})
    with pytest.raises(ServerUnreachable, match="3600 s") as failure:
        place.deposit(crate)
    made = re.search(r"--draft (\S+)", failure.value.remedy)[1]
    assert "Nothing is published" in failure.value.remedy
    assert 3600.0 not in place.waits
    done = place.deposit(crate)
    assert done.id == made
    assert_complete(place, done)


def test_a_server_that_stays_broken_is_given_up_and_gone_on_with_later(place, crate):
    place.inject(fault="error-before", method="PUT", path=CONTENT, status=500, times=None)
    with pytest.raises(DepositFailed, match=r"3 attempts") as failure:
        place.deposit(crate, attempts=3)
    made = re.search(r"--draft (\S+)", failure.value.remedy)[1]
    assert "0 of 4 files" in failure.value.remedy
    assert files(place, made).get(ZIP, {"status": "pending"})["status"] == "pending"
    assert not is_published(place, made)
    place.clear()
    done = place.deposit(crate)
    assert done.id == made
    assert_complete(place, done)


def test_a_line_that_breaks_again_and_again_keeps_what_was_sent(place, crate):
    place.inject(fault="drop-upload", method="PUT", path=r"/files/edges\.jsonld/content$", times=None)
    with pytest.raises(DepositFailed, match=r"edges\.jsonld") as failure:
        place.deposit(crate, attempts=2)
    assert "3 of 4 files" in failure.value.remedy
    place.clear()
    done = place.deposit(crate)
    assert {file.key: file.sent for file in done.files} == {
        ZIP: False, "ro-crate-metadata.json": False, "ro-crate-preview.html": False, "edges.jsonld": True,
    }  # fmt: skip
    assert_complete(place, done)


def test_a_checksum_that_stays_wrong_is_no_success(place, crate):
    # In every answer that holds checksums: as if the server's disk were broken.
    place.inject(fault="bad-checksum", path=rf"({COMMIT}|/draft/files$)", times=None)
    with pytest.raises(DepositFailed, match="checksum") as failure:
        place.deposit(crate, attempts=2)
    assert "Nothing is published" in failure.value.remedy
    made = re.search(r"--draft (\S+)", failure.value.remedy)[1]
    place.clear()
    assert ZIP not in files(place, made)  # what cannot be trusted is not left
    assert_complete(place, place.deposit(crate))


PUBLISH = r"/actions/publish$"


@pytest.mark.parametrize(
    "fault",
    [
        {"fault": "error-after", "status": 504},
        {"fault": "error-after", "status": 500},
        {"fault": "drop-answer"},
        {"fault": "cut-answer"},
        {"fault": "error-before", "status": 503},
        {"fault": "error-before", "status": 429, "headers": {"Retry-After": "1"}},
    ],
    ids=lambda fault: f"{fault['fault']} {fault.get('status', '')}",
)
def test_a_publication_that_was_not_answered_is_recognised_or_tried_again(place, crate, fault):
    place.inject(method="POST", path=PUBLISH, **fault)
    done = place.deposit(crate, publish=True)
    assert done.published
    assert is_published(place, done.id)
    sent = [r for r in place.requests() if r["method"] == "POST" and r["path"].endswith("/publish")]
    assert len(sent) == (2 if fault["fault"] == "error-before" else 1)


def test_a_publication_of_unknown_outcome_is_said_to_be_unknown(place, crate):
    place.inject(fault="error-after", method="POST", path=PUBLISH, status=504, times=None)
    place.inject(fault="error-before", method="GET", path=r"/api/records/[^/]+$", status=502, times=None)
    with pytest.raises(ServerUnreachable) as failure:
        place.deposit(crate, publish=True, attempts=2)
    made = re.search(r"draft (\S+) was published is not known", failure.value.remedy)[1]
    place.clear()
    assert is_published(place, made)
    # The same command finds it out.
    done = place.deposit(crate, publish=True)
    assert done.published
    assert done.id == made
    assert not [r for r in place.requests() if r["method"] != "GET"]


def test_what_the_server_cannot_publish_stays_a_draft(place, crate):
    place.inject(fault="error-before", method="POST", path=PUBLISH, status=400)
    with pytest.raises(ServerRefused, match="400"):
        place.deposit(crate, publish=True)
    place.clear()
    done = place.deposit(crate)
    assert not is_published(place, done.id)
    assert_complete(place, done)


def test_without_creators_a_draft_is_made_but_not_published(place, crate):
    import json

    metadata = json.loads((crate / "ro-crate-metadata.json").read_bytes())
    next(e for e in metadata["@graph"] if e["@id"] == "./").pop("author")
    (crate / "ro-crate-metadata.json").write_text(json.dumps(metadata))
    done = place.deposit(crate)
    assert "metadata.creators" in [name for name, _ in done.complaints]
    with pytest.raises(DepositFailed, match=r"metadata\.creators") as failure:
        place.deposit(crate, publish=True)
    assert "Nothing is published" in failure.value.remedy
    assert not is_published(place, done.id)


def test_a_wrong_token_changes_nothing(place, crate):
    with pytest.raises(NotAllowed) as failure:
        place.deposit(crate, token="wrong-token-0123456789")
    assert "expired" in failure.value.remedy
    assert "wrong-token-0123456789" not in str(failure.value)


def test_a_token_that_expires_on_the_way_leaves_a_draft_to_go_on_with(fake, crate):
    def expire(progress) -> None:
        if progress.step.startswith("sending ro-crate-preview"):
            fake.store.revoked.add(fake.token)

    with pytest.raises(NotAllowed, match="403") as failure:
        fake.deposit(crate, on_progress=expire)
    made = re.search(r"--draft (\S+)", failure.value.remedy)[1]
    assert "2 of 4 files" in failure.value.remedy
    fake.store.revoked.clear()
    done = fake.deposit(crate)
    assert done.id == made
    assert [file.sent for file in done.files][:2] == [False, False]
    assert_complete(fake, done)


def test_a_draft_of_somebody_else_is_left_alone(place, crate):
    if place.other_token is None:
        pytest.skip("INVENIO_RDM_OTHER_TOKEN is not set")
    made = new_draft(place)
    put_file(place, made, "theirs.txt", b"theirs")
    with pytest.raises(NotAllowed, match="403"):
        place.deposit(crate, token=place.other_token, wanted=Wanted(draft=made))
    assert set(files(place, made)) == {"theirs.txt"}


def test_a_record_that_is_being_edited_has_locked_files(place, crate):
    done = place.deposit(crate, publish=True)
    assert call(place, "POST", f"/records/{done.id}/draft")[0] == 201  # as the browser's "Edit" does
    before = call(place, "GET", f"/records/{done.id}/files")[1]["entries"]
    with pytest.raises(DepositFailed, match=f"--new-version {done.id}"):
        place.deposit(crate, wanted=Wanted(draft=done.id))
    assert call(place, "GET", f"/records/{done.id}/files")[1]["entries"] == before


def test_a_bucket_that_is_locked_meanwhile_is_said(place, crate):
    place.inject(fault="error-before", method="PUT", path=CONTENT, status=403)
    with pytest.raises(NotAllowed, match="403") as failure:
        place.deposit(crate)
    assert "--draft" in failure.value.remedy
    assert_complete(place, place.deposit(crate))


def test_a_full_quota_is_said_with_the_servers_words(fake, crate):
    fake.store.quota = 20_000
    with pytest.raises(ServerRefused, match="quota") as failure:
        fake.deposit(crate)
    assert "bytes" in str(failure.value)
    made = re.search(r"--draft (\S+)", failure.value.remedy)[1]
    assert not [entry for entry in files(fake, made).values() if entry["status"] == "completed"]
    fake.store.quota = 10**9
    assert_complete(fake, fake.deposit(crate))


def test_a_licence_that_the_server_does_not_know_is_named_in_words(place, crate):
    path = crate / "ro-crate-metadata.json"
    path.write_text(path.read_text(encoding="utf-8").replace("CC-BY-4.0", "Adobe-Glyph-X"), encoding="utf-8")
    done = place.deposit(crate)
    (right,) = draft(place, done.id)["metadata"]["rights"]
    assert right["title"]["en"] == "Adobe-Glyph-X"
    assert right["link"] == "https://spdx.org/licenses/Adobe-Glyph-X"
    assert any("Adobe-Glyph-X" in note for note in done.notes)
    assert not done.complaints


def test_somebody_who_edits_at_the_same_time_loses_nothing(fake, crate):
    """The metadata is replaced as a whole: a change between reading and writing would be lost."""
    done = fake.deposit(crate)
    item = fake.store.items[done.id]
    original = fake.client

    def meddling_client(*arguments, **options):
        client = original(*arguments, **options)
        once = client.once
        state = {"left": 2}

        def meddled(method, path, **more):
            if method == "PUT" and path.endswith("/draft") and state["left"]:
                state["left"] -= 1
                item.body["metadata"]["title"] = f"Meanwhile {state['left']}"
                item.revision += 1
            return once(method, path, **more)

        type(client).__slots__  # noqa: B018
        return _Wrapped(client, meddled)

    fake.client = meddling_client
    fake.deposit(crate)
    assert item.body["metadata"]["title"] == "Meanwhile 0"


class _Wrapped:
    """A client whose single requests are meddled with."""

    def __init__(self, client, once) -> None:
        self._client, self.once = client, once

    def __getattr__(self, name):
        return getattr(self._client, name)

    def __enter__(self):
        self._client.__enter__()
        return self

    def __exit__(self, *error):
        return self._client.__exit__(*error)

    def get(self, path, params=None):
        return self.repeat(lambda: self.once("GET", path, params=params), path)


def test_a_file_that_changes_on_the_way_stops_the_deposit(place, crate):
    def meddle(progress) -> None:
        if progress.step == f"measuring {ZIP}" and progress.done == progress.total:
            (crate / "figures" / "fig 1.png").write_bytes(b"another figure of the same name")

    with pytest.raises(CannotWrite, match="changed") as failure:
        place.deposit(crate, on_progress=meddle)
    made = re.search(r"--draft (\S+)", failure.value.remedy)[1]
    time.sleep(0 if place.is_fake else 0.5)
    assert files(place, made).get(ZIP, {"status": "pending"})["status"] == "pending"


RUN = """
import sys
from biocodes_crate.deposit import client
client._TIMEOUT = 30
from biocodes_crate.cli import main
main()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of Unix")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("when", ["sending zellen", "sending ro-crate-preview"])
def test_a_killed_deposit_is_gone_on_with(place, crate, tmp_path, number, when):
    environment = {
        "PATH": "", "INVENIO_TOKEN": place.token, "BIOCODES_STATE": str(place.memory), "PYTHONPATH": ":".join(sys.path),
        "BIOCODES_CACHE": "off",
    }  # fmt: skip
    with (crate / "images" / "stack.ome.zarr" / "large").open("wb") as file:
        file.truncate(40 << 20)  # long enough to be killed in the middle of it
    command = [
        sys.executable,
        "-c",
        RUN,
        "deposit",
        str(crate),
        "--to",
        place.faults_url or place.url,
        "--level",
        "metadata",
    ]
    work = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    said = ""
    while when not in said:
        line = work.stderr.readline()
        assert line, said
        said += line
    work.send_signal(number)
    out, rest = work.communicate(timeout=120)
    assert work.returncode != 0
    assert "Traceback" not in rest
    assert place.token not in said + rest + out
    time.sleep(0 if place.is_fake else 1)
    place.clear()
    done = place.deposit(crate)
    assert ("POST", "/api/records") not in [(r["method"], r["path"]) for r in place.requests()]
    assert_complete(place, done)
    assert set(files(place, done.id)) == {ZIP, *LOOSE}
    if when.startswith("sending ro-crate"):
        assert [file.sent for file in done.files][:2] == [False, False]
    shutil.rmtree(tmp_path / "study")


def test_two_runs_at_once_do_not_make_two_drafts(fake, crate):
    seen = []

    def second(progress) -> None:
        if progress.step.startswith("sending") and not seen:
            with pytest.raises(DepositFailed, match="another run") as failure:
                fake.deposit(crate)
            seen.append(failure)

    done = fake.deposit(crate, on_progress=second)
    assert seen
    assert drafts_of(fake) == 1
    assert_complete(fake, done)


def test_what_was_there_is_not_lost_when_the_new_cannot_be_sent(place, crate):
    """A file is replaced only when its turn comes; what an earlier run sent stays until then."""
    done = place.deposit(crate)
    old = content(place, done.id, "ro-crate-preview.html")
    (crate / "ro-crate-preview.html").write_bytes(b"<!doctype html><title>biocodes</title>")
    place.inject(fault="error-before", method="POST", path=r"/draft/files$", status=500, times=None)
    with pytest.raises(DepositFailed):
        place.deposit(crate, attempts=2)
    assert content(place, done.id, "ro-crate-preview.html") == old
    assert files(place, done.id)["ro-crate-metadata.json"]["status"] == "completed"
    place.clear()
    assert_complete(place, place.deposit(crate))
