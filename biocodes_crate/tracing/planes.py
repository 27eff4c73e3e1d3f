"""Which plane of a scene: every plane and projection is tried in the place that registration found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from biocodes_crate.images import Scene
from biocodes_crate.tracing.evidence import belonging
from biocodes_crate.tracing.model import PlaneRef, Projection, ProjectionKind
from biocodes_crate.tracing.tones import fit_colours, fit_mixture, fit_tone

Grey = NDArray[np.float32]

SCANNED, DECIDED_ON, DECIDED_CLOSELY_ON = 1500, 5000, 40_000  # pixels that rank all planes, the few best, and ties
BLOCKS = 14  # to a side, for the test of two planes against each other: planes often differ in few places
DECIDED = 3.0  # standard errors by which the best plane must be better than a rival
SAME_VALUES = 0.05  # grey levels (root mean square) between renditions that differ in rounding alone
SAME_PICTURE = 0.35  # grey levels (root mean square) between renditions that are one picture under two names
MODEL_ERROR = 0.5  # grey levels: how exactly resampling and rounding of a figure can be imitated
ALIKE = 0.7  # likewise, that nobody could tell apart, unless the error says so
BETTER = 1.02  # times the squared error that a rival must leave, if it is nearly alike
# A mean of neighbours is a plane without its noise, and so is a plane after JPEG: of planes within a projection more
# is asked.
BETTER_THAN_WITHIN = 1.5
MUCH_BETTER, LEAST_GAIN = 2.0, 1.5  # times the squared error of a rival that differs in few places, and standard errors
KINDS = (ProjectionKind.MAX, ProjectionKind.MEAN, ProjectionKind.MIN)
FINALISTS = 24
LIKELY = 60  # planes that are scanned again without what is drawn over the image
LEAST_SHARE = 0.008  # of the panel's variance that a mixture of channels must explain beyond one channel in any colours


@dataclass(frozen=True, slots=True)
class Depth:
    """A place along z and t, or a projection; together with a channel it is a plane."""

    t: int
    z: int | None = None
    projection: Projection | None = None

    def plane(self, c: int) -> PlaneRef:
        return PlaneRef(self.z, c, self.t, self.projection)


@dataclass(frozen=True, slots=True)
class Pages(Depth):
    """The few planes of a scene without a channel axis, taken for channels: bare TIFFs do not say what pages are."""

    along_t: bool = False

    def plane(self, c: int) -> PlaneRef:
        return PlaneRef(0, 0, c) if self.along_t else PlaneRef(c, 0, 0)


MOST_PAGES = 5


def pages_of(scene: Scene) -> Pages | None:
    """The scene's planes as channels; None where it has channels of its own, or planes along two axes or many."""
    if scene.size_c != 1 or min(scene.size_z, scene.size_t) != 1 or not 2 <= scene.plane_count <= MOST_PAGES:
        return None
    return Pages(0, 0, None, scene.size_t > 1)


@dataclass(frozen=True, slots=True)
class Ranked:
    """A depth, the channels that it was explained with, and the error left, in grey levels (root mean square)."""

    depth: Depth
    channels: tuple[int, ...]
    residual: float


Render = Callable[[PlaneRef], Grey]  # (Y, X) on the grid
Residual = Callable[[Depth], Ranked]


@dataclass(frozen=True, slots=True)
class Choice:
    """The best depth, those that it cannot be told from, and how much worse the next one fits."""

    best: Ranked
    tied: tuple[Ranked, ...]  # the best among them; one where it is clear
    margin: float | None  # 1 − (residual of best / of the next)²; None without a neighbour
    alike: tuple[Ranked, ...] = ()  # ranges that look like the best: outer slices that add nothing


class Sampled:
    """Panel and source at the same few thousand pixels."""

    def __init__(
        self,
        panel: Grey,
        valid: NDArray[np.bool_],
        render: Render,
        channels: tuple[int, ...],
        *,
        mixed: bool,
        samples: int,
        single: bool = True,
    ) -> None:
        """`panel` (Y, X) or, for a mixture, (Y, X, 3); `valid` (Y, X); `single`: one channel alone may be shown."""
        rows, columns = np.nonzero(valid)
        step = max(1, len(rows) // samples)
        self._at = (rows[::step], columns[::step])
        self._shape = valid.shape
        self.panel = panel[self._at]
        self._render, self._channels, self._mixed = render, channels, mixed
        self._single = single
        self._variance = float(self.panel.var(axis=0).sum())
        self._sources: dict[PlaneRef, Grey] = {}

    def source(self, plane: PlaneRef) -> Grey:
        values = self._sources.get(plane)
        if values is None:
            values = self._sources[plane] = self._render(plane)[self._at]
        return values

    def only(self, kept: NDArray[np.bool_]) -> Sampled:
        """The same at some of the samples (N,)."""
        fewer = copy(self)
        fewer._at = (self._at[0][kept], self._at[1][kept])
        fewer.panel = self.panel[kept]
        fewer._variance = float(fewer.panel.var(axis=0).sum())
        fewer._sources = {plane: values[kept] for plane, values in self._sources.items()}
        return fewer

    def stack(self, c: int, t: int, depth: int) -> Grey:
        """(Z, N) of one channel and time."""
        return np.stack([self.source(PlaneRef(z, c, t)) for z in range(depth)])

    def project(self, depth: Depth, c: int, size_z: int) -> Grey:
        """A projection of the sampled stack; on warped pixels, which ranks like the projection warped."""
        assert depth.projection is not None
        plane = depth.plane(c)
        values = self._sources.get(plane)
        if values is None:
            first, last = depth.projection.z_start, depth.projection.z_end
            part = self.stack(c, depth.t, size_z)[first : last + 1]
            how = {ProjectionKind.MAX: np.max, ProjectionKind.MIN: np.min}.get(depth.projection.kind, np.mean)
            values = self._sources[plane] = np.asarray(how(part, axis=0), np.float32)
        return values

    def values(self, depth: Depth, c: int, size_z: int) -> Grey:
        return self.source(depth.plane(c)) if depth.projection is None else self.project(depth, c, size_z)

    def rank(self, depth: Depth, size_z: int) -> Ranked:
        """How well a depth explains the panel: with its best channel, or with all of them mixed."""
        sources = [self.values(depth, c, size_z) for c in self._channels]
        if not self._mixed or self._single:
            residual, channel = min((self.left(s), c) for s, c in zip(sources, self._channels, strict=True))
            alone = Ranked(depth, (channel,), residual)
            if not self._mixed or len(sources) == 1:
                return alone
        together = Ranked(depth, self._channels, fit_mixture(sources, self.panel).residual)
        if self._single and 3 * (alone.residual**2 - together.residual**2) < LEAST_SHARE * self._variance:
            return alone
        return together

    def left(self, source: Grey) -> float:
        """The error left when one channel (N,) alone explains the panel, in any monotone tones or in any colours."""
        fit = fit_colours if self._mixed else fit_tone
        return fit(source, self.panel).residual

    def errors(self, ranked: Ranked, size_z: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Squared error and rendition at each sample: (N,), and (N,) or (N, 3)."""
        sources = [self.values(ranked.depth, c, size_z) for c in ranked.channels]
        if self._mixed:
            alone = self._single and len(sources) == 1
            rendition = (
                fit_colours(sources[0], self.panel)(sources[0])
                if alone
                else fit_mixture(sources, self.panel).render(sources)
            ).astype(np.float64)
            return ((self.panel - rendition) ** 2).mean(axis=1), rendition
        rendition = fit_tone(sources[0], self.panel)(sources[0]).astype(np.float64)
        return (self.panel - rendition) ** 2, rendition

    def blocks(self) -> NDArray[np.intp]:
        """The block (of BLOCKS × BLOCKS) that each sample lies in."""
        height, width = self._shape
        return np.asarray((self._at[0] * BLOCKS // height) * BLOCKS + self._at[1] * BLOCKS // width, np.intp)


def scan_planes(sampled: Sampled, scene: Scene) -> list[Ranked]:
    """Every plane, and the likeliest projections, the one that explains the panel best first."""
    every = [Depth(t, z) for t, z in product(range(scene.size_t), range(scene.size_z))]
    ranked = _scan(sampled, every, scene)
    kept = _explained_by_any(sampled, ranked[:FINALISTS], scene)
    if kept.all():
        return ranked
    likely = [r.depth for r in ranked if r.depth.projection is None][:LIKELY]
    return _scan(sampled.only(kept), likely, scene)


def _scan(sampled: Sampled, depths: Sequence[Depth], scene: Scene) -> list[Ranked]:
    """These planes, and the likeliest projections at the time of the best of them, best first."""
    single = [sampled.rank(depth, scene.size_z) for depth in depths]
    best_time = min(single, key=lambda r: r.residual).depth.t
    projected: list[Ranked] = []
    if scene.size_z > 1:
        for kind in KINDS:
            projected += _projections(sampled, kind, best_time, scene.size_z)
    return sorted(single + projected, key=lambda r: r.residual)


def choose_plane(sampled: Sampled, scene: Scene, scanned: list[Ranked]) -> Choice:
    """The plane or projection that explains the panel best, and what it cannot be told from.

    Another channel of the same depth is a rival too, unless several channels are mixed.

    Parameters
    ----------
    scanned
        What `scan_planes` found on fewer pixels.
    """
    depths = [r.depth for r in scanned[:FINALISTS]]
    for depth in depths[:1]:
        if depth.projection is not None:
            whole = replace(depth.projection, z_start=0, z_end=scene.size_z - 1)
            depths += [_widened(sampled, depth, scene), Depth(depth.t, None, whole)]
    finalists = [sampled.rank(depth, scene.size_z) for depth in dict.fromkeys(depths)]
    sampled = sampled.only(_explained_by_any(sampled, finalists, scene))
    finalists = [sampled.rank(r.depth, scene.size_z) for r in finalists]
    finalists.sort(key=lambda r: r.residual)
    if len(finalists[0].channels) == 1 and not isinstance(finalists[0].depth, Pages):
        finalists = sorted(finalists + _other_channels(sampled, finalists[:3], scene), key=lambda r: r.residual)
    return _decide(sampled, finalists, scene)


def _explained_by_any(sampled: Sampled, ranked: Sequence[Ranked], scene: Scene) -> NDArray[np.bool_]:
    """(N,), the samples that at least one of the planes comes near to: the others show letters, arrows, boxes.

    Where one plane fits and another does not is what tells the two apart, and is kept.
    """
    nearest = np.min([np.sqrt(sampled.errors(r, scene.size_z)[0]) for r in ranked], axis=0)
    return belonging(nearest)


def _widened(sampled: Sampled, depth: Depth, scene: Scene) -> Depth:
    """The most planes that give the same projection: planes that add nothing cannot be told from those left out."""
    projection = depth.projection
    if projection is None:
        return depth
    _, picture = sampled.errors(sampled.rank(depth, scene.size_z), scene.size_z)
    for first, last in ((-1, 0), (0, 1)):
        while True:
            wider = replace(projection, z_start=projection.z_start + first, z_end=projection.z_end + last)
            if wider.z_start < 0 or wider.z_end >= scene.size_z:
                break
            _, other = sampled.errors(sampled.rank(Depth(depth.t, None, wider), scene.size_z), scene.size_z)
            if float(np.sqrt(((picture - other) ** 2).mean())) >= SAME_VALUES:
                break
            projection = wider
    return Depth(depth.t, None, projection)


def _other_channels(sampled: Sampled, ranked: list[Ranked], scene: Scene) -> list[Ranked]:
    """The same depths in the channels that were not their best."""
    found = []
    for r in ranked:
        for c in range(scene.size_c):
            if c not in r.channels:
                source = sampled.values(r.depth, c, scene.size_z)
                found.append(Ranked(r.depth, (c,), sampled.left(source)))
    return found


def _projections(sampled: Sampled, kind: ProjectionKind, t: int, size_z: int) -> list[Ranked]:
    """Ranges of one kind, from coarse to fine around the best."""
    known: dict[tuple[int, int], Ranked] = {}

    def rank(first: int, last: int) -> Ranked:
        if (first, last) not in known:
            known[first, last] = sampled.rank(Depth(t, None, Projection(kind, first, last)), size_z)
        return known[first, last]

    stops = sorted({round(v) for v in np.linspace(0, size_z - 1, min(size_z, 8))})
    best = min((rank(a, b) for a, b in product(stops, stops) if a < b), key=lambda r: r.residual)
    step = max(1, size_z // 8)
    while step:
        projection = best.depth.projection
        assert projection is not None
        around = [
            (projection.z_start + i * step, projection.z_end + j * step) for i, j in product((-1, 0, 1), (-1, 0, 1))
        ]
        better = min((rank(a, b) for a, b in around if 0 <= a < b < size_z), key=lambda r: r.residual)
        if better.residual < best.residual:
            best = better
        else:
            step //= 2
    return sorted(known.values(), key=lambda r: r.residual)[:12]


def _decide(sampled: Sampled, ranked: list[Ranked], scene: Scene) -> Choice:
    best = ranked[0]
    errors, rendition = sampled.errors(best, scene.size_z)
    blocks = sampled.blocks()

    def apart_from_best(rival: Ranked) -> float:
        return float(np.sqrt(((rendition - sampled.errors(rival, scene.size_z)[1]) ** 2).mean()))

    whole = [r for r in ranked if _is_whole(r, scene) and same_kind(r, best) and apart_from_best(r) < SAME_VALUES]
    if whole:
        # Outer planes that add nothing: the projection of the whole stack has the same values.
        best = Ranked(whole[0].depth, best.channels, best.residual)
    tied, margin = [best], None
    for rival in ranked[1:]:
        if rival.depth == best.depth and rival.channels == best.channels:
            continue
        other_errors, _ = sampled.errors(rival, scene.size_z)
        apart = apart_from_best(rival)
        if apart < SAME_PICTURE and (best.depth.projection is None) != (rival.depth.projection is None):
            # A projection in which one plane is all that shows: the simpler name is taken.
            if _simpler(rival, best):
                tied[0] = best = Ranked(rival.depth, rival.channels, best.residual)
            continue
        if whole and same_kind(rival, best) and apart < SAME_VALUES:
            continue
        if within_a_slice(rival, ranked[0]):  # and not of what it was renamed to, which would lead from slice to slice
            if _simpler(rival, best) and _gain(other_errors - errors, blocks) < DECIDED:
                best = tied[0] = Ranked(rival.depth, rival.channels, best.residual)
            continue
        if margin is None:
            margin = max(0.0, 1 - (best.residual / max(rival.residual, 1e-9)) ** 2)
        ratio = rival.residual**2 / max(best.residual**2 + MODEL_ERROR**2, 1e-9)
        if not _is_clear(_gain(other_errors - errors, blocks), ratio, apart, within=is_within(rival, best)):
            tied.append(rival)
    # Among what cannot be told apart the simpler name comes first: most panels show a plane.
    plane = next((r for r in tied if r.depth.projection is None), best)
    return Choice(plane, (plane, *(r for r in tied if r is not plane)), margin)


def _is_clear(gain: float, ratio: float, apart: float, *, within: bool) -> bool:
    """Whether the best is proven better than a rival.

    Parameters
    ----------
    gain
        Standard errors between their squared errors, over the panel's blocks.
    ratio
        Of the rival's mean squared error to that of the best and of the model. Where planes differ in a few places
        only, the error varies so much from block to block that the gain says little, and yet many times the error
        is no accident.
    apart
        Grey levels between the renditions.
    within
        The rival is one of the planes that the best is a projection of.
    """
    if within:
        return (gain >= 2 * DECIDED and ratio >= BETTER_THAN_WITHIN) or (
            gain >= LEAST_GAIN and ratio >= 2 * MUCH_BETTER
        )
    if gain >= DECIDED:
        return ratio >= 1 if apart >= ALIKE else ratio >= BETTER
    return gain >= LEAST_GAIN and ratio >= MUCH_BETTER


def is_within(plane: Ranked, projection: Ranked) -> bool:
    """Whether the first is a plane of the projection that the second is."""
    among = projection.depth.projection
    return among is not None and plane.depth.z is not None and among.z_start <= plane.depth.z <= among.z_end


def _gain(difference: NDArray[np.float64], blocks: NDArray[np.intp]) -> float:
    """By how many standard errors squared errors (N,) differ, with one sample for each block of the panel."""
    counts = np.bincount(blocks, minlength=BLOCKS**2)
    filled = counts > 0
    means = np.bincount(blocks, difference, BLOCKS**2)[filled] / counts[filled]
    if len(means) < 2:
        return 0.0
    return float(means.mean()) / max(float(means.std(ddof=1)) / float(np.sqrt(len(means))), 1e-12)


def _is_whole(ranked: Ranked, scene: Scene) -> bool:
    projection = ranked.depth.projection
    return projection is not None and (projection.z_start, projection.z_end) == (0, scene.size_z - 1)


def same_kind(a: Ranked, b: Ranked) -> bool:
    """Projections of one kind, time and channels."""
    first, second = a.depth.projection, b.depth.projection
    return (
        first is not None
        and second is not None
        and (first.kind, a.depth.t, a.channels) == (second.kind, b.depth.t, b.channels)
    )


def within_a_slice(a: Ranked, b: Ranked) -> bool:
    """Projections of one kind whose ranges differ by a slice at most at either end: that is how exact a range is."""
    first, second = a.depth.projection, b.depth.projection
    if first is None or second is None or not same_kind(a, b):
        return False
    return max(abs(first.z_start - second.z_start), abs(first.z_end - second.z_end)) <= 1


def _simpler(a: Ranked, b: Ranked) -> bool:
    """A plane is simpler than a projection, and the projection of more planes than one of fewer: all is the habit."""
    first, second = a.depth.projection, b.depth.projection
    if first is None or second is None:
        return first is None and second is not None
    return first.kind is second.kind and first.z_end - first.z_start > second.z_end - second.z_start
