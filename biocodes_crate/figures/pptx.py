"""PPTX: pictures of slides, with crop, rotation, flips and groups."""

from __future__ import annotations

import html
import re
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from pptx import Presentation

from biocodes_crate.errors import UnreadableFigure
from biocodes_crate.figures.drawn import take_apart_flattened
from biocodes_crate.figures.metadata import digital_source
from biocodes_crate.figures.model import Box, FigurePage, PageUnit
from biocodes_crate.figures.placing import Matrix, Placed, Text, place_panels
from biocodes_crate.figures.pptx_pictures import (
    Fill,
    background_of,
    fills_of,
    flips,
    is_hidden,
    relation_of,
    shape_matrix,
    shapes_of,
    shown_part,
    turned,
)
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
        images = list(reader.images(width, height))
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

    def images(self, width: float, height: float) -> Iterator[Placed]:
        """The pictures of the slide, from the back to the front: those of its master and layout come first."""
        try:
            shapes = shapes_of(self._slide)
        except Exception as error:  # python-pptx trusts the XML and raises what it meets
            message = f"slide {self._number} cannot be read ({type(error).__name__})"
            self._findings.append(_finding("figure-page-unreadable", self._path, message))
            return
        for fill in background_of(self._slide, width, height):
            yield from self._guarded(partial(self._picture, fill, self._slide.part, Matrix()))
        yield from self._guarded(self._behind)
        yield from self._walk(shapes, Matrix(), 0)

    def _behind(self) -> Iterator[Placed]:
        """Pictures of the master and of the layout; placeholders there are not shown."""
        layout = self._slide.slide_layout
        shown = [layout] if _shows_master(self._slide) else []
        shown = [layout.slide_master, *shown] if shown and _shows_master(layout) else shown
        for holder in shown:
            pictures = [s for s in shapes_of(holder) if not getattr(s, "is_placeholder", False)]
            yield from self._walk(pictures, Matrix(), 0, only_pictures=True)

    def _walk(self, shapes: list[Any], outer: Matrix, depth: int, only_pictures: bool = False) -> Iterator[Placed]:
        for shape in shapes:
            self._shapes += 1
            if self._shapes > _MOST_SHAPES:
                return
            yield from self._guarded(partial(self._shape, shape, outer, depth, only_pictures))

    def _guarded(self, work: Callable[[], Iterator[Placed]]) -> Iterator[Placed]:
        """What `work` yields until it fails: one broken shape must not cost the others."""
        try:
            yield from work()
        except Exception as error:
            said = error.message if isinstance(error, UnreadableFigure) else f"{type(error).__name__}: {error}"
            message = f"a shape on slide {self._number} cannot be read ({said[:120]})"
            if sum(f.id == "figure-image-unreadable" for f in self._findings) < 20:
                self._findings.append(_finding("figure-image-unreadable", self._path, message))

    def _shape(self, shape: Any, outer: Matrix, depth: int, only_pictures: bool) -> Iterator[Placed]:
        if is_hidden(shape):
            return
        if hasattr(shape, "shapes"):
            if depth < _MOST_DEPTH:
                yield from self._walk(shapes_of(shape), outer.after(_group_matrix(shape)), depth + 1, only_pictures)
            return
        fills = list(fills_of(shape))
        for fill in fills:
            yield from self._guarded(partial(self._picture, fill, shape.part, outer))
        if only_pictures:
            return
        if not fills and hasattr(shape._element, "spPr"):
            self._rule(shape, outer)
        if getattr(shape, "has_text_frame", False):
            self._text(shape, outer)

    def _picture(self, fill: Fill, part: Any, outer: Matrix) -> Iterator[Placed]:
        name = relation_of(fill)
        if name is None:
            return
        blob: bytes = part.related_part(name).blob
        if blob[:4] == b"\xd7\xcd\xc6\x9a" or blob[40:44] == b" EMF":
            raise UnreadableFigure("its picture is a Windows metafile (EMF or WMF), which is not read")
        raster = decode(blob, self._path, _MOST_PIXELS - self._pixels)
        self._pixels += raster.pixels.shape[0] * raster.pixels.shape[1]
        seen = shown_part(fill, raster.pixels)
        if seen is None:
            return
        height, width = seen.pixels.shape[:2]
        place = Matrix(seen.box.w / width, 0, 0, seen.box.h / height, seen.box.x, seen.box.y)
        yield Placed(seen.pixels, outer.after(fill.frame).after(place), digital_source=digital_source(raster.info))

    def _rule(self, shape: Any, outer: Matrix) -> None:
        """Keep a line or a flat rectangle that may be a scale bar."""
        properties = shape._element.find(f".//{_A}prstGeom")
        kind = None if properties is None else properties.get("prst")
        if kind not in ("line", "straightConnector1", "rect") or shape.width is None or len(self.rules) >= _MOST_SHAPES:
            return
        text = shape.text_frame.text.strip() if getattr(shape, "has_text_frame", False) else ""
        if kind == "rect" and (text or shape._element.spPr.find(f"{_A}noFill") is not None):
            return  # a box of text, or one that is not painted
        box = outer.after(shape_matrix(shape._element.spPr.find(f"{_A}xfrm"), shape)).bounds(Box(0, 0, 1, 1))
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


def _shows_master(slide: Any) -> bool:
    """Whether what a slide or layout is based on is seen (`showMasterSp`: ECMA-376, 19.3.1.38)."""
    return slide._element.get("showMasterSp") not in ("0", "false")


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
    flip_x, flip_y = flips(xfrm)
    outer = turned(Box(*off, *ext), float(xfrm.get("rot") or 0) / _TURN, flip_x, flip_y)
    inner = Matrix(1 / child_ext[0], 0, 0, 1 / child_ext[1], -child_off[0] / child_ext[0], -child_off[1] / child_ext[1])
    return outer.after(inner)
