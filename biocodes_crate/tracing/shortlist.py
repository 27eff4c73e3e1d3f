"""Of many places that a panel may show, the few that are worth following up on all their planes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from biocodes_crate.errors import BiocodesError
from biocodes_crate.tracing.anchors import anchor_reader
from biocodes_crate.tracing.evidence import agreement
from biocodes_crate.tracing.filters import blur
from biocodes_crate.tracing.index import TraceIndex
from biocodes_crate.tracing.locate import PanelPixels
from biocodes_crate.tracing.pixels import SourcePixels, apply_warp, comparison_grid, plan_warp
from biocodes_crate.tracing.register import register
from biocodes_crate.tracing.retrieve import Hypothesis
from biocodes_crate.tracing.tones import fit_tone

SIDE = 96  # longest side of the grid that places are compared on
CAUGHT, COMPARED = 2.0, 0.8  # blur in its pixels
LEAST = 60  # of its pixels
CHANCE = -5.0  # log10; what agrees no better than this is not worth following
NEAR = 0.1  # of a panel's extent
TRIES_OF_A_PLACE = 2  # from different key pictures


def shortlist(
    panel: PanelPixels, hypotheses: Iterable[Hypothesis], pixels: SourcePixels, count: int
) -> list[Hypothesis]:
    """The `count` hypotheses whose key pictures agree best with the panel, brought nearer to their places.

    None that agree no better than one of the many places of a search may do by chance.
    """
    rated: list[tuple[float, int, Hypothesis]] = []
    for number, hypothesis in enumerate(hypotheses):
        try:
            found = _rated(panel, hypothesis, pixels)
        except BiocodesError:
            continue  # its pixels cannot be read: a finding of the image, made where it was coded
        if found is not None and found[0] < CHANCE:
            rated.append((found[0], number, found[1]))
    rated.sort(key=lambda entry: entry[:2])
    kept: list[Hypothesis] = []
    for _, _, hypothesis in rated:
        if len(kept) == count:
            break
        if sum(_same_place(hypothesis, other, panel.shape) for other in kept) < TRIES_OF_A_PLACE:
            kept.append(hypothesis)
    return kept


def at_other_depths(hypotheses: Iterable[Hypothesis], index: TraceIndex) -> list[Hypothesis]:
    """The same places on the other key pictures of their stacks: what is found on one plane may be shown by another."""
    return [
        replace(hypothesis, picture=picture)
        for hypothesis in hypotheses
        for picture in index.pictures
        if picture != hypothesis.picture and picture._replace(z=0) == hypothesis.picture._replace(z=0)
    ]


def _same_place(a: Hypothesis, b: Hypothesis, shape: tuple[int, ...]) -> bool:
    """Whether two hypotheses put the corners of a panel into nearly the same places of one scene."""
    if (a.picture.image, a.picture.scene) != (b.picture.image, b.picture.scene):
        return False
    height, width = shape[:2]
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], float).T
    extent = float(np.abs(b.panel_to_source[:, :2] @ [width, height]).max())
    return float(np.abs((a.panel_to_source - b.panel_to_source) @ corners).max()) < NEAR * extent


def _rated(panel: PanelPixels, hypothesis: Hypothesis, pixels: SourcePixels) -> tuple[float, Hypothesis] | None:
    """How likely chance is to agree as well, as a logarithm, once the hypothesis is brought nearer."""
    scene = pixels.scene(hypothesis.picture.image, hypothesis.picture.scene)
    read = anchor_reader(pixels, hypothesis.picture, scene)
    grid = comparison_grid(panel.shape, hypothesis.panel_to_source, SIDE)
    grey, valid = panel.grey(0, grid), panel.valid(grid)
    matrix = register(grey, valid, read, scene, hypothesis.panel_to_source, grid, smoothing=CAUGHT, steps=8)
    warp = plan_warp(matrix, grid, scene) if matrix is not None else None
    if matrix is None or warp is None:
        return None
    use = valid & warp.inside
    if int(np.count_nonzero(use)) < LEAST:
        return None
    rendered = blur(apply_warp(warp, read(warp)), COMPARED)
    target = blur(grey, COMPARED)
    found = agreement(target, fit_tone(rendered[use], target[use])(rendered), use)
    return found.log10_chance, replace(hypothesis, panel_to_source=matrix)
