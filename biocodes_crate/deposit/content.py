"""The bytes that a deposit sends: files of the crate, and in place of its metadata the finished ones."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import IO

from biocodes_crate.crate import CrateReader, display
from biocodes_crate.deposit.plan import LOOSE, Part, Plan
from biocodes_crate.deposit.upload import Upload
from biocodes_crate.deposit.zipstream import BLOCK, Member, measure, zip_blocks, zip_size
from biocodes_crate.errors import UnreadableImage
from biocodes_crate.progress import OnProgress, Progress


@dataclass(frozen=True, slots=True)
class Content:
    """Opens files of a crate, some of which are replaced by bytes in memory."""

    reader: CrateReader
    replaced: Mapping[str, bytes]

    def open(self, path: str) -> IO[bytes]:
        """A file for reading."""
        if path in self.replaced:
            return io.BytesIO(self.replaced[path])
        try:
            return self.reader.open(path)
        except OSError as error:
            raise UnreadableImage(
                f"it cannot be read ({error.strerror or 'it is gone'})",
                where=display(path),
                remedy="Restore the file, or build the crate again.",
            ) from error

    def size(self, path: str) -> int:
        """Size in bytes."""
        return len(self.replaced[path]) if path in self.replaced else self.reader.size(path)

    def blocks(self, path: str) -> Iterator[bytes]:
        """A file as a stream."""
        with self.open(path) as file:
            while block := file.read(BLOCK):
                yield block


def uploads(plan: Plan, content: Content, on_progress: OnProgress) -> Iterator[Upload]:
    """The files to send, in order: zips first, so that what lies beside them never promises what is not there.

    Each zip is measured when its turn comes: its files are read once for that, and once to be sent.
    """
    for part in plan.parts:
        yield _zip(part, content, on_progress)
    for key in plan.loose:
        path = LOOSE[key]
        yield Upload(key, content.size(path), lambda path=path: content.blocks(path))  # type: ignore[misc]


def _zip(part: Part, content: Content, on_progress: OnProgress) -> Upload:
    total = sum(content.size(path) for path in part.paths)
    done = 0

    def report(count: int) -> None:
        nonlocal done
        done += count
        on_progress(Progress(f"measuring {part.key}", done, total))

    members: list[Member] = measure(part.paths, content.open, report)
    blocks: Callable[[], Iterator[bytes]] = lambda: zip_blocks(members, content.open)  # noqa: E731
    return Upload(part.key, zip_size(members), blocks)
