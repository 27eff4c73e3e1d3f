"""How intensities of a source became colours of a panel, and back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression, nnls

Grey = NDArray[np.float32]
Colour = NDArray[np.uint8]

GREY_CHROMA = 7.0  # mean spread of the colour components below which a panel is grey; JPEG leaves a few levels
LUT_DISTANCE = 18.0  # from the curve of a colour map, in grey levels
LUT_SHARE = 0.9  # of the pixels; labels and scale bars have colours of their own
LIKELY_SHARE = 0.5  # likewise, where JPEG has blurred the colours: good enough to look the panel up
BINS = 48

# Fire of ImageJ, as (position, red, green, blue) on a few knots; the rest come with OpenCV.
_FIRE = (
    (0, 0, 0, 31), (32, 0, 0, 126), (64, 101, 0, 227), (96, 173, 0, 144), (128, 209, 42, 48), (160, 252, 117, 0),
    (192, 255, 173, 0), (224, 255, 234, 35), (255, 255, 255, 255),
)  # fmt: skip
_OPENCV_MAPS = {
    "viridis": cv2.COLORMAP_VIRIDIS,
    "magma": cv2.COLORMAP_MAGMA,
    "inferno": cv2.COLORMAP_INFERNO,
    "plasma": cv2.COLORMAP_PLASMA,
    "cividis": cv2.COLORMAP_CIVIDIS,
    "hot": cv2.COLORMAP_HOT,
    "jet": cv2.COLORMAP_JET,
    "turbo": cv2.COLORMAP_TURBO,
    "cool": cv2.COLORMAP_COOL,
    "bone": cv2.COLORMAP_BONE,
}


@dataclass(frozen=True, slots=True)
class PanelTone:
    """A panel's colours taken apart.

    `greys`: renditions (Y, X) float32 0–255 to look up and register; the first is the best guess.
    `scalar` tells whether the panel shows one intensity: then `greys[0]` is it. `lut` or `color`
    ("RRGGBB") say how it was coloured; without `scalar`, `lut` is a guess.
    """

    greys: tuple[Grey, ...]
    scalar: bool
    lut: str | None = None
    color: str | None = None


def take_apart(pixels: Colour, mask: NDArray[np.bool_]) -> PanelTone:
    """Grey, one colour, a known colour map, or a mixture of colours? `pixels` (Y, X, 3), `mask` True: overlay."""
    rgb = pixels.astype(np.float32)
    shown = rgb[~mask] if (~mask).any() else rgb.reshape(-1, 3)
    spread = shown.max(axis=1) - shown.min(axis=1)
    if float(spread.mean()) < GREY_CHROMA and float(np.percentile(spread, 98)) < 6 * GREY_CHROMA:
        return PanelTone((_luminance(rgb),), scalar=True, lut="gray")
    single = _single_colour(shown)
    if single is not None:
        grey = np.clip(rgb @ (single / float(single @ single)), 0, 255).astype(np.float32)
        return PanelTone((grey,), scalar=True, color="".join(f"{round(255 * v):02X}" for v in single))
    named, share = _likeliest_map(shown)
    mapped = [_invert_map(rgb, colour_map(named))] if share > LIKELY_SHARE else []
    if share > LUT_SHARE:
        return PanelTone((*mapped,), scalar=True, lut=named)
    components = [rgb[..., i] for i in range(3) if float(shown[:, i].std()) > 3]
    return PanelTone((_luminance(rgb), *mapped, *components), scalar=False, lut=named if mapped else None)


def _luminance(rgb: NDArray[np.float32]) -> Grey:
    return np.asarray(rgb @ np.array([0.299, 0.587, 0.114], np.float32), np.float32)


def _single_colour(shown: NDArray[np.float32]) -> NDArray[np.float32] | None:
    """The colour (3,), largest component 1, if all pixels lie on one ray from black."""
    coloured = shown[(shown.max(axis=1) - shown.min(axis=1)) > 3 * GREY_CHROMA]  # labels are black or white
    if len(coloured) < 0.01 * len(shown):
        return None
    _, vectors = np.linalg.eigh(coloured.T.astype(np.float64) @ coloured)
    colour = np.abs(vectors[:, -1])
    away = np.linalg.norm(shown - np.outer(shown @ colour, colour), axis=1)
    if float((away < LUT_DISTANCE).mean()) < LUT_SHARE:
        return None
    result: NDArray[np.float32] = (colour / colour.max()).astype(np.float32)
    # Colours of channels are round numbers; JPEG leaves a percent or two.
    return np.where(result < 0.04, np.float32(0), np.where(result > 0.96, np.float32(1), result))


@cache
def colour_map(name: str) -> NDArray[np.float32]:
    """A colour map as (256, 3) float32 RGB 0–255."""
    if name == "fire":
        knots = np.array(_FIRE, float)
        return np.stack([np.interp(np.arange(256), knots[:, 0], knots[:, i]) for i in (1, 2, 3)], 1).astype(np.float32)
    ramp = np.arange(256, dtype=np.uint8)[:, np.newaxis]
    return cv2.applyColorMap(ramp, _OPENCV_MAPS[name])[:, 0, ::-1].astype(np.float32)


def _likeliest_map(shown: NDArray[np.float32]) -> tuple[str, float]:
    """The known colour map that most of the colours lie on, and their share."""
    sample = shown[:: max(1, len(shown) // 3000)]
    best, chosen = -1.0, ""
    for name in (*_OPENCV_MAPS, "fire"):
        curve = colour_map(name)
        squares = (sample**2).sum(1)[:, None] - 2 * sample @ curve.T + (curve**2).sum(1)[None]
        share = float((np.sqrt(np.maximum(squares.min(axis=1), 0)) < LUT_DISTANCE).mean())
        if share > best:
            best, chosen = share, name
    return chosen, best


def _invert_map(rgb: NDArray[np.float32], curve: NDArray[np.float32]) -> Grey:
    """The index 0–255 into the map that is nearest to each colour."""
    # Colours are quantised to 5 bits first: 32,768 look-ups instead of one for each pixel.
    levels = (np.arange(32, dtype=np.float32) + 0.5) * 8
    cube = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), -1).reshape(-1, 3)
    squares = (curve**2).sum(1)[None] - 2 * cube @ curve.T
    table = np.argmin(squares, axis=1).astype(np.float32)
    coarse = np.clip(rgb // 8, 0, 31).astype(np.intp)
    start = table[(coarse[..., 0] * 32 + coarse[..., 1]) * 32 + coarse[..., 2]]
    # Then the few neighbours along the curve decide to the level.
    offsets = np.arange(-4, 5)
    around = np.clip(start[..., np.newaxis] + offsets, 0, 255).astype(np.intp)
    away = ((curve[around] - rgb[..., np.newaxis, :]) ** 2).sum(-1)
    return np.take_along_axis(around, away.argmin(-1)[..., np.newaxis], -1)[..., 0].astype(np.float32)


@dataclass(frozen=True, slots=True)
class ToneCurve:
    """A monotone map from source intensity to panel grey, linear between knots."""

    knots: NDArray[np.float64]
    values: NDArray[np.float64]
    inverted: bool
    residual: float  # root mean square over the fitted pixels, in grey levels
    explained: float  # share of the variance, 0–1

    def __call__(self, source: NDArray[np.float32]) -> Grey:
        return np.asarray(np.interp(source, self.knots, self.values), np.float32)


def fit_tone(source: NDArray[np.float32], panel: NDArray[np.float32], bins: int = BINS) -> ToneCurve:
    """The monotone curve, rising or falling, that takes `source` (N,) nearest to `panel` (N,) grey levels."""
    order = np.argsort(source, kind="stable")
    x, y = source[order].astype(np.float64), panel[order].astype(np.float64)
    # Half of the knots by number of pixels, half by intensity: most of a fluorescence plane is background.
    quantiles = x[np.linspace(0, len(x) - 1, bins // 2).astype(int)]
    edges = np.unique(np.concatenate([quantiles, np.linspace(x[0], x[-1], bins // 2)]))
    place = np.clip(np.searchsorted(edges, x, side="right") - 1, 0, len(edges) - 1)
    weight = np.bincount(place, minlength=len(edges))
    filled = weight > 0
    weight = weight[filled]
    mean_x = np.bincount(place, x, len(edges))[filled] / weight
    mean_y = np.bincount(place, y, len(edges))[filled] / weight
    rising = isotonic_regression(mean_y, weights=weight.astype(float)).x
    falling = isotonic_regression(mean_y, weights=weight.astype(float), increasing=False).x
    errors = [float((weight * (mean_y - fit) ** 2).sum()) for fit in (rising, falling)]
    inverted = errors[1] < errors[0]
    values = falling if inverted else rising
    rest = y - np.interp(x, mean_x, values)
    variance = float(y.var())
    residual = float((rest**2).mean())
    return ToneCurve(
        mean_x, values, inverted, float(np.sqrt(residual)), 1 - residual / variance if variance > 1e-9 else 0.0
    )


@dataclass(frozen=True, slots=True)
class ColourCurve:
    """Any map from one source intensity to colours, linear between knots: a colour map that nobody named."""

    knots: NDArray[np.float64]
    values: NDArray[np.float64]  # (knots, 3)
    residual: float  # root mean square over pixels and components, in grey levels

    def __call__(self, source: NDArray[np.float32]) -> NDArray[np.float32]:
        """(…, 3) float32 for `source` (…)."""
        return np.stack([np.interp(source, self.knots, self.values[:, i]) for i in range(3)], -1).astype(np.float32)


def fit_colours(source: NDArray[np.float32], panel: NDArray[np.float32], bins: int = 24) -> ColourCurve:
    """The curve that takes `source` (N,) nearest to the colours `panel` (N, 3) 0–255."""
    low, high = float(source.min()), float(source.max())
    edges = np.unique(
        np.concatenate([np.quantile(source, np.linspace(0, 1, bins // 2)), np.linspace(low, high, bins // 2)])
    )
    place = np.clip(np.searchsorted(edges, source, side="right") - 1, 0, len(edges) - 1)
    counts = np.bincount(place, minlength=len(edges))
    filled = counts > max(2, len(source) // 2000)  # a bin of a pixel or two would follow whatever is drawn there
    if not filled.any():
        filled = counts > 0
    counts = counts[filled]
    knots = np.bincount(place, source, len(edges))[filled] / counts
    values = np.stack([np.bincount(place, panel[:, i], len(edges))[filled] / counts for i in range(3)], -1)
    curve = ColourCurve(knots, values, 0.0)
    rest = panel - curve(source)
    return ColourCurve(knots, values, float(np.sqrt((rest.astype(np.float64) ** 2).mean())))


@dataclass(frozen=True, slots=True)
class Mixture:
    """Channels added up in colours: for each channel a rising curve to (R, G, B) 0–255, and an offset."""

    offset: NDArray[np.float64]  # (3,)
    knots: NDArray[np.float64]  # (channels, knots)
    weights: NDArray[np.float64]  # (channels, knots − 1, 3), all ≥ 0
    residual: float
    explained: float

    def part(self, channel: int, source: NDArray[np.float32]) -> NDArray[np.float32]:
        """What one channel adds to each pixel, (…, 3) float32."""
        steps = _steps(source.reshape(-1), self.knots[channel])
        return np.asarray((steps @ self.weights[channel]).reshape(*source.shape, 3), np.float32)

    def render(self, sources: list[NDArray[np.float32]]) -> NDArray[np.float32]:
        """The panel's colours as the mixture explains them, (…, 3) float32 0–255."""
        total = sum((self.part(i, source) for i, source in enumerate(sources)), self.offset.astype(np.float32))
        return np.clip(total, 0, 255)

    def color(self, channel: int) -> str | None:
        """The colour "RRGGBB" of a channel's full intensity; None where it adds nothing."""
        full = self.weights[channel].sum(axis=0)
        if full.max() < 1:
            return None
        return "".join(f"{round(255 * v):02X}" for v in np.where(full / full.max() < 0.06, 0, full / full.max()))


_QUANTILES = (0.01, 0.35, 0.65, 0.85, 0.95, 0.99, 1.0)


def fit_mixture(sources: list[NDArray[np.float32]], panel: NDArray[np.float32]) -> Mixture:
    """Non-negative mixture of channels `sources`, each (N,), nearest to the colours `panel` (N, 3) 0–255.

    Saturated components are fitted where they are not saturated only: a sum beyond white is cut off.
    """
    knots = np.stack([_increasing(np.quantile(source, _QUANTILES)) for source in sources])
    basis = np.concatenate(
        [np.ones((len(panel), 1)), *(_steps(s, k) for s, k in zip(sources, knots, strict=True))], axis=1
    )
    weights = np.zeros((len(sources), knots.shape[1] - 1, 3))
    offset = np.zeros(3)
    for component in range(3):
        target = panel[:, component].astype(np.float64)
        open_ = target < 252
        if open_.sum() < basis.shape[1] * 4:
            open_[:] = True
        solution = _nnls(basis[open_], target[open_])
        offset[component] = solution[0]
        weights[..., component] = solution[1:].reshape(len(sources), -1)
    mixture = Mixture(offset, knots, weights, 0.0, 0.0)
    rest = panel - mixture.render(sources)
    variance = float(panel.var(axis=0).sum())
    error = float((rest.astype(np.float64) ** 2).mean(axis=0).sum())
    return Mixture(offset, knots, weights, float(np.sqrt(error / 3)), 1 - error / variance if variance > 1e-9 else 0.0)


def _nnls(basis: NDArray[np.float64], target: NDArray[np.float64]) -> NDArray[np.float64]:
    """Least |basis·w − target|, w ≥ 0, through the normal equations (their Cholesky factor is small)."""
    gram = basis.T @ basis + 1e-6 * len(basis) * np.eye(basis.shape[1])
    factor = np.linalg.cholesky(gram)
    solution, _ = nnls(factor.T, np.linalg.solve(factor, basis.T @ target), maxiter=500)
    return np.asarray(solution)


def _steps(values: NDArray[np.float32], knots: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ramps (N, knots − 1) that rise from 0 to 1 between neighbouring knots: their sums are all rising curves."""
    return np.clip((values[:, np.newaxis] - knots[:-1]) / np.diff(knots), 0, 1).astype(np.float64)


def _increasing(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Nudged apart so that no two are equal."""
    span = max(float(values[-1] - values[0]), 1e-6)
    return np.asarray(np.maximum.accumulate(values) + np.arange(len(values)) * span * 1e-6, np.float64)
