"""Scale bars that a document draws over its images: a line or a flat rectangle, with a length written beside it."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from biocodes_crate.figures.model import Box, Panel, PanelKind
from biocodes_crate.figures.scalebars import MICROMETRES, ScaleBar

_LENGTH = re.compile(r"(\d{1,5}(?:[.,]\d{1,3})?)\s*(nm|[uµμ]m|mm)")
_LONG = 3.0  # times as long as thick, at least
_SHORTEST, _LONGEST = 0.02, 1.0  # of the panel's width
_SLACK = 0.01  # of the panel's sides, by which a bar may reach over them


@dataclass(frozen=True, slots=True)
class Label:
    """A line of text on a page."""

    text: str
    box: Box  # in the units of the page


def stated_length(text: str) -> float | None:
    """Micrometres of "20 µm" and the like; None where the text says anything else."""
    match = _LENGTH.fullmatch(" ".join(text.replace("\N{NO-BREAK SPACE}", " ").split()))
    if match is None:
        return None
    value = float(match.group(1).replace(",", "."))
    unit = match.group(2).replace("u", "µ").replace("\N{GREEK SMALL LETTER MU}", "µ")
    return value * MICROMETRES[unit] if value > 0 else None


def add_vector_bars(
    panels: Sequence[Panel], rules: Sequence[Box], labels: Sequence[Label], width: float, height: float
) -> list[Panel]:
    """Panels, boxes in percent, with the scale bars that are drawn over them on a page of this size.

    Rules are level lines and flat rectangles, in the units of the page, as long as they are painted.
    A bar belongs to the smallest panel that holds it. A panel with two has none: it is not clear which counts.
    """
    lengths = [(label.box, value) for label in labels if (value := stated_length(label.text)) is not None]
    found: dict[int, list[tuple[Box, float]]] = {}
    for box in dict.fromkeys(rules) if lengths else ():
        at = _holder(box, panels, width, height)
        value = _length_beside(box, lengths, rules) if at is not None else None
        if at is not None and value is not None:
            found.setdefault(at, []).append((box, value))
    done = list(panels)
    for at, bars in found.items():
        if len(bars) == 1:
            done[at] = replace(panels[at], scale_bar=_in_panel(panels[at], *bars[0], width, height))
    return done


def _in_panel(panel: Panel, box: Box, micrometres: float, width: float, height: float) -> ScaleBar:
    rows, columns = panel.pixels.shape[:2]
    across = columns / (panel.box.w * width / 100)
    down = rows / (panel.box.h * height / 100)
    x, y = box.x - panel.box.x * width / 100, box.y - panel.box.y * height / 100
    return ScaleBar(x * across, y * down, box.w * across, micrometres)


def _holder(box: Box, panels: Sequence[Panel], width: float, height: float) -> int | None:
    """The smallest image that a bar lies on, if it is no longer or shorter than bars are."""
    if box.w < _LONG * box.h:
        return None
    holding = []
    for i, panel in enumerate(panels):
        x, y = panel.box.x * width / 100, panel.box.y * height / 100
        w, h = panel.box.w * width / 100, panel.box.h * height / 100
        within = (
            box.x >= x - _SLACK * w
            and box.y >= y - _SLACK * h
            and box.x + box.w <= x + (1 + _SLACK) * w
            and box.y + box.h <= y + (1 + _SLACK) * h
        )
        if panel.kind is PanelKind.IMAGE and within and _SHORTEST * w <= box.w <= _LONGEST * w:
            holding.append((w * h, i))
    return min(holding)[1] if holding else None


def _length_beside(bar: Box, lengths: Sequence[tuple[Box, float]], rules: Sequence[Box]) -> float | None:
    """The length written nearest to a bar, if the label is nearer to no other; None where two are as near."""
    near = []
    for box, value in lengths:
        away = _apart(bar, box)
        other = min((_apart(rule, box) for rule in rules if rule != bar and rule.w >= _LONG * rule.h), default=math.inf)
        if away <= 1.5 * box.h and away <= other + 1e-6:
            near.append((away, value))
    near.sort()
    if not near or (len(near) > 1 and near[1][1] != near[0][1] and near[1][0] <= 1.5 * near[0][0] + 1e-6):
        return None
    return near[0][1]


def _apart(bar: Box, label: Box) -> float:
    """Between a bar and a text: the gap between their boxes, and how far the text lies off to a side."""
    gap_x = max(label.x - (bar.x + bar.w), bar.x - (label.x + label.w), 0.0)
    gap_y = max(label.y - (bar.y + bar.h), bar.y - (label.y + label.h), 0.0)
    aside = abs(label.x + label.w / 2 - (bar.x + bar.w / 2)) if gap_x == 0 else 0.0
    return math.hypot(gap_x, gap_y) + 0.05 * aside
