"""One HTML page that needs nothing else: no script, no style sheet, no picture from elsewhere."""

from __future__ import annotations

from html import escape

from biocodes_crate import __version__
from biocodes_crate.validation.output.grouping import Group, grouped, summary, tally, verdict
from biocodes_crate.validation.report import Report

_MOST_SHOWN = 200  # findings of one kind on the page; the others are in the JSON

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STYLE = """
:root { color-scheme: light dark; --error: #b00020; --warning: #8a5a00; --info: #3a5a8a; }
@media (prefers-color-scheme: dark) { :root { --error: #ff8a8a; --warning: #ffc566; --info: #9cc4ff; } }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; overflow-wrap: anywhere; }
h2 { font-size: 1.05rem; margin: 0 0 .3rem; }
section { border-left: .3rem solid; padding: .3rem 0 .3rem .9rem; margin: 1.2rem 0; }
.error { border-color: var(--error); } .warning { border-color: var(--warning); } .info { border-color: var(--info); }
.error h2 span { color: var(--error); }
.warning h2 span { color: var(--warning); }
.info h2 span { color: var(--info); }
p { margin: .2rem 0; } li, code { overflow-wrap: anywhere; } footer { margin-top: 2rem; font-size: .85rem; }
@media print { body { max-width: none; } section { break-inside: avoid-page; } }
""".strip()


def html_page(report: Report) -> str:
    """The report as a page of its own."""
    title = escape(f"Validation of {report.crate}")
    groups = "\n".join(_section(group) for group in grouped(report))
    nothing = "" if report.findings else "<p>Nothing was found.</p>"
    told = "".join(f"<li>{escape(line)}</li>\n" for line in summary(report))
    held = f"<ul>\n{told}</ul>\n" if told else ""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<title>{title}</title>
<style>
{_STYLE}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
<p><strong>{escape(verdict(report))}</strong> {escape(tally(report))}.</p>
{held}{nothing}{groups}
</main>
<footer>biocodes-crate {escape(__version__)}</footer>
</body>
</html>
"""


def _section(group: Group) -> str:
    items = "\n".join(
        f"<li><code>{escape(finding.entity)}</code>"
        + (f" <code>{escape(finding.property)}</code>" if finding.property else "")
        + f": {escape(finding.message)}</li>"
        for finding in group.findings[:_MOST_SHOWN]
    )
    left = len(group.findings) - _MOST_SHOWN
    more = f"<p>… and {left} more</p>\n" if left > 0 else ""
    remedy = f"<p>→ {escape(group.remedy)}</p>\n" if group.remedy else ""
    return (
        f'<section class="{group.severity.value}">\n'
        f"<h2><span>{group.severity.value}</span> {escape(group.id)}</h2>\n"
        f"<p>{escape(group.meaning)}</p>\n{remedy}<ul>\n{items}\n</ul>\n{more}</section>"
    )
