"""A zip as a stream: its size known before its first byte, the same bytes each time, nothing on disk.

Everything is stored as it is. That makes the size a matter of arithmetic, lets a reader fetch a part
of a file by its byte range, and costs little where pixels are compressed already.
Source: PKWARE's APPNOTE 6.3.10; ZIP64 where the numbers ask for it.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import IO, NamedTuple

from biocodes_crate.crate import display
from biocodes_crate.errors import CannotWrite

BLOCK = 1 << 20
_MAX32 = 0xFFFFFFFF
_MAX16 = 0xFFFF
_UTF8 = 0x0800
_DATE = (1 << 5) | 1  # 1980-01-01, the earliest: times must not show
_UNIX = 3 << 8
_MODE = 0o100644 << 16
_VERSION, _VERSION64 = 20, 45


class Member(NamedTuple):
    """A file of a zip."""

    path: str
    size: int
    crc: int


Open = Callable[[str], IO[bytes]]


def measure(paths: Iterable[str], opened: Open, on_bytes: Callable[[int], None] = lambda _: None) -> list[Member]:
    """Size and CRC-32 of files, each read once."""
    members = []
    for path in paths:
        size, crc = 0, 0
        with opened(path) as file:
            while block := file.read(BLOCK):
                size, crc = size + len(block), zlib.crc32(block, crc)
                on_bytes(len(block))
        members.append(Member(path, size, crc))
    return members


def zip_size(members: Sequence[Member]) -> int:
    """Bytes of the zip of these files."""
    offset = directory = 0
    for member in members:
        directory += len(_central(member, offset))
        offset += len(_local(member)) + member.size
    return offset + directory + len(_end(len(members), offset, directory))


def zip_blocks(members: Sequence[Member], opened: Open) -> Iterator[bytes]:
    """The bytes of the zip.

    Raises
    ------
    CannotWrite
        A file is not what it was when it was measured.
    """
    offset = 0
    pending = bytearray()  # so that a thousand small files do not become three thousand small blocks
    for member in members:
        header = _local(member)
        pending += header
        size, crc = 0, 0
        with opened(member.path) as file:
            while block := file.read(BLOCK):
                size, crc = size + len(block), zlib.crc32(block, crc)
                if size > member.size:
                    break
                pending += block
                if len(pending) >= BLOCK:
                    yield bytes(pending)
                    pending.clear()
        if (size, crc) != (member.size, member.crc):
            raise CannotWrite(
                "the file changed while it was packed", where=display(member.path), remedy="Build the crate again."
            )
        offset += len(header) + size
    start = offset
    offset = directory = 0
    for member in members:
        entry = _central(member, offset)
        offset += len(_local(member)) + member.size
        directory += len(entry)
        pending += entry
        if len(pending) >= BLOCK:
            yield bytes(pending)
            pending.clear()
    yield bytes(pending + _end(len(members), start, directory))


def _name(member: Member) -> bytes:
    try:
        name = member.path.encode("utf-8")
    except UnicodeEncodeError as error:
        raise CannotWrite(
            "the file's name is not UTF-8, which a zip cannot hold",
            where=display(member.path),
            remedy="Rename the file, and build again.",
        ) from error
    if len(name) > _MAX16:
        raise CannotWrite("the file's name is too long for a zip", where=display(member.path)[:200])
    return name


def _local(member: Member) -> bytes:
    """Section 4.3.7: the header in front of a file."""
    name = _name(member)
    large = member.size >= _MAX32
    size = _MAX32 if large else member.size
    extra = struct.pack("<HHQQ", 1, 16, member.size, member.size) if large else b""
    version = _VERSION64 if large else _VERSION
    fixed = struct.pack(
        "<4sHHHHHIIIHH", b"PK\3\4", version, _UTF8, 0, 0, _DATE, member.crc, size, size, len(name), len(extra)
    )
    return fixed + name + extra


def _central(member: Member, offset: int) -> bytes:
    """Section 4.3.12: the entry of a file in the directory."""
    name = _name(member)
    large, far = member.size >= _MAX32, offset >= _MAX32
    fields = ([member.size, member.size] if large else []) + ([offset] if far else [])
    extra = struct.pack(f"<HH{len(fields)}Q", 1, 8 * len(fields), *fields) if fields else b""
    version = _VERSION64 if fields else _VERSION
    size = _MAX32 if large else member.size
    fixed = struct.pack(
        "<4sHHHHHHIIIHHHHHII",
        b"PK\1\2", _UNIX | _VERSION64, version, _UTF8, 0, 0, _DATE, member.crc, size, size, len(name), len(extra),
        0, 0, 0, _MODE, _MAX32 if far else offset,
    )  # fmt: skip
    return fixed + name + extra


def _end(count: int, offset: int, directory: int) -> bytes:
    """Sections 4.3.14 to 4.3.16: where the directory lies."""
    ends = b""
    if count >= _MAX16 or offset >= _MAX32 or directory >= _MAX32:
        ends += struct.pack(
            "<4sQHHIIQQQQ", b"PK\6\6", 44, _UNIX | _VERSION64, _VERSION64, 0, 0, count, count, directory, offset
        )
        ends += struct.pack("<4sIQI", b"PK\6\7", 0, offset + directory, 1)
    short = min(count, _MAX16)
    return ends + struct.pack(
        "<4sHHHHIIH", b"PK\5\6", 0, 0, short, short, min(directory, _MAX32), min(offset, _MAX32), 0
    )
