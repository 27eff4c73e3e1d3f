"""Read a study: which of its files are images, figures, and others."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import TypeVar

from biocodes_crate.errors import NotAStudy
from biocodes_crate.findings import Finding, Severity
from biocodes_crate.images import is_image
from biocodes_crate.study import citation
from biocodes_crate.study.files import Listing, list_files, path_key
from biocodes_crate.study.gaps import find_gaps
from biocodes_crate.study.kinds import Choice, Kind, decide
from biocodes_crate.study.manifest import DeclaredFigure, DeclaredImage, Manifest
from biocodes_crate.study.model import Study, StudyFigure, StudyFile, StudyImage
from biocodes_crate.study.reading import STUDY_YAML, read_manifest

_MAX_SIBLING = 64 << 20  # bytes of a JSON file that may be OMERO.figure's
_DECLARED = "named in study.yaml"

_D = TypeVar("_D", DeclaredImage, DeclaredFigure)


def read_study(root: Path) -> Study:
    """Look through a study's folder. Opens no image beyond its header, and writes nothing.

    Raises
    ------
    NotAStudy
        There is no such folder.
    BadManifest
        `study.yaml` cannot be read.
    """
    if not root.is_dir():
        raise NotAStudy(
            "it is not a folder" if root.exists() else "there is no such folder",
            where=root,
            remedy="Name the folder that holds the study.",
        )
    manifest = read_manifest(root / STUDY_YAML) if (root / STUDY_YAML).is_file() else Manifest()
    manifest, findings = citation.complete(manifest, root)
    return sort_files(root, manifest, list_files(root, manifest.exclude, is_image), findings)


def sort_files(root: Path, manifest: Manifest, listing: Listing, findings: Iterable[Finding] = ()) -> Study:
    """Tell images, figures and other files apart."""
    found = [*findings, *listing.findings]
    declared_images = _by_path(manifest.images, found)
    declared_figures = _by_path(manifest.figures, found)
    images = [
        StudyImage(path, True, files, "of an image format", declared_images.pop(_nfc(path), None))
        for path, files in listing.folders.items()
    ]
    figures: list[StudyFigure] = []
    others: list[StudyFile] = []
    for file in listing.files:
        image, figure = declared_images.pop(_nfc(file.path), None), declared_figures.pop(_nfc(file.path), None)
        if image is not None and figure is not None:
            found.append(_both(file.path))
        if image is not None:
            images.append(StudyImage(file.path, False, (file,), _DECLARED, image))
            continue
        if figure is not None:
            figures.append(StudyFigure(*file, _DECLARED, figure, _siblings(file.path, listing)))
            continue
        match decide(root, file.path):
            case Choice(Kind.IMAGE, reason):
                images.append(StudyImage(file.path, False, (file,), reason))
            case Choice(Kind.FIGURE, reason):
                figures.append(StudyFigure(*file, reason, None, _siblings(file.path, listing)))
            case _:
                others.append(file)
    found += _missing(declared_images, "image") + _missing(declared_figures, "figure")
    found += find_gaps(manifest, has_images=bool(images), has_figures=bool(figures))
    return Study(
        root=root,
        manifest=manifest,
        images=tuple(sorted(images, key=lambda image: path_key(image.path))),
        figures=tuple(figures),
        files=tuple(others),
        findings=tuple(found),
    )


def _siblings(path: str, listing: Listing) -> tuple[str, ...]:
    folder = PurePosixPath(path).parent
    return tuple(
        file.path
        for file in listing.files
        if file.path.lower().endswith(".json")
        and file.size <= _MAX_SIBLING
        and PurePosixPath(file.path).parent == folder
    )


def _nfc(path: str) -> str:
    """Names are compared normalised: some file systems decompose them."""
    return unicodedata.normalize("NFC", path)


def _by_path(declared: Iterable[_D], found: list[Finding]) -> dict[str, _D]:
    result: dict[str, _D] = {}
    for entry in declared:
        if entry.path in result:
            found.append(
                Finding(
                    "declared-twice",
                    Severity.WARNING,
                    entry.path,
                    "study.yaml names it twice; the first entry counts",
                    "Put both entries into one.",
                )
            )
        result.setdefault(entry.path, entry)
    return result


def _both(path: str) -> Finding:
    return Finding(
        "declared-twice",
        Severity.WARNING,
        path,
        "study.yaml names it as an image and as a figure; it is taken for an image",
        "Remove one of the two entries.",
    )


def _missing(declared: Iterable[str], kind: str) -> list[Finding]:
    return [
        Finding(
            f"declared-{kind}-missing",
            Severity.WARNING,
            path,
            f"study.yaml names this {kind}, but it is not in the study",
            "Correct the path in study.yaml, or put the file there.",
        )
        for path in declared
    ]
