"""The window that OMERO.figure's JSON states of a channel, against the tones that its panel shows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from biocodes_crate.errors import BiocodesError
from biocodes_crate.figures import Figure, Panel
from biocodes_crate.findings import Finding, Severity
from biocodes_crate.pipeline.words import panel_name
from biocodes_crate.tracing import Edge, SceneProvider, Status, TracedPage
from biocodes_crate.tracing.pixels import (
    SourcePixels,
    apply_warp,
    comparison_grid,
    mask_on_grid,
    on_grid,
    plan_warp,
)

_LONGEST = 384  # pixels a side are enough to compare tones
_OFF = 16.0  # levels of 255, median over the panel: JPEG and resampling stay far below
_LEAST = 400  # pixels to judge by


def check_windows(figure: Figure, pages: tuple[TracedPage, ...], scenes: SceneProvider) -> Iterator[Finding]:
    """Panels of one channel whose tones are not those of the window that is stated; merges are left alone."""
    for page, traced in zip(figure.pages, pages, strict=True):
        for panel, edges in zip(page.panels, traced.panels, strict=True):
            stated = panel.declared[0] if len(panel.declared) == 1 else None
            proven = [e for e in edges.edges if e.status is Status.VERIFIED and e.panel_to_source is not None]
            if stated is None or stated.window is None or len(proven) != 1 or stated.image != proven[0].image:
                continue
            if stated.c is not None and stated.c != proven[0].source.c:
                continue
            off = tones_off(panel, proven[0], stated.window, scenes)
            if off is not None and off > _OFF:
                black, white = stated.window
                yield Finding(
                    "window-mismatch",
                    Severity.WARNING,
                    traced.figure,
                    f"{panel_name(traced, edges)} is declared to show {black:g} of {stated.image} black and {white:g} "
                    f"white, but its tones are off by {off:.0f} of 255 levels",
                    "Export the figure again, or say in its caption how its contrast was changed.",
                )


def tones_off(panel: Panel, edge: Edge, window: tuple[float, float], scenes: SceneProvider) -> float | None:
    """How far the levels of a panel, 0–255, are from those that a window makes of its source: the median.

    None where that cannot be said: the source cannot be read, or colours stand for levels in another way.
    """
    black, white = window
    full = _full_level(edge)
    if edge.panel_to_source is None or black == white or full is None:
        return None
    try:
        scene = scenes(edge.image, edge.scene)
        matrix = np.array(edge.panel_to_source, np.float64)
        grid = comparison_grid(panel.pixels.shape, matrix, _LONGEST)
        warp = plan_warp(matrix, grid, scene)
        if warp is None:
            return None
        source = SourcePixels(scenes).reference(edge.image, edge.scene, edge.source, warp.window)
    except (BiocodesError, KeyError, IndexError):
        return None
    expected = full * np.clip((apply_warp(warp, source) - black) / (white - black), 0.0, 1.0)
    shown = on_grid(panel.pixels.astype(np.float32), grid).max(axis=2)
    valid = warp.inside & ~mask_on_grid(panel.mask, grid)
    if int(valid.sum()) < _LEAST:
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
