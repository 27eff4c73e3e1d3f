"""SVG: embedded images through nested transforms, viewports and clips. Nothing is ever fetched."""

from __future__ import annotations

import base64
import binascii
import re
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element, ParseError, tostring

import defusedxml.ElementTree
import resvg_py
from defusedxml import DefusedXmlException

from biocodes_crate.errors import UnreadableFigure
from biocodes_crate.figures.drawn import drawn_page, read_drawn, take_apart_flattened
from biocodes_crate.figures.model import Box, FigurePage, PageUnit, PanelKind
from biocodes_crate.figures.placing import LEAST_PIXELS, Matrix, Pixels, Placed, Text, intersect, place_panels
from biocodes_crate.figures.raster import decode
from biocodes_crate.figures.svg_geometry import fitted, length, parse_path_bounds, parse_transform, parse_view_box
from biocodes_crate.findings import Finding, Severity
from biocodes_crate.images import AnyFile

_MOST_BYTES = 300 << 20
_MOST_ELEMENTS = 500_000
_MOST_IMAGES = 500
_MOST_PIXELS = 150_000_000  # of all images together
_MOST_DEPTH = 60
_DRAWN_WIDTH = 2400  # pixels of a page that has to be drawn

_XLINK = "{http://www.w3.org/1999/xlink}href"
_URL = re.compile(r"url\(\s*['\"]?#([^'\")]+)['\"]?\s*\)")
_FILTER = re.compile(r"(?:backdrop-)?filter\s*:[^;}]*;?")
_CSS_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class _State:
    matrix: Matrix  # from user units to pixels of the page
    clip: Box | None
    viewport: tuple[float, float]  # what percentages are of
    depth: int


def read_svg(path: AnyFile) -> tuple[list[FigurePage], dict[str, Any], list[Finding]]:
    """The one page of an SVG.

    Raises
    ------
    UnreadableFigure
        If it is not well-formed, declares entities, or exceeds the limits.
    """
    root = _parse(path)
    reader = _Reader(root, path.name)
    width, height, state = reader.page()
    images = list(reader.images(state))
    panels = take_apart_flattened(place_panels(images, reader.texts, width, height))
    if any(panel.kind is PanelKind.IMAGE for panel in panels):
        panels = read_drawn(panels, lambda: _draw(root, width, height, path.name))
        page = FigurePage(1, width, height, PageUnit.PERCENT, tuple(panels))
    else:
        pixels = _draw(root, width, height, path.name)
        page = (
            FigurePage(1, width, height, PageUnit.PERCENT, ())
            if pixels is None
            else drawn_page(pixels, 1, width, height, reader.texts)
        )
    return [page], {}, reader.findings


def _parse(path: AnyFile) -> Element:
    try:
        with path.open("rb") as file:
            if file.seek(0, 2) > _MOST_BYTES:
                message = f"the SVG is larger than {_MOST_BYTES >> 20} MB"
                raise UnreadableFigure(message, where=path, remedy="Export it as PDF.")
            file.seek(0)
            root = defusedxml.ElementTree.parse(file).getroot()
    except DefusedXmlException as error:
        raise UnreadableFigure(
            "the SVG declares entities, which could be an attack",
            where=path,
            remedy="Save it as plain SVG, without entities.",
        ) from error
    except (ParseError, ValueError, OSError, RecursionError) as error:
        raise UnreadableFigure(
            f"the SVG is not well-formed ({error})", where=path, remedy="Export it again."
        ) from error
    if root is None or _name(root) != "svg":
        raise UnreadableFigure("its root element is not svg", where=path, remedy="Export it again.")
    return root


class _Reader:
    """Walks an SVG once, gathering images and single letters."""

    def __init__(self, root: Element, name: str) -> None:
        self.root = root
        self.name = name
        self.findings: list[Finding] = []
        self.texts: list[Text] = []
        self._by_id: dict[str, Element] = {}
        self._css: dict[str, str] = {}
        self._elements = 0
        self._pixels = 0
        self._images = 0
        self._remote = 0
        self._damaged = 0
        for element in root.iter():
            self._elements += 1
            if self._elements > _MOST_ELEMENTS:
                raise UnreadableFigure(
                    f"the SVG has more than {_MOST_ELEMENTS} elements", where=name, remedy="Export it as PNG or TIFF."
                )
            identifier = element.get("id")
            if identifier:
                self._by_id.setdefault(identifier, element)
            if _name(element) == "style" and element.text:
                for selectors, body in _CSS_RULE.findall(element.text[:1_000_000]):
                    for selector in selectors.split(","):
                        self._css[selector.strip()] = self._css.get(selector.strip(), "") + ";" + body
        self._elements = 0

    def page(self) -> tuple[float, float, _State]:
        """Size of the page in CSS pixels, and the state that its content starts from."""
        view = parse_view_box(self.root.get("viewBox"))
        width = length(self.root.get("width"), view.w if view else 300.0, 0.0)
        height = length(self.root.get("height"), view.h if view else 150.0, 0.0)
        if "%" in (self.root.get("width") or "") or width <= 0:
            width = view.w if view else 300.0
        if "%" in (self.root.get("height") or "") or height <= 0:
            height = view.h if view else 150.0
        if not (0 < width < 1e7 and 0 < height < 1e7):
            raise UnreadableFigure("the SVG has no size", where=self.name, remedy="Give it a viewBox.")
        page = Box(0, 0, width, height)
        matrix = fitted(view, page, self.root.get("preserveAspectRatio")) if view else Matrix()
        return width, height, _State(matrix, page, (view.w, view.h) if view else (width, height), 0)

    def images(self, state: _State) -> Iterator[Placed]:
        """Every visible embedded image."""
        for child in self.root:
            yield from self._visit(child, state)
        if self._remote:
            self._note(
                "figure-remote-image",
                f"{self._remote} linked images were not read: nothing is fetched from elsewhere",
                "Embed images when saving the SVG.",
            )
        if self._damaged:
            self._note(
                "figure-image-unreadable", f"{self._damaged} embedded images cannot be decoded", "Export it again."
            )

    def _note(self, identifier: str, message: str, remedy: str) -> None:
        self.findings.append(Finding(identifier, Severity.WARNING, self.name, message, remedy))

    def _visit(self, element: Element, state: _State) -> Iterator[Placed]:
        self._elements += 1
        if self._elements > _MOST_ELEMENTS or state.depth > _MOST_DEPTH:
            return
        name = _name(element)
        if name in ("defs", "symbol", "clipPath", "mask", "pattern", "marker", "metadata", "style", "title", "desc"):
            return
        style = self._style(element)
        if style.get("display") == "none" or style.get("opacity") in ("0", "0.0"):
            return
        matrix = state.matrix.after(parse_transform(element.get("transform")))
        state = _State(matrix, state.clip, state.viewport, state.depth + 1)
        clip_path = _URL.search(style.get("clip-path", ""))
        if clip_path:
            clip = self._clip(clip_path.group(1), state, self._frame(element, style, state))
            state = _State(matrix, intersect(state.clip, clip), state.viewport, state.depth)
        if name == "image":
            if style.get("visibility") != "hidden":
                placed = self._image(element, style, state)
                if placed is not None:
                    yield placed
        elif name == "text":
            self._text(element, style, state)
        elif name == "use":
            yield from self._use(element, state)
        elif name == "svg":
            yield from self._children(element, self._nested(element, element.get("viewBox"), state))
        elif name in ("g", "a", "switch"):
            yield from self._children(element, state)

    def _children(self, element: Element, state: _State) -> Iterator[Placed]:
        for child in element:
            yield from self._visit(child, state)

    def _style(self, element: Element) -> dict[str, str]:
        """Presentation attributes, style sheets by class and id, and the style attribute; the later wins."""
        found: dict[str, str] = {}
        for key in ("clip-path", "display", "visibility", "opacity", "font-size"):
            value = element.get(key)
            if value is not None:
                found[key] = value.strip()
        rules = [self._css.get(_name(element), "")]
        rules += [self._css.get("." + one, "") for one in (element.get("class") or "").split()]
        rules += [self._css.get("#" + (element.get("id") or ""), ""), element.get("style") or ""]
        for rule in rules:
            for declaration in rule.split(";"):
                key, colon, value = declaration.partition(":")
                if colon:
                    found[key.strip()] = value.strip()
        return found

    def _nested(self, element: Element, view_box: str | None, state: _State) -> _State:
        """The state inside of an inner svg, or of a symbol that is used."""
        across, down = state.viewport
        x, y = length(element.get("x"), 0.0, across), length(element.get("y"), 0.0, down)
        w, h = length(element.get("width"), across, across), length(element.get("height"), down, down)
        view = parse_view_box(view_box)
        frame = Box(x, y, w, h)
        inner = fitted(view, frame, element.get("preserveAspectRatio")) if view else Matrix(1, 0, 0, 1, x, y)
        clip = intersect(state.clip, state.matrix.bounds(frame))
        return _State(state.matrix.after(inner), clip, (view.w, view.h) if view else (w, h), state.depth)

    def _use(self, element: Element, state: _State) -> Iterator[Placed]:
        target = self._by_id.get(_href(element).removeprefix("#"))
        if target is None or not _href(element).startswith("#"):
            return
        x, y = length(element.get("x"), 0.0, state.viewport[0]), length(element.get("y"), 0.0, state.viewport[1])
        moved = _State(state.matrix.after(Matrix(1, 0, 0, 1, x, y)), state.clip, state.viewport, state.depth + 1)
        if _name(target) == "symbol":
            sized = Element("svg", {k: v for k, v in element.attrib.items() if k in ("width", "height")})
            yield from self._children(target, self._nested(sized, target.get("viewBox"), moved))
        else:
            yield from self._visit(target, moved)

    def _frame(self, element: Element, style: dict[str, str], state: _State) -> Box | None:
        """Where an image is told to be, in user units; None for other elements, and where that is left to its file."""
        across, down = state.viewport
        w = length(element.get("width") or style.get("width"), 0.0, across)
        h = length(element.get("height") or style.get("height"), 0.0, down)
        if _name(element) != "image" or w <= 0 or h <= 0:
            return None
        return Box(length(element.get("x"), 0.0, across), length(element.get("y"), 0.0, down), w, h)

    def _clip(self, identifier: str, state: _State, frame: Box | None) -> Box | None:
        """The bounding box, on the page, of what a clip path lets through; `frame` is that of the element."""
        target = self._by_id.get(identifier)
        if target is None or _name(target) != "clipPath":
            return None
        matrix = state.matrix.after(parse_transform(target.get("transform")))
        if target.get("clipPathUnits") == "objectBoundingBox":
            if frame is None:
                return None
            matrix = matrix.after(Matrix(frame.w, 0, 0, frame.h, frame.x, frame.y))
        boxes = [box for child in list(target)[:100] if (box := self._shape(child, matrix, state, 0)) is not None]
        if not boxes:
            return None
        x, y = min(b.x for b in boxes), min(b.y for b in boxes)
        return Box(x, y, max(b.x + b.w for b in boxes) - x, max(b.y + b.h for b in boxes) - y)

    def _shape(self, shape: Element, matrix: Matrix, state: _State, depth: int) -> Box | None:
        matrix = matrix.after(parse_transform(shape.get("transform")))
        across, down = state.viewport

        def number(key: str, whole: float) -> float:
            return length(shape.get(key), 0.0, whole)

        name = _name(shape)
        box: Box | None = None
        if name == "rect":
            box = Box(number("x", across), number("y", down), number("width", across), number("height", down))
        elif name in ("circle", "ellipse"):
            rx = number("r", across) or number("rx", across)
            ry = number("r", across) or number("ry", down)
            box = Box(number("cx", across) - rx, number("cy", down) - ry, 2 * rx, 2 * ry)
        elif name == "path":
            box = parse_path_bounds(shape.get("d") or "")
        elif name in ("polygon", "polyline"):
            box = parse_path_bounds("M" + (shape.get("points") or ""))
        elif name == "use" and depth < 5:
            target = self._by_id.get(_href(shape).removeprefix("#"))
            moved = matrix.after(Matrix(1, 0, 0, 1, number("x", across), number("y", down)))
            return None if target is None else self._shape(target, moved, state, depth + 1)
        return None if box is None else matrix.bounds(box)

    def _image(self, element: Element, style: dict[str, str], state: _State) -> Placed | None:
        data = _data_uri(_href(element))
        if data is None:
            self._remote += 1
            return None
        if data == b"" or self._images >= _MOST_IMAGES or self._pixels >= _MOST_PIXELS:
            self._damaged += 1
            return None
        try:
            pixels = decode(data, self.name).pixels
        except UnreadableFigure:
            self._damaged += 1
            return None
        height, width = pixels.shape[:2]
        self._images += 1
        self._pixels += width * height
        if min(width, height) < LEAST_PIXELS:
            return None
        across, down = state.viewport
        x, y = length(element.get("x"), 0.0, across), length(element.get("y"), 0.0, down)
        w = length(element.get("width") or style.get("width"), float(width), across)
        h = length(element.get("height") or style.get("height"), float(height), down)
        frame = Box(x, y, w, h)
        inner = fitted(Box(0, 0, width, height), frame, element.get("preserveAspectRatio"))
        clip = intersect(state.clip, state.matrix.bounds(frame))
        return Placed(pixels, state.matrix.after(inner), clip)

    def _text(self, element: Element, style: dict[str, str], state: _State) -> None:
        content = "".join(element.itertext()).strip()
        if not content or len(content) > 4:
            return
        first = next((e for e in element.iter() if e.get("x")), element)
        x = length((first.get("x") or "0").split()[0], 0.0, state.viewport[0])
        y = length((first.get("y") or "0").split()[0], 0.0, state.viewport[1])
        size = length(style.get("font-size"), 12.0, 12.0)
        self.texts.append(Text(content, state.matrix.bounds(Box(x, y - 0.75 * size, 0.6 * size, 0.75 * size))))


def _name(element: Element) -> str:
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def _href(element: Element) -> str:
    return (element.get("href") or element.get(_XLINK) or "").strip()


def _data_uri(uri: str) -> bytes | None:
    """The bytes of a data URI, empty if damaged; None if it points elsewhere."""
    if uri[:5].lower() != "data:":
        return None
    head, comma, body = uri.partition(",")
    if not comma:
        return b""
    if ";base64" in head.lower():
        try:
            return base64.b64decode("".join(urllib.parse.unquote(body).split() if "%" in body else body.split()))
        except (binascii.Error, ValueError):
            return b""
    return urllib.parse.unquote_to_bytes(body)


def _draw(root: Element, width: float, height: float, name: str) -> Pixels | None:
    """An SVG as a picture; what it links to is taken out first. None if it cannot be drawn."""
    for element in root.iter():
        for key in ("href", _XLINK):
            if element.get(key, "").strip()[:1] not in ("#", "") and element.get(key, "")[:5].lower() != "data:":
                del element.attrib[key]
        # Filters soften and shade; drawing one can take hours.
        element.attrib.pop("filter", None)
        if "filter" in element.get("style", ""):
            element.set("style", _FILTER.sub("", element.get("style", "")))
        if _name(element) == "style" and element.text:
            element.text = _FILTER.sub("", element.text)
        for child in [one for one in element if _name(one) == "filter"]:
            element.remove(child)
    zoom = min(8.0, _DRAWN_WIDTH / max(width, height))
    try:
        text = tostring(root, encoding="unicode")
        # Without a resolution, resvg refuses sizes in points or millimetres.
        png = bytes(resvg_py.svg_to_bytes(svg_string=text, zoom=zoom, background="white", dpi=96))
        return decode(png, name).pixels
    except (UnreadableFigure, ValueError, RuntimeError, OSError, RecursionError):
        return None
