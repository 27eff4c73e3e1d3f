"""What was deposited where: so that a second run goes on, and touches only what is ours.

One small JSON file for each crate and server, in the user's state folder. It holds no secret. Where it
is lost, nothing is: a draft can be named with `--draft`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from biocodes_crate.errors import DepositFailed

MAX_BYTES = 16 << 20


@dataclass(slots=True)
class Remembered:
    """A deposit as far as it went. The one mutable record of a deposit: it is written down after each step."""

    server: str
    crate: str
    draft: str | None = None
    published: bool = False
    digest: str | None = None  # of the crate that the draft holds, once it holds all of it
    files: dict[str, list[str]] = field(default_factory=dict)  # MD5s that we sent, or are about to, by key
    fields: dict[str, str] = field(default_factory=dict)  # what the server made of the metadata that we sent


class Memory:
    """The remembered deposits of a user."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = state_folder() if folder is None else folder

    def load(self, server: str, crate: Path) -> Remembered:
        """What is remembered of a crate; what cannot be read is as good as nothing."""
        where = os.fsdecode(os.fsencode(crate.resolve()))
        fresh = Remembered(server, where.encode("utf-8", "backslashreplace").decode())
        try:
            with self._path(fresh).open("rb") as file:
                value = json.loads(file.read(MAX_BYTES))
            return _checked(value, fresh)
        except (OSError, ValueError, TypeError, RecursionError):
            return fresh

    def save(self, deposit: Remembered) -> None:
        """Write it down, whole or not at all.

        Raises
        ------
        DepositFailed
            It cannot be written: going on could make a second draft later.
        """
        path = self._path(deposit)
        temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            temporary.write_text(json.dumps(asdict(deposit), indent=1), encoding="utf-8")
            temporary.replace(path)
        except OSError as error:
            raise DepositFailed(
                f"what was deposited cannot be remembered ({error.strerror or error})",
                where=path.parent,
                remedy="Make the folder writable, or name another with BIOCODES_STATE.",
            ) from error
        finally:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)

    @contextlib.contextmanager
    def alone(self, deposit: Remembered) -> Iterator[None]:
        """Keep a second run of the same deposit out."""
        path = self._path(deposit).with_suffix(".lock")
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            file = path.open("a")
        except OSError as error:
            raise DepositFailed(
                f"what was deposited cannot be remembered ({error.strerror or error})",
                where=path.parent,
                remedy="Make the folder writable, or name another with BIOCODES_STATE.",
            ) from error
        with file:
            if not _lock(file.fileno()):
                raise DepositFailed(
                    "this crate is being deposited by another run", where=deposit.crate, remedy="Wait until it is done."
                )
            yield

    def _path(self, deposit: Remembered) -> Path:
        digest = hashlib.sha256(f"{deposit.server}\0{deposit.crate}".encode()).hexdigest()[:32]
        return self.folder / "deposits" / f"{digest}.json"


def state_folder() -> Path:
    """Where the user's programs keep what they must not forget."""
    named = os.environ.get("BIOCODES_STATE")
    if named:
        return Path(named)
    if os.name == "nt":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        base = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    return base / "biocodes-crate"


def fields_digest(value: Any) -> str:
    """A short mark of a piece of JSON, to tell whether it was changed."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def _lock(descriptor: int) -> bool:
    """Lock a file until it is closed; goes with the process, however that ends."""
    if sys.platform == "win32":
        import msvcrt  # noqa: PLC0415

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl  # noqa: PLC0415

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _checked(value: Any, fresh: Remembered) -> Remembered:
    if not isinstance(value, dict) or (value.get("server"), value.get("crate")) != (fresh.server, fresh.crate):
        return fresh
    files = value.get("files")
    kept = (
        {str(key): [str(md5) for md5 in md5s] for key, md5s in files.items() if isinstance(md5s, list)}
        if isinstance(files, dict)
        else {}
    )
    fields = value.get("fields")

    def text(key: str) -> str | None:
        return value[key] if isinstance(value.get(key), str) else None

    return Remembered(
        fresh.server,
        fresh.crate,
        text("draft"),
        value.get("published") is True,
        text("digest"),
        kept,
        {str(key): str(mark) for key, mark in fields.items()} if isinstance(fields, dict) else {},
    )
