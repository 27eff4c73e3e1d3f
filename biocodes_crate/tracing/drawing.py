"""Source planes drawn as a figure maker draws them, to be compared with a panel pixel by pixel.

Figure makers cut out whole pixels, set the contrast, and bring the cut to its size with one of a few well-known
filters. Whoever does the same comes nearer to the panel than registration alone can.

Affine maps are (2, 3) and take the origin at the outer corner of the top-left pixel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow

from biocodes_crate.images import Scene
from biocodes_crate.tracing.filters import shrink
from biocodes_crate.tracing.model import PlaneRef
from biocodes_crate.tracing.pixels import Grid, Kernel, Matrix, Warp, Window, apply_warp, plan_warp
from biocodes_crate.tracing.planes import Depth
from biocodes_crate.tracing.tones import ToneCurve, fit_colours, fit_mixture, fit_tone

Grey = NDArray[np.float32]
Filter = Kernel | Pillow.Resampling
Tones = tuple[()] | tuple[ToneCurve, ToneCurve]  # before and after a picture is brought to its size

# The filters of Pillow widen where a picture is reduced, as ImageMagick's and browsers' do.
STANDARD = (
    Pillow.Resampling.BOX,
    Pillow.Resampling.BILINEAR,
    Pillow.Resampling.BICUBIC,
    Pillow.Resampling.LANCZOS,
)
PIXELS_OF_A_BIN, BINS = 40, (48, 256)  # of tone curves: where contrast was cut off, a coarse curve is off
MOST_BEYOND = 1.5  # source pixels by which a registered place may go beyond the scene
NEARLY_UPRIGHT = 0.02  # of the scale: what registration may turn or shear a panel that is neither


class Cut(NamedTuple):
    """A cut of whole source pixels, x0 ≤ x < x1, y0 ≤ y < y1, and how it is turned to give the panel."""

    x0: int
    y0: int
    x1: int
    y1: int
    turned: bool  # rows of the source are columns of the panel
    mirrored_x: bool  # along the panel's x, after turning
    mirrored_y: bool

    def matrix(self, shape: tuple[int, ...]) -> Matrix:
        """From pixels of a panel of `shape` (Y, X) to source pixels."""
        height, width = shape[:2]
        along_x, along_y = (self.y1 - self.y0, self.x1 - self.x0) if self.turned else self.size
        a = along_x / width * (-1 if self.mirrored_x else 1)
        b = along_y / height * (-1 if self.mirrored_y else 1)
        linear = np.array([[0.0, b], [a, 0.0]]) if self.turned else np.diag([a, b])
        corners = linear @ np.array([[0, width, 0, width], [0, 0, height, height]], float)
        low = np.array([self.x0, self.y0]) - corners.min(axis=1)
        return np.column_stack([linear, low])

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in source pixels."""
        return self.x1 - self.x0, self.y1 - self.y0

    def within(self, scene: Scene) -> bool:
        """Whether it holds pixels, and all of them are the scene's."""
        return 0 <= self.x0 < self.x1 <= scene.size_x and 0 <= self.y0 < self.y1 <= scene.size_y


def whole_pixels(matrix: Matrix, shape: tuple[int, ...], scene: Scene) -> Cut | None:
    """The cut of whole pixels next to a place; None where that is turned by other than right angles, or goes beyond
    the scene.
    """
    height, width = shape[:2]
    linear = matrix[:, :2]
    turned = abs(linear[0, 1]) > abs(linear[0, 0])
    straight = linear * (np.eye(2)[::-1] if turned else np.eye(2))
    scale = float(np.sqrt(abs(np.linalg.det(linear))))
    if float(np.abs(linear - straight).max()) > NEARLY_UPRIGHT * scale:
        return None
    centre = matrix[:, 2] + linear @ [width / 2, height / 2]
    half = np.abs(straight) @ [width / 2, height / 2]
    low, high = centre - half, centre + half
    beyond = max(float(-low.min()), float(high[0]) - scene.size_x, float(high[1]) - scene.size_y)
    x0, y0 = (max(0, round(float(v))) for v in low)
    x1, y1 = min(scene.size_x, round(float(high[0]))), min(scene.size_y, round(float(high[1])))
    along_x, along_y = (straight[1, 0], straight[0, 1]) if turned else (straight[0, 0], straight[1, 1])
    cut = Cut(x0, y0, x1, y1, turned, along_x < 0, along_y < 0)
    return cut if beyond < MOST_BEYOND and cut.within(scene) else None


@dataclass(frozen=True, slots=True)
class Way:
    """How a panel may have been made from a plane: from which place, with which filter."""

    warp: Warp
    filter: Filter
    cut: Cut | None = None


@dataclass(frozen=True, slots=True)
class Canvas:
    """A panel on its grid, and how to draw planes of a scene there.

    `panel` (Y, X) grey, or (Y, X, 3) where it may mix channels; `shape` that of the panel's own pixels; `valid`
    (Y, X); `read` gives the pixels of a plane or projection in a window.
    """

    panel: NDArray[np.float32]
    shape: tuple[int, ...]
    grid: Grid
    valid: NDArray[np.bool_]
    matrix: Matrix  # panel pixels → source pixels, as registered
    scene: Scene
    read: Callable[[PlaneRef, Window], Grey]
    single: bool  # one channel alone may be shown
    can_be_held: bool = True  # all slices of the stack in memory at once

    def ways(self, cut: Cut | None = None) -> list[Way]:
        """With every filter, from the place as registered or from a cut of whole pixels."""
        warp = plan_warp(self.matrix if cut is None else cut.matrix(self.shape), self.grid, self.scene)
        if warp is None:
            return []
        filters: list[Filter] = [*Kernel] if cut is None else [*Kernel, *STANDARD]
        return [Way(warp, used, cut) for used in filters]

    def draw(
        self, depth: Depth, channels: tuple[int, ...], way: Way, at: NDArray[np.bool_], tones: Tones = ()
    ) -> tuple[Grey, Tones]:
        """The picture (Y, X[, 3]) of a plane on the grid, in `tones` or in those that fit `at` (Y, X) best.

        Its tones are returned, too, where one intensity is shown.
        """
        windows = [self.read(depth.plane(c), way.warp.window) for c in channels]
        target = self.panel[at]
        if self.panel.ndim == 2:
            # Contrast is set before a figure is scaled; then once more, for what scaling did to it.
            bins = int(np.clip(len(target) / PIXELS_OF_A_BIN, *BINS))
            first = tones[0] if tones else fit_tone(brought(windows[0], way)[at], target, bins)
            toned = brought(first(windows[0]), way)
            second = tones[1] if tones else fit_tone(toned[at], target, bins)
            return second(toned), (first, second)
        sources = [brought(window, way) for window in windows]
        if len(channels) == 1 and self.single:
            colours = fit_colours(sources[0][at], target)(windows[0])
            return np.stack([brought(np.ascontiguousarray(colours[..., i]), way) for i in range(3)], -1), ()
        return fit_mixture([source[at] for source in sources], target).render(sources), ()


def brought(window: Grey, way: Way) -> Grey:
    """Pixels (Y, X) of the way's window brought onto the grid."""
    if isinstance(way.filter, Kernel):
        return apply_warp(way.warp, window, way.filter)
    assert way.cut is not None
    cut, warp = way.cut, way.warp
    height, width = window.shape
    left, top = cut.x0 - warp.window.x0, cut.y0 - warp.window.y0
    box = (max(0, left), max(0, top), min(width, left + cut.size[0]), min(height, top + cut.size[1]))
    size = warp.drawn[::-1] if cut.turned else warp.drawn
    drawn = np.asarray(Pillow.fromarray(np.ascontiguousarray(window, np.float32)).resize(size, way.filter, box=box))
    drawn = drawn.T if cut.turned else drawn
    drawn = drawn[:: -1 if cut.mirrored_y else 1, :: -1 if cut.mirrored_x else 1]
    drawn = np.ascontiguousarray(drawn, np.float32)
    return drawn if warp.drawn == warp.size else shrink(drawn, *warp.size)
