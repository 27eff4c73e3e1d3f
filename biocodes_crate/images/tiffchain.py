"""Whether the chain of pages of a TIFF is whole.

tifffile logs a broken chain and goes on with the pages before it, and follows a long loop for
ever; an image that has lost pages must not get a code.
"""

from __future__ import annotations

import struct
from typing import IO

from biocodes_crate.errors import NotAnImage, UnreadableImage
from biocodes_crate.images.packed import AnyFile

_MAX_TAGS = 4096


def check_page_chain(path: AnyFile) -> None:
    """Follow the chain of page directories to its end (TIFF 6.0, section 2; BigTIFF).

    Raises
    ------
    NotAnImage
        The header is not that of a TIFF.
    UnreadableImage
        The chain leaves the file or runs in a circle.
    """
    with path.open("rb") as file:
        order, offset, count_format, tag_size, offset_format = _header(file, path)
        size = file.seek(0, 2)
        seen: set[int] = set()
        while offset:
            if offset in seen:
                raise _broken("runs in a circle", path)
            seen.add(offset)
            try:
                file.seek(offset)
                (tags,) = _unpack(file, order + count_format)
                file.seek(offset + struct.calcsize(order + count_format) + tags * tag_size)
                (following,) = _unpack(file, order + offset_format)
            except (struct.error, OSError, ValueError, OverflowError):
                raise _broken(f"breaks off after {len(seen) - 1} pages", path) from None
            if tags > _MAX_TAGS or following >= size:
                raise _broken(f"breaks off after {len(seen)} pages", path)
            offset = following


def _header(file: IO[bytes], path: AnyFile) -> tuple[str, int, str, int, str]:
    """Byte order, offset of the first page, and the sizes of the entries."""
    start = file.read(16)
    order = {b"II": "<", b"MM": ">"}.get(start[:2])
    try:
        if order is not None:
            version = struct.unpack(f"{order}H", start[2:4])[0]
            if version == 42:
                return order, struct.unpack(f"{order}I", start[4:8])[0], "H", 12, "I"
            if version == 43:
                return order, struct.unpack(f"{order}Q", start[8:16])[0], "Q", 20, "Q"
    except struct.error:
        pass
    raise NotAnImage("it is not a TIFF file", where=path, remedy="Copy it again from its source.")


def _unpack(file: IO[bytes], entry: str) -> tuple[int, ...]:
    return struct.unpack(entry, file.read(struct.calcsize(entry)))


def _broken(how: str, path: AnyFile) -> UnreadableImage:
    return UnreadableImage(
        f"its chain of pages {how}",
        where=path,
        remedy="The file is damaged or incomplete: copy it again from its source.",
    )
