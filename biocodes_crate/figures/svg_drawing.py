"""An SVG as a picture, drawn by resvg in a process of its own."""

from __future__ import annotations

import re
from copy import deepcopy
from xml.etree.ElementTree import Element, tostring

from biocodes_crate.errors import UnreadableFigure
from biocodes_crate.figures.confined import ConfinedError, run_confined
from biocodes_crate.figures.placing import Pixels
from biocodes_crate.figures.raster import decode

_WIDTH = 2400  # pixels
_SECONDS = 10.0
_BYTES = 1 << 30  # of address space
_XLINK = "{http://www.w3.org/1999/xlink}href"
_FILTER = re.compile(r"(?:backdrop-)?filter\s*:[^;}]*;?")
# Without a resolution, resvg refuses sizes in points or millimetres.
_CODE = """
import resvg_py
text = sys.stdin.buffer.read().decode()
try:
    png = bytes(resvg_py.svg_to_bytes(svg_string=text, zoom=float(sys.argv[2]), background="white", dpi=96))
except MemoryError:
    sys.exit(3)
except Exception:
    sys.exit(0)
sys.stdout.buffer.write(png)
"""


class NotDrawnError(Exception):
    """The page cannot be drawn; the message says why."""


def draw_svg(root: Element, width: float, height: float, name: str) -> Pixels:
    """A page of this size as a picture, (H, W, 3); what it links to, and filters, are left out.

    Raises
    ------
    NotDrawnError
        If resvg refuses it, or takes too long or too much memory for it.
    """
    zoom = min(8.0, _WIDTH / max(width, height))
    text = tostring(_harmless(root), encoding="unicode").encode("utf-8", "replace")
    try:
        png = run_confined(_CODE, [repr(zoom)], text, seconds=_SECONDS, most_bytes=_BYTES + 4 * len(text))
    except ConfinedError as error:
        raise NotDrawnError(f"its drawings {error}") from None
    try:
        return decode(png or b"", name).pixels
    except UnreadableFigure:
        raise NotDrawnError("the program that draws refuses it") from None


def _harmless(root: Element) -> Element:
    """A copy without links to elsewhere and without filters: those soften and shade, and can take hours."""
    copied = deepcopy(root)
    for element in copied.iter():
        for key in ("href", _XLINK):
            if element.get(key, "").strip()[:1] not in ("#", "") and element.get(key, "")[:5].lower() != "data:":
                del element.attrib[key]
        element.attrib.pop("filter", None)
        if "filter" in element.get("style", ""):
            element.set("style", _FILTER.sub("", element.get("style", "")))
        tag = element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""
        if tag == "style" and element.text:
            element.text = _FILTER.sub("", element.text)
        for child in [one for one in element if isinstance(one.tag, str) and one.tag.endswith("filter")]:
            element.remove(child)
    return copied
