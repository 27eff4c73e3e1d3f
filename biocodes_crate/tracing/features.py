"""Local features of pictures, comparable across contrast, scale, rotation, mirroring and inversion.

SIFT (Lowe 2004, doi:10.1023/B:VISI.0000029664.99615.94) with square-root normalised descriptors
(Arandjelović & Zisserman 2012, doi:10.1109/CVPR.2012.6248018). A mirrored or inverted picture needs
no second detection: its descriptors are permutations of the first ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.float32]
Points = NDArray[np.float32]

SMALL_SIDE = 320  # pictures with a shorter side are enlarged twofold, so that few pixels give features too
ENOUGH = 1.0  # times the features that are asked for, so that half of the pixels a side will do
CONTRAST_THRESHOLD = 0.008  # low: contrast is not known beforehand, and dim structure is structure


@dataclass(frozen=True, slots=True)
class Features:
    """Key points with their descriptors.

    `points` (N, 2) float32 x, y in pixels of the picture, origin at the outer corner of the
    top-left pixel; `sizes` (N,) float32 in the same pixels; `angles` (N,) float32 in radians,
    clockwise as y points down; `descriptors` (N, 128) uint8.
    """

    points: Points
    sizes: NDArray[np.float32]
    angles: NDArray[np.float32]
    descriptors: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.points)


def describe(picture: NDArray[Any], count: int, mask: NDArray[np.bool_] | None = None) -> Features:
    """At most `count` features of a grey picture (Y, X); none within `mask` (Y, X), True where to look away."""
    grey = displayed(picture)
    factor = 2.0 if min(grey.shape) < SMALL_SIDE else 1.0
    allowed: NDArray[np.uint8] | None = None
    if mask is not None and mask.any():
        height, width = grey.shape
        size = (round(factor * width), round(factor * height))
        allowed = np.asarray(
            cv2.resize((~mask).astype(np.uint8) * 255, size, interpolation=cv2.INTER_NEAREST), np.uint8
        )
    return _described(grey, factor, count, allowed) or _no_features()


def describe_coarsely(picture: NDArray[Any], count: int) -> Features:
    """As `describe`, from half as many pixels a side where they hold enough features.

    Most of the time goes into the finest octave, and most of what is found there is noise, which a
    figure does not keep. Smooth pictures have few features, and keep all.
    """
    grey = displayed(picture)
    factor = 2.0 if min(grey.shape) < SMALL_SIDE else 1.0
    coarse = _described(grey, factor / 2, count, None, least=round(ENOUGH * count))
    return coarse or _described(grey, factor, count, None) or _no_features()


def _described(
    grey: NDArray[np.uint8], factor: float, count: int, allowed: NDArray[np.uint8] | None, least: int = 0
) -> Features | None:
    """At most `count` features of a picture enlarged by `factor`, in its own pixels; None for fewer than `least`."""
    if factor != 1.0:
        how = cv2.INTER_CUBIC if factor > 1 else cv2.INTER_AREA
        grey = np.asarray(cv2.resize(grey, None, fx=factor, fy=factor, interpolation=how), np.uint8)
    sift = cv2.SIFT.create(nfeatures=0, contrastThreshold=CONTRAST_THRESHOLD, edgeThreshold=14)
    if least:
        # Only those that are kept are described: that is quicker where there are many.
        found = sift.detect(grey, allowed)
        if len(found) < least:
            return None
        keypoints, descriptors = sift.compute(grey, [found[i] for i in _choose(found, count)])
    else:
        found, every = sift.detectAndCompute(grey, allowed)
        if not found or every is None:
            return _no_features()
        chosen = _choose(found, count)
        keypoints, descriptors = [found[i] for i in chosen], every[chosen]
    # OpenCV doubles the picture first, which shifts its points by a quarter of a pixel (checked by mirroring).
    points = (np.array([k.pt for k in keypoints], np.float32) + 0.25) / np.float32(factor)
    sizes = np.array([k.size for k in keypoints], np.float32) / np.float32(factor)
    angles = np.deg2rad(np.array([k.angle for k in keypoints], np.float32))
    return Features(points, sizes, angles, _root(descriptors))


def _choose(found: Sequence[cv2.KeyPoint], count: int) -> NDArray[np.intp]:
    """The strongest features, with a share for every octave: noise and enlarged pixels are fine and many."""
    strongest = np.argsort(-np.array([k.response for k in found]), kind="stable")
    octave = np.round(np.log2(np.array([k.size for k in found], np.float32)[strongest])).astype(int)
    place = np.zeros(len(strongest), int)  # within its octave
    for value in np.unique(octave):
        here = octave == value
        place[here] = np.arange(int(here.sum()))
    first = place < count // 3
    order = np.concatenate([strongest[first], strongest[~first]])
    return np.sort(order[:count])


def displayed(picture: NDArray[Any]) -> NDArray[np.uint8]:
    """A grey picture as 8 bit, with most of its range in use and dim structure raised."""
    values = np.asarray(picture, np.float32)
    finite = values[np.isfinite(values)]
    if finite.size == 0:
        return np.zeros(values.shape, np.uint8)
    low, high = np.percentile(finite, [0.5, 99.8])
    if high <= low:
        low, high = float(finite.min()), float(finite.max())
    if high <= low:
        return np.zeros(values.shape, np.uint8)
    scaled = np.clip((np.nan_to_num(values, nan=low) - low) / (high - low), 0, 1)
    return np.asarray(np.rint(255 * np.sqrt(scaled)), np.uint8)


def _root(descriptors: NDArray[Any]) -> NDArray[np.uint8]:
    total = np.maximum(descriptors.sum(axis=1, keepdims=True), 1e-6)
    return np.asarray(np.clip(np.rint(np.sqrt(descriptors / total) * 512), 0, 255), np.uint8)


def _no_features() -> Features:
    none = np.zeros(0, np.float32)
    return Features(np.zeros((0, 2), np.float32), none, none, np.zeros((0, 128), np.uint8))


def _permutation(mirrored: bool, inverted: bool) -> NDArray[np.intp]:
    """Where each of the 4 × 4 × 8 bins of a descriptor comes from.

    In OpenCV's layout columns run along the key point's direction and rows across it. A mirror
    turns the rows and the sense of the angles round; an inversion turns every gradient, and with
    it the key point's direction, by 180°, so that rows and columns are turned round and the angles
    relative to the direction stay.
    """
    bins = np.arange(128).reshape(4, 4, 8)
    if mirrored:
        bins = bins[::-1, :, -np.arange(8) % 8]
    if inverted:
        bins = bins[::-1, ::-1]
    return bins.reshape(-1)


VARIANTS = tuple(product((False, True), (False, True)))  # (mirrored, inverted)
_PERMUTATIONS = {variant: _permutation(*variant) for variant in VARIANTS}


def as_variant(features: Features, mirrored: bool, inverted: bool) -> Features:
    """The features that the picture would have were it mirrored (x → −x) or inverted in its intensities.

    Points stay where they are in the picture; `angles` and `descriptors` are those after mirroring
    the picture in place, so that they can be compared with features of a source.
    """
    angles = features.angles
    if mirrored:
        angles = (np.pi - angles).astype(np.float32)
    if inverted:
        angles = (angles + np.pi).astype(np.float32)
    return Features(
        features.points, features.sizes, angles, features.descriptors[:, _PERMUTATIONS[(mirrored, inverted)]]
    )
