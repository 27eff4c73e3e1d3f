"""A file within a zip, read where it is: readers get a seekable file, and nothing is unpacked to disk.

A stored file is read at its place in the zip. A deflated one is inflated from marks, which are kept
on the way every so many bytes, so that reading backwards costs no more than one such step.
"""

from __future__ import annotations

import io
import struct
import threading
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO

import numpy as np

from biocodes_crate.errors import UnreadableImage, UnsafePath
from biocodes_crate.images.blocks import shared_blocks
from biocodes_crate.images.model import Pixels
from biocodes_crate.images.paths import folders_of

MAX_WHOLE = 512 << 20  # bytes of a file of a zip that a reader can only take as a whole, in memory
_MARKS = 256  # of one file; each holds about 40 kB, the window of deflate
_BLOCK = 1 << 20  # bytes between two marks, or more in large files
_PACKED_BLOCK = 1 << 14
_LOCAL_HEADER = 30  # bytes, without the name and the extra field that follow it


class PackedFile:
    """A file of a zip that can be opened like one on disk, again and again, from several threads.

    Keeps no open handle, since a study may hold thousands. Checksums are not verified: whoever hashes
    the bytes of the crate does that.

    Parameters
    ----------
    archive
        The zip file.
    members
        Its files by their names in it, checked by the caller.
    member
        The name of this one.
    """

    def __init__(self, archive: Path, members: Mapping[str, zipfile.ZipInfo], member: str) -> None:
        self._archive = archive
        self._members = members
        self._member = member
        self._item = members[member]
        self._opened: _Content | None = None
        self._lock = threading.Lock()

    @property
    def name(self) -> str:
        """The last part of its path."""
        return PurePosixPath(self._member).name

    @property
    def suffix(self) -> str:
        """The end of its name, with the dot."""
        return PurePosixPath(self._member).suffix

    @property
    def path(self) -> Path:
        """Where it lies, as if the zip were a folder: to be shown, not to be opened."""
        return self._archive / self._member

    def __str__(self) -> str:
        return str(self.path)

    def beside(self, names: Iterable[str]) -> tuple[str, ...]:
        """Those of some names that other files have, or folders, in the same folder of the zip or below it.

        The files of the zip are gone through once, however many names there are.
        """
        folder = PurePosixPath(self._member).parent
        places = {str(folder / name): name for name in names}
        places.pop(self._member, None)
        found = {place for place in places if place in self._members}
        if len(found) < len(places):
            found |= places.keys() & folders_of(self._members)
        return tuple(name for place, name in places.items() if place in found)

    def is_file(self) -> bool:
        """It is."""
        return True

    def open(self, mode: str = "rb", buffering: int = -1) -> IO[bytes]:
        """Its content, seekable.

        Raises
        ------
        UnreadableImage
            The zip is damaged.
        UnsafePath
            It is compressed in a way that can only be read as a whole, and too large for that.
        """
        if mode != "rb":
            raise ValueError(f"a file in a zip is read only, not opened as {mode!r}")
        raw = _Stream(self._content(), self._item.file_size)
        # Whoever asks for no buffer reads large pieces, each of them once.
        return raw if buffering == 0 else io.BufferedReader(raw, 1 << 16)  # type: ignore[return-value]

    def read_bytes(self) -> bytes:
        """The whole content, if it is no larger than `MAX_WHOLE`.

        Raises
        ------
        UnsafePath
            It is larger.
        """
        self._check_whole()
        with self.open() as file:
            return file.read()

    def _check_whole(self) -> None:
        if self._item.file_size > MAX_WHOLE:
            raise UnsafePath(
                f"it is larger than the {MAX_WHOLE >> 20} MiB that are read of such a file from a zip",
                where=str(self),
                remedy="Unpack the zip, and name the folder.",
            )

    def _content(self) -> _Content:
        with self._lock:
            if self._opened is None:
                self._opened = self._open_content()
            return self._opened

    def _open_content(self) -> _Content:
        if self._item.compress_type == zipfile.ZIP_STORED:
            return _Stored(self._archive, self._item)
        if self._item.compress_type == zipfile.ZIP_DEFLATED:
            return _Inflated(self._archive, self._item)
        self._check_whole()
        return _Whole(self._archive, self._item)


AnyFile = Path | PackedFile
"""A file on disk or in a zip."""


def shown_path(file: AnyFile) -> Path:
    """Where a file lies, to be shown; that of a file in a zip cannot be opened."""
    return file.path if isinstance(file, PackedFile) else file


def member_offset(file: IO[bytes], item: zipfile.ZipInfo, *, where: object) -> int:
    """Where the content of a member starts in an open zip.

    The local header repeats the name and has its own extra field, so its length must be read.

    Raises
    ------
    UnreadableImage
        There is no local header.
    """
    file.seek(item.header_offset)
    header = file.read(_LOCAL_HEADER)
    if len(header) < _LOCAL_HEADER or header[:4] != b"PK\x03\x04":
        raise UnreadableImage("its directory does not fit its content", where=where)
    name_length, extra_length = struct.unpack("<HH", header[26:30])
    return item.header_offset + _LOCAL_HEADER + int(name_length) + int(extra_length)


class NeedsPath(UnreadableImage):
    """The reader of a file of a zip needs it on disk."""

    def __init__(self, message: str, where: PackedFile, others: tuple[str, ...] = ()) -> None:
        super().__init__(message, where=where, remedy="Unpack the zip, and name the folder.")
        self.others = others
        """Files and folders that it needs besides, as paths relative to its folder."""


class _Stored:
    """Content that lies in the zip as it is."""

    def __init__(self, archive: Path, item: zipfile.ZipInfo) -> None:
        self._archive = archive
        self._size = item.file_size
        with archive.open("rb", buffering=0) as file:
            self._start = member_offset(file, item, where=archive)

    def piece(self, start: int, length: int) -> bytes:
        with self._archive.open("rb", buffering=0) as file:
            file.seek(self._start + start)
            return file.read(min(length, self._size - start))


class _Inflated:
    """Deflated content, in blocks that are made again from the mark before them."""

    def __init__(self, archive: Path, item: zipfile.ZipInfo) -> None:
        self._archive = archive
        with archive.open("rb", buffering=0) as file:
            start = member_offset(file, item, where=archive)
        self._where = archive / item.filename
        self._end = start + item.compress_size
        self._step = max(_BLOCK, -(-item.file_size // _MARKS))
        # Mark k: how far the packed bytes are read at the start of block k, and the state of zlib.
        self._marks: list[tuple[int, Any]] = [(start, zlib.decompressobj(-zlib.MAX_WBITS))]
        self._lock = threading.Lock()

    def piece(self, start: int, length: int) -> bytes:
        """At most what is left of one block."""
        number, offset = divmod(start, self._step)
        block = shared_blocks.get((self, number), lambda: self._block(number))
        return block[offset : offset + length].tobytes()

    def _block(self, number: int) -> Pixels:
        with self._lock, self._archive.open("rb", buffering=0) as file:
            first = min(number, len(self._marks) - 1)
            at, saved = self._marks[first]
            state = saved.copy()
            for current in range(first, number + 1):
                at, data = self._inflate(file, at, state)
                if current + 1 == len(self._marks):
                    self._marks.append((at, state.copy()))
            return np.frombuffer(data, np.uint8)

    def _inflate(self, file: BinaryIO, at: int, state: Any) -> tuple[int, bytes]:
        data = bytearray()
        file.seek(at)
        while len(data) < self._step and not state.eof:
            packed = state.unconsumed_tail
            if not packed:
                packed = file.read(min(_PACKED_BLOCK, self._end - at))
                at += len(packed)
            try:
                made = state.decompress(packed, self._step - len(data))
            except zlib.error as error:
                raise _damaged(error, self._where) from error
            if not made and not packed:
                break  # cut short: who reads on meets the end of the file
            data += made
        return at, bytes(data)


class _Whole:
    """Content compressed in another way, decompressed at once."""

    def __init__(self, archive: Path, item: zipfile.ZipInfo) -> None:
        self._archive = archive
        self._item = item

    def piece(self, start: int, length: int) -> bytes:
        return shared_blocks.get(self, self._decompress)[start : start + length].tobytes()

    def _decompress(self) -> Pixels:
        try:
            with zipfile.ZipFile(self._archive) as archive, archive.open(self._item) as file:
                return np.frombuffer(file.read(MAX_WHOLE), np.uint8)
        except Exception as error:  # each way of compressing has its own
            raise _damaged(error, self._archive / self._item.filename) from error


_Content = _Stored | _Inflated | _Whole


def _damaged(error: Exception, where: Path) -> UnreadableImage:
    return UnreadableImage(f"it cannot be decompressed ({error})", where=where, remedy="Fetch or pack the zip again.")


class _Stream(io.RawIOBase):
    """A position in some content. Fills what it is given to the end of the content, as files on disk do."""

    def __init__(self, content: _Content, size: int) -> None:
        super().__init__()
        self._content = content
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise ValueError(f"negative seek position {start + offset}")
        self._at = start + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        view = memoryview(buffer).cast("B")
        done = 0
        while done < len(view) and self._at < self._size:
            piece = self._content.piece(self._at, min(len(view) - done, self._size - self._at))
            if not piece:
                break
            view[done : done + len(piece)] = piece
            done += len(piece)
            self._at += len(piece)
        return done
