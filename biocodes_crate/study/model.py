"""A study: a folder, and what each file in it is taken for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from biocodes_crate.findings import Finding
from biocodes_crate.study.manifest import DeclaredFigure, DeclaredImage, Manifest


class StudyFile(NamedTuple):
    """A file: its path within the study, with slashes, and its size in bytes."""

    path: str
    size: int


@dataclass(frozen=True, slots=True)
class StudyImage:
    """A file or folder that is taken for an image. Whether it can be opened is seen later."""

    path: str
    is_folder: bool
    files: tuple[StudyFile, ...]  # in a folder: all of them, dotfiles too
    reason: str  # why it is taken for an image
    declared: DeclaredImage | None = None


@dataclass(frozen=True, slots=True)
class StudyFigure:
    """A file that is taken for a figure. Whether it can be opened is seen later."""

    path: str
    size: int
    reason: str
    declared: DeclaredFigure | None = None
    siblings: tuple[str, ...] = ()  # JSON files beside it, one of which may be OMERO.figure's


@dataclass(frozen=True, slots=True)
class Study:
    """A study as it lies on disk; everything is sorted by path."""

    root: Path
    manifest: Manifest
    images: tuple[StudyImage, ...]
    figures: tuple[StudyFigure, ...]
    files: tuple[StudyFile, ...]  # all others that belong to the study
    findings: tuple[Finding, ...] = ()

    def payload(self) -> Iterator[str]:
        """The paths of all data files: of images, of figures, and others."""
        for image in self.images:
            yield from (file.path for file in image.files)
        yield from (figure.path for figure in self.figures)
        yield from (file.path for file in self.files)
