"""C2PA content credentials: is there a manifest store, and what are its manifests called?

Nothing is validated: that takes certificates and trust lists. Boxes are those of JUMBF (ISO/IEC 19566-5).
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from biocodes_crate.figures.xmp import digital_source_term

# C2PA 2.1, §11.1.4: the superbox of a manifest store has this type and the label "c2pa".
_STORE = bytes.fromhex("63327061001100108000 00AA00389B71")
_LABELLED = 0b10  # of the toggles of a description box: a label follows
_MOST_BOXES = 200
_MOST_NAMES = 20
_PLAIN = re.compile(r"[\x21-\x7e]{1,200}")


_SOURCE = re.compile(rb"https?://cv\.iptc\.org/newscodes/digitalsourcetype/([A-Za-z]{5,60})")


class Credentials(NamedTuple):
    """What C2PA manifest stores say of themselves, unproven."""

    names: tuple[str, ...]  # of the manifests, the active one last
    digital_source: str | None  # as the active manifest states it, if it states just one


class _Box(NamedTuple):
    kind: bytes
    start: int  # of its content
    stop: int


def find_credentials(stores: Iterable[bytes]) -> Credentials | None:
    """What is in C2PA manifest stores; None if none of the given data is one.

    Parameters
    ----------
    stores
        JUMBF, perhaps cut short, perhaps of another kind.
    """
    found: dict[str, bytes] = {}
    is_one = False
    for data in stores:
        for box in _boxes(data, 0, len(data)):
            about = _description(data, box)
            if box.kind != b"jumb" or about is None or about[0] != _STORE:
                continue
            is_one = True
            for inner in _boxes(data, box.start, box.stop):
                manifest = _description(data, inner) if inner.kind == b"jumb" else None
                if manifest is not None and _PLAIN.fullmatch(manifest[1]):
                    found[manifest[1]] = data[inner.start : inner.stop]
    if not is_one:
        return None
    # Actions state sources as URIs in CBOR, where text stands as it is. The last manifest is the active one.
    active = next(reversed(found.values()), b"")
    sources = {term for name in _SOURCE.findall(active) if (term := digital_source_term(name.decode("ascii")))}
    return Credentials(tuple(found)[-_MOST_NAMES:], sources.pop() if len(sources) == 1 else None)


def join_segments(segments: Iterable[bytes]) -> list[bytes]:
    """The JUMBF boxes of a JPEG's APP11 segments (ISO/IEC 19566-5, D.2), each joined from its parts."""
    parts: dict[int, list[tuple[int, bytes]]] = {}
    for segment in segments:
        # "JP", number of the box, number of the part; then each part repeats the header of the box.
        if segment[:2] == b"JP" and len(segment) >= 16:
            number, part = struct.unpack(">HI", segment[2:8])
            parts.setdefault(number, []).append((part, segment[8:]))
    joined = []
    for listed in parts.values():
        listed.sort(key=lambda one: one[0])
        first = listed[0][1]
        header = 16 if first[:4] == b"\0\0\0\1" else 8
        joined.append(first + b"".join(data[header:] for _, data in listed[1:]))
    return joined


def _boxes(data: bytes, start: int, stop: int) -> Iterator[_Box]:
    stop = min(stop, len(data))
    for _ in range(_MOST_BOXES):
        if start + 8 > stop:
            return
        size, kind = struct.unpack(">I4s", data[start : start + 8])
        header = 8
        if size == 1 and start + 16 <= stop:
            header, size = 16, struct.unpack(">Q", data[start + 8 : start + 16])[0]
        end = stop if size == 0 else start + size
        if end < start + header:
            return
        yield _Box(kind, start + header, min(end, stop))
        start = end


def _description(data: bytes, box: _Box) -> tuple[bytes, str] | None:
    """Type and label of a superbox, as its description box has them."""
    first = next(_boxes(data, box.start, box.stop), None)
    if first is None or first.kind != b"jumd" or first.stop - first.start < 17:
        return None
    content = data[first.start : first.stop]
    label = content[17:].split(b"\0")[0] if content[16] & _LABELLED else b""
    return content[:16], label.decode("utf-8", "replace")
