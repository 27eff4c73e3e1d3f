"""What a zip holds, by its directory: the files that can be read safely, and what is odd about the others."""

from __future__ import annotations

import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from io import RawIOBase
from pathlib import Path
from typing import NamedTuple

from biocodes_crate.crate.content import METADATA
from biocodes_crate.crate.ids import check_path, display
from biocodes_crate.crate.parsing import bad_metadata
from biocodes_crate.errors import NotACrate, UnsafePath
from biocodes_crate.images.paths import folders_of
from biocodes_crate.study.files import is_litter

MAX_ENTRIES = 5_000_000
MAX_RATIO = 1100  # zlib cannot compress more than about 1032 to one
_LOCAL_HEADER = 30  # bytes at least, before the content of an entry
_DESCRIPTOR = 24  # bytes at most, behind the content of an entry that was written as a stream
_END = 22  # bytes of what ends a zip, without its comment
_MOST_COMMENT = (1 << 16) - 1
# What zipfile raises of a zip that is damaged (not one, bad data, cut off), packed in a way that it does not know or
# encrypted (RuntimeError), or whose directory has names or places that cannot be (ValueError). Only calls of zipfile
# may stand under it: a fault of ours is not to be told as one of the zip.
BAD_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError)


@dataclass(frozen=True, slots=True)
class Oddity:
    """Something in a crate's container that should not be there."""

    kind: str  # "path-escapes", "link", "duplicate", "case-collision", "zip-bomb", "encrypted", "unreadable", …
    path: str
    message: str


def checked_entries(archive: zipfile.ZipFile, path: Path | str) -> tuple[dict[str, zipfile.ZipInfo], list[Oddity]]:
    """The entries of a zip that can be read safely, and what is wrong with the others."""
    entries: dict[str, zipfile.ZipInfo] = {}
    folded: dict[str, str] = {}
    oddities: list[Oddity] = []
    infos = archive.infolist()
    if len(infos) > MAX_ENTRIES:
        raise NotACrate(f"the zip has more than {MAX_ENTRIES} entries", where=path, remedy="Split the crate.")
    overlapping = _overlapping(infos)
    layout = _layout(path, archive) if isinstance(path, Path) else _NO_LAYOUT
    if layout.foreign:
        message = f"holds some {layout.foreign} bytes that belong to none of its files"
        oddities.append(Oddity("foreign", Path(path).name, message))
    for info in infos:
        name = info.filename
        if info.is_dir():
            continue
        if "\0" in info.orig_filename:  # zipfile cuts the name there, others may not
            oddities.append(Oddity("path-escapes", info.orig_filename, "is a name with a character that ends names"))
            continue
        try:
            check_path(name)
        except UnsafePath:
            oddities.append(Oddity("path-escapes", name, "is a path that leads out of the crate"))
            continue
        if stat.S_ISLNK(info.external_attr >> 16):
            oddities.append(Oddity("link", name, "is a symbolic link, which is not followed"))
        elif info.flag_bits & 1:
            oddities.append(Oddity("encrypted", name, "is encrypted"))
        elif info.header_offset in layout.encrypted:
            oddities.append(Oddity("encrypted", name, "is encrypted, as the header before its content says"))
        elif info.header_offset in overlapping:
            oddities.append(Oddity("zip-bomb", name, "lies in the zip where another entry lies, too"))
        elif info.file_size > max(info.compress_size, 1) * MAX_RATIO:
            oddities.append(Oddity("zip-bomb", name, f"claims to grow to {info.file_size} bytes when unpacked"))
        elif name in entries:
            oddities.append(Oddity("duplicate", name, "is in the zip more than once; the first one was read"))
        else:
            same = unicodedata.normalize("NFC", name).casefold()
            if same in folded:
                oddities.append(
                    Oddity("case-collision", name, f"becomes the same file as {folded[same]} on many systems")
                )
            folded[same] = name
            entries[name] = info
    both = sorted(folders_of(entries) & entries.keys())
    oddities += [Oddity("case-collision", name, "is a file, and a folder with files in it") for name in both]
    return entries, oddities


def _overlapping(infos: Iterable[zipfile.ZipInfo]) -> set[int]:
    """Where entries start that share bytes with one that starts before them, or at the same place."""
    result: set[int] = set()
    end = last = -1
    for info in sorted(infos, key=lambda info: info.header_offset):
        start = info.header_offset
        if start < end:
            result |= {start, last}
        if start + info.compress_size + _LOCAL_HEADER > end:
            end, last = start + info.compress_size + _LOCAL_HEADER, start
    return result


class _Layout(NamedTuple):
    """What the headers before the files of a zip say, which its directory at the end does not."""

    encrypted: frozenset[int]  # where entries start that are; some tools go by the one word, some by the other
    foreign: int  # bytes that belong to no entry


_NO_LAYOUT = _Layout(frozenset(), 0)


def _layout(path: Path, archive: zipfile.ZipFile) -> _Layout:
    encrypted = set()
    end = foreign = 0
    with path.open("rb", buffering=0) as file:
        for info in sorted(archive.infolist(), key=lambda info: info.header_offset):
            header = _local_header(file, info.header_offset)
            if header is None:
                continue  # reading its content will tell
            flags, name_length, extra_length = header
            if flags & 1:
                encrypted.add(info.header_offset)
            foreign += max(0, info.header_offset - end)
            length = _LOCAL_HEADER + name_length + extra_length + info.compress_size
            descriptor = _DESCRIPTOR if flags & 8 and info.header_offset + length < archive.start_dir else 0
            end = max(end, info.header_offset + length + descriptor)
        foreign += max(0, archive.start_dir - end) + _behind(file)
    return _Layout(frozenset(encrypted), foreign)


def _local_header(file: RawIOBase, offset: int) -> tuple[int, int, int] | None:
    """Flags, and the lengths of the name and of the extra field."""
    try:
        file.seek(offset)
        header = file.read(_LOCAL_HEADER) or b""
    except (OSError, ValueError):
        return None
    if header[:4] != b"PK\x03\x04" or len(header) != _LOCAL_HEADER:
        return None
    return int.from_bytes(header[6:8], "little"), *struct.unpack("<HH", header[26:])


def _behind(file: RawIOBase) -> int:
    """The bytes behind the end of the directory and its comment."""
    size = file.seek(0, 2)
    file.seek(max(0, size - _END - _MOST_COMMENT))
    tail = file.read() or b""
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at + _END > len(tail):
        return 0
    return max(0, len(tail) - at - _END - int.from_bytes(tail[at + 20 : at + 22], "little"))


def crate_prefix(entries: Mapping[str, zipfile.ZipInfo], path: Path | str, oddities: Sequence[Oddity] = ()) -> str:
    """The folder of a zip that is the crate's root; empty, or with a slash at the end."""
    if METADATA in entries:
        return ""
    # Many tools pack the folder itself: one folder deep is a crate still.
    nested = [name for name in entries if name.endswith(f"/{METADATA}") and name.count("/") == 1]
    if len(nested) == 1:
        return nested[0].removesuffix(METADATA)
    for oddity in oddities:
        if oddity.path.rsplit("/", 1)[-1] == METADATA:
            raise bad_metadata(f"it {oddity.message}", f"{display(str(path))}/{display(oddity.path)}")
    raise NotACrate(f"the zip has no {METADATA}", where=path, remedy="Name a zip of a crate.")


def beside_crate(entries: Mapping[str, zipfile.ZipInfo], prefix: str) -> list[Oddity]:
    """The files of a zip that lie beside the crate's folder; what systems leave there is passed over."""
    return [
        Oddity("outside", name, "lies beside the folder of the crate, and is no part of it")
        for name in entries
        if not name.startswith(prefix) and not any(is_litter(part) for part in name.split("/"))
    ]
