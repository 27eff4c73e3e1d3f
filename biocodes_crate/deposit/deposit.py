"""A deposit, step by step: nothing is sent that was not checked, nothing is published that was not asked for."""

from __future__ import annotations

import shlex
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from biocodes_crate.crate import GENERATED, METADATA, CrateReader, display, metadata_bytes, open_crate, path_to_id
from biocodes_crate.crate.entities import Entity, Index, refs, text
from biocodes_crate.deposit.choice import Chosen, Wanted, already, choose
from biocodes_crate.deposit.content import Content, uploads
from biocodes_crate.deposit.finalise import OURS, Download, finalise
from biocodes_crate.deposit.mapping import Mapped, record_metadata
from biocodes_crate.deposit.memory import Memory, Remembered, fields_digest
from biocodes_crate.deposit.merging import draft_body, marks_of, merge
from biocodes_crate.deposit.plan import LOOSE, Plan, left_out, make_plan, root_of, units_of, zip_name
from biocodes_crate.deposit.records import Draft, Records, RemoteFile
from biocodes_crate.deposit.servers import Server
from biocodes_crate.deposit.settings import DEPOSIT_YAML, Settings, read_settings
from biocodes_crate.deposit.upload import Brought, Uploader
from biocodes_crate.errors import BiocodesError, DepositFailed, NotACrate, NotAllowed, ServerRefused
from biocodes_crate.progress import OnProgress, Progress, ignore_progress
from biocodes_crate.validation import Level, Report, validate_crate

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Options:
    """How a crate is deposited."""

    wanted: Wanted = field(default_factory=Wanted)
    publish: bool = False
    level: Level = Level.PROVENANCE  # that the crate is validated to before anything is sent
    allow_invalid: bool = False
    replace: bool = False  # files of our names that somebody else put there
    settings: Path | None = None  # default: deposit.yaml in the crate's folder, if it is there


@dataclass(frozen=True, slots=True)
class Deposited:
    """What the server has now."""

    server: str
    id: str
    doi: str
    version: str
    page: str  # where a person looks at it
    published: bool
    files: tuple[Brought, ...]
    title: str
    notes: tuple[str, ...] = ()  # for the person: what could not be said, what stayed as it was
    complaints: tuple[tuple[str, str], ...] = ()  # of the server: what keeps it from being published


class InvalidCrate(DepositFailed):
    """The crate is not valid: it is not sent."""

    exit_code = 1

    def __init__(self, report: Report) -> None:
        errors = [f for f in report.findings if f.severity.value == "error"]
        first = f"{display(errors[0].entity)}: {errors[0].message}" if errors else ""
        super().__init__(
            f"the crate is not valid ({len(errors)} error{'' if len(errors) == 1 else 's'}; the first: {first})",
            where=report.crate,
            remedy="See `crate validate`, mend it, or send it as it is with --allow-invalid.",
        )


Confirm = Callable[[Deposited, Draft], bool]
"""Shown what would be published, says whether it shall be."""


def deposit_crate(
    crate: Path,
    records: Records,
    options: Options = Options(),
    *,
    memory: Memory | None = None,
    confirm: Confirm = lambda _deposited, _draft: True,
    on_progress: OnProgress = ignore_progress,
) -> Deposited:
    """Bring a crate into a draft, and publish it if that is asked for.

    Running it again goes on where it stopped. The crate on disk stays as it is.

    Parameters
    ----------
    crate
        A crate's folder or zip.
    records
        The server.
    confirm
        Asked before publishing.

    Raises
    ------
    DepositFailed
        It cannot go on; the message says what the draft holds by then, and what to run next.
    InvalidCrate
        Validation found errors.
    """
    memory = memory or Memory()
    # (1) What is sent is valid.
    if not options.allow_invalid:
        report = validate_crate(crate, options.level, on_progress)
        if not report.valid:
            raise InvalidCrate(report)
    with open_crate(crate) as reader:
        if not reader.has_payload:
            raise NotACrate(
                "a metadata file alone cannot be deposited", where=crate, remedy="Name the crate's folder, or its zip."
            )
        remembered = memory.load(records.client.server.site, crate)
        with memory.alone(remembered):
            remembered = memory.load(records.client.server.site, crate)
            return _Deposit(crate, reader, records, options, memory, remembered, confirm, on_progress).run()


class _Deposit:
    def __init__(
        self,
        crate: Path,
        reader: CrateReader,
        records: Records,
        options: Options,
        memory: Memory,
        remembered: Remembered,
        confirm: Confirm,
        on_progress: OnProgress,
    ) -> None:
        self.crate, self.reader, self.records, self.options = crate, reader, records, options
        self.memory, self.remembered = memory, remembered
        self.confirm, self.on_progress = confirm, on_progress
        self.server: Server = records.client.server
        self.settings = settings_of(crate, options)
        self.root = root_of(reader.metadata)
        self.iscc = text(self.root, "iscc_code")
        self.digest = fields_digest([reader.metadata, repr(self.settings)])
        self.brought: list[Brought] = []
        self.keys: tuple[str, ...] = ()
        self.publishing = False

    def run(self) -> Deposited:
        # (2) It fits; said before a draft is made.
        make_plan(self.reader, self.name, self.limits)
        mapped = self._map("1")
        chosen = self._choose(mapped)
        if chosen.is_record:
            return self._published_before(chosen.draft)
        try:
            return self._fill(chosen)
        except BiocodesError as error:
            error.remedy = f"{error.remedy} {self._state(chosen.draft.id)}".strip()
            raise

    @property
    def name(self) -> str:
        return zip_name(text(self.root, "name") or "", self.crate.name)

    @property
    def limits(self) -> Any:
        return self.settings.limits(self.server.limits)

    def _map(self, version: str) -> Mapped:
        return record_metadata(
            self.reader.metadata,
            self.settings,
            publisher=self.server.publisher,
            version=version,
            today=datetime.now(UTC).date().isoformat(),
            knows=self.records.knows,
        )

    def _choose(self, mapped: Mapped) -> Chosen:
        # (3) A draft: the one that there is, or a new one.
        self.on_progress(Progress("finding the draft", 0, None))
        body = {
            "access": {"record": "public", "files": "public"},
            "files": {"enabled": True},
            "metadata": mapped.metadata,
        }
        chosen = choose(self.records, self.options.wanted, self.remembered, body, self.iscc, self.digest)
        self._save()
        return chosen

    def _fill(self, chosen: Chosen) -> Deposited:
        draft = chosen.draft
        if draft.under_review and self.options.publish:
            raise DepositFailed(
                "a community decides on the publication of this draft",
                where=f"draft {draft.id}",
                remedy="Leave out --publish, and submit it in the browser.",
            )
        self.remembered.digest = None  # from here on, until all is there, it holds neither the old nor the new
        self._save()
        # (4) The DOI, before the metadata is finished.
        doi = draft.doi or self.records.reserve_doi(draft.id)
        version = version_of(self.root, self.settings, str(draft.version_number))
        present = self.records.files(draft.id)
        # (5) The zips, and the metadata that names them.
        plan = self._plan(present)
        self.keys = plan.keys
        final = self._final(plan, draft, doi, version)
        content = Content(self.reader, {METADATA: metadata_bytes(final)})
        # (6) The metadata of the record, so that a draft that is looked at meanwhile says what it is.
        mapped = self._map(version)
        updated, kept = self._update(draft, mapped, chosen, preview=None)
        # (7) The files.
        self._send(plan, content, draft, present)
        # (8) The preview can be chosen now that it is there.
        updated, kept = self._update(draft, mapped, chosen, preview=METADATA)
        notes = [*mapped.notes, *left_out_note(self.reader, plan)]
        if kept:
            notes.append(f"kept as it was written in the browser: {', '.join(kept)}")
        # (9) Everything is there, and nothing is pending.
        complaints = (*updated.complaints, *self._check(draft.id))
        self.remembered.digest = self.digest  # also for the case that it is published in the browser
        self._save()
        result = Deposited(
            server=self.server.name,
            id=draft.id,
            doi=doi,
            version=version,
            page=self.server.draft_page(draft.id),
            published=False,
            files=tuple(self.brought),
            title=str(updated.metadata.get("title", "")),
            notes=tuple(notes),
            complaints=complaints,
        )
        if not self.options.publish:
            return result
        return self._publish(result, updated)

    def _plan(self, present: Mapping[str, RemoteFile]) -> Plan:
        plan = make_plan(self.reader, self.name, self.limits)
        others = [file for key, file in present.items() if key not in plan.keys and not self._was_ours(key, file)]
        return make_plan(self.reader, self.name, self.limits, len(others), sum(file.size or 0 for file in others))

    def _was_ours(self, key: str, file: RemoteFile) -> bool:
        known = self.remembered.files.get(key)
        return known is not None and (not file.complete or file.md5 in known)

    def _final(self, plan: Plan, draft: Draft, doi: str, version: str) -> Json:
        final = finalise(
            self.reader.metadata,
            doi=doi,
            version=version,
            page=self.server.record_page(draft.id),
            downloads=downloads_of(plan, self.reader, self.server, draft.id),
        )
        # What was added must not have made it invalid.
        if not self.options.allow_invalid:
            with tempfile.TemporaryDirectory(prefix="biocodes-") as folder:
                path = Path(folder) / METADATA
                path.write_bytes(metadata_bytes(final))
                report = validate_crate(path, Level.METADATA)
            if not report.valid:
                raise InvalidCrate(replace(report, crate=display(str(self.crate))))
        return final

    def _update(self, draft: Draft, mapped: Mapped, chosen: Chosen, preview: str | None) -> tuple[Draft, list[str]]:
        kept: list[str] = []
        marks = chosen.marks
        for key, mark in self.remembered.fields.items():
            marks.setdefault(key, set()).add(mark)

        def make(present: Draft) -> Json:
            metadata, fields = merge(present.metadata, mapped.metadata, marks)
            kept[:] = fields
            return draft_body(present.body, metadata, preview)

        updated = self.records.update(draft.id, make)
        ours = marks_of(updated.metadata)
        self.remembered.fields = {key: ours[key] for key in mapped.metadata if key in ours and key not in kept}
        self._save()
        return updated, kept

    def _send(self, plan: Plan, content: Content, draft: Draft, present: dict[str, RemoteFile]) -> None:
        described = self._described(draft, present, plan)

        def is_ours(key: str) -> bool:
            return self.options.replace or key in described

        uploader = Uploader(self.records, draft.id, self.remembered, self._save, is_ours, self.on_progress)
        stale = [
            file
            for key, file in present.items()
            if key not in plan.keys and (key in described or self._was_ours(key, file))
        ]
        for upload in uploads(plan, content, self.on_progress):
            self.brought.append(uploader.bring(upload, present.get(upload.key)))
        for file in stale:  # zips of an earlier division, or of an earlier title
            uploader.remove(file)
            self.remembered.files.pop(file.key, None)
            self._save()

    def _described(self, draft: Draft, present: Mapping[str, RemoteFile], plan: Plan) -> set[str]:
        """The keys of what this software put into the draft from elsewhere, as the metadata there says.

        It has to be about this draft, or about another version of its record: any other metadata that
        somebody put there says nothing about the files beside it.
        """
        doubtful = [
            key
            for key, file in present.items()
            if (key in plan.keys or key.lower().endswith(".zip")) and not self._was_ours(key, file)
        ]
        file = present.get(METADATA)
        if not doubtful or file is None or not file.complete:
            return set()
        metadata = self.records.read(draft.id, METADATA)
        if not isinstance(metadata, dict) or not isinstance(metadata.get("@graph"), list):
            return set()
        known: dict[str, bool] = {draft.id: True}
        names: set[str] = set()
        for entity in Index(metadata).of_type("DataDownload"):
            name, url = text(entity, "name"), text(entity, "contentUrl") or ""
            record = url.removeprefix(f"{self.server.api}/records/").partition("/")[0]
            if name is None or not entity["@id"].startswith(OURS) or url != self.server.file_url(record, name):
                continue
            if record not in known and len(known) < 10:
                other = self.records.record(record)
                known[record] = other is not None and other.parent is not None and other.parent == draft.parent
            if known.get(record):
                names.add(name)
        return names | set(LOOSE) if names else set()

    def _check(self, draft: str) -> list[tuple[str, str]]:
        """What the server lists against what was sent."""
        listed = self.records.files(draft)
        for brought in self.brought:
            file = listed.get(brought.key)
            if file is None or not file.complete or file.md5 != brought.md5:
                raise DepositFailed(
                    f"{brought.key} is no longer in the draft as it was sent",
                    where=f"draft {draft}",
                    remedy="Somebody else may be at work on it. Run the command again.",
                )
        return [
            (f"files.{file.key}", "its upload is not finished; remove it in the browser, or finish it")
            for file in listed.values()
            if not file.complete
        ]

    def _publish(self, result: Deposited, draft: Draft) -> Deposited:
        # (10) Only what is asked for, complete, and confirmed.
        if result.complaints:
            said = "; ".join(f"{name}: {words}" for name, words in result.complaints)
            raise DepositFailed(
                f"the draft cannot be published yet ({said})",
                where=f"draft {result.id}",
                remedy="Complete it in study.yaml, deposit.yaml or the browser.",
            )
        if not self.confirm(result, draft):
            return result
        self.publishing = True
        try:
            record = self.records.publish(result.id)
        except (ServerRefused, NotAllowed):
            self.publishing = False  # it was looked up, and did not happen
            raise
        self.remembered.published = True
        self._save()
        return replace(result, published=True, doi=record.doi or result.doi, page=self.server.record_page(result.id))

    def _published_before(self, record: Draft) -> Deposited:
        self._save()
        page = self.server.record_page(record.id)
        if self.remembered.digest != self.digest:
            raise already(self.crate, record, page)
        return Deposited(
            server=self.server.name,
            id=record.id,
            doi=record.doi or "",
            version=str(record.metadata.get("version", "")),
            page=page,
            published=True,
            files=(),
            title=str(record.metadata.get("title", "")),
            notes=("it was published before, and has not changed since",),
        )

    def _save(self) -> None:
        self.memory.save(self.remembered)

    def _state(self, draft: str) -> str:
        """What there is by now, and what to run next."""
        page = self.server.draft_page(draft)
        command = f"crate deposit {shlex.quote(display(str(self.crate)))} --to {self.server.site}{self._said()}"
        if self.publishing:
            return (
                f"Whether draft {draft} was published is not known: look at {self.server.record_page(draft)} and "
                f"{page}. The same command finds out, and goes on: {command} --publish"
            )
        command += f" --draft {draft}"
        done = (
            f"{len(self.brought)} of {len(self.keys)} files are in it and compared" if self.keys else "no file was sent"
        )
        return f"Nothing is published. Draft {draft} is left as it is ({page}): {done}. Go on with: {command}"

    def _said(self) -> str:
        """The options that the next command needs too."""
        options = self.options
        said = f" --level {options.level.name.lower()}" if options.level is not Level.PROVENANCE else ""
        said += " --allow-invalid" if options.allow_invalid else ""
        said += " --replace" if options.replace else ""
        return said + (f" --settings {shlex.quote(str(options.settings))}" if options.settings is not None else "")


def left_out_note(reader: CrateReader, plan: Plan) -> list[str]:
    """A word on files that lie in the crate's folder, but are no part of the crate."""
    left = left_out(reader, plan)
    if not left:
        return []
    shown = ", ".join(display(path) for path in left[:5]) + (", …" if len(left) > 5 else "")
    return [f"not sent, since the crate does not describe it ({len(left)}): {shown}; build again to take it in"]


def settings_of(crate: Path, options: Options) -> Settings:
    """The settings: those that are named, or those in the crate's folder."""
    if options.settings is not None:
        return read_settings(options.settings)
    beside = crate / DEPOSIT_YAML
    return read_settings(beside) if crate.is_dir() and beside.is_file() else Settings()


def version_of(root: Entity, settings: Settings, number: str) -> str:
    """The version: as it is set, as the crate says, or a number. One of an earlier deposit does not count."""
    earlier = any(target.startswith(OURS) for target in refs(root, "distribution"))
    return settings.version or (None if earlier else text(root, "version")) or number


def downloads_of(plan: Plan, reader: CrateReader, server: Server, draft: str) -> list[Download]:
    """The zips, as the crate describes them."""
    units = dict(units_of(reader))
    index = Index(reader.metadata)
    return [
        Download(part.key, server.file_url(draft, part.key), _held(part.paths, units, index)) for part in plan.parts
    ]


def _held(paths: tuple[str, ...], units: Mapping[str, tuple[str, ...]], index: Index) -> tuple[str, ...]:
    """The ids of the data entities of which a zip holds all or some files."""
    within = set(paths)
    held = []
    for name, files in units.items():
        if any(path in within for path in files):
            held += [
                entity_id for entity_id in (path_to_id(name), path_to_id(name, is_folder=True)) if entity_id in index
            ]
    return tuple(held) + tuple(path for path in GENERATED if path in within and path in index and path != METADATA)
