"""Findings of one kind, together: what is wrong is said once, and then where."""

from __future__ import annotations

from typing import NamedTuple

from biocodes_crate.findings import Finding, Severity
from biocodes_crate.validation.report import Report
from biocodes_crate.validation.rules import RULES


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


def _meaning(rule_id: str) -> str:
    rule = RULES.get(rule_id)
    return rule.meaning if rule is not None else ""
