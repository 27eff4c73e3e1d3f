"""JUnit XML, as CI systems read it: one test for each rule that was checked, a failure where it is broken."""

from __future__ import annotations

import re
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

from biocodes_crate.findings import Finding, Severity
from biocodes_crate.validation.report import Level, Report
from biocodes_crate.validation.rules import RULES


def junit_xml(report: Report) -> str:
    """The report as JUnit XML: errors are failures; warnings and notes are what a test wrote."""
    by_rule: dict[str, list[Finding]] = {}
    for finding in report.findings:
        by_rule.setdefault(finding.id, []).append(finding)
    suites = [_suite(report, level, by_rule) for level in Level if level <= report.level]
    tests, failures = sum(suite.tests for suite in suites), sum(suite.failures for suite in suites)
    head = f'<testsuites name={_attribute(report.crate)} tests="{tests}" failures="{failures}" errors="0">'
    return "\n".join(
        ['<?xml version="1.0" encoding="UTF-8"?>', head, *(suite.xml for suite in suites), "</testsuites>", ""]
    )


class _Suite(NamedTuple):
    xml: str
    tests: int
    failures: int


def _suite(report: Report, level: Level, by_rule: dict[str, list[Finding]]) -> _Suite:
    rules = [rule for rule in RULES.values() if rule.level is level]
    lines = []
    failed = 0
    for rule in rules:
        found = by_rule.get(rule.id, [])
        errors = [finding for finding in found if finding.severity is Severity.ERROR]
        others = [finding for finding in found if finding.severity is not Severity.ERROR]
        failed += bool(errors)
        start = f'    <testcase classname="{level.label}" name="{rule.id}"'
        if not found:
            lines.append(f"{start}/>")
            continue
        lines.append(f"{start}>")
        if errors:
            message = _attribute(f"{rule.meaning} {rule.remedy}")
            lines.append(f'      <failure type="{rule.id}" message={message}>{_text(_listed(errors))}</failure>')
        if others:
            lines.append(f"      <system-out>{_text(_listed(others))}</system-out>")
        lines.append("    </testcase>")
    name = _attribute(f"{report.crate}: {level.label}")
    head = f'  <testsuite name={name} tests="{len(rules)}" failures="{failed}" errors="0" skipped="0">'
    return _Suite("\n".join([head, *lines, "  </testsuite>"]), len(rules), failed)


def _listed(findings: list[Finding]) -> str:
    return "\n".join(
        f"{finding.severity.value}: {finding.entity}{f' [{finding.property}]' if finding.property else ''}: "
        f"{finding.message}{f' → {finding.remedy}' if finding.remedy else ''}"
        for finding in findings
    )


def _attribute(value: str) -> str:
    return quoteattr(_allowed(value))


def _text(value: str) -> str:
    return escape(_allowed(value))


_FORBIDDEN = re.compile("[^\\t\\n\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")


def _allowed(value: str) -> str:
    """Without what XML 1.0 cannot hold (section 2.2, "Char"), even escaped."""
    return _FORBIDDEN.sub("\ufffd", value)
