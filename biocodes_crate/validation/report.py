"""What validation says: findings, up to a level, and whether the crate is valid."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from biocodes_crate.findings import Finding, Severity

if TYPE_CHECKING:
    from biocodes_crate.validation.contents import Contents


class Level(IntEnum):
    """How far a crate is validated; each level includes those before it."""

    METADATA = 1  # the JSON-LD alone
    INTEGRITY = 2  # files are there, sizes and codes recomputed from bytes and pixels
    PROVENANCE = 3  # every edge decided again from the pixels

    @property
    def label(self) -> str:
        """The level as the command line writes it."""
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Report:
    """What is wrong with a crate."""

    findings: tuple[Finding, ...]
    level: Level
    crate: str
    contents: Contents | None = None  # None where the metadata could not be read

    @property
    def valid(self) -> bool:
        """Whether no finding is an error."""
        return all(finding.severity is not Severity.ERROR for finding in self.findings)

    @property
    def exit_code(self) -> int:
        return 0 if self.valid else 1

    def counts(self) -> dict[str, int]:
        """How many findings there are of each severity."""
        counted = Counter(finding.severity for finding in self.findings)
        return {severity.value: counted[severity] for severity in Severity}

    def as_json(self) -> dict[str, Any]:
        """The report in the shape of `schemas/report.schema.json`."""
        return {
            "crate": self.crate,
            "level": self.level.label,
            "valid": self.valid,
            "counts": self.counts(),
            **({} if self.contents is None else {"contents": self.contents.as_json()}),
            "findings": [
                {
                    "id": finding.id,
                    "severity": finding.severity.value,
                    "entity": finding.entity,
                    "property": finding.property,
                    "message": finding.message,
                    "remedy": finding.remedy,
                }
                for finding in self.findings
            ],
        }
