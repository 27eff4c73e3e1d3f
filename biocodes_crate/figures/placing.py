"""A raster image placed on a page: turned, mirrored, scaled, clipped, as the page shows it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from biocodes_crate.figures.content import judge_kind
from biocodes_crate.figures.model import Box, Panel, PanelKind
from biocodes_crate.figures.order import reading_order
from biocodes_crate.figures.overlays import find_overlays
from biocodes_crate.figures.samples import on_white
from biocodes_crate.figures.scalebars import find_scale_bar

Pixels = NDArray[np.uint8]

LEAST_PIXELS = 16  # a side; smaller rasters are bullets, icons, gradients
_LEAST_PERCENT = 1.0  # of the page's width and height
_UPRIGHT = math.sin(math.radians(0.3))
_MOST_WARPED = 40_000_000  # pixels of a rotated image


class Matrix(NamedTuple):
    """x' = a·x + c·y + e, y' = b·x + d·y + f, as in PDF and SVG."""

    a: float = 1.0
    b: float = 0.0
    c: float = 0.0
    d: float = 1.0
    e: float = 0.0
    f: float = 0.0

    def after(self, first: Matrix) -> Matrix:
        """The matrix that applies `first`, then this one."""
        return Matrix(
            self.a * first.a + self.c * first.b,
            self.b * first.a + self.d * first.b,
            self.a * first.c + self.c * first.d,
            self.b * first.c + self.d * first.d,
            self.a * first.e + self.c * first.f + self.e,
            self.b * first.e + self.d * first.f + self.f,
        )

    def point(self, x: float, y: float) -> tuple[float, float]:
        return self.a * x + self.c * y + self.e, self.b * x + self.d * y + self.f

    def bounds(self, box: Box) -> Box:
        """The bounding box of a transformed box."""
        return bounds_of(
            self.point(x, y)
            for x, y in ((box.x, box.y), (box.x + box.w, box.y), (box.x, box.y + box.h), (box.x + box.w, box.y + box.h))
        )

    @property
    def is_finite(self) -> bool:
        return all(math.isfinite(value) and abs(value) < 1e9 for value in self)


@dataclass(frozen=True, slots=True)
class Placed:
    """An image on a page; y points down."""

    pixels: Pixels = field(repr=False)  # (H, W, 3) as stored, or (H, W, 4) with opacity
    matrix: Matrix  # from its pixels to the units of the page
    clip: Box | None = None  # in the units of the page; None: nothing is cut off
    digital_source: str | None = None  # as the image's own file states it


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of text on a page, for the letters of panels."""

    text: str
    box: Box  # in the units of the page


def bounds_of(points: Iterable[tuple[float, float]]) -> Box:
    """The smallest box around some points."""
    listed = list(points)
    xs, ys = [x for x, _ in listed], [y for _, y in listed]
    return Box(min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))


def intersect(a: Box | None, b: Box | None) -> Box | None:
    """What two boxes share; None stands for everything. An empty box has width or height 0."""
    if a is None or b is None:
        return a if b is None else b
    x, y = max(a.x, b.x), max(a.y, b.y)
    return Box(x, y, max(0.0, min(a.x + a.w, b.x + b.w) - x), max(0.0, min(a.y + a.h, b.y + b.h) - y))


def place_panels(images: Sequence[Placed], texts: Sequence[Text], width: float, height: float) -> list[Panel]:
    """Panels of the images on a page, boxes in percent, in reading order, with letters from the page's text."""
    panels: list[Panel] = []
    for image in images:
        panel = place(image, width, height)
        if panel is not None and not any(_same(panel, other) for other in panels):
            panels.append(panel)
    boxes = [panel.box for panel in panels]
    labels = letters_for(boxes, [replace(t, box=_percent(t.box, width, height)) for t in texts])
    panels = [replace(panel, label=label) for panel, label in zip(panels, labels, strict=True)]
    return [panels[i] for i in reading_order(boxes)]


def _same(panel: Panel, other: Panel) -> bool:
    """Whether the same picture lies twice on the same place, as some writers do for effects."""
    near = all(abs(a - b) < 0.1 for a, b in zip(panel.box, other.box, strict=True))
    return near and panel.pixels.shape == other.pixels.shape and np.array_equal(panel.pixels, other.pixels)


def place(image: Placed, width: float, height: float) -> Panel | None:
    """The visible part of an image as a panel of a page of this size; None where nothing of it is seen."""
    stored_h, stored_w = image.pixels.shape[:2]
    if not image.matrix.is_finite or min(stored_h, stored_w) < 1:
        return None
    whole = image.matrix.bounds(Box(0, 0, stored_w, stored_h))
    visible = intersect(intersect(whole, image.clip), Box(0, 0, width, height)) or whole
    if whole.w <= 0 or whole.h <= 0 or visible.w <= 0 or visible.h <= 0:
        return None
    percent = _percent(visible, width, height)
    if percent.w < _LEAST_PERCENT or percent.h < _LEAST_PERCENT:
        return None
    upright = _upright(image)
    outside: NDArray[np.bool_] | None = None
    if upright is None:
        warped = _warped(image, whole)
        if warped is None:
            return None
        upright, outside = warped
    pixels, outside = _cropped(upright, outside, whole, visible)
    if min(pixels.shape[:2]) < LEAST_PIXELS:
        return None
    if pixels.shape[2] == 4:
        clear = pixels[..., 3] < 128
        if clear.all():
            return None
        outside = clear if outside is None else outside | clear
        pixels = on_white(pixels)
    kind = judge_kind(pixels)
    if kind is PanelKind.TEXT:
        kind = PanelKind.IMAGE if min(pixels.shape[:2]) > 64 else PanelKind.TEXT
    mask, bar = np.zeros(pixels.shape[:2], np.bool_), None
    if kind is PanelKind.IMAGE:
        mask, bar = find_overlays(pixels), find_scale_bar(pixels)
    if outside is not None:
        mask = mask | outside
    return Panel(percent, kind, pixels, mask, digital_source=image.digital_source, scale_bar=bar)


def _percent(box: Box, width: float, height: float) -> Box:
    return Box(100 * box.x / width, 100 * box.y / height, 100 * box.w / width, 100 * box.h / height)


def _upright(image: Placed) -> Pixels | None:
    """The pixels turned and mirrored as the page shows them; None if they are not turned by right angles."""
    m = image.matrix
    across, down = math.hypot(m.a, m.b), math.hypot(m.c, m.d)
    if across == 0 or down == 0:
        return None
    pixels = image.pixels
    if abs(m.b) <= _UPRIGHT * across and abs(m.c) <= _UPRIGHT * down:
        flip_x, flip_y = m.a < 0, m.d < 0
    elif abs(m.a) <= _UPRIGHT * across and abs(m.d) <= _UPRIGHT * down:
        pixels = pixels.transpose(1, 0, 2)
        flip_x, flip_y = m.c < 0, m.b < 0
    else:
        return None
    return np.ascontiguousarray(pixels[:: -1 if flip_y else 1, :: -1 if flip_x else 1])


def _warped(image: Placed, whole: Box) -> tuple[Pixels, NDArray[np.bool_]] | None:
    """The bounding box of a slanted image at its own resolution, and which of its pixels lie outside."""
    m = image.matrix
    scale = math.sqrt(abs(m.a * m.d - m.b * m.c))
    if scale <= 0:
        return None
    width, height = max(1, round(whole.w / scale)), max(1, round(whole.h / scale))
    if width * height > _MOST_WARPED or max(width, height) > 30_000 or max(image.pixels.shape) > 30_000:
        return None
    sx, sy = width / whole.w, height / whole.h
    forward = np.array(
        [[m.a * sx, m.c * sx, (m.e - whole.x) * sx], [m.b * sy, m.d * sy, (m.f - whole.y) * sy]], np.float64
    )
    # OpenCV has pixel centres on whole numbers, a page has them on halves.
    forward[:, 2] += forward[:, :2] @ np.array([0.5, 0.5]) - 0.5
    warped = cv2.warpAffine(
        image.pixels,
        forward,
        (width, height),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(255, 255, 255, 0),
    )
    inside = cv2.warpAffine(np.full(image.pixels.shape[:2], 255, np.uint8), forward, (width, height))
    return np.asarray(warped, np.uint8), np.asarray(inside) < 250


def _cropped(
    pixels: Pixels, outside: NDArray[np.bool_] | None, whole: Box, visible: Box
) -> tuple[Pixels, NDArray[np.bool_] | None]:
    """Cut to what is visible, to the nearest pixel."""
    height, width = pixels.shape[:2]
    x0 = round((visible.x - whole.x) / whole.w * width)
    x1 = round((visible.x + visible.w - whole.x) / whole.w * width)
    y0 = round((visible.y - whole.y) / whole.h * height)
    y1 = round((visible.y + visible.h - whole.y) / whole.h * height)
    cut = np.ascontiguousarray(pixels[y0:y1, x0:x1])
    return cut, None if outside is None else outside[y0:y1, x0:x1]


def letters_for(boxes: Sequence[Box], texts: Sequence[Text]) -> list[str | None]:
    """The letter beside or within the top left corner of each box, nearest first; boxes in percent."""
    pairs = []
    for j, text in enumerate(texts):
        letter = _letter(text.text)
        if letter is None:
            continue
        x, y = text.box.x, text.box.y + text.box.h / 2
        for i, box in enumerate(boxes):
            dx, dy = (x - box.x), (y - box.y)
            if -8 <= dx <= max(4.0, 0.3 * box.w) and -10 <= dy <= max(4.0, 0.3 * box.h):
                pairs.append((math.hypot(dx, dy), i, j, letter))
    labels: list[str | None] = [None] * len(boxes)
    used: set[int] = set()
    for _, i, j, letter in sorted(pairs):
        if labels[i] is None and j not in used:
            labels[i] = letter
            used.add(j)
    return labels


def _letter(text: str) -> str | None:
    """The letter of "A", "(b)", "C." and the like."""
    bare = text.strip().strip("().:,;[]")
    return bare if len(bare) == 1 and bare.isascii() and bare.isalpha() else None
