"""How to cite a study, as text and as BibTeX."""

from __future__ import annotations

import re

from biocodes_crate.report.view import StudyFacts

_BIBTEX = str.maketrans(
    {char: f"\\{char}" for char in "&%$#_{}"} | {"\\": "\\textbackslash{}", "~": "\\~{}", "^": "\\^{}"}
)


def citation(study: StudyFacts) -> str:
    """Authors (year): title. Dataset. Code."""
    names = [author.name for author in study.authors]
    if len(names) > 6:
        names = [*names[:5], "et al."]
    year = (study.date or "")[:4]
    title = study.title.rstrip(". ")
    parts = [", ".join(names) or "Unknown authors", f" ({year})" if year.isdigit() else "", f": {title}."]
    parts.append(" Dataset (RO-Crate).")
    if study.iscc:
        parts.append(f" {study.iscc}")
    return "".join(parts)


def bibtex(study: StudyFacts) -> str:
    """An entry `@dataset`, which BibLaTeX and Zotero know."""
    first = study.authors[0].name if study.authors else "study"
    year = (study.date or "")[:4]
    key = re.sub(r"[^a-z0-9]", "", (first.split()[-1] if first.split() else "study").lower()) or "study"
    fields = {
        "title": _escaped(study.title),
        "author": " and ".join(_escaped(author.name) for author in study.authors),
        "year": year if year.isdigit() else "",
        "note": study.iscc or "",
        "license": _escaped(study.license or ""),
    }
    lines = [f"  {name} = {{{value}}}" for name, value in fields.items() if value]
    return f"@dataset{{{key}{year if year.isdigit() else ''},\n" + ",\n".join(lines) + "\n}"


def _escaped(text: str) -> str:
    return " ".join(text.split()).translate(_BIBTEX)
