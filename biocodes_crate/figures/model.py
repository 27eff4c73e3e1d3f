"""Figure, page, panel: what is read from a figure file, before anything is traced.

Coordinates: x right, y down, origin at the outer corner of the top-left pixel.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from biocodes_crate.figures.scalebars import ScaleBar
from biocodes_crate.findings import Finding
from biocodes_crate.study.manifest import DeclaredSource

MOST_PANELS = 1000
"""Of a page; a page with more is no figure."""


class Box(NamedTuple):
    """A rectangle: in figure pixels, or in percent of the page where the page's unit says so."""

    x: float
    y: float
    w: float
    h: float


class PanelKind(Enum):
    IMAGE = "image"
    CHART = "chart"
    DRAWING = "drawing"
    TEXT = "text"


class PageUnit(Enum):
    """What the boxes of a page are measured in."""

    PIXEL = "pixel"
    PERCENT = "percent"


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel of a figure page, with its pixels."""

    box: Box
    kind: PanelKind
    pixels: NDArray[np.uint8] = field(repr=False, compare=False)  # (H, W, 3) RGB
    mask: NDArray[np.bool_] = field(repr=False, compare=False)  # (H, W), True: overlay, not image content
    label: str | None = None
    declared: tuple[DeclaredSource, ...] = ()
    digital_source: str | None = None
    scale_bar: ScaleBar | None = None


@dataclass(frozen=True, slots=True)
class FigurePage:
    """One page; pictures have just one. Panels are in reading order."""

    number: int  # from 1
    width: float  # pixels, or points where the unit is percent
    height: float
    unit: PageUnit
    panels: tuple[Panel, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """An opened figure file."""

    path: Path
    encoding_format: str
    pages: tuple[FigurePage, ...]
    caption: str | None = None
    properties: dict[str, Any] = field(default_factory=dict)  # as the file states them: see metadata.file_properties
    findings: tuple[Finding, ...] = ()
