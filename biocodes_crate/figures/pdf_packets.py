"""Packets of metadata within a PDF: XMP of the document, and C2PA manifest stores. PDFium gives access to neither."""

from __future__ import annotations

import ctypes
import re
import zlib
from collections import deque
from collections.abc import Iterator
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

from biocodes_crate.images import AnyFile

_MOST_BYTES = 400 << 20  # of a file that is searched
_MOST_PACKET = 16 << 20
_MOST_STREAMS = 5000
_MOST_CATALOGS = 10  # one for each time that the file was changed
_MOST_ATTACHMENTS = 100

# ISO 32000-2, 7.3.8: a stream is its dictionary, the word, and the data. The dictionaries met here are short.
_STREAM = re.compile(rb"(?<!end)stream\r?\n")
_OBJECT = re.compile(rb"(\d{1,10})\s+\d{1,5}\s+obj\b(?=\s*<<)")
_LONGEST = 4000  # bytes of a dictionary
_METADATA = re.compile(rb"/Metadata\s+(\d{1,10})\s+\d{1,5}\s+R")
_CATALOG = re.compile(rb"/Type\s*/Catalog\b")


def pdf_packets(path: AnyFile, document: pypdfium2.PdfDocument) -> dict[str, Any]:
    """The `xmp` packet of the document, if it has one, and the `c2pa` stores in or attached to it."""
    xmp: list[bytes] = []
    c2pa = list(_attached(document))
    with path.open("rb") as file:
        data = file.read(_MOST_BYTES + 1)
    if len(data) <= _MOST_BYTES:
        found, stores = _streams(data)
        xmp, c2pa = found, c2pa + stores
    return {"xmp": xmp, "c2pa": c2pa}


def _streams(data: bytes) -> tuple[list[bytes], list[bytes]]:
    """XMP of the document, the newest first, and C2PA stores that are streams.

    Images have metadata of their own, which do not speak for the figure.
    """
    packets: dict[bytes, bytes] = {}
    of_images: set[bytes] = set()
    stores = []
    for count, match in enumerate(_STREAM.finditer(data)):
        if count >= _MOST_STREAMS:
            break
        before = data[max(0, match.start() - _LONGEST) : match.start()].rpartition(b"endobj")[2]
        head = _OBJECT.search(before)
        if head is None:
            continue
        number, about = head.group(1), before[head.end() :]
        owned = _METADATA.search(about)
        if owned is not None and re.search(rb"/Subtype\s*/(?:Image|Form)\b", about):
            of_images.add(owned.group(1))
        if re.search(rb"/Type\s*/Metadata\b", about) or re.search(rb"/Subtype\s*/XML\b", about):
            packets[number] = _content(data, match.end(), about)
        elif b"c2pa" in about.lower() or data[match.end() + 4 : match.end() + 8] == b"jumb":
            stores.append(_content(data, match.end(), about))
    for catalog in reversed(deque(_CATALOG.finditer(data), _MOST_CATALOGS)):
        # The catalog may as well be packed with other objects; if it is not, it says which stream it is.
        start, stop = data.rfind(b" obj", 0, catalog.start()), data.find(b"endobj", catalog.end())
        named = _METADATA.search(data, start, stop) if 0 <= start < stop else None
        if named is not None and named.group(1) in packets:
            return [packets[named.group(1)]], stores
    return [packets[number] for number in reversed(packets) if number not in of_images], stores


def _content(data: bytes, start: int, about: bytes) -> bytes:
    """The data of a stream, unpacked, as far as it is sound."""
    if b"/FlateDecode" in about:
        try:
            return zlib.decompressobj().decompress(data[start : start + _MOST_PACKET], _MOST_PACKET)
        except zlib.error:
            return b""
    if b"/Filter" in about:
        return b""
    stop = data.find(b"endstream", start, start + _MOST_PACKET)
    return data[start : stop if stop >= 0 else start + _MOST_PACKET]


def _attached(document: pypdfium2.PdfDocument) -> Iterator[bytes]:
    """Attachments that begin as JUMBF does: C2PA stores are embedded files (C2PA 2.1, A.4)."""
    for index in range(min(pdfium.FPDFDoc_GetAttachmentCount(document.raw), _MOST_ATTACHMENTS)):
        attachment = pdfium.FPDFDoc_GetAttachment(document.raw, index)
        size = ctypes.c_ulong()
        if not attachment or not pdfium.FPDFAttachment_GetFile(attachment, None, 0, size):
            continue
        if not 8 <= size.value <= _MOST_PACKET:
            continue
        buffer = ctypes.create_string_buffer(size.value)
        if pdfium.FPDFAttachment_GetFile(attachment, buffer, size.value, size) and buffer.raw[4:8] == b"jumb":
            yield buffer.raw
