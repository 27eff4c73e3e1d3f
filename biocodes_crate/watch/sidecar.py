"""`NAME.iscc.json`: the IsccEntry of an image beside it, with when and by what it was first computed.

A sidecar is there whole or not at all. One that somebody else wrote is never touched.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import socket
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from biocodes_crate.codes import ImageCodes
from biocodes_crate.errors import CannotWrite

SUFFIX = ".iscc.json"
_OURS = "biocodes-crate"  # key within the entry's `metadata`
_MAX_BYTES = 512 * 2**20
_SOFTWARE = re.compile(r"biocodes-crate [0-9A-Za-z.+-]{1,40}")
_TEMPORARY = re.compile(r"\.iscc-([0-9a-f]{12})-(\d+)-[0-9a-f]{8}\.part")


@dataclass(frozen=True, slots=True)
class Sidecar:
    """A sidecar that this software wrote."""

    entry: dict[str, Any]  # IsccEntry
    computed: str  # ISO 8601, UTC: when these codes were first computed
    software: str  # "biocodes-crate 0.1.0", which computed them
    state: str  # of the files then
    inode: int
    files: tuple[str, ...] = ()  # of an image made of several files: all of them, by name

    @property
    def codes(self) -> tuple[str, ...]:
        """The codes of the files and of every scene."""
        parts = self.entry.get("parts")
        scenes = [part.get("iscc_code") for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
        return (str(self.entry.get("iscc_code")), *map(str, scenes))


def codes_of(codes: ImageCodes) -> tuple[str, ...]:
    """What :attr:`Sidecar.codes` is for codes just computed."""
    return (codes.tree.iscc, *(scene.iscc for scene in codes.scenes))


def sidecar_path(path: Path) -> Path:
    """Where the sidecar of a file or folder lies."""
    return path.with_name(path.name + SUFFIX)


def read_sidecar(path: Path) -> Sidecar | None:
    """The sidecar at a path; None where there is none, or it is not one that this software wrote."""
    try:
        if path.stat().st_size > _MAX_BYTES:
            return None
        entry = json.loads(path.read_bytes())
        ours = entry["metadata"][_OURS]
        computed, software, state = texts = [ours["computed"], ours["software"], ours["state"]]
        files, inode = ours["files"], ours["inode"]
        if not all(isinstance(text, str) for text in (*texts, *files)) or not isinstance(inode, int):
            return None
        if not _SOFTWARE.fullmatch(software) or datetime.fromisoformat(computed).tzinfo is None:
            return None
        return Sidecar(entry, computed, software, state, inode, tuple(files))
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def write_sidecar(path: Path, sidecar: Sidecar) -> None:
    """Write a sidecar, in place of one of ours.

    Raises
    ------
    CannotWrite
        The folder cannot be written to, or there is a file of this name that is not ours.
    """
    if os.path.lexists(path) and read_sidecar(path) is None:
        raise foreign(path)
    ours = {
        "computed": sidecar.computed,
        "software": sidecar.software,
        "state": sidecar.state,
        "inode": sidecar.inode,
        "files": list(sidecar.files),
    }
    metadata = sidecar.entry.get("metadata")
    document = {**sidecar.entry, "metadata": {**(metadata if isinstance(metadata, dict) else {}), _OURS: ours}}
    temporary = path.with_name(f".iscc-{_host()}-{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        with temporary.open("xb") as file:
            file.write((json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "replace"))
            file.flush()
            os.fsync(file.fileno())  # before it takes the name: a power cut must not leave an empty sidecar
        temporary.replace(path)
    except OSError as error:
        raise CannotWrite(
            f"the sidecar cannot be written ({error.strerror or error})",
            where=path,
            remedy="Check the folder's rights and the free space.",
        ) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def foreign(path: Path) -> CannotWrite:
    """There is a file where a sidecar would go."""
    return CannotWrite(
        "there is a file of this name that crate watch did not write; it is left as it is",
        where=path,
        remedy="Move it away if the image is to be coded.",
    )


def sweep(folder: Path) -> None:
    """Remove what watchers of this machine that were killed left half-written in a folder."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            match = _TEMPORARY.fullmatch(entry.name)
            if match and match[1] == _host() and not _is_running(int(match[2])):
                with contextlib.suppress(OSError):
                    os.unlink(entry.path)  # noqa: PTH108


def _host() -> str:
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:12]


def _is_running(process: int) -> bool:
    if process == os.getpid():
        return False  # of an earlier process with our number: we have none open when we sweep
    if os.name != "posix":
        return True  # to ask is to end it there
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
