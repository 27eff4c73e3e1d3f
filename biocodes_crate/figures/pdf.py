"""PDF, and Illustrator files that hold one: every embedded image with its place on the page."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import RLock
from typing import Any

import numpy as np
import pypdfium2
import pypdfium2.raw as pdfium

from biocodes_crate.errors import UnreadableFigure
from biocodes_crate.figures.drawn import cut_images, drawn_page, read_drawn, take_apart_flattened
from biocodes_crate.figures.model import Box, FigurePage, PageUnit, PanelKind
from biocodes_crate.figures.pdf_drawing import PdfDrawer
from biocodes_crate.figures.pdf_packets import pdf_packets
from biocodes_crate.figures.pdf_vectors import pattern_boxes, pdf_characters, pdf_labels, pdf_rules, stamp_boxes
from biocodes_crate.figures.placing import (
    LEAST_PIXELS,
    Matrix,
    Pixels,
    Placed,
    Text,
    bounds_of,
    intersect,
    place_panels,
)
from biocodes_crate.figures.probe import probe_pdf
from biocodes_crate.figures.strips import join_strips
from biocodes_crate.figures.vector_bars import add_vector_bars
from biocodes_crate.findings import Finding, Severity
from biocodes_crate.images import AnyFile

_MOST_PAGES = 100
_MOST_OBJECTS = 200_000  # on a page
_MOST_IMAGES = 500  # on a page
_MOST_DEPTH = 12  # of forms within forms
_MOST_PIXELS = 150_000_000  # of one embedded image, and of all on a page
_DRAWN_PIXELS = 12_000_000  # of a page that has to be drawn
_DRAWN_DPI = 300
_LETTER_PIXELS = 3_000_000  # of a page that is drawn for its letters only
_UNFILLED = "saved without PDF Content"  # what the page of an Illustrator file says that is not compatible
_LOCK = RLock()  # PDFium is not safe to call from several threads


class _TooMuchError(Exception):
    """A page has more in it than a figure has."""


def read_pdf(path: AnyFile) -> tuple[list[FigurePage], dict[str, Any], list[Finding]]:
    """The pages of a PDF, what it says of its making, and findings.

    Raises
    ------
    UnreadableFigure
        If it is no PDF, is encrypted, or is damaged.
    """
    # What lies in a zip is handed over as bytes: PDFium would read it piece by piece, and could tell of no damage.
    source = path if isinstance(path, Path) else path.read_bytes()
    probe_pdf(source, _MOST_PAGES, path)
    with _LOCK:
        try:
            document = pypdfium2.PdfDocument(source)
        except (pypdfium2.PdfiumError, OSError, ValueError) as error:
            raise UnreadableFigure(
                f"the PDF cannot be opened ({str(error)[:100]})",
                where=path,
                remedy="Save it again without a password; an Illustrator file needs 'Create PDF Compatible File'.",
            ) from error
        drawer = PdfDrawer(source)
        try:
            return _read(document, path, drawer)
        finally:
            drawer.close()
            document.close()


def _read(
    document: pypdfium2.PdfDocument, path: AnyFile, drawer: PdfDrawer
) -> tuple[list[FigurePage], dict[str, Any], list[Finding]]:
    findings: list[Finding] = []
    pages: list[FigurePage] = []
    count = len(document)
    if count > _MOST_PAGES:
        findings.append(
            Finding(
                "figure-too-long",
                Severity.WARNING,
                path.name,
                f"the PDF has {count} pages; only the first {_MOST_PAGES} are read",
                "Put figures into a file of their own.",
            )
        )
    for index in range(min(count, _MOST_PAGES)):
        try:
            page = document[index]
            pages.append(_read_page(page, index + 1, path.name, findings, drawer))
            page.close()
        except (pypdfium2.PdfiumError, ValueError, OverflowError, MemoryError) as error:
            findings.append(
                Finding(
                    "figure-page-unreadable",
                    Severity.WARNING,
                    path.name,
                    f"page {index + 1} cannot be read ({str(error)[:100]})",
                    "Export the figure again.",
                )
            )
    if not pages:
        raise UnreadableFigure("none of its pages can be read", where=path, remedy="Export the figure again.")
    about = {key.lower(): value for key, value in document.get_metadata_dict(skip_empty=True).items()}
    return pages, about | pdf_packets(path, document), findings


def _read_page(
    page: pypdfium2.PdfPage, number: int, name: str, findings: list[Finding], drawer: PdfDrawer
) -> FigurePage:
    width, height = page.get_size()
    if not (0 < width < 1e6 and 0 < height < 1e6):
        raise ValueError("it has no size")
    to_page = _page_matrix(page)
    try:
        images = list(_images(page, to_page))
    except _TooMuchError as error:
        findings.append(
            Finding(
                "figure-too-complex",
                Severity.WARNING,
                name,
                f"page {number} {error}; it was not searched for embedded images",
                "Export the figure as a picture of 300 to 600 dpi.",
            )
        )
        images = []
        if str(error).startswith("has more than"):
            return FigurePage(number, width, height, PageUnit.PERCENT, ())
    if number == 1 and not images and _is_unfilled(page):
        raise UnreadableFigure(
            "this Illustrator file holds no PDF",
            where=name,
            remedy="Save it again with 'Create PDF Compatible File', or export it as PDF.",
        )
    texts = _texts(page, to_page)

    def draw(most: int) -> Pixels | None:
        pixels = drawer.draw(number - 1, min(_DRAWN_DPI / 72, (most / (width * height)) ** 0.5))
        if pixels is None:
            findings.append(
                Finding(
                    "figure-too-complex",
                    Severity.WARNING,
                    name,
                    f"page {number} cannot be drawn in the time and memory that a figure takes; what only the drawn "
                    "page shows (letters, scale bars, flattened panels) was not looked for",
                    "Export the figure as a picture of 300 to 600 dpi.",
                )
            )
        return pixels

    images = join_strips(images)
    boxes = pattern_boxes(_walk(page, to_page, pdfium.FPDF_PAGEOBJ_PATH)) + stamp_boxes(page, to_page)
    if images and boxes:
        images += cut_images(boxes, images, lambda: draw(_DRAWN_PIXELS), width, height)
    panels = take_apart_flattened(place_panels(images, texts, width, height))
    if any(panel.kind is PanelKind.IMAGE for panel in panels):
        rules = pdf_rules(_walk(page, to_page, pdfium.FPDF_PAGEOBJ_PATH))
        panels = add_vector_bars(panels, rules, pdf_labels(page, to_page), width, height)

    if any(panel.kind is PanelKind.IMAGE for panel in panels):
        panels = read_drawn(panels, lambda: draw(_LETTER_PIXELS))
    elif (pixels := draw(_DRAWN_PIXELS)) is not None:
        return drawn_page(pixels, number, width, height, texts)
    return FigurePage(number, width, height, PageUnit.PERCENT, tuple(panels))


def _is_unfilled(page: pypdfium2.PdfPage) -> bool:
    text = page.get_textpage()
    try:
        return _UNFILLED in " ".join(pdf_characters(text)[:1000].split())
    finally:
        text.close()


def _page_matrix(page: pypdfium2.PdfPage) -> Matrix:
    """From user space (y up, any origin) to the page as shown (y down, from its top left corner)."""
    media, crop = page.get_mediabox(), page.get_cropbox()
    # A crop box that reaches out of the media box is cut to it (ISO 32000-2, 14.11.2).
    left, bottom, right, top = *map(max, media[:2], crop[:2]), *map(min, media[2:], crop[2:])
    if right <= left or top <= bottom:
        left, bottom, right, top = media
    turned = page.get_rotation() % 360
    if turned == 90:
        return Matrix(0, 1, 1, 0, -bottom, -left)
    if turned == 180:
        return Matrix(-1, 0, 0, 1, right, -bottom)
    if turned == 270:
        return Matrix(0, -1, -1, 0, top, right)
    return Matrix(1, 0, 0, -1, -left, top)


def _images(page: pypdfium2.PdfPage, to_page: Matrix) -> Iterator[Placed]:
    images: list[tuple[Any, Matrix, Box | None, tuple[int, int]]] = []
    total = 0
    for handle, matrix, clip in _walk(page, to_page, pdfium.FPDF_PAGEOBJ_IMAGE):
        size = _size(handle)
        if size is not None and len(images) < _MOST_IMAGES:
            total += size[0] * size[1]
            images.append((handle, matrix, clip, size))
    if total > _MOST_PIXELS:  # known before any is decoded
        raise _TooMuchError(f"holds images of more than {_MOST_PIXELS // 1_000_000} million pixels")
    for handle, matrix, clip, size in images:
        placed = _placed(page, handle, matrix, clip, size)
        if placed is not None:
            yield placed


def _size(handle: Any) -> tuple[int, int] | None:
    """Width and height of an image object; None where it is too small to be a panel, or has none."""
    wide, high = ctypes.c_uint(), ctypes.c_uint()
    if not pdfium.FPDFImageObj_GetImagePixelSize(handle, wide, high):
        return None
    size = int(wide.value), int(high.value)
    return size if min(size) >= LEAST_PIXELS else None


def _walk(page: pypdfium2.PdfPage, to_page: Matrix, wanted: int) -> Iterator[tuple[Any, Matrix, Box | None]]:
    """Every object of a kind on a page, in drawing order, with its matrix to the page and its clip."""
    raw = page.raw
    handles = _contents(raw, pdfium.FPDFPage_CountObjects(raw), pdfium.FPDFPage_GetObject, 0)
    stack: list[tuple[Any, Matrix, Box | None, int]] = [(handle, to_page, None, 0) for handle in handles]
    seen = len(stack)
    while stack:
        handle, outer, outer_clip, depth = stack.pop()
        kind = pdfium.FPDFPageObj_GetType(handle)
        if kind not in (wanted, pdfium.FPDF_PAGEOBJ_FORM):
            continue
        own = _matrix_of(handle)
        if own is None:
            continue
        clip = intersect(outer_clip, _clip_of(handle, outer))
        if kind == wanted:
            yield handle, outer.after(own), clip
        elif depth < _MOST_DEPTH:
            count = pdfium.FPDFFormObj_CountObjects(handle)
            inner = _contents(handle, count, pdfium.FPDFFormObj_GetObject, seen)
            seen += len(inner)
            stack += [(one, outer.after(own), clip, depth + 1) for one in inner]


def _contents(container: Any, count: int, get: Callable[[Any, int], Any], seen: int) -> list[Any]:
    """The objects of a page or a form, last first, as a stack wants them."""
    if seen + count > _MOST_OBJECTS:
        raise _TooMuchError(f"has more than {_MOST_OBJECTS} objects")
    return [get(container, i) for i in reversed(range(count))]


def _matrix_of(handle: Any) -> Matrix | None:
    raw = pdfium.FS_MATRIX()
    if not pdfium.FPDFPageObj_GetMatrix(handle, raw):
        return None
    matrix = Matrix(raw.a, raw.b, raw.c, raw.d, raw.e, raw.f)
    return matrix if matrix.is_finite else None


def _clip_of(handle: Any, matrix: Matrix) -> Box | None:
    """The bounding box of an object's clip, on the page: each path bounds it, and all of them hold."""
    path = pdfium.FPDFPageObj_GetClipPath(handle)
    count = pdfium.FPDFClipPath_CountPaths(path) if path else -1
    clip: Box | None = None
    for i in range(min(count, 64)):
        points = []
        for j in range(min(pdfium.FPDFClipPath_CountPathSegments(path, i), 2000)):
            segment = pdfium.FPDFClipPath_GetPathSegment(path, i, j)
            x, y = ctypes.c_float(), ctypes.c_float()
            if segment and pdfium.FPDFPathSegment_GetPoint(segment, x, y):
                points.append(matrix.point(x.value, y.value))
        if points:
            clip = intersect(clip, bounds_of(points))
    return clip


def _placed(
    page: pypdfium2.PdfPage, handle: Any, matrix: Matrix, clip: Box | None, size: tuple[int, int]
) -> Placed | None:
    """Decode one image object. Its pixels fill the unit square, the first row at y = 1."""
    w, h = size
    pixels = _masked(page, handle, w, h)
    if pixels is None:
        bitmap = pdfium.FPDFImageObj_GetBitmap(handle)
        if not bitmap:
            return None
        try:
            pixels = _to_rgb(bitmap)
        finally:
            pdfium.FPDFBitmap_Destroy(bitmap)
    return Placed(pixels, matrix.after(Matrix(1 / w, 0, 0, -1 / h, 0, 1)), clip)


def _masked(page: pypdfium2.PdfPage, handle: Any, w: int, h: int) -> Pixels | None:
    """The pixels of an image with its soft mask as opacity, (h, w, 4); None where it has none.

    PDFium applies the mask when it draws an object; drawn upright at its own size, it keeps its pixels.
    """
    before, upright = pdfium.FS_MATRIX(), pdfium.FS_MATRIX(w, 0, 0, h, 0, 0)
    if not pdfium.FPDFPageObj_GetMatrix(handle, before) or not pdfium.FPDFPageObj_SetMatrix(handle, upright):
        return None
    try:
        bitmap = pdfium.FPDFImageObj_GetRenderedBitmap(page.pdf.raw, page.raw, handle)
    finally:
        pdfium.FPDFPageObj_SetMatrix(handle, before)
    if not bitmap:
        return None
    try:
        if pdfium.FPDFBitmap_GetFormat(bitmap) not in (pdfium.FPDFBitmap_BGRA, pdfium.FPDFBitmap_BGRA_Premul):
            return None
        rows = _rows(bitmap, 4)
        pixels = np.ascontiguousarray(rows[..., [2, 1, 0, 3]])
    finally:
        pdfium.FPDFBitmap_Destroy(bitmap)
    return pixels if pixels.shape[:2] == (h, w) and pixels[..., 3].min() < 255 else None


def _to_rgb(bitmap: Any) -> Pixels:
    """The pixels of a raw bitmap, copied: grey, BGR, BGRx or BGRA, rows padded to the stride."""
    samples = {pdfium.FPDFBitmap_Gray: 1, pdfium.FPDFBitmap_BGR: 3}.get(pdfium.FPDFBitmap_GetFormat(bitmap), 4)
    rows = _rows(bitmap, samples)
    if samples == 1:
        return np.repeat(rows, 3, axis=2)
    return np.ascontiguousarray(rows[..., 2::-1])


def _rows(bitmap: Any, samples: int) -> Pixels:
    """A copy of a raw bitmap's samples, (H, W, samples)."""
    wide, high = pdfium.FPDFBitmap_GetWidth(bitmap), pdfium.FPDFBitmap_GetHeight(bitmap)
    stride = pdfium.FPDFBitmap_GetStride(bitmap)
    buffer = ctypes.string_at(pdfium.FPDFBitmap_GetBuffer(bitmap), stride * high)
    return np.frombuffer(buffer, np.uint8).reshape(high, stride)[:, : wide * samples].reshape(high, wide, samples)


def _texts(page: pypdfium2.PdfPage, to_page: Matrix) -> list[Text]:
    """Single letters that stand alone."""
    text = page.get_textpage()
    try:
        found = []
        content = pdf_characters(text)
        count = len(content)
        for i, character in enumerate(content):
            alone = (i == 0 or content[i - 1].isspace()) and (i + 1 == count or content[i + 1].isspace())
            if alone and character.isascii() and character.isalpha():
                left, bottom, right, top = text.get_charbox(i)
                found.append(Text(character, to_page.bounds(Box(left, bottom, right - left, top - bottom))))
        return found
    finally:
        text.close()
