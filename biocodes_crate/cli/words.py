"""Results in plain text, for a terminal of 80 columns."""

from __future__ import annotations

import textwrap
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from biocodes_crate.codes import Comparison
from biocodes_crate.crate import display, edges_json
from biocodes_crate.findings import Finding, Severity
from biocodes_crate.pipeline import BuildResult
from biocodes_crate.study import Study
from biocodes_crate.tracing import Edge, PlaneRef, Status, TracedPage, TracedPanel
from biocodes_crate.validation import Report

WIDTH = 80
MOST_OF_A_KIND = 8  # findings of one kind that are written out

_MEANINGS = {
    Status.VERIFIED: "the pixels prove the source",
    Status.AMBIGUOUS: "the pixels prove scene and region, but not which plane",
    Status.CONTRADICTED: "declared, and the pixels say no",
    Status.UNVERIFIED: "declared, and it could not be tested",
}


def describe_study(study: Study) -> str:
    """What was found in a folder, and why it is taken for what it is."""
    lines = [f"{plural(len(study.images), 'image')} and {plural(len(study.figures), 'figure')} found"]
    lines += [f"  image   {display(image.path)}  ({image.reason})" for image in study.images]
    lines += [f"  figure  {display(figure.path)}  ({figure.reason})" for figure in study.figures]
    return "\n".join(lines)


def describe_build(result: BuildResult) -> str:
    """What a build did, what needs attention, and where to look."""
    panels = plural(result.panels, "panel") + (f", {result.backed} traced to their source" if result.panels else "")
    others = f"; {result.other_panels} charts, drawings or texts" if result.other_panels else ""
    lines = [
        f"Built {display(str(result.crate))}",
        "",
        f"  {plural(result.images, 'image'):<12} {plural(result.planes, 'plane')}",
        f"  {plural(result.figures, 'figure'):<12} {panels}{others}",
    ]
    edges = [(status, result.edges.get(status.value, 0)) for status in Status]
    lines += [f"  {plural(count, 'edge'):<12} {status.value}: {_MEANINGS[status]}" for status, count in edges if count]
    if result.iscc is not None:
        lines += ["", f"  {result.iscc}"]
    attention = [finding for finding in result.findings if finding.severity is not Severity.INFO]
    hints = len(result.findings) - len(attention)
    if attention:
        lines += ["", "Needs attention", describe_findings(attention)]
    if hints:
        lines += ["", f"{plural(hints, 'further note')} in the preview."]
    if result.preview is not None:
        lines += ["", f"Look at {display(str(result.preview))}"]
    return "\n".join(lines)


def describe_findings(findings: Iterable[Finding]) -> str:
    """Findings by kind, each with what to do about it; of many alike, only the first."""
    kinds: dict[tuple[Severity, str], list[Finding]] = defaultdict(list)
    for finding in findings:
        kinds[finding.severity, finding.id].append(finding)
    order = list(Severity)
    lines: list[str] = []
    for (severity, id_), alike in sorted(kinds.items(), key=lambda item: (order.index(item[0][0]), item[0][1])):
        said = ""
        for finding in alike[:MOST_OF_A_KIND]:
            place = f" [{finding.property}]" if finding.property and severity is Severity.ERROR else ""
            lines += _wrap(f"{severity.value}: {display(finding.entity)}{place}: {finding.message}", "  ", "    ")
            if finding.remedy and finding.remedy != said:
                lines += _wrap(f"→ {finding.remedy}", "    ", "      ")
                said = finding.remedy
        if len(alike) > MOST_OF_A_KIND:
            lines.append(f"  … and {len(alike) - MOST_OF_A_KIND} more of the kind '{id_}'")
    return "\n".join(lines)


def describe_report(report: Report) -> str:
    """What validation found."""
    counts = report.counts()
    words = ", ".join(plural(counts[s.value], s.value if s is not Severity.INFO else "note") for s in Severity)
    verdict = "valid" if report.valid else "NOT valid"
    lines = [f"{display(report.crate)} is {verdict} ({report.level.label}): {words}"]
    if report.findings:
        lines += ["", describe_findings(report.findings)]
    return "\n".join(lines)


def describe_edges(pages: Iterable[TracedPage]) -> str:
    """A table of edges, by figure."""
    blocks = []
    for page in pages:
        lines = [display(page.figure) + (f", page {page.number}" if page.number > 1 else "")]
        names = [_panel_name(panel) for panel in page.panels]
        width = max((len(name) for name in names), default=0)
        for name, panel in zip(names, page.panels, strict=True):
            rows = [_edge_row(edge) for edge in panel.edges] or [_without_edges(panel)]
            lines += [f"  {(name if i == 0 else ''):<{width}}  {row}" for i, row in enumerate(rows)]
        blocks.append("\n".join(lines if page.panels else [*lines, "  no panels"]))
    return "\n\n".join(blocks) or "No figures."


def describe_comparison(comparison: Comparison) -> str:
    """A sentence, and the units one by one."""
    lines = [comparison.summary]
    for part in comparison.parts:
        title = part.a if part.a == part.b else f"{part.a} – {part.b}"
        if len(comparison.parts) > 1:
            lines += ["", display(title)]
        lines += [
            f"  {unit.kind:<14} {unit.likeness.value:<15} {unit.distance:>3} of {unit.bits} bits differ"
            for unit in part.units
        ]
    return "\n".join(lines)


def comparison_as_json(comparison: Comparison) -> dict[str, Any]:
    """A comparison for a program."""
    return {
        "a": display(comparison.a),
        "b": display(comparison.b),
        "summary": comparison.summary,
        "parts": [
            {
                "a": part.a,
                "b": part.b,
                "units": [
                    {"kind": unit.kind, "bits": unit.bits, "distance": unit.distance, "likeness": unit.likeness.value}
                    for unit in part.units
                ],
            }
            for part in comparison.parts
        ],
    }


def build_as_json(result: BuildResult) -> dict[str, Any]:
    """What a build did, for a program."""
    return {
        "crate": display(str(result.crate)),
        "preview": None if result.preview is None else display(str(result.preview)),
        "iscc": result.iscc,
        "images": result.images,
        "scenes": result.scenes,
        "planes": result.planes,
        "figures": result.figures,
        "panels": result.panels,
        "backed": result.backed,
        "edges": {status.value: result.edges.get(status.value, 0) for status in Status},
        "findings": [asdict(f) | {"severity": f.severity.value, "entity": display(f.entity)} for f in result.findings],
        "pages": edges_json(result.pages),
    }


def plural(count: int, noun: str) -> str:
    """A count with its noun: 1 image, 2 images."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _panel_name(panel: TracedPanel) -> str:
    return panel.label or f"({panel.box.x:.0f}, {panel.box.y:.0f})"


def _without_edges(panel: TracedPanel) -> str:
    return "no source found" if panel.kind.value == "image" else panel.kind.value


def _edge_row(edge: Edge) -> str:
    correlation = edge.evidence.correlation
    note = f"  r={correlation:.2f}" if correlation is not None else ""
    many = f"  ({len(edge.candidates)} planes fit)" if edge.candidates else ""
    scene = f" scene {edge.scene}" if edge.scene else ""
    return f"{edge.status.value:<12}  {display(edge.image)}{scene}  {_plane(edge.source)}{note}{many}"


def _plane(plane: PlaneRef) -> str:
    made = plane.projection
    z = f"{made.kind.value} of z{made.z_start}–{made.z_end}" if made is not None else f"z{plane.z}"
    return f"{z} c{plane.c} t{plane.t}"


def _wrap(text: str, first: str, later: str) -> list[str]:
    return textwrap.wrap(
        text, WIDTH, initial_indent=first, subsequent_indent=later, break_long_words=False, break_on_hyphens=False
    )
