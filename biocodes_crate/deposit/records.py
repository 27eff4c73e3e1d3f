"""Drafts, files and records of an InvenioRDM: one method for each request, each safe to be interrupted.

What the server really does was observed on InvenioRDM 14; the traps are named where they are avoided.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from biocodes_crate.deposit.client import Client, Refused, Reply, Uncertain, field_errors
from biocodes_crate.errors import BiocodesError, DepositFailed, NotAllowed, ServerRefused

NONCE = "urn:biocodes:deposit:"
"""How a draft is told that was made although its answer was lost; the next update takes it away."""

PAGE = 25
"""Entries of a list that are asked for at once."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file of a draft or record, as the server describes it."""

    key: str
    complete: bool
    size: int | None = None
    md5: str | None = None


@dataclass(frozen=True, slots=True)
class Draft:
    """A draft, or a record, as the server describes it."""

    id: str
    body: Json

    @property
    def doi(self) -> str | None:
        """The DOI that is reserved for it, or registered."""
        pids = self.body.get("pids")
        entry = pids.get("doi") if isinstance(pids, dict) else None
        value = entry.get("identifier") if isinstance(entry, dict) else None
        return value if isinstance(value, str) and value else None

    @property
    def is_published(self) -> bool:
        return self.body.get("is_published") is True

    @property
    def metadata(self) -> Json:
        value = self.body.get("metadata")
        return value if isinstance(value, dict) else {}

    @property
    def identifiers(self) -> list[str]:
        """Its identifiers, apart from the DOI."""
        listed = self.metadata.get("identifiers")
        stated = (
            [item.get("identifier") for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
        )
        return [value for value in stated if isinstance(value, str)]

    @property
    def version_number(self) -> int:
        """Which version of its record it is, counted from 1."""
        versions = self.body.get("versions")
        value = versions.get("index") if isinstance(versions, dict) else None
        return value if isinstance(value, int) and value > 0 else 1

    @property
    def parent(self) -> str | None:
        """The id that all versions share."""
        value = self.body.get("parent")
        found = value.get("id") if isinstance(value, dict) else None
        return found if isinstance(found, str) else None

    @property
    def under_review(self) -> bool:
        """Whether a community decides on its publication."""
        parent = self.body.get("parent")
        return isinstance(parent, dict) and bool(parent.get("review"))

    @property
    def complaints(self) -> list[tuple[str, str]]:
        """What keeps it from being published: drafts take what is not valid."""
        return field_errors(self.body)


class Records:
    """The requests of a deposit."""

    def __init__(self, client: Client) -> None:
        self.client = client

    # -- drafts ---------------------------------------------------------------

    def create(self, body: Json) -> Draft:
        """Make a draft; one that was made although the answer was lost is found again."""
        nonce = NONCE + secrets.token_hex(12)
        metadata = dict(body.get("metadata", {}))
        metadata["identifiers"] = [*metadata.get("identifiers", ()), {"identifier": nonce, "scheme": "other"}]
        sent = body | {"metadata": metadata}
        reply = self.client.repeat(
            lambda: self.client.once("POST", "/records", body=sent),
            "making a draft",
            lambda: self._made_with(nonce),
        )
        return _draft(reply)

    def draft(self, draft: str) -> Draft | None:
        """A draft; None where there is none."""
        return self._found(f"/records/{_id(draft)}/draft")

    def record(self, record: str) -> Draft | None:
        """A published record; None where there is none."""
        return self._found(f"/records/{_id(record)}")

    def reserve_doi(self, draft: str) -> str:
        """Reserve the draft's DOI; give the one that it has already."""
        path = f"/records/{_id(draft)}/draft/pids/doi"
        try:
            reply = self.client.repeat(lambda: self.client.once("POST", path), "reserving the DOI", self._doi_of(draft))
            doi = _draft(reply).doi
        except Refused as error:
            if error.status != 400:
                raise
            present = self.draft(draft)  # "A PID already exists for type doi"
            doi = present.doi if present is not None else None
            if doi is None:
                raise
        if doi is None:
            raise DepositFailed(
                "the server reserved no DOI",
                where=f"draft {draft}",
                remedy="Reserve one in the browser, and go on with --draft.",
            )
        return doi

    def update(self, draft: str, make: Callable[[Draft], Json]) -> Draft:
        """Replace a draft's metadata with what `make` gives for it; again if somebody changed it meanwhile."""
        for _ in range(4):
            present = self.draft(draft)
            if present is None:
                raise _gone(draft)
            body = make(present)
            revision = present.body.get("revision_id")
            headers = {"If-Match": str(revision)} if isinstance(revision, int) else {}

            def put(body: Json = body, headers: Mapping[str, str] = headers) -> Reply:
                return self.client.once("PUT", f"/records/{_id(draft)}/draft", body=body, headers=headers)

            try:
                return _draft(put())
            except Uncertain as error:
                self.client.pause(1, error.reason)
            except Refused as error:
                if error.status != 412:  # somebody was quicker
                    raise
        raise DepositFailed(
            "the draft is being changed by somebody else, or the server could not take its metadata",
            where=f"draft {draft}",
            remedy="Close it in the browser, and run the command again.",
        )

    def new_version(self, record: str) -> Draft:
        """The draft of the record's next version; the one that is there already, if there is one."""
        path = f"/records/{_id(record)}/versions"
        return _draft(self.client.repeat(lambda: self.client.once("POST", path), "making a new version"))

    def import_files(self, draft: str) -> None:
        """Take over the files of the version before."""
        path = f"/records/{_id(draft)}/draft/actions/files-import"

        def happened() -> Reply | None:
            return Reply(200, None) if self.files(draft) else None

        self.client.repeat(lambda: self.client.once("POST", path), "taking over files", happened)

    # -- files ----------------------------------------------------------------

    def files(self, draft: str) -> dict[str, RemoteFile]:
        """The files of a draft, by key."""
        body = self.client.get(f"/records/{_id(draft)}/draft/files").body
        entries = body.get("entries") if isinstance(body, dict) else None
        listed = [_file(entry) for entry in entries] if isinstance(entries, list) else []
        return {file.key: file for file in listed if file is not None}

    def read(self, draft: str, key: str) -> Any:
        """A small JSON file of a draft, parsed; None if it is none."""
        path = f"{_file_path(draft, key)}/content"
        try:
            return self.client.once("GET", path, headers={"Accept": "*/*"}).body
        except (Refused, Uncertain):
            return None

    def declare(self, draft: str, key: str) -> None:
        """Announce a file. Its key must be free."""
        path = f"/records/{_id(draft)}/draft/files"
        self.client.repeat(
            lambda: self.client.once("POST", path, body=[{"key": key}]),
            f"announcing {key}",
            lambda: Reply(201, None) if key in self.files(draft) else None,
        )

    def delete(self, draft: str, key: str) -> None:
        """Take a file out of a draft; fine if it is gone."""
        try:
            self.client.repeat(lambda: self.client.once("DELETE", _file_path(draft, key)), f"removing {key}")
        except Refused as error:
            if error.status != 404:
                raise

    def send(self, draft: str, key: str, blocks: Callable[[], Iterator[bytes]], size: int) -> None:
        """Send the content of a file that was announced and is not committed, once.

        Content for a committed key would destroy the file that is there: never call this for one.

        Raises
        ------
        Uncertain
            It broke off, or a fault came after it.
        """
        reply = self.client.once("PUT", f"{_file_path(draft, key)}/content", content=blocks, size=size)
        if isinstance(reply.body, dict) and reply.body.get("errors"):
            # 200 with "File upload transfer failed.": look at `errors` even then.
            raise Uncertain(f"the server says that the transfer failed ({str(reply.body['errors'])[:200]})")

    def commit(self, draft: str, key: str) -> RemoteFile | None:
        """Say that the content is complete; what the server has then, None if it has nothing."""
        path = f"{_file_path(draft, key)}/commit"

        def happened() -> Reply | None:
            file = self.files(draft).get(key)
            if file is None:
                return Reply(200, None)
            return Reply(200, "listed") if file.complete else None

        reply = self.client.repeat(lambda: self.client.once("POST", path), f"committing {key}", happened)
        return self.files(draft).get(key) if reply.body == "listed" else _file(reply.body)

    def commit_once(self, draft: str, key: str) -> RemoteFile | None:
        """The same, without a second attempt.

        Raises
        ------
        Uncertain, Refused
            It did not work out.
        """
        return _file(self.client.once("POST", f"{_file_path(draft, key)}/commit").body)

    # -- publishing -----------------------------------------------------------

    def publish(self, draft: str) -> Draft:
        """Publish a draft. A fault in place of an answer may come after it has happened: that is looked up."""
        path = f"/records/{_id(draft)}/draft/actions/publish"

        def happened() -> Reply | None:
            record = self.record(draft)
            if record is not None and record.is_published:
                return Reply(200, record.body)
            return None

        try:
            return _draft(self.client.repeat(lambda: self.client.once("POST", path), "publishing", happened))
        except (ServerRefused, NotAllowed):
            # A second attempt is refused when the first, whose answer was lost, went through meanwhile.
            record = self.record(draft)
            if record is not None and record.is_published:
                return record
            raise

    # -- vocabularies ---------------------------------------------------------

    def knows(self, path: str) -> bool:
        """Whether a vocabulary has an entry, such as `/vocabularies/licenses/cc-by-4.0`."""
        try:
            self.client.get(path)
        except (Refused, NotAllowed):
            return False
        return True

    def own_with(self, identifier: str, pages: int = 1) -> Draft | None:
        """A draft or record of the user with this identifier, as far as the server's search has it.

        Asked for by name first, then looked for among the newest.
        """
        asked = f'metadata.identifiers.identifier:"{identifier}"'
        for question in ({"q": asked}, *({"page": str(page)} for page in range(1, pages + 1))):
            body = self.client.get("/user/records", {"size": str(PAGE), "sort": "newest", **question}).body
            found: Any = body.get("hits") if isinstance(body, dict) else None
            hits = found.get("hits") if isinstance(found, dict) else None
            drafts = [
                Draft(hit["id"], hit)
                for hit in (hits if isinstance(hits, list) else ())
                if isinstance(hit, dict) and isinstance(hit.get("id"), str)
            ]
            for draft in drafts:
                if identifier in draft.identifiers:
                    return draft
            if "page" in question and len(drafts) < PAGE:
                return None
        return None

    def _made_with(self, nonce: str) -> Reply | None:
        draft = self.own_with(nonce, pages=20)
        return Reply(201, draft.body) if draft is not None else None

    def _doi_of(self, draft: str) -> Callable[[], Reply | None]:
        def happened() -> Reply | None:
            present = self.draft(draft)
            if present is not None and present.doi is not None:
                return Reply(201, present.body)
            return None

        return happened

    def _found(self, path: str) -> Draft | None:
        try:
            return _draft(self.client.get(path))
        except Refused as error:
            if error.status in {404, 410}:
                return None
            raise


def md5_of(blocks: Iterator[bytes]) -> str:
    """MD5 of a stream, which is what the server computes; it guards against accidents only."""
    digest = hashlib.md5(usedforsecurity=False)
    for block in blocks:
        digest.update(block)
    return digest.hexdigest()


def _draft(reply: Reply) -> Draft:
    if not isinstance(reply.body, dict) or not isinstance(reply.body.get("id"), str):
        raise DepositFailed(
            "the answer is not that of an InvenioRDM", remedy="Check that the URL is that of an InvenioRDM server."
        )
    return Draft(reply.body["id"], reply.body)


def _file(entry: Any) -> RemoteFile | None:
    if not isinstance(entry, dict) or not isinstance(entry.get("key"), str):
        return None
    checksum, size = entry.get("checksum"), entry.get("size")
    md5 = checksum[4:] if isinstance(checksum, str) and checksum.startswith("md5:") else None
    return RemoteFile(entry["key"], entry.get("status") == "completed", size if isinstance(size, int) else None, md5)


def _file_path(draft: str, key: str) -> str:
    return f"/records/{_id(draft)}/draft/files/{quote(key, safe='')}"


def _id(record: str) -> str:
    return quote(record, safe="")


def _gone(draft: str) -> BiocodesError:
    return DepositFailed(
        "there is no such draft",
        where=f"draft {draft}",
        remedy="It may have been discarded or published: look in the browser.",
    )
