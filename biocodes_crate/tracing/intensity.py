"""Fitted curves, in the words of an edge: window, gamma, inversion, colour."""

from __future__ import annotations

import numpy as np

from biocodes_crate.tracing.locate import Fit
from biocodes_crate.tracing.model import Intensity
from biocodes_crate.tracing.tones import PanelTone, ToneCurve


def intensity_of(fit: Fit, channel: int, tone: PanelTone) -> Intensity:
    """How the `channel`-th source of a fit became colours."""
    if fit.tone is not None:
        low, high, gamma = window_of(fit.tone)
        return Intensity(
            clip_min=low, clip_max=high, gamma=gamma, inverted=fit.tone.inverted, lut=tone.lut, color=tone.color
        )
    assert fit.mixture is not None
    knots, added = fit.mixture.knots[channel], fit.mixture.weights[channel].sum(axis=1)
    total = max(float(added.sum()), 1e-9)
    risen = np.concatenate([[0.0], np.cumsum(added)]) / total
    share = sum(fit.shares) or 1.0
    return Intensity(
        clip_min=float(np.interp(0.01, risen, knots)),
        clip_max=float(np.interp(0.99, risen, knots)),
        color=fit.mixture.color(channel),
        weight=min(1.0, max(0.0, fit.shares[channel] / share)),
    )


def window_of(curve: ToneCurve) -> tuple[float | None, float | None, float | None]:
    """Source intensities that became the darkest and the brightest grey, and the gamma between them."""
    knots, values = curve.knots, curve.values[::-1] if curve.inverted else curve.values
    low, high = float(values.min()), float(values.max())
    if len(knots) < 3 or high - low < 1:
        return None, None, None
    if curve.inverted:  # mirrored, so that it rises
        knots = -knots[::-1]
    rising = (values - low) / (high - low)
    first, last = float(np.interp(0.01, rising, knots)), float(np.interp(0.985, rising, knots))
    if last <= first:
        return None, None, None
    inside = (rising > 0.08) & (rising < 0.92)
    x = np.clip((knots[inside] - first) / (last - first), 1e-6, 1)
    gamma = float(np.median(np.log(rising[inside]) / np.log(x))) if inside.sum() >= 3 and (x < 0.999).all() else None
    if gamma is not None and not 0.1 < gamma < 10:
        gamma = None
    return (-last, -first, gamma) if curve.inverted else (first, last, gamma)
