"""Validate crates: metadata, integrity, provenance. Start with :func:`validate_crate`."""

from biocodes_crate.validation.output import ReportFormat, render
from biocodes_crate.validation.report import Level, Report
from biocodes_crate.validation.rules import RULES, Rule
from biocodes_crate.validation.validate import validate_crate

__all__ = ["RULES", "Level", "Report", "ReportFormat", "Rule", "render", "validate_crate"]
