"""Small reductions over the three channels of a picture: NumPy's own are slow along so short an axis."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def highest(pixels: NDArray[Any]) -> NDArray[Any]:
    """The largest of three channels, (…, 3) → (…): as `pixels.max(axis=-1)`."""
    result: NDArray[Any] = np.maximum(np.maximum(pixels[..., 0], pixels[..., 1]), pixels[..., 2])
    return result


def lowest(pixels: NDArray[Any]) -> NDArray[Any]:
    """The smallest of three channels, (…, 3) → (…): as `pixels.min(axis=-1)`."""
    result: NDArray[Any] = np.minimum(np.minimum(pixels[..., 0], pixels[..., 1]), pixels[..., 2])
    return result


def distance(pixels: NDArray[np.uint8], colour: NDArray[Any] | tuple[int, ...]) -> NDArray[np.uint8]:
    """How far each pixel is from a colour, in grey levels of the channel that differs most, (…) uint8."""
    away = np.abs(pixels.astype(np.int16) - np.asarray(colour, np.int16))
    return highest(away).astype(np.uint8)
