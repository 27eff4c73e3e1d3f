"""Evidence: how well a re-rendered source explains a panel, and how likely chance does as well."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import stats

from biocodes_crate.tracing.filters import blur

Field = NDArray[np.float32]
Valid = NDArray[np.bool_]

BANDS = (1.5, 3.0, 6.0, 12.0)  # standard deviations in grid pixels
TILES = 6  # to a side
NOISE_FLOOR = 2.0  # grey levels; detail weaker than this is rounding and compression
MOST_COUNTED = 12.0  # grey levels
TILE_AGREES = 0.4  # correlation of detail within a tile
LOG10_FLOOR = -300.0
FAR_OFF, LEAST_FAR_OFF = 4.0, 8.0  # standard deviations of what fits, and grey levels

# Where a panel lies on its source to the pixel, each of its parts does so for itself.
PARTS = 8  # to a side
SMALLEST_PART = 12  # grid pixels
SEARCHED = 6  # grid pixels that a part may be shifted by, in each direction
IN_PLACE = 1.5  # grid pixels
SCALES = ((0.7, 3.0), (1.4, 6.0))  # finest and coarsest detail that is compared, standard deviations in grid pixels
LEAST_DETAIL = 1.5  # grey levels


@dataclass(frozen=True, slots=True)
class Likeness:
    """What panel and re-rendered source have in common over the unmasked pixels."""

    correlation: float  # Pearson's
    fine_correlation: float  # in the band where the agreement is the least likely by chance
    log10_chance: float  # of that, for two unrelated fields with these autocorrelations, one-sided
    tile_share: float  # of the tiles that show structure, the share that agrees
    tiles: int  # that show structure


@dataclass(frozen=True, slots=True)
class Agreement(Likeness):
    """That, and all that a decision rests on besides."""

    parts: tuple[tuple[int, int], ...]  # for each of SCALES: how many parts lie where they should, of how many
    share_explained: float  # of the pixels
    residual: float  # root mean square, grey levels
    capped: float  # likewise, of differences of at most MOST_COUNTED: what is drawn over the image hardly counts
    signal: float  # standard deviation of the panel, grey levels


def belonging(away: NDArray[np.float32]) -> Valid:
    """Where differences (N,), grey levels, are like most of them; the others show what does not belong to the source.

    Always at least half of them.
    """
    return np.asarray(away <= max(FAR_OFF * 1.48 * float(np.median(away)), LEAST_FAR_OFF))


def likeness(panel: Field, rendered: Field, valid: Valid) -> Likeness:
    """Compare (Y, X) or (Y, X, 3) fields in grey levels 0–255 where `valid` (Y, X)."""
    panel, rendered = np.atleast_3d(panel), np.atleast_3d(rendered)
    a, b = panel[valid].astype(np.float64), rendered[valid].astype(np.float64)
    a0, b0 = a - a.mean(axis=0), b - b.mean(axis=0)
    norm = float(np.sqrt((a0**2).sum() * (b0**2).sum()))
    correlation = float((a0 * b0).sum()) / norm if norm > 1e-9 else 0.0
    best: tuple[float, float, float | None] = (0.0, 0.0, None)
    for sigma in BANDS:
        if sigma * 4 > min(valid.shape):
            break
        fine_a, fine_b = (_evened(_detail(field, valid, sigma), valid, sigma) for field in (panel, rendered))
        r, log10 = _chance(fine_a, fine_b, valid)
        if log10 < best[1]:
            best = (r, log10, sigma)
    share, tiles = _tiles(panel, rendered, valid, best[2] or BANDS[0])
    # Bands are chosen after the fact: Bonferroni.
    return Likeness(correlation, best[0], min(0.0, best[1] + float(np.log10(len(BANDS)))), share, tiles)


def agreement(panel: Field, rendered: Field, valid: Valid) -> Agreement:
    """Everything about (Y, X) or (Y, X, 3) fields in grey levels 0–255 where `valid` (Y, X)."""
    alike = likeness(panel, rendered, valid)
    panel, rendered = np.atleast_3d(panel), np.atleast_3d(rendered)
    a, b = panel[valid].astype(np.float64), rendered[valid].astype(np.float64)
    return Agreement(
        alike.correlation,
        alike.fine_correlation,
        alike.log10_chance,
        alike.tile_share,
        alike.tiles,
        tuple(_parts_in_place(panel, rendered, valid, fine, coarse) for fine, coarse in SCALES),
        float(explained(panel, rendered, valid)[valid].mean()) if valid.any() else 0.0,
        float(np.sqrt(((a - b) ** 2).mean())),
        float(np.sqrt((np.minimum(np.abs(a - b), MOST_COUNTED) ** 2).mean())),
        float(np.sqrt(((a - a.mean(axis=0)) ** 2).mean())),
    )


def _smooth(field: Field, valid: Valid, sigma: float) -> Field:
    """Gaussian mean over valid pixels only."""
    total = np.atleast_3d(blur(np.where(valid[..., np.newaxis], field, 0), sigma))
    return np.asarray(total / np.maximum(blur(valid, sigma), 1e-3)[..., np.newaxis], np.float32)


def _detail(field: Field, valid: Valid, sigma: float) -> Field:
    """What is finer than `sigma`, 0 where not valid."""
    return np.where(valid[..., np.newaxis], field - _smooth(field, valid, sigma), 0).astype(np.float32)


def _evened(detail: Field, valid: Valid, sigma: float) -> Field:
    """Detail divided by its local strength, so that it counts the same all over the panel.

    Else one strong outline decides, and one round nucleus can be laid on any other.
    """
    strength = np.sqrt(np.maximum(_smooth(detail**2, valid, 2.5 * sigma).mean(axis=2, keepdims=True), 0))
    return np.asarray(np.where(valid[..., np.newaxis], detail / (strength + NOISE_FLOOR), 0), np.float32)


def _chance(a: Field, b: Field, valid: Valid) -> tuple[float, float]:
    """Correlation of two detail fields, and log10 of its probability if they had nothing to do with each other.

    The number of independent samples comes from both autocorrelations (Bartlett 1935; Clifford,
    Richardson & Hémon 1989, doi:10.2307/2532039).
    """
    energy_a, energy_b = float((a**2).sum()), float((b**2).sum())
    if energy_a < 1e-6 or energy_b < 1e-6:
        return 0.0, 0.0
    r = float((a.astype(np.float64) * b).sum()) / float(np.sqrt(energy_a * energy_b))
    n = int(valid.sum()) * 1.0
    shape = [cv2.getOptimalDFTSize(2 * side) for side in valid.shape]
    power_a, power_b = (
        np.sum([np.abs(np.fft.rfft2(f[..., i], shape)) ** 2 for i in range(f.shape[2])], axis=0) for f in (a, b)
    )
    rho_a, rho_b = np.fft.irfft2(power_a, shape) / energy_a, np.fft.irfft2(power_b, shape) / energy_b
    inflation = max(1.0, float((rho_a * rho_b).sum()))
    samples = n / inflation
    if samples < 6:
        return r, 0.0
    r = min(max(r, -0.999999), 0.999999)
    t = r * np.sqrt((samples - 2) / (1 - r * r))
    return r, max(LOG10_FLOOR, float(stats.t.logsf(t, samples - 2)) / np.log(10))


def _tiles(panel: Field, rendered: Field, valid: Valid, sigma: float) -> tuple[float, int]:
    """Share of the tiles with structure, in panel or source, in which the two agree.

    A tile agrees if its detail does, fine or coarse: compression and noise leave the coarse, while
    what is not the same image has structure of neither kind in common.
    """
    fine = max(sigma, 3.0)
    fields = [(_detail(panel, valid, s), _detail(rendered, valid, s)) for s in (fine, 2.5 * fine)]
    height, width = valid.shape
    structured, agreeing, count = 0.0, 0.0, 0
    for rows in np.array_split(np.arange(height), min(TILES, max(1, height // 10))):
        for columns in np.array_split(np.arange(width), min(TILES, max(1, width // 10))):
            here = np.ix_(rows, columns)
            inside = valid[here]
            if inside.mean() < 0.3:
                continue
            found = [_tile(a[here][inside], b[here][inside]) for a, b in fields]
            likeness = [r for r in found if r is not None]
            if not likeness:
                continue
            count += 1
            structured += float(inside.sum())
            agreeing += float(inside.sum()) * (max(likeness) > TILE_AGREES)
    return (agreeing / structured if structured else 0.0), count


def _tile(a: Field, b: Field) -> float | None:
    """Correlation of two tiles' details; None where the panel `a` shows no structure to be explained."""
    deviation_a, deviation_b = float(np.sqrt((a**2).mean())), float(np.sqrt((b**2).mean()))
    if deviation_a < NOISE_FLOOR:
        return None
    return float((a * b).mean()) / max(deviation_a * deviation_b, 1e-9)


def _parts_in_place(panel: Field, rendered: Field, valid: Valid, fine: float, coarse: float) -> tuple[int, int]:
    """How many parts of the panel fit the source best just where they lie, and how many have detail to tell.

    Each part is slid over the source around its place. Where the source is another image, its best
    place is anywhere, whatever tone curve and outline the two may share.
    """
    a, b = (
        blur(_detail(field.mean(axis=2, keepdims=True), valid, coarse)[..., 0], fine) for field in (panel, rendered)
    )
    height, width = valid.shape
    in_place = count = 0
    for rows in np.array_split(np.arange(height), min(PARTS, max(1, height // SMALLEST_PART))):
        for columns in np.array_split(np.arange(width), min(PARTS, max(1, width // SMALLEST_PART))):
            here = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
            if valid[here].mean() < 0.5 or a[here].std() < LEAST_DETAIL:
                continue
            count += 1
            top, left = max(0, rows[0] - SEARCHED), max(0, columns[0] - SEARCHED)
            around = b[top : rows[-1] + 1 + SEARCHED, left : columns[-1] + 1 + SEARCHED]
            if around.std() < 1e-3:
                continue
            likeness = cv2.matchTemplate(
                np.ascontiguousarray(around), np.ascontiguousarray(a[here]), cv2.TM_CCORR_NORMED
            )
            y, x = divmod(int(likeness.argmax()), likeness.shape[1])
            in_place += float(np.hypot(y - (rows[0] - top), x - (columns[0] - left))) <= IN_PLACE
    return in_place, count


def explained(panel: Field, rendered: Field, valid: Valid) -> NDArray[np.bool_]:
    """(Y, X), where the difference is no larger than the noise of a good fit or a tenth of the range."""
    away = np.abs(np.atleast_3d(panel).astype(np.float32) - np.atleast_3d(rendered)).max(axis=2)
    if not valid.any():
        return np.zeros(valid.shape, bool)
    noise = 1.48 * float(np.median(away[valid]))
    result: NDArray[np.bool_] = away <= np.clip(4 * noise, 16, 40)
    return result
