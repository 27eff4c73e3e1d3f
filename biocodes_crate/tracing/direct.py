"""Declared sources need no retrieval: their plane and region are tried as they stand, in all eight orientations."""

from __future__ import annotations

from biocodes_crate.errors import BiocodesError
from biocodes_crate.figures.model import Panel
from biocodes_crate.tracing.anchors import anchor_reader
from biocodes_crate.tracing.index import KeyPicture
from biocodes_crate.tracing.orientations import orientations
from biocodes_crate.tracing.pixels import (
    Matrix,
    SourcePixels,
    apply_warp,
    comparison_grid,
    mask_on_grid,
    on_grid,
    plan_warp,
)
from biocodes_crate.tracing.retrieve import Hypothesis
from biocodes_crate.tracing.tones import PanelTone, fit_tone

Region = tuple[float, float, float, float]
KEPT = 2
COMPARED = 100  # longest side of the grid that orientations are compared on


def declared_hypotheses(panel: Panel, tone: PanelTone, pixels: SourcePixels) -> list[Hypothesis]:
    """The most promising orientations of each declared region (the whole plane where none is declared)."""
    found: list[Hypothesis] = []
    for source in panel.declared:
        try:
            scene = pixels.scene(source.image, source.scene or 0)
        except (BiocodesError, KeyError, IndexError):
            continue
        z, c, t = source.z or 0, source.c or 0, source.t or 0
        if not (z < scene.size_z and c < scene.size_c and t < scene.size_t):
            continue
        if source.projection is not None and scene.size_z > 1:
            z = {"max": -1, "mean": -2, "sum": -2, "min": -3}.get(source.projection.kind, -1)
        key = KeyPicture(source.image, scene.index, z, -1 if scene.is_rgb else c, t, scene.size_x, scene.size_y)
        region = tuple(source.region) if source.region is not None else (0.0, 0.0, scene.size_x, scene.size_y)
        found += best_orientations(panel, tone, pixels, key, region)  # type: ignore[arg-type]
    return found


def best_orientations(
    panel: Panel, tone: PanelTone, pixels: SourcePixels, key: KeyPicture, region: Region, kept: int = KEPT
) -> list[Hypothesis]:
    """`region` of a key picture laid on the panel in eight ways, the ones that agree best first."""
    scene = pixels.scene(key.image, key.scene)
    read = anchor_reader(pixels, key, scene)
    scored: list[tuple[float, int, Matrix]] = []
    for number, matrix in enumerate(orientations(panel.pixels.shape, region)):
        grid = comparison_grid(panel.pixels.shape, matrix, COMPARED)
        warp = plan_warp(matrix, grid, scene)
        if warp is None:
            continue
        use = ~mask_on_grid(panel.mask, grid) & warp.inside
        if use.sum() < 60:
            continue
        rendered = apply_warp(warp, read(warp))
        explained = max(fit_tone(rendered[use], on_grid(grey, grid)[use]).explained for grey in tone.greys)
        scored.append((-explained, number, matrix))
    scored.sort(key=lambda s: s[:2])
    return [Hypothesis(key, matrix, False, 0, -score) for score, _, matrix in scored[:kept]]
