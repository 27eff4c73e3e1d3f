"""`crate trace`: which planes of a study does this figure come from? Nothing is written."""

from __future__ import annotations

import tempfile
import zipfile
import zlib
from pathlib import Path

from biocodes_crate.codes import CodeCache, default_cache
from biocodes_crate.crate import INDEX_FILE, CrateReader, extract, open_crate
from biocodes_crate.errors import BadIndex, NotACrate, NotAStudy, UnreadableImage
from biocodes_crate.figures import Figure, open_figure
from biocodes_crate.findings import Finding, Severity
from biocodes_crate.images import Scene
from biocodes_crate.pipeline.images import Scenes, code_images
from biocodes_crate.progress import OnProgress, ignore_progress
from biocodes_crate.remote import web_address
from biocodes_crate.study import read_study
from biocodes_crate.tracing import ImageIndex, TracedPage, TraceIndex, read_index, trace_figure
from biocodes_crate.validation.workspace import Workspace

LARGEST_FILE = 64 << 30  # bytes, of a file that is unpacked from a zip


def trace_one(
    figure: Path,
    where: Path | str,
    *,
    workers: int | None = None,
    use_cache: bool = True,
    on_progress: OnProgress = ignore_progress,
) -> tuple[tuple[TracedPage, ...], tuple[Finding, ...]]:
    """The edges of a figure to the images of a study or crate, and what could not be read.

    Parameters
    ----------
    figure
        Any figure file; it need not be part of the study.
    where
        A study, a crate folder, or a crate's zip; or, as text, the URL or DOI of a deposited crate.
    """
    opened = open_figure(figure)  # first: if this fails, nothing else needs doing
    address = web_address(where) if isinstance(where, str) else None
    where = Path(where) if address is None else where
    if isinstance(where, Path) and where.is_dir():
        return _in_folder(figure, opened, where, default_cache() if use_cache else None, workers, on_progress)
    if isinstance(where, Path) and not where.exists():
        raise NotAStudy("there is no such study or crate", where=where, remedy="Check the path.")
    with tempfile.TemporaryDirectory(prefix="biocodes-") as folder, open_crate(where) as reader:
        reader.on_progress = on_progress
        if not reader.has_payload:
            raise NotACrate(
                "a metadata file alone has no pixels to trace in",
                where=where,
                remedy="Give the folder or the zip that holds the images.",
            )
        stored = _stored_index(reader)
        if stored is not None:
            result = _by_index(figure, opened, reader, stored, on_progress)
            if reader.failure is not None:  # the line broke: what was not found may be there
                raise reader.failure
            return result
        damaged = _unpack(reader, Path(folder))
        pages, findings = _in_folder(figure, opened, Path(folder), None, workers, on_progress)
        return pages, (*damaged, *findings)


def _unpack(reader: CrateReader, folder: Path) -> tuple[Finding, ...]:
    """Lay a crate's files out on disk; one that is damaged is a finding, and the others are traced in all the same."""
    damaged = []
    for path in reader.files():
        if path == INDEX_FILE:  # of no use, or it would have been used
            continue
        try:
            extract(reader, path, folder / path, LARGEST_FILE)
        except NotACrate as error:
            # Something has to be there: a chunk that is not would be taken for empty pixels.
            (folder / path).touch()
            damaged.append(Finding("file-unreadable", Severity.WARNING, path, error.message, error.remedy or ""))
    return tuple(damaged)


def _stored_index(reader: CrateReader) -> tuple[ImageIndex, ...] | None:
    """The index that a crate holds; None where it has none that can be used, and its images are coded instead."""
    if INDEX_FILE not in reader.files():
        return None
    try:
        with reader.open(INDEX_FILE) as file:
            return read_index(file)
    except (BadIndex, OSError, EOFError, zipfile.BadZipFile, zlib.error):
        return None


def _by_index(
    path: Path, figure: Figure, reader: CrateReader, stored: tuple[ImageIndex, ...], on_progress: OnProgress
) -> tuple[tuple[TracedPage, ...], tuple[Finding, ...]]:
    """Trace by a stored index: pixels are read of those images only that a panel may show."""
    with Workspace(reader) as workspace:

        def scenes(image: str, scene: int) -> Scene:
            try:
                opened = workspace.image(image)
            except FileNotFoundError as error:
                raise UnreadableImage("the crate has no such image", where=image) from error
            for candidate in opened.scenes:
                if candidate.index == scene:
                    return candidate
            raise UnreadableImage(f"the image has no scene {scene}", where=image)

        pages = trace_figure(figure, path.name, TraceIndex(stored), scenes, on_progress)
    return pages, figure.findings


def _in_folder(
    path: Path, figure: Figure, root: Path, cache: CodeCache | None, workers: int | None, on_progress: OnProgress
) -> tuple[tuple[TracedPage, ...], tuple[Finding, ...]]:
    images = code_images(root, read_study(root).images, cache=cache, workers=workers, on_progress=on_progress)
    index = TraceIndex(made.index for made in images.coded)
    pages = trace_figure(figure, path.name, index, Scenes(images.coded), on_progress)
    return pages, (*images.findings, *figure.findings)
