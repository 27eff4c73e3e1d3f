"""`ro-crate-preview.html`: one page that needs nothing but itself. No network, no place to send anything to."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from biocodes_crate.report.citation import bibtex, citation
from biocodes_crate.report.graph import provenance_svg
from biocodes_crate.report.icons import icon_symbol
from biocodes_crate.report.pagemodel import PageModel, channels_of, orcid_href, web_href
from biocodes_crate.report.states import PanelState, tally
from biocodes_crate.report.text import byte_size, clean, plural, sentence
from biocodes_crate.report.view import ReportView
from biocodes_crate.report.words import describe_candidates, describe_edge, describe_sizes, explain_status


def report_html(view: ReportView) -> str:
    """The page that shows a crate to a person.

    Self-contained: styles, script and pictures are inline, and its Content-Security-Policy forbids
    everything else. Text of the crate is escaped. The same view gives the same page.
    """
    style, script = Markup(_asset("page.css")), Markup(_asset("page.js"))  # noqa: S704 - our own files
    model = PageModel(view)
    figures = model.figures()
    html = (
        _environment()
        .get_template("page.html")
        .render(
            view=view,
            study=view.study,
            figures=figures,
            images=model.images(),
            planes=model.planes,
            attention=[
                panel for figure in figures for page in figure.pages for panel in page.panels if panel.attention
            ],
            tally=tally(view.pages),
            findings=model.findings(),
            files=model.files(),
            graph=Markup(provenance_svg(view.pages, model.links, model.scenes)),  # noqa: S704 - escaped where it is made
            citation=citation(view.study),
            bibtex=bibtex(view.study),
            icons=Markup("".join(icon_symbol(state) for state in PanelState)),  # noqa: S704
            style=style,
            script=script,
            policy=_policy(style, script),
        )
    )
    return html.encode("utf-8", "replace").decode("utf-8")


def _policy(style: str, script: str) -> str:
    return "; ".join(
        (
            "default-src 'none'",
            "img-src data:",
            f"style-src {_hash(style)}",
            f"script-src {_hash(script)}",
            "base-uri 'none'",
            "form-action 'none'",
        )
    )


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@cache
def _asset(name: str) -> str:
    text = files("biocodes_crate.report").joinpath("templates", name).read_text("utf-8")
    return text.replace("\r\n", "\n")  # browsers hash what they parsed, where lines end with a newline alone


@cache
def _environment() -> Environment:
    environment = Environment(
        autoescape=True,
        loader=FunctionLoader(_asset),
        undefined=StrictUndefined,
        finalize=_fit,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals.update(
        describe_edge=describe_edge,
        explain_status=explain_status,
        describe_candidates=describe_candidates,
        plural=plural,
        sentence=sentence,
        byte_size=byte_size,
        dimensions=describe_sizes,
        channels_of=channels_of,
        orcid_href=orcid_href,
        web_href=web_href,
    )
    return environment


def _fit(value: Any) -> Any:
    return clean(value) if isinstance(value, str) and not isinstance(value, Markup) else value
