"""Samples of any kind as 8-bit RGB."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

_DEEP = 4095  # samples of 16 bits that exceed this use their range


class Range(NamedTuple):
    """The values that a picture uses: lowest and highest."""

    low: float
    high: float


def on_white(rgba: Pixels) -> Pixels:
    """Composite (H, W, 4) on white, some rows at a time: transparency must not double the memory."""
    out: Pixels = np.ascontiguousarray(rgba[..., :3])
    for start in range(0, len(rgba), 512):
        alpha = rgba[start : start + 512, :, 3:].astype(np.uint16)
        if alpha.min() < 255:
            rows = out[start : start + 512]
            rows[:] = ((rows.astype(np.uint32) * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)
    return out


def to_uint8(samples: NDArray[Any], used: Range | None = None) -> Pixels:
    """Samples of any type as 8 bit: the full range of the type, or of the values if they use little of it.

    Parameters
    ----------
    used
        The range of the whole picture, where the samples are a part of it.
    """
    if samples.dtype == np.uint8:
        return samples
    if samples.dtype == np.bool_:
        return samples.astype(np.uint8) * np.uint8(255)
    low, high = used or range_of(samples)
    if samples.dtype == np.uint16 and high > _DEEP:
        return (samples >> 8).astype(np.uint8)
    if samples.dtype.kind == "f":
        samples = np.nan_to_num(samples, posinf=0, neginf=0)
    # A 12-bit capture in 16 bits, or floats: black would be all that is seen.
    low = min(low, 0.0)
    scale = 255.0 / (high - low) if high > low else 0.0
    return ((samples.astype(np.float32) - low) * scale + 0.5).clip(0, 255).astype(np.uint8)


def range_of(samples: NDArray[Any]) -> Range:
    """The lowest and the highest value; what is not finite counts as zero."""
    if samples.dtype.kind == "f":
        samples = np.nan_to_num(samples, posinf=0, neginf=0)
    return Range(float(samples.min(initial=0)), float(samples.max(initial=0)))


def is_settled(dtype: np.dtype[Any], used: Range) -> bool:
    """Whether no further value changes how samples become 8 bit."""
    return dtype in (np.uint8, np.bool_) or (dtype == np.uint16 and used.high > _DEEP)


def cmyk_to_rgb(cmyk: Pixels) -> Pixels:
    """Ink to light, without a colour profile, as Pillow does."""
    light = 255 - cmyk[..., :3].astype(np.uint16)
    black = 255 - cmyk[..., 3:4].astype(np.uint16)
    return ((light * black + 127) // 255).astype(np.uint8)


def turned(samples: Pixels, orientation: int) -> Pixels:
    """Apply the TIFF tag Orientation (TIFF 6.0, page 36)."""
    if orientation in (2, 3):
        samples = samples[:, ::-1]
    if orientation in (3, 4):
        samples = samples[::-1]
    if orientation >= 5:
        samples = samples.transpose(1, 0, 2)
        if orientation in (6, 7):
            samples = samples[:, ::-1]
        if orientation in (7, 8):
            samples = samples[::-1]
    return np.ascontiguousarray(samples)
