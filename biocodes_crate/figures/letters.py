"""Read the letters of panels: single characters in or beside the top left corner."""

from __future__ import annotations

import math
import string
from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from biocodes_crate.figures.boxes import PixelBox
from biocodes_crate.figures.glyphs import CLASSES, Mark, classify, normalise

Pixels = NDArray[np.uint8]
Mask = NDArray[np.bool_]
Scores = dict[str, float]

_BELIEVED = 0.35  # least score of a letter that fits into the sequence
_SURE = 0.8  # and of one that does not
_SKIPPED = 0.12  # a letter left out of the sequence costs as much as this of a score
_FAR = 0.03  # and so does a mark that stands off from the corner, for each of its heights


class _Found(NamedTuple):
    """Something that may be a letter."""

    mark: Mark
    distance: float  # from the corner, in heights of the mark


def read_labels(pixels: Pixels, boxes: Sequence[PixelBox]) -> list[str | None]:
    """The letter of each panel, in the given (reading) order; None where there is none to be read.

    Letters are looked for within the top left corner, then above it, then to the left. A page uses capitals
    or small letters, in alphabetical order, and no letter twice.
    """
    scores = [_scores(pixels, box, boxes) for box in boxes]
    best: tuple[float, list[str | None]] = (0.0, [None] * len(boxes))
    for alphabet in (string.ascii_uppercase, string.ascii_lowercase):
        worth, labels = _in_sequence(scores, alphabet)
        if worth > best[0] + 0.02 * len(boxes):
            best = worth, _with_strays(scores, labels, alphabet)
    labels = best[1]
    read = [label for label in labels if label is not None]
    if len(read) > 1 or len(boxes) <= 2:
        return labels
    # One stray reading on a page of many panels is more likely a speck than a letter, unless it is in its place.
    return [
        label if label and i < 26 and label.upper() == string.ascii_uppercase[i] and scores[i][label] >= _SURE else None
        for i, label in enumerate(labels)
    ]


def _in_sequence(scores: list[Scores], alphabet: str) -> tuple[float, list[str | None]]:
    """The best rising sequence of letters, with gaps in it; its worth, and the letters."""
    states: dict[int, tuple[float, tuple[int, ...]]] = {-1: (0.0, ())}  # last letter → worth, letters so far
    for score in scores:
        after = {last: (worth, (*letters, -1)) for last, (worth, letters) in states.items()}
        for last, (worth, letters) in states.items():
            for k in range(last + 1, len(alphabet)):
                own = score.get(alphabet[k], 0.0)
                if own < _BELIEVED:
                    continue
                gain = worth + own - _BELIEVED / 2 - _SKIPPED * (k - last - 1)
                if k not in after or gain > after[k][0]:
                    after[k] = (gain, (*letters, k))
        states = after
    worth, letters = max(states.values(), key=lambda state: state[0])
    return worth, [alphabet[k] if k >= 0 else None for k in letters]


def _with_strays(scores: list[Scores], labels: list[str | None], alphabet: str) -> list[str | None]:
    """Add letters that are out of sequence, where there is no doubt: columns may be lettered before rows."""
    found = list(labels)
    for i, score in enumerate(scores):
        if found[i] is None:
            # A page of seven panels has no O.
            ranked = max(alphabet[: len(scores) + 3], key=lambda c: score.get(c, 0.0))
            if score.get(ranked, 0.0) >= _SURE and ranked not in found:
                found[i] = ranked
    return found


def _scores(pixels: Pixels, box: PixelBox, boxes: Sequence[PixelBox]) -> Scores:
    """How much the marks at a panel's corner look like each letter: the best probability, less for the distance."""
    found = _marks(pixels, box, boxes)
    best: Scores = {}
    for one, chances in zip(found, classify([f.mark for f in found]), strict=True):
        for name, chance in zip(CLASSES, chances.tolist(), strict=True):
            score = chance - _FAR * one.distance
            if score < _BELIEVED or name == "none":
                continue
            for letter in name:
                if score > best.get(letter, 0.0):
                    best[letter] = score
    return best


def _marks(pixels: Pixels, box: PixelBox, boxes: Sequence[PixelBox]) -> list[_Found]:
    height, width = pixels.shape[:2]
    tallest = int(min(max(40, 0.22 * box.height), 160))
    reach = int(1.7 * tallest)
    windows = [
        PixelBox(box.x0, box.y0, min(box.x1, box.x0 + reach), min(box.y1, box.y0 + reach)),
        PixelBox(max(0, box.x0 - tallest), max(0, box.y0 - reach), min(width, box.x0 + reach), box.y0),
        PixelBox(max(0, box.x0 - reach), max(0, box.y0 - tallest // 2), box.x0, min(height, box.y0 + reach)),
    ]
    found: list[_Found] = []
    for index, window in enumerate(windows):
        if window.width < 6 or window.height < 6:
            continue
        corner = (box.x0 - window.x0, box.y0 - window.y0)
        taken = np.zeros((window.height, window.width), np.bool_)
        for other in boxes if index else ():
            if window.overlap(other):
                x, y = max(0, other.x0 - window.x0), max(0, other.y0 - window.y0)
                taken[y : max(0, other.y1 - window.y0), x : max(0, other.x1 - window.x0)] = True
        found += _marks_in(window.crop(pixels), taken, index == 0, tallest, corner)
    return found


def _marks_in(view: Pixels, taken: Mask, inside: bool, tallest: int, corner: tuple[int, int]) -> list[_Found]:
    """Separate marks of white or black ink in a window; `corner` is that of the panel, `taken` are other panels."""
    grey = view.mean(axis=2).astype(np.float32)
    found: list[_Found] = []
    seen: set[tuple[int, int, int, int]] = set()
    for ink in (grey, 255 - grey):
        # A letter on a bright cell stands apart from it at the highest level only.
        for level in (250, 225, 190, 140) if inside else (200, 140):
            core = (ink >= level) & ~taken
            if float(core.mean()) > 0.5:
                continue
            _, labels, stats, _ = cv2.connectedComponentsWithStats(core.astype(np.uint8), connectivity=8)
            listed = [tuple(int(v) for v in row) for row in stats[:120]]
            for i in range(1, len(listed)):
                x, y, w, h, area = listed[i]
                if not (7 <= h <= tallest and 0.12 * h <= w <= 1.5 * h and area >= 0.12 * w * h):
                    continue
                if area > 0.8 * w * h and w > 0.45 * h:  # a dot or a block; only an I is that full
                    continue
                if inside and (x + w >= view.shape[1] or y + h >= view.shape[0]):
                    continue
                keep = labels == i
                for j in range(1, len(listed)):  # the dot of an i
                    a, b, c, d, _ = listed[j]
                    if (
                        j != i
                        and c <= 1.3 * w
                        and b + d <= y
                        and x - w < a + c
                        and a < x + 2 * w
                        and y - b - d < 0.4 * h
                    ):
                        keep |= labels == j
                        x, y, w, h = min(x, a), b, max(x + w, a + c) - min(x, a), y + h - b
                        break
                if (x, y, w, h) in seen:
                    continue
                seen.add((x, y, w, h))
                patch = np.where(keep[y : y + h, x : x + w], ink[y : y + h, x : x + w], 0).astype(np.float32)
                away = math.hypot(max(0, abs(x - corner[0]) - h), max(0, abs(y + h / 2 - corner[1]) - h)) / h
                found.append(_Found(normalise(patch), away))
    return found
