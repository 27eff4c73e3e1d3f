"""PDF files, object by object, for what no library writes."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np


def write_objects(objects: Sequence[bytes]) -> bytes:
    """A PDF of these objects, numbered from 1; the first is the catalog."""
    out, offsets = bytearray(b"%PDF-1.7\n"), []
    for number, body in enumerate(objects, start=1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)


def stream(dictionary: bytes, data: bytes) -> bytes:
    packed = zlib.compress(data)
    return b"<<%s/Filter/FlateDecode/Length %d>>\nstream\n%s\nendstream" % (dictionary, len(packed), packed)


def image(pixels: np.ndarray, more: bytes = b"", space: bytes | None = None) -> bytes:
    """An image XObject of (H, W) or (H, W, samples) uint8."""
    height, width = pixels.shape[:2]
    samples = 1 if pixels.ndim == 2 else pixels.shape[2]
    space = space or {1: b"/DeviceGray", 3: b"/DeviceRGB", 4: b"/DeviceCMYK"}[samples]
    head = b"/Type/XObject/Subtype/Image/Width %d/Height %d/BitsPerComponent 8/ColorSpace %s%s"
    return stream(head % (width, height, space, more), pixels.tobytes())


def one_page(content: bytes, images: Sequence[bytes], size: tuple[int, int] = (400, 200)) -> bytes:
    """A page that draws with `content`; images are called /I6, /I7 and so on, after their objects."""
    names = b"".join(b"/I%d %d 0 R" % (6 + i, 6 + i) for i in range(len(images)))
    return write_objects(
        [
            b"<</Type/Catalog/Pages 2 0 R>>",
            b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 %d %d]/Contents 4 0 R/Resources 5 0 R>>" % size,
            stream(b"", content),
            b"<</XObject<<%s>>>>" % names,
            *images,
        ]
    )


def draw(name: int, x: float, y: float, w: float, h: float) -> bytes:
    return b"q %f 0 0 %f %f %f cm /I%d Do Q\n" % (w, h, x, y, name)
