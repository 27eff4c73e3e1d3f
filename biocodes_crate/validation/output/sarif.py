"""SARIF 2.1.0 (OASIS), which code hosts and editors show beside the file that a finding is about."""

from __future__ import annotations

import json
from typing import Any

from biocodes_crate import __version__
from biocodes_crate.crate import METADATA, id_to_path, path_to_id
from biocodes_crate.crate.terms import SOFTWARE_URL
from biocodes_crate.errors import UnsafePath
from biocodes_crate.findings import Finding, Severity
from biocodes_crate.validation.report import Report
from biocodes_crate.validation.rules import RULES, Rule

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_ROOT = "CRATE"


def sarif_json(report: Report) -> str:
    """The report as a SARIF log with one run."""
    rules = [rule for rule in RULES.values() if rule.level <= report.level]
    index = {rule.id: position for position, rule in enumerate(rules)}
    run = {
        "tool": {
            "driver": {
                "name": "biocodes-crate",
                "version": __version__,
                "informationUri": SOFTWARE_URL,
                "rules": [_rule(rule) for rule in rules],
            }
        },
        "originalUriBaseIds": {_ROOT: {"description": {"text": f"The root of the crate {report.crate}"}}},
        "invocations": [{"executionSuccessful": True, "exitCode": report.exit_code}],
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, index) for finding in report.findings],
        "properties": {"crate": report.crate, "level": report.level.label, "valid": report.valid},
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False) + "\n"


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.meaning},
        "help": {"text": rule.remedy},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {"level": rule.level.label, "source": rule.source.value},
    }


def _result(finding: Finding, index: dict[str, int]) -> dict[str, Any]:
    remedy = f" → {finding.remedy}" if finding.remedy else ""
    place = f" [{finding.property}]" if finding.property else ""
    result: dict[str, Any] = {
        "ruleId": finding.id,
        "level": _LEVELS[finding.severity],
        "message": {"text": f"{finding.entity}{place}: {finding.message}{remedy}"},
        "locations": [
            {
                "physicalLocation": {"artifactLocation": {"uri": _file(finding.entity), "uriBaseId": _ROOT}},
                "logicalLocations": [{"fullyQualifiedName": finding.entity or "./", "kind": "object"}],
            }
        ],
    }
    if finding.id in index:
        result["ruleIndex"] = index[finding.id]
    if finding.property:
        result["properties"] = {"property": finding.property}
    return result


def _file(entity: str) -> str:
    """The file to open: the entity where it is one, the metadata for all else."""
    if entity.startswith("#") or "://" in entity or entity.endswith("/"):
        return METADATA
    try:
        return path_to_id(id_to_path(entity))
    except UnsafePath:
        return METADATA
