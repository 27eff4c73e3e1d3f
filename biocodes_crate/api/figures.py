"""Figures, their panels, and where a panel comes from. Pixels are read when they are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from biocodes_crate.api.edges import Edges, PanelEdge
from biocodes_crate.api.names import Names
from biocodes_crate.api.views import Views
from biocodes_crate.crate import display
from biocodes_crate.errors import UnreadableFigure, UnreadableImage
from biocodes_crate.figures import Box
from biocodes_crate.findings import Finding
from biocodes_crate.images import PlaneIndex
from biocodes_crate.report import PanelState, PanelView, SourceView, state_of
from biocodes_crate.tracing import Affine, PlaneRef, Status, TracedPage, TracedPanel

if TYPE_CHECKING:
    from matplotlib.figure import Figure as PlottedFigure

Rgb = NDArray[np.uint8]  # (H, W, 3)


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure of a study."""

    path: str
    pages: tuple[TracedPage, ...]
    caption: str | None = None
    iscc: str | None = None
    findings: tuple[Finding, ...] = ()  # of :func:`biocodes_crate.trace`; a crate has its own
    _views: Views | None = field(default=None, repr=False, compare=False)

    @property
    def panels(self) -> Names[Panel]:
        """The panels by label, or "#3" for the third without one; "2:A" is panel A of page 2."""
        panels = {}
        for page in self.pages:
            for position, traced in enumerate(page.panels):
                name = panel_name(traced, position)
                if page.number > 1:
                    name = f"{page.number}:{name}"
                while name in panels:  # a label that was read twice
                    name += "'"
                panels[name] = Panel(name, page, position, self._views)
        return Names(panels, "panel")

    @property
    def edges(self) -> Edges:
        """The edges of all panels."""
        return Edges(edge for panel in self.panels.values() for edge in panel.edges)

    def __repr__(self) -> str:
        return f"<figure {display(self.path)}: panels {', '.join(map(display, self.panels)) or 'none'}>"


def panel_name(traced: TracedPanel, position: int) -> str:
    """What a panel is called within its page."""
    return " ".join((traced.label or "").split()) or f"#{position + 1}"


@dataclass(frozen=True, slots=True)
class Panel:
    """A panel of a figure."""

    name: str
    page: TracedPage = field(repr=False)
    position: int = field(repr=False)
    _views: Views | None = field(default=None, repr=False, compare=False)

    @property
    def traced(self) -> TracedPanel:
        """All that is known of it, as the crate states it."""
        return self.page.panels[self.position]

    @property
    def state(self) -> PanelState:
        """Verified, ambiguous, contradicted, unverified, no source, or not an image."""
        return state_of(self.traced)

    @property
    def box(self) -> Box:
        """Where it lies: pixels of the figure, or percent of the page for PDF, SVG and PPTX."""
        return self.traced.box

    @property
    def iscc(self) -> str | None:
        """ISCC of its pixels."""
        return self.traced.iscc

    @property
    def edges(self) -> Edges:
        """Its edges: one for each channel of a merge."""
        return Edges(PanelEdge(self.page.figure, self.page.number, self.name, edge) for edge in self.traced.edges)

    @property
    def pixels(self) -> Rgb:
        """(H, W, 3) RGB, reduced to at most what the report shows.

        Raises
        ------
        UnreadableFigure
            The figure is not at hand.
        """
        pixels = self._drawn().pixels
        if pixels is None:
            raise UnreadableFigure("its pixels are not at hand", where=display(self.page.figure))
        return pixels

    @property
    def sources(self) -> tuple[Source, ...]:
        """Where it comes from: what is proven first. The channels of a merge are one source."""
        view = self._drawn()
        return tuple(Source(self, one, view, self._views) for one in view.sources)

    @property
    def source(self) -> Source | None:
        """The first of the sources; None if there is none."""
        return next(iter(self.sources), None)

    def _drawn(self) -> PanelView:
        if self._views is None:
            raise UnreadableFigure("its pixels are not at hand", where=display(self.page.figure))
        return self._views.panel(self.page, self.position)

    def __repr__(self) -> str:
        return f"<panel {display(self.name)} of {display(self.page.figure)}: {self.state.label}>"


@dataclass(frozen=True, slots=True)
class Source:
    """The plane or projection that a panel shows, or the planes of a merge."""

    panel: Panel
    view: SourceView = field(repr=False)
    _panel_view: PanelView = field(repr=False)
    _views: Views | None = field(default=None, repr=False, compare=False)

    @property
    def edges(self) -> Edges:
        """The edges that lead to it."""
        traced = self.panel.traced.edges
        page = self.panel.page
        return Edges(
            PanelEdge(page.figure, page.number, self.panel.name, traced[i], self.view.scene) for i in self.view.edges
        )

    @property
    def status(self) -> Status:
        """What the pixels say of it."""
        return self.edges[0].status

    @property
    def image(self) -> str:
        """Path of the image within the study."""
        return self.edges[0].image

    @property
    def planes(self) -> tuple[PlaneRef, ...]:
        """Its plane or projection; several for a merge."""
        return tuple(edge.plane for edge in self.edges)

    @property
    def region(self) -> Box | None:
        """The bounding box of what the panel shows, in pixels of the source."""
        return self.edges[0].edge.region

    @property
    def transform(self) -> Affine | None:
        """From pixels of the panel to pixels of the source."""
        return self.edges[0].edge.panel_to_source

    @property
    def words(self) -> tuple[str, ...]:
        """How the panel was made from it, a line for each channel."""
        return tuple(edge.words for edge in self.edges)

    @property
    def codes(self) -> tuple[tuple[str, str], ...]:
        """Pairs of what is coded and its ISCC."""
        return tuple((code.of, code.iscc) for code in self.view.codes)

    @property
    def rendered(self) -> Rgb:
        """(H, W, 3) RGB: drawn again as the panel shows it. Raises :class:`UnreadableImage` without pixels."""
        return self._picture(self.view.rendered)

    @property
    def difference(self) -> Rgb:
        """(H, W, 3) RGB: dark where panel and source agree. Raises :class:`UnreadableImage` without pixels."""
        return self._picture(self.view.difference)

    @property
    def plane(self) -> Rgb:
        """(H, W, 3) RGB: the whole plane, reduced. Raises :class:`UnreadableImage` without pixels."""
        return self._picture(self.view.plane)

    def read(self) -> NDArray[Any]:
        """The region in the source's own dtype: (C, H, W), a channel for each edge; a whole plane without a region.

        Raises
        ------
        UnreadableImage
            The image is not at hand, or the source is a projection, which no file holds.
        """
        if self._views is None:
            raise UnreadableImage("its pixels are not at hand", where=display(self.image))
        scene = self._views.scene(self.image, self.edges[0].scene)
        x, y, w, h = self.region or Box(0, 0, scene.size_x, scene.size_y)
        x0, y0 = max(0, int(x)), max(0, int(y))
        x1, y1 = min(scene.size_x, int(np.ceil(x + w))), min(scene.size_y, int(np.ceil(y + h)))
        if x1 <= x0 or y1 <= y0:
            raise UnreadableImage("the region lies outside of the plane", where=display(self.image))
        channels = []
        for plane in self.planes:
            if plane.projection is not None or plane.z is None:
                raise UnreadableImage(
                    "a projection is no plane of the file",
                    where=display(self.image),
                    remedy="Read the planes of its range, `.planes[0].projection`, from the image.",
                )
            channels.append(scene.region(PlaneIndex(plane.z, plane.c, plane.t), x0, y0, x1 - x0, y1 - y0))
        return np.stack(channels)

    def plot(self) -> PlottedFigure:
        """Panel, source drawn again, difference, and the plane with the region in it, side by side.

        Returns
        -------
        matplotlib.figure.Figure
            Shown at once in a notebook; elsewhere call ``matplotlib.pyplot.show()``.

        Raises
        ------
        MissingExtra
            matplotlib is not installed: ``pip install 'biocodes-crate[plot]'``.
        """
        from biocodes_crate.api.plot import plot_source  # noqa: PLC0415 - matplotlib is optional

        return plot_source(self)

    def pictures(self) -> Sequence[tuple[str, Rgb]]:
        """What :meth:`plot` shows, with titles; what is not at hand is left out."""
        named = (
            ("Panel", self._panel_view.pixels),
            ("Source, drawn again", self.view.rendered),
            ("Difference", self.view.difference),
            ("Source plane", self.view.plane),
        )
        return [(title, picture) for title, picture in named if picture is not None]

    def _picture(self, picture: Rgb | None) -> Rgb:
        if picture is None:
            raise UnreadableImage(self.view.note or "it cannot be drawn", where=display(self.image))
        return picture

    def __repr__(self) -> str:
        return f"<{self.status.value} source {display(self.image)}: {'; '.join(self.words)}>"
