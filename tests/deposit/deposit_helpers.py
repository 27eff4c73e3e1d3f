"""What tests of deposits look at: the server's side of things, by plain HTTP."""

from __future__ import annotations

import hashlib
import io
import json
import urllib.error
import urllib.request
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import quote

from conftest import DIRECT, Place


def call(place: Place, method: str, path: str, content: Any = None, token: str | None = "") -> tuple[int, Any]:
    """A request by standard means; bytes go as a file, anything else as JSON. Token "": the depositor's."""
    request = urllib.request.Request(place.url + path, method=method)
    if token is not None:
        request.add_header("Authorization", f"Bearer {token or place.token}")
    if isinstance(content, bytes):
        request.add_header("Content-Type", "application/octet-stream")
        request.data = content
    elif content is not None:
        request.add_header("Content-Type", "application/json")
        request.data = json.dumps(content).encode()
    try:
        with DIRECT.open(request, timeout=60) as answer:
            status, body = answer.status, answer.read()
            is_json = answer.headers.get_content_type().endswith("json") and (
                method != "GET" or not path.endswith("/content")
            )
    except urllib.error.HTTPError as error:
        with error:
            status, body, is_json = error.code, error.read(), True
    try:
        return status, json.loads(body) if is_json and body else body
    except ValueError:
        return status, body


def draft(place: Place, draft_id: str) -> dict[str, Any]:
    status, body = call(place, "GET", f"/records/{draft_id}/draft")
    assert status == 200, body
    return body


def files(place: Place, draft_id: str) -> dict[str, dict[str, Any]]:
    """The entries of a draft by key."""
    status, body = call(place, "GET", f"/records/{draft_id}/draft/files")
    assert status == 200, body
    return {entry["key"]: entry for entry in body["entries"]}


def content(place: Place, draft_id: str, key: str) -> bytes:
    status, body = call(place, "GET", f"/records/{draft_id}/draft/files/{key}/content")
    assert status == 200, body
    return body


def put_file(place: Place, draft_id: str, key: str, data: bytes, *, commit: bool = True) -> None:
    """Upload a file as a person in the browser would."""
    at = f"/records/{draft_id}/draft/files"
    assert call(place, "POST", at, [{"key": key}])[0] == 201
    assert call(place, "PUT", f"{at}/{quote(key)}/content", data)[0] == 200
    if commit:
        assert call(place, "POST", f"{at}/{quote(key)}/commit")[0] == 200


def new_draft(place: Place, **metadata: Any) -> str:
    """A draft that a person made in the browser."""
    body = {
        "access": {"record": "public", "files": "public"},
        "files": {"enabled": True},
        "metadata": {"resource_type": {"id": "dataset"}} | metadata,
    }
    status, answer = call(place, "POST", "/records", body)
    assert status == 201, answer
    place.made.add(str(answer["id"]))
    return str(answer["id"])


def is_published(place: Place, record: str) -> bool:
    return call(place, "GET", f"/records/{record}", token=None)[0] == 200


def assert_complete(place: Place, done: Any) -> None:
    """The draft has exactly what was reported, and it is a crate with the DOI of the draft inside."""
    entries = files(place, done.id)
    for file in done.files:
        assert entries[file.key]["status"] == "completed"
        assert entries[file.key]["checksum"] == f"md5:{file.md5}"
        assert entries[file.key]["size"] == file.size
        data = content(place, done.id, file.key)
        assert hashlib.md5(data).hexdigest() == file.md5
    zips = [file.key for file in done.files if file.key.endswith(".zip")]
    with zipfile.ZipFile(io.BytesIO(content(place, done.id, zips[0]))) as archive:
        assert archive.testzip() is None
        within = archive.read("ro-crate-metadata.json")
    assert within == content(place, done.id, "ro-crate-metadata.json")
    assert done.doi in within.decode()


def snapshot(folder: Path) -> dict[str, bytes]:
    """All files of a folder."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def root_of(metadata: bytes) -> dict[str, Any]:
    return next(e for e in json.loads(metadata)["@graph"] if e["@id"] == "./")
