"""`study.yaml`: what the authors say about their study."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


class Region(NamedTuple):
    """A rectangle in pixels of a source plane."""

    x: float
    y: float
    w: float
    h: float


@dataclass(frozen=True, slots=True)
class DeclaredProjection:
    """A projection over z that the authors name; both ends inclusive, None: all of the stack."""

    kind: str  # max, mean, sum, min
    z_start: int | None = None
    z_end: int | None = None


@dataclass(frozen=True, slots=True)
class DeclaredSource:
    """Where a panel comes from, as the authors say. What they leave out is None: any will do."""

    image: str  # path within the study, with slashes
    scene: int | None = None
    z: int | None = None
    c: int | None = None
    t: int | None = None
    region: Region | None = None
    projection: DeclaredProjection | None = None
    window: tuple[float, float] | None = None  # what is shown black and white, in units of the plane


@dataclass(frozen=True, slots=True)
class DeclaredPanel:
    """A panel that `study.yaml` describes."""

    label: str | None = None
    box: tuple[float, float, float, float] | None = None  # figure pixels or percent; None: found by the tool
    page: int | None = None
    digital_source: str | None = None
    sources: tuple[DeclaredSource, ...] = ()


@dataclass(frozen=True, slots=True)
class DeclaredFigure:
    path: str
    caption: str | None = None
    digital_source: str | None = None
    panels: tuple[DeclaredPanel, ...] = ()


@dataclass(frozen=True, slots=True)
class DeclaredImage:
    path: str
    description: str | None = None
    digital_source: str | None = None
    omero_id: int | None = None


@dataclass(frozen=True, slots=True)
class Author:
    name: str
    orcid: str | None = None
    affiliation: str | None = None
    ror: str | None = None


@dataclass(frozen=True, slots=True)
class Manifest:
    """`study.yaml`, checked against its schema. Everything is optional."""

    title: str | None = None
    description: str | None = None
    license: str | None = None  # SPDX identifier
    authors: tuple[Author, ...] = ()
    keywords: tuple[str, ...] = ()
    publication: str | None = None  # DOI
    funding: tuple[str, ...] = ()
    organism: str | None = None
    imaging_method: str | None = None
    images: tuple[DeclaredImage, ...] = ()
    figures: tuple[DeclaredFigure, ...] = ()
    exclude: tuple[str, ...] = ()
