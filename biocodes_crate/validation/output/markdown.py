"""Markdown for tickets and e-mails to authors. Text of strangers stays text."""

from __future__ import annotations

import re

from biocodes_crate.validation.output.grouping import grouped, summary, tally, verdict
from biocodes_crate.validation.report import Report

_SPECIAL = re.compile(r"([\\`*_\[\]<>#|~&@$]|:(?=//)|\.(?<=www\.)|!(?=\[))")
_TITLES = {"error": "Errors", "warning": "Warnings", "info": "Notes"}


def markdown(report: Report) -> str:
    """The report as Markdown (CommonMark, and what GitHub and GitLab add to it)."""
    lines = [f"# Validation of {_code(report.crate)}", "", f"**{verdict(report)}** {tally(report)}."]
    told = summary(report)
    lines += ["", *(f"- {_text(line)}" for line in told)] if told else []
    last = None
    for group in grouped(report):
        if group.severity is not last:
            lines += ["", f"## {_TITLES[group.severity.value]}"]
            last = group.severity
        lines += ["", f"### `{group.id}`", ""]
        lines += [f"{group.meaning}  " if group.remedy else group.meaning] if group.meaning else []
        lines += [f"→ {group.remedy}"] if group.remedy else []  # the rule's, not a stranger's
        lines += [""]
        for finding in group.findings:
            place = f" ({_code(finding.property)})" if finding.property else ""
            lines.append(f"- {_code(finding.entity)}{place}: {_text(finding.message)}")
    return "\n".join(lines) + "\n"


def _text(value: str) -> str:
    """Text that means nothing else: no link, no mention of a person, no HTML."""
    return _SPECIAL.sub(r"\\\1", _line(value))


def _code(value: str) -> str:
    """A code span. A span may hold anything but its own fence, which is one longer than any run in it."""
    value = _line(value)
    longest = max((len(run) for run in re.findall(r"`+", value)), default=0)
    fence = "`" * (longest + 1)
    space = " " if value.startswith("`") or value.endswith("`") or not value.strip() else ""
    return f"{fence}{space}{value}{space}{fence}"


def _line(value: str) -> str:
    return "".join(char if char.isprintable() else " " for char in value)
