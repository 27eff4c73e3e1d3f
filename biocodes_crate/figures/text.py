"""Lines of text in a picture, found by how characters stand beside each other; not read."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from biocodes_crate.figures.channels import lowest

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]

_STROKE = 13  # pixels: wider strokes are no text that is set in lines
_SHARP = 70  # grey levels between ink and what it stands on
_SMALLEST, _TALLEST = 5, 70  # pixels of a character


@dataclass(frozen=True, slots=True)
class TextLine:
    """Characters on one line, from left to right: columns and rows, ends exclusive."""

    x0: int
    y0: int
    x1: int
    y1: int
    characters: tuple[tuple[int, int, int, int], ...]  # x, y, width, height
    ink: Mask = field(repr=False, compare=False)  # (y1 - y0, x1 - x0)


def find_text(pixels: Pixels) -> tuple[list[TextLine], Mask]:
    """Lines of dark text, and all thin dark ink, (H, W)."""
    grey = np.ascontiguousarray(255 - lowest(pixels))
    kernel = np.ones((_STROKE, _STROKE), np.uint8)
    strokes = cv2.morphologyEx(grey, cv2.MORPH_TOPHAT, kernel)
    ink: Mask = np.asarray(strokes > _SHARP)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(ink.astype(np.uint8), connectivity=8)
    marks = [
        (int(x), int(y), int(w), int(h), i)
        for i, (x, y, w, h, area) in enumerate(stats[1:20_001].tolist(), start=1)
        if _SMALLEST <= h <= _TALLEST and w <= 1.8 * h and 0.1 * w * h <= area
    ]
    lines = []
    for row in _rows(marks):
        x0, y0 = min(m[0] for m in row), min(m[1] for m in row)
        x1, y1 = max(m[0] + m[2] for m in row), max(m[1] + m[3] for m in row)
        own = np.isin(labels[y0:y1, x0:x1], [m[4] for m in row])
        lines.append(TextLine(x0, y0, x1, y1, tuple(m[:4] for m in row), own))
    return lines, ink


def _rows(marks: list[tuple[int, int, int, int, int]]) -> list[list[tuple[int, int, int, int, int]]]:
    """Marks of about one size that stand side by side, at least two."""
    open_rows: list[list[tuple[int, int, int, int, int]]] = []
    done: list[list[tuple[int, int, int, int, int]]] = []
    for mark in sorted(marks):
        x, y, _, h, _ = mark
        still = []
        best: list[tuple[int, int, int, int, int]] | None = None
        for row in open_rows:
            a, b, c, d, _ = row[-1]
            tall = max(m[3] for m in row[-4:])
            if x - (a + c) > 1.3 * max(tall, h):
                done.append(row)
                continue
            still.append(row)
            level = min(y + h, b + d) - max(y, b) >= 0.4 * min(h, d)
            alike = 0.4 * tall <= h <= 2.5 * tall and abs(y + h - b - d) <= 0.45 * max(h, tall)
            if level and alike and x >= a + 0.3 * c:
                best = row if best is None or row[-1][0] > best[-1][0] else best
        open_rows = still
        if best is None:
            open_rows.append([mark])
        else:
            best.append(mark)
    return [row for row in done + open_rows if len(row) >= 2]
