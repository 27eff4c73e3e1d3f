"""Open somebody's crate: a folder, a zip, or a metadata file alone. Reads nothing outside of it.

A crate is hostile until proven otherwise: sizes are bounded, links and paths that lead out are
reported and never followed, nothing is unpacked to disk unless asked for, no reference is fetched.
"""

from __future__ import annotations

import contextlib
import os
import zipfile
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NamedTuple, Self

from biocodes_crate.crate.content import METADATA
from biocodes_crate.crate.ids import check_path, display
from biocodes_crate.crate.parsing import parse_metadata, read_bounded
from biocodes_crate.crate.zips import BAD_ZIP, Oddity, beside_crate, checked_entries, crate_prefix
from biocodes_crate.errors import BiocodesError, NotACrate, UnsafePath
from biocodes_crate.images.paths import SortedPaths, folders_of
from biocodes_crate.progress import OnProgress, ignore_progress
from biocodes_crate.remote import web_address


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
        if self._sorted_paths is None:
            self._sorted_paths = SortedPaths(self.files())
        return self._sorted_paths.below(folder)

    def close(self) -> None:  # noqa: B027 (most readers hold nothing)
        """Release the file."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    _folder_names: frozenset[str] | None = None
    _sorted_paths: SortedPaths | None = None

    def _folders(self) -> frozenset[str]:
        if self._folder_names is None:
            self._folder_names = frozenset(folders_of(self.files()))
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
            self.oddities = (*oddities, *beside_crate(self._entries, self._prefix))
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
