"""The figures of a study: opened, taken apart into panels, traced."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from biocodes_crate.codes import FigureCodes, code_figure
from biocodes_crate.errors import BiocodesError
from biocodes_crate.figures import Figure, PanelKind, open_figure
from biocodes_crate.findings import Finding, Severity
from biocodes_crate.pipeline.composites import check_composites
from biocodes_crate.pipeline.images import CodedImage, Scenes
from biocodes_crate.pipeline.memory import TraceMemory
from biocodes_crate.pipeline.omero import match_by_content, omero_names
from biocodes_crate.pipeline.origins import SYNTHETIC, credential_findings, origin_findings
from biocodes_crate.pipeline.traced import TracedFigure, TracedFigures
from biocodes_crate.pipeline.windows import check_windows
from biocodes_crate.pipeline.words import panel_name
from biocodes_crate.progress import OnProgress, Progress, ignore_progress
from biocodes_crate.study import StudyFigure
from biocodes_crate.tracing import Claim, Status, TracedPage, TracedPanel, TraceIndex, find_reuse, trace_figure


def trace_figures(
    root: Path,
    figures: Iterable[StudyFigure],
    images: Iterable[CodedImage],
    *,
    memory: TraceMemory | None = None,
    on_progress: OnProgress = ignore_progress,
) -> TracedFigures:
    """Trace every figure; one that cannot be read is a finding, and the others are done all the same."""
    listed, coded = list(figures), list(images)
    scenes = Scenes(coded)
    synthetic = {i.listed.path for i in coded if i.listed.declared and i.listed.declared.digital_source in SYNTHETIC}
    index: TraceIndex | None = None
    traced: list[TracedFigure] = []
    unreadable: list[StudyFigure] = []
    findings: list[Finding] = []
    for number, item in enumerate(listed):
        on_progress(Progress("figures", number, len(listed)))
        path = root / item.path
        try:
            codes = code_figure(path)
            known = memory.recall(item, codes, coded) if memory else None
            if known is None:
                figure = _open(root, item, coded)
                index = index or TraceIndex(made.index for made in coded)
                pages = trace_figure(figure, item.path, index, scenes, on_progress)
                pages = match_by_content(figure, pages, scenes)
                found = tuple(
                    Finding(f.id, f.severity, item.path, f.message, f.remedy, f.property)
                    for f in (
                        *figure.findings,
                        *check_composites(figure, pages, scenes),
                        *check_windows(figure, pages, scenes),
                    )
                )
                known = _record(item, figure, codes, pages), found
                if memory:
                    memory.keep(known[0], coded, known[1])
        except BiocodesError as error:
            unreadable.append(item)
            findings.append(_unreadable(item, error))
            continue
        traced.append(known[0])
        findings += known[1]
        findings += credential_findings(item.path, known[0].content_credentials)
        for page in known[0].pages:
            for panel in page.panels:
                findings += panel_findings(page, panel)
                findings += origin_findings(page, panel, known[0].digital_source, synthetic)
    on_progress(Progress("figures", len(listed), len(listed)))
    findings += find_reuse(page for figure in traced for page in figure.pages)
    return TracedFigures(tuple(traced), tuple(unreadable), tuple(findings))


def _open(root: Path, item: StudyFigure, images: Iterable[CodedImage]) -> Figure:
    return open_figure(root / item.path, item.declared, [root / path for path in item.siblings], omero_names(images))


def _record(item: StudyFigure, figure: Figure, codes: FigureCodes, pages: tuple[TracedPage, ...]) -> TracedFigure:
    stated = figure.properties
    return TracedFigure(
        item,
        figure.encoding_format,
        codes,
        pages,
        figure.caption,
        stated.get("digital_source"),
        stated.get("software"),
        tuple(stated.get("creators", ())),
        stated.get("content_credentials"),
    )


def _unreadable(item: StudyFigure, error: BiocodesError) -> Finding:
    return Finding(
        "figure-unreadable",
        Severity.WARNING,
        item.path,
        error.message,
        error.remedy or "Open the figure with the program that made it, and export it again.",
    )


def panel_findings(page: TracedPage, panel: TracedPanel) -> list[Finding]:
    """What the authors should look at: declarations that do not hold, panels without a source, parts unexplained."""
    if panel.kind is not PanelKind.IMAGE:
        return []
    name = panel_name(page, panel)
    found: list[Finding] = []
    for edge in panel.edges:
        if edge.claim is Claim.DECLARED and edge.status is Status.CONTRADICTED:
            found.append(
                Finding(
                    "declaration-contradicted",
                    Severity.WARNING,
                    page.figure,
                    f"{name} is declared to show {edge.image}, but {edge.reason}",
                    "Correct the source in study.yaml, or the panel in the figure.",
                )
            )
        elif edge.claim is Claim.DECLARED and edge.status is Status.UNVERIFIED:
            found.append(
                Finding(
                    "declaration-unverified",
                    Severity.WARNING,
                    page.figure,
                    f"{name} is declared to show {edge.image}; {edge.reason}",
                    "Add the image to the study, or name plane and region in study.yaml.",
                )
            )
        elif edge.status is Status.AMBIGUOUS:
            found.append(
                Finding(
                    "plane-ambiguous",
                    Severity.INFO,
                    page.figure,
                    f"{name} shows {edge.image}, but {len(edge.candidates)} planes fit it equally well",
                    "Name the plane in study.yaml if it matters.",
                )
            )
    if not panel.edges:
        found.append(
            Finding(
                "panel-without-source",
                Severity.WARNING,
                page.figure,
                f"no source was found for {name}",
                "Add the image that it shows to the study, or declare its source in study.yaml.",
            )
        )
    if panel.unexplained:
        count = len(panel.unexplained)
        found.append(
            Finding(
                "pixels-unexplained",
                Severity.INFO,
                page.figure,
                f"in {name}, {count} region{'s' * (count > 1)} differ{'s' * (count == 1)} from the source beyond "
                "contrast and scaling",
                "Arrows and labels do that; if there are none, compare the panel with its source.",
            )
        )
    return found
