"""A small InvenioRDM in this process, with the manners and the traps of the real one, and faults on request.

Checked by the same tests as the real server (`test_server.py`). Faults are posted to `/_faults` as to
the proxy in front of a real server: `{"fault": "error-after", "method": "POST", "path": "/publish$",
"status": 504, "times": 1, "skip": 0}`.
"""

from __future__ import annotations

import copy
import hashlib
import json
import re
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN, OTHER = "fake-token-of-the-depositor-0123456789", "fake-token-of-somebody-else-9876543210"
MOST_FILES = 100
LICENCES = {"cc-by-4.0": "Creative Commons Attribution 4.0 International", "mit": "MIT License"}
VOCABULARIES = {
    "licenses": set(LICENCES),
    "relationtypes": {"issupplementto", "isderivedfrom", "references"},
    "resourcetypes": {"dataset", "publication-article", "software"},
    "languages": {"eng"},
}
AFFILIATIONS = {"01ggx4157": "European Organization for Nuclear Research"}
FUNDERS = {"00rbzpz17": "Agence Nationale de la Recherche"}
KNOWN_FIELDS = frozenset(
    [
        "resource_type",
        "title",
        "publication_date",
        "publisher",
        "version",
        "description",
        "creators",
        "contributors",
        "rights",
        "subjects",
        "languages",
        "identifiers",
        "related_identifiers",
        "funding",
        "additional_titles",
        "dates",
    ]
)


class Answer(Exception):
    """Leave off with this answer."""

    def __init__(self, status: int, message: str, errors: list[dict[str, Any]] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"status": status, "message": message} | ({"errors": errors} if errors else {})


@dataclass
class StoredFile:
    content: bytes | None = None
    complete: bool = False


@dataclass
class Item:
    """A draft, and the record once it is published."""

    id: str
    parent: str
    owner: str
    index: int
    body: dict[str, Any]
    revision: int = 1
    doi: str | None = None
    published: bool = False
    deleted: bool = False
    files: dict[str, StoredFile] = field(default_factory=dict)
    review: bool = False


@dataclass
class Store:
    """All that the server holds. Tests look into it, and change it as a person in the browser would."""

    items: dict[str, Item] = field(default_factory=dict)
    faults: list[dict[str, Any]] = field(default_factory=list)
    requests: list[dict[str, Any]] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    ranges: bool = True  # whether parts of files can be had
    quota: int = 50 * 10**9
    revoked: set[str] = field(default_factory=set)
    count: int = 0

    def new_id(self) -> str:
        self.count += 1
        return str(self.count)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store: Store

    def log_message(self, *_: Any) -> None:
        pass

    def _handle(self) -> None:
        self.close_connection = True
        path = urlsplit(self.path).path
        if path == "/_faults":
            self._control()
            return
        fault = self._fault(path)
        self.store.requests.append(
            {
                "method": self.command,
                "path": self.path,
                "headers": dict(self.headers),
                "fault": (fault or {}).get("fault"),
            }
        )
        kind = (fault or {}).get("fault", "")
        length = int(self.headers.get("Content-Length") or 0)
        if kind == "drop-upload":
            self.rfile.read(fault.get("after_bytes", length // 2))
            self._broken_upload(path)
            self._reset()
            return
        body = self.rfile.read(length)
        if len(body) < length:  # the client left
            self._broken_upload(path)
            return
        if kind == "error-before":
            self._json(fault.get("status", 503), {"message": "Injected fault."}, fault.get("headers"))
            return
        with self.store.lock:
            try:
                status, answer = self._route(path.removeprefix("/api"), body)
            except Answer as refusal:
                status, answer = refusal.status, refusal.body
        if kind == "error-after":
            self._json(fault.get("status", 503), {"message": "Injected fault."}, fault.get("headers"))
        elif kind == "drop-answer":
            self._reset()
        elif isinstance(answer, bytes):
            self._bytes(status, answer, cut=kind == "cut-answer")
        else:
            text = json.dumps(answer).encode()
            if kind == "bad-checksum":
                text = re.sub(rb"md5:[0-9a-f]{32}", lambda found: b"md5:" + found[0][:3:-1], text)
            self._raw(status, "application/json", text, cut=kind == "cut-answer")

    do_GET = do_POST = do_PUT = do_DELETE = _handle  # noqa: N815

    # -- requests -------------------------------------------------------------

    def _route(self, path: str, body: bytes) -> tuple[int, Any]:
        user = self._user()
        parts = [unquote(part) for part in path.strip("/").split("/")]
        match self.command, parts:
            case "POST", ["records"]:
                return self._create(user, body)
            case "GET", ["user", "records"]:
                self._signed_in(user)
                hits = [i for i in reversed(self.store.items.values()) if i.owner == user and not i.deleted]
                asked = {name: values[-1] for name, values in parse_qs(urlsplit(self.path).query).items()}
                if "q" in asked:  # as the search of the test server: it does not know this kind of question
                    return 200, {"hits": {"hits": [], "total": 0}}
                size, page = int(asked.get("size", 10)), int(asked.get("page", 1))
                shown = [self._shown(item) for item in hits[size * (page - 1) : size * page]]
                return 200, {"hits": {"hits": shown, "total": len(hits)}}
            case "GET", ["vocabularies", name, entry]:
                return self._known(entry in VOCABULARIES.get(name, ()), entry)
            case "GET", ["affiliations", entry]:
                return self._known(entry in AFFILIATIONS, entry)
            case "GET", ["funders", entry]:
                return self._known(entry in FUNDERS, entry)
            case _, ["records", item_id, *rest]:
                return self._record(user, item_id, rest, body)
        raise Answer(404, "The requested URL was not found on the server.")

    def _record(self, user: str | None, item_id: str, rest: list[str], body: bytes) -> tuple[int, Any]:
        item = self.store.items.get(item_id)
        if item is None or item.deleted:
            raise Answer(404, "The persistent identifier does not exist.")
        match self.command, rest:
            case "GET", []:
                if not item.published:
                    raise Answer(404, "The persistent identifier is not registered.")
                return 200, self._shown(item)
            case "GET", ["files"] if item.published:
                return 200, {"enabled": True, "entries": self._entries(item)}
            case "GET", ["files", key, "content"] if item.published:
                return 200, self._content(item, key)
            case "POST", ["versions"]:
                self._may(user, item)
                return self._next_version(item)
            case "POST", ["draft"]:
                self._may(user, item)
                return 201, self._shown(item)
            case _, ["draft", *rest]:
                self._may(user, item)
                if item.published and rest[:1] != ["files"]:
                    raise Answer(404, "The persistent identifier does not exist.")
                return self._draft(item, rest, body)
        raise Answer(404, "Not found.")

    def _draft(self, item: Item, rest: list[str], body: bytes) -> tuple[int, Any]:
        match self.command, rest:
            case "GET", []:
                return 200, self._shown(item)
            case "PUT", []:
                return self._update(item, body)
            case "DELETE", []:
                item.deleted = True
                return 204, b""
            case "POST", ["pids", "doi"]:
                if item.doi is not None:
                    errors = [{"field": "pids.doi", "messages": ["A PID already exists for type doi"]}]
                    raise Answer(400, "A validation error occurred.", errors)
                item.doi = f"10.5072/zenodo.{item.id}"
                return 201, self._shown(item)
            case "POST", ["actions", "publish"]:
                return self._publish(item)
            case "POST", ["actions", "files-import"]:
                return self._import(item)
            case _, ["files", *rest]:
                return self._files(item, rest, body)
        raise Answer(404, "Not found.")

    def _files(self, item: Item, rest: list[str], body: bytes) -> tuple[int, Any]:
        if item.published and (self.command in {"PUT", "DELETE"} or rest[-1:] == ["commit"]):
            raise Answer(403, "Bucket is locked for modifications.")
        match self.command, rest:
            case "GET", []:
                return 200, {"enabled": True, "entries": self._entries(item)}
            case "POST", []:
                return self._declare(item, [str(entry["key"]) for entry in json.loads(body)])
            case _, [key, *_] if key not in item.files:
                raise Answer(404, f"Record '{item.id}' has no file \"{key}\".")
            case "GET", [key]:
                return 200, self._entry(key, item.files[key])
            case "GET", [key, "content"]:
                return 200, self._content(item, key)
            case "DELETE", [key]:
                del item.files[key]
                return 204, b""
            case "PUT", [key, "content"]:
                return self._receive(item, key, body)
            case "POST", [key, "commit"]:
                return self._commit(item, key)
        raise Answer(404, "Not found.")

    def _create(self, user: str | None, body: bytes) -> tuple[int, Any]:
        self._signed_in(user)
        given = json.loads(body)
        self._check_vocabularies(given.get("metadata", {}))
        item = Item(self.store.new_id(), self.store.new_id(), str(user), 1, given)
        self.store.items[item.id] = item
        return 201, self._shown(item)

    def _update(self, item: Item, body: bytes) -> tuple[int, Any]:
        stated = self.headers.get("If-Match")
        if stated is not None and stated != str(item.revision):
            raise Answer(412, f"Revision id provided({stated}) doesn't match record's one({item.revision})")
        given = json.loads(body)
        self._check_vocabularies(given.get("metadata", {}))
        item.body = given
        item.revision += 1
        return 200, self._shown(item)

    def _declare(self, item: Item, keys: list[str]) -> tuple[int, Any]:
        for key in keys:
            if key in item.files:
                raise Answer(400, f"File with key {key} already exists.")
            if len(item.files) >= MOST_FILES:
                raise Answer(400, f"Uploading selected files will result in {len(item.files) + 1} files.")
            item.files[key] = StoredFile()
        return 201, {"enabled": True, "entries": self._entries(item)}

    def _receive(self, item: Item, key: str, body: bytes) -> tuple[int, Any]:
        file = item.files[key]
        if file.complete:  # the trap: it answers 200, and the file is lost
            item.files[key] = StoredFile()
            return 200, self._entry(key, item.files[key]) | {"errors": "File upload transfer failed."}
        held = sum(len(other.content or b"") for other in item.files.values())
        if held + len(body) > self.store.quota:
            raise Answer(400, "Bucket quota exceeded.")
        file.content = body
        return 200, self._entry(key, file)

    def _commit(self, item: Item, key: str) -> tuple[int, Any]:
        file = item.files[key]
        if not file.content:
            raise Answer(400, "File is empty or was not uploaded.")
        if file.complete:
            raise Answer(400, "File is committed already.")
        file.complete = True
        return 200, self._entry(key, file)

    def _import(self, item: Item) -> tuple[int, Any]:
        if item.files:
            raise Answer(400, "Please remove all files before importing from another record.")
        before = max((i for i in self._family(item) if i.published), key=lambda i: i.index)
        item.files = copy.deepcopy(before.files)
        return 201, {"enabled": True, "entries": self._entries(item)}

    def _next_version(self, item: Item) -> tuple[int, Any]:
        if not item.published:
            raise Answer(404, "The persistent identifier is not registered.")
        for other in self._family(item):
            if not other.published:
                return 201, self._shown(other)
        latest = max(self._family(item), key=lambda i: i.index)
        body = copy.deepcopy(latest.body)
        body["metadata"].pop("version", None)
        body["metadata"]["publication_date"] = datetime.now(UTC).date().isoformat()
        body["files"] = {"enabled": True}
        new = Item(self.store.new_id(), item.parent, item.owner, latest.index + 1, body)
        self.store.items[new.id] = new
        return 201, self._shown(new)

    def _publish(self, item: Item) -> tuple[int, Any]:
        errors = self._complaints(item)
        if errors:
            raise Answer(400, "A validation error occurred.", errors)
        if not item.files or not all(file.complete for file in item.files.values()):
            errors = [{"field": "files.enabled", "messages": ["Missing uploaded files."]}]
            raise Answer(400, "A validation error occurred.", errors)
        item.doi = item.doi or f"10.5072/zenodo.{item.id}"
        item.published = True
        return 202, self._shown(item)

    # -- what is shown --------------------------------------------------------

    def _shown(self, item: Item) -> dict[str, Any]:
        shown = copy.deepcopy(item.body)
        metadata = shown.setdefault("metadata", {})
        for right in metadata.get("rights", []):  # enriched with what is refused when it is sent back
            if "id" in right:
                right |= {"title": {"en": LICENCES[right["id"]]}, "icon": "cc-by-icon", "props": {"scheme": "spdx"}}
        if isinstance(metadata.get("resource_type"), dict):
            metadata["resource_type"] = metadata["resource_type"] | {"title": {"en": "Dataset"}}
        for creator in metadata.get("creators", []):
            person = creator["person_or_org"]
            if person.get("type") == "personal":
                person["name"] = ", ".join(filter(None, (person.get("family_name"), person.get("given_name"))))
        doi = {"doi": {"identifier": item.doi, "provider": "datacite"}} if item.doi else {}
        return (
            shown
            | {
                "id": item.id,
                "revision_id": item.revision,
                "is_published": item.published,
                "is_draft": not item.published,
                "pids": doi,
                "parent": {"id": item.parent} | ({"review": {"type": "community-submission"}} if item.review else {}),
                "versions": {"index": item.index, "is_latest": item.published},
                "files": shown.get("files", {}) | {"entries": {}, "count": len(item.files)},
                "access": shown.get("access", {}) | {"status": "open", "embargo": {"active": False, "reason": None}},
            }
            | ({} if item.published else {"errors": self._complaints(item)})
        )

    def _complaints(self, item: Item) -> list[dict[str, Any]]:
        metadata = item.body.get("metadata", {})
        errors = [
            {"field": f"metadata.{name}", "messages": ["Missing data for required field."]}
            for name in ("title", "creators", "resource_type", "publication_date")
            if not metadata.get(name)
        ]
        if not metadata.get("publisher"):
            errors.append(
                {"field": "metadata.publisher", "messages": ["Missing publisher field required for DOI registration."]}
            )
        errors += [
            {"field": f"metadata.{name}", "messages": ["Unknown field."]} for name in set(metadata) - KNOWN_FIELDS
        ]
        for position, right in enumerate(metadata.get("rights", [])):
            errors += [
                {"field": f"metadata.rights.{position}.{name}", "messages": ["Unknown field."]}
                for name in set(right) - {"id", "title", "description", "link"}
            ]
        preview = item.body.get("files", {}).get("default_preview")
        if preview and preview not in item.files:
            errors.append({"field": "files.default_preview", "messages": [f'No file with key "{preview}"']})
        return errors

    def _entries(self, item: Item) -> list[dict[str, Any]]:
        return [self._entry(key, file) for key, file in item.files.items()]

    def _entry(self, key: str, file: StoredFile) -> dict[str, Any]:
        entry: dict[str, Any] = {"key": key, "status": "completed" if file.complete else "pending"}
        if file.complete and file.content is not None:
            entry |= {"size": len(file.content), "checksum": "md5:" + hashlib.md5(file.content).hexdigest()}
        return entry

    def _content(self, item: Item, key: str) -> bytes:
        if key not in item.files or item.files[key].content is None:
            raise Answer(404, f"Record '{item.id}' has no file \"{key}\".")
        return item.files[key].content or b""

    def _check_vocabularies(self, metadata: dict[str, Any]) -> None:
        named = [right.get("id") for right in metadata.get("rights", [])]
        if any(name is not None and name not in LICENCES for name in named):
            raise Answer(400, "A validation error occurred.")  # without saying which field
        for work in metadata.get("related_identifiers", []):
            if work["relation_type"]["id"] not in VOCABULARIES["relationtypes"]:
                raise Answer(400, "A validation error occurred.")

    def _known(self, known: bool, entry: str) -> tuple[int, Any]:
        if not known:
            raise Answer(404, "The persistent identifier does not exist.")
        return 200, {"id": entry}

    def _family(self, item: Item) -> list[Item]:
        return [i for i in self.store.items.values() if i.parent == item.parent and not i.deleted]

    # -- who asks -------------------------------------------------------------

    def _user(self) -> str | None:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        return {TOKEN: "1", OTHER: "2"}.get(token) if token not in self.store.revoked else None

    def _signed_in(self, user: str | None) -> None:
        if user is None:
            raise Answer(403, "Permission denied.")

    def _may(self, user: str | None, item: Item) -> None:
        if user != item.owner:
            raise Answer(403, "Permission denied.")

    # -- the line -------------------------------------------------------------

    def _fault(self, path: str) -> dict[str, Any] | None:
        with self.store.lock:
            for fault in self.store.faults:
                if fault.get("method", "") not in {"", self.command} or not re.search(fault.get("path", ""), path):
                    continue
                if fault.get("skip", 0) > 0:
                    fault["skip"] -= 1
                    continue
                if fault.get("times", 1) is not None:
                    fault["times"] = fault.get("times", 1) - 1
                    if fault["times"] <= 0:
                        self.store.faults.remove(fault)
                return fault
        return None

    def _control(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        with self.store.lock:
            if self.command == "POST":
                self.store.faults.append(json.loads(body))
            elif self.command == "DELETE":
                self.store.faults.clear()
                self.store.requests.clear()
            self._json(200, {"faults": self.store.faults, "requests": self.store.requests})

    def _broken_upload(self, path: str) -> None:
        """The server takes back the announcement of a file whose upload broke off."""
        match = re.search(r"/records/([^/]+)/draft/files/([^/]+)/content$", path)
        with self.store.lock:
            item = self.store.items.get(match[1]) if match else None
            if match and item is not None:
                item.files.pop(unquote(match[2]), None)

    def _reset(self) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()

    def _bytes(self, status: int, content: bytes, *, cut: bool) -> None:
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if wanted and self.store.ranges and content:
            first, last = int(wanted[1]), min(int(wanted[2]), len(content) - 1)
            place = {"Content-Range": f"bytes {first}-{last}/{len(content)}"}
            self._raw(206, "application/octet-stream", content[first : last + 1], place, cut=cut)
        else:
            self._raw(status, "application/octet-stream", content, cut=cut)

    def _json(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
        self._raw(status, "application/json", json.dumps(value).encode(), headers)

    def _raw(
        self, status: int, kind: str, content: bytes, headers: dict[str, str] | None = None, *, cut: bool = False
    ) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        if status != 204:
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content[: len(content) // 2] if cut else content)
        self.wfile.flush()
        if cut:
            self._reset()


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: Any) -> None:
        """A client that hangs up is no news."""


@contextmanager
def fake_invenio() -> Iterator[tuple[str, Store]]:
    """Run the server; gives its base URL (that ends in /api) and what it holds."""
    store = Store()
    handler = type("BoundHandler", (Handler,), {"store": store})
    server = _Server(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/api", store
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
