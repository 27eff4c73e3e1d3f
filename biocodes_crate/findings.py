"""Findings: what is wrong, missing or noteworthy in somebody's data, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Severity(Enum):
    """How bad a finding is; only an ERROR makes a crate invalid."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Finding:
    """One observation about one entity of a study or crate."""

    id: str  # stable and documented, such as "file-missing"
    severity: Severity
    entity: str  # path or @id that it is about
    message: str
    remedy: str = ""
    property: str | None = None
