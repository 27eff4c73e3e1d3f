"""Pictures of whole planes, scenes and figure pages, reduced while they are read."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from biocodes_crate.figures.model import PageUnit
from biocodes_crate.images import PlaneIndex, Scene
from biocodes_crate.report.rendering import Grey, add_up, fitted, window_of
from biocodes_crate.report.view import Rgb
from biocodes_crate.tracing.model import Intensity, PlaneRef, ProjectionKind, TracedPage

LONGEST_PAGE = 1400
_CHANNEL_COLOURS = ("00FF00", "FF00FF", "00FFFF", "FFFF00", "FF0000", "0000FF")
_SHOWN_CHANNELS = 6  # of a thumbnail; more only add up to white


def plane_preview(scene: Scene, plane: PlaneRef, longest: int) -> Grey:
    """A plane or projection, (Y, X) float32, its longest side at most `longest`. Streams: memory is bounded."""
    if plane.projection is None:
        return _reduced(scene, PlaneIndex(plane.z or 0, plane.c, plane.t), longest)
    kind = plane.projection.kind
    total: Grey | None = None
    for z in range(plane.projection.z_start, plane.projection.z_end + 1):
        part = _reduced(scene, PlaneIndex(z, plane.c, plane.t), longest)
        if total is None:
            total = part
        elif kind is ProjectionKind.MAX:
            total = np.maximum(total, part)
        elif kind is ProjectionKind.MIN:
            total = np.minimum(total, part)
        else:
            total = total + part
    if total is None:
        raise ValueError("a projection of no planes")
    count = plane.projection.z_end - plane.projection.z_start + 1
    return total / np.float32(count) if kind is ProjectionKind.MEAN else total


def scene_thumbnail(scene: Scene, longest: int) -> Rgb:
    """The middle plane of a scene at its first time: channels in their colours, each with a window of its own."""
    count = min(scene.size_c, 3 if scene.is_rgb else _SHOWN_CHANNELS)
    greys = [plane_preview(scene, PlaneRef(scene.size_z // 2, c, 0), longest) for c in range(count)]
    if scene.is_rgb and count == 3:
        low, high = (0.0, 255.0) if scene.dtype == np.uint8 else window_of(np.stack(greys).astype(np.float32))
        colours = ("FF0000", "00FF00", "0000FF")
        return add_up(greys, [Intensity(clip_min=low, clip_max=high, color=color) for color in colours])
    return add_up(greys, [Intensity(color=color) for color in thumbnail_colours(scene)])


def thumbnail_colours(scene: Scene) -> tuple[str, ...]:
    """The colour "RRGGBB" that each channel has in the thumbnail: its own, where it says one."""
    count = min(scene.size_c, _SHOWN_CHANNELS)
    if count == 1:
        return ("FFFFFF",)
    stated = [scene.channels[c].color if c < len(scene.channels) else None for c in range(count)]
    # White or missing colours would drown the rest.
    return tuple(
        color if color and color.upper() not in {"FFFFFF", "000000"} else _CHANNEL_COLOURS[c]
        for c, color in enumerate(stated)
    )


def composed_page(page: TracedPage, panels: Sequence[Rgb | None]) -> Rgb:
    """A page of a document, as far as its panels make it up: each in its place on white."""
    factor = LONGEST_PAGE / max(page.width, page.height, 1.0)
    width, height = (max(1, min(LONGEST_PAGE, round(side * factor))) for side in (page.width, page.height))
    canvas: Rgb = np.full((height, width, 3), 255, np.uint8)
    unit = 100.0 if page.unit is PageUnit.PERCENT else 0.0
    for traced, pixels in zip(page.panels, panels, strict=True):
        if pixels is None or pixels.size == 0:
            continue
        across, down = (unit or page.width, unit or page.height)
        x0, y0 = (_within(v, n) for v, n in ((traced.box.x / across, width), (traced.box.y / down, height)))
        x1 = _within((traced.box.x + traced.box.w) / across, width)
        y1 = _within((traced.box.y + traced.box.h) / down, height)
        if x1 > x0 and y1 > y0:
            canvas[y0:y1, x0:x1] = cv2.resize(pixels, (x1 - x0, y1 - y0), interpolation=cv2.INTER_AREA)
    return canvas


def page_preview(raster: Rgb) -> Rgb:
    """A page of a picture file, reduced."""
    return fitted(raster, LONGEST_PAGE)


def _within(share: float, size: int) -> int:
    return round(min(1.0, max(0.0, share)) * size)


def _reduced(scene: Scene, index: PlaneIndex, longest: int) -> Grey:
    """A plane by means over cells of a whole number of pixels."""
    factor = max(1, -(-max(scene.size_x, scene.size_y) // longest))
    step = max(1, scene.source.chunk_rows // factor) * factor
    rows = [
        _cells(np.nan_to_num(scene.source.rows(index, start, min(start + step, scene.size_y))), factor)
        for start in range(0, scene.size_y, step)
    ]
    return np.concatenate(rows)


def _cells(rows: NDArray[np.generic], factor: int) -> Grey:
    height, width = rows.shape
    if factor == 1:
        return rows.astype(np.float32)
    target = (max(1, -(-width // factor)), max(1, -(-height // factor)))
    # A border cell that is not whole takes the border's pixels again.
    padded = np.pad(rows, ((0, -height % factor), (0, -width % factor)), mode="edge").astype(np.float32)
    return np.asarray(cv2.resize(padded, target, interpolation=cv2.INTER_AREA), np.float32)
