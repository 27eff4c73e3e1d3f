"""The eight orientations that quarter turns and a mirror give, of transforms and of pictures, in one order."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biocodes_crate.tracing.pixels import Matrix

Region = tuple[float, float, float, float]  # x, y, width, height in source pixels

ORIENTATIONS = tuple(product(range(4), (False, True)))
"""Quarter turns, and whether mirrored."""


def orientations(panel_shape: tuple[int, ...], region: Region, *, any_proportion: bool = False) -> list[Matrix]:
    """The eight affines (2, 3) that lay the panel onto `region` turned by right angles and mirrored.

    Those that would squeeze the panel out of proportion are left out, unless `any_proportion`.
    """
    height, width = panel_shape[:2]
    x, y, w, h = region
    matrices = []
    for turns, mirrored in ORIENTATIONS:
        turn = np.linalg.matrix_power(np.array([[0.0, -1.0], [1.0, 0.0]]), turns)
        unit = turn @ np.diag([-1.0 if mirrored else 1.0, 1.0])
        linear = np.diag([w, h]) @ unit @ np.diag([1 / width, 1 / height])
        offset = np.array([x + w / 2, y + h / 2]) - linear @ np.array([width / 2, height / 2])
        ratio = np.linalg.svd(linear, compute_uv=False)
        if any_proportion or (ratio[1] > 0 and ratio[0] / ratio[1] < 1.6):
            matrices.append(np.column_stack([linear, offset]))
    return matrices


def laid(panel_shape: tuple[int, ...], region: Region, number: int) -> Matrix:
    """The affine (2, 3) of one orientation, whatever it does to the panel's proportions."""
    return orientations(panel_shape, region, any_proportion=True)[number]


def turned(picture: NDArray[Any], turns: int, *, mirrored: bool) -> NDArray[Any]:
    """A panel's picture as it lies on the plane after the transform of an orientation."""
    return np.rot90(picture[:, ::-1] if mirrored else picture, -turns)
