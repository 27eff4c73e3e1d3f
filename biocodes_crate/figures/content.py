"""What a panel is, by its pixels: micrograph, chart, drawing or text."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from biocodes_crate.figures.boxes import PixelBox
from biocodes_crate.figures.channels import distance, highest, lowest
from biocodes_crate.figures.model import PanelKind
from biocodes_crate.figures.text import find_text

Pixels = NDArray[np.uint8]

_SIDE = 480  # pixels a side are enough to judge by


def judge_kind(pixels: Pixels, lossy: bool = False) -> PanelKind:
    """The kind of a panel.

    Micrographs have noise and soft gradients. Charts and drawings are flat areas with hard edges,
    nearly always on a light ground; a picture of flat areas on a dark one is a segmentation mask,
    which is an image too.
    """
    sample = _sample(pixels)
    kernel = np.ones((3, 3), np.uint8)
    spread = highest(cv2.dilate(sample, kernel) - cv2.erode(sample, kernel))
    quiet = 10 if lossy else 2
    busy = float((spread > quiet).mean())
    if busy < 1e-4:
        return PanelKind.DRAWING
    soft = float(((spread > quiet) & (spread <= 40)).mean())
    ground, chroma = _ground(sample)
    plain = _plain_share(sample, 4 if lossy else 1)
    if ground >= 180 and _is_text(sample, spread, lossy):
        return PanelKind.TEXT
    if (ground > 100 or chroma >= 48) and _is_filled_box(spread, quiet):
        return PanelKind.DRAWING
    hard = soft / busy < 0.35
    if plain > 0.9 and busy < 0.06 and hard and ground > 100:
        return _graphic(sample)
    if busy < 0.45 and plain > 0.02 and _is_tiled(sample, quiet):
        return PanelKind.CHART
    if not lossy and 0.1 <= busy < 0.45 and ground >= 200 and soft / busy < 0.05 and _is_painted(sample):
        return _graphic(sample)
    if busy >= 0.45 or ground < 150:
        return PanelKind.IMAGE
    white = float((lowest(sample) >= (252 if lossy else 255)).mean())
    boxed = plain > 0.5 and _ground_is_pale(sample) and (hard or (not lossy and soft / busy < 0.7))
    if white < 0.25 and not boxed:
        return PanelKind.IMAGE
    if soft >= 0.12 and soft / busy >= 0.6:
        return PanelKind.IMAGE
    if soft >= 0.02 and soft / busy >= 0.65:
        return PanelKind.IMAGE
    return _graphic(sample)


def shows_micrograph(pixels: Pixels, box: PixelBox, lossy: bool, least: int) -> bool:
    """Whether a box of a page is an image that is large enough to be a panel: at least twice `least` wide and high."""
    return min(box.width, box.height) >= 2 * least and shows_image(pixels, box, lossy)


def shows_image(pixels: Pixels, box: PixelBox, lossy: bool) -> bool:
    """Whether a box of a page is an image."""
    return judge_kind(box.crop(pixels), lossy) is PanelKind.IMAGE


def _is_text(sample: Pixels, spread: Pixels, lossy: bool) -> bool:
    """Whether dark text on a pale ground is all there is: words, a table, the head of a window.

    Cells may stand in rows like characters; but then they do not cover a good part of the panel with nothing
    between them. Of 1,025 micrographs in the benchmark, some with captions, none is taken for text.
    """
    lines, ink = find_text(sample)
    words = [line for line in lines if len(line.characters) >= 3]
    numbers = len(words) < len(lines) and _plain_share(sample, 4) >= 0.3  # columns of two digits
    total = int(ink.sum())
    for chosen, least in ((words, 0.65), (lines if numbers else [], 0.9)):
        covered = sum((line.x1 - line.x0) * (line.y1 - line.y0) for line in chosen)
        if sum(len(line.characters) for line in chosen) < 6 or covered < 0.12 * ink.size:
            continue
        text = np.zeros(ink.shape, np.uint8)
        for line in chosen:
            text[line.y0 : line.y1, line.x0 : line.x1] |= line.ink
        rest = spread[cv2.dilate(text, np.ones((5, 5), np.uint8)) == 0]
        quiet = rest.size == 0 or float((rest > (10 if lossy else 6)).mean()) <= 0.45
        if int(text.sum()) >= least * total and quiet:
            return True
    return False


def _is_filled_box(spread: Pixels, quiet: int) -> bool:
    """Whether a panel is one colour but for its frame."""
    height, width = spread.shape
    core = spread[height // 7 : height - height // 7, width // 7 : width - width // 7]
    return core.size > 0 and float((core <= quiet).mean()) > 0.97


def _is_painted(sample: Pixels) -> bool:
    """Whether a few flat colours, four or more, make up most of a panel."""
    flat = sample.reshape(-1, 3).astype(np.int32)
    _, counts = np.unique((flat[:, 0] << 16) | (flat[:, 1] << 8) | flat[:, 2], return_counts=True)
    shares = np.sort(counts[counts >= 0.02 * len(flat)]) / len(flat)
    return len(shares) >= 4 and float(shares.sum()) > 0.5


def _plain_share(sample: Pixels, slack: int) -> float:
    """Share of pixels that have the most frequent colour, within `slack`."""
    flat = sample.reshape(-1, 3)
    flat = flat[:: max(1, len(flat) // 40_000)]
    keys = (flat[:, 0].astype(np.int32) << 16) | (flat[:, 1].astype(np.int32) << 8) | flat[:, 2]
    values, counts = np.unique(keys, return_counts=True)
    key = int(values[counts.argmax()])
    colour = np.array([key >> 16, (key >> 8) & 255, key & 255], np.int16)
    return float((distance(flat, colour) <= slack).mean())


def _ground_is_pale(sample: Pixels) -> bool:
    """Whether the ground is no pure colour of a look-up table, but one of those that boxes are filled with."""
    return bool(np.median(sample[::4, ::4], axis=(0, 1)).min() > 90)


def _is_tiled(sample: Pixels, quiet: int) -> bool:
    """Whether a panel is made of large, flat, upright rectangles, as a heat map is."""
    shares: list[float] = []
    for view in (sample, sample.transpose(1, 0, 2)):
        steps = highest(np.abs(np.diff(view.astype(np.int16), axis=1))) > max(12, 2 * quiet)
        total = int(steps.sum())
        lines = steps.sum(axis=0)
        strongest = np.sort(lines)[::-1][:40]
        if total == 0 or int((lines > 0.5 * len(view)).sum()) < 4:
            return False
        shares.append(float(strongest.sum()) / total)
    return min(shares) > 0.9


def _sample(pixels: Pixels) -> Pixels:
    """Windows of a large panel at full resolution: scaling down would soften its edges."""
    height, width = pixels.shape[:2]
    if height <= _SIDE * 2 and width <= _SIDE * 2:
        return pixels
    rows = _strips(height)
    columns = _strips(width)
    return np.ascontiguousarray(pixels[rows][:, columns])


def _strips(size: int) -> NDArray[np.int64]:
    """Indices of eight evenly spaced strips, `_SIDE` times two pixels in all."""
    if size <= 2 * _SIDE:
        return np.arange(size)
    length = 2 * _SIDE // 8
    starts = np.linspace(0, size - length, 8).astype(int)
    return (starts[:, None] + np.arange(length)).ravel()


def _ground(sample: Pixels) -> tuple[float, int]:
    """Brightness of the most frequent colour, and how far it is from grey (both in steps of 16)."""
    coarse = sample.reshape(-1, 3) >> 4
    keys = (coarse[:, 0].astype(np.int32) << 8) | (coarse[:, 1].astype(np.int32) << 4) | coarse[:, 2]
    key = int(np.bincount(keys, minlength=4096).argmax())
    channels = (key >> 8, (key >> 4) & 15, key & 15)
    return 16 * max(channels) + 8.0, 16 * (max(channels) - min(channels))


def _graphic(sample: Pixels) -> PanelKind:
    """Chart, drawing or text: a chart has an axis, text has nothing but small marks."""
    dark = (highest(sample) < 140).astype(np.uint8)
    height, width = dark.shape
    across = cv2.erode(dark, np.ones((1, max(8, int(width * 0.45))), np.uint8)).any()
    down = cv2.erode(dark, np.ones((max(8, int(height * 0.45)), 1), np.uint8)).any()
    if across and down:
        return PanelKind.CHART
    ink = (np.abs(sample.astype(np.int16) - np.median(sample, axis=(0, 1))).max(axis=2) > 40).astype(np.uint8)
    count, _, stats, _ = cv2.connectedComponentsWithStats(ink, connectivity=8)
    if count <= 1:
        return PanelKind.DRAWING
    tallest = int(stats[1:, cv2.CC_STAT_HEIGHT].max())
    if tallest <= max(24, 0.05 * height) or (height <= 60 and tallest <= height):
        return PanelKind.TEXT
    return PanelKind.DRAWING
