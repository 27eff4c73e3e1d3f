"""Where the keys of a Zarr hierarchy lie: in a folder, or in a zip file. Reads only, safely from threads."""

from __future__ import annotations

import os
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Protocol

from biocodes_crate.errors import UnreadableImage
from biocodes_crate.images.packed import AnyFile, member_offset, shown_path


class Store(Protocol):
    """Values by key; keys are relative paths with slashes."""

    def read(self, key: str, *, limit: int) -> bytes | None:
        """The value, None where there is none. More than `limit` bytes are refused."""

    def read_range(self, key: str, start: int, length: int) -> bytes | None:
        """Part of a value; a negative start counts from its end."""

    def count(self, prefix: str) -> int | None:
        """How many values lie below a prefix, those whose name starts with a dot left out; None if nobody can tell."""

    def where(self, key: str) -> Path | str:
        """A path to show to the user."""


def safe_key(key: str, *, where: Path | str) -> str:
    """The key, if it stays within the store."""
    parts = PurePosixPath(key).parts
    if key.startswith("/") or "\\" in key or "\0" in key or ".." in parts:
        raise UnreadableImage(
            f"its metadata points outside of it ({key!r})", where=where, remedy="Do not trust this file."
        )
    return "/".join(parts)


class FolderStore:
    """A Zarr hierarchy in a folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self, key: str, *, limit: int) -> bytes | None:
        """The whole file."""
        try:
            with (self._root / key).open("rb") as file:
                if os.fstat(file.fileno()).st_size > limit:
                    raise UnreadableImage("the file is larger than it can be", where=self._root / key)
                return file.read()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None

    def read_range(self, key: str, start: int, length: int) -> bytes | None:
        """Part of the file."""
        try:
            with (self._root / key).open("rb", buffering=0) as file:
                file.seek(start, os.SEEK_END if start < 0 else os.SEEK_SET)
                return file.read(length)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None

    def count(self, prefix: str) -> int:
        """Files below a folder."""
        number = 0
        for _folder, _folders, files in os.walk(self._root / prefix):
            number += sum(not name.startswith(".") for name in files)
        return number

    def where(self, key: str) -> Path:
        """The file."""
        return self._root / key


class ZipStore:
    """A Zarr hierarchy in a zip file, at its top or within its only folder.

    Keeps the directory of the zip file but no open handle, since a study may hold thousands.
    """

    def __init__(self, path: AnyFile, members: Mapping[str, zipfile.ZipInfo] | None = None, prefix: str = "") -> None:
        """Open a zip; or a folder in one, `prefix`, whose members somebody has read and checked already."""
        self._path = path
        self._prefix = prefix
        self._members = members if members is not None else self._read_members(path)

    def _read_members(self, path: AnyFile) -> Mapping[str, zipfile.ZipInfo]:
        try:
            with path.open("rb") as file, zipfile.ZipFile(file) as archive:
                members = {item.filename: item for item in archive.infolist() if not item.is_dir()}
        except (zipfile.BadZipFile, OSError, ValueError, struct.error) as error:
            raise UnreadableImage(
                f"it is not a readable zip file ({error})", where=path, remedy="Copy it again from its source."
            ) from error
        tops = {name.partition("/")[0] for name in members}
        nested = len(tops) == 1 and all("/" in name for name in members)
        self._prefix = f"{tops.pop()}/" if nested else ""
        return members

    def read(self, key: str, *, limit: int) -> bytes | None:
        """The whole member, its checksum verified."""
        item = self._members.get(self._prefix + key)
        if item is None:
            return None
        if max(item.file_size, item.compress_size) > limit:
            raise UnreadableImage(f"{key} is larger than it can be", where=self._path)
        data = self._raw(item, 0, item.compress_size)
        if item.compress_type == zipfile.ZIP_DEFLATED:
            data = zlib.decompressobj(-zlib.MAX_WBITS).decompress(data, item.file_size + 1)
        if len(data) != item.file_size or zlib.crc32(data) != item.CRC:
            raise UnreadableImage(
                f"{key} in it does not have the checksum that the zip file states",
                where=self._path,
                remedy="Copy it again from its source.",
            )
        return data

    def read_range(self, key: str, start: int, length: int) -> bytes | None:
        """Part of a member; read directly where it is stored without compression, as it should be."""
        item = self._members.get(self._prefix + key)
        if item is None:
            return None
        start = start if start >= 0 else max(0, item.file_size + start)
        if item.compress_type == zipfile.ZIP_STORED:
            return self._raw(item, start, max(0, min(length, item.file_size - start)))
        data = self.read(key, limit=2**31)
        return None if data is None else data[start : start + length]

    def count(self, prefix: str) -> int:
        """Members below a prefix."""
        start = f"{self._prefix}{prefix}/" if prefix else self._prefix
        return sum(name.startswith(start) and not name.rpartition("/")[2].startswith(".") for name in self._members)

    def where(self, key: str) -> Path:
        """The zip file, and the key as if it were a folder."""
        return shown_path(self._path) / key

    def _raw(self, item: zipfile.ZipInfo, start: int, length: int) -> bytes:
        if item.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED} or item.flag_bits & 0x1:
            raise UnreadableImage(
                f"{item.filename} in it is encrypted or compressed in a way that is not supported",
                where=self._path,
                remedy="Zip the folder again without compression.",
            )
        with self._path.open("rb", buffering=0) as file:
            file.seek(member_offset(file, item, where=self._path) + start)
            return file.read(length)
