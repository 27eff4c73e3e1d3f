"""The images of a study: opened, coded and indexed in one pass over their pixels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from biocodes_crate.codes import CodeCache, ImageCodes
from biocodes_crate.errors import BiocodesError, MissingReader, UnreadableImage
from biocodes_crate.findings import Finding, Severity
from biocodes_crate.images import Image, Scene, open_image
from biocodes_crate.progress import OnProgress, Progress, ignore_progress
from biocodes_crate.study import StudyImage
from biocodes_crate.tracing import ImageIndex, code_and_index


@dataclass(frozen=True, slots=True)
class CodedImage:
    """An image that could be read to its last pixel."""

    listed: StudyImage
    image: Image
    codes: ImageCodes
    index: ImageIndex


@dataclass(frozen=True, slots=True)
class CodedImages:
    """What became of the images of a study."""

    coded: tuple[CodedImage, ...]
    unreadable: tuple[StudyImage, ...]
    findings: tuple[Finding, ...]
    parts: tuple[StudyImage, ...] = ()  # files that belong to another image, such as one OME-TIFF of a set


def code_images(
    root: Path,
    images: Iterable[StudyImage],
    *,
    cache: CodeCache | None,
    workers: int | None = None,
    on_progress: OnProgress = ignore_progress,
) -> CodedImages:
    """Code and index every image; one that cannot be read is a finding, and the others are done all the same."""
    listed = list(images)
    coded: list[CodedImage] = []
    unreadable: list[StudyImage] = []
    parts: list[StudyImage] = []
    findings: list[Finding] = []
    taken: set[Path] = set()
    for number, item in enumerate(listed):
        on_progress(Progress("images", number, len(listed)))
        if (root / item.path).resolve() in taken:
            parts.append(item)
            continue
        try:
            made = _code(root, item, cache, workers, on_progress)
        except BiocodesError as error:
            unreadable.append(item)
            findings.append(_unreadable(item, error))
            continue
        coded.append(made)
        taken.update(file.resolve() for file in made.image.files)
        findings += [Finding(f.id, f.severity, item.path, f.message, f.remedy, f.property) for f in made.image.findings]
    on_progress(Progress("images", len(listed), len(listed)))
    return CodedImages(tuple(coded), tuple(unreadable), tuple(findings), tuple(parts))


def _code(
    root: Path, item: StudyImage, cache: CodeCache | None, workers: int | None, on_progress: OnProgress
) -> CodedImage:
    image = open_image(root / item.path)
    codes, index = code_and_index(image, item.path, cache=cache, workers=workers, on_progress=on_progress)
    return CodedImage(item, image, codes, index)


def _unreadable(item: StudyImage, error: BiocodesError) -> Finding:
    reader_is_missing = isinstance(error, MissingReader)
    return Finding(
        "reader-missing" if reader_is_missing else "image-unreadable",
        Severity.WARNING,
        item.path,
        error.message,
        error.remedy or "Open the image with the program that wrote it, and export it again.",
    )


class Scenes:
    """Opens scenes by the path of their image, for tracing; keeps what it opened."""

    def __init__(self, images: Iterable[CodedImage] = ()) -> None:
        self._images = {made.listed.path: made.image for made in images}

    def __call__(self, path: str, scene: int) -> Scene:
        image = self._images.get(path)
        if image is None:
            raise UnreadableImage("the study has no such image, or it cannot be read", where=path)
        for candidate in image.scenes:
            if candidate.index == scene:
                return candidate
        raise UnreadableImage(f"the image has no scene {scene}", where=path)
