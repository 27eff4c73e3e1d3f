"""A report from a crate: what its metadata says, with pictures drawn from its pixels."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping
from typing import Any

from biocodes_crate.crate import CrateReader, read_pages
from biocodes_crate.findings import Finding, Severity
from biocodes_crate.progress import OnProgress, Progress, ignore_progress
from biocodes_crate.report.facts import Facts
from biocodes_crate.report.graph import provenance_svg
from biocodes_crate.report.painter import UNREADABLE, Files, Painter
from biocodes_crate.report.text import clean
from biocodes_crate.report.view import ReportView, SceneFacts
from biocodes_crate.validation.workspace import Workspace

CHECK_COMMAND = "crate validate ."


def report_from_crate(
    reader: CrateReader,
    findings: Iterable[Finding] | None = None,
    check_command: str = CHECK_COMMAND,
    on_progress: OnProgress = ignore_progress,
) -> ReportView:
    """What the page shows of a crate that is there; what its pixels do not give is left out, and said."""
    with Workspace(reader) as files:
        return compose_report(reader.metadata, files, findings, check_command, on_progress, title=reader.path.stem)


def graph_from_crate(reader: CrateReader) -> str:
    """The provenance graph of a crate as SVG; channels have names where the images are at hand."""
    facts = Facts(reader.metadata)
    scenes: dict[tuple[str, int], SceneFacts] = {}
    with Workspace(reader) as files:
        for image in facts.images():
            scenes |= {(image.path, scene.facts.index): scene.facts for scene in image.scenes}
            if reader.folder is not None or reader.packed is not None:  # nothing is fetched for a few names
                with contextlib.suppress(*UNREADABLE):
                    scenes |= {
                        (image.path, scene.index): SceneFacts.of(scene) for scene in files.image(image.path).scenes
                    }
    return provenance_svg(read_pages(reader.metadata, lambda *_: None), scenes=scenes)


def compose_report(
    metadata: Mapping[str, Any],
    files: Files,
    findings: Iterable[Finding] | None = None,
    check_command: str = CHECK_COMMAND,
    on_progress: OnProgress = ignore_progress,
    *,
    title: str = "A study without a title",
) -> ReportView:
    """What the page shows, from metadata that need not have been written yet.

    Parameters
    ----------
    findings
        What the build or a validation found; None: what the metadata holds of it.
    check_command
        What a reader types, in the folder of the crate, to check all of it again.
    """
    facts = Facts(metadata)
    faults: list[Finding] = []

    def on_fault(entity: str, key: str, message: str) -> None:
        remedy = "Make the crate again with `crate build`."
        faults.append(Finding("metadata-unreadable", Severity.WARNING, clean(entity), f"'{key}' {message}", remedy))

    pages = read_pages(metadata, on_fault)
    images = facts.images()
    figures = facts.figures()
    painter = Painter(files, facts)
    total = len(figures) + len(images)
    shown_figures, shown_images = [], []
    for done, figure in enumerate(figures):
        on_progress(Progress("drawing the report", done, total))
        shown_figures.append(painter.figure(figure, [page for page in pages if page.figure == figure.path]))
    for done, image in enumerate(images, len(figures)):
        on_progress(Progress("drawing the report", done, total))
        shown_images.append(painter.image(image))
    on_progress(Progress("drawing the report", total, total))
    return ReportView(
        study=facts.study(clean(title)),
        figures=tuple(shown_figures),
        images=tuple(shown_images),
        findings=(*(facts.findings() if findings is None else findings), *faults),
        files=tuple(facts.files()),
        check_command=check_command,
    )
