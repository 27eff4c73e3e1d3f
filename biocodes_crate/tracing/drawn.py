"""What was drawn over an image and not found before: seen best where the source shows what lies below it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Field = NDArray[np.float32]
Mask = NDArray[np.bool_]

FAR_OFF, LEAST_FAR_OFF = 5.0, 20.0  # standard deviations of what fits, and grey levels
NEAR_PURE = 100.0  # grey levels from white, black or a pure colour, where a stroke is purest; thin ones are blurred
ONE_SIGN = 0.9  # of the squared difference: strokes are all brighter, or all darker, than what lies below
STROKE, LEAST_STROKE = 0.02, 3.5  # half of the widest stroke: of the shorter side, and grid pixels
MOST = 0.06  # of the compared pixels; more is no lettering


def drawn_over(panel: Field, rendered: Field, colours: Field, valid: Mask) -> Mask:
    """Letters, arrows and boxes: thin strokes of a pure colour that the source is far from explaining.

    Parameters
    ----------
    panel, rendered
        (Y, X) or (Y, X, 3), grey levels, as they were compared.
    colours
        (Y, X, 3), the panel's colours.
    valid
        (Y, X), the pixels that were compared.

    Returns
    -------
    (Y, X), a pixel wider than the strokes. Nothing where there is so much that the source may not be the right one:
    a patch that does not belong is broad, and stays for everyone to see.
    """
    nothing: Mask = np.zeros(valid.shape, bool)
    if not valid.any():
        return nothing
    difference = np.atleast_3d(panel) - np.atleast_3d(rendered)
    away = np.abs(difference).max(axis=2)
    signed = np.take_along_axis(difference, np.abs(difference).argmax(axis=2)[..., np.newaxis], axis=2)[..., 0]
    limit = max(FAR_OFF * 1.48 * float(np.median(away[valid])), LEAST_FAR_OFF)
    far = (away > limit) & valid
    impure = np.sqrt((np.minimum(colours, 255 - colours) ** 2).sum(axis=2))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(far.astype(np.uint8), connectivity=8)
    widest = max(LEAST_STROKE, STROKE * min(valid.shape))
    strokes = nothing.copy()
    for number in range(1, count):
        x, y, w, h, area = (int(v) for v in stats[number])
        if area < 3:
            continue
        here = np.s_[y : y + h, x : x + w]
        part = labels[here] == number
        thickness = float(cv2.distanceTransform(np.pad(part.astype(np.uint8), 1), cv2.DIST_L2, 3).max())
        if thickness > widest or float(np.percentile(impure[here][part], 10)) > NEAR_PURE:
            continue
        energy = signed[here][part].astype(np.float64) ** 2
        brighter = float(energy[signed[here][part] > 0].sum() / energy.sum())
        if max(brighter, 1 - brighter) >= ONE_SIGN:
            strokes[here] |= part
    if not strokes.any():
        return nothing
    grown: Mask = (cv2.dilate(strokes.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0) & valid
    return grown if grown.sum() <= MOST * valid.sum() else nothing
