"""A report in the formats of people and machines. Start with :func:`render`."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum

from biocodes_crate.validation.output.grouping import summary
from biocodes_crate.validation.output.junit import junit_xml
from biocodes_crate.validation.output.markdown import markdown
from biocodes_crate.validation.output.page import html_page
from biocodes_crate.validation.output.plain import plain_json
from biocodes_crate.validation.output.sarif import sarif_json
from biocodes_crate.validation.report import Report

__all__ = ["ReportFormat", "render", "summary"]


class ReportFormat(StrEnum):
    """How a report is written, besides plain text."""

    JSON = "json"  # the shape of `schemas/report.schema.json`
    JUNIT = "junit"
    SARIF = "sarif"
    HTML = "html"
    MARKDOWN = "markdown"


_WRITERS: dict[ReportFormat, Callable[[Report], str]] = {
    ReportFormat.JSON: plain_json,
    ReportFormat.JUNIT: junit_xml,
    ReportFormat.SARIF: sarif_json,
    ReportFormat.HTML: html_page,
    ReportFormat.MARKDOWN: markdown,
}


def render(report: Report, form: ReportFormat) -> str:
    """The report as text, with a newline at the end. The same report gives the same text."""
    return _WRITERS[form](report)
