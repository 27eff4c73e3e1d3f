"""C2PA manifest stores with nothing in them to validate, and XMP packets, as files hold them."""

from __future__ import annotations

import struct
import zlib

IPTC = "http://cv.iptc.org/newscodes/digitalsourcetype/"
TRAINED = IPTC + "trainedAlgorithmicMedia"


def xmp(inner: str = "", attributes: str = "") -> str:
    """A packet with properties of the one thing that it describes."""
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'xmlns:dcterms="http://purl.org/dc/terms/" '
        f'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" {attributes}>{inner}'
        '</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    )


FULL = xmp(
    f"<Iptc4xmpExt:DigitalSourceType>{TRAINED}</Iptc4xmpExt:DigitalSourceType>"
    "<xmp:CreatorTool>Adobe Photoshop 26.1</xmp:CreatorTool>"
    "<dc:creator><rdf:Seq><rdf:li>Ada Lovelace</rdf:li><rdf:li>Grace Hopper</rdf:li></rdf:Seq></dc:creator>"
)


def box(kind: bytes, content: bytes) -> bytes:
    """A box of JUMBF."""
    return struct.pack(">I4s", 8 + len(content), kind) + content


def superbox(uuid: str, label: str, *inner: bytes) -> bytes:
    """A box of boxes, with its description first."""
    about = bytes.fromhex(uuid.replace("-", "")) + b"\x03" + label.encode() + b"\0"
    return box(b"jumb", box(b"jumd", about) + b"".join(inner))


def manifest(name: str, said: str = "") -> bytes:
    """A manifest with nothing in it but what an action says of its source, as CBOR has it."""
    cbor = b"" if not said else b"\x71digitalSourceType\x78" + bytes([len(said)]) + said.encode()
    return superbox("63326D61-0011-0010-8000-00AA00389B71", name, box(b"cbor", cbor))


def store(*manifests: bytes) -> bytes:
    """A manifest store."""
    return superbox("63327061-0011-0010-8000-00AA00389B71", "c2pa", *manifests)


STORE = store(manifest("urn:c2pa:first", IPTC + "digitalCapture"), manifest("urn:c2pa:second", TRAINED))
NAMES = ("urn:c2pa:first", "urn:c2pa:second")


def png_chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def app11(data: bytes, size: int = 60) -> bytes:
    """A JUMBF box in segments of a JPEG, each of which repeats its header (ISO/IEC 19566-5, D.2)."""
    header, content, segments = data[:8], data[8:], b""
    for number, start in enumerate(range(0, len(content), size), start=1):
        body = b"JP" + struct.pack(">HI", 1, number) + header + content[start : start + size]
        segments += b"\xff\xeb" + struct.pack(">H", len(body) + 2) + body
    return segments
