"""Write `docs/findings.md` from the table of rules: ``python -m biocodes_crate.validation.findings_page``."""

from __future__ import annotations

from biocodes_crate.validation.build_rules import BUILD_SECTIONS
from biocodes_crate.validation.report import Level
from biocodes_crate.validation.rules import RULES


def findings_page() -> str:
    """`docs/findings.md`."""
    lines = [
        "# Findings",
        "",
        "What `crate validate` and `crate build` can find. Ids are stable: scripts may rely on them.",
        "",
        "This page is made from `rules.py` and `build_rules.py` in `biocodes_crate/validation/` by",
        "`python -m biocodes_crate.validation.findings_page > docs/findings.md`.",
        "",
        "# Validation",
        "",
        "What `crate validate` finds. An error makes a crate invalid; in a crate that does not claim our profile,",
        "errors of the profile are warnings.",
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
    lines += ["", "# Building", "", "What `crate build`, `crate trace` and `crate report` find. None of it stops them."]
    for title, build_rules in BUILD_SECTIONS.items():
        lines += ["", f"## {title}", "", "| Id | Severity | Meaning | What to do |", "|---|---|---|---|"]
        lines += [f"| `{rule.id}` | {rule.severity.value} | {rule.meaning} | {rule.remedy} |" for rule in build_rules]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(findings_page(), end="")  # noqa: T201
