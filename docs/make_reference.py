"""Write the reference pages that are made from the software: ``python docs/make_reference.py``.

`cli.md` from the commands, `vocabulary.md` from the terms of the profile. A test compares them.
"""

from __future__ import annotations

import inspect
import re
import sys
from enum import StrEnum
from pathlib import Path
from typing import Any, get_args

import rdflib
from rdflib.namespace import OWL, RDF, RDFS, SKOS
from typer.models import ArgumentInfo

from biocodes_crate.cli.app import app
from biocodes_crate.resources import resource

DOCS = Path(__file__).parent
SCHEMA = rdflib.Namespace("http://schema.org/")
MADE = "<!-- Made by docs/make_reference.py; do not edit. -->"


def main() -> None:
    """Write the pages."""
    for name, text in pages().items():
        (DOCS / name).write_text(text, encoding="utf-8")
        sys.stderr.write(f"written: {name}\n")


def pages() -> dict[str, str]:
    """The text of each page by its name."""
    return {"cli.md": cli_page(), "vocabulary.md": vocabulary_page()}


def cli_page() -> str:
    """Every command with its arguments, options and examples."""
    lines = [
        "# Commands",
        "",
        MADE,
        "",
        "Results go to stdout, everything else to stderr. Exit codes: 0 done (and valid), 1 not valid, 2 cannot run,",
        "130 interrupted. `NO_COLOR` turns colours off, `BIOCODES_CACHE` names the folder of the cache, or `off`.",
        "`crate --install-completion` teaches the shell to complete commands and options.",
    ]
    for command in app.registered_commands:
        function: Any = command.callback
        name = command.name or function.__name__
        lines += ["", f"## crate {name}", "", *_prose(command.help or inspect.getdoc(function) or "")]
        rows = [_row(parameter) for parameter in inspect.signature(function).parameters.values()]
        lines += ["", "| | |", "|---|---|", *rows]
    return "\n".join(lines) + "\n"


def _prose(text: str) -> list[str]:
    """The help, with its examples as a block."""
    lines: list[str] = []
    for part in text.replace("\b", "\n\n").strip().split("\n\n"):
        block = "\n".join(line.strip() for line in part.strip().splitlines())
        if not block:
            continue
        if re.match(r"Examples?:\n", block):
            lines += ["```text", *block.splitlines()[1:], "```"]
        else:
            lines += [block.replace("<", "&lt;"), ""]
    return lines


def _row(parameter: inspect.Parameter) -> str:
    """A row of the table, from the annotation that typer reads too."""
    kind, info = get_args(parameter.annotation)[:2]
    words = (info.help or "").replace("|", "\\|")
    if isinstance(info, ArgumentInfo):
        return f"| `{info.metavar or parameter.name.upper()}` | {words} |"
    # In an annotation the first declaration stands where a default would.
    declared = [name for name in (info.default, *(info.param_decls or ())) if isinstance(name, str)]
    declared = declared or [f"--{parameter.name.replace('_', '-')}"]
    names = ", ".join(f"`{name}`" for name in declared)
    kinds = [part for part in (get_args(kind) or (kind,)) if part is not type(None)]
    if kinds != [bool]:
        choices = "|".join(kinds[0]) if issubclass(kinds[0], StrEnum) else ""
        names += f" `{choices or info.metavar or kinds[0].__name__.upper()}`".replace("|", "\\|")
        default = parameter.default
        if default not in (None, inspect.Parameter.empty) and "efault" not in words:
            words += f" Default: `{default}`."
    return f"| {names} | {words} |"


def vocabulary_page() -> str:
    """The terms of the profile."""
    graph = rdflib.Graph(bind_namespaces="none").parse(resource("profiles", "biocodes-crate", "terms.ttl"))
    lines = [
        "# Vocabulary",
        "",
        MADE,
        "",
        "The terms that crates use besides those of schema.org, RO-Crate, PROV and the OME core ontology. `bc:` is",
        "`https://w3id.org/ro/terms/biocodes#`. How they are used is told by [the contract](contract.md).",
    ]
    bc = "https://w3id.org/ro/terms/biocodes#"
    subjects = sorted({s for s in graph.subjects() if str(s).startswith(bc) and str(s) != bc}, key=str)
    classes = [s for s in subjects if (s, RDF.type, RDFS.Class) in graph or (s, RDF.type, OWL.Class) in graph]
    properties = [s for s in subjects if s not in classes and (s, RDF.type, RDF.Property) in graph]
    others = [s for s in subjects if s not in classes and s not in properties]

    def name(term: Any) -> str:
        return f"`{term.n3(graph.namespace_manager)}`" if isinstance(term, rdflib.URIRef) else str(term)

    def words(term: Any) -> str:
        found = graph.value(term, RDFS.comment) or graph.value(term, SKOS.definition) or ""
        return str(found).replace("|", "\\|").replace("\n", " ")

    def listed(term: Any, *predicates: Any) -> str:
        return ", ".join(sorted({name(o) for p in predicates for o in graph.objects(term, p)}))

    lines += ["", "## Classes", "", "| Class | Kind of | Meaning |", "|---|---|---|"]
    lines += [f"| {name(s)} | {listed(s, RDFS.subClassOf)} | {words(s)} |" for s in classes]
    lines += ["", "## Properties", "", "| Property | Of | Value | Meaning |", "|---|---|---|---|"]
    lines += [
        f"| {name(s)} | {listed(s, RDFS.domain, SCHEMA.domainIncludes)} "
        f"| {listed(s, RDFS.range, SCHEMA.rangeIncludes)} | {words(s)} |"
        for s in properties
    ]
    lines += ["", "## Values", "", "| Term | Kind | Meaning |", "|---|---|---|"]
    lines += [f"| {name(s)} | {listed(s, RDF.type)} | {words(s)} |" for s in others]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
