"""PPTX: pictures of slides, with crop, rotation, flips and groups."""

from __future__ import annotations

import html
import math
import re
import zipfile
from collections.abc import Iterator
from typing import Any

from pptx import Presentation

from biocodes_crate.errors import UnreadableFigure
from biocodes_crate.figures.drawn import take_apart_flattened
from biocodes_crate.figures.metadata import digital_source
from biocodes_crate.figures.model import Box, FigurePage, PageUnit
from biocodes_crate.figures.placing import Matrix, Pixels, Placed, Text, place_panels
from biocodes_crate.figures.raster import decode
from biocodes_crate.figures.vector_bars import Label, add_vector_bars
from biocodes_crate.findings import Finding, Severity
from biocodes_crate.images import AnyFile

_MOST_SLIDES = 100
_MOST_SHAPES = 20_000  # on a slide
_MOST_BYTES = 1 << 30  # unpacked
_MOST_MEDIA = 400 << 20  # of one picture or film
_MOST_RATIO = 200  # unpacked to packed, beyond what any picture does
_MOST_XML = 64 << 20  # of one part that is XML
_MOST_FILES = 20_000
_MOST_DEPTH = 20  # of groups within groups
_MOST_PIXELS = 150_000_000  # of the pictures of a slide
_C2PA = "META-INF/content_credential.c2pa"
_APPLICATION = "docProps/app.xml"
_LINE = 12_700  # a point, in English Metric Units
_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_TURN = 60_000  # DrawingML has angles in 60,000ths of a degree


def read_pptx(path: AnyFile) -> tuple[list[FigurePage], dict[str, Any], list[Finding]]:
    """The slides that hold pictures, and findings. Numbers of pages are those of the slides.

    Raises
    ------
    UnreadableFigure
        If it is no PPTX, is damaged, or unpacks to more than a presentation holds.
    """
    _check_archive(path)
    try:
        with path.open("rb") as file:
            deck = Presentation(file)
        slides = list(deck.slides)[: _MOST_SLIDES + 1]
        width, height = float(deck.slide_width or 0), float(deck.slide_height or 0)
        properties = deck.core_properties
        about = _about(path) | {"author": properties.author or ""}
    except Exception as error:
        raise UnreadableFigure(
            f"the presentation cannot be opened ({type(error).__name__}: {str(error)[:80]})",
            where=path,
            remedy="Save it again with PowerPoint or LibreOffice.",
        ) from error
    if not (width > 0 and height > 0):
        raise UnreadableFigure("its slides have no size", where=path, remedy="Save the presentation again.")
    findings: list[Finding] = []
    if len(slides) > _MOST_SLIDES:
        findings.append(_finding("figure-too-long", path, f"only the first {_MOST_SLIDES} slides are read"))
    pages = []
    for number, slide in enumerate(slides[:_MOST_SLIDES], start=1):
        reader = _Slide(slide, path, number, findings)
        images = list(reader.images())
        panels = take_apart_flattened(place_panels(images, reader.texts, width, height))
        panels = add_vector_bars(panels, reader.rules, reader.labels, width, height)
        # English Metric Units: 12,700 make a point.
        pages.append(FigurePage(number, width / 12_700, height / 12_700, PageUnit.PERCENT, tuple(panels)))
    return pages, {key: value for key, value in about.items() if value}, findings


def _about(path: AnyFile) -> dict[str, Any]:
    """The program that wrote the file (ECMA-376, 22.2.2), and content credentials (C2PA 2.1, A.6: in ZIP archives)."""
    about: dict[str, Any] = {}
    with path.open("rb") as opened, zipfile.ZipFile(opened) as archive:
        names = set(archive.namelist())
        if _C2PA in names:
            with archive.open(_C2PA) as file:
                about["c2pa"] = file.read(_MOST_XML)
        if _APPLICATION in names:
            with archive.open(_APPLICATION) as file:
                text = file.read(1 << 20).decode("utf-8", "replace")
            parts = [re.search(rf"<{tag}>([^<>]{{1,100}})</{tag}>", text) for tag in ("Application", "AppVersion")]
            about["software"] = html.unescape(" ".join(part.group(1).strip() for part in parts if part))
    return about


def _check_archive(path: AnyFile) -> None:
    """Look at the directory of the archive before anything is unpacked."""
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise UnreadableFigure(
            "the presentation is no ZIP archive, or is cut short", where=path, remedy="Save it again as PPTX."
        ) from error
    heavy = any(e.file_size > _MOST_XML and e.filename.endswith((".xml", ".rels")) for e in entries)
    heavy |= any(
        e.file_size > _MOST_MEDIA or (e.file_size > 16 << 20 and e.file_size > _MOST_RATIO * e.compress_size)
        for e in entries
    )
    if heavy or len(entries) > _MOST_FILES or sum(e.file_size for e in entries) > _MOST_BYTES:
        raise UnreadableFigure(
            "the presentation unpacks to more than a presentation holds",
            where=path,
            remedy="Put figures into a presentation of their own.",
        )


def _finding(identifier: str, path: AnyFile, message: str) -> Finding:
    return Finding(identifier, Severity.WARNING, path.name, message, "Export the figure as PDF, PNG or TIFF.")


class _Slide:
    """Walks the shapes of one slide, gathering pictures and short texts."""

    def __init__(self, slide: Any, path: AnyFile, number: int, findings: list[Finding]) -> None:
        self._slide = slide
        self._path = path
        self._number = number
        self._findings = findings
        self._shapes = 0
        self._pixels = 0
        self.texts: list[Text] = []
        self.rules: list[Box] = []
        self.labels: list[Label] = []

    def images(self) -> Iterator[Placed]:
        """The pictures of the slide, from the back to the front."""
        try:
            shapes = list(self._slide.shapes)
        except Exception as error:  # python-pptx trusts the XML and raises what it meets
            message = f"slide {self._number} cannot be read ({type(error).__name__})"
            self._findings.append(_finding("figure-page-unreadable", self._path, message))
            return
        yield from self._walk(shapes, Matrix(), 0)

    def _walk(self, shapes: list[Any], outer: Matrix, depth: int) -> Iterator[Placed]:
        for shape in shapes:
            self._shapes += 1
            if self._shapes > _MOST_SHAPES:
                return
            try:
                if hasattr(shape, "shapes"):
                    if depth < _MOST_DEPTH:
                        yield from self._walk(list(shape.shapes), outer.after(_group_matrix(shape)), depth + 1)
                    continue
                placed = self._picture(shape, outer) if hasattr(shape, "image") else self._filled(shape, outer)
                if placed is not None:
                    yield placed
                elif not hasattr(shape, "image"):
                    self._rule(shape, outer)
                if getattr(shape, "has_text_frame", False):
                    self._text(shape, outer)
            except Exception as error:  # one broken shape must not cost the others
                message = f"a shape on slide {self._number} cannot be read ({type(error).__name__}: {str(error)[:80]})"
                if sum(f.id == "figure-image-unreadable" for f in self._findings) < 20:
                    self._findings.append(_finding("figure-image-unreadable", self._path, message))

    def _picture(self, shape: Any, outer: Matrix) -> Placed | None:
        blob: bytes = shape.image.blob
        raster = decode(blob, self._path, _MOST_PIXELS - self._pixels)
        stored_h, stored_w = raster.pixels.shape[:2]
        self._pixels += stored_h * stored_w
        pixels = _cropped(raster.pixels, shape)
        if pixels is None:
            return None
        height, width = pixels.shape[:2]
        to_slide = outer.after(
            _shape_matrix(shape._element.spPr.xfrm if hasattr(shape._element, "spPr") else None, shape)
        )
        stated = digital_source(raster.info)
        return Placed(pixels, to_slide.after(Matrix(1 / width, 0, 0, 1 / height, 0, 0)), digital_source=stated)

    def _filled(self, shape: Any, outer: Matrix) -> Placed | None:
        """A shape that is filled with a picture, stretched to it."""
        fill = shape._element.find(f".//{_A}blipFill")
        blip = None if fill is None else fill.find(f"{_A}blip")
        name = None if blip is None else blip.get(f"{_R}embed")
        if fill is None or name is None or fill.find(f"{_A}tile") is not None or shape.width is None:
            return None
        blob = self._slide.part.related_part(name).blob
        raster = decode(blob, self._path, _MOST_PIXELS - self._pixels)
        stored_h, stored_w = raster.pixels.shape[:2]
        self._pixels += stored_h * stored_w
        cut = fill.find(f"{_A}srcRect")
        sides = [max(0, int(cut.get(side) or 0)) / 100_000 if cut is not None else 0.0 for side in "ltrb"]
        x0, y0 = round(sides[0] * stored_w), round(sides[1] * stored_h)
        pixels = raster.pixels[y0 : round((1 - sides[3]) * stored_h), x0 : round((1 - sides[2]) * stored_w)]
        if min(pixels.shape[:2]) < 1:
            return None
        height, width = pixels.shape[:2]
        to_slide = outer.after(_shape_matrix(getattr(shape._element.spPr, "xfrm", None), shape))
        stated = digital_source(raster.info)
        return Placed(pixels, to_slide.after(Matrix(1 / width, 0, 0, 1 / height, 0, 0)), digital_source=stated)

    def _rule(self, shape: Any, outer: Matrix) -> None:
        """Keep a line or a flat rectangle that may be a scale bar."""
        properties = shape._element.find(f".//{_A}prstGeom")
        kind = None if properties is None else properties.get("prst")
        if kind not in ("line", "straightConnector1", "rect") or shape.width is None or len(self.rules) >= _MOST_SHAPES:
            return
        text = shape.text_frame.text.strip() if getattr(shape, "has_text_frame", False) else ""
        if kind == "rect" and (text or shape._element.spPr.find(f"{_A}noFill") is not None):
            return  # a box of text, or one that is not painted
        box = outer.after(_shape_matrix(shape._element.spPr.find(f"{_A}xfrm"), shape)).bounds(Box(0, 0, 1, 1))
        outline = shape._element.spPr.find(f"{_A}ln")
        if kind != "rect":
            # What is not stated is in the theme, mostly 1 point; ends are flat unless they are said to reach over.
            thick = _LINE if outline is None else float(outline.get("w") or _LINE)
            ends = thick / 2 if outline is not None and outline.get("cap") in ("sq", "rnd") else 0.0
            box = Box(box.x - ends, box.y - thick / 2, box.w + 2 * ends, box.h + thick)
        if box.w >= 3 * box.h > 0:
            self.rules.append(box)

    def _text(self, shape: Any, outer: Matrix) -> None:
        text = shape.text_frame.text.strip()
        if 0 < len(text) <= 40 and shape.width is not None:
            self.labels.append(Label(text, outer.bounds(Box(shape.left, shape.top, shape.width, shape.height))))
        if 0 < len(text) <= 4 and shape.width is not None:
            box = outer.bounds(Box(shape.left, shape.top, shape.width, shape.height))
            # The letter itself is about as wide as half its height, at the start of its box.
            self.texts.append(Text(text, Box(box.x, box.y, min(box.w, box.h), box.h)))


def _shape_matrix(xfrm: Any, shape: Any) -> Matrix:
    """From the unit square to the parent: flips, then rotation about the middle (ECMA-376, 20.1.7.6)."""
    x, y, w, h = float(shape.left), float(shape.top), float(shape.width), float(shape.height)
    flip_x, flip_y = _flips(xfrm)
    return _turned(Box(x, y, w, h), float(shape.rotation), flip_x, flip_y)


def _turned(box: Box, degrees: float, flip_x: bool, flip_y: bool) -> Matrix:
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    middle_x, middle_y = box.x + box.w / 2, box.y + box.h / 2
    rotate = Matrix(cos, sin, -sin, cos, middle_x, middle_y)
    sx, sy = (-box.w if flip_x else box.w), (-box.h if flip_y else box.h)
    return rotate.after(Matrix(sx, 0, 0, sy, -sx / 2, -sy / 2))


def _flips(xfrm: Any) -> tuple[bool, bool]:
    if xfrm is None:
        return False, False
    return xfrm.get("flipH") in ("1", "true"), xfrm.get("flipV") in ("1", "true")


def _group_matrix(group: Any) -> Matrix:
    """From the coordinates of a group's children to those of its parent."""
    xfrm = group._element.grpSpPr.find(f"{_A}xfrm")
    if xfrm is None:
        return Matrix()

    def pair(tag: str, first: str, second: str) -> tuple[float, float] | None:
        found = xfrm.find(_A + tag)
        return None if found is None else (float(found.get(first)), float(found.get(second)))

    off, ext = pair("off", "x", "y"), pair("ext", "cx", "cy")
    child_off, child_ext = pair("chOff", "x", "y") or off, pair("chExt", "cx", "cy") or ext
    if off is None or ext is None or child_off is None or child_ext is None or 0 in child_ext:
        return Matrix()
    flip_x, flip_y = _flips(xfrm)
    outer = _turned(Box(*off, *ext), float(xfrm.get("rot") or 0) / _TURN, flip_x, flip_y)
    inner = Matrix(1 / child_ext[0], 0, 0, 1 / child_ext[1], -child_off[0] / child_ext[0], -child_off[1] / child_ext[1])
    return outer.after(inner)


def _cropped(pixels: Pixels, shape: Any) -> Pixels | None:
    """What the crop leaves; negative crops pad with nothing, so the picture keeps its size there."""
    height, width = pixels.shape[:2]
    x0 = round(max(0.0, float(shape.crop_left)) * width)
    y0 = round(max(0.0, float(shape.crop_top)) * height)
    x1 = round((1 - max(0.0, float(shape.crop_right))) * width)
    y1 = round((1 - max(0.0, float(shape.crop_bottom))) * height)
    return pixels[y0:y1, x0:x1] if x1 - x0 >= 1 and y1 - y0 >= 1 else None
