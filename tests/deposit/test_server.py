"""What an InvenioRDM does: the same for the real one and the fake, so that tests with the fake mean something."""

import hashlib

import pytest
from deposit_helpers import call, draft, files, is_published, new_draft, put_file

METADATA = {
    "title": "Contract",
    "version": "7",
    "publication_date": "2026-11-22",
    "publisher": "Test",
    "creators": [{"person_or_org": {"type": "personal", "family_name": "Doe", "given_name": "J"}}],
    "rights": [{"id": "cc-by-4.0"}],
}


def test_content_for_a_committed_key_destroys_the_file(place):
    made = new_draft(place)
    put_file(place, made, "a.bin", b"first")
    status, answer = call(place, "PUT", f"/records/{made}/draft/files/a.bin/content", b"second")
    assert status == 200
    assert answer["errors"]
    entry = files(place, made).get("a.bin", {})
    assert entry.get("checksum") != "md5:" + hashlib.md5(b"first").hexdigest() or entry.get("status") != "completed"


def test_a_key_is_announced_once_and_gone_after_removal(place):
    made = new_draft(place)
    put_file(place, made, "a.bin", b"first")
    at = f"/records/{made}/draft/files"
    assert call(place, "POST", at, [{"key": "a.bin"}])[0] == 400
    assert call(place, "DELETE", f"{at}/a.bin")[0] == 204
    assert call(place, "DELETE", f"{at}/a.bin")[0] == 404
    assert call(place, "PUT", f"{at}/a.bin/content", b"x")[0] == 404
    put_file(place, made, "a.bin", b"second")
    assert files(place, made)["a.bin"]["checksum"] == "md5:" + hashlib.md5(b"second").hexdigest()


def test_an_empty_file_cannot_be_committed_and_a_pending_one_has_no_checksum(place):
    made = new_draft(place)
    put_file(place, made, "empty", b"", commit=False)
    assert call(place, "POST", f"/records/{made}/draft/files/empty/commit")[0] == 400
    entry = files(place, made)["empty"]
    assert entry["status"] == "pending"
    assert "checksum" not in entry


def test_the_hundred_and_first_file_is_refused(place):
    made = new_draft(place)
    at = f"/records/{made}/draft/files"
    assert call(place, "POST", at, [{"key": f"{n:03}"} for n in range(100)])[0] == 201
    assert call(place, "POST", at, [{"key": "one more"}])[0] == 400
    call(place, "DELETE", f"/records/{made}/draft")


def test_a_doi_is_reserved_once_and_stays_when_metadata_without_it_is_sent(place):
    made = new_draft(place)
    at = f"/records/{made}/draft"
    status, answer = call(place, "POST", f"{at}/pids/doi")
    assert status == 201
    doi = answer["pids"]["doi"]["identifier"]
    status, answer = call(place, "POST", f"{at}/pids/doi")
    assert status == 400
    assert "already exists" in answer["errors"][0]["messages"][0]
    assert call(place, "PUT", at, {"files": {"enabled": True}, "metadata": {"title": "Else"}})[0] == 200
    assert draft(place, made)["pids"]["doi"]["identifier"] == doi


def test_drafts_take_what_is_not_valid_and_complain(place):
    made = new_draft(place, title="No creators")
    complaints = {entry["field"] for entry in draft(place, made).get("errors", [])} | {
        entry["field"]
        for entry in call(
            place, "PUT", f"/records/{made}/draft", {"files": {"enabled": True}, "metadata": {"title": "Abc"}}
        )[1]["errors"]
    }
    assert {"metadata.creators", "metadata.publisher"} <= complaints
    put_file(place, made, "a.bin", b"x")
    assert call(place, "POST", f"/records/{made}/draft/actions/publish")[0] == 400
    assert not is_published(place, made)


def test_a_stale_revision_is_refused(place):
    made = new_draft(place)
    client = place.client()
    with client:
        reply = client.get(f"/records/{made}/draft")
        assert isinstance(reply.body["revision_id"], int)
        body = {"files": {"enabled": True}, "metadata": {"title": "Abc"}}
        with pytest.raises(Exception, match="412"):
            client.once("PUT", f"/records/{made}/draft", body=body, headers={"If-Match": "123456"})
        client.once("PUT", f"/records/{made}/draft", body=body, headers={"If-Match": str(reply.body["revision_id"])})


@pytest.mark.parametrize("token", [None, "wrong", "other"])
def test_without_the_right_token_nothing_is_shown(place, token):
    made = new_draft(place)
    if token == "other":
        token = place.other_token
    assert call(place, "GET", f"/records/{made}/draft", token=token)[0] in {401, 403}
    assert call(place, "POST", f"/records/{made}/draft/files", [{"key": "x"}], token=token)[0] in {401, 403}


def test_vocabularies_are_asked_by_id(place):
    assert call(place, "GET", "/vocabularies/licenses/cc-by-4.0")[0] == 200
    assert call(place, "GET", "/vocabularies/licenses/no-such-licence")[0] == 404
    assert call(place, "GET", "/affiliations/01ggx4157")[0] == 200
    assert call(place, "GET", "/affiliations/000000000")[0] == 404
    assert call(place, "POST", "/records", {"metadata": {"title": "abc", "rights": [{"id": "no-such"}]}})[0] == 400


def test_a_record_is_published_and_gets_a_next_version(place):
    made = new_draft(place, **METADATA)
    assert call(place, "GET", f"/records/{made}")[0] == 404
    call(place, "POST", f"/records/{made}/draft/pids/doi")
    assert call(place, "POST", f"/records/{made}/draft/actions/publish")[0] == 400  # no files
    put_file(place, made, "a.bin", b"first")
    put_file(place, made, "pending.bin", b"x", commit=False)
    assert call(place, "POST", f"/records/{made}/draft/actions/publish")[0] == 400
    call(place, "DELETE", f"/records/{made}/draft/files/pending.bin")
    status, answer = call(place, "POST", f"/records/{made}/draft/actions/publish")
    assert status == 202, answer
    assert answer["is_published"]
    assert is_published(place, made)
    assert call(place, "GET", f"/records/{made}/draft")[0] == 404
    assert call(place, "GET", f"/records/{made}/files/a.bin/content", token=None) == (200, b"first")

    status, second = call(place, "POST", f"/records/{made}/versions")
    assert status == 201
    assert second["id"] != made
    assert second["versions"]["index"] == 2
    assert call(place, "POST", f"/records/{made}/versions")[1]["id"] == second["id"]
    assert files(place, second["id"]) == {}
    assert draft(place, second["id"])["metadata"]["title"] == "Contract"
    assert "publication_date" in draft(place, second["id"])["metadata"]  # the day on which it was made
    assert "version" not in draft(place, second["id"])["metadata"]
    assert call(place, "POST", f"/records/{second['id']}/draft/actions/files-import")[0] == 201
    assert set(files(place, second["id"])) == {"a.bin"}


def test_files_of_a_published_record_are_locked(place):
    made = new_draft(place, **METADATA)
    put_file(place, made, "a.bin", b"first")
    assert call(place, "POST", f"/records/{made}/draft/actions/publish")[0] == 202
    assert call(place, "POST", f"/records/{made}/draft")[0] == 201
    assert call(place, "POST", f"/records/{made}/draft/files", [{"key": "b"}])[0] == 201  # it can be announced
    assert call(place, "PUT", f"/records/{made}/draft/files/b/content", b"x")[0] == 403
    assert call(place, "DELETE", f"/records/{made}/draft/files/a.bin")[0] == 403


def test_the_drafts_of_the_user_are_listed_by_pages(place):
    made = new_draft(place, title="Look for me")
    listed: list[str] = []
    for page in range(1, 40):
        status, answer = call(place, "GET", f"/user/records?size=25&sort=newest&page={page}")
        assert status == 200
        listed += [hit["id"] for hit in answer["hits"]["hits"]]
        if made in listed or not answer["hits"]["hits"]:
            break
    assert made in listed
