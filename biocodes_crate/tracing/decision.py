"""The decision: do the pixels prove that a panel shows a source?

A panel is verified when chance is very unlikely to agree as well *and* the agreement holds all over
the panel. The second guards against what two unrelated pictures really share: burned-in banners,
vignettes, stitching seams, dust on the camera.
"""

from __future__ import annotations

from dataclasses import dataclass

from biocodes_crate.tracing.evidence import LOG10_FLOOR, Agreement

THRESHOLD = -5.0  # log10 of the false-alarm probability of a verified edge; a tenth of what is promised
LEAST_CORRELATION = 0.5
LEAST_TILE_SHARE = 0.75  # two wells of one plate agreed in up to 0.67 of the tiles: in outline and shading alone
LEAST_TILES = 4
# Optimising a transform makes unrelated fields agree better than chance at one fixed transform would
# have it. On fits of panels to images that they do not show the exponent reached −34 within a hundred
# panels, in which a calibrated one would reach −2 or −3.
OPTIMISM = 10.0


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether the source is proven, how sure that is, and in words why."""

    accepted: bool
    log10_false_alarm: float
    reason: str


def decide(found: Agreement) -> Decision:
    """Weigh up a measured agreement; pure, so that anyone gets the same answer from the same numbers."""
    log10 = log10_false_alarm(found)
    if found.signal < 2.0 or found.tiles < LEAST_TILES:
        return Decision(False, log10, "the panel has too little structure to tell one source from another")
    if found.correlation < LEAST_CORRELATION or found.tile_share < LEAST_TILE_SHARE:
        return Decision(
            False,
            log10,
            f"panel and source agree in {found.tile_share:.0%} of the places that show structure "
            f"(correlation {found.correlation:.2f})",
        )
    if log10 > THRESHOLD:
        return Decision(False, log10, f"as good an agreement would happen by chance too often (10^{log10:.1f})")
    return Decision(
        True,
        log10,
        f"panel and re-rendered source agree in {found.tile_share:.0%} of the places that show structure "
        f"(correlation {found.correlation:.2f}, false-alarm probability below 10^{log10:.0f})",
    )


def log10_false_alarm(found: Agreement) -> float:
    """Log10 of the probability that an unrelated source agrees as well after its transform was optimised."""
    return max(LOG10_FLOOR, min(0.0, found.log10_chance / OPTIMISM))
