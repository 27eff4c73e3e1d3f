"""Deposits, on the fake and on a real server."""

import io
import json
import urllib.request
import zipfile

import pytest
from deposit_helpers import (
    DIRECT,
    assert_complete,
    call,
    content,
    draft,
    files,
    is_published,
    new_draft,
    put_file,
    root_of,
    snapshot,
)

from biocodes_crate.deposit import InvalidCrate, Wanted
from biocodes_crate.errors import CannotFit, DepositFailed
from biocodes_crate.validation import Level, validate_crate

ZIP = "zellen-kerne.zip"
LOOSE = ["ro-crate-metadata.json", "ro-crate-preview.html", "edges.jsonld"]


def test_a_crate_becomes_a_draft_that_says_what_it_is(place, crate):
    before = snapshot(crate)
    done = place.deposit(crate)
    assert not done.published
    assert not done.complaints
    assert [file.key for file in done.files] == [ZIP, *LOOSE]
    assert_complete(place, done)
    assert snapshot(crate) == before

    root = root_of(content(place, done.id, "ro-crate-metadata.json"))
    assert {"@id": f"https://doi.org/{done.doi}"} in root["identifier"]
    assert root["version"] == done.version == "1"
    assert root["distribution"] == {"@id": f"#deposit/{ZIP}"}

    shown = draft(place, done.id)
    metadata = shown["metadata"]
    assert shown["pids"]["doi"]["identifier"] == done.doi
    assert not shown.get("errors")
    assert metadata["title"] == "Zellen & Kerne"
    assert metadata["version"] == "1"
    assert "Cells &lt;b&gt;not bold&lt;/b&gt;." in metadata["description"]
    assert "verified on the pixels" in metadata["description"]
    ada, grace = metadata["creators"]
    assert ada["person_or_org"]["family_name"] == "Lovelace"
    assert ada["person_or_org"]["identifiers"] == [{"identifier": "0000-0002-1825-0097", "scheme": "orcid"}]
    assert ada["affiliations"] == [{"name": "Analytical Institute"}]
    assert grace["affiliations"][0]["id"] == "01ggx4157"
    assert metadata["rights"][0]["id"] == "cc-by-4.0"
    assert [entry["subject"] for entry in metadata["subjects"]] == ["cells", "nuclei"]
    assert metadata["identifiers"] == [{"identifier": root["iscc_code"], "scheme": "other"}]
    (paper,) = metadata["related_identifiers"]
    assert (paper["identifier"], paper["relation_type"]["id"]) == ("10.1234/paper.5", "issupplementto")
    assert metadata["funding"][0]["funder"]["name"] == "Grant 12 of the Foundation"
    assert shown["files"]["default_preview"] == "ro-crate-metadata.json"


def test_the_zip_is_the_whole_crate_with_dotfiles_and_empty_files(place, crate):
    done = place.deposit(crate)
    with zipfile.ZipFile(io.BytesIO(content(place, done.id, ZIP))) as archive:
        names = archive.namelist()
        assert names[0] == "ro-crate-metadata.json"
        assert set(names) == set(snapshot(crate))
        assert archive.read("images/stack.ome.zarr/.extra").startswith(b"dotfiles")
        assert archive.read("empty.txt") == b""


def test_running_it_again_sends_nothing_and_makes_no_second_draft(place, crate):
    done = place.deposit(crate)
    place.clear()
    again = place.deposit(crate)
    assert again.id == done.id
    assert [file.sent for file in again.files] == [False] * 4
    asked = [(request["method"], request["path"]) for request in place.requests()]
    assert not [path for method, path in asked if method == "PUT" and path.endswith("/content")]
    assert not [path for method, path in asked if method in {"POST", "DELETE"} and "/files" in path]
    assert ("POST", "/api/records") not in asked


def test_only_what_changed_is_replaced(place, crate):
    done = place.deposit(crate)
    (crate / "ro-crate-preview.html").write_bytes(b"<!doctype html><title>biocodes again</title>")
    again = place.deposit(crate)
    assert again.id == done.id
    # The page is in the zip too.
    assert {file.key: file.sent for file in again.files} == {
        ZIP: True, "ro-crate-metadata.json": False, "ro-crate-preview.html": True, "edges.jsonld": False,
    }  # fmt: skip
    assert_complete(place, again)
    assert content(place, done.id, "ro-crate-preview.html").endswith(b"again</title>")


def test_a_published_crate_is_downloaded_unpacked_and_valid(place, built_crate, tmp_path):
    done = place.deposit(built_crate, publish=True, wanted=Wanted(new_draft=True))
    assert done.published
    assert is_published(place, done.id)
    with DIRECT.open(urllib.request.Request(f"{place.url}/records/{done.id}/files/{ZIP}/content")) as answer:
        downloaded = answer.read()
    with zipfile.ZipFile(io.BytesIO(downloaded)) as archive:
        archive.extractall(tmp_path / "unpacked")
    report = validate_crate(tmp_path / "unpacked", Level.PROVENANCE)
    assert report.level is Level.PROVENANCE
    assert report.valid, report.findings
    within = root_of((tmp_path / "unpacked" / "ro-crate-metadata.json").read_bytes())
    assert {"@id": f"https://doi.org/{done.doi}"} in within["identifier"]


def test_publishing_again_finds_it_published(place, crate):
    done = place.deposit(crate, publish=True)
    place.clear()
    again = place.deposit(crate, publish=True)
    assert again.published
    assert (again.id, again.doi) == (done.id, done.doi)
    assert not [r for r in place.requests() if r["method"] != "GET"]
    (crate / "ro-crate-metadata.json").write_text(
        (crate / "ro-crate-metadata.json").read_text(encoding="utf-8").replace("Zellen", "Cellulae"), encoding="utf-8"
    )
    with pytest.raises(DepositFailed, match=f"--new-version {done.id}"):
        place.deposit(crate, publish=True)
    assert not [r for r in place.requests() if r["method"] != "GET"]


def test_nothing_is_published_when_the_person_says_no(place, crate):
    asked = []
    done = place.deposit(crate, publish=True, confirm=lambda made, there: bool(asked.append((made, there))))
    assert len(asked) == 1
    assert asked[0][1].metadata["title"] == "Zellen & Kerne"
    assert not done.published
    assert not is_published(place, done.id)


def test_a_draft_of_the_browser_keeps_its_files_and_what_was_written(place, crate):
    people = [{"person_or_org": {"type": "personal", "family_name": "Noether", "given_name": "Emmy"}}]
    made = new_draft(
        place, title="My own title", creators=people, rights=[{"id": "cc-by-4.0"}],
        identifiers=[{"identifier": "ark:/123/456", "scheme": "ark"}],
    )  # fmt: skip
    put_file(place, made, "notes.txt", b"by hand")
    put_file(place, made, "half.bin", b"still on its way", commit=False)
    done = place.deposit(crate, wanted=Wanted(draft=made))
    assert done.id == made
    assert content(place, made, "notes.txt") == b"by hand"
    entries = files(place, made)
    assert set(entries) == {"notes.txt", "half.bin", ZIP, *LOOSE}
    assert entries["half.bin"]["status"] == "pending"
    metadata = draft(place, made)["metadata"]
    assert metadata["title"] == "My own title"
    assert [c["person_or_org"]["family_name"] for c in metadata["creators"]] == ["Noether"]
    assert {i["identifier"] for i in metadata["identifiers"]} == {
        "ark:/123/456",
        root_of((crate / "ro-crate-metadata.json").read_bytes())["iscc_code"],
    }
    assert "verified on the pixels" in metadata["description"]
    assert any("title" in note and "creators" in note and "rights" not in note for note in done.notes)
    # A pending upload of somebody else keeps it from being published, and is said.
    assert any("half.bin" in name for name, _ in done.complaints)
    with pytest.raises(DepositFailed, match=r"half\.bin"):
        place.deposit(crate, wanted=Wanted(draft=made), publish=True)
    assert not is_published(place, made)


def test_what_a_person_changes_after_a_deposit_stays(place, crate):
    done = place.deposit(crate)
    shown = draft(place, done.id)
    body = {
        "access": {"record": "public", "files": "public"},
        "files": {"enabled": True},
        "metadata": shown["metadata"],
    }
    body["metadata"] |= {"title": "A better title", "resource_type": {"id": "dataset"}, "rights": [{"id": "cc-by-4.0"}]}
    assert call(place, "PUT", f"/records/{done.id}/draft", body)[0] == 200
    text = (crate / "ro-crate-metadata.json").read_text(encoding="utf-8")
    (crate / "ro-crate-metadata.json").write_text(text.replace("not bold", "quite bold"), encoding="utf-8")
    again = place.deposit(crate)
    metadata = draft(place, done.id)["metadata"]
    assert metadata["title"] == "A better title"  # theirs
    assert "quite bold" in metadata["description"]  # ours
    assert any("title" in note for note in again.notes)


@pytest.mark.parametrize("commit", [True, False])
def test_a_file_of_our_name_that_is_not_ours_is_left_alone(place, crate, commit):
    made = new_draft(place)
    put_file(place, made, ZIP, b"somebody's own", commit=commit)
    with pytest.raises(DepositFailed, match="did not put there") as failure:
        place.deposit(crate, wanted=Wanted(draft=made))
    assert f"--draft {made}" in failure.value.remedy
    entry = files(place, made)[ZIP]
    assert entry["status"] == ("completed" if commit else "pending")
    if commit:
        assert content(place, made, ZIP) == b"somebody's own"
    done = place.deposit(crate, wanted=Wanted(draft=made), replace=True)
    assert_complete(place, done)


def test_another_computer_goes_on_with_a_draft(place, crate, tmp_path):
    done = place.deposit(crate)
    place.memory = tmp_path / "another computer"
    (crate / "ro-crate-preview.html").write_bytes(b"<!doctype html><title>biocodes of another computer</title>")
    if place.is_fake:  # the search of the real test server sorts nothing, and has many drafts
        with pytest.raises(DepositFailed, match=f"--draft {done.id}"):
            place.deposit(crate)
    again = place.deposit(crate, wanted=Wanted(draft=done.id))
    assert again.id == done.id
    assert_complete(place, again)


def test_a_new_version_takes_over_files_and_replaces_what_is_stale(place, crate):
    done = place.deposit(crate, publish=True)
    old = draft_metadata = call(place, "GET", f"/records/{done.id}")[1]["metadata"]
    code = old["identifiers"][0]["identifier"]
    text = (crate / "ro-crate-metadata.json").read_text(encoding="utf-8")
    changed = text.replace(code, code[:20] + "ABCDEFGHIJKLMNOP" + code[36:]).replace("not bold", "quite bold")
    (crate / "ro-crate-metadata.json").write_text(changed, encoding="utf-8")
    place.clear()
    second = place.deposit(crate, wanted=Wanted(new_version=done.id))
    assert second.id != done.id
    assert second.version == "2"
    assert second.doi != done.doi
    assert {file.key: file.sent for file in second.files} == {
        ZIP: True, "ro-crate-metadata.json": True, "ro-crate-preview.html": False, "edges.jsonld": False,
    }  # fmt: skip
    assert_complete(place, second)
    metadata = draft(place, second.id)["metadata"]
    new_code = root_of(changed.encode())["iscc_code"]
    assert metadata["identifiers"] == [{"identifier": new_code, "scheme": "other"}]
    assert "quite bold" in metadata["description"]
    assert metadata["version"] == "2"
    root = root_of(content(place, second.id, "ro-crate-metadata.json"))
    assert done.doi not in json.dumps(root)
    # Again: the same draft, nothing sent. Then published; the first version is as it was.
    assert [file.sent for file in place.deposit(crate, wanted=Wanted(new_version=done.id)).files] == [False] * 4
    third = place.deposit(crate, wanted=Wanted(new_version=done.id), publish=True)
    assert third.published
    assert third.id == second.id
    # The same command once more makes no third version.
    place.clear()
    assert place.deposit(crate, wanted=Wanted(new_version=done.id), publish=True).id == second.id
    assert not [r for r in place.requests() if r["method"] != "GET"]
    assert call(place, "GET", f"/records/{done.id}")[1]["metadata"]["identifiers"] == draft_metadata["identifiers"]


def test_a_large_crate_is_divided_and_the_crate_says_how(place, crate, tmp_path):
    (crate / "deposit.yaml").write_text("zip_gigabytes: 0.00005\n")
    done = place.deposit(crate)
    zips = [file.key for file in done.files if file.key.endswith(".zip")]
    assert len(zips) > 2
    assert zips[:2] == [ZIP, "zellen-kerne.part2.zip"]
    seen: list[str] = []
    for key in zips:
        with zipfile.ZipFile(io.BytesIO(content(place, done.id, key))) as archive:
            seen += archive.namelist()
            archive.extractall(tmp_path / "unpacked")
    assert len(seen) == len(set(seen))
    assert set(seen) == set(snapshot(crate)) - {"deposit.yaml"}
    graph = json.loads((tmp_path / "unpacked" / "ro-crate-metadata.json").read_bytes())["@graph"]
    parts = [e for e in graph if e["@type"] == "DataDownload"]
    assert [part["name"] for part in parts] == zips
    held = [ref["@id"] for part in parts for ref in part["hasPart"]]
    assert "images/stack.ome.zarr/" in held
    # Fewer parts the next time: those that are no longer needed go, other files stay.
    put_file(place, done.id, "notes.txt", b"by hand")
    (crate / "deposit.yaml").write_text("zip_gigabytes: 1\n")
    again = place.deposit(crate)
    assert [file.key for file in again.files] == [ZIP, *LOOSE]
    assert set(files(place, done.id)) == {ZIP, *LOOSE, "notes.txt"}


def test_what_cannot_fit_is_said_with_numbers_before_anything_is_sent(place, crate):
    (crate / "deposit.yaml").write_text("record_gigabytes: 0.0001\n")
    place.clear()
    with pytest.raises(CannotFit, match=r"100 kB.*largest: images/") as failure:
        place.deposit(crate)
    assert "record_gigabytes" in failure.value.remedy
    assert place.requests() == []


def test_too_many_files_are_said_before_one_is_sent(place, crate):
    made = new_draft(place)
    call(place, "POST", f"/records/{made}/draft/files", [{"key": f"{n:03}"} for n in range(98)])
    with pytest.raises(CannotFit, match=r"102 files.*98 of other origin"):
        place.deposit(crate, wanted=Wanted(draft=made))
    assert len(files(place, made)) == 98
    call(place, "DELETE", f"/records/{made}/draft")


def test_an_invalid_crate_is_not_sent_unless_asked(place, crate):
    metadata = json.loads((crate / "ro-crate-metadata.json").read_bytes())
    next(e for e in metadata["@graph"] if e["@id"] == "./").pop("description")
    (crate / "ro-crate-metadata.json").write_text(json.dumps(metadata))
    place.clear()
    with pytest.raises(InvalidCrate, match="description"):
        place.deposit(crate)
    assert place.requests() == []
    assert_complete(place, place.deposit(crate, allow_invalid=True))


def test_a_published_record_is_not_a_draft(place, crate):
    done = place.deposit(crate, publish=True)
    with pytest.raises(DepositFailed, match=f"--new-version {done.id}"):
        place.deposit(crate, wanted=Wanted(draft=done.id))
    with pytest.raises(DepositFailed, match="no such draft"):
        place.deposit(crate, wanted=Wanted(draft="999999999"))
    with pytest.raises(DepositFailed, match="no such published record"):
        place.deposit(crate, wanted=Wanted(new_version="999999999"))


def test_a_draft_that_was_discarded_is_made_anew(place, crate):
    done = place.deposit(crate)
    assert call(place, "DELETE", f"/records/{done.id}/draft")[0] == 204
    again = place.deposit(crate)
    assert again.id != done.id
    assert_complete(place, again)


def test_a_draft_under_review_is_not_published_from_here(fake, crate):
    made = new_draft(fake)
    fake.store.items[made].review = True
    with pytest.raises(DepositFailed, match="community decides"):
        fake.deposit(crate, wanted=Wanted(draft=made), publish=True)
    assert not is_published(fake, made)
    assert not fake.deposit(crate, wanted=Wanted(draft=made)).published


def test_a_zip_of_a_crate_is_deposited_as_its_folder_is(place, crate, tmp_path):
    packed = tmp_path / "packed.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, data in snapshot(crate).items():
            archive.writestr(f"study/{path}", data)
    done = place.deposit(packed)
    assert_complete(place, done)
    with zipfile.ZipFile(io.BytesIO(content(place, done.id, ZIP))) as archive:
        assert set(archive.namelist()) == set(snapshot(crate))


def test_what_was_published_in_the_browser_is_recognised(place, crate):
    done = place.deposit(crate)
    assert call(place, "POST", f"/records/{done.id}/draft/actions/publish")[0] == 202
    place.clear()
    again = place.deposit(crate, publish=True)
    assert again.published
    assert again.id == done.id
    assert not [r for r in place.requests() if r["method"] != "GET"]


def test_files_that_the_crate_does_not_describe_are_not_sent_and_are_named(place, crate):
    (crate / "forgotten.csv").write_text("a,b")
    (crate / ".hidden").write_text("x")
    (crate / "ro-crate-preview_files").mkdir()
    (crate / "ro-crate-preview_files" / "style.css").write_text("p {}")
    done = place.deposit(crate)
    assert any("forgotten.csv" in note and "hidden" not in note for note in done.notes)
    with zipfile.ZipFile(io.BytesIO(content(place, done.id, ZIP))) as archive:
        names = set(archive.namelist())
    assert "forgotten.csv" not in names
    assert "ro-crate-preview_files/style.css" in names


def test_an_empty_preview_is_not_laid_beside(place, crate):
    (crate / "ro-crate-preview.html").write_bytes(b"")
    done = place.deposit(crate)
    assert [file.key for file in done.files] == [ZIP, "ro-crate-metadata.json", "edges.jsonld"]


def test_a_new_version_from_another_computer_with_another_title_leaves_no_old_zip(place, crate, tmp_path):
    done = place.deposit(crate, publish=True)
    place.memory = tmp_path / "another computer"
    path = crate / "ro-crate-metadata.json"
    path.write_text(path.read_text(encoding="utf-8").replace("Zellen & Kerne", "Cellulae"), encoding="utf-8")
    second = place.deposit(crate, wanted=Wanted(new_version=done.id))
    assert set(files(place, second.id)) == {"cellulae.zip", *LOOSE}
    assert_complete(place, second)
    assert draft(place, second.id)["metadata"]["title"] == "Cellulae"


def test_metadata_of_another_deposit_gives_no_right_to_files(place, crate, tmp_path):
    """Somebody downloaded a crate, and put its metadata and a zip of their own into a draft."""
    done = place.deposit(crate)
    metadata = content(place, done.id, "ro-crate-metadata.json")
    made = new_draft(place)
    put_file(place, made, "ro-crate-metadata.json", metadata)
    put_file(place, made, ZIP, b"somebody's own")
    place.memory = tmp_path / "another computer"
    with pytest.raises(DepositFailed, match="did not put there"):
        place.deposit(crate, wanted=Wanted(draft=made))
    assert content(place, made, ZIP) == b"somebody's own"
    assert content(place, made, "ro-crate-metadata.json") == metadata
