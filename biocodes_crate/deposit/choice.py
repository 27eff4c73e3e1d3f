"""Which draft a deposit goes to: the one that is named, the one of the last run, a new version, or a new one."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from biocodes_crate.crate import display
from biocodes_crate.deposit.memory import Remembered, fields_digest
from biocodes_crate.deposit.merging import marks_of
from biocodes_crate.deposit.records import Draft, Records
from biocodes_crate.errors import BadSettings, DepositFailed, ServerRefused, ServerUnreachable

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user asks for; at most one of the three."""

    draft: str | None = None
    new_version: str | None = None
    new_draft: bool = False


@dataclass(frozen=True, slots=True)
class Chosen:
    """A draft to work on, or the record that is published already."""

    draft: Draft
    is_new: bool = False
    is_record: bool = False
    marks: dict[str, set[str]] = field(default_factory=dict)  # of metadata that are nobody's work on this draft


def choose(records: Records, wanted: Wanted, memory: Remembered, body: Json, iscc: str | None, digest: str) -> Chosen:
    """The draft to work on.

    Nothing is made where there is something to go on with; `memory` is brought up to date. `digest`
    stands for the crate as it is now.

    Raises
    ------
    DepositFailed
        The draft or record is not there, or is published, or it is not clear which is meant.
    """
    if wanted.draft is not None:
        return _named(records, record_id(wanted.draft), memory)
    if wanted.new_version is not None:
        return _next_version(records, record_id(wanted.new_version), memory, digest)
    if memory.draft is not None and not wanted.new_draft:
        draft = None if memory.published else records.draft(memory.draft)
        if draft is not None and not draft.is_published:
            return Chosen(draft, marks=_marks(memory))
        record = records.record(memory.draft)
        if record is not None:
            memory.published = True
            return Chosen(record, is_record=True)
        _forget(memory)  # it was discarded
    if not wanted.new_draft:
        _refuse_another(records, iscc)
    draft = records.create(body)
    _forget(memory)
    memory.draft = draft.id
    return Chosen(draft, is_new=True, marks={key: {mark} for key, mark in _marks_of(draft).items()})


def record_id(text: str) -> str:
    """The id in what a user pasted: an id, a DOI, or the URL of a draft or record.

    Raises
    ------
    BadSettings
        It is none of these.
    """
    text = text.strip()
    path = urlsplit(text).path if "://" in text else text
    match = re.search(r"/(?:records|record|uploads|deposit)/([A-Za-z0-9-]+)", path) if "/" in path else None
    if match is None and path.lower().lstrip("/").removeprefix("doi:").startswith("10."):
        match = re.search(r"zenodo\.([0-9]+)$", path) or re.search(r"[./]([A-Za-z0-9]+-[A-Za-z0-9]+)$", path)
    if match is not None:
        return match[1]
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}", text):
        return text
    raise BadSettings(f"{text!r} is no id of a record", remedy="Give the id at the end of its URL, such as 1234567.")


def _named(records: Records, draft_id: str, memory: Remembered) -> Chosen:
    draft = records.draft(draft_id)
    if draft is None and records.record(draft_id) is not None:
        raise _is_published(draft_id)
    if draft is None:
        raise DepositFailed(
            "there is no such draft",
            where=f"draft {draft_id}",
            remedy="Check the id, the server, and whose token it is.",
        )
    if draft.is_published:  # a published record that is being edited: its files are locked
        raise _is_published(draft_id)
    if memory.draft != draft.id:
        _forget(memory)
        memory.draft = draft.id
    return Chosen(draft, marks=_marks(memory))


def _next_version(records: Records, record_id: str, memory: Remembered, digest: str) -> Chosen:
    record = records.record(record_id)
    if record is None:
        raise DepositFailed(
            "there is no such published record", where=f"record {record_id}", remedy="Check the id and the server."
        )
    if memory.draft is not None and memory.digest == digest:
        # The very same crate is a version of this record already: a second run must not make a third one.
        made = records.record(memory.draft)
        if made is not None and made.is_published and made.parent == record.parent:
            memory.published = True
            return Chosen(made, is_record=True)
    draft = records.new_version(record_id)
    marks = _marks(memory)
    for key, mark in _marks_of(record).items():  # taken over: nobody's work on this draft
        marks.setdefault(key, set()).add(mark)
    if memory.draft != draft.id:
        if "publication_date" in draft.metadata:  # the server has set it to the present day
            marks.setdefault("publication_date", set()).add(fields_digest(draft.metadata["publication_date"]))
        files = memory.files if memory.draft == record_id else {}
        _forget(memory)
        memory.draft, memory.files = draft.id, files
    if not records.files(draft.id):
        records.import_files(draft.id)
    return Chosen(draft, marks=marks)


def _refuse_another(records: Records, iscc: str | None) -> None:
    """A draft of this very crate that another computer made, say: nobody wants two."""
    try:
        draft = records.own_with(iscc) if iscc is not None else None
    except (ServerRefused, ServerUnreachable):  # a courtesy: a search that is out of order stops no deposit
        return
    if draft is not None:
        option = f"--new-version {draft.id}" if draft.is_published else f"--draft {draft.id}"
        raise DepositFailed(
            f"there is a {'record' if draft.is_published else 'draft'} of this crate already, {draft.id}, "
            "which was not made from here",
            remedy=f"Go on with it: {option}. Or make another: --new-draft.",
        )


def _is_published(record: str) -> DepositFailed:
    return DepositFailed(
        "it is published, and the files of a published record cannot change",
        where=f"record {record}",
        remedy=f"Make a new version: --new-version {record}",
    )


def _forget(memory: Remembered) -> None:
    memory.draft, memory.published, memory.digest = None, False, None
    memory.files, memory.fields = {}, {}


def _marks(memory: Remembered) -> dict[str, set[str]]:
    return {key: {mark} for key, mark in memory.fields.items()}


def _marks_of(draft: Draft) -> dict[str, str]:
    return marks_of(draft.metadata)


def already(crate: Path, record: Draft, page: str) -> DepositFailed:
    """What to say when the crate was published, and is another one now."""
    return DepositFailed(
        f"it is published already, as {record.doi or record.id} ({page}), and has changed since",
        where=display(str(crate)),
        remedy=f"Make a new version: --new-version {record.id}",
    )
