"""The files of a study: all that lies in the folder, but for what is hidden, excluded, linked or our own."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pathspec import GitIgnoreSpec

from biocodes_crate.findings import Finding, Severity
from biocodes_crate.study.model import StudyFile

OUTPUTS = frozenset(
    {
        "ro-crate-metadata.json",
        "ro-crate-preview.html",
        "codes/planes.parquet",
        "codes/trace-index.parquet",
        "provenance/edges.jsonld",
    }
)
"""What `crate build` writes into a study: no part of the payload."""

_LITTER = frozenset({"thumbs.db", "desktop.ini", "__macosx"})


def is_litter(name: str) -> bool:
    """Whether a file or folder is hidden, or one that systems leave everywhere."""
    return name.startswith(".") or name.lower() in _LITTER


@dataclass(slots=True)
class Listing:
    """What lies in a study."""

    files: list[StudyFile] = field(default_factory=list)  # outside of image folders
    folders: dict[str, tuple[StudyFile, ...]] = field(default_factory=dict)  # image folders, with all their files
    findings: list[Finding] = field(default_factory=list)


def list_files(root: Path, exclude: tuple[str, ...], is_image_folder: Callable[[Path], bool]) -> Listing:
    """List a study, sorted by path.

    Left out are names that start with a dot (in an image folder they count: OME-Zarr 0.4 has its
    metadata there), litter of operating systems, what `exclude` matches (patterns as in
    `.gitignore`), and what `crate build` writes. Symbolic links are not followed, as in
    TREEWALK: each is a finding.
    """
    listing = Listing()
    spec = GitIgnoreSpec.from_lines(exclude)
    _list_folder(root, "", spec, is_image_folder, listing)
    listing.files.sort(key=lambda file: path_key(file.path))
    return listing


def path_key(path: str) -> bytes:
    """Paths are sorted by their bytes."""
    return path.encode("utf-8", "surrogateescape")


def _list_folder(
    folder: Path, prefix: str, spec: GitIgnoreSpec, is_image_folder: Callable[[Path], bool], listing: Listing
) -> None:
    for entry in _entries(folder, prefix, listing):
        path = prefix + entry.name
        if is_litter(entry.name) or path in OUTPUTS:
            continue
        is_folder = entry.is_dir(follow_symlinks=False)
        if spec.match_file(f"{path}/" if is_folder else path):
            continue
        if _is_link(entry, path, listing):
            continue
        if is_folder and is_image_folder(Path(entry.path)):
            files: list[StudyFile] = []
            _list_image(Path(entry.path), f"{path}/", spec, files, listing)
            listing.folders[path] = tuple(sorted(files, key=lambda file: path_key(file.path)))
        elif is_folder:
            _list_folder(Path(entry.path), f"{path}/", spec, is_image_folder, listing)
        elif entry.is_file(follow_symlinks=False):
            listing.files.append(StudyFile(path, entry.stat(follow_symlinks=False).st_size))


def _list_image(folder: Path, prefix: str, spec: GitIgnoreSpec, files: list[StudyFile], listing: Listing) -> None:
    for entry in _entries(folder, prefix, listing):
        path = prefix + entry.name
        if entry.is_dir(follow_symlinks=False):
            _list_image(Path(entry.path), f"{path}/", spec, files, listing)
        elif not _is_link(entry, path, listing) and entry.is_file(follow_symlinks=False):
            files.append(StudyFile(path, entry.stat(follow_symlinks=False).st_size))


def _entries(folder: Path, prefix: str, listing: Listing) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from sorted(entries, key=lambda entry: path_key(entry.name))
    except OSError as error:
        listing.findings.append(
            Finding(
                "folder-unreadable",
                Severity.WARNING,
                prefix.rstrip("/") or ".",
                f"the folder cannot be read ({error.strerror or error})",
                "Check its permissions, or exclude it in study.yaml.",
            )
        )


def _is_link(entry: os.DirEntry[str], path: str, listing: Listing) -> bool:
    if not entry.is_symlink():
        return False
    listing.findings.append(
        Finding(
            "link-skipped",
            Severity.WARNING,
            path,
            "it is a symbolic link, which is not followed",
            "Put the file or folder itself into the study, or exclude the link in study.yaml.",
        )
    )
    return True
