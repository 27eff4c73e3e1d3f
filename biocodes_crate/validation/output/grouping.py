"""Findings of one kind, together: what is wrong is said once, and then where."""

from __future__ import annotations

from typing import NamedTuple

from biocodes_crate.findings import Finding, Severity
from biocodes_crate.validation.report import Level, Report
from biocodes_crate.validation.rules import RULES

# What speaks against the files; a file that is not in the metadata does not.
_INTEGRITY = frozenset(
    rule.id
    for rule in RULES.values()
    if rule.level is Level.INTEGRITY and rule.id not in {"file-unlisted", "file-remote"}
) | {"file-duplicate", "file-encrypted", "file-unreadable", "zip-bomb", "link-in-crate"}


class Group(NamedTuple):
    """All findings of one id and severity."""

    id: str
    severity: Severity
    meaning: str
    remedy: str
    findings: tuple[Finding, ...]


def grouped(report: Report) -> list[Group]:
    """The findings by severity, worst first, and by id in the order of the rules."""
    kinds: dict[tuple[Severity, str], list[Finding]] = {}
    for finding in report.findings:
        kinds.setdefault((finding.severity, finding.id), []).append(finding)
    order = {rule_id: position for position, rule_id in enumerate(RULES)}
    severities = list(Severity)
    keys = sorted(kinds, key=lambda key: (severities.index(key[0]), order.get(key[1], len(order)), key[1]))
    return [
        Group(rule_id, severity, _meaning(rule_id), kinds[severity, rule_id][0].remedy, tuple(kinds[severity, rule_id]))
        for severity, rule_id in keys
    ]


def verdict(report: Report) -> str:
    """Whether the crate is valid, in a sentence."""
    if not report.valid:
        return f"The crate is not valid ({report.level.label})."
    return f"The crate is valid ({report.level.label})."


def tally(report: Report) -> str:
    """How many findings there are: `2 errors, 1 warning, 0 notes`."""
    counts = report.counts()
    names = {"error": "error", "warning": "warning", "info": "note"}
    return ", ".join(f"{counts[key]} {name}{'' if counts[key] == 1 else 's'}" for key, name in names.items())


def summary(report: Report) -> list[str]:
    """What is in the crate, whether it is intact, and what each figure shows; a line each, without markup."""
    held = report.contents
    if held is None:
        return []
    lines = [f"Holds {_plural(held.images, 'image')} ({_plural(held.scenes, 'scene')})"]
    lines[0] += f" and {_plural(len(held.figures), 'figure')}."
    if report.level is Level.METADATA:
        lines.append("Files and pixels were not looked at: what follows is what the metadata states.")
    else:
        wrong = {finding.id for finding in report.findings if finding.id in _INTEGRITY}
        if wrong - {"not-checked"}:
            lines.append("The files are not all as the metadata states.")
        elif "not-checked" in wrong:
            lines.append("Files are as the metadata states, but for those that could not be checked.")
        else:
            lines.append("Every file is there, and gives the codes that are stated.")
    if report.level is Level.INTEGRITY:
        lines.append("Edges were not decided again: sources of panels are as the metadata states.")
    for figure in held.figures:
        standings = ", ".join(f"{count} {standing.value}" for standing, count in figure.panels)
        total = sum(count for _, count in figure.panels)
        lines.append(f"{figure.path}: {_plural(total, 'panel')}: {standings}" if total else f"{figure.path}: no panel")
    return lines


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"


def _meaning(rule_id: str) -> str:
    rule = RULES.get(rule_id)
    return rule.meaning if rule is not None else ""
