"""What a verified source does not explain: connected regions of a panel, as boxes."""

from __future__ import annotations

import cv2
import numpy as np

from biocodes_crate.figures.model import Box
from biocodes_crate.tracing.locate import Fit

SMALLEST_AREA = 0.003  # of the panel
WINDOW = 2.0  # standard deviation, in grid pixels, of the neighbourhood in which the difference is judged
NOISE_FACTOR = 3.5
LEAST_DIFFERENCE = 9.0  # grey levels


def unexplained_boxes(fit: Fit, panel: Box, panel_shape: tuple[int, ...]) -> tuple[Box, ...]:
    """Boxes in the units of `panel`'s box (figure pixels or percent), largest first.

    A pixel is unexplained where panel and re-rendered source differ, over a small neighbourhood, by
    several times what they differ by in the rest of the panel. Thin strokes, such as arrows and
    dashed lines, are told from areas by an opening.
    """
    difference = np.atleast_3d(fit.compared - fit.rendered).astype(np.float32)
    energy = (difference**2).mean(axis=2)
    valid = fit.valid.astype(np.float32)
    weight = np.maximum(cv2.GaussianBlur(valid, (0, 0), WINDOW), 1e-3)
    local = np.sqrt(cv2.GaussianBlur(energy * valid, (0, 0), WINDOW) / weight)
    if not fit.valid.any():
        return ()
    usual = float(np.median(local[fit.valid]))
    odd = (local > max(LEAST_DIFFERENCE, NOISE_FACTOR * usual)) & fit.valid
    area = odd.size
    side = max(3, round(0.02 * np.sqrt(area)) | 1)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    opened = cv2.morphologyEx(odd.astype(np.uint8), cv2.MORPH_OPEN, kernel)
    closed = cv2.morphologyEx(opened, cv2.MORPH_CLOSE, kernel)
    count, _, statistics, _ = cv2.connectedComponentsWithStats(closed)
    found = [statistics[i] for i in range(1, count) if statistics[i][4] >= SMALLEST_AREA * area]
    found.sort(key=lambda s: -int(s[4]))
    to_x = panel.w / panel_shape[1] / fit.grid.factor_x
    to_y = panel.h / panel_shape[0] / fit.grid.factor_y
    return tuple(
        Box(
            round(panel.x + float(x) * to_x, 3),
            round(panel.y + float(y) * to_y, 3),
            round(float(w) * to_x, 3),
            round(float(h) * to_y, 3),
        )
        for x, y, w, h, _ in found[:20]
    )
