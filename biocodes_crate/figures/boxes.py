"""How much boxes of one page, or of one plane, have in common."""

from __future__ import annotations

from biocodes_crate.figures.model import Box


def shared_area(a: Box, b: Box) -> float:
    """The area that two boxes share, in the square of their unit."""
    w = min(a.x + a.w, b.x + b.w) - max(a.x, b.x)
    h = min(a.y + a.h, b.y + b.h) - max(a.y, b.y)
    return max(0.0, w) * max(0.0, h)


def intersection_over_union(a: Box, b: Box) -> float:
    """How much two boxes have in common, 0–1."""
    shared = shared_area(a, b)
    union = a.w * a.h + b.w * b.h - shared
    return shared / union if union > 0 else 0.0
