"""Codes of an image at every level. All units are 256 bits long; ISCC-SUMs are wide (2 × 128 bits)."""

from __future__ import annotations

from dataclasses import dataclass

from biocodes_crate.images import PlaneIndex


@dataclass(frozen=True, slots=True)
class TreeCode:
    """The code of raw bytes: a file, a folder in TREEWALK order, or a list of files."""

    iscc: str  # ISCC-SUM, wide
    units: tuple[str, str]  # Data-Code, Instance-Code
    datahash: str  # BLAKE3 as a multihash, hexadecimal
    filesize: int  # bytes


@dataclass(frozen=True, slots=True)
class PlaneCodes:
    """Codes of one plane."""

    index: PlaneIndex
    data_code: str  # of its canonical bytes
    instance_code: str  # of its canonical bytes
    image_code: str  # of its 8-bit rendering


@dataclass(frozen=True, slots=True)
class SceneCodes:
    """IMAGEWALK codes of one scene, and its planes in that order."""

    scene: int
    iscc: str  # ISCC-SUM, wide
    units: tuple[str, str]  # Data-Code, Instance-Code
    planes: tuple[PlaneCodes, ...]
    plane_bytes: int  # of the canonical bytes of one plane


@dataclass(frozen=True, slots=True)
class ImageCodes:
    """All codes of one image."""

    tree: TreeCode
    scenes: tuple[SceneCodes, ...]
