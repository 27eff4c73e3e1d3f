"""Which character a mark is: a small network trained on open fonts (`benchmarks/reader.py` makes its weights)."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

Probabilities = NDArray[np.float32]

SIDE = 20  # pixels of a normalised mark
# Characters that look the same once they are cut out and stretched to a square share a class, named by the first.
CLASSES = (
    *("A", "B", "Cc", "D", "E", "F", "G", "H", "Il|", "J", "Kk", "L", "M", "N", "Oo0", "Pp", "Q", "R", "Ss", "T"),
    *("Uu", "Vv", "Ww", "Xx", "Y", "Zz", "a", "b", "d", "e", "f", "g", "h", "i", "j", "m", "n", "q", "r", "t", "y"),
    *("1", "2", "3", "4", "5", "6", "7", "8", "9", "µ", "(", ")", ".", "none"),
)
_WEIGHTS = Path(__file__).with_name("glyphs.npz")


class Mark(NamedTuple):
    """A mark, cut out and stretched."""

    pixels: NDArray[np.float32]  # (SIDE, SIDE), mean 0, variance 1
    ratio: float  # width to height


def normalise(patch: NDArray[np.float32]) -> Mark:
    """Stretch a mark, (h, w) with ink high and ground 0, to a square."""
    height, width = patch.shape
    square = np.asarray(cv2.resize(patch, (SIDE, SIDE), interpolation=cv2.INTER_AREA), np.float32)
    square = np.asarray(cv2.GaussianBlur(square, (3, 3), 0.6), np.float32)
    deviation = float(square.std())
    # A bar fills its square and has no variance.
    square = (square - square.mean()) / deviation if deviation > 1e-3 else square * 0
    return Mark(square, width / height)


def inputs_of(marks: list[Mark]) -> NDArray[np.float32]:
    """What the network sees of each mark, (N, SIDE² + 1)."""
    flat = np.stack([mark.pixels.ravel() for mark in marks])
    ratios = np.log([max(0.02, mark.ratio) for mark in marks]).astype(np.float32)
    return np.concatenate([flat, 2 * ratios[:, None]], axis=1).astype(np.float32)


def classify(marks: list[Mark]) -> Probabilities:
    """Probabilities of `CLASSES` for each mark, (N, classes)."""
    if not marks:
        return np.zeros((0, len(CLASSES)), np.float32)
    values = inputs_of(marks)
    *hidden, last = _layers()
    for weights, bias in hidden:
        values = np.maximum(values @ weights + bias, 0)
    scores = values @ last[0] + last[1]
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    result: Probabilities = powers / powers.sum(axis=1, keepdims=True)
    return result


@cache
def _layers() -> list[tuple[NDArray[np.float32], NDArray[np.float32]]]:
    with np.load(_WEIGHTS, allow_pickle=False) as stored:
        count = len(stored.files) // 2
        return [(stored[f"w{i}"].astype(np.float32), stored[f"b{i}"].astype(np.float32)) for i in range(count)]
