"""Paths as the `@id` of data entities, and back (RO-Crate 1.3, section "Core Metadata for Data Entities").

UTF-8 letters stay as they are. Percent-encoded is what an IRI cannot hold, what would change its
meaning (`#`, `?`, `%`, `:`), and what JSON-LD and libraries trip over (`@`, `;`). Bytes of a file
name that are not UTF-8 survive.
"""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

from biocodes_crate.errors import UnsafePath

_LONGEST = 4096  # characters: a longer path can be unpacked nowhere, and has too many folders
_PLAIN = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~!$&'()*+,=/")
_UCSCHAR = ((0xA0, 0xD7FF), (0xF900, 0xFDCF), (0xFDF0, 0xFFEF))  # RFC 3987, section 2.2, first plane


def path_to_id(path: str, *, is_folder: bool = False) -> str:
    """The `@id` of a file, or of a folder (with a slash at the end)."""
    encoded = "".join(char if _is_plain(char) else _escape(char) for char in path)
    return f"{encoded}/" if is_folder and not encoded.endswith("/") else encoded


def id_to_path(entity_id: str) -> str:
    """The path that an `@id` stands for, without a slash at the end; never outside of the crate.

    Raises
    ------
    UnsafePath
        The id is absolute, or climbs out of the crate.
    """
    path = unquote_to_bytes(_bytes(entity_id)).decode("utf-8", "surrogateescape").removeprefix("./").rstrip("/")
    return check_path(path, where=entity_id)


def check_path(path: str, *, where: str | None = None) -> str:
    """Return a relative path with slashes unchanged, or raise :class:`UnsafePath`."""
    parts = path.split("/")
    if (
        not path
        or path.startswith("/")
        or len(path) > _LONGEST
        or "\\" in path
        or "\0" in path
        or (len(parts[0]) >= 2 and parts[0][1] == ":")
        or any(part in {"", ".", ".."} for part in parts)
    ):
        raise UnsafePath(
            "the path does not stay within the crate",
            where=where if where is not None else path,
            remedy="Use a relative path with slashes and without '..'.",
        )
    return path


def display(path: str) -> str:
    """A path as text that can be written as UTF-8, for names and messages."""
    return _bytes(path).decode("utf-8", "replace")


def _is_plain(char: str) -> bool:
    if char in _PLAIN:
        return True
    # Spaces, format characters and private use are "not printable" to Python.
    code = ord(char)
    return char.isprintable() and (any(a <= code <= b for a, b in _UCSCHAR) or 0x10000 <= code <= 0xEFFFD)


def _escape(char: str) -> str:
    return "".join(f"%{byte:02X}" for byte in _bytes(char))


def _bytes(text: str) -> bytes:
    """UTF-8; bytes of a file name that were none come back, and half a surrogate pair becomes bytes that are none."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")
