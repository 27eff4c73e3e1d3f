"""A rectangle of several panels, cut along its gutters and seams."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from biocodes_crate.figures.boxes import PixelBox
from biocodes_crate.figures.content import judge_kind, shows_micrograph
from biocodes_crate.figures.cuts import Segment, find_gutters, find_seams
from biocodes_crate.figures.model import PanelKind

Pixels = NDArray[np.uint8]

_SHARP = 0.4  # least sharpness of a gutter
_CLEAR = 0.8  # log-likelihood of a seam per pixel that is beyond doubt
_THIN = 5.0  # a part this many times longer than wide is no panel of its own


def split_box(
    pixels: Pixels, box: PixelBox, lossy: bool, least: int, depth: int = 0, *, on_white: bool = False
) -> list[PixelBox]:
    """Cut a rectangle along its gutters and seams, and its parts again.

    `on_white` says that what is white in it may be the page.
    """
    if depth > 8 or (box.width < 2 * least and box.height < 2 * least):
        return [box]
    view = box.crop(pixels)
    is_image = judge_kind(view, lossy) is PanelKind.IMAGE
    if not is_image and not on_white:
        return [box]
    across = _cuts(view, lossy, least, on_white)
    down = _cuts(view.transpose(1, 0, 2), lossy, least, on_white)
    cuts = across if sum(c.strength for c in across) >= sum(c.strength for c in down) else down
    if not cuts:
        return [box]
    size = box.width if cuts is across else box.height
    starts, stops = [0, *(c.stop for c in cuts)], [*(c.start for c in cuts), size]
    parts = [
        PixelBox(box.x0 + a, box.y0, box.x0 + b, box.y1)
        if cuts is across
        else PixelBox(box.x0, box.y0 + a, box.x1, box.y0 + b)
        for a, b in zip(starts, stops, strict=True)
    ]
    leaves = [leaf for part in parts for leaf in split_box(pixels, part, lossy, least, depth + 1, on_white=on_white)]
    # A chart has straight lines as well: it is cut only where a micrograph comes off.
    return leaves if is_image or any(shows_micrograph(pixels, leaf, lossy, least) for leaf in leaves) else [box]


class _Cut(NamedTuple):
    start: int
    stop: int
    strength: float


def _cuts(view: Pixels, lossy: bool, least: int, on_white: bool) -> list[_Cut]:
    """Where to cut along columns; a seam has no width."""
    height, width = view.shape[:2]
    chosen = [
        _Cut(g.start, g.stop, g.sharpness)
        for tolerance in ((24, 48) if lossy else (3,))
        for g in find_gutters(view, tolerance)
        if g.sharpness >= _SHARP
    ]
    seams = [s for s in find_seams(view) if _is_whole(s, height, on_white)]
    if len(seams) <= 16:
        chosen += [_Cut(s.at, s.at, s.score / height / 2) for s in seams]
    kept: list[_Cut] = []
    for cut in sorted(chosen, key=lambda c: -c.strength):
        if all(cut.stop < k.start - 3 or cut.start > k.stop + 3 for k in kept):
            kept.append(cut)
    return _without_strips(kept, width, height, least)


def _is_whole(seam: Segment, height: int, on_white: bool) -> bool:
    """Whether a seam goes all the way, as far as can be told.

    Something at its end may hide a part of one that is clear everywhere else, and where white meets white there is
    nothing to see.
    """
    told = height - seam.blank if on_white else height
    length = seam.stop - seam.start
    clear = 0.85 if seam.score >= _CLEAR * told else 0.92
    return length >= clear * told and length >= 0.3 * height and seam.score >= 0.4 * told


def _without_strips(cuts: list[_Cut], width: int, height: int, least: int) -> list[_Cut]:
    """Leave out cuts that make strips too thin for a panel: lines and bands within an image, banners below it.

    Where an image has such lines, others no stronger are most likely its own as well.
    """
    kept = sorted(cuts)
    false = 0.0
    thinnest = max(least, height / _THIN)
    while kept:
        starts, stops = [0, *(c.stop for c in kept)], [*(c.start for c in kept), width]
        sizes = [b - a for a, b in zip(starts, stops, strict=True)]
        i = int(np.argmin(sizes))
        if sizes[i] >= thinnest:
            break
        weaker = min((c for c in kept[max(0, i - 1) : i + 1]), key=lambda c: c.strength)
        if sizes[i] > 3:
            inner = kept[i - 1 : i + 1] if 0 < i < len(kept) else [weaker]
            banded = all(c.start == c.stop for c in inner)
            false = max(false, max(c.strength for c in inner) if banded else weaker.strength)
        kept.remove(weaker)
    return [c for c in kept if c.strength > 1.2 * false]
