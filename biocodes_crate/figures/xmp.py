"""XMP: what a packet says of a picture's making."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError

import defusedxml.ElementTree
from defusedxml import DefusedXmlException

_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_MOST_BYTES = 16 << 20
_MOST_CREATORS = 50
_TEXT = 200  # characters

_DCTERMS = "{http://purl.org/dc/terms/}"
_DC_CREATOR = "{http://purl.org/dc/elements/1.1/}creator"

# Terms of https://cv.iptc.org/newscodes/digitalsourcetype/, also those that were retired.
TERMS = frozenset(
    {
        "digitalCapture",
        "computationalCapture",
        "negativeFilm",
        "positiveFilm",
        "print",
        "humanEdits",
        "minorHumanEdits",
        "compositeCapture",
        "algorithmicallyEnhanced",
        "algorithmicMedia",
        "dataDrivenMedia",
        "digitalCreation",
        "digitalArt",
        "screenCapture",
        "virtualRecording",
        "composite",
        "compositeSynthetic",
        "compositeWithTrainedAlgorithmicMedia",
        "trainedAlgorithmicMedia",
        "softwareImage",
    }
)
_SCHEMA_ORG = {"multiFrameComputationalCapture": "computationalCapture"}


@dataclass(frozen=True, slots=True)
class Stated:
    """What XMP says, as far as it does."""

    digital_source: str | None = None  # term of the IPTC's vocabulary, such as "trainedAlgorithmicMedia"
    software: str | None = None
    creators: tuple[str, ...] = ()
    remote_credentials: bool = False  # it points to a C2PA manifest elsewhere


def read_xmp(packets: Iterable[bytes | str]) -> Stated:
    """What packets say; the first that says something wins. One that is not well-formed says nothing."""
    source: str | None = None
    software: str | None = None
    creators: tuple[str, ...] = ()
    remote = False
    for packet in packets:
        root = _parse(packet)
        for element in root.iter() if root is not None else ():
            source = source or _digital_source(element)
            software = software or _property(element, "CreatorTool")
            creators = creators or _creators(element)
            # C2PA 2.1, §11.5: the key of a reference to an external manifest.
            remote = remote or element.tag == f"{_DCTERMS}provenance" or bool(element.get(f"{_DCTERMS}provenance"))
    return Stated(source, software, creators, remote)


def digital_source_term(value: str) -> str | None:
    """The IPTC's term of a URI or word of the IPTC or of schema.org; None if it is neither."""
    name = value.strip().rstrip("/").rpartition("/")[2].removesuffix("DigitalSource")
    name = name[:1].lower() + name[1:]
    name = _SCHEMA_ORG.get(name, name)
    return name if name in TERMS else None


def _parse(packet: bytes | str) -> Element | None:
    if len(packet) > _MOST_BYTES:
        return None
    # Padding follows a packet, and some writers end it with a zero.
    text = packet.strip("\0 \r\n\t\ufeff") if isinstance(packet, str) else packet.rstrip(b"\0 \r\n\t")
    for candidate in (text, *_decoded(packet)):
        try:
            root: Element | None = defusedxml.ElementTree.fromstring(candidate)
        except DefusedXmlException:
            return None
        except (ParseError, ValueError, RecursionError, LookupError):
            continue
        return root
    return None


def _decoded(packet: bytes | str) -> Iterable[str]:
    """A packet in the other encodings that XMP allows (XMP specification, part 1, §7.1), without a declaration."""
    if isinstance(packet, bytes):
        for encoding in ("utf-16", "utf-16-be", "utf-16-le", "utf-32", "latin-1"):
            try:
                text = packet.decode(encoding)
            except UnicodeDecodeError:
                continue
            start = text.find("<x:xmpmeta")
            start = text.find("<rdf:RDF") if start < 0 else start
            stop = text.rfind(">")
            if 0 <= start < stop:
                yield text[start : stop + 1].split("<?xpacket end")[0]


def _name(tag: object) -> str:
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def _property(element: Element, name: str) -> str | None:
    """A simple property: an element, an attribute of its subject, or a resource (part 1, §7.4 and §7.9.2.2)."""
    for key, value in element.attrib.items():
        if _name(key) == name and "}" in key and value.strip():
            return value.strip()[:_TEXT]
    if _name(element.tag) != name or "}" not in str(element.tag):
        return None
    stated = element.get(f"{_RDF}resource") or (element.text or "").strip()
    if not stated:
        stated = next((text.strip() for text in element.itertext() if text.strip()), "")
    if not stated:
        stated = next((r for one in element.iter() if (r := one.get(f"{_RDF}resource"))), "")
    return stated[:_TEXT] or None


def _digital_source(element: Element) -> str | None:
    stated = _property(element, "DigitalSourceType")
    return digital_source_term(stated) if stated else None


def _creators(element: Element) -> tuple[str, ...]:
    """Of `dc:creator`: a list of names (part 1, §8.4), or, in SVG, agents with titles (Creative Commons)."""
    for key, value in element.attrib.items():
        if key == _DC_CREATOR and value.strip():
            return (value.strip()[:_TEXT],)
    if element.tag != _DC_CREATOR:
        return ()
    names = [text.strip()[:_TEXT] for text in element.itertext() if text.strip()]
    return tuple(dict.fromkeys(names))[:_MOST_CREATORS]
