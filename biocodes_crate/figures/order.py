"""The order in which panels are read."""

from __future__ import annotations

from collections.abc import Sequence

from biocodes_crate.figures.model import Box


def reading_order(boxes: Sequence[Box]) -> list[int]:
    """Indices from top left to bottom right, row by row; an inset comes right after what holds it.

    A row is made of boxes whose middle lies within the height of the row's first.
    """
    left = sorted(range(len(boxes)), key=lambda i: (boxes[i].y, boxes[i].x))
    parents = {i: _holder(i, boxes) for i in left}
    order: list[int] = []
    top = [i for i in left if parents[i] is None]
    while top:
        first = top[0]
        limit = boxes[first].y + boxes[first].h
        row = [i for i in top if boxes[i].y + 0.5 * min(boxes[i].h, boxes[first].h) < limit]
        for i in sorted(row, key=lambda i: boxes[i].x):
            order.append(i)
            order += [j for j in left if parents[j] == i]
        top = [i for i in top if i not in row]
    return order


def _holder(index: int, boxes: Sequence[Box]) -> int | None:
    """The smallest box that holds this one, if any."""
    inner = boxes[index]
    holders = [
        i
        for i, outer in enumerate(boxes)
        if i != index
        and outer.w * outer.h > inner.w * inner.h
        and outer.x <= inner.x + 0.05 * inner.w
        and outer.y <= inner.y + 0.05 * inner.h
        and outer.x + outer.w >= inner.x + 0.95 * inner.w
        and outer.y + outer.h >= inner.y + 0.95 * inner.h
    ]
    return max(holders, key=lambda i: boxes[i].w * boxes[i].h, default=None)
