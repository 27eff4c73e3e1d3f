"""Synthetic micrographs and pages for the tests of figures."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]


def micrograph(
    seed: int, width: int, height: int, ground: int = 30, colour: tuple[float, float, float] = (1, 1, 1)
) -> Pixels:
    """Soft round cells on a noisy ground, (height, width, 3)."""
    rng = np.random.default_rng(seed)
    picture = np.full((height, width), float(ground))
    for _ in range(max(4, width * height // 2500)):
        x, y, radius = rng.integers(width), rng.integers(height), rng.integers(5, 18)
        cell = np.zeros_like(picture)
        cv2.circle(cell, (int(x), int(y)), int(radius), float(rng.uniform(60, 180)), -1)
        picture += cv2.GaussianBlur(cell, (0, 0), 2.5)
    picture += rng.normal(0, 6, picture.shape)
    return np.clip(picture[:, :, None] * np.array(colour), 1, 254).astype(np.uint8)


def page(width: int, height: int, colour: tuple[int, int, int] = (255, 255, 255)) -> Pixels:
    return np.full((height, width, 3), colour, np.uint8)


def paste(canvas: Pixels, picture: Pixels, x: int, y: int) -> tuple[int, int, int, int]:
    height, width = picture.shape[:2]
    canvas[y : y + height, x : x + width] = picture
    return x, y, width, height


def chart(width: int, height: int) -> Pixels:
    """Axes and bars on white."""
    canvas = page(width, height)
    for i in range(4):
        left, top = 40 + i * (width - 60) // 4, 30 + 20 * i
        cv2.rectangle(canvas, (left, top), (left + (width - 60) // 6, height - 30), (70, 120, 180), -1)
    cv2.line(canvas, (30, 10), (30, height - 30), (0, 0, 0), 2)
    cv2.line(canvas, (30, height - 30), (width - 10, height - 30), (0, 0, 0), 2)
    return canvas


def overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """Intersection over union."""
    w = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    h = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    shared = max(0.0, w) * max(0.0, h)
    return shared / (a[2] * a[3] + b[2] * b[3] - shared)
