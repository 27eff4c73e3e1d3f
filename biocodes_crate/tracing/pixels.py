"""Source pixels in the place of a panel: planes and projections, read once and warped.

Affine maps are (2, 3) and take the origin at the outer corner of the top-left pixel.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from enum import Enum
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from biocodes_crate.images import PlaneIndex, Scene
from biocodes_crate.tracing.filters import blur, shrink
from biocodes_crate.tracing.model import PlaneRef, ProjectionKind

Matrix = NDArray[np.float64]
Grey = NDArray[np.float32]
SceneProvider = Callable[[str, int], Scene]

CACHE_BYTES = 600_000_000
FINEST_SUMMED = 1.3  # source pixels per grid pixel; coarser grids do not show how a panel was enlarged
MOST_DRAWN = 4  # times the side of the grid
BLUR, SHARP_BLUR = 0.45, 0.3  # of a reduced picture, in source pixels for each source pixel per panel pixel


class Window(NamedTuple):
    """Source pixels x0 ≤ x < x1, y0 ≤ y < y1."""

    x0: int
    y0: int
    x1: int
    y1: int


class SourcePixels:
    """Reads windows of planes, and keeps the last ones."""

    def __init__(self, scenes: SceneProvider, cache_bytes: int = CACHE_BYTES) -> None:
        self.scene = scenes
        self._kept: OrderedDict[tuple[str, int, PlaneIndex, int, int], Grey] = OrderedDict()
        self._bytes, self._limit = 0, cache_bytes

    def window(self, image: str, scene: int, plane: PlaneIndex, window: Window) -> Grey:
        """Part of a plane, (Y, X) float32."""
        opened = self.scene(image, scene)
        # Planes of ordinary size are kept whole; of larger ones only the rows that are asked for.
        whole = opened.size_x * opened.size_y <= 16_000_000
        rows = (0, opened.size_y) if whole else (window.y0, window.y1)
        key = (image, scene, plane, *rows)
        pixels = self._kept.get(key)
        if pixels is None:
            pixels = np.nan_to_num(opened.source.rows(plane, *rows).astype(np.float32))
            self._keep(key, pixels)
        else:
            self._kept.move_to_end(key)
        return pixels[window.y0 - rows[0] : window.y1 - rows[0], window.x0 : window.x1]

    def can_hold_stack(self, scene: Scene) -> bool:
        """Whether all slices of one channel and time can be kept at once."""
        return 4 * scene.size_x * scene.size_y * scene.size_z <= self._limit

    def _keep(self, key: tuple[str, int, PlaneIndex, int, int], pixels: Grey) -> None:
        self._kept[key] = pixels
        self._bytes += pixels.nbytes
        while self._bytes > self._limit and len(self._kept) > 1:
            _, dropped = self._kept.popitem(last=False)
            self._bytes -= dropped.nbytes

    def reference(self, image: str, scene: int, source: PlaneRef, window: Window) -> Grey:
        """Part of a plane or projection, (Y, X) float32."""
        if source.projection is None:
            return self.window(image, scene, PlaneIndex(source.z or 0, source.c, source.t), window)
        kind, first, last = source.projection.kind, source.projection.z_start, source.projection.z_end
        total: Grey | None = None
        for z in range(first, last + 1):
            part = self.window(image, scene, PlaneIndex(z, source.c, source.t), window)
            total = part if total is None else _join(total, part, kind)
        assert total is not None
        return total / np.float32(last - first + 1) if kind is ProjectionKind.MEAN else total


def _join(a: Grey, b: Grey, kind: ProjectionKind) -> Grey:
    if kind is ProjectionKind.MAX:
        return np.maximum(a, b)
    if kind is ProjectionKind.MIN:
        return np.minimum(a, b)
    return a + b


class Grid(NamedTuple):
    """The pixels on which panel and source are compared: the panel, reduced where it was enlarged.

    `panel_to_grid` is the factor from panel pixels to grid pixels in x and y.
    """

    width: int
    height: int
    factor_x: float
    factor_y: float

    def to_panel(self) -> Matrix:
        """(3, 3) from grid pixels to panel pixels."""
        return np.diag([1 / self.factor_x, 1 / self.factor_y, 1.0])


def comparison_grid(panel_shape: tuple[int, ...], panel_to_source: Matrix, longest: int) -> Grid:
    """A grid no finer than panel or source, with sides of at most `longest`."""
    height, width = panel_shape[:2]
    scale = float(np.sqrt(abs(np.linalg.det(panel_to_source[:, :2]))))
    factor = min(1.0, max(scale, 0.05), longest / max(height, width))
    new_width, new_height = max(1, round(width * factor)), max(1, round(height * factor))
    return Grid(new_width, new_height, new_width / width, new_height / height)


def on_grid(picture: NDArray[np.float32], grid: Grid) -> NDArray[np.float32]:
    """The panel's pixels (Y, X[, 3]) on the grid."""
    if picture.shape[:2] == (grid.height, grid.width):
        return picture
    return shrink(picture, grid.width, grid.height)


def mask_on_grid(mask: NDArray[np.bool_], grid: Grid) -> NDArray[np.bool_]:
    """True where any part of a grid pixel is masked."""
    if mask.shape == (grid.height, grid.width):
        return mask
    return shrink(mask, grid.width, grid.height) > 0.02


def apart(a: Matrix, b: Matrix, shape: tuple[int, ...]) -> bool:
    """Whether two transforms put corners or centre of a panel into places more than a tenth of its extent apart."""
    height, width = shape[:2]
    points = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width / 2, height / 2, 1]], float).T
    extent = float(np.abs(b[:, :2] @ [width, height]).max())
    return float(np.abs((a - b) @ points).max()) > 0.1 * extent


class Kernel(Enum):
    """How a figure maker may have brought source pixels to the size of a panel."""

    SMOOTH = "smooth"  # averaged where reduced, cubic where not: Pillow, ImageJ with averaging, browsers
    SHARP = "sharp"  # averaged where reduced, over no more than one pixel: area, Lanczos
    LINEAR = "linear"  # no averaging: OpenCV, Illustrator
    NEAREST = "nearest"  # ImageJ without averaging, OMERO.figure, pixel-exact enlargements


class Warp(NamedTuple):
    """How to bring a window of the source onto the grid.

    An enlarged panel is drawn at its own size first and then made as small as the grid, just as the panel itself
    is: what is interpolated and summed up again is blurred, and noise is most of what tells planes apart.
    """

    window: Window
    scale: float  # source pixels per grid pixel
    reduce: int  # the window is reduced by this factor first
    matrix: Matrix  # (2, 3), drawn → reduced window, pixel centres at integers (OpenCV's convention)
    drawn: tuple[int, int]  # width, height
    size: tuple[int, int]  # width, height of the grid
    inside: NDArray[np.bool_]  # (Y, X), grid pixels that fall into the source


def plan_warp(panel_to_source: Matrix, grid: Grid, scene: Scene) -> Warp | None:
    """None where the transform is degenerate or the panel falls outside of the source."""
    full = np.vstack([panel_to_source, [0, 0, 1]]) @ grid.to_panel()
    scale = float(np.sqrt(abs(np.linalg.det(full[:2, :2]))))
    if not np.isfinite(full).all() or scale < 1e-3 or scale > 1e4:
        return None
    corners = full[:2] @ np.array([[0, 0, 1], [grid.width, 0, 1], [0, grid.height, 1], [grid.width, grid.height, 1]]).T
    margin = 3 * scale + 3
    window = Window(
        max(0, int(np.floor(corners[0].min() - margin))),
        max(0, int(np.floor(corners[1].min() - margin))),
        min(scene.size_x, int(np.ceil(corners[0].max() + margin))),
        min(scene.size_y, int(np.ceil(corners[1].max() + margin))),
    )
    if window.x1 - window.x0 < 4 or window.y1 - window.y0 < 4:
        return None
    reduce = max(1, int(scale / 1.5))
    drawn = _drawn(grid, scale)
    matrix = full[:2] @ np.diag([grid.width / drawn[0], grid.height / drawn[1], 1.0])
    matrix[:, 2] += matrix[:, :2] @ [0.5, 0.5] - [window.x0, window.y0]
    matrix /= reduce
    matrix[:, 2] -= 0.5
    y, x = np.mgrid[0.5 : grid.height, 0.5 : grid.width]
    at = full[:2, :2] @ np.stack([x.ravel(), y.ravel()]) + full[:2, 2:]
    inside = ((at[0] > 0) & (at[0] < scene.size_x) & (at[1] > 0) & (at[1] < scene.size_y)).reshape(x.shape)
    return Warp(window, scale, reduce, matrix, drawn, (grid.width, grid.height), inside)


def _drawn(grid: Grid, scale: float) -> tuple[int, int]:
    """The size at which a panel is drawn before it is made as small as the grid."""
    times = 1 / min(grid.factor_x, grid.factor_y)
    if times <= 1 or scale > FINEST_SUMMED:
        return grid.width, grid.height
    if times > MOST_DRAWN:
        return grid.width * MOST_DRAWN, grid.height * MOST_DRAWN
    return round(grid.width / grid.factor_x), round(grid.height / grid.factor_y)


def apply_warp(warp: Warp, pixels: Grey, kernel: Kernel = Kernel.SMOOTH) -> Grey:
    """The window's `pixels` (Y, X) float32 on the grid."""
    matrix = warp.matrix
    interpolation = {Kernel.LINEAR: cv2.INTER_LINEAR, Kernel.NEAREST: cv2.INTER_NEAREST}.get(kernel, cv2.INTER_CUBIC)
    if kernel in (Kernel.SMOOTH, Kernel.SHARP):
        left = warp.scale / warp.reduce * warp.size[0] / warp.drawn[0]
        if warp.reduce > 1:
            height, width = (max(1, side // warp.reduce) for side in pixels.shape)
            pixels = shrink(pixels[: height * warp.reduce, : width * warp.reduce], width, height)
        if left > 1.05:
            pixels = blur(pixels, (BLUR if kernel is Kernel.SMOOTH else SHARP_BLUR) * left)
        if left >= 1.3:  # after smoothing, linear is as good
            interpolation = cv2.INTER_LINEAR
    else:
        matrix = matrix * warp.reduce
        matrix[:, 2] += (warp.reduce - 1) / 2
    warped = cv2.warpAffine(
        np.ascontiguousarray(pixels),
        matrix,
        warp.drawn,
        flags=interpolation | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(warped, np.float32) if warp.drawn == warp.size else shrink(warped, *warp.size)
