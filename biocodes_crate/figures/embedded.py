"""Packets of metadata within picture files: XMP, C2PA, and the names in IPTC records."""

from __future__ import annotations

from typing import Any

from PIL import Image, ImageFile, IptcImagePlugin

from biocodes_crate.figures.content_credentials import join_segments

_EXTENSION = b"http://ns.adobe.com/xmp/extension/\0"
_TIFF_XMP, TIFF_C2PA = 700, 52545  # the second: C2PA 2.1, appendix A
_MOST_EXTENSION = 16 << 20
_IPTC = {"software": (2, 65), "by-line": (2, 80)}  # IPTC-IIM 4.2: Originating Program, By-line


def packets_of(picture: Image.Image) -> dict[str, Any]:
    """Packets that Pillow met while it read a picture: `xmp` and `c2pa`, and texts of IPTC records."""
    info: dict[str, Any] = {}
    xmp = [picture.info[key] for key in ("xmp", "XML:com.adobe.xmp") if key in picture.info]
    segments = [data for name, data in getattr(picture, "applist", ()) if name == "APP11"]
    c2pa = join_segments(segments)
    xmp += _extended(picture)
    # C2PA 2.1, A.3: a PNG holds its manifest store in a private chunk.
    c2pa += [chunk[1] for chunk in getattr(picture, "private_chunks", ()) if chunk[0] == b"caBX"]
    tags = getattr(picture, "tag_v2", {})
    xmp += [tags[_TIFF_XMP]] if _TIFF_XMP in tags else []
    c2pa += [tags[TIFF_C2PA]] if TIFF_C2PA in tags else []
    info["xmp"], info["c2pa"] = xmp, c2pa
    try:
        records = IptcImagePlugin.getiptcinfo(picture) or {} if isinstance(picture, ImageFile.ImageFile) else {}
    except Exception:  # damaged records are no reason to lose the figure
        records = {}
    for key, record in _IPTC.items():
        value = records.get(record)
        value = value[0] if isinstance(value, list) and value else value
        if isinstance(value, bytes):
            info[key] = value.decode("utf-8", "replace")
    return info


def _extended(picture: Image.Image) -> list[bytes]:
    """XMP that was too long for one segment of a JPEG (XMP specification, part 3, §1.1.3.1)."""
    parts: dict[bytes, dict[int, bytes]] = {}
    for name, data in getattr(picture, "applist", ()):
        if name == "APP1" and data.startswith(_EXTENSION) and len(data) > len(_EXTENSION) + 40:
            at = len(_EXTENSION)
            digest, offset = data[at : at + 32], int.from_bytes(data[at + 36 : at + 40], "big")
            if offset < _MOST_EXTENSION:
                parts.setdefault(digest, {})[offset] = data[at + 40 :]
    return [b"".join(one[offset] for offset in sorted(one)) for one in parts.values()]
