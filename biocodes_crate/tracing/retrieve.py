"""Candidates: which key pictures could a panel show, and where?

Every pair of similar features proposes a similarity transform. Proposals vote for key picture,
scale, rotation and place (a Hough transform, Lowe 2004 §7.3); the strongest are refined on all the
features of their key picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from biocodes_crate.tracing.features import VARIANTS, Features, as_variant, describe
from biocodes_crate.tracing.index import KeyPicture, TraceIndex

Matrix = NDArray[np.float64]

PANEL_FEATURES = 450
NEIGHBOURS = 12
BINS_REFINED = 24  # strongest bins of a panel that are looked at more closely
SCALES = (1 / 6, 8.0)  # source pixels per panel pixel that are believed
MIN_MATCHES = 3
FEW_PICTURES = 6


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """A panel may show this key picture through this transform."""

    picture: KeyPicture
    panel_to_source: Matrix  # (2, 3), panel pixels → source pixels
    inverted: bool
    matches: int  # features that agree with it
    score: float
    placed: bool = False  # the place is taken from another panel; the key picture need not look like this one


class Query:
    """A panel's features, and the most similar ones in an index; looked up once, however often it is asked.

    Parameters
    ----------
    greys
        Grey renditions of the panel (Y, X) float32, such as its colour components.
    mask
        (Y, X), True where the panel shows no image.
    """

    def __init__(self, greys: Sequence[NDArray[np.float32]], mask: NDArray[np.bool_], index: TraceIndex) -> None:
        self.shape = greys[0].shape
        self.index = index
        self._described = [describe(grey, PANEL_FEATURES, mask) for grey in greys]
        self._variants: dict[tuple[int, tuple[bool, bool]], Features] = {}
        self._similar: dict[tuple[int, tuple[bool, bool]], _Similar] = {}

    def __len__(self) -> int:
        return len(self._described)

    def features(self, number: int, variant: tuple[bool, bool]) -> Features:
        """The features of one rendition, as they would be mirrored or inverted."""
        key = (number, variant)
        if key not in self._variants:
            self._variants[key] = as_variant(self._described[number], *variant)
        return self._variants[key]

    def similar(self, number: int, variant: tuple[bool, bool]) -> _Similar:
        """Which features of the index are like which of the panel's, and how much more than others."""
        key = (number, variant)
        if key not in self._similar:
            self._similar[key] = self._look_up(number, variant)
        return self._similar[key]

    def _look_up(self, number: int, variant: tuple[bool, bool]) -> _Similar:
        features = self.features(number, variant)
        none = np.zeros(0, np.intp)
        if not len(features) or not len(self.index):
            return _Similar(none, none, np.zeros(0, np.float32))
        rows, distances = self.index.nearest(features.descriptors, min(NEIGHBOURS + 1, len(self.index)))
        known = (rows >= 0) & np.isfinite(distances)
        edge = np.where(known, distances, 0).max(axis=1, keepdims=True)
        weights = np.where(known, np.maximum(0, edge - distances) / np.maximum(edge, 1), 0)
        keep = weights > 0
        asked, _ = np.nonzero(keep)
        return _Similar(asked, rows[keep], weights[keep].astype(np.float32))


class _Similar(NamedTuple):
    """Pairs of similar features."""

    asked: NDArray[np.intp]  # number of the panel's feature
    rows: NDArray[np.intp]  # row of the index
    weights: NDArray[np.float32]


def find_hypotheses(query: Query, only: Iterable[str] | None = None, count: int = 8) -> tuple[Hypothesis, ...]:
    """The most likely key pictures of a panel, best first.

    Parameters
    ----------
    only
        Images to look in, by all of their features where these are few; None for the whole index.
    """
    pictures = None
    if only is not None:
        images = set(only)
        pictures = {i for i, picture in enumerate(query.index.pictures) if picture.image in images}
    bins = [b for number in range(len(query)) for variant in VARIANTS for b in _vote(query, number, variant, pictures)]
    wanted = _distinct(sorted(bins, key=lambda b: -b.score), BINS_REFINED)
    if pictures is not None and len(pictures) <= FEW_PICTURES:
        wanted += [_Bin(i, n, v, 0.0, None) for i in sorted(pictures) for n in range(len(query)) for v in VARIANTS]
    found: dict[tuple[KeyPicture, bool], Hypothesis] = {}
    for b in wanted:
        hypothesis = _refine(b, query)
        if hypothesis is not None:
            key = (hypothesis.picture, b.variant[0])
            if key not in found or hypothesis.matches > found[key].matches:
                found[key] = hypothesis
    ranked = sorted(found.values(), key=lambda h: (-h.matches, -h.score, h.picture))
    return tuple(ranked[:count])


def likely_pictures(query: Query, count: int) -> list[int]:
    """Key pictures that share the most features with a panel, wherever they lie, most first."""
    total = np.zeros(len(query.index.pictures))
    for number in range(len(query)):
        for variant in VARIANTS:
            similar = query.similar(number, variant)
            total += np.bincount(query.index.owner[similar.rows], similar.weights, len(total))
    return [int(i) for i in np.argsort(-total, kind="stable")[:count]]


@dataclass(frozen=True, slots=True)
class _Bin:
    """Proposals that agree roughly."""

    picture: int
    features: int  # which grey rendition
    variant: tuple[bool, bool]
    score: float
    similarity: Matrix | None


def _distinct(bins: Sequence[_Bin], count: int) -> list[_Bin]:
    """The first bins, at most two for each picture and variant."""
    kept: list[_Bin] = []
    seen: dict[tuple[int, int, tuple[bool, bool]], int] = {}
    for b in bins:
        key = (b.picture, b.features, b.variant)
        if seen.get(key, 0) < 2:
            seen[key] = seen.get(key, 0) + 1
            kept.append(b)
        if len(kept) == count:
            break
    return kept


def _vote(query: Query, number: int, variant: tuple[bool, bool], pictures: set[int] | None) -> list[_Bin]:
    """The strongest bins of one rendition and variant."""
    index, shape = query.index, query.shape
    asked, rows, weights = query.similar(number, variant)
    if pictures is not None:
        among = np.isin(index.owner[rows], list(pictures))
        asked, rows, weights = asked[among], rows[among], weights[among]
    features = query.features(number, variant)
    similarities = _similarities(features, asked, index.features, rows, mirrored=variant[0])
    scale = np.hypot(similarities[:, 0, 0], similarities[:, 1, 0])
    believed = (scale > SCALES[0]) & (scale < SCALES[1])
    similarities, scale, rows, weights = similarities[believed], scale[believed], rows[believed], weights[believed]
    if not len(rows):
        return []
    centre = similarities @ np.array([shape[1] / 2, shape[0] / 2, 1.0])
    octave = np.round(np.log2(scale)).astype(int)
    sector = np.round(np.arctan2(similarities[:, 1, 1], similarities[:, 0, 1]) / (np.pi / 6)).astype(int) % 12
    cell = np.exp2(octave)[:, np.newaxis] * max(shape) * 0.25 + 4
    place = np.round(centre / cell).astype(int)
    keys = np.column_stack([index.owner[rows], octave, sector, place])
    _, inverse = np.unique(keys, axis=0, return_inverse=True)
    inverse = inverse.reshape(-1)
    score = np.bincount(inverse, weights)
    best = np.argsort(-score, kind="stable")[:BINS_REFINED]
    first = np.full(len(score), -1)
    order = np.argsort(weights, kind="stable")
    first[inverse[order]] = order  # the heaviest proposal of each bin stands for it
    return [
        _Bin(int(index.owner[rows[first[b]]]), number, variant, float(score[b]), similarities[first[b]]) for b in best
    ]


def _similarities(
    query: Features, asked: NDArray[np.intp], source: Features, rows: NDArray[np.intp], *, mirrored: bool
) -> Matrix:
    """The transform that each pair of features proposes, (N, 2, 3)."""
    scale = source.sizes[rows].astype(np.float64) / query.sizes[asked]
    turn = source.angles[rows].astype(np.float64) - query.angles[asked]
    cosine, sine = scale * np.cos(turn), scale * np.sin(turn)
    sign = -1.0 if mirrored else 1.0
    linear = np.stack([np.stack([sign * cosine, -sine], -1), np.stack([sign * sine, cosine], -1)], -2)
    offset = source.points[rows] - np.einsum("nij,nj->ni", linear, query.points[asked].astype(np.float64))
    return np.concatenate([linear, offset[..., np.newaxis]], axis=-1)


def _refine(b: _Bin, panel: Query) -> Hypothesis | None:
    """Fit the bin's transform to all features of its key picture that agree with it."""
    query, index, shape = panel.features(b.features, b.variant), panel.index, panel.shape
    source = index.features_of(b.picture)
    if len(source) < MIN_MATCHES or len(query) < MIN_MATCHES:
        return None
    likeness = query.descriptors.astype(np.float32) @ source.descriptors.astype(np.float32).T
    nearest = np.argpartition(-likeness, 2, axis=1)[:, :3]
    asked = np.repeat(np.arange(len(query)), nearest.shape[1])
    rows = nearest.reshape(-1)
    proposals = _similarities(query, asked, source, rows, mirrored=b.variant[0])
    similarity = b.similarity if b.similarity is not None else _consensus(proposals, asked, shape)
    if similarity is None:
        return None
    extent = float(np.hypot(shape[0], shape[1]))
    from_points, to_points = query.points[asked].astype(np.float64), source.points[rows].astype(np.float64)
    agree = np.zeros(len(rows), bool)
    for tolerance in (0.12, 0.06, 0.03, 0.015, 0.015):
        scale = float(np.hypot(similarity[0, 0], similarity[1, 0]))
        away = np.hypot(*(from_points @ similarity[:, :2].T + similarity[:, 2] - to_points).T) / scale
        ratio = np.abs(np.log2(np.hypot(proposals[:, 0, 0], proposals[:, 1, 0]) / scale))
        turn = np.angle(
            np.exp(
                1j
                * (np.arctan2(proposals[:, 1, 1], proposals[:, 0, 1]) - np.arctan2(similarity[1, 1], similarity[0, 1]))
            )
        )
        agree = (away < max(2.5, tolerance * extent)) & (ratio < 0.6) & (np.abs(turn) < 0.45)
        if len(np.unique(asked[agree])) < MIN_MATCHES:
            return None
        fitted = fit_similarity(from_points[agree], to_points[agree], mirrored=b.variant[0])
        if fitted is None or not SCALES[0] < np.hypot(fitted[0, 0], fitted[1, 0]) < SCALES[1]:
            return None
        similarity = fitted
    matches = min(len(np.unique(asked[agree])), len(np.unique(rows[agree])))
    return Hypothesis(index.pictures[b.picture], similarity, b.variant[1], matches, b.score)


def _consensus(
    proposals: Matrix,
    asked: NDArray[np.intp],
    shape: tuple[int, ...],
) -> Matrix | None:
    """The proposal that most other pairs agree with."""
    corners = np.array([[0, 0, 1], [shape[1], 0, 1], [0, shape[0], 1], [shape[1], shape[0], 1]], float)
    points = np.einsum("nij,kj->nki", proposals, corners).reshape(len(proposals), -1)
    scale = np.hypot(proposals[:, 0, 0], proposals[:, 1, 0])
    best, chosen = 0, None
    tolerance = 0.12 * float(np.hypot(shape[0], shape[1]))
    for i in range(0, len(proposals), max(1, len(proposals) // 120)):
        if not SCALES[0] < scale[i] < SCALES[1]:
            continue
        near = np.abs(points - points[i]).max(axis=1) < tolerance * scale[i]
        votes = len(np.unique(asked[near]))
        if votes > best:
            best, chosen = votes, proposals[i]
    return chosen if best >= MIN_MATCHES else None


def fit_similarity(source: Matrix, target: Matrix, *, mirrored: bool) -> Matrix | None:
    """The similarity (2, 3) that takes points `source` (N, 2) nearest to `target`, by least squares (Umeyama 1991)."""
    sign = np.array([-1.0 if mirrored else 1.0, 1.0])
    a, b = source * sign, target
    mean_a, mean_b = a.mean(axis=0), b.mean(axis=0)
    a0, b0 = a - mean_a, b - mean_b
    spread = float((a0**2).sum())
    if spread < 1e-9:
        return None
    real = float((a0 * b0).sum()) / spread
    imaginary = float((a0[:, 0] * b0[:, 1] - a0[:, 1] * b0[:, 0]).sum()) / spread
    linear = np.array([[real, -imaginary], [imaginary, real]]) * sign
    return np.column_stack([linear, mean_b - np.array([[real, -imaginary], [imaginary, real]]) @ mean_a])
