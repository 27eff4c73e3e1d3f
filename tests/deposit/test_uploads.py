"""Who a file in a draft belongs to, and that a request is not sent twice where once was enough."""

from pathlib import Path

import pytest
from conftest import Place
from deposit_helpers import content, new_draft, put_file

from biocodes_crate.deposit import Records
from biocodes_crate.deposit.memory import Remembered
from biocodes_crate.deposit.upload import Upload, Uploader
from biocodes_crate.errors import DepositFailed
from biocodes_crate.progress import ignore_progress

OURS = Upload("a.zip", 4, lambda: iter([b"ours"]))


def uploader(place: Place, draft: str, memory: Remembered) -> Uploader:
    return Uploader(Records(place.client()), draft, memory, lambda: None, lambda key: False, ignore_progress)


@pytest.mark.parametrize("complete", [True, False])
def test_a_file_that_somebody_puts_there_meanwhile_never_becomes_ours(fake: Place, complete: bool) -> None:
    draft = new_draft(fake)
    memory = Remembered(fake.url, "crate")
    put_file(fake, draft, "a.zip", b"theirs", commit=complete)
    with pytest.raises(DepositFailed, match="somebody else"):
        uploader(fake, draft, memory).bring(OURS, None)  # it was not there when the files were listed
    assert memory.files == {}
    with uploader(fake, draft, memory).records.client as client:
        present = Records(client).files(draft)["a.zip"]
    with pytest.raises(DepositFailed, match="did not put there"):
        uploader(fake, draft, memory).bring(OURS, present)
    if complete:
        assert content(fake, draft, "a.zip") == b"theirs"


def test_an_announcement_of_ours_that_broke_is_gone_on_with(fake: Place) -> None:
    draft = new_draft(fake)
    memory = Remembered(fake.url, "crate")
    put_file(fake, draft, "a.zip", b"ou", commit=False)
    memory.files["a.zip"] = []  # written down before it was announced, then the machine stopped
    with fake.client() as client:
        present = Records(client).files(draft)["a.zip"]
    assert uploader(fake, draft, memory).bring(OURS, present).sent
    assert content(fake, draft, "a.zip") == b"ours"


def test_one_draft_is_made_although_the_second_attempt_is_not_answered(fake: Place, crate: Path) -> None:
    fake.inject(fault="error-before", method="POST", path=r"/api/records$", status=500)
    fake.inject(fault="drop-answer", method="POST", path=r"/api/records$")
    fake.deposit(crate)
    assert fake.store is not None
    assert len(fake.store.items) == 1
    made = [r for r in fake.requests() if r["method"] == "POST" and r["path"].endswith("/api/records")]
    assert len(made) == 2


def test_what_a_server_says_with_success_does_not_show_the_token_either(fake: Place, crate: Path) -> None:
    with fake.client() as client:
        token = client.token
        assert token is not None
        secret = token.header().removeprefix("Bearer ")
        reply = client._judge("PUT", "/records/1/draft", 200, f'{{"errors": [{{"messages": ["{secret}"]}}]}}'.encode())
    assert secret not in str(reply.body)
    assert "[token]" in str(reply.body)


def test_metadata_that_is_no_json_says_nothing_about_the_files_beside_it(fake: Place) -> None:
    draft = new_draft(fake)
    put_file(fake, draft, "ro-crate-metadata.json", b"\x00 no JSON")
    with fake.client() as client:
        assert Records(client).read(draft, "ro-crate-metadata.json") is None
    assert fake.waits == []
