"""Images that a writer cut into strips or tiles, joined again."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from biocodes_crate.figures.placing import Matrix, Pixels, Placed

_NEAR = 0.51  # pixels of the image by which edges may miss each other


def join_strips(images: Sequence[Placed]) -> list[Placed]:
    """Join neighbours of one grid of pixels whose content goes on from one to the next.

    Writers of PDF cut large images so, and flattened transparency comes in pieces. Two panels that touch have the
    same grid as well, perhaps, but break off where they meet.
    """
    joined = list(images)
    for across in (False, True):
        groups: list[list[Placed]] = []
        for image in sorted(joined, key=lambda one: _along(one, across)):
            before = next((g for g in reversed(groups) if _goes_on(g[-1], image, across)), None)
            if before is None:
                groups.append([image])
            else:
                before.append(image)
        place = {id(one): at for at, one in enumerate(joined)}
        groups.sort(key=lambda group: min(place[id(one)] for one in group))  # what is drawn later lies on top
        joined = [_whole(group, across) for group in groups]
    return joined


def _along(image: Placed, across: bool) -> float:
    """How far along the strips an image begins."""
    m = image.matrix
    x, y = (m.a, m.b) if across else (m.c, m.d)
    return (m.e * x + m.f * y) / (math.hypot(x, y) or 1.0)


def _whole(group: list[Placed], across: bool) -> Placed:
    if len(group) == 1:
        return group[0]
    return replace(group[0], pixels=np.concatenate([one.pixels for one in group], axis=1 if across else 0))


def _goes_on(first: Placed, second: Placed, across: bool) -> bool:
    """Whether `second` is the next strip below `first`, or the next tile beside it."""
    a, b = first.pixels, second.pixels
    side = 0 if across else 1
    if a.shape[side] != b.shape[side] or a.shape[2:] != b.shape[2:] or first.clip != second.clip:
        return False
    height, width = a.shape[:2]
    m, n = first.matrix.after(Matrix(e=width) if across else Matrix(f=height)), second.matrix
    scale = max(abs(m.a) + abs(m.c), abs(m.b) + abs(m.d))
    if scale <= 0 or max(abs(m.e - n.e), abs(m.f - n.f)) > _NEAR * scale:
        return False
    # Over the whole strip the grids must stay within half a pixel of each other.
    drift_x, drift_y = max(abs(m.a - n.a), abs(m.b - n.b)), max(abs(m.c - n.c), abs(m.d - n.d))
    drift = max(drift_x * b.shape[1], drift_y * b.shape[0])
    return drift <= _NEAR * scale and _is_seamless(a, b, across)


def _is_seamless(a: Pixels, b: Pixels, across: bool) -> bool:
    """Whether the step from one image to the next is no larger than steps within them."""
    if across:
        a, b = a.swapaxes(0, 1), b.swapaxes(0, 1)
    lines = np.concatenate([a[-6:], b[:6]]).astype(np.float32)
    steps = np.abs(np.diff(lines, axis=0)).mean(axis=tuple(range(1, lines.ndim)))
    at = min(6, len(a)) - 1
    inner = np.delete(steps, at)
    return bool(inner.size == 0 or steps[at] <= 1.6 * float(inner.mean()) + 1.0)
