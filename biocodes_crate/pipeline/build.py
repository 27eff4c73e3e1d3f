"""`crate build`: from a folder to a crate. Everything is decided before anything is written."""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from biocodes_crate.codes import (
    CodeCache,
    connect,
    default_cache,
    payload_code,
    plane_rows,
    remember_tree,
    write_plane_table,
)
from biocodes_crate.crate import (
    INDEX_FILE,
    PREVIEW,
    CrateContent,
    crate_files,
    display,
    write_folder,
    write_in_place,
    write_zip,
)
from biocodes_crate.crate.write import refuse_foreign, refuse_inside
from biocodes_crate.errors import BiocodesError, CannotWrite
from biocodes_crate.findings import Finding, Severity
from biocodes_crate.pipeline.content import crate_content
from biocodes_crate.pipeline.figures import trace_figures
from biocodes_crate.pipeline.images import CodedImages, code_images
from biocodes_crate.pipeline.memory import TraceMemory
from biocodes_crate.pipeline.traced import TracedFigures
from biocodes_crate.progress import OnProgress, ignore_progress
from biocodes_crate.report import StudyFiles, apology_html, compose_report, report_html
from biocodes_crate.study import Study, read_study
from biocodes_crate.tracing import TracedPage, write_index


@dataclass(frozen=True, slots=True)
class BuildResult:
    """What was built, and where."""

    root: Path  # the study
    crate: Path  # the folder or zip that now is a crate
    preview: Path | None  # None within a zip
    images: int
    scenes: int
    planes: int
    figures: int
    panels: int  # that show images
    other_panels: int  # charts, drawings, text
    edges: Mapping[str, int]  # by status
    backed: int  # panels with at least one verified edge
    findings: tuple[Finding, ...]
    pages: tuple[TracedPage, ...]
    iscc: str | None


def build_study(
    root: Path,
    output: Path | None = None,
    *,
    with_index: bool = False,
    workers: int | None = None,
    cluster: str | None = None,
    use_cache: bool = True,
    now: datetime | None = None,
    on_progress: OnProgress = ignore_progress,
) -> BuildResult:
    """Pack a study into an RO-Crate.

    Parameters
    ----------
    output
        A folder or a `.zip` to write a complete crate to; by default only metadata files are
        written, into the study itself, and no data is copied.
    with_index
        Whether the crate holds the index that panels are looked up in, so that figures can be traced in it
        without its images being coded again. Written in place, it stays from then on.
    workers
        Threads that decode images; by default as many as there are cores.
    cluster
        Address of a Dask scheduler, whose workers then code the images in their place.
    use_cache
        Whether codes and edges of unchanged files are taken from the user's cache.
    now
        The date that the crate carries; by default the present.

    Raises
    ------
    NotAStudy, BadManifest, CannotWrite
        The folder, its `study.yaml` or the output is not what it should be. Faults of single
        images and figures are findings of the result.
    NoCluster
        The cluster cannot be reached, or cannot do the work.
    """
    study = read_study(root)
    if output is None:
        refuse_foreign(root)
        _refuse_read_only(root)
    else:
        refuse_inside(root, output)
    cache = default_cache() if use_cache else None
    with connect(cluster) if cluster is not None else nullcontext() as connection:
        images = code_images(
            root, study.images, cache=cache, workers=workers, cluster=connection, on_progress=on_progress
        )
    memory = _memory(cache, root)
    figures = trace_figures(root, study.figures, images.coded, memory=memory, on_progress=on_progress)
    findings = _sorted((*study.findings, *images.findings, *figures.findings))
    iscc, unread = _payload_code(study, cache)
    findings = _sorted((*findings, *unread))
    content = crate_content(study, images, figures, iscc=iscc, findings=findings, now=now)
    with_index = with_index or (output is None and (root / INDEX_FILE).is_file())
    content = _write(root, output, study, content, images, on_progress, with_index=with_index)
    return _result(root, output, images, figures, content.findings, iscc)


def _refuse_read_only(root: Path) -> None:
    """Say so at once, and not after an hour's work."""
    if not os.access(root, os.W_OK):
        raise CannotWrite(
            "the study cannot be written to",
            where=root,
            remedy="Write the crate elsewhere with -o, or change the rights.",
        )


def _payload_code(study: Study, cache: CodeCache | None) -> tuple[str | None, tuple[Finding, ...]]:
    files = [study.root / path for path in study.payload()]
    try:
        if not files:
            return None, ()
        return remember_tree(cache, study.root, files, lambda: payload_code(study.root, files)).iscc, ()
    except BiocodesError as error:
        where = Path(error.where).name if error.where is not None else "."
        remedy = error.remedy or "Check its permissions, or exclude it in study.yaml."
        return None, (Finding("file-unreadable", Severity.WARNING, where, error.message, remedy),)


def _memory(cache: CodeCache | None, root: Path) -> TraceMemory | None:
    return TraceMemory(cache.folder, root) if cache is not None else None


def _sorted(findings: tuple[Finding, ...]) -> tuple[Finding, ...]:
    order = {"error": 0, "warning": 1, "info": 2}
    unique = dict.fromkeys(findings)
    return tuple(sorted(unique, key=lambda f: (order[f.severity.value], f.id, f.entity, f.message)))


def _write(
    root: Path,
    output: Path | None,
    study: Study,
    content: CrateContent,
    images: CodedImages,
    on_progress: OnProgress,
    *,
    with_index: bool,
) -> CrateContent:
    """Write everything; what is written says of a page that could not be drawn that it could not."""
    opened = StudyFiles(root, {made.listed.path: made.image for made in images.coded})
    with tempfile.TemporaryDirectory(prefix="biocodes-") as folder:
        table = Path(folder) / "planes.parquet"
        write_plane_table(table, (row for made in images.coded for row in plane_rows(made.listed.path, made.codes)))
        index = Path(folder) / "index.parquet" if with_index else None
        if index is not None:
            write_index(index, (made.index for made in images.coded))
        metadata, files = crate_files(content, table, index)
        try:
            view = compose_report(metadata, opened, content.findings, title=content.folder)
            page = report_html(view)
        except Exception as error:  # after all the work is done, no fault of a picture may lose it
            content = replace(content, findings=_sorted((*content.findings, _no_preview(error))))
            _, files = crate_files(content, table, index)
            page = apology_html(content.folder, f"{type(error).__name__}: {error}")
        files[PREVIEW] = page.encode("utf-8", "replace")
        if output is None:
            write_in_place(root, files)
        elif output.suffix.lower() == ".zip":
            write_zip(root, output, study.payload(), files, on_progress)
        else:
            write_folder(root, output, study.payload(), files, on_progress)
    return content


def _no_preview(error: Exception) -> Finding:
    return Finding(
        "preview-failed",
        Severity.WARNING,
        PREVIEW,
        f"the page could not be drawn ({type(error).__name__}: {display(str(error))}); the crate is complete",
        "Please report it, and try `crate report` with a later version.",
    )


def _result(
    root: Path,
    output: Path | None,
    images: CodedImages,
    figures: TracedFigures,
    findings: tuple[Finding, ...],
    iscc: str | None,
) -> BuildResult:
    panels = [panel for page in figures.pages for panel in page.panels]
    shown = [panel for panel in panels if panel.kind.value == "image"]
    statuses = Counter(edge.status.value for panel in panels for edge in panel.edges)
    crate = output or root
    scenes = [scene for made in images.coded for scene in made.image.scenes]
    return BuildResult(
        root=root,
        crate=crate,
        preview=None if crate.suffix.lower() == ".zip" else crate / PREVIEW,
        images=len(images.coded),
        scenes=len(scenes),
        planes=sum(scene.plane_count for scene in scenes),
        figures=len(figures.traced),
        panels=len(shown),
        other_panels=len(panels) - len(shown),
        edges=dict(statuses),
        backed=sum(any(edge.status.value == "verified" for edge in panel.edges) for panel in shown),
        findings=findings,
        pages=figures.pages,
        iscc=iscc,
    )
