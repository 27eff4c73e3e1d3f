"""What the report shows, as plain records: pictures are arrays, text is as it was read."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from biocodes_crate.findings import Finding
from biocodes_crate.images import Channel, Scene
from biocodes_crate.tracing.model import TracedPage, TracedPanel

Rgb = NDArray[np.uint8]  # (H, W, 3)


@dataclass(frozen=True, slots=True)
class Person:
    """An author."""

    name: str
    orcid: str | None = None  # bare, such as 0000-0002-1825-0097
    affiliation: str | None = None


@dataclass(frozen=True, slots=True)
class StudyFacts:
    """What the study is."""

    title: str
    description: str = ""
    authors: tuple[Person, ...] = ()
    license: str | None = None  # name
    license_url: str | None = None
    date: str | None = None  # ISO 8601
    iscc: str | None = None  # of the whole payload
    publication: str | None = None  # IRI
    keywords: tuple[str, ...] = ()
    software: str = "biocodes-crate"  # with its version
    made: str | None = None  # ISO 8601, when the edges were made


@dataclass(frozen=True, slots=True)
class SceneFacts:
    """Dimensions and channels of a scene, without its pixels. Physical sizes in micrometre per pixel."""

    index: int = 0
    name: str = ""
    size_x: int = 0
    size_y: int = 0
    size_z: int = 1
    size_c: int = 1
    size_t: int = 1
    pixel_type: str = ""
    channels: tuple[Channel, ...] = ()
    physical_size_x: float | None = None
    physical_size_y: float | None = None
    physical_size_z: float | None = None
    is_rgb: bool = False

    @classmethod
    def of(cls, scene: Scene) -> SceneFacts:
        """The facts of an opened scene."""
        names = (name for name in cls.__slots__ if name != "pixel_type")
        values: dict[str, Any] = {name: getattr(scene, name) for name in names}
        return cls(**values, pixel_type=scene.dtype.name)


@dataclass(frozen=True, slots=True)
class Code:
    """An ISCC and what it identifies, such as ``Code("plane z 5, channel 1", "ISCC:…")``."""

    of: str
    iscc: str


@dataclass(frozen=True, slots=True)
class SourceView:
    """One source of a panel: a single edge, or the edges that are the channels of one merge."""

    edges: tuple[int, ...]  # positions among the panel's edges
    scene: SceneFacts | None = None
    rendered: Rgb | None = field(default=None, repr=False)  # the source in the place of the panel
    difference: Rgb | None = field(default=None, repr=False)
    plane: Rgb | None = field(default=None, repr=False)  # the whole plane, reduced
    codes: tuple[Code, ...] = ()
    note: str = ""  # why pictures are missing


@dataclass(frozen=True, slots=True)
class PanelView:
    """A panel with its pixels and sources."""

    panel: TracedPanel
    pixels: Rgb | None = field(default=None, repr=False)
    sources: tuple[SourceView, ...] = ()


@dataclass(frozen=True, slots=True)
class PageView:
    """A page of a figure; `panels` are in the order of `page.panels`."""

    page: TracedPage
    preview: Rgb | None = field(default=None, repr=False)  # reduced to at most 1400 pixels
    panels: tuple[PanelView, ...] = ()


@dataclass(frozen=True, slots=True)
class FigureView:
    """A figure file."""

    path: str
    pages: tuple[PageView, ...] = ()
    caption: str | None = None
    iscc: str | None = None
    note: str = ""  # why there is no preview
    command: str = ""  # traces this figure anew


@dataclass(frozen=True, slots=True)
class SceneView:
    """A scene with its thumbnail."""

    facts: SceneFacts
    iscc: str | None = None
    thumbnail: Rgb | None = field(default=None, repr=False)
    colors: tuple[str, ...] = ()  # "RRGGBB" of the channels in the thumbnail; there may be more channels


@dataclass(frozen=True, slots=True)
class ImageView:
    """An image file or folder."""

    path: str
    format: str
    scenes: tuple[SceneView, ...] = ()
    iscc: str | None = None
    description: str = ""
    note: str = ""  # why there is no thumbnail


@dataclass(frozen=True, slots=True)
class FileView:
    """A file or folder of the crate, for the list of files and codes."""

    path: str
    format: str = ""
    size: int | None = None  # bytes
    iscc: str | None = None
    is_folder: bool = False


@dataclass(frozen=True, slots=True)
class ReportView:
    """All that the page shows."""

    study: StudyFacts
    figures: tuple[FigureView, ...] = ()
    images: tuple[ImageView, ...] = ()
    findings: tuple[Finding, ...] = ()
    files: tuple[FileView, ...] = ()
    check_command: str = "crate validate ."  # checks every edge again

    @property
    def pages(self) -> tuple[TracedPage, ...]:
        """The pages of all figures."""
        return tuple(page.page for figure in self.figures for page in figure.pages)
