"""The commands. Heavy imports stay within them, so that `crate --help` answers at once."""

# ruff: noqa: PLC0415 (\b keeps the lines of an example as they are)

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from biocodes_crate import __version__
from biocodes_crate.cli import console
from biocodes_crate.cli.handling import handled

app = typer.Typer(
    name="crate",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Workers = Annotated[
    int | None, typer.Option("--workers", min=1, metavar="N", help="Threads that decode images; default: one per core.")
]
NoCache = Annotated[bool, typer.Option("--no-cache", help="Compute everything anew, and remember nothing.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for a program.")]


class EdgeFormat(StrEnum):
    """How edges are printed."""

    TABLE = "table"
    JSON = "json"
    JSONLD = "jsonld"
    CSV = "csv"


class LevelName(StrEnum):
    """How far validation goes."""

    METADATA = "metadata"
    INTEGRITY = "integrity"
    PROVENANCE = "provenance"


def _version(asked: bool) -> None:
    if asked:
        console.result(f"biocodes-crate {__version__}")
        raise typer.Exit


@app.callback()
def crate(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Pack a bioimaging study into an RO-Crate in which figure panels are linked to the planes they show.

    \b
    Start with
        crate build STUDY
    where STUDY is a folder with images and the figures made from them.
    """


@app.command()
@handled
def init(study: Annotated[Path, typer.Argument(metavar="STUDY", help="The folder of the study.")]) -> None:
    """Write a commented study.yaml to fill in.

    It lists what is found in the folder, and takes over what a CITATION.cff says.

    \b
    Example:
        crate init my-study
    """
    from biocodes_crate.cli.words import describe_study
    from biocodes_crate.study import init_study, read_study

    path = init_study(study)
    console.result(describe_study(read_study(study)))
    console.result(f"Written: {path}")


@app.command()
@handled
def build(
    study: Annotated[Path, typer.Argument(metavar="STUDY", help="The folder of the study.")],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="PATH", help="Write a complete crate to this folder or .zip; default: in place."
        ),
    ] = None,
    workers: Workers = None,
    no_cache: NoCache = False,
    as_json: AsJson = False,
) -> None:
    """Pack a study into a crate: codes, figures, panels, edges.

    In place, only metadata files are written, and no data is copied. A second build only redoes
    what changed.

    \b
    Examples:
        crate build my-study
        crate build my-study -o my-study.zip
    """
    from biocodes_crate.cli.words import build_as_json, describe_build
    from biocodes_crate.pipeline import build_study

    with console.progress() as report:
        result = build_study(study, output, workers=workers, use_cache=not no_cache, on_progress=report)
    if as_json:
        console.result_json(build_as_json(result))
    else:
        console.result(describe_build(result))


@app.command()
@handled
def validate(
    crate: Annotated[Path, typer.Argument(metavar="CRATE", help="A crate: its folder, zip or metadata file.")],
    level: Annotated[
        LevelName, typer.Option("--level", help="How far to go; each level includes those before it.")
    ] = LevelName.PROVENANCE,
    as_json: AsJson = False,
) -> int:
    """Say what is wrong with a crate. Exit code 0: valid, 1: not valid, 2: cannot run.

    The level metadata checks the JSON-LD, integrity the files and their codes, provenance every
    edge again, on the pixels.

    \b
    Example:
        crate validate my-study
    """
    from biocodes_crate.cli.words import describe_report
    from biocodes_crate.validation import Level, validate_crate

    with console.progress() as report_progress:
        report = validate_crate(crate, Level[level.name], report_progress)
    if as_json:
        console.result_json(report.as_json())
    else:
        console.result(describe_report(report))
    return report.exit_code


@app.command()
@handled
def trace(
    figure: Annotated[Path, typer.Argument(metavar="FIGURE", help="A figure: PNG, JPEG, TIFF, PDF, SVG or PPTX.")],
    within: Annotated[Path, typer.Option("--in", metavar="PATH", help="The study or crate to look in.")],
    workers: Workers = None,
    no_cache: NoCache = False,
    as_json: AsJson = False,
) -> None:
    """Find the planes that a figure comes from. No crate is written.

    \b
    Example:
        crate trace suspicious.png --in my-study
    """
    from biocodes_crate.cli.words import describe_edges, describe_findings
    from biocodes_crate.crate import edges_json
    from biocodes_crate.pipeline import trace_one

    with console.progress() as report:
        pages, findings = trace_one(figure, within, workers=workers, use_cache=not no_cache, on_progress=report)
    if as_json:
        console.result_json(edges_json(pages))
    else:
        console.result(describe_edges(pages))
    if findings:
        console.note(describe_findings(findings))


@app.command()
@handled
def edges(
    crate: Annotated[Path, typer.Argument(metavar="CRATE", help="A crate: its folder, zip or metadata file.")],
    form: Annotated[EdgeFormat, typer.Option("--format", help="How to print them.")] = EdgeFormat.TABLE,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """List the provenance edges of a crate.

    Which panel shows which plane, and what the pixels say about it.

    \b
    Examples:
        crate edges my-study
        crate edges my-study.zip --format csv > edges.csv
    """
    from biocodes_crate.cli.words import describe_edges
    from biocodes_crate.crate import edges_csv, edges_json, edges_jsonld, open_crate, read_pages

    with open_crate(crate) as reader:
        metadata = reader.metadata
    if form is EdgeFormat.JSONLD:
        console.result_json(edges_jsonld(metadata))
        return
    pages = read_pages(metadata, lambda entity, key, fault: console.note(f"{entity}: '{key}' {fault}"))
    if as_json or form is EdgeFormat.JSON:
        console.result_json(edges_json(pages))
    elif form is EdgeFormat.CSV:
        sys.stdout.write(edges_csv(pages))
    else:
        console.result(describe_edges(pages))


@app.command()
@handled
def code(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="Any file or folder.")],
    simprints: Annotated[
        bool, typer.Option("--simprints", help="List the Data-Code of every plane, for search.")
    ] = False,
) -> None:
    """Print the ISCCs of any file, folder or image.

    As IsccEntry JSON, which the search tools of ISCC read.

    \b
    Example:
        crate code images/cells.ome.zarr
    """
    from biocodes_crate.codes import entry_for

    with console.progress() as report:
        entry = entry_for(path, simprints, report)
    console.result_json(entry)


@app.command()
@handled
def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="A path, IMAGE#scene=0&z=5&c=1&t=0, or an ISCC.")],
    b: Annotated[str, typer.Argument(metavar="B", help="What to compare it with.")],
    as_json: AsJson = False,
) -> None:
    """Compare two files, images or ISCCs, unit by unit.

    \b
    Examples:
        crate compare a.ome.tif b.ome.zarr
        crate compare ISCC:KEC… ISCC:KEC…
    """
    from biocodes_crate.cli.words import comparison_as_json, describe_comparison
    from biocodes_crate.codes import compare as compare_two

    result = compare_two(a, b)
    if as_json:
        console.result_json(comparison_as_json(result))
    else:
        console.result(describe_comparison(result))


@app.command()
@handled
def report(
    crate: Annotated[Path, typer.Argument(metavar="CRATE", help="A crate: its folder, zip or metadata file.")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="PATH", help="The file to write; default: stdout.")
    ] = None,
) -> None:
    """Make the HTML page that a person looks at.

    `crate build` writes the same page as ro-crate-preview.html.

    \b
    Example:
        crate report my-study.zip -o my-study.html
    """
    from biocodes_crate.crate import open_crate
    from biocodes_crate.report import report_from_crate, report_html

    with console.progress() as on_progress, open_crate(crate) as reader:
        page = report_html(report_from_crate(reader, on_progress=on_progress))
    if output is None:
        sys.stdout.write(page)
        return
    console.write_text(output, page)
    console.note(f"Written: {output}")
