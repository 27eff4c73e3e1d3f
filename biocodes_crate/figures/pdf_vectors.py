"""Vector content of a PDF page: lines, flat rectangles and text, which scale bars are made of; shapes with images."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Iterable
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

from biocodes_crate.figures.model import Box
from biocodes_crate.figures.placing import Matrix, bounds_of, intersect
from biocodes_crate.figures.vector_bars import Label

_MOST_RULES = 5000
_MOST_SEGMENTS = 8  # of a rectangle, however it is drawn
_MOST_CHARACTERS = 200_000
_MOST_LABELS = 5000
_MOST_OUTLINE = 2000  # segments of a path
_MOST_PATTERNS = 50
_PATTERN = (191, 191, 191)  # what PDFium says of a fill that is a coloured tiling pattern, and of this grey
_LEVEL = math.sin(math.radians(0.5))


def pdf_rules(paths: Iterable[tuple[Any, Matrix, Box | None]]) -> list[Box]:
    """Level lines and flat rectangles among path objects, each with its matrix to the page."""
    found: list[Box] = []
    for handle, matrix, clip in paths:
        if len(found) >= _MOST_RULES:
            break
        box = _flat(handle, matrix)
        if box is not None and (clip is None or _is_within(box, clip)):
            found.append(box)
    return found


def _flat(handle: Any, matrix: Matrix) -> Box | None:
    """What a path covers on the page, if it is painted and flat. A stroke has caps and a thickness of its own."""
    filled, stroked = ctypes.c_int(), ctypes.c_int()
    count = pdfium.FPDFPath_CountSegments(handle)
    if not 2 <= count <= _MOST_SEGMENTS or not pdfium.FPDFPath_GetDrawMode(handle, filled, stroked):
        return None
    points: list[tuple[float, float]] = []
    for i in range(count):
        segment = pdfium.FPDFPath_GetPathSegment(handle, i)
        x, y = ctypes.c_float(), ctypes.c_float()
        if not segment or not pdfium.FPDFPathSegment_GetPoint(segment, x, y):
            return None
        if pdfium.FPDFPathSegment_GetType(segment) == pdfium.FPDF_SEGMENT_BEZIERTO:
            return None
        points.append(matrix.point(x.value, y.value))
    box = bounds_of(points)
    if not all(map(math.isfinite, box)):
        return None
    if stroked.value:
        return _stroked(handle, matrix, box, is_line=len({(round(x, 3), round(y, 3)) for x, y in points}) == 2)
    return box if filled.value != pdfium.FPDF_FILLMODE_NONE and box.h > 0 else None


def _stroked(handle: Any, matrix: Matrix, box: Box, *, is_line: bool) -> Box | None:
    width = ctypes.c_float()
    if not pdfium.FPDFPageObj_GetStrokeWidth(handle, width):
        return None
    half = width.value * math.sqrt(abs(matrix.a * matrix.d - matrix.b * matrix.c)) / 2
    if is_line and box.h > _LEVEL * box.w:
        return None
    # Butt caps end where the line does, the others half a width later (ISO 32000-2, 8.4.3.3).
    ends = 0.0 if is_line and pdfium.FPDFPageObj_GetLineCap(handle) == pdfium.FPDF_LINECAP_BUTT else half
    return Box(box.x - ends, box.y - half, box.w + 2 * ends, box.h + 2 * half)


def _is_within(box: Box, clip: Box) -> bool:
    """Whether a clip leaves a bar its length, and something of its height."""
    return (
        clip.x <= box.x + 0.01 * box.w
        and clip.x + clip.w >= box.x + 0.99 * box.w
        and clip.y < box.y + box.h
        and box.y < clip.y + clip.h
    )


def pattern_boxes(paths: Iterable[tuple[Any, Matrix, Box | None]]) -> list[Box]:
    """Boxes of shapes that may be filled with a pattern, and so with an image, which PDFium does not hand out."""
    found: list[Box] = []
    for handle, matrix, clip in paths:
        red, green, blue, opacity = (ctypes.c_uint() for _ in range(4))
        filled, stroked = ctypes.c_int(), ctypes.c_int()
        if (
            len(found) >= _MOST_PATTERNS
            or not pdfium.FPDFPageObj_GetFillColor(handle, red, green, blue, opacity)
            or (red.value, green.value, blue.value) != _PATTERN
            or not pdfium.FPDFPath_GetDrawMode(handle, filled, stroked)
            or filled.value == pdfium.FPDF_FILLMODE_NONE
        ):
            continue
        points = []
        for i in range(min(pdfium.FPDFPath_CountSegments(handle), _MOST_OUTLINE)):
            segment = pdfium.FPDFPath_GetPathSegment(handle, i)
            x, y = ctypes.c_float(), ctypes.c_float()
            if segment and pdfium.FPDFPathSegment_GetPoint(segment, x, y):
                points.append(matrix.point(x.value, y.value))
        box = intersect(bounds_of(points), clip) if points else None
        if box is not None and all(map(math.isfinite, box)):
            found.append(box)
    return found


def stamp_boxes(page: pypdfium2.PdfPage, to_page: Matrix) -> list[Box]:
    """Boxes of rubber stamps, which may be pasted pictures; they are no part of the page's content."""
    found: list[Box] = []
    for index in range(min(pdfium.FPDFPage_GetAnnotCount(page.raw), _MOST_PATTERNS)):
        annotation = pdfium.FPDFPage_GetAnnot(page.raw, index)
        if not annotation:
            continue
        rectangle = pdfium.FS_RECTF()
        if pdfium.FPDFAnnot_GetSubtype(annotation) == pdfium.FPDF_ANNOT_STAMP and pdfium.FPDFAnnot_GetRect(
            annotation, rectangle
        ):
            left, right = sorted((rectangle.left, rectangle.right))
            bottom, top = sorted((rectangle.bottom, rectangle.top))
            found.append(to_page.bounds(Box(left, bottom, right - left, top - bottom)))
        pdfium.FPDFPage_CloseAnnot(annotation)
    return found


def pdf_characters(text: pypdfium2.PdfTextPage) -> str:
    """One character for each that PDFium counts on a page, a space where it knows none: text as a whole has others."""
    codes = (pdfium.FPDFText_GetUnicode(text, i) for i in range(min(text.count_chars(), _MOST_CHARACTERS)))
    return "".join(chr(code) if 0 < code < 0xD800 or 0xDFFF < code < 0x110000 else " " for code in codes)


def pdf_labels(page: pypdfium2.PdfPage, to_page: Matrix) -> list[Label]:
    """Runs of characters on one line, parted where a gap is wider than a space."""
    text = page.get_textpage()
    try:
        found: list[Label] = []
        run = ""
        boxes: list[Box] = []
        for i, character in enumerate(pdf_characters(text)):
            if character.isspace() and character not in " \N{NO-BREAK SPACE}":
                found += _label(run, boxes)
                run, boxes = "", []
                continue
            if character.isspace():
                run += " " if run else ""
                continue
            left, bottom, right, top = text.get_charbox(i)
            box = Box(left, bottom, right - left, top - bottom)
            if boxes and _breaks(boxes[-1], box, max(b.h for b in boxes)):
                found += _label(run, boxes)
                run, boxes = "", []
            run, boxes = run + character, [*boxes[-40:], box]
            if len(found) >= _MOST_LABELS:
                return [Label(one.text, to_page.bounds(one.box)) for one in found]
        found += _label(run, boxes)
        return [Label(one.text, to_page.bounds(one.box)) for one in found]
    finally:
        text.close()


def _breaks(last: Box, box: Box, tallest: float) -> bool:
    """Whether a character does not go on where the last one ended."""
    gap = box.x - (last.x + last.w)
    return gap > 1.2 * tallest or gap < -2 * tallest or abs(box.y - last.y) > 1.2 * tallest


def _label(run: str, boxes: list[Box]) -> list[Label]:
    if not boxes or len(run) > 40:
        return []
    corners = [(b.x, b.y) for b in boxes] + [(b.x + b.w, b.y + b.h) for b in boxes]
    return [Label(run.strip(), bounds_of(corners))]
