"""Planes, panels and studies drawn by the tests, with known truth."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from biocodes_crate.codes import reduce_plane
from biocodes_crate.figures import Box, Panel, PanelKind
from biocodes_crate.images import PlaneIndex, Scene
from biocodes_crate.study import DeclaredSource
from biocodes_crate.tracing import IndexBuilder, TraceIndex

Array = NDArray[np.float32]


def texture(seed: int, height: int = 220, width: int = 260) -> Array:
    """A plane with cells of many sizes and noise, 0–4000, unlike that of any other seed."""
    dice = np.random.default_rng(seed)
    plane = np.zeros((height, width), np.float32)
    for _ in range(90):
        x, y = dice.uniform(0, width), dice.uniform(0, height)
        axes = tuple(int(v) for v in dice.uniform(2, 14, 2))
        cv2.ellipse(plane, (int(x), int(y)), axes, dice.uniform(0, 180), 0, 360, dice.uniform(400, 3000), -1)
    for sigma, weight in ((1.2, 350), (3.0, 250)):
        grain = cv2.GaussianBlur(dice.normal(size=plane.shape).astype(np.float32), (0, 0), sigma)
        plane += weight * grain / grain.std()
    return np.clip(cv2.GaussianBlur(plane, (0, 0), 0.8) + 300, 0, 4000)


@dataclass
class Held:
    """Pixels (T, C, Z, Y, X) in memory, as a pixel source."""

    pixels: NDArray[np.uint16]
    chunk_rows: int = 64

    def rows(self, plane: PlaneIndex, start: int, stop: int) -> NDArray[np.uint16]:
        return self.pixels[plane.t, plane.c, plane.z, start:stop]


def scene_of(pixels: NDArray[np.float32], index: int = 0) -> Scene:
    """A scene of (T, C, Z, Y, X)."""
    t, c, z, y, x = pixels.shape
    held = Held(np.rint(pixels).astype(np.uint16))
    return Scene(index, "scene", "", x, y, z, c, t, np.dtype(np.uint16), held)


class Study:
    """Scenes by the path of their image, and their index."""

    def __init__(self, **pixels: Array) -> None:
        self.scenes = {f"images/{name}.tif": scene_of(_five(array)) for name, array in pixels.items()}
        parts = []
        for path, scene in self.scenes.items():
            builder = IndexBuilder(path)
            for plane in scene.planes():
                builder.observe(scene, plane, reduce_plane(scene.plane(plane)))
            parts.append(builder.finish())
        self.parts = parts
        self.index = TraceIndex(parts)

    def __call__(self, path: str, number: int) -> Scene:
        return {(p, s.index): s for p, s in self.scenes.items()}[path, number]


def _five(array: Array) -> Array:
    """(Y, X) or (Z, Y, X) or (C, Z, Y, X) as (T, C, Z, Y, X)."""
    return array.reshape((1,) * (5 - array.ndim) + array.shape)


def shown(plane: Array, low: float = 300, high: float = 3000, gamma: float = 1.0) -> NDArray[np.uint8]:
    """A plane in grey levels."""
    return np.rint(255 * np.clip((plane - low) / (high - low), 0, 1) ** gamma).astype(np.uint8)


def panel_of(
    pixels: NDArray[np.uint8],
    declared: tuple[DeclaredSource, ...] = (),
    mask: NDArray[np.bool_] | None = None,
) -> Panel:
    """A panel of a figure, from grey or colour pixels."""
    rgb = np.stack([pixels] * 3, -1) if pixels.ndim == 2 else pixels
    height, width = rgb.shape[:2]
    empty = np.zeros((height, width), np.bool_)
    return Panel(
        Box(0, 0, width, height),
        PanelKind.IMAGE,
        np.ascontiguousarray(rgb),
        empty if mask is None else mask,
        declared=declared,
    )


def resized(pixels: NDArray[np.uint8], factor: float) -> NDArray[np.uint8]:
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=how), np.uint8)
