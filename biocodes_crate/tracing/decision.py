"""The decision: do the pixels prove that a panel shows a source?

A panel is verified when an unrelated source would hardly ever agree as well *and* the agreement holds all
over the panel. The second guards against sources that are not unrelated, and yet not what the panel shows:
the same cells under another exposure, two wells of one plate with the same outline and shading.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import betaln, gammaln, logsumexp

from biocodes_crate.tracing.evidence import LOG10_FLOOR, Agreement

THRESHOLD = -4.0  # log10 of the false-alarm probability of a verified edge: one false edge in 10,000 panels
AGAIN = 0.85  # of this limit, and of the next two, are asked of an edge that is decided again
# Parts of a panel that lie in place on a source that it does not show follow a beta-binomial distribution.
# Fitted by benchmarks/calibrate.py to the best of all fits of each panel to images that it does not show, for each
# scale of detail: the two parameters.
UNRELATED = ((3.1, 21.7), (1.8, 11.5))
LEAST_PARTS = 8  # fewer lie too close to each other to count as so many witnesses
# A second witness: the correlation of detail, by what chance would give at one fixed transform. Transforms are
# optimised, which brings unrelated images to about a tenth of the exponent.
OPTIMISM = 10.0
LEAST_LOG10_CHANCE = -15.0
JOINT_THRESHOLD = -10.0  # of both exponents together
MOST_OF_SECOND = (
    -8.0
)  # what the second counts at most: wells of one plate reached that with as few parts in place as chance
LEAST_CORRELATION = 0.5
LEAST_TILE_SHARE = 0.6
LEAST_TILES = 4
# The same cells under another microscope or exposure, or two round nuclei: unless nearly all parts are in place,
# the rest of the evidence must leave little open.
NEARLY_ALL = 0.9
FEW_PARTS = 24  # of fewer, nearly all must be in place anyway: one smooth blob can be laid on another
LEAST_EXPLAINED, CLOSE_CORRELATION = 0.88, 0.7
SLACK = 0.02  # by which shares may be less when an edge is decided again, from its rounded transform


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether the source is proven, how sure that is, and in words why."""

    accepted: bool
    log10_false_alarm: float
    reason: str


def decide(found: Agreement, *, again: bool = False) -> Decision:
    """Weigh up a measured agreement; pure, so that anyone gets the same answer from the same numbers.

    An edge is decided `again` by slightly looser limits, so that the rounding of its transform does not make
    one that was just above them invalid.
    """
    log10 = log10_false_alarm(found)
    slack, eased = (SLACK, AGAIN) if again else (0.0, 1.0)
    if found.signal < 2.0 or found.tiles < LEAST_TILES or max(n for _, n in found.parts) < LEAST_PARTS:
        return Decision(False, log10, "the panel has too little structure to tell one source from another")
    if found.correlation < LEAST_CORRELATION - slack or found.tile_share < LEAST_TILE_SHARE - slack:
        return Decision(
            False,
            log10,
            f"panel and source agree in {found.tile_share:.0%} of the places that show structure "
            f"(correlation {found.correlation:.2f})",
        )
    in_place, parts = max(found.parts, key=lambda counts: counts[0] / max(1, counts[1]))
    close = found.share_explained >= LEAST_EXPLAINED - slack and found.correlation >= CLOSE_CORRELATION - slack
    if (not close or parts < FEW_PARTS) and in_place < (NEARLY_ALL - slack) * parts:
        return Decision(
            False,
            log10,
            f"the source explains {found.share_explained:.0%} of the panel's pixels, and {in_place} of {parts} parts "
            "fit it where they lie: something similar, but not the same",
        )
    joint = log10 + max(found.log10_chance / OPTIMISM, MOST_OF_SECOND)
    if log10 > THRESHOLD * eased or joint > JOINT_THRESHOLD * eased or found.log10_chance > LEAST_LOG10_CHANCE * eased:
        return Decision(False, log10, f"an unrelated source would agree as well too often (10^{log10:.1f})")
    return Decision(
        True,
        log10,
        f"{in_place} of {parts} parts of the panel fit the re-rendered source just where they lie, and "
        f"{found.share_explained:.0%} of its pixels are explained (correlation {found.correlation:.2f}, "
        f"false-alarm probability below 10^{math.ceil(log10)})",
    )


def log10_false_alarm(found: Agreement) -> float:
    """Log10 of the probability that as many parts lie in place on the best of all unrelated sources of a study."""
    return log10_of_parts(found.parts)


def log10_of_parts(counts: Sequence[Sequence[int]]) -> float:
    """The same, of the parts in place and the parts there are at each scale of detail."""
    tails = [
        log10_tail(in_place, parts, *parameters)
        for (in_place, parts), parameters in zip(counts, UNRELATED, strict=True)
        if parts >= LEAST_PARTS
    ]
    # The better of two scales is taken: Bonferroni.
    return max(LOG10_FLOOR, min(0.0, min(tails, default=0.0) + float(np.log10(len(UNRELATED)))))


def log10_tail(count: int, of: int, a: float, b: float) -> float:
    """Log10 of the probability of `count` or more `of` so many under a beta-binomial distribution."""
    k = np.arange(count, of + 1)
    ways = gammaln(of + 1) - gammaln(k + 1) - gammaln(of - k + 1)
    return float(logsumexp(ways + betaln(k + a, of - k + b) - betaln(a, b)) / np.log(10))
