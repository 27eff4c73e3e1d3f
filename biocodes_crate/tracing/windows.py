"""Tones of a panel against a window that somebody states of its source."""

from __future__ import annotations

import numpy as np

from biocodes_crate.errors import BiocodesError
from biocodes_crate.figures.model import Panel
from biocodes_crate.tracing.model import Edge
from biocodes_crate.tracing.pixels import (
    SceneProvider,
    SourcePixels,
    apply_warp,
    comparison_grid,
    mask_on_grid,
    on_grid,
    plan_warp,
)

LONGEST = 384  # pixels a side are enough to compare tones
LEAST = 400  # pixels to judge by


def tones_off(panel: Panel, edge: Edge, window: tuple[float, float], scenes: SceneProvider) -> float | None:
    """How far the levels of a panel, 0–255, are from those that a window makes of the source of an edge: the median.

    None where that cannot be said: the source cannot be read, or colours stand for levels in another way.

    Parameters
    ----------
    window
        What is shown black and white, in units of the plane.
    """
    black, white = window
    full = _full_level(edge)
    if edge.panel_to_source is None or black == white or full is None:
        return None
    try:
        scene = scenes(edge.image, edge.scene)
        matrix = np.array(edge.panel_to_source, np.float64)
        grid = comparison_grid(panel.pixels.shape, matrix, LONGEST)
        warp = plan_warp(matrix, grid, scene)
        if warp is None:
            return None
        source = SourcePixels(scenes).reference(edge.image, edge.scene, edge.source, warp.window)
    except (BiocodesError, KeyError, IndexError):
        return None
    expected = full * np.clip((apply_warp(warp, source) - black) / (white - black), 0.0, 1.0)
    shown = on_grid(panel.pixels.astype(np.float32), grid).max(axis=2)
    valid = warp.inside & ~mask_on_grid(panel.mask, grid)
    if int(valid.sum()) < LEAST:
        return None
    return float(np.median(np.abs(shown - expected)[valid]))


def _full_level(edge: Edge) -> float | None:
    """The highest value of a colour channel where the source is at its white; None for colour maps."""
    intensity = edge.intensity
    if intensity is None or intensity.lut not in (None, "gray"):
        return None
    if intensity.color is None:
        return 255.0
    return float(max(int(intensity.color[i : i + 2], 16) for i in (0, 2, 4)))
