"""The last word on planes and ranges that a quick look does not tell apart.

Each candidate is drawn as a figure maker draws it. Where two drawings differ, the panel goes with one of them:
by how far it goes to the rival's side (0: not at all, 1: all the way) they are told apart. What is the same in
both drawings, noise above all, has no say in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

from biocodes_crate.images import Scene
from biocodes_crate.tracing.drawing import Canvas, Cut, Tones, Way, whole_pixels
from biocodes_crate.tracing.evidence import belonging
from biocodes_crate.tracing.model import Projection
from biocodes_crate.tracing.planes import (
    BETTER_THAN_WITHIN,
    SAME_PICTURE,
    Choice,
    Depth,
    Pages,
    Ranked,
    is_within,
    same_kind,
    within_a_slice,
)

CHANCE = 0.001  # that a panel of the rival lies as far to the side of the best
TO_ITS_SIDE = 0.35  # how far it may go to the rival's side all the same: no drawing is perfect
# Grey levels (root mean square) between drawings, and their share of what neither explains: less is beyond how
# exactly they can be made.
LEAST_APART, LEAST_SHARE = 0.05, 0.1
SAME = 0.1  # likewise, between ranges that are one picture: a third of what rounding to 8 bits does
BLOCKS = (14, 28)  # to a side of the panel; the finer ones where a difference lies in few of the coarse ones
SPREAD, LEAST_SPREAD = 10.0, 3.0  # blocks that a difference lies in, in effect
MOST_DRAWN = 14  # ranges that are compared with the best
SUITS = 1.1  # times the error that a candidate may leave in tones of another that suit it, too
MOST_FOLLOWED = 24  # slices to either side that the beginning of a range is followed
MOST_COMPARED = 60_000  # pixels
REFERENCES = 3  # candidates that the way of drawing is found with
# Of the stack's depth, and in slices, by which the ends of ranges may differ that give the same picture.
ENDS, MOST_ENDS = 0.1, 4
LENIENCE = 0.8  # of what is asked for, when a decision is made again
ROUNDS = 3  # in which the sides of a cut are moved by a pixel
STEPS = (8, 4, 2, 1)  # slices by which the ends of a range are moved to find the one that fits best


@dataclass(frozen=True, slots=True)
class Drawn:
    """A candidate as it would look in the panel, where the two are compared: (N, 1) or (N, 3) grey levels."""

    ranked: Ranked
    way: Way
    picture: NDArray[np.float32]
    tones: Tones = ()


def settle(canvas: Canvas, choice: Choice, *, again: bool = False) -> Choice:
    """Decide again between the candidates of `choice`, and between ranges near to theirs, on exact drawings.

    A plane that nothing else is tied with is returned as it is, and so are ranges of a stack that is too large to
    be held in memory: each range that is drawn reads all of its slices.

    Parameters
    ----------
    again
        The decision was made before, and is to be borne out: a little less is asked for.
    """
    if isinstance(choice.best.depth, Pages) or (len(choice.tied) == 1 and choice.best.depth.projection is None):
        return choice
    if any(r.depth.projection is not None for r in choice.tied) and not canvas.can_be_held:
        return choice
    drawer = _Drawer(canvas, choice.tied, LENIENCE if again else 1.0)
    candidates = [drawer.best_way(r.depth, r.channels) for r in drawer.candidates(choice.tied)]
    return _decide(drawer, sorted(candidates, key=lambda d: d.ranked.residual))


class _Drawer:
    """Draws candidates where at least one of those at hand comes near to the panel: the rest shows letters, arrows."""

    def __init__(self, canvas: Canvas, tied: Sequence[Ranked], asked: float) -> None:
        """`asked`: share of what is asked for to tell two candidates apart."""
        self._canvas, self.asked = canvas, asked
        self._known: dict[tuple[Depth, tuple[int, ...], int], Drawn] = {}
        self._toned: dict[tuple[Depth, tuple[int, ...], int, Depth, int], Drawn] = {}
        references = [(r.depth, r.channels) for r in tied[:REFERENCES]]
        self.at: NDArray[np.bool_] = canvas.valid
        self.panel = _columns(canvas.panel[self.at])
        away = [np.abs(d.picture - self.panel).max(axis=1) for d in self._all(references, canvas.ways()[:3])]
        self.at = canvas.valid.copy()
        self.at[canvas.valid] = belonging(np.min(away, axis=0).astype(np.float32))
        compared = np.flatnonzero(self.at)
        self.at = np.zeros(self.at.shape, np.bool_)
        self.at.flat[compared[:: 1 + len(compared) // MOST_COMPARED]] = True
        self.panel = _columns(canvas.panel[self.at])
        cut = self._cut(references)
        ways = canvas.ways() + (canvas.ways(cut) if cut is not None else [])
        nearest = min(self._all(references, ways), key=_residual)
        # The place is one; the filter is found for each candidate among those that suit any of the likely ones.
        here = [way for way in ways if way.cut == nearest.way.cut]
        best = [min(self._all([reference], here), key=_residual).way for reference in references]
        self._ways = list({id(way): way for way in best}.values())

    @property
    def size_z(self) -> int:
        return self._canvas.scene.size_z

    def drawn(self, depth: Depth, channels: tuple[int, ...], way: Way) -> Drawn:
        key = (depth, channels, id(way))
        if key not in self._known:
            self._known[key] = self._draw(depth, channels, way)
        return self._known[key]

    def best_way(self, depth: Depth, channels: tuple[int, ...]) -> Drawn:
        return min((self.drawn(depth, channels, way) for way in self._ways), key=_residual)

    def pairs(self, rival: Drawn, best: Drawn) -> list[tuple[Drawn, Drawn]]:
        """Rival and best as they are, and in the tones of the one and of the other, where those suit both.

        Tones are as free as they can be. Two ranges with the same values wherever contrast was not cut off are
        the same picture in the same tones, and would differ by their fitted curves.
        """
        pairs = [(rival, best)]
        if best.tones and rival.tones:
            in_its_tones = self._in_tones(rival, best)
            if _residual(in_its_tones) <= _residual(rival):
                pairs = [(in_its_tones, best)]
            in_its_tones = self._in_tones(best, rival)
            if _residual(in_its_tones) <= min(_residual(rival), SUITS * _residual(best)):
                pairs.append((rival, in_its_tones))
        return pairs

    def apart(self, a: Drawn, b: Drawn, way: Way) -> float:
        """Grey levels (root mean square) between two candidates drawn in one way, in the tones that make it least."""
        first, second = (self.drawn(d.ranked.depth, d.ranked.channels, way) for d in (a, b))
        differences = (one.picture - other.picture for one, other in self.pairs(first, second))
        return min(float(np.sqrt((d**2).mean(dtype=np.float64))) for d in differences)

    def _in_tones(self, drawn: Drawn, of: Drawn) -> Drawn:
        key = (drawn.ranked.depth, drawn.ranked.channels, id(drawn.way), of.ranked.depth, id(of.way))
        if key not in self._toned:
            self._toned[key] = self._draw(drawn.ranked.depth, drawn.ranked.channels, drawn.way, of.tones)
        return self._toned[key]

    def blocks(self, side: int) -> NDArray[np.intp]:
        """(N,), the block (of side × side) that each compared pixel lies in."""
        rows, columns = np.nonzero(self.at)
        height, width = self.at.shape
        return np.asarray((rows * side // height) * side + columns * side // width, np.intp)

    def candidates(self, tied: Sequence[Ranked]) -> list[Ranked]:
        """Those that were tied, and where one is a projection, the ranges around the one that fits best."""
        found = list(tied)
        projections = [(r.depth.projection.kind, r) for r in tied if r.depth.projection is not None]
        for kind in dict.fromkeys(kind for kind, _ in projections):
            of_kind = [r for other, r in projections if other is kind]
            whole = replace(of_kind[0].depth, projection=Projection(kind, 0, self.size_z - 1))
            of_kind.append(Ranked(whole, of_kind[0].channels, 0.0))
            starts = [self.best_way(r.depth, r.channels) for r in of_kind]
            found += [of_kind[-1], *self._climb(min(starts, key=_residual))]
        return list({(r.depth, r.channels): r for r in found}.values())

    def _climb(self, start: Drawn) -> list[Ranked]:
        """Ranges of one kind: the one that fits best, and all that could be taken for it."""
        best, before = start, None
        seen = {start.ranked.depth: start}
        while best is not before:
            before = best
            for step in STEPS:
                best = self._downhill(best, seen, step)
            ridge = [best, *(rival for step in (-1, 1) for rival in self._ridge(best, step))]
            best = min(ridge, key=_residual)
        # One slice is how exact a range is; two must be told apart.
        for rival in [self.drawn(depth, best.ranked.channels, best.way) for depth in self._around(best, 2, 2)]:
            seen[rival.ranked.depth] = rival
        likely = sorted(seen.values(), key=_residual)[:MOST_DRAWN]
        return [d.ranked for d in (*likely, *ridge)]

    def _downhill(self, best: Drawn, seen: dict[Depth, Drawn], step: int) -> Drawn:
        """The best range that steps of so many slices lead to; what was tried is added to `seen`."""
        while True:
            around = [self.drawn(depth, best.ranked.channels, best.way) for depth in self._around(best, step, step)]
            seen |= {d.ranked.depth: d for d in around}
            better = min(around, key=_residual, default=best)
            if better.ranked.residual >= best.ranked.residual:
                return best
            best = better

    def _ridge(self, best: Drawn, step: int) -> list[Drawn]:
        """Ranges that begin ever further away, each with the end that suits it, until they are told from the best.

        What a slice at one end adds, one at the other end may make up for.
        """
        found: list[Drawn] = []
        here = best
        while len(found) < MOST_FOLLOWED:
            moved = [self.drawn(d, best.ranked.channels, best.way) for d in self._around(here, 1, 0)]
            ahead = [d for d in moved if _first(d) == _first(here) + step]
            if not ahead:
                break
            here = ahead[0]
            while True:
                ends = [self.drawn(d, best.ranked.channels, best.way) for d in self._around(here, 0, 1)]
                better = min(ends, key=_residual, default=here)
                if better.ranked.residual >= here.ranked.residual:
                    break
                here = better
            found.append(here)
            if not within_a_slice(here.ranked, best.ranked) and told_apart(self, best, here):
                break
        return found

    def _around(self, drawn: Drawn, begin: int, end: int) -> list[Depth]:
        """Ranges that begin or end by so many slices earlier or later."""
        depth = drawn.ranked.depth
        assert depth.projection is not None
        kind, first, last = depth.projection.kind, depth.projection.z_start, depth.projection.z_end
        ends = {(first + i * begin, last + j * end) for i, j in product((-1, 0, 1), (-1, 0, 1))} - {(first, last)}
        return [replace(depth, projection=Projection(kind, a, b)) for a, b in sorted(ends) if 0 <= a < b < self.size_z]

    def _cut(self, references: Sequence[tuple[Depth, tuple[int, ...]]]) -> Cut | None:
        """The cut of whole pixels that fits best near to the registered place."""
        canvas = self._canvas
        cut = whole_pixels(canvas.matrix, canvas.shape, canvas.scene)
        if cut is None:
            return None
        best = min(self._all(references[:1], canvas.ways(cut)), key=_residual, default=None)
        for _ in range(ROUNDS if best is not None else 0):
            assert best is not None
            before = best
            for moved in _moved(best.way.cut or cut, canvas.scene):
                ways = [way for way in canvas.ways(moved) if way.filter == best.way.filter]
                best = min([best, *self._all([(best.ranked.depth, best.ranked.channels)], ways)], key=_residual)
            if best is before:
                break
        return best.way.cut if best is not None else None

    def _all(self, candidates: Iterable[tuple[Depth, tuple[int, ...]]], ways: Sequence[Way]) -> list[Drawn]:
        return [self._draw(depth, channels, way) for depth, channels in candidates for way in ways]

    def _draw(self, depth: Depth, channels: tuple[int, ...], way: Way, tones: Tones = ()) -> Drawn:
        drawing, tones = self._canvas.draw(depth, channels, way, self.at, tones)
        picture = _columns(drawing[self.at])
        residual = float(np.sqrt(((self.panel - picture) ** 2).mean(dtype=np.float64)))
        return Drawn(Ranked(depth, channels, residual), way, picture, tones)


def _moved(cut: Cut, scene: Scene) -> list[Cut]:
    """The cut with one of its sides moved by a pixel, or all of it."""
    sides = (("x0",), ("y0",), ("x1",), ("y1",), ("x0", "x1"), ("y0", "y1"))
    moved = [cut._replace(**{s: getattr(cut, s) + step for s in moving}) for moving in sides for step in (-1, 1)]
    return [m for m in moved if m.within(scene)]


def _decide(drawer: _Drawer, drawn: list[Drawn]) -> Choice:
    best = drawn[0]

    def apart(a: Drawn, b: Drawn) -> float:
        return drawer.apart(a, b, best.way)

    named, margin = best.ranked, None
    alike: list[Ranked] = []
    tied: list[Drawn] = []
    for whole in drawn:
        is_whole = _slices(whole.ranked) == drawer.size_z - 1 and same_kind(whole.ranked, best.ranked)
        if is_whole and apart(whole, best) < SAME:  # Outer slices add nothing: all is the habit.
            named = replace(whole.ranked, residual=best.ranked.residual)
    for rival in drawn[1:]:
        ranked = rival.ranked
        if _slices(named) == drawer.size_z - 1 and same_kind(ranked, best.ranked) and apart(rival, best) < SAME:
            alike.append(ranked)
            continue
        one_is_a_plane = (ranked.depth.projection is None) != (best.ranked.depth.projection is None)
        if one_is_a_plane and apart(rival, best) < SAME_PICTURE:
            # A projection in which one plane is all that shows: the simpler name is taken.
            if ranked.depth.projection is None:
                named = replace(ranked, residual=best.ranked.residual)
            continue
        neighbour = within_a_slice(ranked, best.ranked)
        if margin is None and not neighbour:
            margin = max(0.0, 1 - (best.ranked.residual / max(ranked.residual, 1e-9)) ** 2)
        if not told_apart(drawer, best, rival):
            if neighbour:  # that is how exact a range is
                alike.append(ranked)
            else:
                tied.append(rival)
    amid = _amid([best, *tied], drawer.size_z) if tied else None
    if amid is not None and all(apart(amid, d) < SAME for d in (best, *tied)):
        # The range is known as exactly as it shows.
        if named == best.ranked:
            named = replace(amid.ranked, residual=best.ranked.residual)
        alike += [d.ranked for d in tied]
        tied = []
    if named != best.ranked:
        alike.append(best.ranked)
    # Among what cannot be told apart the simpler name comes first: most panels show a plane.
    every = (named, *(d.ranked for d in tied))
    first = next((r for r in every if r.depth.projection is None), named)
    return Choice(first, (first, *(r for r in every if r is not first)), margin, tuple(alike))


def _amid(drawn: Sequence[Drawn], size_z: int) -> Drawn | None:
    """The range in the middle of several of one kind; None where it ends far from one of them."""

    def farthest(one: Drawn) -> int:
        a = one.ranked.depth.projection
        others = [d.ranked.depth.projection for d in drawn]
        return max(max(abs(a.z_start - b.z_start), abs(a.z_end - b.z_end)) if a and b else size_z for b in others)

    if not all(same_kind(d.ranked, drawn[0].ranked) for d in drawn):
        return None
    amid = min(drawn, key=lambda d: (farthest(d), d.ranked.residual))
    return amid if farthest(amid) <= min(ENDS * size_z, MOST_ENDS) else None


def told_apart(drawer: _Drawer, best: Drawn, rival: Drawn) -> bool:
    """Whether the panel goes with the best where the two differ, and by more than chance."""
    if drawer.apart(rival, best, best.way) < drawer.asked * max(LEAST_APART, LEAST_SHARE * best.ranked.residual):
        return False
    return all(_goes_with(drawer, one, other) for other, one in drawer.pairs(rival, best))


def _goes_with(drawer: _Drawer, best: Drawn, rival: Drawn) -> bool:
    rest, difference = (drawer.panel - best.picture).astype(float), (rival.picture - best.picture).astype(float)
    for side in BLOCKS:
        lean, error, spread = leaning(rest, difference, drawer.blocks(side))
        if spread >= SPREAD:
            break
    if spread < LEAST_SPREAD or lean > TO_ITS_SIDE / drawer.asked:
        return False
    if 0.5 - lean < drawer.asked * float(student.isf(CHANCE, spread - 1)) * error:
        return False
    # A mean of neighbours is a plane without its noise, and so is a plane after JPEG.
    times = drawer.asked * BETTER_THAN_WITHIN if is_within(rival.ranked, best.ranked) else 1.0
    return rival.ranked.residual**2 >= times * best.ranked.residual**2


def leaning(
    rest: NDArray[np.float64], difference: NDArray[np.float64], blocks: NDArray[np.intp]
) -> tuple[float, float, float]:
    """How far a panel leans from one drawing to another: 0 shows the one, 1 the other.

    Parameters
    ----------
    rest, difference
        (N, C) grey levels: panel minus the one drawing, and the other minus the one.
    blocks
        (N,), the block of the panel that each pixel lies in; pixels of a block are not taken for independent.

    Returns
    -------
    The share, its standard error, and the number of blocks that the difference is in effect spread over.
    """
    weights = np.bincount(blocks, (difference**2).sum(axis=1))
    shares = np.bincount(blocks, (rest * difference).sum(axis=1))
    total = float(weights.sum())
    if total <= 0:
        return 0.5, np.inf, 0.0
    lean = float(shares.sum()) / total
    spread = total**2 / float((weights**2).sum())
    count = int((np.bincount(blocks) > 0).sum())
    error = float(np.sqrt(((shares - lean * weights) ** 2).sum())) / total
    return lean, error * float(np.sqrt(count / max(count - 1, 1))), spread


def _residual(drawn: Drawn) -> float:
    return drawn.ranked.residual


def _first(drawn: Drawn) -> int:
    projection = drawn.ranked.depth.projection
    return -1 if projection is None else projection.z_start


def _slices(ranked: Ranked) -> int:
    projection = ranked.depth.projection
    return 0 if projection is None else projection.z_end - projection.z_start


def _columns(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(values, np.float32).reshape(len(values), -1)
