"""JSON in the shape of `schemas/report.schema.json`."""

from __future__ import annotations

import json

from biocodes_crate.validation.report import Report


def plain_json(report: Report) -> str:
    """The report as indented JSON."""
    return json.dumps(report.as_json(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
