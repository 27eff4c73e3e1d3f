"""Write a crate as a zip: streamed, past 4 GiB, dotfiles kept, the same bytes for the same content."""

from __future__ import annotations

import secrets
import zipfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import IO

from biocodes_crate.crate.content import METADATA
from biocodes_crate.crate.ids import check_path, display
from biocodes_crate.crate.write import Files, payload_paths, refuse_inside, source_file
from biocodes_crate.errors import CannotWrite
from biocodes_crate.progress import OnProgress, Progress, ignore_progress

_BLOCK = 1 << 20
_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can hold: times must not show
_TEXT = frozenset({".json", ".jsonld", ".html", ".txt", ".md", ".csv", ".tsv", ".xml", ".yaml", ".yml", ".cff", ".svg"})
_TEXT_NAMES = frozenset({".zattrs", ".zgroup", ".zarray", ".zmetadata"})


def write_zip(
    root: Path, out: Path, payload: Iterable[str], files: Files, on_progress: OnProgress = ignore_progress
) -> None:
    """Write a complete crate as a zip, metadata first, then what `build` made, then the payload by path.

    Text is deflated; pixels, which are compressed already, are stored as they are. The file
    appears under its name only when it is complete.

    Raises
    ------
    CannotWrite
        `out` lies within the study, cannot be written, or a file changed or vanished meanwhile.
    """
    refuse_inside(root, out)
    if out.is_dir():
        raise CannotWrite("there is a folder of that name", where=out, remedy="Name another file.")
    paths = payload_paths(payload, files)
    made = sorted((check_path(path) for path in files), key=lambda path: (path != METADATA, path))
    temporary = out.with_name(f".{out.name}.{secrets.token_hex(4)}.new")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(temporary, "x", allowZip64=True) as archive:
            for path in made:
                _add(archive, path, files[path])
            for done, path in enumerate(paths):
                on_progress(Progress("packing files", done, len(paths)))
                _add(archive, path, source_file(root, path))
        on_progress(Progress("packing files", len(paths), len(paths)))
        temporary.replace(out)
    except BaseException as error:
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise CannotWrite(
                f"cannot write the crate ({error.strerror or error})",
                where=display(str(error.filename)) if error.filename else out,
                remedy="Check the rights and the free space.",
            ) from error
        raise


def _add(archive: zipfile.ZipFile, path: str, content: bytes | Path) -> None:
    try:
        path.encode("utf-8")
    except UnicodeEncodeError as error:
        raise CannotWrite(
            "the file's name is not UTF-8, which a zip cannot hold",
            where=display(path),
            remedy="Rename the file, or write a folder instead.",
        ) from error
    info = zipfile.ZipInfo(path, _EPOCH)
    info.compress_type = zipfile.ZIP_DEFLATED if _is_text(path) else zipfile.ZIP_STORED
    info.external_attr = 0o644 << 16
    info.create_system = 3  # Unix, wherever it is written
    # The size decides on ZIP64 before the first byte is written.
    info.file_size = size = content.stat().st_size if isinstance(content, Path) else len(content)
    with archive.open(info, "w") as entry:
        written = _stream(content, entry, limit=size)
    if written != size:
        raise CannotWrite("the file changed while it was packed", where=display(path), remedy="Build again.")


def _stream(content: bytes | Path, entry: IO[bytes], *, limit: int) -> int:
    if not isinstance(content, Path):
        return entry.write(content)
    written = 0
    with content.open("rb") as file:
        while block := file.read(_BLOCK):
            written += len(block)
            if written > limit:  # it grows: ZIP64 was decided on the size that it had
                break
            entry.write(block)
    return written


def _is_text(path: str) -> bool:
    name = PurePosixPath(path).name
    return name in _TEXT_NAMES or PurePosixPath(name).suffix.lower() in _TEXT
