"""A crate in a deposit: its metadata first, then only the parts of its zips that are asked for.

The record of an InvenioRDM (Zenodo is one), or any zip or metadata file on the web. Hostile like any
crate: names of files come from the record, addresses do not.
"""

from __future__ import annotations

import hashlib
import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any
from urllib.parse import quote, unquote, urlsplit

from biocodes_crate.crate.content import METADATA
from biocodes_crate.crate.entities import Index, text
from biocodes_crate.crate.ids import check_path
from biocodes_crate.crate.parsing import MAX_METADATA, parse_metadata, read_bounded
from biocodes_crate.crate.reader import CrateReader
from biocodes_crate.crate.zips import BAD_ZIP, Oddity, beside_crate, checked_entries, crate_prefix
from biocodes_crate.errors import BiocodesError, NotACrate, RemoteUnreadable
from biocodes_crate.progress import Progress
from biocodes_crate.remote import RemoteFile, Web

_ACCEPT = "application/vnd.inveniordm.v1+json, application/json;q=0.5"
_MAX_RECORD = 32 << 20  # bytes of JSON
_RECORD = re.compile(r"(?P<base>.*?)/(?:api/)?(?:records|record)/(?P<id>[A-Za-z0-9-]+)(?:/(?P<rest>.*))?")
_ZENODO = {"10.5281": "https://zenodo.org", "10.5072": "https://sandbox.zenodo.org"}


@dataclass(frozen=True, slots=True)
class _Listed:
    """A file of a record."""

    url: str
    size: int | None = None
    md5: str | None = None


def open_deposited(address: str, web: Web | None = None) -> CrateReader:
    """Open a crate by the address of a record, its DOI, or that of a zip or metadata file.

    Raises
    ------
    RemoteUnreadable
        It cannot be had.
    NotACrate
        What is there is no crate.
    """
    web = web or Web()
    try:
        return _open(address, web)
    except BaseException:
        web.close()
        raise


def _open(address: str, web: Web) -> CrateReader:
    url = _landing(address, web)
    split = urlsplit(url)
    match = _RECORD.fullmatch(split.path)
    if match is not None:
        base = f"{split.scheme}://{split.netloc}{match['base']}/api/records/{match['id']}"
        listed = _files_of(base, web)
        named = re.fullmatch(r"files/([^/]+)(?:/content)?/?", match["rest"] or "")
        if named is not None:
            key = unquote(named[1])
            listed = {key: listed[key]} if key in listed else {}
        return DepositedCrate(url, web, listed)
    name = unquote(split.path.rpartition("/")[2])
    if split.path.lower().endswith((".zip", ".json")):
        return DepositedCrate(url, web, {METADATA if name.lower().endswith(".json") else name: _Listed(url)})
    raise NotACrate(
        "the address is neither that of a record, nor of a zip or metadata file",
        where=address,
        remedy="Name a record such as https://zenodo.org/records/1234567, its DOI, or a file ending in .zip.",
    )


def _landing(address: str, web: Web) -> str:
    """Where a DOI leads; any other address is itself."""
    split = urlsplit(address)
    if (split.hostname or "") not in {"doi.org", "dx.doi.org", "www.doi.org"}:
        return address
    doi = unquote(split.path.lstrip("/"))
    known = re.fullmatch(r"(10\.[0-9]+)/zenodo\.([0-9]+)", doi, re.IGNORECASE)
    if known is not None and known[1] in _ZENODO:
        return f"{_ZENODO[known[1]]}/records/{known[2]}"
    return web.final_url(address)


def _files_of(record: str, web: Web) -> dict[str, _Listed]:
    """The files of a record, by key."""
    # Zenodo leads the id that stands for all versions to that of the latest.
    page = web.get(record, _MAX_RECORD, _ACCEPT)
    record = page.url.partition("?")[0].rstrip("/")
    body = web.get(f"{record}/files", _MAX_RECORD, _ACCEPT).json()
    entries: Any = body.get("entries") if isinstance(body, dict) else None
    listed: dict[str, _Listed] = {}
    for entry in entries if isinstance(entries, list) else ():
        if not isinstance(entry, dict) or not isinstance(entry.get("key"), str):
            continue
        size, checksum = entry.get("size"), entry.get("checksum")
        listed[entry["key"]] = _Listed(
            f"{record}/files/{quote(entry['key'], safe='')}/content",
            size if isinstance(size, int) and size >= 0 else None,
            checksum[4:] if isinstance(checksum, str) and checksum.startswith("md5:") else None,
        )
    if not listed:
        raise NotACrate(
            "the record has no files that anybody may read", where=record, remedy="Check that its files are public."
        )
    return listed


class DepositedCrate(CrateReader):
    """A crate on the web: loose metadata, and zips that are opened when a file is asked for."""

    def __init__(self, address: str, web: Web, listed: Mapping[str, _Listed]) -> None:
        self.path = Path(urlsplit(address).path.strip("/").replace("/", "-") or "crate")
        self.address = address
        self._web = web
        web.on_fetch = self._report
        self._listed = listed
        self._opened: list[_Part] | None = None
        self._oddities: list[Oddity] = []
        self._loose: bytes | None = None
        if METADATA in listed:
            self._loose = self._small(METADATA)
            self.metadata = parse_metadata(self._loose, f"{address}: {METADATA}")
            self._zips = self._named_zips()
        else:
            self._zips = [key for key in listed if key.lower().endswith(".zip")]
            if not self._zips:
                raise NotACrate(
                    f"there is neither {METADATA} nor a zip", where=address, remedy="Name the record of a crate."
                )
            self.metadata = self._parts()[0].metadata
        self.has_payload = bool(self._zips)

    @property
    def oddities(self) -> tuple[Oddity, ...]:  # type: ignore[override]
        """What is odd in the zips, as far as they are open."""
        return tuple(self._oddities)

    def files(self) -> Mapping[str, int]:
        """All files of all zips."""
        if self._all is None:
            self._all = {path: info.file_size for part in self._parts() for path, info in part.entries.items()}
        return self._all

    _all: dict[str, int] | None = None

    def open(self, path: str) -> IO[bytes]:
        """A file of the crate; only its bytes are fetched."""
        check_path(path)
        for part in self._parts():
            if path in part.entries:
                return part.archive.open(part.entries[path])
        raise FileNotFoundError(path)

    @property
    def failure(self) -> BiocodesError | None:  # type: ignore[override]
        """Why the line to a zip broke, if it did: no fault of the crate."""
        return next((part.file.failure for part in self._opened or () if part.file.failure is not None), None)

    @property
    def fetched(self) -> int:
        """Bytes of zips that came over the line so far."""
        return sum(part.file.fetched for part in self._opened or ())

    def close(self) -> None:
        """Close the connections."""
        for part in self._opened or ():
            part.archive.close()
            part.file.close()
        self._opened = []
        self._web.close()

    def _small(self, key: str) -> bytes:
        listed = self._listed[key]
        content = self._web.get(listed.url, MAX_METADATA).content
        if listed.md5 is not None and hashlib.md5(content, usedforsecurity=False).hexdigest() != listed.md5:
            raise RemoteUnreadable(
                f"{key} has not the checksum that the record states", where=listed.url, remedy="Fetch it again."
            )
        return content

    def _named_zips(self) -> list[str]:
        """The zips that the metadata names, in its order; any zip where it names none."""
        index = Index(self.metadata)
        named = [text(entity, "name") for entity in index.of_type("DataDownload")]
        known = [name for name in named if name is not None and name in self._listed]
        return known or [key for key in self._listed if key.lower().endswith(".zip")]

    def _parts(self) -> list[_Part]:
        if self._opened is None:
            opened: list[_Part] = []
            try:
                for key in self._zips:
                    opened.append(self._open_part(key))  # noqa: PERF401 (those that are open are closed below)
                self._opened = self._arranged(opened)
            except BaseException:
                for part in opened:
                    part.archive.close()
                    part.file.close()
                raise
        return self._opened

    def _open_part(self, key: str) -> _Part:
        listed = self._listed[key]
        file = self._web.open(listed.url, listed.size)
        try:
            archive = zipfile.ZipFile(file)
        except BAD_ZIP as error:
            file.close()
            raise NotACrate(
                f"{key} cannot be read as a zip ({error})", where=self.address, remedy="Ask who deposited it."
            ) from error
        except BaseException:
            file.close()
            raise
        entries, oddities = checked_entries(archive, f"{self.address}: {key}")
        self._oddities += oddities
        return _Part(key, file, archive, entries)

    def _arranged(self, parts: list[_Part]) -> list[_Part]:
        """The zips as parts of one crate: first the one that has the metadata, no file twice."""
        with_metadata = [part for part in parts if any(name.rpartition("/")[2] == METADATA for name in part.entries)]
        whole: _Part | None = None
        for part in with_metadata:
            try:
                prefix = crate_prefix(part.entries, part.key)
            except NotACrate:
                continue
            self._oddities += beside_crate(part.entries, prefix)
            part.entries = {
                name.removeprefix(prefix): info for name, info in part.entries.items() if name.startswith(prefix)
            }
            whole = part
            break
        if whole is None:
            raise NotACrate(f"no zip of it has {METADATA}", where=self.address, remedy="Name the record of a crate.")
        self._read_metadata(whole)
        arranged = [whole, *(part for part in parts if part is not whole)] if self._loose is not None else [whole]
        seen: set[str] = set()
        for part in arranged:
            for path in [path for path in part.entries if path in seen]:
                self._oddities.append(Oddity("duplicate", path, "is in several zips; the first one was read"))
                del part.entries[path]
            seen.update(part.entries)
        return arranged

    def _read_metadata(self, part: _Part) -> None:
        where = f"{self.address}: {part.key}/{METADATA}"
        try:
            with part.archive.open(part.entries[METADATA]) as file:
                content = read_bounded(file, where)
        except BAD_ZIP as error:
            raise NotACrate(f"{METADATA} in {part.key} cannot be read ({error})", where=self.address) from error
        part.metadata = parse_metadata(content, where)
        if self._loose is not None and content != self._loose:
            self._oddities.append(
                Oddity("metadata-differs", METADATA, f"beside the zip is not the one within {part.key}")
            )

    def _report(self, url: str, done: int, total: int) -> None:
        name = unquote(urlsplit(url).path.removesuffix("/content").rpartition("/")[2])
        self.on_progress(Progress(f"fetching {name}", done, total))


class _Part:
    """A zip of a crate."""

    def __init__(
        self, key: str, file: RemoteFile, archive: zipfile.ZipFile, entries: dict[str, zipfile.ZipInfo]
    ) -> None:
        self.key = key
        self.file = file
        self.archive = archive
        self.entries = entries  # by path within the crate
        self.metadata: dict[str, Any] = {}
