"""Of many places that a panel may show, the few that are worth following up on all their planes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from biocodes_crate.errors import BiocodesError
from biocodes_crate.tracing.anchors import anchor_reader
from biocodes_crate.tracing.evidence import likeness
from biocodes_crate.tracing.filters import blur
from biocodes_crate.tracing.index import TraceIndex
from biocodes_crate.tracing.locate import PanelPixels
from biocodes_crate.tracing.pixels import SourcePixels, apart, apply_warp, comparison_grid, plan_warp
from biocodes_crate.tracing.register import register
from biocodes_crate.tracing.retrieve import Hypothesis
from biocodes_crate.tracing.tones import fit_tone

SIDE = 96  # longest side of the grid that places are compared on
CAUGHT, COMPARED = 2.0, 0.8  # blur in its pixels
LEAST = 60  # of its pixels
CHANCE = -5.0  # log10; what agrees no better than this is not worth following
DEPTHS_TRIED = 2  # places that are tried on the other key pictures of their stacks
TRIES_OF_A_PLACE = 2  # from different key pictures


def shortlist(
    panel: PanelPixels, hypotheses: Iterable[Hypothesis], index: TraceIndex, pixels: SourcePixels, count: int
) -> list[Hypothesis]:
    """The `count` hypotheses whose key pictures agree best with the panel, brought nearer to their places.

    The best places are tried on the other key pictures of their stacks, too. None are given that agree no better than
    one of the many places of a search may do by chance.
    """
    rated = _ranked(panel, hypotheses, pixels)
    places = _varied(rated, panel.shape)[:DEPTHS_TRIED]
    deeper = _ranked(panel, at_other_depths(places, index), pixels)
    return _varied(sorted([*rated, *deeper], key=_chance), panel.shape)[:count]


def at_other_depths(hypotheses: Iterable[Hypothesis], index: TraceIndex) -> list[Hypothesis]:
    """The same places on the other key pictures of their stacks: what is found on one plane may be shown by another."""
    return [
        replace(hypothesis, picture=picture)
        for hypothesis in hypotheses
        for picture in index.pictures
        if picture != hypothesis.picture and picture._replace(z=0) == hypothesis.picture._replace(z=0)
    ]


class _Rated(NamedTuple):
    log10_chance: float  # of agreeing as well
    hypothesis: Hypothesis  # brought nearer to its place


def _chance(rated: _Rated) -> float:
    return rated.log10_chance


def _ranked(panel: PanelPixels, hypotheses: Iterable[Hypothesis], pixels: SourcePixels) -> list[_Rated]:
    """The hypotheses that are worth following, best first."""
    rated: list[_Rated] = []
    for hypothesis in hypotheses:
        try:
            found = _rated(panel, hypothesis, pixels)
        except BiocodesError:
            continue  # its pixels cannot be read: a finding of the image, made where it was coded
        if found is not None and found.log10_chance < CHANCE:
            rated.append(found)
    return sorted(rated, key=_chance)


def _varied(rated: Iterable[_Rated], shape: tuple[int, ...]) -> list[Hypothesis]:
    """Hypotheses in their order, few for each place."""
    kept: list[Hypothesis] = []
    for _, hypothesis in rated:
        if sum(_is_same_place(hypothesis, other, shape) for other in kept) < TRIES_OF_A_PLACE:
            kept.append(hypothesis)
    return kept


def _is_same_place(a: Hypothesis, b: Hypothesis, shape: tuple[int, ...]) -> bool:
    same_scene = (a.picture.image, a.picture.scene) == (b.picture.image, b.picture.scene)
    return same_scene and not apart(a.panel_to_source, b.panel_to_source, shape)


def _rated(panel: PanelPixels, hypothesis: Hypothesis, pixels: SourcePixels) -> _Rated | None:
    """How likely chance is to agree as well once the hypothesis is brought nearer; None where it leads nowhere."""
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
    found = likeness(target, fit_tone(rendered[use], target[use])(rendered), use)
    return _Rated(found.log10_chance, replace(hypothesis, panel_to_source=matrix))
