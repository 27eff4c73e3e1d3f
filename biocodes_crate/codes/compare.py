"""Two files, folders, images, scenes, planes or bare codes, compared unit by unit and in words."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from biocodes_crate.codes.model import PlaneCodes, SceneCodes
from biocodes_crate.codes.passes import code_image, code_plane, code_scene
from biocodes_crate.codes.pictures import figure_image_code
from biocodes_crate.codes.treewalk import tree_code
from biocodes_crate.codes.units import Likeness, Unit, UnitComparison, compare_units, looks_like_code, parse
from biocodes_crate.errors import BadCode, NotAnImage
from biocodes_crate.images import Image, ImageFormat, PlaneIndex, Scene, is_image, open_image

FILE = "file"


@dataclass(frozen=True, slots=True)
class PartComparison:
    """A part of one side against a part of the other."""

    a: str  # "file", "scene 1", "scene 0, z=3, c=0, t=0", or the code itself
    b: str
    units: tuple[UnitComparison, ...]

    @property
    def summary(self) -> str:
        """Such as "Image-Code identical, Data- and Instance-Code different"."""
        return ", ".join(
            f"{_enumerate([unit.kind for unit in self.units if unit.likeness is likeness])} {likeness.value}"
            for likeness in Likeness
            if any(unit.likeness is likeness for unit in self.units)
        )

    @property
    def share(self) -> float:
        """Of the bits, how many differ: 0 for the same, about 0.5 for strangers."""
        return sum(unit.distance / unit.bits for unit in self.units) / len(self.units)

    @property
    def is_identical(self) -> bool:
        """Whether no unit differs."""
        return all(unit.likeness is Likeness.IDENTICAL for unit in self.units)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What two things have in common."""

    a: str
    b: str
    parts: tuple[PartComparison, ...]
    summary: str


class _Part(NamedTuple):
    name: str
    units: tuple[Unit, ...]


class _Side(NamedTuple):
    parts: list[_Part]
    planes: list[_Part]  # of an image or scene, to find a plane in
    is_whole: bool  # a file, folder or image: parts are told apart by their names


def compare(a: str, b: str) -> Comparison:
    """Compare two files, folders, images, `IMAGE#scene=1&z=3&c=0&t=0` or bare ISCCs.

    Files and images are compared part by part: the bytes of the files, then the pixels of each
    scene. Of anything else the most alike parts are compared.

    Raises
    ------
    BadCode
        One of them is neither a path nor an ISCC, or they have no kind of unit in common.
    UnreadableImage
        Pixels cannot be read.
    """
    one, other = _side(a), _side(b)
    if one.is_whole and other.is_whole:
        others = {part.name: part for part in other.parts}
        pairs = [(part, others[part.name]) for part in one.parts if part.name in others]
    else:
        pairs = [(p, q) for p in one.parts + one.planes for q in other.parts + other.planes]
    compared = [PartComparison(p.name, q.name, compare_units(p.units, q.units)) for p, q in pairs]
    compared = [part for part in compared if part.units]
    if not compared:
        raise BadCode(
            "they have no kind of ISCC-UNIT in common",
            where=f"{a}, {b}",
            remedy="Compare things of the same level, such as two images.",
        )
    if not (one.is_whole and other.is_whole):
        compared = [min(compared, key=lambda part: part.share)]  # the first of equals: the largest
    return Comparison(a, b, tuple(compared), _summary(compared, one, other))


def _summary(parts: list[PartComparison], one: _Side, other: _Side) -> str:
    if len(parts) == 1 or parts[0].is_identical:
        return f"{parts[0].summary}."
    scenes = [part for part in parts if part.a != FILE]
    same = sum(part.is_identical for part in scenes)
    if same == len(scenes) and len(one.parts) == len(other.parts):
        return "The pixels are the same; the files differ (format, compression or metadata)."
    known = {part.units for part in other.planes}
    shared = sum(part.units in known for part in one.planes)
    return (
        f"{same} of {len(scenes)} scenes have the same pixels; "
        f"{shared} of {len(one.planes)} planes of the first are also in the second."
    )


def _side(text: str) -> _Side:
    path = Path(text)
    if path.exists():
        return _of_path(path)
    name, mark, fragment = text.rpartition("#")
    if mark and Path(name).exists():
        return _of_fragment(Path(name), fragment)
    if looks_like_code(text):
        return _Side([_Part(text.strip(), parse(text))], [], is_whole=False)
    raise BadCode(
        "it is neither a file or folder that exists nor an ISCC", where=text, remedy="Check the path or the code."
    )


def _of_path(path: Path) -> _Side:
    if not is_image(path):
        return _Side([_Part(FILE, _looks(path) + _units(*tree_code(path).units))], [], is_whole=True)
    image = open_image(path)
    codes = code_image(image)
    # The bytes of a picture can be seen as they are; a micrograph has Image-Codes of its planes.
    looks = _looks(path) if image.format is ImageFormat.PLAIN else ()
    parts = [_Part(FILE, looks + _units(*codes.tree.units))]
    planes = []
    for scene in codes.scenes:
        part, scene_planes = _of_scene(scene)
        parts.append(part)
        planes += scene_planes
    return _Side(parts, planes, is_whole=True)


def _looks(path: Path) -> tuple[Unit, ...]:
    picture = figure_image_code(path) if path.is_file() else None
    return parse(picture) if picture else ()


def _of_scene(scene: SceneCodes) -> tuple[_Part, list[_Part]]:
    name = f"scene {scene.scene}"
    looks = _units(scene.planes[0].image_code) if len(scene.planes) == 1 else ()
    planes = [_of_plane(plane, name) for plane in scene.planes]
    return _Part(name, looks + _units(*scene.units)), planes


def _of_plane(plane: PlaneCodes, scene: str) -> _Part:
    z, c, t = plane.index
    units = _units(plane.image_code, plane.data_code, plane.instance_code)
    return _Part(f"{scene}, z={z}, c={c}, t={t}", units)


def _of_fragment(path: Path, fragment: str) -> _Side:
    """A scene, or one of its planes when z, c or t are named; those that are not count as 0."""
    numbers: dict[str, int] = {}
    for item in fragment.split("&"):
        match = re.fullmatch(r"(scene|z|c|t)=(\d{1,9})", item)
        if match is None:
            raise BadCode(
                f"{item!r} names no scene or plane",
                where=f"{path}#{fragment}",
                remedy="Write IMAGE#scene=1&z=3&c=0&t=0, or IMAGE#scene=1 for all its planes.",
            )
        numbers[match[1]] = int(match[2])
    scene = _scene(open_image(path), numbers.get("scene", 0))
    if numbers.keys() & {"z", "c", "t"}:
        index = PlaneIndex(*(numbers.get(axis, 0) for axis in "zct"))
        return _Side([_of_plane(code_plane(scene, index), f"scene {scene.index}")], [], is_whole=False)
    part, planes = _of_scene(code_scene(scene))
    return _Side([part], planes, is_whole=False)


def _scene(image: Image, number: int) -> Scene:
    if number >= len(image.scenes):
        raise NotAnImage(
            f"there is no scene {number}",
            where=image.path,
            remedy=f"It has {len(image.scenes)}, counted from 0.",
        )
    return image.scenes[number]


def _units(*codes: str) -> tuple[Unit, ...]:
    return tuple(unit for code in codes for unit in parse(code))


def _enumerate(kinds: list[str]) -> str:
    """Such as "Data- and Instance-Code"."""
    if len(kinds) < 2:
        return "".join(kinds)
    return f"{', '.join(kind.removesuffix('Code') for kind in kinds[:-1])} and {kinds[-1]}"
