"""Candidates without features: small pictures laid over each other.

Smooth or noisy planes have few features that survive. Whole planes are then found by comparing
small pictures of panel and plane in all eight orientations, crops by sliding the panel, at many
sizes, over the small pictures of the likeliest planes.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from biocodes_crate.tracing.direct import orientations
from biocodes_crate.tracing.index import SMALL_SIDE, KeyPicture, TraceIndex, made_small
from biocodes_crate.tracing.pixels import Matrix
from biocodes_crate.tracing.retrieve import Hypothesis

Grey = NDArray[np.float32]

WHOLE_LIKENESS = 0.6  # correlation of 16 × 16 pictures
WHOLE_SIDE = 16
ASPECT = 1.12  # by which the sides of panel and plane may differ in proportion
SIZES = np.geomspace(0.22, 1.0, 14)  # of the panel's longer side, in the plane's
SLIDING_LIKENESS = 0.55
SMALLEST_TEMPLATE = 10


def whole_planes(greys: Sequence[Grey], index: TraceIndex, count: int = 4) -> list[Hypothesis]:
    """Key pictures that look like the whole panel, in any of the eight orientations, likest first."""
    if not index.pictures:
        return []
    small = np.stack([cv2.resize(s, (WHOLE_SIDE, WHOLE_SIDE), interpolation=cv2.INTER_AREA) for s in index.small])
    planes = _standard(small.reshape(len(small), -1))
    sides = np.array([[p.width, p.height] for p in index.pictures], float)
    shape = greys[0].shape
    scored: list[tuple[float, int, int]] = []
    for grey in greys:
        panel = made_small(grey, WHOLE_SIDE, WHOLE_SIDE).astype(np.float32)
        for number, (turns, mirrored) in enumerate(_turns()):
            # `orientations` turns the panel onto the plane; here the plane's picture is what the panel becomes.
            width, height = (shape[1], shape[0]) if turns % 2 == 0 else (shape[0], shape[1])
            proportion = (sides[:, 0] / sides[:, 1]) / (width / height)
            fits = (proportion < ASPECT) & (proportion > 1 / ASPECT)
            if not fits.any():
                continue
            turned = _turned(panel, turns, mirrored=mirrored)
            likeness = np.where(fits, np.abs(planes @ _standard(turned.reshape(1, -1))[0]), 0)
            scored += [(float(likeness[i]), int(i), number) for i in np.argsort(-likeness)[:count]]
    scored.sort(key=lambda s: (-s[0], s[1:]))
    found: list[Hypothesis] = []
    for likeness_, i, number in scored[: 2 * count]:
        if likeness_ < WHOLE_LIKENESS or len(found) == count:
            break
        picture = index.pictures[i]
        matrix = _lay(shape, (0.0, 0.0, float(picture.width), float(picture.height)), number)
        found.append(Hypothesis(picture, matrix, inverted=False, matches=0, score=likeness_))
    return found


def slide(greys: Sequence[Grey], index: TraceIndex, pictures: Sequence[int], count: int = 4) -> list[Hypothesis]:
    """Places where the panel, turned and sized, lies best on the small pictures of some planes."""
    found: list[Hypothesis] = []
    shape = greys[0].shape
    for i in pictures:
        picture = index.pictures[i]
        longest = max(picture.width, picture.height)
        # Undo the squeeze into a square, so that sizes mean the same along x and y.
        width = max(8, round(SMALL_SIDE * picture.width / longest))
        height = max(8, round(SMALL_SIDE * picture.height / longest))
        plane = cv2.resize(index.small[i], (width, height), interpolation=cv2.INTER_AREA)
        if plane.std() < 2:
            continue
        best = _best_place(greys, plane, picture, shape)
        if best is not None:
            found.append(best)
    found.sort(key=lambda h: -h.score)
    return found[:count]


def _best_place(
    greys: Sequence[Grey], plane: NDArray[np.uint8], picture: KeyPicture, shape: tuple[int, ...]
) -> Hypothesis | None:
    best, place = SLIDING_LIKENESS, None
    for grey, size in product(greys, SIZES):
        side = size * max(plane.shape)
        template_width = round(shape[1] * side / max(shape))
        template_height = round(shape[0] * side / max(shape))
        if min(template_width, template_height) < SMALLEST_TEMPLATE:
            continue
        template = made_small(grey, template_width, template_height)
        for number, (turns, mirrored) in enumerate(_turns()):
            turned = np.ascontiguousarray(_turned(template, turns, mirrored=mirrored))
            if turned.shape[0] > plane.shape[0] or turned.shape[1] > plane.shape[1] or turned.std() < 2:
                continue
            likeness = np.abs(cv2.matchTemplate(plane, turned, cv2.TM_CCOEFF_NORMED))
            top = float(likeness.max())
            if top > best:
                at = divmod(int(likeness.argmax()), likeness.shape[1])
                best, place = top, (at[1], at[0], turned.shape[1], turned.shape[0], number)
    if place is None:
        return None
    x, y, w, h, number = place
    to_x, to_y = picture.width / plane.shape[1], picture.height / plane.shape[0]
    return Hypothesis(picture, _lay(shape, (x * to_x, y * to_y, w * to_x, h * to_y), number), False, 0, best)


def _turns() -> list[tuple[int, bool]]:
    return list(product(range(4), (False, True)))


def _turned(picture: NDArray[Any], turns: int, *, mirrored: bool) -> NDArray[Any]:
    """The picture as it lies on the plane after the transform of that number of `orientations`."""
    return np.rot90(picture[:, ::-1] if mirrored else picture, -turns)


def _lay(shape: tuple[int, ...], region: tuple[float, float, float, float], number: int) -> Matrix:
    """The transform of one orientation number; proportions may be off by what `ASPECT` allows."""
    return orientations(shape, region, any_proportion=True)[number]


def _standard(rows: NDArray[np.generic]) -> NDArray[np.float32]:
    values = rows.astype(np.float32)
    values -= values.mean(axis=1, keepdims=True)
    length = np.linalg.norm(values, axis=1, keepdims=True)
    return np.asarray(values / np.maximum(length, 1e-6), np.float32)
