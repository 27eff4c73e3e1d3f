"""What a verified source does not explain: connected regions of a panel, as boxes."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from biocodes_crate.figures.model import Box
from biocodes_crate.tracing.filters import blur
from biocodes_crate.tracing.locate import Fit
from biocodes_crate.tracing.strokes import half_width, is_drawn

SMALLEST_AREA = 0.002  # of the panel
WINDOW = 2.0  # standard deviation, in grid pixels, of the neighbourhood in which the difference is judged
NOISE_FACTOR = 3.5
LEAST_DIFFERENCE = 9.0  # grey levels
MOST_BOXES = 20
THIN, THIN_SHARE = 3.0, 0.03  # half the width of strokes and bars: grid pixels, or of the panel's shorter side
LEVELS = 6  # of structure in the source: where there is more of it, a good fit differs by more

Field = NDArray[np.float32]
Mask = NDArray[np.bool_]


def unexplained_boxes(fit: Fit, panel: Box, panel_shape: tuple[int, ...]) -> tuple[Box, ...]:
    """Boxes in the units of `panel`'s box (figure pixels or percent), largest first.

    A pixel is unexplained where panel and re-rendered source differ, over a small neighbourhood, by
    several times what they differ by in the rest of the panel. What looks drawn on top, such as
    letters, bars and arrows, is left out; see `is_drawn`.
    """
    if not fit.valid.any():
        return ()
    panel_field, rendered = np.atleast_3d(fit.compared), np.atleast_3d(fit.rendered)
    # What a stroke is, and what an alteration, is told here by more than one pixel's neighbourhood.
    valid = fit.valid if fit.drawn is None else fit.valid | fit.drawn
    odd, raw = odd_pixels(panel_field, rendered, valid)
    side = max(3, round(0.012 * np.sqrt(odd.size)) | 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    closed = cv2.morphologyEx(odd.astype(np.uint8), cv2.MORPH_CLOSE, kernel)
    count, labels, statistics, _ = cv2.connectedComponentsWithStats(closed)
    found = []
    for i in range(1, count):
        x, y, w, h, area = (int(v) for v in statistics[i])
        here = (slice(y, y + h), slice(x, x + w))
        if area < SMALLEST_AREA * odd.size:
            continue
        part = raw[here] & (labels[here] == i)
        if half_width(part) <= max(THIN, THIN_SHARE * min(odd.shape)) and is_drawn(
            panel_field[here], rendered[here], part
        ):
            continue
        found.append((area, (x, y, w, h)))
    found.sort(key=lambda f: (-f[0], f[1]))
    to_x, to_y = panel.w / panel_shape[1] / fit.grid.factor_x, panel.h / panel_shape[0] / fit.grid.factor_y
    return tuple(
        Box(
            round(panel.x + x * to_x, 3),
            round(panel.y + y * to_y, 3),
            round(w * to_x, 3),
            round(h * to_y, 3),
        )
        for _, (x, y, w, h) in found[:MOST_BOXES]
    )


def odd_pixels(panel: Field, rendered: Field, valid: Mask) -> tuple[Mask, Mask]:
    """(Y, X), where a neighbourhood differs beyond the noise of the fit; and where the pixel itself does.

    Noise and resampling leave more where the source is bright and structured than in its background, so that
    the limit is that of places with about as much structure.
    """
    difference = panel.astype(np.float32) - rendered
    energy = (difference**2).mean(axis=2)
    weight = np.maximum(blur(valid, WINDOW), 1e-3)
    local = np.sqrt(blur(np.where(valid, energy, 0), WINDOW) / weight)
    limit = np.maximum(LEAST_DIFFERENCE, NOISE_FACTOR * _usual(local, rendered, valid))
    return (local > limit) & valid, (np.abs(difference).max(axis=2) > 1.5 * limit) & valid


def _usual(local: Field, rendered: Field, valid: Mask) -> Field:
    """(Y, X), the median difference at places whose source shows about as much structure."""
    grey = rendered.mean(axis=2)
    structure = np.sqrt(np.maximum(blur(grey**2, WINDOW) - blur(grey, WINDOW) ** 2, 0))
    edges = np.quantile(structure[valid], np.linspace(0, 1, LEVELS + 1)[1:-1])
    level = np.digitize(structure, edges)
    overall = float(np.median(local[valid]))
    usual = np.full(LEVELS, overall)
    for i in range(LEVELS):
        here = local[valid & (level == i)]
        if here.size > 50:
            # A part that does not belong may fill most of one level: no level is believed to be far from the rest.
            usual[i] = np.clip(np.median(here), 0.5 * overall, 3 * overall)
    return np.asarray(usual[level], np.float32)
