"""What `study.yaml` says of a figure's panels, brought together with the panels that were found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from biocodes_crate.figures.boxes import intersection_over_union
from biocodes_crate.figures.model import Box, Panel
from biocodes_crate.figures.order import reading_order
from biocodes_crate.study.manifest import DeclaredPanel

_SAME = 0.5  # least intersection over union of a found and a declared box

CutPanel = Callable[[Box], Panel | None]
"""Makes a panel of a box of the page; None where the box holds no pixels."""


def apply_declared(
    panels: Sequence[Panel], declared: Sequence[DeclaredPanel], cut: CutPanel, keep_found: bool = False
) -> tuple[list[Panel], list[DeclaredPanel]]:
    """Give declared labels, sources and boxes to the panels of one page.

    A declared box wins over what was found, and is cut out anew; with `keep_found` a found panel that fits
    it stays as it is, as for a picture embedded in a document. Panels declared without a box are known
    by their label, then by their place in reading order.

    Returns
    -------
    The panels in reading order, and the declared panels that fit none.
    """
    open_panels = list(panels)
    done: list[Panel] = []
    homeless: list[DeclaredPanel] = []
    for one in declared:
        if one.box is None:
            continue
        box = Box(*one.box)
        best = max(open_panels, key=lambda p: intersection_over_union(p.box, box), default=None)
        fits = best is not None and intersection_over_union(best.box, box) >= _SAME
        if fits and best is not None:
            open_panels.remove(best)
            panel = best if keep_found else _recut(best, box, cut)
        else:
            open_panels = [p for p in open_panels if not _is_piece(p.box, box)]
            fresh = cut(box)
            if fresh is None:
                homeless.append(one)
                continue
            panel = fresh
        done.append(_told(panel, one))
    rest = [d for d in declared if d.box is None]
    for one in list(rest):
        named = [p for p in open_panels if p.label and one.label and p.label.casefold() == one.label.casefold()]
        if len(named) == 1:
            open_panels.remove(named[0])
            done.append(_told(named[0], one))
            rest.remove(one)
    placed, unplaced = _by_place(open_panels, done, rest)
    open_panels = [p for p in open_panels if not any(p is old for old, _ in placed)]
    done += [new for _, new in placed]
    everything = [*open_panels, *done]
    order = reading_order([p.box for p in everything])
    return [everything[i] for i in order], homeless + unplaced


def cut_out(panels: Sequence[Panel], box: Box) -> Panel | None:
    """A part of one of the panels, for pages whose pixels are those of their panels: boxes in percent."""
    for panel in panels:
        if not _is_piece(box, panel.box) or panel.box.w <= 0 or panel.box.h <= 0:
            continue
        height, width = panel.pixels.shape[:2]
        x0 = max(0, round((box.x - panel.box.x) / panel.box.w * width))
        y0 = max(0, round((box.y - panel.box.y) / panel.box.h * height))
        x1 = round((box.x + box.w - panel.box.x) / panel.box.w * width)
        y1 = round((box.y + box.h - panel.box.y) / panel.box.h * height)
        pixels, mask = panel.pixels[y0:y1, x0:x1], panel.mask[y0:y1, x0:x1]
        if min(pixels.shape[:2]) >= 4:
            return Panel(box, panel.kind, pixels, mask)
    return None


def _recut(found: Panel, box: Box, cut: CutPanel) -> Panel:
    if all(abs(a - b) < 0.51 for a, b in zip(found.box, box, strict=True)):
        return replace(found, box=box)
    fresh = cut(box)
    return found if fresh is None else replace(fresh, label=found.label)


def _told(panel: Panel, declared: DeclaredPanel) -> Panel:
    return replace(
        panel,
        label=declared.label or panel.label,
        declared=declared.sources or panel.declared,
        digital_source=declared.digital_source or panel.digital_source,
    )


def _is_piece(found: Box, declared: Box) -> bool:
    """Whether a found box is a part of the declared one: then the panel was cut apart by mistake."""
    w = min(found.x + found.w, declared.x + declared.w) - max(found.x, declared.x)
    h = min(found.y + found.h, declared.y + declared.h) - max(found.y, declared.y)
    return w > 0 and h > 0 and w * h > 0.8 * found.w * found.h


def _by_place(
    free: list[Panel], done: list[Panel], declared: list[DeclaredPanel]
) -> tuple[list[tuple[Panel, Panel]], list[DeclaredPanel]]:
    """Panels for what has neither box nor readable letter.

    Panel C is the third on the page, and as many declared panels as there are panels are those in order.
    """
    everything = [*free, *done]
    order = [everything[i] for i in reading_order([p.box for p in everything])]
    outer = [p for p in order if not any(_is_inside(p.box, q.box) for q in order if q is not p)]
    candidates = [p for p in outer if any(p is f for f in free)]
    placed: list[tuple[Panel, Panel]] = []
    unplaced: list[DeclaredPanel] = []
    in_order = len(candidates) == len(declared)
    for i, one in enumerate(declared):
        place = _place_of(one.label)
        chosen: Panel | None = None
        if place is not None and place < len(outer):
            chosen = outer[place]
        elif place is None and in_order:
            chosen = candidates[i]
        known_otherwise = chosen is not None and chosen.label is not None and one.label is not None
        taken = any(chosen is old for old, _ in placed) or not any(chosen is c for c in candidates)
        if chosen is None or known_otherwise or taken:
            unplaced.append(one)
        else:
            placed.append((chosen, _told(chosen, one)))
    return placed, unplaced


def _place_of(label: str | None) -> int | None:
    if label is None or len(label) != 1 or not label.isascii() or not label.isalpha():
        return None
    return ord(label.lower()) - ord("a")


def _is_inside(inner: Box, outer: Box) -> bool:
    return (
        outer.w * outer.h > inner.w * inner.h
        and outer.x <= inner.x
        and outer.y <= inner.y
        and outer.x + outer.w >= inner.x + inner.w
        and outer.y + outer.h >= inner.y + inner.h
    )
