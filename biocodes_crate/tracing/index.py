"""The index that panels are looked up in: local features of key pictures of every scene.

A *key picture* is a plane or a projection, reduced to at most 768 pixels a side. Not every
plane of a stack or time-lapse becomes one: neighbours are alike, and once scene and region are
known, the stack is scanned on its own pixels.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from biocodes_crate.codes import Reduced
from biocodes_crate.images import PlaneIndex, Scene
from biocodes_crate.tracing.features import Features, describe_coarsely, displayed
from biocodes_crate.tracing.filters import shrink
from biocodes_crate.tracing.model import ProjectionKind

INDEX_VERSION = 4
KEY_TIMES = 24  # key pictures along t, for each channel
KEY_DEPTHS = 16  # along z
KEY_DEPTHS_OF_A_MOVIE = 4
# Looking for features takes longer than anything else in the pass over the pixels, and grows faster than the area.
KEY_SIDE, PROJECTION_SIDE = 768, 512
FEATURE_AREA = 400.0  # one feature for so many pixels of a key picture
FEATURES_OF_A_PLANE = (300, 1200)
SMALL_SIDE = 64  # of the small picture that is kept of each key picture


PROJECTED = {-1: ProjectionKind.MAX, -2: ProjectionKind.MEAN, -3: ProjectionKind.MIN}


class KeyPicture(NamedTuple):
    """What a key picture shows.

    `z` is negative for a projection over all of z (see `PROJECTED`), `c` is −1 for the mean of RGB samples.
    """

    image: str
    scene: int
    z: int
    c: int
    t: int
    width: int  # of the source plane
    height: int


@dataclass(frozen=True, slots=True)
class ImageIndex:
    """Key pictures of one image and their features, in source pixels; `owner` (N,) names the picture of each."""

    image: str
    pictures: tuple[KeyPicture, ...]
    owner: NDArray[np.int32]
    features: Features
    small: NDArray[np.uint8]  # (pictures, SMALL_SIDE, SMALL_SIDE), each squeezed into a square

    def to_arrays(self) -> dict[str, NDArray[Any]]:
        """The index as plain arrays, for a cache or a crate."""
        keys = np.array([picture[1:] for picture in self.pictures], np.int64).reshape(-1, 6)
        return {
            "index_version": np.array([INDEX_VERSION]),
            "pictures": keys,
            "owner": self.owner,
            "points": self.features.points,
            "sizes": self.features.sizes,
            "angles": self.features.angles,
            "descriptors": self.features.descriptors,
            "small": self.small,
        }

    @classmethod
    def from_arrays(cls, image: str, arrays: Mapping[str, NDArray[Any]]) -> ImageIndex | None:
        """What `to_arrays` gave; None where it comes from another version or is damaged."""
        names = ("index_version", "pictures", "owner", "points", "sizes", "angles", "descriptors", "small")
        if any(name not in arrays for name in names) or arrays["index_version"].tolist() != [INDEX_VERSION]:
            return None
        if arrays["pictures"].ndim != 2 or arrays["pictures"].shape[1] != 6 or arrays["owner"].ndim != 1:
            return None
        count = len(arrays["owner"])
        pictures = tuple(KeyPicture(image, *(int(v) for v in row)) for row in arrays["pictures"])
        features = Features(
            arrays["points"].astype(np.float32),
            arrays["sizes"].astype(np.float32),
            arrays["angles"].astype(np.float32),
            arrays["descriptors"].astype(np.uint8),
        )
        shapes = (features.points.shape, features.sizes.shape, features.angles.shape, features.descriptors.shape)
        if shapes != ((count, 2), (count,), (count,), (count, 128)):
            return None
        owner = arrays["owner"].astype(np.int32)
        if count and not (owner.min() >= 0 and owner.max() < len(pictures)):
            return None
        small = arrays["small"].astype(np.uint8)
        if small.shape != (len(pictures), SMALL_SIDE, SMALL_SIDE):
            return None
        return cls(image, pictures, owner, features, small)


class IndexBuilder:
    """Makes the index of one image while its codes are computed: hand `observe` to the pass over the pixels."""

    def __init__(self, image: str) -> None:
        self._image = image
        self._lock = threading.Lock()
        self._described: dict[KeyPicture, tuple[Features, NDArray[np.uint8]]] = {}
        self._projected: dict[KeyPicture, _Running] = {}
        self._samples: dict[KeyPicture, list[NDArray[np.float32]]] = {}

    def observe(self, scene: Scene, plane: PlaneIndex, reduced: Reduced) -> None:
        """Take note of one plane. May be called from several threads, in any order."""
        depths, times = _key_depths(scene), _spread(scene.size_t, KEY_TIMES)
        if plane.t not in times:
            return
        channel = -1 if scene.is_rgb else plane.c
        key = KeyPicture(self._image, scene.index, plane.z, channel, plane.t, scene.size_x, scene.size_y)
        if plane.z in depths:
            self._note_plane(scene, key, reduced)
        if scene.size_z > 1:
            self._note_projections(key, reduced)

    def finish(self) -> ImageIndex:
        """The index of all that was observed."""
        for key, running in self._projected.items():
            for z, picture in running.pictures().items():
                self._described[key._replace(z=z)] = _describe(picture, running.scale_x, running.scale_y)
        self._projected.clear()
        pictures = tuple(sorted(self._described))
        parts = [self._described[picture][0] for picture in pictures]
        owner = [np.full(len(part), i, np.int32) for i, part in enumerate(parts)]
        small = np.zeros((len(pictures), SMALL_SIDE, SMALL_SIDE), np.uint8)
        for i, key in enumerate(pictures):
            small[i] = self._described[key][1]
        owners = np.concatenate([np.zeros(0, np.int32), *owner])
        return ImageIndex(self._image, pictures, owners, concatenate_features(parts), small)

    def _note_plane(self, scene: Scene, key: KeyPicture, reduced: Reduced) -> None:
        picture: NDArray[np.float32] = reduced.pixels
        if scene.is_rgb:
            with self._lock:
                samples = self._samples.setdefault(key, [])
                samples.append(picture)
                if len(samples) < scene.size_c:
                    return
                # Summed in an order of its own, so that threads do not show in the last bit.
                picture = np.mean(np.sort(np.stack(self._samples.pop(key)), axis=0), axis=0, dtype=np.float32)
        described = _describe(*_no_larger(reduced, picture, KEY_SIDE))
        with self._lock:
            self._described[key] = described

    def _note_projections(self, key: KeyPicture, reduced: Reduced) -> None:
        picture, scale_x, scale_y = _no_larger(reduced, reduced.pixels, PROJECTION_SIDE)
        with self._lock:
            running = self._projected.setdefault(key._replace(z=-1), _Running(scale_x, scale_y))
            running.add(picture)


def merge_indexes(image: str, parts: Iterable[ImageIndex]) -> ImageIndex:
    """One index of an image from several, each of other planes of it."""
    described = {picture: (part, number) for part in parts for number, picture in enumerate(part.pictures)}
    pictures = tuple(sorted(described))
    features: list[Features] = []
    owner = [np.zeros(0, np.int32)]
    small = np.zeros((len(pictures), SMALL_SIDE, SMALL_SIDE), np.uint8)
    for i, picture in enumerate(pictures):
        part, number = described[picture]
        mine = part.owner == number
        f = part.features
        features.append(Features(f.points[mine], f.sizes[mine], f.angles[mine], f.descriptors[mine]))
        owner.append(np.full(len(features[-1]), i, np.int32))
        small[i] = part.small[number]
    return ImageIndex(image, pictures, np.concatenate(owner), concatenate_features(features), small)


class _Running:
    """Projections of a stack whose planes come one at a time, in any order."""

    def __init__(self, scale_x: float, scale_y: float) -> None:
        self.scale_x, self.scale_y = scale_x, scale_y
        self._planes = 0
        self._most: NDArray[np.float32] | None = None
        self._least: NDArray[np.float32] | None = None
        self._sum: NDArray[np.float64] | None = None

    def add(self, picture: NDArray[np.float32]) -> None:
        self._planes += 1
        if self._most is None or self._least is None or self._sum is None:
            self._most, self._least, self._sum = picture.copy(), picture.copy(), picture.astype(np.float64)
        else:
            self._most, self._least = np.maximum(self._most, picture), np.minimum(self._least, picture)
            self._sum = self._sum + picture

    def pictures(self) -> dict[int, NDArray[np.float32]]:
        """By the `z` that stands for each in a key picture."""
        if self._most is None or self._least is None or self._sum is None:
            return {}
        mean = (self._sum / self._planes).astype(np.float32)  # the order of planes is lost in the rounding
        return {-1: self._most, -2: mean, -3: self._least}


def concatenate_features(parts: Sequence[Features]) -> Features:
    """All features in one."""
    none = np.zeros(0, np.float32)
    return Features(
        np.concatenate([np.zeros((0, 2), np.float32), *(part.points for part in parts)]),
        np.concatenate([none, *(part.sizes for part in parts)]),
        np.concatenate([none, *(part.angles for part in parts)]),
        np.concatenate([np.zeros((0, 128), np.uint8), *(part.descriptors for part in parts)]),
    )


def _no_larger(reduced: Reduced, picture: NDArray[np.float32], side: int) -> tuple[NDArray[np.float32], float, float]:
    """A reduced picture (Y, X) with sides of at most `side`, and its pixels' width and height in source pixels."""
    factor = side / max(picture.shape)
    if factor >= 1:
        return picture, float(reduced.factor), float(reduced.factor)
    width, height = (max(1, round(length * factor)) for length in picture.shape[::-1])
    scale_x, scale_y = reduced.factor * picture.shape[1] / width, reduced.factor * picture.shape[0] / height
    return shrink(picture, width, height), scale_x, scale_y


def _key_depths(scene: Scene) -> set[int]:
    return _spread(scene.size_z, KEY_DEPTHS if scene.size_t == 1 else KEY_DEPTHS_OF_A_MOVIE)


def _spread(size: int, count: int) -> set[int]:
    """At most `count` indices spread evenly over `size`."""
    if size <= count:
        return set(range(size))
    return {round(i * (size - 1) / (count - 1)) for i in range(count)}


def _describe(picture: NDArray[np.float32], scale_x: float, scale_y: float) -> tuple[Features, NDArray[np.uint8]]:
    """Features in source pixels, and the picture made small."""
    low, high = FEATURES_OF_A_PLANE
    features = describe_coarsely(picture, int(np.clip(picture.size / FEATURE_AREA, low, high)))
    return _in_source_pixels(features, scale_x, scale_y), made_small(picture)


def made_small(picture: NDArray[np.float32], width: int = SMALL_SIDE, height: int = SMALL_SIDE) -> NDArray[np.uint8]:
    """A grey picture (Y, X) as a small 8-bit one."""
    return np.asarray(cv2.resize(displayed(picture), (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def _in_source_pixels(features: Features, scale_x: float, scale_y: float) -> Features:
    scale = np.array([scale_x, scale_y], np.float32)
    size = np.float32(np.sqrt(scale_x * scale_y))
    return Features(features.points * scale, features.sizes * size, features.angles, features.descriptors)


class TraceIndex:
    """The key pictures of all images of a study, with their features sorted for look-up.

    Descriptors are kept in lists around centres (an inverted file), so that the time for a look-up
    grows with the square root of their number.
    """

    def __init__(self, images: Iterable[ImageIndex]) -> None:
        parts = sorted(images, key=lambda image: image.image)
        self.pictures: tuple[KeyPicture, ...] = tuple(picture for part in parts for picture in part.pictures)
        self.small: NDArray[np.uint8] = np.concatenate(
            [np.zeros((0, SMALL_SIDE, SMALL_SIDE), np.uint8), *(part.small for part in parts)]
        )
        offsets = np.cumsum([0, *(len(part.pictures) for part in parts)])
        owner = [part.owner + np.int32(offset) for part, offset in zip(parts, offsets, strict=False)]
        owners = np.concatenate([np.zeros(0, np.int32), *owner])
        features = concatenate_features([part.features for part in parts])
        self._centres = _centres(features.descriptors)
        lists = _nearest(features.descriptors, self._centres)
        order = np.lexsort((owners, lists))
        self.features = Features(
            features.points[order], features.sizes[order], features.angles[order], features.descriptors[order]
        )
        self.owner: NDArray[np.int32] = owners[order]
        self._bounds = np.searchsorted(lists[order], np.arange(len(self._centres) + 1))
        self._by_picture = np.argsort(self.owner, kind="stable")
        self._picture_bounds = np.searchsorted(self.owner[self._by_picture], np.arange(len(self.pictures) + 1))

    def __len__(self) -> int:
        return len(self.owner)

    def features_of(self, picture: int) -> Features:
        """The features of one key picture."""
        rows = self._by_picture[self._picture_bounds[picture] : self._picture_bounds[picture + 1]]
        return Features(*(getattr(self.features, name)[rows] for name in ("points", "sizes", "angles", "descriptors")))

    def nearest(self, descriptors: NDArray[np.uint8], count: int) -> tuple[NDArray[np.intp], NDArray[np.float32]]:
        """Rows of the `count` most similar features to each descriptor, and their distances, nearest first.

        Returns (N, count) rows, −1 where there are no more, and (N, count) float32 distances.
        """
        queries = descriptors.astype(np.float32)
        rows = np.full((len(queries), count), -1, np.intp)
        similarity = np.full((len(queries), count), -np.inf, np.float32)
        probed = _probes(queries, self._centres)
        for number in np.unique(probed):
            start, stop = self._bounds[number], self._bounds[number + 1]
            asking = np.flatnonzero((probed == number).any(axis=1))
            if start == stop or not asking.size:
                continue
            found = queries[asking] @ self.features.descriptors[start:stop].astype(np.float32).T
            merged = np.concatenate([similarity[asking], found], axis=1)
            candidates = np.concatenate(
                [rows[asking], np.broadcast_to(np.arange(start, stop), (len(asking), stop - start))], axis=1
            )
            best = np.argpartition(-merged, count - 1, axis=1)[:, :count]
            similarity[asking] = np.take_along_axis(merged, best, axis=1)
            rows[asking] = np.take_along_axis(candidates, best, axis=1)
        order = np.argsort(-similarity, axis=1, kind="stable")
        similarity, rows = np.take_along_axis(similarity, order, axis=1), np.take_along_axis(rows, order, axis=1)
        distance = np.sqrt(np.maximum(2 * 512.0**2 - 2 * similarity, 0)).astype(np.float32)
        return rows, np.where(rows < 0, np.float32(np.inf), distance)


FEW = 4_000  # descriptors that are compared one by one
PROBES = 6


def _centres(descriptors: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Centres of the inverted lists, by a few rounds of k-means on a fixed sample."""
    if len(descriptors) <= FEW:
        return np.zeros((1, 128), np.float32)
    count = int(np.clip(np.sqrt(len(descriptors)), 128, 1024))
    step = max(1, len(descriptors) // (40 * count))
    sample = descriptors[::step].astype(np.float32)
    centres: NDArray[np.float32] = sample[np.linspace(0, len(sample) - 1, count).astype(int)].copy()
    for _ in range(6):
        nearest = _nearest(sample, centres)
        sums = np.zeros_like(centres)
        np.add.at(sums, nearest, sample)
        sizes = np.bincount(nearest, minlength=count)[:, np.newaxis]
        centres = np.asarray(np.where(sizes > 0, sums / np.maximum(sizes, 1), centres), np.float32)
    return centres


def _nearest(descriptors: NDArray[Any], centres: NDArray[np.float32]) -> NDArray[np.intp]:
    if len(centres) == 1:
        return np.zeros(len(descriptors), np.intp)
    squares = (centres**2).sum(axis=1)
    parts = [
        np.argmin(squares - 2 * (descriptors[i : i + 8192].astype(np.float32) @ centres.T), axis=1)
        for i in range(0, len(descriptors), 8192)
    ]
    return np.concatenate([np.zeros(0, np.intp), *parts])


def _probes(queries: NDArray[np.float32], centres: NDArray[np.float32]) -> NDArray[np.intp]:
    if len(centres) <= PROBES:
        return np.broadcast_to(np.arange(len(centres)), (len(queries), len(centres)))
    distances = (centres**2).sum(axis=1) - 2 * (queries @ centres.T)
    return np.argpartition(distances, PROBES, axis=1)[:, :PROBES]
