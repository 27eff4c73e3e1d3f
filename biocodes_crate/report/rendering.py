"""A panel drawn again from its source by what the edge says, and what then differs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from biocodes_crate.report.view import Rgb
from biocodes_crate.tracing.model import Affine, Intensity, PlaneRef
from biocodes_crate.tracing.pixels import Grid, SourcePixels, apply_warp, plan_warp
from biocodes_crate.tracing.tones import colour_map, fit_tone

Grey = NDArray[np.float32]

PERCENTILES = (0.3, 99.7)  # the window where an edge states none
DIFFERENCE_GAIN = 2.0
_CURVE_SAMPLES = 40_000  # pixels that a curve is fitted to
_EQUAL = np.array([24, 24, 28], np.float32)  # colours of the difference: equal, panel brighter, panel darker
_BRIGHTER = np.array([255, 176, 59], np.float32)
_DARKER = np.array([74, 168, 255], np.float32)


class Layer(NamedTuple):
    """A plane or projection, and how its intensities are shown."""

    plane: PlaneRef
    intensity: Intensity | None = None


def render_source(
    pixels: SourcePixels,
    image: str,
    scene: int,
    layers: Sequence[Layer],
    panel_to_source: Affine,
    panel_size: tuple[int, int],
    size: tuple[int, int],
) -> Rgb | None:
    """The source in the place of the panel; layers are the channels of a merge, and add up.

    Parameters
    ----------
    panel_to_source
        From pixels of the panel to pixels of the source.
    panel_size, size
        Width and height of the panel, and of the picture to make.

    Returns
    -------
    (H, W, 3) RGB, black where the panel reaches beyond the source; None where it lies outside
    of the source or the transform is degenerate.
    """
    opened = pixels.scene(image, scene)
    grid = Grid(size[0], size[1], size[0] / panel_size[0], size[1] / panel_size[1])
    with np.errstate(all="ignore"):
        warp = plan_warp(np.array(panel_to_source, np.float64), grid, opened)
    if warp is None:
        return None
    warped = [apply_warp(warp, pixels.reference(image, scene, layer.plane, warp.window)) for layer in layers]
    shown = add_up(warped, [layer.intensity for layer in layers])
    shown[~warp.inside] = 0
    return shown


def add_up(greys: Sequence[Grey], intensities: Sequence[Intensity | None]) -> Rgb:
    """Planes (Y, X) of one size as one picture: each windowed and coloured, then added."""
    total = sum(
        (colourise(grey, intensity) for grey, intensity in zip(greys, intensities, strict=True)),
        np.zeros((*greys[0].shape, 3), np.float32),
    )
    return np.clip(np.rint(total), 0, 255).astype(np.uint8)


def colourise(grey: Grey, intensity: Intensity | None) -> NDArray[np.float32]:
    """(Y, X) intensities as (Y, X, 3) RGB 0–255: window, gamma, inversion, then colour or colour map."""
    intensity = intensity or Intensity()
    low, high = intensity.clip_min, intensity.clip_max
    if low is None or high is None or high <= low:
        low, high = window_of(grey)
    level = np.clip((grey - np.float32(low)) / np.float32(max(high - low, 1e-9)), 0, 1)
    if intensity.gamma is not None and intensity.gamma > 0:
        level = level ** np.float32(intensity.gamma)
    if intensity.inverted:
        level = 1 - level
    if intensity.color is not None:
        return np.asarray(level[..., np.newaxis] * _rgb(intensity.color), np.float32)
    curve = _curve(intensity.lut)
    if curve is None:
        return np.repeat(level[..., np.newaxis] * np.float32(255), 3, axis=2)
    return np.asarray(curve[np.rint(level * 255).astype(np.intp)], np.float32)


def window_of(grey: Grey) -> tuple[float, float]:
    """A window that shows a plane well."""
    low, high = (float(value) for value in np.percentile(grey, PERCENTILES))
    if high <= low:
        low, high = float(grey.min()), float(grey.max())
    return (low, high) if high > low else (low, low + 1)


def difference(panel: Rgb, rendered: Rgb, gain: float = DIFFERENCE_GAIN) -> Rgb:
    """Where the panel is brighter (orange) or darker (blue) than its source; dark where they agree.

    All (Y, X, 3). The brightness of the source is evened out first, by a monotone curve for each
    colour component: an edge claims the same structure, whatever was done to the contrast, and
    its window is only the nearest to what was done.
    """
    evened = np.stack([_evened(rendered[..., i], panel[..., i]) for i in range(3)], axis=2)
    weights = np.array([0.299, 0.587, 0.114], np.float32)
    apart = np.clip((panel.astype(np.float32) - evened) @ weights * gain / 255, -1, 1)[..., np.newaxis]
    colour = np.where(apart > 0, _BRIGHTER, _DARKER)
    mixed = _EQUAL + np.abs(apart) * (colour - _EQUAL)
    return np.rint(mixed).astype(np.uint8)


def _evened(source: NDArray[np.uint8], panel: NDArray[np.uint8]) -> Grey:
    """A component of the source through the monotone curve that takes it nearest to the panel's."""
    grey = source.astype(np.float32)
    step = max(1, source.size // _CURVE_SAMPLES)
    return fit_tone(grey.ravel()[::step], panel.astype(np.float32).ravel()[::step])(grey)


def fitted(picture: Rgb, longest: int) -> Rgb:
    """A picture reduced so that its longest side is at most `longest`."""
    width, height = fitted_size((picture.shape[1], picture.shape[0]), longest)
    if (height, width) == picture.shape[:2]:
        return picture
    return cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8)


def fitted_size(size: tuple[int, int], longest: int) -> tuple[int, int]:
    """Width and height, reduced alike until the longer one is at most `longest`."""
    factor = min(1.0, longest / max(*size, 1))
    return max(1, round(size[0] * factor)), max(1, round(size[1] * factor))


def _rgb(color: str) -> NDArray[np.float32]:
    try:
        parts = [int(color.removeprefix("#")[i : i + 2], 16) for i in (0, 2, 4)]
    except ValueError:
        parts = [255, 255, 255]
    return np.array(parts, np.float32)


def _curve(lut: str | None) -> NDArray[np.float32] | None:
    try:
        return colour_map(lut) if lut else None
    except KeyError:  # grey, or a name that only somebody else knows
        return None
