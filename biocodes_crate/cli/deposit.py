"""`crate deposit`: bring a crate into a repository."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from biocodes_crate.cli import console
from biocodes_crate.cli.handling import Terminated, handled
from biocodes_crate.cli.options import AsJson
from biocodes_crate.cli.validate import LevelName

if TYPE_CHECKING:
    from biocodes_crate.deposit import Deposited, Draft, Planned


@handled
def deposit(
    crate: Annotated[Path, typer.Argument(metavar="CRATE", help="A crate: its folder or zip.")],
    to: Annotated[
        str, typer.Option("--to", metavar="SERVER", help="`zenodo`, `sandbox`, or the URL of any InvenioRDM.")
    ],
    draft: Annotated[
        str | None, typer.Option("--draft", metavar="ID", help="Bring it into this draft; only our files are touched.")
    ] = None,
    new_version: Annotated[
        str | None, typer.Option("--new-version", metavar="RECORD", help="Make a new version of this published record.")
    ] = None,
    new_draft: Annotated[
        bool, typer.Option("--new-draft", help="Make another draft, although there is one of this crate.")
    ] = False,
    publish: Annotated[bool, typer.Option("--publish", help="Publish it, after showing what is published.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Publish without asking.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be sent; send nothing.")] = False,
    level: Annotated[
        LevelName, typer.Option("--level", help="How far the crate is validated before anything is sent.")
    ] = LevelName.PROVENANCE,
    allow_invalid: Annotated[bool, typer.Option("--allow-invalid", help="Send it even if it is not valid.")] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Replace files of our names that somebody else put into the draft.")
    ] = False,
    settings: Annotated[
        Path | None, typer.Option("--settings", metavar="FILE", help="Default: deposit.yaml in the crate's folder.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Bring a crate into a draft in a repository, and publish it if asked to.

    The token is read from ZENODO_TOKEN (for the sandbox from ZENODO_SANDBOX_TOKEN first, for other servers from
    INVENIO_TOKEN), from a keyring, or is asked for. Running the command again goes on where it stopped.

    \b
    Examples:
        crate deposit my-study --to sandbox
        crate deposit my-study --to zenodo --publish
        crate deposit my-study --to zenodo --new-version 1234567
    """
    from biocodes_crate.deposit import (
        Client,
        Options,
        Records,
        Wanted,
        deposit_crate,
        find_server,
        find_token,
        plan_deposit,
    )
    from biocodes_crate.errors import BadSettings
    from biocodes_crate.validation import Level

    if sum((draft is not None, new_version is not None, new_draft)) > 1:
        raise BadSettings("--draft, --new-version and --new-draft exclude each other", remedy="Name one of them.")
    if publish and not (yes or dry_run or console.can_ask()):
        raise BadSettings("there is nobody to ask before publishing", remedy="Add --yes to publish without asking.")
    server = find_server(to)
    options = Options(
        Wanted(draft, new_version, new_draft), publish, Level[level.name], allow_invalid, replace, settings
    )
    if dry_run:
        with console.progress() as report:
            planned = plan_deposit(crate, server, options, report)
        console.answer(as_json, lambda: asdict(planned), lambda: _describe_plan(planned))
        return
    token = find_token(server)
    with Client(server, token, on_wait=console.note) as client, ExitStack() as bars:
        report = bars.enter_context(console.progress())

        def confirm(made: Deposited, there: Draft) -> bool:
            bars.close()  # a question among moving bars cannot be read
            about = _about(made, there)
            if yes:
                console.note(about)
            return yes or console.ask("Publish?", about)

        try:
            done = deposit_crate(crate, Records(client), options, confirm=confirm, on_progress=report)
        except (KeyboardInterrupt, Terminated):
            bars.close()
            looks = ", and finds out whether it was published" if publish else ""
            console.note(f"Stopped; nothing more is sent. The same command goes on in the same draft{looks}.")
            raise
    console.answer(as_json, lambda: _as_json(done), lambda: _describe(done, publish))


def _about(done: Deposited, draft: Draft) -> str:
    """What is about to be published."""
    metadata = draft.metadata
    people = [str(entry.get("person_or_org", {}).get("name", "?")) for entry in metadata.get("creators", [])]
    licences = [str(entry.get("id") or entry.get("title", {}).get("en", "?")) for entry in metadata.get("rights", [])]
    return "\n".join(
        [
            f"To be published on {done.server}, for good:",
            f"  title     {done.title}",
            f"  creators  {'; '.join(people)}",
            f"  licence   {', '.join(licences) or 'none'}",
            f"  date      {metadata.get('publication_date')}, version {done.version}",
            f"  DOI       {done.doi}",
            *(f"  file      {file.key} ({file.size} bytes)" for file in done.files),
            *(f"  note      {note}" for note in done.notes),
            f"  look at   {done.page}",
        ]
    )


def _describe(done: Deposited, publish: bool) -> str:
    if done.published:
        state = "Published"
    elif publish:
        state = "Not published: the draft is kept"
    else:
        state = "A draft; nothing is published"
    lines = [f"{done.title}", "", f"  {state}: {done.page}", f"  DOI {done.doi}, version {done.version}"]
    lines += [
        f"  {file.key}  {file.size} bytes, {'sent' if file.sent else 'was there'}, MD5 compared" for file in done.files
    ]
    lines += [f"  note: {note}" for note in done.notes]
    if done.complaints:
        lines += ["", "Before it can be published:"]
        lines += [f"  {name}: {words}" for name, words in done.complaints]
    elif not done.published:
        lines += ["", "Look at it, then publish it there, or run the command again with --publish."]
    return "\n".join(lines)


def _describe_plan(planned: Planned) -> str:
    lines = [f"To {planned.server}, nothing is sent:", ""]
    lines += [f"  {request}" for request in planned.requests]
    lines += ["", "Files:"]
    lines += [f"  {file.key}  {file.size} bytes, {file.files} of the crate's files" for file in planned.files]
    lines += ["", "Metadata:", _indented(planned.metadata)]
    lines += [f"note: {note}" for note in planned.notes]
    return "\n".join(lines)


def _indented(value: Any) -> str:
    import json

    return json.dumps(value, indent=2, ensure_ascii=False)


def _as_json(done: Deposited) -> dict[str, Any]:
    return {
        "server": done.server,
        "id": done.id,
        "doi": done.doi,
        "version": done.version,
        "page": done.page,
        "published": done.published,
        "title": done.title,
        "files": [asdict(file) for file in done.files],
        "notes": list(done.notes),
        "complaints": [{"field": name, "message": words} for name, words in done.complaints],
    }
