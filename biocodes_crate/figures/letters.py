"""Read the letters of panels: single characters in or beside the top left corner."""

from __future__ import annotations

import string
from collections.abc import Sequence
from functools import cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from biocodes_crate.figures.layout import PixelBox

Pixels = NDArray[np.uint8]
Glyph = NDArray[np.float32]

_SIDE = 24  # pixels of a normalised glyph
_SURE = 0.78  # correlation with a template that is believed alone
_LIKELY = 0.62  # and where the letter is the one expected in reading order


class _Mark(NamedTuple):
    """Something that may be a letter."""

    glyph: Glyph
    ratio: float  # width to height
    distance: float  # from the corner, in heights of the mark


def read_labels(pixels: Pixels, boxes: Sequence[PixelBox]) -> list[str | None]:
    """The letter of each panel, in the given (reading) order; None where there is none to be read.

    Letters are looked for within the top left corner, then above it, then to the left. A page uses capitals
    or small letters, and no letter twice.
    """
    scores = [_scores(pixels, box, boxes) for box in boxes]
    upper = sum(max((s.get(c, 0.0) for c in string.ascii_uppercase), default=0.0) for s in scores)
    lower = sum(max((s.get(c, 0.0) for c in string.ascii_lowercase), default=0.0) for s in scores)
    alphabet = string.ascii_uppercase if upper >= lower - 0.02 * len(boxes) else string.ascii_lowercase
    labels: list[str | None] = [None] * len(boxes)
    expected = 0
    for i, score in enumerate(scores):
        ranked = sorted(alphabet, key=lambda c: -score.get(c, 0.0))
        best = score.get(ranked[0], 0.0)
        # Panels may be left without a letter, and rows may be uneven: the next few letters are likely too.
        near = [c for c in alphabet[expected : expected + 3] if score.get(c, 0.0) >= max(_LIKELY, best - 0.12)]
        if near:
            labels[i] = max(near, key=lambda c: score[c] - 0.03 * alphabet.index(c))
        elif best >= _SURE and ranked[0] not in labels:
            labels[i] = ranked[0]
        if labels[i] is not None and labels.count(labels[i]) > 1:
            labels[i] = None
        if labels[i] is not None:
            expected = max(expected, alphabet.index(str(labels[i])) + 1)
    read = [label for label in labels if label is not None]
    # One stray reading on a page of many panels is more likely a speck than a letter.
    return labels if len(read) > 1 or len(boxes) <= 2 else [None] * len(boxes)


def _scores(pixels: Pixels, box: PixelBox, boxes: Sequence[PixelBox]) -> dict[str, float]:
    """How well the marks at a panel's corner look like each letter: the best correlation."""
    best: dict[str, float] = {}
    for mark in _marks(pixels, box, boxes):
        for character, glyph, ratio in _templates():
            if abs(np.log(mark.ratio / ratio)) > 0.45:
                continue
            score = float((mark.glyph * glyph).mean()) - 0.02 * mark.distance
            score -= 0.1 * abs(float(np.log(mark.ratio / ratio)))
            if score > best.get(character, 0.0):
                best[character] = score
    return best


def _marks(pixels: Pixels, box: PixelBox, boxes: Sequence[PixelBox]) -> list[_Mark]:
    height, width = pixels.shape[:2]
    tallest = int(min(max(40, 0.22 * box.height), 160))
    reach = int(1.7 * tallest)
    windows = [
        PixelBox(box.x0, box.y0, min(box.x1, box.x0 + reach), min(box.y1, box.y0 + reach)),
        PixelBox(max(0, box.x0 - tallest), max(0, box.y0 - reach), min(width, box.x0 + reach), box.y0),
        PixelBox(max(0, box.x0 - reach), max(0, box.y0 - tallest // 2), box.x0, min(height, box.y0 + reach)),
    ]
    marks: list[_Mark] = []
    for index, window in enumerate(windows):
        if window.width < 6 or window.height < 6:
            continue
        if index and any(window.overlap(other) > 0.3 * window.area for other in boxes):
            continue
        marks += _marks_in(window.crop(pixels), index == 0, tallest)
    return marks


def _marks_in(view: Pixels, inside: bool, tallest: int) -> list[_Mark]:
    """Separate marks of white or black ink in a window; the corner is its top left, or its bottom left."""
    grey = view.mean(axis=2).astype(np.float32)
    found = []
    for ink in (grey, 255 - grey):
        core = ink >= (200 if inside else 150)
        if float(core.mean()) > 0.5:
            continue
        _, labels, stats, _ = cv2.connectedComponentsWithStats(core.astype(np.uint8), connectivity=8)
        for i in range(1, min(len(stats), 60)):
            x, y, w, h, area = (int(v) for v in stats[i])
            if not (7 <= h <= tallest and 0.12 * h <= w <= 1.5 * h and area >= 0.12 * w * h):
                continue
            if area > 0.76 * w * h and w > 0.45 * h:  # a dot or a block; only an I is that full
                continue
            if inside and (x + w >= view.shape[1] or y + h >= view.shape[0]):
                continue
            patch = np.where(labels[y : y + h, x : x + w] == i, ink[y : y + h, x : x + w], 0)
            at = y / h if inside else (view.shape[0] - y - h) / h
            found.append(_Mark(_normalised(patch.astype(np.float32)), w / h, (x / h + at) if inside else at))
    return found


def _normalised(patch: NDArray[np.float32]) -> Glyph:
    """A glyph stretched to a square, with mean 0 and variance 1."""
    square = np.asarray(cv2.resize(patch, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), np.float32)
    square = np.asarray(cv2.GaussianBlur(square, (3, 3), 0.8), np.float32)
    deviation = float(square.std())
    normal: Glyph = (square - square.mean()) / deviation if deviation > 1e-3 else square * 0
    return normal


@cache
def _templates() -> tuple[tuple[str, Glyph, float], ...]:
    """Letters in the fonts that come with our libraries: a sans serif, and strokes with and without serifs."""
    found: list[tuple[str, Glyph, float]] = []
    sans = ImageFont.load_default(64)
    strokes = (
        (cv2.FONT_HERSHEY_SIMPLEX, 3),
        (cv2.FONT_HERSHEY_SIMPLEX, 7),
        (cv2.FONT_HERSHEY_SIMPLEX, 11),
        (cv2.FONT_HERSHEY_COMPLEX, 3),
        (cv2.FONT_HERSHEY_COMPLEX, 6),
        (cv2.FONT_HERSHEY_TRIPLEX, 5),
    )
    for character in string.ascii_letters:
        for bold in (0, 2, 4):
            canvas = Image.new("L", (160, 160))
            ImageDraw.Draw(canvas).text((40, 40), character, fill=255, font=sans, stroke_width=bold)
            _add(found, character, np.asarray(canvas))
        for font, thickness in strokes:
            drawn = np.zeros((200, 200), np.uint8)
            cv2.putText(drawn, character, (50, 140), font, 3.0, 255, thickness, cv2.LINE_AA)
            _add(found, character, drawn)
    return tuple(found)


def _add(found: list[tuple[str, Glyph, float]], character: str, canvas: NDArray[np.uint8]) -> None:
    ink = canvas > 100
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    if len(rows) == 0:
        return
    patch = canvas[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.float32)
    ratio = patch.shape[1] / patch.shape[0]
    if float((patch > 100).mean()) > 0.74 and ratio > 0.45:  # strokes so thick that they have run together
        return
    found.append((character, _normalised(patch), ratio))
