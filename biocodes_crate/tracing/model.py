"""Edges: claims, with their evidence, that a panel shows a plane.

Coordinates are those of :mod:`biocodes_crate.figures.model`, in the pixels of the panel's own
raster or of the source plane.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from biocodes_crate.figures.model import Box, PageUnit, PanelKind

Affine = tuple[tuple[float, float, float], tuple[float, float, float]]


class Status(Enum):
    """What the pixels say about an edge."""

    VERIFIED = "verified"
    AMBIGUOUS = "ambiguous"  # scene and region proven, the plane not
    CONTRADICTED = "contradicted"
    UNVERIFIED = "unverified"


class Claim(Enum):
    """Who says that the panel shows the source."""

    DECLARED = "declared"
    DISCOVERED = "discovered"


class ProjectionKind(Enum):
    MAX = "max"
    MEAN = "mean"
    SUM = "sum"
    MIN = "min"


@dataclass(frozen=True, slots=True)
class Projection:
    """Planes of a stack made one, `z_start` to `z_end` inclusive."""

    kind: ProjectionKind
    z_start: int
    z_end: int


@dataclass(frozen=True, slots=True)
class PlaneRef:
    """A plane or a projection within a scene. Exactly one of `z` and `projection` is given."""

    z: int | None
    c: int
    t: int
    projection: Projection | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was measured; None where it could not be."""

    correlation: float | None = None  # of panel and re-rendered source over unmasked pixels
    image_code_hamming: int | None = None  # of 256 bits, panel against re-rendered source
    share_explained: float | None = None  # of the unmasked pixels, 0–1
    plane_margin: float | None = None  # how much worse the next plane fits; None with no neighbour
    log10_false_alarm: float | None = None  # calibrated on images that do not match


@dataclass(frozen=True, slots=True)
class Intensity:
    """How source intensities became colours of the panel."""

    clip_min: float | None = None  # in the units of the source plane
    clip_max: float | None = None
    gamma: float | None = None
    inverted: bool = False
    lut: str | None = None  # name of a colour map, such as "viridis"
    color: str | None = None  # "RRGGBB" of a single-colour channel
    weight: float | None = None  # share of the panel's signal, in a merge


@dataclass(frozen=True, slots=True)
class Edge:
    """A claim, with its evidence, that a panel shows a plane."""

    status: Status
    claim: Claim
    image: str  # path within the study, with slashes
    scene: int
    source: PlaneRef
    region: Box | None = None  # bounding box in source pixels
    panel_to_source: Affine | None = None
    intensity: Intensity | None = None
    evidence: Evidence = Evidence()
    candidates: tuple[PlaneRef, ...] = ()  # ambiguous only
    reason: str = ""  # in a sentence, why it was decided so
    alike: tuple[PlaneRef, ...] = ()  # other ranges of a verified projection that give the same picture


@dataclass(frozen=True, slots=True)
class TracedPanel:
    """A panel and its edges."""

    label: str | None
    box: Box
    kind: PanelKind
    width: int  # of the panel's own raster, which `panel_to_source` starts from
    height: int
    iscc: str | None = None  # ISCC of the panel's pixels: Image-Code and Instance-Code
    image_code: str | None = None
    instance_code: str | None = None
    digital_source: str | None = None
    edges: tuple[Edge, ...] = ()
    unexplained: tuple[Box, ...] = ()  # figure pixels (or percent) that a verified source does not explain


@dataclass(frozen=True, slots=True)
class TracedPage:
    """The panels of one figure page."""

    figure: str  # path within the study, with slashes
    number: int
    width: float
    height: float
    unit: PageUnit
    panels: tuple[TracedPanel, ...]
