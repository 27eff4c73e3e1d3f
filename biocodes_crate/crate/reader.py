"""Open somebody's crate: a folder, a zip, or a metadata file alone. Reads nothing outside of it.

A crate is hostile until proven otherwise: sizes are bounded, links and paths that lead out are
reported and never followed, nothing is unpacked to disk unless asked for, no reference is fetched.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import stat
import unicodedata
import zipfile
import zlib
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NamedTuple, Self

from biocodes_crate.crate.content import METADATA
from biocodes_crate.crate.ids import check_path, display
from biocodes_crate.errors import BadMetadata, BiocodesError, NotACrate, UnsafePath
from biocodes_crate.progress import OnProgress, ignore_progress
from biocodes_crate.remote import web_address

MAX_METADATA = 256 << 20  # bytes; 20,000 entities are about 15 MB
MAX_ENTITIES = 500_000  # of metadata; a minute for every 200,000
MAX_ENTRIES = 5_000_000
MAX_DEPTH = 40  # of JSON: a flat graph needs five, an inline context a few more
_LOCAL_HEADER = 30  # bytes at least, before the content of an entry
MAX_RATIO = 1100  # zlib cannot compress more than about 1032 to one
# What zipfile raises of a zip that is damaged (not one, bad data, cut off), packed in a way that it does not know or
# encrypted (RuntimeError), or whose directory has names or places that cannot be (ValueError). Only calls of zipfile
# may stand under it: a fault of ours is not to be told as one of the zip.
BAD_ZIP = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError)


_MAY_BE_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


@dataclass(frozen=True, slots=True)
class Oddity:
    """Something in a crate's container that should not be there."""

    kind: str  # "path-escapes", "link", "duplicate", "case-collision", "zip-bomb", "encrypted", "unreadable", …
    path: str
    message: str


class Packed(NamedTuple):
    """The zip that a crate lies in."""

    path: Path
    entries: Mapping[str, zipfile.ZipInfo]  # by their names in the zip; only those that are safe to read
    prefix: str  # of the names of the crate's files: empty, or a folder with a slash at its end


class CrateReader(ABC):
    """A crate that is open for reading. Use as a context manager, or call :meth:`close`."""

    path: Path
    metadata: dict[str, Any]
    has_payload: bool = True
    oddities: tuple[Oddity, ...] = ()
    failure: BiocodesError | None = None  # of the line to a crate that lies elsewhere: what was read is not all
    on_progress: OnProgress = staticmethod(ignore_progress)  # told of files that are fetched

    @abstractmethod
    def files(self) -> Mapping[str, int]:
        """Size in bytes of every file by its path within the crate; links are not among them."""

    @abstractmethod
    def open(self, path: str) -> IO[bytes]:
        """A file of the crate, for reading.

        Raises
        ------
        UnsafePath
            The path leads out of the crate.
        FileNotFoundError
            There is no such file.
        """

    @property
    def folder(self) -> Path | None:
        """The root of the crate on disk, if it is a folder."""
        return None

    @property
    def packed(self) -> Packed | None:
        """The zip that the crate lies in, if it does."""
        return None

    def exists(self, path: str) -> bool:
        """Whether there is such a file, or a folder with a file in it."""
        files = self.files()
        return path in files or path in self._folders()

    def is_folder(self, path: str) -> bool:
        return path in self._folders()

    def size(self, path: str) -> int:
        """Size of a file in bytes."""
        return self.files()[path]

    def below(self, folder: str) -> Iterator[str]:
        """The files in a folder and its subfolders."""
        prefix = folder.rstrip("/") + "/"
        return (path for path in self.files() if path.startswith(prefix))

    def close(self) -> None:  # noqa: B027 (most readers hold nothing)
        """Release the file."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    _folder_names: frozenset[str] | None = None

    def _folders(self) -> frozenset[str]:
        if self._folder_names is None:
            self._folder_names = frozenset(_folders_of(self.files()))
        return self._folder_names


def open_crate(path: Path | str) -> CrateReader:
    """Open a crate: its folder, a zip of it, or its metadata file; or a deposited one, by its URL or DOI.

    Only a text that is a URL or DOI, and no path of a file, is looked up on the web.

    A file named exactly `ro-crate-metadata.json` stands for the metadata alone, not for the folder
    that it lies in.

    Raises
    ------
    NotACrate
        There is no crate there, or its metadata is not JSON that can be read.
    """
    if isinstance(path, str):
        if (address := web_address(path)) is not None:
            from biocodes_crate.crate.deposited import open_deposited  # noqa: PLC0415 (it builds on this module)

            return open_deposited(address)
        path = Path(path)
    try:
        if path.is_dir():
            return _FolderReader(path)
        if not path.exists():
            raise NotACrate("there is no such file or folder", where=path, remedy="Check the path.")
        if path.suffix.lower() != ".json" and zipfile.is_zipfile(path):
            return _ZipReader(path)
        return _MetadataReader(path)
    except OSError as error:
        raise NotACrate(
            f"the crate cannot be read ({error.strerror or error})", where=path, remedy="Check the rights."
        ) from error


def parse_metadata(content: bytes, where: Path | str) -> dict[str, Any]:
    """Metadata from bytes that may be anything.

    Raises
    ------
    NotACrate
        They are not UTF-8, not strict JSON, nested too deeply, or not an object with a `@graph`.
    """
    try:
        metadata = json.loads(
            content.decode("utf-8-sig"), parse_constant=_refuse_constant, object_pairs_hook=_each_key_once
        )
        too_deep = _depth_exceeds(metadata, MAX_DEPTH)
        if _MAY_BE_SURROGATE.search(content) is not None:
            json.dumps(metadata, ensure_ascii=False).encode("utf-8")  # lone surrogates fail here
    except UnicodeDecodeError as error:
        raise _bad_metadata("it is not UTF-8", where) from error
    except UnicodeEncodeError as error:
        raise _bad_metadata("it holds half of a surrogate pair, which is no character", where) from error
    except RecursionError as error:
        raise _bad_metadata("it is nested too deeply", where) from error
    except ValueError as error:
        raise _bad_metadata(f"it is not JSON: {error}", where) from error
    if too_deep:
        raise _bad_metadata("it is nested too deeply", where)
    if not isinstance(metadata, dict) or not isinstance(metadata.get("@graph"), list):
        raise _bad_metadata("it has no '@graph' list", where)
    if len(metadata["@graph"]) > MAX_ENTITIES:
        raise _bad_metadata(f"it has more than {MAX_ENTITIES} entities", where)
    return metadata


def _bad_metadata(message: str, where: Path | str) -> BadMetadata:
    return BadMetadata(
        f"the metadata cannot be read: {message}", where=where, remedy="Make the crate again, or ask who made it."
    )


def _each_key_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; RFC 8259, section 4: of keys that repeat, some tools read the first, others the last."""
    result = dict(pairs)
    if len(result) < len(pairs):
        key = next(key for key, times in Counter(key for key, _ in pairs).items() if times > 1)
        raise ValueError(f"the key '{key[:100]}' is there twice in one object")
    return result


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _depth_exceeds(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [
            child
            for item in level
            if isinstance(item, dict | list)
            for child in (item.values() if isinstance(item, dict) else item)
            if isinstance(child, dict | list)
        ]
        if not level:
            return False
    return True


def read_bounded(file: IO[bytes], where: Path | str) -> bytes:
    """Metadata as bytes, not more than a crate can sensibly have."""
    content = file.read(MAX_METADATA + 1)
    if len(content) > MAX_METADATA:
        raise _bad_metadata(f"it is larger than {MAX_METADATA >> 20} MiB", where)
    return content


class _MetadataReader(CrateReader):
    has_payload = False

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("rb") as file:
            self.metadata = parse_metadata(read_bounded(file, path), path)

    def files(self) -> Mapping[str, int]:
        return {}

    def open(self, path: str) -> IO[bytes]:
        raise FileNotFoundError(f"a metadata file alone holds no {check_path(path)}")


class _FolderReader(CrateReader):
    def __init__(self, path: Path) -> None:
        self.path = path
        self._files: dict[str, int] | None = None
        metadata = path / METADATA
        if metadata.is_symlink() or not metadata.is_file():
            raise NotACrate(
                f"the folder has no {METADATA}",
                where=path,
                remedy="Name the root of a crate, or run `crate build` first.",
            )
        with metadata.open("rb") as file:
            self.metadata = parse_metadata(read_bounded(file, metadata), metadata)
        self._walk()

    @property
    def folder(self) -> Path:
        return self.path

    def files(self) -> Mapping[str, int]:
        return self._walk()

    def open(self, path: str) -> IO[bytes]:
        file = self.path
        for part in check_path(path).split("/"):
            file /= part
            if file.is_symlink():
                raise UnsafePath("the file is a link, which is not followed", where=display(path))
        if not file.is_file():
            raise FileNotFoundError(path)
        return file.open("rb")

    def _walk(self) -> dict[str, int]:
        if self._files is not None:
            return self._files
        files: dict[str, int] = {}
        oddities: list[Oddity] = []
        pending = [""]
        while pending:
            prefix = pending.pop()
            try:
                entries = sorted(os.scandir(self.path / prefix), key=lambda entry: entry.name)
            except OSError as error:
                oddities.append(Oddity("unreadable", prefix, f"cannot be read ({error.strerror})"))
                continue
            for entry in entries:
                name = f"{prefix}{entry.name}"
                if entry.is_symlink():
                    oddities.append(Oddity("link", name, "is a symbolic link, which is not followed"))
                elif entry.is_dir(follow_symlinks=False):
                    pending.append(f"{name}/")
                elif entry.is_file(follow_symlinks=False):
                    files[name] = entry.stat(follow_symlinks=False).st_size
                else:
                    oddities.append(Oddity("unreadable", name, "is no file, but a device or a socket"))
        self._files, self.oddities = files, tuple(oddities)
        return files


class _ZipReader(CrateReader):
    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._archive = zipfile.ZipFile(path)
        except BAD_ZIP as error:
            raise _bad_zip(error, path) from error
        try:
            self._entries, oddities = checked_entries(self._archive, path)
            self._prefix = crate_prefix(self._entries, path, oddities)
            self.oddities = tuple(oddities)
            entry = self._entries[self._prefix + METADATA]
            where = f"{display(str(path))}/{entry.filename}"
            self.metadata = parse_metadata(self._read_metadata(entry, where), where)
        except BaseException:
            self._archive.close()
            raise
        self._files = {
            name.removeprefix(self._prefix): info.file_size
            for name, info in self._entries.items()
            if name.startswith(self._prefix)
        }

    def _read_metadata(self, entry: zipfile.ZipInfo, where: str) -> bytes:
        try:
            with self._archive.open(entry) as file:
                return read_bounded(file, where)
        except BAD_ZIP as error:
            raise _bad_zip(error, self.path) from error

    @property
    def packed(self) -> Packed:
        return Packed(self.path, self._entries, self._prefix)

    def files(self) -> Mapping[str, int]:
        return self._files

    def open(self, path: str) -> IO[bytes]:
        entry = self._entries.get(self._prefix + check_path(path))
        if entry is None:
            raise FileNotFoundError(path)
        # Reads no more than the size that the zip's directory states, whatever the stream holds.
        return self._archive.open(entry)

    def close(self) -> None:
        self._archive.close()


def _bad_zip(error: Exception, path: Path) -> NotACrate:
    return NotACrate(f"the zip cannot be read ({error})", where=path, remedy="Fetch or pack it again.")


def checked_entries(archive: zipfile.ZipFile, path: Path | str) -> tuple[dict[str, zipfile.ZipInfo], list[Oddity]]:
    """The entries of a zip that can be read safely, and what is wrong with the others."""
    entries: dict[str, zipfile.ZipInfo] = {}
    folded: dict[str, str] = {}
    oddities: list[Oddity] = []
    infos = archive.infolist()
    if len(infos) > MAX_ENTRIES:
        raise NotACrate(f"the zip has more than {MAX_ENTRIES} entries", where=path, remedy="Split the crate.")
    overlapping = _overlapping(infos)
    encrypted = _locally_encrypted(path, infos) if isinstance(path, Path) else frozenset()
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
        elif info.header_offset in encrypted:
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
    both = sorted(_folders_of(entries) & entries.keys())
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


def _locally_encrypted(path: Path, infos: Iterable[zipfile.ZipInfo]) -> frozenset[int]:
    """Where entries of a zip on disk start that are encrypted, by the header before their content.

    The directory at the end of the zip may say otherwise: some tools go by the one, some by the other.
    """
    result = set()
    with path.open("rb", buffering=0) as file:
        for info in infos:
            try:
                file.seek(info.header_offset)
                header = file.read(_LOCAL_HEADER)
            except (OSError, ValueError):
                continue  # reading its content will tell
            if header[:4] == b"PK\x03\x04" and len(header) == _LOCAL_HEADER and header[6] & 1:
                result.add(info.header_offset)
    return frozenset(result)


def _folders_of(names: Iterable[str]) -> set[str]:
    folders: set[str] = set()
    for name in names:
        parent = name.rpartition("/")[0]
        while parent and parent not in folders:
            folders.add(parent)
            parent = parent.rpartition("/")[0]
    return folders


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
            raise _bad_metadata(f"it {oddity.message}", f"{display(str(path))}/{display(oddity.path)}")
    raise NotACrate(f"the zip has no {METADATA}", where=path, remedy="Name a zip of a crate.")


def extract(reader: CrateReader, path: str, target: Path, limit: int) -> None:
    """Copy one file of a crate to disk, up to a limit in bytes.

    Raises
    ------
    UnsafePath
        The file is larger than the limit.
    NotACrate
        It is damaged.
    """
    if reader.size(path) > limit:
        raise UnsafePath(
            f"the file is larger than {limit >> 20} MiB, which is the limit for unpacking",
            where=display(path),
            remedy="Unpack the zip, and name the folder.",
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        _copy(reader, path, target, limit)
    except BAD_ZIP as error:
        target.unlink(missing_ok=True)
        raise NotACrate(
            f"it cannot be read ({error})", where=display(path), remedy="Fetch or pack the zip again."
        ) from error


def _copy(reader: CrateReader, path: str, target: Path, limit: int) -> None:
    with reader.open(path) as source, target.open("xb") as file:
        written = 0
        while block := source.read(1 << 20):
            written += len(block)
            if written > limit:
                with contextlib.suppress(OSError):
                    target.unlink()
                raise UnsafePath("the file grows beyond the size that it states", where=display(path))
            file.write(block)
