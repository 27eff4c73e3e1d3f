"""Write a crate: in place, or as a complete copy in a folder. Never half of it."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from biocodes_crate.crate.content import METADATA, PREVIEW
from biocodes_crate.crate.ids import check_path, display
from biocodes_crate.crate.terms import PROFILE
from biocodes_crate.errors import CannotWrite
from biocodes_crate.progress import OnProgress, Progress, ignore_progress

Files = Mapping[str, bytes | Path]
"""What `build` makes: by path within the crate, the bytes, or a file that holds them."""

_BLOCK = 1 << 20


def write_in_place(root: Path, files: Files) -> None:
    """Write files into a study, all or none.

    Every file is first written beside its target, then all are moved; whatever interrupts that
    leaves the study as it was.

    Raises
    ------
    CannotWrite
        The study cannot be written to, or holds files of these names that are not ours.
    """
    targets = {path: _target(root, path) for path in sorted(files, key=_metadata_last)}
    refuse_foreign(root)
    token = secrets.token_hex(4)
    made: list[Path] = []  # folders
    staged: list[tuple[Path, Path]] = []
    moved: list[tuple[Path, Path | None]] = []  # target, what it was before
    try:
        for path, target in targets.items():
            made += _make_parents(root, target)
            temporary = target.with_name(f".{target.name}.{token}.new")
            staged.append((temporary, target))
            _store(files[path], temporary)
        for temporary, target in staged:
            before = target.with_name(f".{target.name}.{token}.old") if target.exists() else None
            if before is not None:
                os.link(target, before) if _can_link(target) else shutil.copy2(target, before)
            moved.append((target, before))
            temporary.replace(target)
    except BaseException as error:
        _undo(staged, moved, made)
        if isinstance(error, OSError):
            raise _cannot_write(error, root) from error
        raise
    for _, before in moved:
        if before is not None:
            before.unlink(missing_ok=True)


def write_folder(
    root: Path, out: Path, payload: Iterable[str], files: Files, on_progress: OnProgress = ignore_progress
) -> None:
    """Write a complete crate into a new folder: the payload copied, the made files beside it.

    Parameters
    ----------
    root
        The study.
    out
        The folder to make. If it exists it must be empty or a crate of ours, which is replaced.
    payload
        Paths of the data files within the study.
    files
        The files that `build` makes.

    Raises
    ------
    CannotWrite
        `out` lies within the study, holds something else, or cannot be written.
    """
    refuse_inside(root, out)
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise CannotWrite("there is a file of that name", where=out, remedy="Name a folder, or a file ending in .zip.")
    if out.is_dir() and any(out.iterdir()) and not is_ours(out):
        raise CannotWrite(
            "the folder is not empty, and not a crate that this software wrote",
            where=out,
            remedy="Name a new folder.",
        )
    temporary = out.with_name(f".{out.name}.{secrets.token_hex(4)}.new")
    paths = payload_paths(payload, files)
    try:
        temporary.mkdir(parents=True)
        for done, path in enumerate(paths):
            on_progress(Progress("copying files", done, len(paths)))
            _copy(source_file(root, path), _below(temporary, path))
        for path, content in files.items():
            _store(content, _below(temporary, check_path(path)))
        on_progress(Progress("copying files", len(paths), len(paths)))
        _replace_folder(temporary, out)
    except BaseException as error:
        shutil.rmtree(temporary, ignore_errors=True)
        if isinstance(error, OSError):
            raise _cannot_write(error, out) from error
        raise


def is_ours(root: Path) -> bool:
    """Whether a folder holds a crate of our profile."""
    try:
        with (root / METADATA).open("rb") as file:
            metadata = json.loads(file.read(1 << 28))
        graph = metadata["@graph"]
        return any(
            isinstance(entity, dict)
            and entity.get("@id") == "./"
            and PROFILE in json.dumps(entity.get("conformsTo", ""))
            for entity in graph
        )
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return False


def refuse_foreign(root: Path) -> None:
    """Raise :class:`CannotWrite` if the study holds a crate that somebody else made."""
    if (root / METADATA).exists() and not is_ours(root):
        raise CannotWrite(
            "the study is an RO-Crate already, which this software did not write and will not overwrite",
            where=root / METADATA,
            remedy="Write the new crate elsewhere with -o, or move the file away.",
        )
    preview = root / PREVIEW
    if preview.exists() and not (root / METADATA).exists() and b"biocodes" not in preview.read_bytes()[:_BLOCK]:
        raise CannotWrite(
            "there is a preview that this software did not write and will not overwrite",
            where=preview,
            remedy="Write the new crate elsewhere with -o, or move the file away.",
        )


def refuse_inside(root: Path, out: Path) -> None:
    """Raise :class:`CannotWrite` if the output would become part of the study."""
    if out.resolve() == root.resolve() or root.resolve() in out.resolve().parents:
        raise CannotWrite(
            "the output lies within the study",
            where=out,
            remedy="Leave out -o to build in place, or name a place outside.",
        )


def payload_paths(payload: Iterable[str], files: Files) -> list[str]:
    """The payload's paths, checked, each once, without the files that are made anew, in a fixed order."""
    paths = {check_path(path) for path in payload} - set(files)
    return sorted(paths, key=lambda path: path.encode("utf-8", "surrogateescape"))


def source_file(root: Path, path: str) -> Path:
    """A payload file of the study; a link that leads out of the study is refused."""
    file = root / path
    if not file.resolve().is_relative_to(root.resolve()):
        raise CannotWrite(
            "the file is a link that leads out of the study", where=file, remedy="Put the file itself into the study."
        )
    return file


def _metadata_last(path: str) -> tuple[bool, str]:
    return path == METADATA, path


def _target(root: Path, path: str) -> Path:
    target = root / check_path(path)
    for part in [target, *target.parents]:
        if part == root:
            break
        if part.is_symlink():
            raise CannotWrite("will not write through a link", where=part, remedy="Remove the link.")
    if target.is_dir():
        raise CannotWrite("there is a folder of that name", where=target, remedy="Rename the folder.")
    return target


def _make_parents(root: Path, target: Path) -> list[Path]:
    missing = [parent for parent in target.parents if root in parent.parents and not parent.exists()]
    for parent in reversed(missing):
        parent.mkdir()
    return missing


def _undo(staged: list[tuple[Path, Path]], moved: list[tuple[Path, Path | None]], made: list[Path]) -> None:
    for target, before in reversed(moved):
        with contextlib.suppress(OSError):
            if before is not None and before.exists():
                before.replace(target)
            elif before is None and not any(temporary.exists() for temporary, other in staged if other == target):
                target.unlink(missing_ok=True)
    for temporary, _ in staged:
        for left in (temporary, temporary.with_suffix(".old")):
            with contextlib.suppress(OSError):
                left.unlink(missing_ok=True)
    for folder in sorted(made, key=lambda path: len(path.parts), reverse=True):
        with contextlib.suppress(OSError):
            folder.rmdir()


def _can_link(target: Path) -> bool:
    return hasattr(os, "link") and target.stat().st_nlink < 1000


def _store(content: bytes | Path, target: Path) -> None:
    if isinstance(content, Path):
        _copy(content, target)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    with target.open("xb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)  # uses reflinks or sendfile where the system has them


def _below(folder: Path, path: str) -> Path:
    return folder.joinpath(*path.split("/"))


def _replace_folder(temporary: Path, out: Path) -> None:
    if not out.exists():
        temporary.rename(out)
        return
    old = out.with_name(f".{out.name}.{secrets.token_hex(4)}.old")
    out.rename(old)
    try:
        temporary.rename(out)
    except BaseException:
        old.rename(out)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _cannot_write(error: OSError, where: Path) -> CannotWrite:
    place = display(str(error.filename)) if error.filename else where
    return CannotWrite(
        f"cannot write the crate ({error.strerror or error})",
        where=place,
        remedy="Check the rights and the free space, or write elsewhere with -o.",
    )
