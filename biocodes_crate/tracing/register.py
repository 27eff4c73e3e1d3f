"""Registration: from a rough transform to one that is right to a fraction of a pixel.

Gauss–Newton on the difference between panel and re-rendered source (Baker & Matthews 2004,
doi:10.1023/B:VISI.0000011205.11775.fd), with the tone curve fitted anew in each step and
overlays weighed down.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from biocodes_crate.images import Scene
from biocodes_crate.tracing.filters import blur
from biocodes_crate.tracing.pixels import Grid, Warp, apply_warp, plan_warp
from biocodes_crate.tracing.tones import fit_tone

Matrix = NDArray[np.float64]
Grey = NDArray[np.float32]
Reader = Callable[[Warp], Grey]

SMALLEST_OVERLAP = 0.55  # of the panel must lie in the source


def register(
    panel: Grey,
    valid: NDArray[np.bool_],
    read: Reader,
    scene: Scene,
    start: Matrix,
    grid: Grid,
    *,
    smoothing: float,
    steps: int,
) -> Matrix | None:
    """The affine (2, 3) near `start` that best brings the source onto the panel; None where there is none.

    Parameters
    ----------
    panel
        (Y, X) float32 on the grid, 0–255.
    valid
        (Y, X), True where the panel shows image.
    read
        Gives the pixels of the source for a warp's window.
    smoothing
        Blur of both in grid pixels: wide to catch, narrow to be exact.
    """
    target = blur(panel, smoothing) if smoothing else panel
    current = start.copy()
    y, x = np.mgrid[0.5 : grid.height, 0.5 : grid.width].astype(np.float32)
    x, y = (x - grid.width / 2) / grid.width, (y - grid.height / 2) / grid.height  # about −0.5 to 0.5
    near = np.ones(valid.shape, bool)  # not far off in the step before: what does not belong shall not bend the tones
    for _ in range(steps):
        warp = plan_warp(current, grid, scene)
        if warp is None or warp.inside.mean() < SMALLEST_OVERLAP:
            return None
        rendered = apply_warp(warp, read(warp))
        if smoothing:
            rendered = blur(rendered, smoothing)
        use = valid & warp.inside
        if int(use.sum()) < 60:
            return None
        trusted = use & near if (use & near).sum() > 0.5 * use.sum() else use
        toned = fit_tone(rendered[trusted], target[trusted])(rendered)
        rest = target - toned
        # Most of a fluorescence panel is background that fits anyhow, so that the scale of "far" is
        # taken from the panel's own range too.
        spread = max(1.48 * float(np.median(np.abs(rest[use]))), 0.1 * float(target[use].std()), 1.0)
        near = np.abs(rest) < 4 * spread
        step = _solve(rest, toned, use, x, y, spread)
        if step is None:
            return None
        change = np.vstack([step, [0, 0, 1]])
        grid_to_panel = grid.to_panel()
        centre = np.array([[1 / grid.width, 0, -0.5], [0, 1 / grid.height, -0.5], [0, 0, 1]])
        total = grid_to_panel @ np.linalg.inv(centre) @ change @ centre @ np.linalg.inv(grid_to_panel)
        current = (np.vstack([current, [0, 0, 1]]) @ total)[:2]
        moved = np.abs(step[:, :2] - np.eye(2)).sum() + np.abs(step[:, 2]).sum()
        if moved < 2e-5:
            break
    return current if is_sound(current, start) else None


def _solve(
    difference: Grey, toned: Grey, use: NDArray[np.bool_], x: NDArray[np.float32], y: NDArray[np.float32], spread: float
) -> Matrix | None:
    """One step: the affine on centred coordinates, (2, 3), after which `toned` is nearer by `difference`."""
    gradient_x = cv2.Scharr(toned, cv2.CV_32F, 1, 0, scale=1 / 32)
    gradient_y = cv2.Scharr(toned, cv2.CV_32F, 0, 1, scale=1 / 32)
    rest = difference[use]
    weight = 1 / (1 + (rest / (3 * spread)) ** 2) ** 2  # overlays are far off, and count next to nothing
    height, width = difference.shape
    gx, gy, u, v = gradient_x[use] * width, gradient_y[use] * height, x[use], y[use]
    jacobian = np.stack([gx * u, gx * v, gx, gy * u, gy * v, gy], axis=1).astype(np.float64)
    weighted = jacobian * weight[:, np.newaxis]
    normal = weighted.T @ jacobian
    normal += 1e-6 * np.trace(normal) / 6 * np.eye(6)
    try:
        step = np.linalg.solve(normal, weighted.T @ rest)
    except np.linalg.LinAlgError:
        return None
    if not np.isfinite(step).all() or np.abs(step).max() > 0.25:
        step = np.clip(np.nan_to_num(step), -0.05, 0.05)
    return np.asarray(step.reshape(2, 3) + np.array([[1.0, 0, 0], [0, 1.0, 0]]), np.float64)


def is_sound(matrix: Matrix, start: Matrix | None = None) -> bool:
    """Whether an affine is nearly a similarity of a believable scale, and no far cry from where it began."""
    first, second = np.linalg.svd(matrix[:, :2], compute_uv=False)
    if not np.isfinite(matrix).all() or second < 1e-3 or first / second > 1.25 or not 0.08 < second < 12:
        return False
    if start is None:
        return True
    change = np.linalg.solve(start[:, :2], matrix[:, :2])
    return bool(np.abs(change - np.eye(2)).max() < 0.35)
