"""Results in plain text, for a terminal of any width; nothing here prints."""

from __future__ import annotations

import shlex
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from biocodes_crate.cli.styles import Style, styled
from biocodes_crate.cli.tables import facts, table, wrapped
from biocodes_crate.codes import Comparison
from biocodes_crate.crate import display, edges_json
from biocodes_crate.findings import Finding, Severity
from biocodes_crate.pipeline import BuildResult
from biocodes_crate.study import Study
from biocodes_crate.tracing import Edge, PlaneRef, Status, TracedPage, TracedPanel
from biocodes_crate.validation import Report, summary

WIDTH = 80
MOST_OF_A_KIND = 8  # findings of one kind that are written out

_MEANINGS = {
    Status.VERIFIED: "the pixels prove the source",
    Status.AMBIGUOUS: "the pixels prove scene and region, but not which plane",
    Status.CONTRADICTED: "declared, and the pixels say no",
    Status.UNVERIFIED: "declared, and it could not be tested",
}
_SIGNS = {
    Status.VERIFIED: ("✓", Style.GOOD),
    Status.AMBIGUOUS: ("~", Style.CAUTION),
    Status.CONTRADICTED: ("✗", Style.BAD),
    Status.UNVERIFIED: ("?", Style.UNSURE),
}
_SEVERITIES = {Severity.ERROR: Style.BAD, Severity.WARNING: Style.CAUTION, Severity.INFO: Style.FAINT}


def describe_study(study: Study, width: int = WIDTH) -> str:
    """What was found in a folder, and why it is taken for what it is."""
    found = [("image", image.path, image.reason) for image in study.images]
    found += [("figure", figure.path, figure.reason) for figure in study.figures]
    lines = [f"{plural(len(study.images), 'image')} and {plural(len(study.figures), 'figure')} found"]
    if found:
        rows = [(kind, display(path), reason) for kind, path, reason in found]
        lines += table(("Kind", "Path", "Why"), [("", rows)], width, elastic=1)
    return "\n".join(lines)


def study_as_json(study: Study, written: str) -> dict[str, Any]:
    """What was found in a folder, for a program."""
    return {
        "written": display(written),
        "images": [{"path": display(image.path), "reason": image.reason} for image in study.images],
        "figures": [{"path": display(figure.path), "reason": figure.reason} for figure in study.figures],
    }


def describe_build(result: BuildResult, width: int = WIDTH, *, verbose: bool = False) -> str:
    """What a build did, what needs attention, and what to do next."""
    panels = plural(result.panels, "panel") + (f", {result.backed} traced to their source" if result.panels else "")
    others = f"; {result.other_panels} charts, drawings or texts" if result.other_panels else ""
    counted = [
        ("Images", str(result.images), plural(result.planes, "plane")),
        ("Figures", str(result.figures), f"{panels}{others}"),
    ]
    edges = [(status, result.edges.get(status.value, 0)) for status in Status]
    for number, (status, count) in enumerate((status, count) for status, count in edges if count):
        words = f"{_SIGNS[status][0]} {status.value}: {_MEANINGS[status]}"
        counted.append(("" if number else "Edges", str(count), words))
    lines = [styled(f"Built {display(str(result.crate))}", Style.STRONG), ""]
    lines += [_painted_status(line) for line in facts(counted, width)]
    if result.iscc is not None:
        lines += ["", f"  {result.iscc}"]
    shown = [finding for finding in result.findings if verbose or finding.severity is not Severity.INFO]
    hints = len(result.findings) - len(shown)
    if shown:
        lines += ["", styled("Needs attention", Style.STRONG), describe_findings(shown, width, all_of_them=verbose)]
    if hints:
        lines += ["", *wrapped(f"{plural(hints, 'further note')} in the preview, and with --verbose.", width, "", "")]
    lines += ["", *_next_steps(result)]
    return "\n".join(lines)


def _next_steps(result: BuildResult) -> list[str]:
    crate = display(str(result.crate))
    steps = [f"Check it: crate validate {shlex.quote(crate)}"]
    if result.preview is not None:
        steps.insert(0, f"Look at:  {display(str(result.preview))}")
    return steps


def describe_findings(findings: Iterable[Finding], width: int = WIDTH, *, all_of_them: bool = False) -> str:
    """Findings by kind, each with what to do about it; of many alike, only the first."""
    kinds: dict[tuple[Severity, str], list[Finding]] = defaultdict(list)
    for finding in findings:
        kinds[finding.severity, finding.id].append(finding)
    order = list(Severity)
    lines: list[str] = []
    for (severity, id_), alike in sorted(kinds.items(), key=lambda item: (order.index(item[0][0]), item[0][1])):
        said = ""
        most = len(alike) if all_of_them else MOST_OF_A_KIND
        for finding in alike[:most]:
            place = f" [{finding.property}]" if finding.property and severity is Severity.ERROR else ""
            word = "note" if severity is Severity.INFO else severity.value
            text = wrapped(f"{word}: {display(finding.entity)}{place}: {finding.message}", width, "  ", "    ")
            lines += [text[0].replace(f"{word}:", styled(f"{word}:", _SEVERITIES[severity]), 1), *text[1:]]
            if finding.remedy and finding.remedy != said:
                lines += wrapped(f"→ {finding.remedy}", width, "    ", "      ")
                said = finding.remedy
        if len(alike) > most:
            lines.append(f"  … and {len(alike) - most} more of the kind '{id_}'; --verbose lists them")
    return "\n".join(lines)


def describe_report(report: Report, width: int = WIDTH, *, verbose: bool = False) -> str:
    """What validation found."""
    counts = report.counts()
    words = ", ".join(plural(counts[s.value], s.value if s is not Severity.INFO else "note") for s in Severity)
    verdict = "✓ valid" if report.valid else "✗ NOT valid"
    lines = wrapped(f"{display(report.crate)} is {verdict} ({report.level.label}): {words}", width, "", "  ")
    style = Style.GOOD if report.valid else Style.BAD
    lines = [line.replace(verdict, styled(verdict, style), 1) for line in lines]
    if told := summary(report):
        lines += ["", *(part for line in told for part in wrapped(display(line), width, "  ", "    "))]
    if report.findings:
        lines += ["", describe_findings(report.findings, width, all_of_them=verbose)]
    return "\n".join(lines)


def describe_edges(pages: Sequence[TracedPage], width: int = WIDTH) -> str:
    """A table of edges, by figure, and their number."""
    if not pages:
        return "No figures."
    groups = []
    for page in pages:
        title = display(page.figure) + (f", page {page.number}" if page.number > 1 else "")
        rows = [row for panel in page.panels for row in _rows(panel)]
        groups.append((title, rows or [("no panels", "", "", "", "")]))
    headings = ("Panel", "Status", "Source", "Plane", "Match")
    lines = [_painted_status(line) for line in table(headings, groups, width, elastic=2)]
    return "\n".join([*lines, "", *wrapped(_count_words(pages), width, "", "")])


def _rows(panel: TracedPanel) -> list[tuple[str, ...]]:
    name = _panel_name(panel)
    rows = [(name if number == 0 else "", *_edge_cells(edge)) for number, edge in enumerate(panel.edges)]
    if rows:
        return [*rows]
    return [(name, "– no source" if panel.kind.value == "image" else f"– {panel.kind.value}", "", "", "")]


def _edge_cells(edge: Edge) -> tuple[str, str, str, str]:
    correlation = edge.evidence.correlation
    scene = f", scene {edge.scene}" if edge.scene else ""
    many = f" or {len(edge.candidates) - 1} more" if len(edge.candidates) > 1 else ""
    return (
        f"{_SIGNS[edge.status][0]} {edge.status.value}",
        f"{display(edge.image)}{scene}",
        f"{_plane(edge.source)}{many}",
        "" if correlation is None else f"{correlation:.2f}",
    )


def _count_words(pages: Iterable[TracedPage]) -> str:
    panels = [panel for page in pages for panel in page.panels]
    counted = Counter(edge.status for panel in panels for edge in panel.edges)
    words = [f"{counted[status]} {status.value}" for status in Status if counted[status]]
    bare = sum(not panel.edges and panel.kind.value == "image" for panel in panels)
    edges = plural(counted.total(), "edge") + (f": {', '.join(words)}" if words else "")
    return edges + (f"; {plural(bare, 'panel')} without a source" if bare else "") + "."


def _painted_status(line: str) -> str:
    """A line of a table with its first status in colour."""
    for status, (sign, style) in _SIGNS.items():
        words = f"{sign} {status.value}"
        if words in line:
            return line.replace(words, styled(words, style), 1)
    return line.replace("– no source", styled("– no source", Style.FAINT), 1)


def describe_comparison(comparison: Comparison, width: int = WIDTH) -> str:
    """A sentence, and the units one by one."""
    several = len(comparison.parts) > 1
    groups = []
    for part in comparison.parts:
        title = display(part.a if part.a == part.b else f"{part.a} – {part.b}") if several else ""
        rows = [(unit.kind, unit.likeness.value, f"{unit.distance} of {unit.bits} bits") for unit in part.units]
        groups.append((title, rows))
    lines = table(("Unit", "Likeness", "Different"), groups, width, elastic=0)
    return "\n".join([*wrapped(comparison.summary, width, "", ""), "", *lines])


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


def _plane(plane: PlaneRef) -> str:
    made = plane.projection
    z = f"{made.kind.value} of z{made.z_start}–{made.z_end}" if made is not None else f"z{plane.z}"
    return f"{z} c{plane.c} t{plane.t}"
