"""The images of a study: opened, coded and indexed in one pass over their pixels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from biocodes_crate.codes import Cluster, CodeCache, ImageCodes
from biocodes_crate.errors import BiocodesError, MissingReader, NoCluster, UnreadableImage
from biocodes_crate.findings import Finding, Severity
from biocodes_crate.images import Image, Scene, open_image
from biocodes_crate.progress import OnProgress, Progress, ignore_progress
from biocodes_crate.study import StudyImage
from biocodes_crate.tracing import ImageIndex, code_and_index
from biocodes_crate.watch import Sidecar, codes_of, read_sidecar, sidecar_path


@dataclass(frozen=True, slots=True)
class CodedImage:
    """An image that could be read to its last pixel."""

    listed: StudyImage
    image: Image
    codes: ImageCodes
    index: ImageIndex
    sidecar: Sidecar | None = None  # that `crate watch` wrote


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
    cluster: Cluster | None = None,
    on_progress: OnProgress = ignore_progress,
) -> CodedImages:
    """Code and index every image; one that cannot be read is a finding, and the others are done all the same.

    On a cluster, several images are coded at the same time.

    Raises
    ------
    NoCluster
        The cluster could not do its work.
    """
    listed = list(images)
    on_progress(Progress("images", 0, len(listed)))
    opened: list[tuple[StudyImage, Image]] = []
    coded: list[CodedImage] = []
    unreadable: list[StudyImage] = []
    parts: list[StudyImage] = []
    findings: list[Finding] = []
    taken: set[Path] = set()
    for item in listed:
        if (root / item.path).resolve() in taken:
            parts.append(item)
            continue
        try:
            image = open_image(root / item.path)
        except BiocodesError as error:
            unreadable.append(item)
            findings.append(_unreadable(item, error))
            continue
        opened.append((item, image))
        taken.update(file.resolve() for file in image.files)

    def code(item: StudyImage, image: Image) -> CodedImage | BiocodesError:
        try:
            codes, index = code_and_index(
                image, item.path, cache=cache, workers=workers, cluster=cluster, on_progress=on_progress
            )
        except NoCluster:
            raise
        except BiocodesError as error:
            return error
        return CodedImage(item, image, codes, index, read_sidecar(sidecar_path(root / item.path)))

    done = len(listed) - len(opened)
    for (item, _), made in zip(opened, _each(code, opened, cluster), strict=True):
        done += 1
        on_progress(Progress("images", done, len(listed)))
        if isinstance(made, BiocodesError):
            unreadable.append(item)
            findings.append(_unreadable(item, made))
            continue
        coded.append(made)
        findings += [Finding(f.id, f.severity, item.path, f.message, f.remedy, f.property) for f in made.image.findings]
        findings += _differences(made)
    return CodedImages(tuple(coded), tuple(unreadable), tuple(findings), tuple(parts))


def _each(
    code: Callable[[StudyImage, Image], CodedImage | BiocodesError],
    opened: list[tuple[StudyImage, Image]],
    cluster: Cluster | None,
) -> Iterator[CodedImage | BiocodesError]:
    """Code images in their order: one by one, or as many at a time as keep a cluster busy."""
    if cluster is None:
        yield from (code(item, image) for item, image in opened)
        return
    with ThreadPoolExecutor(min(32, 2 * cluster.threads), thread_name_prefix="cluster") as pool:
        yield from pool.map(lambda pair: code(*pair), opened)


def _differences(made: CodedImage) -> list[Finding]:
    """Whether the image is still what its sidecar says."""
    sidecar = made.sidecar
    if sidecar is None or sidecar.codes == codes_of(made.codes):
        return []
    pixels_differ = sidecar.codes[1:] != codes_of(made.codes)[1:]
    message = f"its {'pixels are' if pixels_differ else 'file is'} not what {sidecar.software} coded"
    return [
        Finding(
            "sidecar-differs",
            Severity.WARNING if pixels_differ else Severity.INFO,
            made.listed.path,
            f"{message} at {sidecar.computed}" + ("" if pixels_differ else "; the pixels are the same"),
            "If the change is meant, remove the sidecar beside it; otherwise take the image from its source again.",
        )
    ]


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
