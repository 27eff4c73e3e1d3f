"""What a deposit would do: its requests, the metadata, the files. Nothing is sent, and no token is needed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from biocodes_crate.crate import METADATA, metadata_bytes, open_crate
from biocodes_crate.crate.entities import text
from biocodes_crate.deposit.choice import record_id
from biocodes_crate.deposit.content import Content, uploads
from biocodes_crate.deposit.deposit import InvalidCrate, Options, downloads_of, left_out_note, settings_of, version_of
from biocodes_crate.deposit.finalise import finalise
from biocodes_crate.deposit.mapping import record_metadata
from biocodes_crate.deposit.plan import make_plan, root_of, zip_name
from biocodes_crate.deposit.servers import Server
from biocodes_crate.errors import NotACrate
from biocodes_crate.progress import OnProgress, ignore_progress
from biocodes_crate.validation import validate_crate

PLACE = "ID"
"""Stands for the id that the server will give."""
DOI = f"10.0000/{PLACE}"


@dataclass(frozen=True, slots=True)
class PlannedFile:
    """A file that would be sent."""

    key: str
    size: int  # bytes; exact where the id is known, else but for its digits
    files: int  # of the crate, within it


@dataclass(frozen=True, slots=True)
class Planned:
    """What a deposit would do."""

    server: str
    requests: tuple[str, ...]
    metadata: dict[str, Any]
    files: tuple[PlannedFile, ...]
    notes: tuple[str, ...]


def plan_deposit(crate: Path, server: Server, options: Options, on_progress: OnProgress = ignore_progress) -> Planned:
    """Say what :func:`deposit_crate` would do on a draft that holds nothing yet.

    Raises
    ------
    InvalidCrate, CannotFit, BadSettings
        As the deposit would.
    """
    if not options.allow_invalid:
        report = validate_crate(crate, options.level, on_progress)
        if not report.valid:
            raise InvalidCrate(report)
    settings = settings_of(crate, options)
    wanted = options.wanted
    with open_crate(crate) as reader:
        if not reader.has_payload:
            raise NotACrate(
                "a metadata file alone cannot be deposited", where=crate, remedy="Name the crate's folder, or its zip."
            )
        root = root_of(reader.metadata)
        draft = record_id(wanted.draft) if wanted.draft else PLACE
        plan = make_plan(reader, zip_name(text(root, "name") or "", crate.name), settings.limits(server.limits))
        left = left_out_note(reader, plan)
        version = version_of(root, settings, "2" if wanted.new_version else "1")
        final = finalise(
            reader.metadata,
            doi=DOI,
            version=version,
            page=server.record_page(draft),
            downloads=downloads_of(plan, reader, server, draft),
        )
        content = Content(reader, {METADATA: metadata_bytes(final)})
        counts = {part.key: len(part.paths) for part in plan.parts}
        files = tuple(
            PlannedFile(upload.key, upload.size, counts.get(upload.key, 1))
            for upload in uploads(plan, content, on_progress)
        )
        mapped = record_metadata(
            reader.metadata,
            settings,
            publisher=server.publisher,
            version=version,
            today=datetime.now(UTC).date().isoformat(),
        )
    return Planned(server.name, tuple(_requests(options, draft, files)), mapped.metadata, files, (*mapped.notes, *left))


def _requests(options: Options, draft: str, files: tuple[PlannedFile, ...]) -> list[str]:
    at = f"/records/{draft}/draft"
    wanted = options.wanted
    if wanted.draft:
        first = [f"GET {at}"]
    elif wanted.new_version:
        record = record_id(wanted.new_version)
        first = [f"GET /records/{record}", f"POST /records/{record}/versions", f"POST {at}/actions/files-import"]
    else:
        first = ["POST /records"]
    requests = [
        "GET /vocabularies/… (licence, affiliations)",
        *first,
        f"POST {at}/pids/doi",
        f"GET {at}/files",
        f"PUT {at}",
    ]
    for file in files:
        requests += [
            f"POST {at}/files ({file.key})",
            f"PUT {at}/files/{file.key}/content ({file.size} bytes)",
            f"POST {at}/files/{file.key}/commit",
        ]
    requests += [f"PUT {at}", f"GET {at}/files"]
    if options.publish:
        requests.append(f"POST {at}/actions/publish (after you have agreed)")
    return requests
