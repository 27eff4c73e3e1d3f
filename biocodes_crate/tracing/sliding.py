"""Places where a panel lies on planes of which no feature leads to it, found by sliding one over the other.

Smooth or noisy planes have few features that survive. The panel, at many sizes and in all eight orientations, is slid
over the small pictures that the index holds of the likeliest planes, and then over larger ones of the best of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from biocodes_crate.errors import BiocodesError
from biocodes_crate.figures.boxes import intersection_over_union
from biocodes_crate.figures.model import Box
from biocodes_crate.tracing.anchors import key_pixels
from biocodes_crate.tracing.features import displayed
from biocodes_crate.tracing.filters import shrink
from biocodes_crate.tracing.index import SMALL_SIDE, KeyPicture, TraceIndex
from biocodes_crate.tracing.orientations import ORIENTATIONS, laid, turned
from biocodes_crate.tracing.pixels import Matrix, SourcePixels
from biocodes_crate.tracing.retrieve import Hypothesis

Grey = NDArray[np.float32]
Picture = NDArray[np.uint8]

SCENES_COMPARED = 60  # by the likeliest picture of each,
PICTURES_COMPARED = 24  # besides the likeliest pictures of all
LOOKED_AT = 5  # pictures that are read, for each way to rank them
PLANES_OF_A_SCENE = 2  # of these
COARSE_SIZES = np.geomspace(0.2, 1.0, 16)  # of the panel's longer side, in the plane's
SIZES = np.geomspace(0.16, 1.0, 34)
SEEN_SIDE = 128  # pixels of a picture that is read
LARGEST_SEEN = 16_000_000  # pixels of a plane that is read for it
SMALLEST_TEMPLATE = 8  # pixels
FLAT = 2.0  # grey levels
MOST_ALIKE = 0.999  # a likeness of 1 would count without end
SAME_PLACE = 0.6  # intersection over union


class _Place(NamedTuple):
    """Where a panel lies on a picture in one size and orientation."""

    likeness: float  # correlation
    score: float  # likewise, by the area that it is found on: of many small places, one is always alike
    gain: float  # of the score over that of other orientations: what is smooth is always alike
    box: Box  # pixels of the picture
    number: int  # of the orientation


# Likenesses of smooth and of rich pictures, and of small and large places, cannot be compared: each way finds its own.
WAYS: tuple[Callable[[_Place], float], ...] = (
    lambda place: place.score,
    lambda place: place.gain,
    lambda place: place.likeness,
)


def slide(grey: Grey, index: TraceIndex, pictures: Sequence[int], pixels: SourcePixels) -> list[Hypothesis]:
    """Places where a grey panel (Y, X), turned and sized, may lie on some of `pictures`, the likeliest first.

    Many of them, in no order: they are to be compared on the pixels.
    """
    panel = _Templates(grey)
    coarse: dict[KeyPicture, list[_Place]] = {}
    for i in _worth_comparing(index, pictures):
        picture = index.pictures[i]
        longest = max(picture.width, picture.height)
        # Undo the squeeze into a square, so that sizes mean the same along x and y.
        width = max(8, round(SMALL_SIDE * picture.width / longest))
        height = max(8, round(SMALL_SIDE * picture.height / longest))
        small = cv2.resize(index.small[i], (width, height), interpolation=cv2.INTER_AREA).astype(np.uint8)
        if places := _places(panel, small, COARSE_SIZES):
            coarse[picture] = places
    rankings = [[index.pictures[i] for i in pictures]]
    rankings += [_ranked(coarse, way) for way in WAYS]
    found: list[Hypothesis] = []
    for picture in dict.fromkeys(picture for ranking in rankings for picture in _varied(ranking)[:LOOKED_AT]):
        seen = _seen(picture, pixels)
        if seen is not None:
            found += [
                Hypothesis(picture, _on_plane(place, seen.shape, picture, grey.shape), False, 0, place.score)
                for place in _best(_places(panel, seen, SIZES))
            ]
    return found


def _worth_comparing(index: TraceIndex, pictures: Sequence[int]) -> list[int]:
    """The first pictures, and the first of each scene."""
    scenes: dict[tuple[str, int], int] = {}
    for i in pictures:
        scenes.setdefault((index.pictures[i].image, index.pictures[i].scene), i)
    return list(dict.fromkeys([*pictures[:PICTURES_COMPARED], *list(scenes.values())[:SCENES_COMPARED]]))


def _ranked(coarse: Mapping[KeyPicture, Sequence[_Place]], way: Callable[[_Place], float]) -> list[KeyPicture]:
    """The pictures by their best places, best first."""
    top = {picture: max(map(way, places)) for picture, places in coarse.items()}
    return sorted(top, key=lambda picture: (-top[picture], picture))


def _varied(pictures: Iterable[KeyPicture]) -> list[KeyPicture]:
    """The pictures in their order, few of each scene."""
    kept: list[KeyPicture] = []
    count: dict[tuple[str, int], int] = {}
    for picture in pictures:
        scene = picture.image, picture.scene
        count[scene] = count.get(scene, 0) + 1
        if count[scene] <= PLANES_OF_A_SCENE:
            kept.append(picture)
    return kept


def _seen(picture: KeyPicture, pixels: SourcePixels) -> Picture | None:
    """A key picture (Y, X) with sides of at most `SEEN_SIDE`; None where it cannot be read, or is very large."""
    if picture.width * picture.height > LARGEST_SEEN:
        return None
    try:
        plane = key_pixels(pixels, picture)
    except BiocodesError:
        return None  # a finding of the image, made where it was coded
    factor = min(1.0, SEEN_SIDE / max(plane.shape))
    height, width = (max(8, round(side * factor)) for side in plane.shape)
    return displayed(shrink(plane, width, height))


class _Templates:
    """A panel at many sizes and in all orientations, made once for pictures of each size."""

    def __init__(self, grey: Grey) -> None:
        self._shown = displayed(grey)
        self._made: dict[tuple[int, int], list[list[tuple[int, Picture]]]] = {}

    def at(self, longest: int, sizes: NDArray[np.float64]) -> list[list[tuple[int, Picture]]]:
        """For each size, in parts of `longest`, the number of each orientation and the panel in it."""
        key = longest, len(sizes)
        if key not in self._made:
            self._made[key] = [made for size in sizes if (made := self._oriented(size * longest))]
        return self._made[key]

    def _oriented(self, side: float) -> list[tuple[int, Picture]]:
        shape = self._shown.shape
        width, height = (round(length * side / max(shape)) for length in shape[::-1])
        if min(width, height) < SMALLEST_TEMPLATE:
            return []
        template = cv2.resize(self._shown, (width, height), interpolation=cv2.INTER_AREA)
        if template.std() < FLAT:
            return []
        return [
            (number, np.ascontiguousarray(turned(template, turns, mirrored=mirrored)))
            for number, (turns, mirrored) in enumerate(ORIENTATIONS)
        ]


def _places(panel: _Templates, picture: Picture, sizes: NDArray[np.float64]) -> list[_Place]:
    """The best place of a panel on a picture (Y, X) for each size and orientation that fits into it."""
    if picture.std() < FLAT:
        return []
    places: list[_Place] = []
    for oriented in panel.at(max(picture.shape), sizes):
        found = []
        for number, template in oriented:
            h, w = template.shape
            if h > picture.shape[0] or w > picture.shape[1]:
                continue
            likeness = np.abs(cv2.matchTemplate(picture, template, cv2.TM_CCOEFF_NORMED))
            y, x = divmod(int(likeness.argmax()), likeness.shape[1])
            top = min(float(likeness[y, x]), MOST_ALIKE)
            # Fisher's transform: its spread by chance falls with the root of the number of pixels.
            found.append(_Place(top, float(np.arctanh(top) * np.sqrt(template.size)), 0.0, Box(x, y, w, h), number))
        usual = float(np.median([place.score for place in found])) if len(found) > 2 else 0.0
        places += [place._replace(gain=place.score - usual) for place in found]
    return places


def _best(places: Sequence[_Place]) -> list[_Place]:
    """The best places in each way to rank them, without neighbours of each other."""
    kept: list[_Place] = []
    for way in (*WAYS, WAYS[0]):
        for place in sorted(places, key=way, reverse=True):
            if not any(_is_neighbour(place, other) for other in kept):
                kept.append(place)
                break
    return kept


def _is_neighbour(a: _Place, b: _Place) -> bool:
    return a.number == b.number and intersection_over_union(a.box, b.box) > SAME_PLACE


def _on_plane(place: _Place, seen: tuple[int, ...], picture: KeyPicture, shape: tuple[int, ...]) -> Matrix:
    """The transform (2, 3) from panel to source pixels of a place on a smaller picture of the plane."""
    to_x, to_y = picture.width / seen[1], picture.height / seen[0]
    x, y, w, h = place.box
    return laid(shape, (x * to_x, y * to_y, w * to_x, h * to_y), place.number)
