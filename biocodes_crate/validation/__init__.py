"""Validate crates: metadata, integrity, provenance. Start with :func:`validate_crate`."""

from biocodes_crate.validation.contents import Contents, FigureContents, Standing
from biocodes_crate.validation.output import ReportFormat, render, summary
from biocodes_crate.validation.report import Level, Report
from biocodes_crate.validation.rules import RULES, Rule
from biocodes_crate.validation.validate import validate_crate

__all__ = [
    "RULES",
    "Contents",
    "FigureContents",
    "Level",
    "Report",
    "ReportFormat",
    "Rule",
    "Standing",
    "render",
    "summary",
    "validate_crate",
]
