"""What single elements of an SVG say: their names, references, data and styles."""

from __future__ import annotations

import base64
import binascii
import re
import urllib.parse
from functools import cache
from xml.etree.ElementTree import Element

SHAPES = ("rect", "line", "path", "polyline", "polygon", "circle", "ellipse")
INHERITED = ("font", "font-size", "text-anchor", "fill", "stroke", "stroke-width", "stroke-linecap", "visibility")
_PRESENTATION = (
    "clip-path",
    "mask",
    "display",
    "opacity",
    "overflow",
    "transform",
    "transform-origin",
    *INHERITED[1:],
)
_MATTERS = frozenset({*_PRESENTATION, "font", "x", "y", "width", "height"})
_LONGEST_CLASS = 1000  # characters
_XLINK = "{http://www.w3.org/1999/xlink}href"
_CSS_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")


class Styles:
    """Style sheets, and what elements say of their own style."""

    def __init__(self) -> None:
        self._sheets: dict[str, dict[str, str]] = {}
        self._declarations = cache(_declarations)  # those said at length are read once, however often they are used

    def add(self, sheet: str) -> None:
        """Read a style sheet, of which the first million characters count."""
        for selectors, body in _CSS_RULE.findall(sheet[:1_000_000]):
            declared = self._declarations(body)
            for selector in selectors.split(","):
                self._sheets.setdefault(selector.strip(), {}).update(declared)

    def of(self, element: Element) -> dict[str, str]:
        """Presentation attributes, style sheets by class and id, and the style attribute; the later wins."""
        found: dict[str, str] = {}
        for key in _PRESENTATION:
            value = element.get(key)
            if value is not None:
                found[key] = value.strip()
        found |= self._sheets.get(name_of(element), {})
        for one in (element.get("class") or "")[:_LONGEST_CLASS].split():
            found |= self._sheets.get("." + one, {})
        return (
            found
            | self._sheets.get("#" + (element.get("id") or ""), {})
            | self._declarations(element.get("style") or "")
        )


def _declarations(text: str) -> dict[str, str]:
    """What matters here of a list of declarations in CSS; the later wins."""
    found = {}
    for declaration in text.split(";"):
        key, colon, value = declaration.partition(":")
        if colon and key.strip() in _MATTERS:
            found[key.strip()] = value.strip()
    return found


def untransformed(element: Element) -> Element:
    """A copy without its transform, and without what is in it."""
    return Element(element.tag, {k: v for k, v in element.attrib.items() if k != "transform"})


def may_be_chosen(element: Element) -> bool:
    """Whether a `switch` may choose this (SVG 1.1, 5.8): no extension is known, any kind of English is."""
    language = element.get("systemLanguage")
    spoken = language is None or any(one.strip().lower().startswith("en") for one in language.split(","))
    known = name_of(element) in ("g", "a", "svg", "use", "image", "switch", "text", *SHAPES)
    return known and element.get("requiredExtensions") is None and spoken


def name_of(element: Element) -> str:
    """Its name without the namespace; empty for comments."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def href_of(element: Element) -> str:
    """What it refers to; empty where it says nothing."""
    return (element.get("href") or element.get(_XLINK) or "").strip()


def is_embedded(element: Element) -> bool:
    """Whether an image lies in the file itself."""
    return href_of(element)[:5].lower() == "data:"


def data_of(uri: str) -> bytes:
    """The bytes of a data URI, empty if damaged."""
    head, _, body = uri.partition(",")
    if ";base64" in head.lower():
        try:
            return base64.b64decode("".join(urllib.parse.unquote(body).split() if "%" in body else body.split()))
        except (binascii.Error, ValueError):
            return b""
    return urllib.parse.unquote_to_bytes(body)
