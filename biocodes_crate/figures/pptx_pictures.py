"""Pictures of a slide, wherever PresentationML puts them: as pictures, as fills of shapes, cells and the background."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from pptx.shapes.picture import Picture

from biocodes_crate.figures.model import Box
from biocodes_crate.figures.placing import Matrix, Pixels

_A = "{http://schemas.openxmlformats.org/drawingml/2006/main}"
_P = "{http://schemas.openxmlformats.org/presentationml/2006/main}"
_R = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}"
_MC = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
_MOST_CELLS = 2000


class Fill(NamedTuple):
    """A picture that fills a frame."""

    element: Any  # blipFill (ECMA-376, 20.1.8.14)
    frame: Matrix  # from the unit square to what holds the frame


class Part(NamedTuple):
    """What of a picture is seen in its frame."""

    pixels: Pixels
    box: Box  # within the unit square of the frame


def shapes_of(holder: Any) -> list[Any]:
    """The shapes of a slide, layout, master or group, with the pictures that stand in for what is too new."""
    tree = holder._element.cSld.spTree if hasattr(holder._element, "cSld") else holder._element
    stand_ins = [pic for choice in tree.iterchildren(f"{_MC}AlternateContent") for pic in _backup(choice)]
    return [*holder.shapes, *(Picture(pic, holder.shapes) for pic in stand_ins)]


def _backup(choice: Any) -> Iterator[Any]:
    for fallback in choice.iterchildren(f"{_MC}Fallback"):
        yield from fallback.iterchildren(f"{_P}pic")


def is_hidden(shape: Any) -> bool:
    """Whether a shape is switched off in the selection pane."""
    about = shape._element.find(f"./*/{_P}cNvPr")
    return about is not None and about.get("hidden") in ("1", "true")


def background_of(slide: Any, width: float, height: float) -> list[Fill]:
    """The picture behind a slide, if it has one of its own; that of a master is decoration."""
    fill = slide._element.find(f"{_P}cSld/{_P}bg/{_P}bgPr/{_A}blipFill")
    return [] if fill is None else [Fill(fill, Matrix(width, 0, 0, height, 0, 0))]


def fills_of(shape: Any) -> Iterator[Fill]:
    """The pictures in a shape: its own (of a film, the poster frame), its fill, or those of a table's cells."""
    element = shape._element
    if element.tag == f"{_P}pic":
        fill = element.find(f"{_P}blipFill")
        if fill is not None:
            yield Fill(fill, shape_matrix(element.find(f"{_P}spPr/{_A}xfrm"), shape))
    elif element.tag == f"{_P}graphicFrame":
        table = element.find(f".//{_A}tbl")
        if table is not None:
            yield from _cells(table, float(shape.left), float(shape.top))
        for inner in element.iter(f"{_P}pic"):  # what an embedded object looks like
            yield from fills_of(Picture(inner, shape))
    else:
        fill = element.find(f"{_P}spPr/{_A}blipFill")
        if fill is not None and fill.find(f"{_A}tile") is None and shape.width is not None:
            yield Fill(fill, shape_matrix(element.find(f"{_P}spPr/{_A}xfrm"), shape))


def _cells(table: Any, left: float, top: float) -> Iterator[Fill]:
    widths = [float(column.get("w") or 0) for column in table.iter(f"{_A}gridCol")]
    y, seen = top, 0
    for row in table.iterchildren(f"{_A}tr"):
        height = float(row.get("h") or 0)
        x = left
        for cell, width in zip(row.iterchildren(f"{_A}tc"), widths, strict=False):
            seen += 1
            fill = cell.find(f"{_A}tcPr/{_A}blipFill")
            if fill is not None and seen <= _MOST_CELLS:
                yield Fill(fill, Matrix(width, 0, 0, height, x, y))
            x += width
        y += height


def relation_of(fill: Fill) -> str | None:
    """The id of the part with a fill's picture; None where the picture is not seen.

    Raises
    ------
    ValueError
        If the picture is linked, not embedded.
    """
    blip = fill.element.find(f"{_A}blip")
    if blip is None:
        return None
    opacity = blip.find(f"{_A}alphaModFix")
    if opacity is not None and opacity.get("amt") == "0":
        return None
    name: str | None = blip.get(f"{_R}embed")
    if not name and blip.get(f"{_R}link"):
        raise ValueError("its picture is linked, not embedded")
    return name or None


def shown_part(fill: Fill, pixels: Pixels) -> Part | None:
    """What the crop leaves of a picture, and where in its frame that lies.

    `srcRect` cuts the picture, or adds a margin where it is negative; `fillRect` says where in the frame the result
    is stretched to, and may reach out of it (ECMA-376, 20.1.8.55 and 20.1.8.30).
    """
    height, width = pixels.shape[:2]
    across = _seen(fill.element, "l", "r")
    down = _seen(fill.element, "t", "b")
    if across is None or down is None:
        return None
    (u0, u1, x0, x1), (v0, v1, y0, y1) = across, down
    cut = pixels[round(v0 * height) : round(v1 * height), round(u0 * width) : round(u1 * width)]
    return Part(cut, Box(x0, y0, x1 - x0, y1 - y0)) if min(cut.shape[:2]) >= 1 else None


def _seen(element: Any, first: str, second: str) -> tuple[float, float, float, float] | None:
    """Along one side: from where to where the picture is seen, and where that is in the frame; all in fractions."""
    a, b = _sides(element.find(f"{_A}srcRect"), first, second)
    c, d = _sides(element.find(f"{_A}stretch/{_A}fillRect"), first, second)
    source, target = 1 - a - b, 1 - c - d
    if source <= 0 or target <= 0:
        return None
    start = max(0.0, a, a - c * source / target)
    stop = min(1.0, 1 - b, a + (1 - c) * source / target)
    if stop <= start:
        return None
    return start, stop, c + (start - a) * target / source, c + (stop - a) * target / source


def _sides(rectangle: Any, first: str, second: str) -> tuple[float, float]:
    if rectangle is None:
        return 0.0, 0.0
    return _fraction(rectangle.get(first)), _fraction(rectangle.get(second))


def _fraction(text: str | None) -> float:
    """A percentage: in thousandths, or with a sign as the strict form of the standard has it."""
    if not text:
        return 0.0
    value = float(text[:-1]) / 100 if text.endswith("%") else float(text) / 100_000
    return value if math.isfinite(value) else 0.0


def shape_matrix(xfrm: Any, shape: Any) -> Matrix:
    """From the unit square to the parent: flips, then rotation about the middle (ECMA-376, 20.1.7.6)."""
    box = Box(float(shape.left), float(shape.top), float(shape.width), float(shape.height))
    return turned(box, float(shape.rotation), *flips(xfrm))


def turned(box: Box, degrees: float, flip_x: bool, flip_y: bool) -> Matrix:
    """From the unit square to a box that is mirrored, then turned."""
    cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    rotate = Matrix(cos, sin, -sin, cos, box.x + box.w / 2, box.y + box.h / 2)
    sx, sy = (-box.w if flip_x else box.w), (-box.h if flip_y else box.h)
    return rotate.after(Matrix(sx, 0, 0, sy, -sx / 2, -sy / 2))


def flips(xfrm: Any) -> tuple[bool, bool]:
    """Whether a transform mirrors left and right, top and bottom."""
    if xfrm is None:
        return False, False
    return xfrm.get("flipH") in ("1", "true"), xfrm.get("flipV") in ("1", "true")
