"""What a figure file says of its making: digital source type, content credentials, software, creator."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from biocodes_crate.images import AnyFile

_MOST_BYTES = 64 << 20  # metadata lies at the start or at the end
_TAIL = 4 << 20

# XMP is plain text in every container (XMP specification, part 3), so it is searched, not parsed:
# <Iptc4xmpExt:DigitalSourceType>URI</…> or Iptc4xmpExt:DigitalSourceType="URI", or as an rdf:resource.
_DIGITAL_SOURCE = re.compile(
    rb"DigitalSourceType[^a-zA-Z0-9]{0,20}(?:rdf:resource=[\"'])?\s*"
    rb"(?:https?://cv\.iptc\.org/newscodes/digitalsourcetype/)?([A-Za-z]{5,60})"
)
_CREATOR_TOOL = re.compile(rb"CreatorTool(?:>|=[\"'])([^<\"']{1,200})")

_SAYS_NOTHING = ("", "anonymous", "unknown", "unspecified", "untitled")  # what ReportLab and others fill in

_EXIF_SOFTWARE, _EXIF_ARTIST = 0x0131, 0x013B


def read_properties(path: AnyFile, about: Mapping[str, Any]) -> dict[str, Any]:
    """Properties of a figure file, as far as it has them.

    Keys: `digital_source` (the last part of the IPTC term, such as "trainedAlgorithmicMedia"),
    `content_credentials` (True if there is a C2PA manifest; it is not validated), `software`, `creator`.

    Parameters
    ----------
    about
        What the reader of the format found.
    """
    found: dict[str, Any] = {}
    data = _ends(path)
    source = _DIGITAL_SOURCE.search(data)
    if source is not None:
        name = source.group(1).decode("ascii")
        found["digital_source"] = name[0].lower() + name[1:]
    if b"c2pa" in data and b"jumb" in data:
        found["content_credentials"] = True
    software = _text(about, "creatortool", "software", "creator_tool") or _exif(about, _EXIF_SOFTWARE)
    tool = _CREATOR_TOOL.search(data)
    if not software and tool is not None:
        software = tool.group(1).decode("utf-8", "replace")
    if not software:
        # In a PDF "Creator" is the program that drew the page, "Producer" the one that wrote the file.
        software = _text(about, "producer")
    if software:
        found["software"] = software
    creator = _text(about, "author", "artist") or _exif(about, _EXIF_ARTIST)
    if creator:
        found["creator"] = creator
    return found


def _ends(path: AnyFile) -> bytes:
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(0)
        head = file.read(_MOST_BYTES)
        if size <= _MOST_BYTES:
            return head
        file.seek(max(_MOST_BYTES, size - _TAIL))
        return head + file.read(_TAIL)


def _text(about: Mapping[str, Any], *keys: str) -> str:
    lowered = {str(key).lower(): value for key, value in about.items()}
    for key in keys:
        value = lowered.get(key)
        if isinstance(value, str) and value.strip().casefold() not in _SAYS_NOTHING:
            return value.strip()[:200]
    return ""


def _exif(about: Mapping[str, Any], tag: int) -> str:
    exif = about.get("exif")
    value = exif.get(tag) if isinstance(exif, dict) else None
    return value.strip("\0 ")[:200] if isinstance(value, str) else ""
