"""Whole planes without features: small pictures of panel and plane compared in all eight orientations."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from biocodes_crate.tracing.index import TraceIndex, made_small
from biocodes_crate.tracing.orientations import ORIENTATIONS, laid, turned
from biocodes_crate.tracing.retrieve import Hypothesis

Grey = NDArray[np.float32]

WHOLE_LIKENESS = 0.6  # correlation of 16 × 16 pictures
WHOLE_SIDE = 16
ASPECT = 1.12  # by which the sides of panel and plane may differ in proportion


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
        for number, (turns, mirrored) in enumerate(ORIENTATIONS):
            # `orientations` turns the panel onto the plane; here the plane's picture is what the panel becomes.
            width, height = (shape[1], shape[0]) if turns % 2 == 0 else (shape[0], shape[1])
            proportion = (sides[:, 0] / sides[:, 1]) / (width / height)
            fits = (proportion < ASPECT) & (proportion > 1 / ASPECT)
            if not fits.any():
                continue
            oriented = turned(panel, turns, mirrored=mirrored)
            likeness = np.where(fits, np.abs(planes @ _standard(oriented.reshape(1, -1))[0]), 0)
            scored += [(float(likeness[i]), int(i), number) for i in np.argsort(-likeness)[:count]]
    scored.sort(key=lambda s: (-s[0], s[1:]))
    found: list[Hypothesis] = []
    for likeness_, i, number in scored[: 2 * count]:
        if likeness_ < WHOLE_LIKENESS or len(found) == count:
            break
        picture = index.pictures[i]
        matrix = laid(shape, (0.0, 0.0, float(picture.width), float(picture.height)), number)
        found.append(Hypothesis(picture, matrix, inverted=False, matches=0, score=likeness_))
    return found


def _standard(rows: NDArray[np.generic]) -> NDArray[np.float32]:
    values = rows.astype(np.float32)
    values -= values.mean(axis=1, keepdims=True)
    length = np.linalg.norm(values, axis=1, keepdims=True)
    return np.asarray(values / np.maximum(length, 1e-6), np.float32)
