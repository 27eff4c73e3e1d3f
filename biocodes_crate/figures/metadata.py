"""What a figure file says of its making: digital source type, content credentials, software, creators."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from biocodes_crate.figures.content_credentials import find_credentials
from biocodes_crate.figures.xmp import read_xmp

_SAYS_NOTHING = ("", "anonymous", "unknown", "unspecified", "untitled")  # what ReportLab and others fill in
_LONGEST = 200  # characters

_EXIF_SOFTWARE, _EXIF_ARTIST = 0x0131, 0x013B


def file_properties(about: Mapping[str, Any]) -> dict[str, Any]:
    """Properties of a figure or picture, as far as its file has them.

    Keys: `digital_source` (term of the IPTC, such as "trainedAlgorithmicMedia"), `content_credentials` (the names of
    its C2PA manifests, which are not validated, the active one last; perhaps none), `software`, `creators`.

    Parameters
    ----------
    about
        What the reader of the format found, by key: `xmp` (packets), `c2pa` (JUMBF), `exif` (values by tag), and
        texts. In a PDF "creator" is the program that drew the page, "producer" the one that wrote the file.
    """
    stated = read_xmp(_packets(about, "xmp"))
    credentials = find_credentials(p for p in _packets(about, "c2pa") if isinstance(p, bytes))
    software = stated.software or _exif(about, _EXIF_SOFTWARE) or _text(about, "software", "creator", "producer")
    artists = _exif(about, _EXIF_ARTIST) or _text(about, "author", "artist", "by-line")
    # EXIF 2.32, 4.6.5: several artists are parted by semicolons.
    creators = stated.creators or tuple(name for part in artists.split(";") if (name := part.strip()))
    creators = tuple(dict.fromkeys(name for name in creators if name.casefold() not in _SAYS_NOTHING))
    found: dict[str, Any] = {
        "digital_source": stated.digital_source or (credentials.digital_source if credentials else None),
        "software": software if software.casefold() not in _SAYS_NOTHING else None,
        "creators": creators or None,
    }
    found = {key: value for key, value in found.items() if value is not None}
    if credentials is not None:
        found["content_credentials"] = credentials.names
    elif stated.remote_credentials:
        found["content_credentials"] = ()  # a reference to a manifest; nothing is fetched
    return found


def digital_source(about: Mapping[str, Any]) -> str | None:
    """What a picture that is embedded in a document says of its pixels."""
    stated = file_properties(about).get("digital_source")
    return stated if isinstance(stated, str) else None


def _packets(about: Mapping[str, Any], key: str) -> Iterable[bytes | str]:
    value = about.get(key)
    listed = value if isinstance(value, list | tuple) else [value]
    return [one for one in listed if isinstance(one, bytes | str)]


def _text(about: Mapping[str, Any], *keys: str) -> str:
    lowered = {str(key).lower(): value for key, value in about.items()}
    for key in keys:
        value = lowered.get(key)
        if isinstance(value, bytes):
            value = value.decode("utf-8", "replace")
        if isinstance(value, str) and value.strip("\0 ").casefold() not in _SAYS_NOTHING:
            return value.strip("\0 ")[:_LONGEST]
    return ""


def _exif(about: Mapping[str, Any], tag: int) -> str:
    exif = about.get("exif")
    value = exif.get(tag) if isinstance(exif, dict) else None
    return value.strip("\0 ")[:_LONGEST] if isinstance(value, str) else ""
