"""Letters, arrows, bars and boxes that are drawn over an image: seen best where the source shows what lies below.

`drawn_over` says which pixels are left out of the comparison: single strokes, and only what is surely drawn.
`is_drawn` says of a whole region that differs, perhaps of many letters, whether it is lettering or a patch.
"""

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


def half_width(part: Mask) -> float:
    """Half the width, in pixels, of the thickest place of a part (Y, X)."""
    closed = cv2.morphologyEx(np.pad(part.astype(np.uint8), 2), cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    return float(cv2.distanceTransform(closed, cv2.DIST_L2, 3).max())


def is_drawn(panel: Field, rendered: Field, odd: Mask) -> bool:
    """Whether the odd pixels of a part (Y, X, C) look like strokes drawn on top of the image.

    Strokes are all brighter, or all darker, than the source says; they reach the end of the range,
    which their surroundings do not; and they fill less than their box does. Image content that was
    put over the source differs in both directions, and fills its place.
    """
    if not odd.any():
        return True
    panel_grey, source_grey = panel.mean(axis=2), rendered.mean(axis=2)
    difference = (panel - rendered)[odd]
    strongest = difference[np.arange(len(difference)), np.abs(difference).argmax(axis=1)].astype(np.float64)
    energy = strongest**2
    brighter = float(energy[strongest > 0].sum() / max(energy.sum(), 1e-9))  # share of the difference
    around = ~odd
    # Thin strokes on a reduced grid are mixed with what lies below them, so that white is not quite white.
    reach = np.percentile(panel.max(axis=2)[odd], 95), np.percentile(panel.min(axis=2)[odd], 5)
    if not around.any() or odd.mean() > 0.6:
        return bool(np.ptp(panel_grey[odd]) < 30 and reach[0] > 240)  # a bar, all white
    if brighter > 0.85 and reach[0] > 180:
        return bool(np.median(panel_grey[around]) < 0.7 * reach[0] and np.median(source_grey[odd]) < 0.75 * reach[0])
    if brighter < 0.15 and reach[1] < 60:
        return bool(np.median(panel_grey[around]) > 100)
    return False
