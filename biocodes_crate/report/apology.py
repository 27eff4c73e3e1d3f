"""The page that stands in where the real one could not be made. It needs no template, no pixels and no crate."""

from __future__ import annotations

from html import escape

from biocodes_crate.report.text import clean


def apology_html(title: str, reason: str) -> str:
    """A page that says why there is no report, and where the same is told as data.

    An old preview must not stay beside a new crate: it would show what is no longer so.
    """
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="generator" content="biocodes-crate">\n'
        f"<title>{escape(clean(title))}</title>\n</head>\n<body>\n<main>\n"
        f"<h1>{escape(clean(title))}</h1>\n"
        f"<p>The page that shows this crate could not be made: {escape(clean(reason))}.</p>\n"
        "<p>The crate itself is complete. The same as data: "
        '<a href="./ro-crate-metadata.json">ro-crate-metadata.json</a>.</p>\n'
        "</main>\n</body>\n</html>\n"
    )
