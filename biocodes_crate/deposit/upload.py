"""Bring a file to a draft: kept if the server has it, replaced only if it is ours, compared when it is there."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from biocodes_crate.deposit.client import Refused, Uncertain
from biocodes_crate.deposit.memory import Remembered
from biocodes_crate.deposit.records import Records, RemoteFile, md5_of
from biocodes_crate.errors import DepositFailed, ServerRefused
from biocodes_crate.progress import OnProgress, Progress

Blocks = Callable[[], Iterator[bytes]]


@dataclass(frozen=True, slots=True)
class Upload:
    """A file to be sent. `blocks` gives the same bytes each time that it is called."""

    key: str
    size: int
    blocks: Blocks


@dataclass(frozen=True, slots=True)
class Brought:
    """A file that the server has, its checksum compared."""

    key: str
    size: int
    md5: str
    sent: bool  # False: it was there already


@dataclass(frozen=True, slots=True)
class Uploader:
    """Brings files to one draft."""

    records: Records
    draft: str
    memory: Remembered
    save: Callable[[], None]
    is_ours: Callable[[str], bool]  # whether a file of this key may be replaced although it is not remembered
    on_progress: OnProgress

    def bring(self, upload: Upload, present: RemoteFile | None) -> Brought:
        """Make the draft have this file.

        Raises
        ------
        DepositFailed
            There is a file of that name which is not ours, or the server does not get it right.
        """
        if present is not None and present.complete:
            self._progress(upload, 0, "comparing")
            md5 = md5_of(upload.blocks())
            if present.md5 == md5:
                self._remember(upload.key, md5)
                return Brought(upload.key, upload.size, md5, sent=False)
        if present is not None:
            self.remove(present)
        return self._send(upload)

    def remove(self, present: RemoteFile) -> None:
        """Take a file of ours out of the draft.

        Content sent to a committed key would destroy it and put nothing in its place: a file is replaced
        by removing it first.
        """
        known = self.memory.files.get(present.key)
        remembered = known is not None and (not present.complete or not known or present.md5 in known)
        if not remembered and not self.is_ours(present.key):
            state = "a file" if present.complete else "an upload that is not finished"
            raise DepositFailed(
                f"the draft holds {state} of the name {present.key}, which this software did not put there",
                remedy="Remove or rename it in the browser, or add --replace to have it replaced.",
            )
        self.records.delete(self.draft, present.key)

    def _send(self, upload: Upload) -> Brought:
        patience = self.records.client.patience
        reason = ""
        for attempt in range(1, patience.attempts + 1):
            if attempt > 1:
                self.records.client.pause(attempt - 1, f"{upload.key}: {reason}")
            self._announce(upload.key)
            sent = _Counted(upload, self.on_progress)
            committed: RemoteFile | None = None
            try:
                self.records.send(self.draft, upload.key, sent, upload.size)
            except Uncertain as error:
                reason = error.reason
                committed = self._arrived(upload, sent, attempt, reason)
            except Refused as error:
                if error.status != 404:
                    self._take_back(upload.key)
                    raise self._refused(upload, error) from error
                reason = "the server took the announcement of a broken upload back just now"
            else:
                try:
                    committed = self.records.commit(self.draft, upload.key)
                except Refused as error:
                    if error.status not in {400, 404}:
                        raise
                    reason = f"the file cannot be committed ({error.said})"
            # Sizes and checksums given in advance are not looked at by the server: this comparison counts.
            if committed is not None and committed.md5 != sent.md5:
                committed = self.records.files(self.draft).get(upload.key)
            if committed is not None and committed.complete and committed.md5 == sent.md5:
                self._remember(upload.key, sent.md5)
                return Brought(upload.key, upload.size, sent.md5, sent=True)
            if committed is not None:
                reason = f"the server has the checksum {committed.md5}, not {sent.md5}"
            self._take_back(upload.key)
        raise DepositFailed(
            f"{upload.key} could not be sent in {patience.attempts} attempts ({reason})",
            where=f"draft {self.draft}",
            remedy="Check the network, and run the command again.",
        )

    def _announce(self, key: str) -> None:
        present = self.records.files(self.draft).get(key)
        # Sending content for a committed file would destroy it.
        if present is not None and (present.complete or key not in self.memory.files):
            raise DepositFailed(
                f"somebody else has put a file of the name {key} into the draft just now",
                where=f"draft {self.draft}",
                remedy="Run the command again when they are done.",
            )
        # Only what is announced by us becomes ours, and that before it is announced: what lies there after a
        # crash is known.
        self.memory.files.setdefault(key, [])
        self.save()
        if present is None:
            self.records.declare(self.draft, key)

    def _arrived(self, upload: Upload, sent: _Counted, attempt: int, reason: str) -> RemoteFile | None:
        """What the server has of an upload whose answer was lost: all of it, perhaps."""
        if sent.count != upload.size:
            return None
        self.records.client.pause(attempt, f"{upload.key}: {reason}")
        try:
            return self.records.commit_once(self.draft, upload.key)
        except (Uncertain, Refused):  # where there is no content, a server may answer 400 or 500
            return None

    def _refused(self, upload: Upload, error: Refused) -> DepositFailed:
        held = sum(file.size or 0 for file in self.records.files(self.draft).values())
        return ServerRefused(
            f"the server does not take {upload.key}, {upload.size} bytes, beside the {held} bytes that the draft holds "
            f"({error.status}: {error.said})",
            where=f"draft {self.draft}",
            remedy="If it is a quota: leave out images, make zips smaller (zip_gigabytes in deposit.yaml), or ask the "
            "server's people for more.",
        )

    def _take_back(self, key: str) -> None:
        """Remove what is left of our own failed attempt."""
        if key in self.records.files(self.draft):
            self.records.delete(self.draft, key)

    def _remember(self, key: str, md5: str) -> None:
        known = self.memory.files.setdefault(key, [])
        if md5 not in known:
            known.append(md5)
            self.save()

    def _progress(self, upload: Upload, done: int, word: str) -> None:
        self.on_progress(Progress(f"{word} {upload.key}", done, upload.size))


class _Counted:
    """The blocks of an upload, counted, reported, and their MD5 taken as they pass."""

    def __init__(self, upload: Upload, on_progress: OnProgress) -> None:
        self._upload = upload
        self._on_progress = on_progress
        self._digest = hashlib.md5(usedforsecurity=False)
        self.count = 0

    def __call__(self) -> Iterator[bytes]:
        self._digest = hashlib.md5(usedforsecurity=False)
        self.count = 0
        for block in self._upload.blocks():
            yield block
            self._digest.update(block)
            self.count += len(block)
            self._on_progress(Progress(f"sending {self._upload.key}", self.count, self._upload.size))

    @property
    def md5(self) -> str:
        return self._digest.hexdigest()
