"""Write `docs/findings.md` from the table of rules: ``python -m biocodes_crate.validation.findings_page``."""

from __future__ import annotations

from biocodes_crate.validation.report import Level
from biocodes_crate.validation.rules import RULES


def findings_page() -> str:
    """`docs/findings.md`."""
    lines = [
        "# Findings",
        "",
        "What `crate validate` can find. Ids are stable: scripts may rely on them. An error makes a crate",
        "invalid; in a crate that does not claim our profile, errors of the profile are warnings.",
        "",
        "This page is made from `biocodes_crate/validation/rules.py` by",
        "`python -m biocodes_crate.validation.findings_page > docs/findings.md`.",
    ]
    for level in Level:
        lines += [
            "",
            f"## Level `{level.label}`",
            "",
            "| Id | Severity | Rule of | Meaning | What to do |",
            "|---|---|---|---|---|",
        ]
        lines += [
            f"| `{rule.id}` | {rule.severity.value} | {rule.source.value} | {rule.meaning} | {rule.remedy} |"
            for rule in RULES.values()
            if rule.level is level
        ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(findings_page(), end="")  # noqa: T201
