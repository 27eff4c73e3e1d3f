"""Draws figures, panels, sources and images of a crate; whatever cannot be read becomes a note."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from biocodes_crate.errors import BiocodesError, UnreadableImage
from biocodes_crate.figures import Figure, open_figure
from biocodes_crate.figures.model import Box, PageUnit
from biocodes_crate.figures.raster import read_raster
from biocodes_crate.images import AnyFile, Image, Scene, open_image
from biocodes_crate.report.encoding import Role
from biocodes_crate.report.facts import Facts, StatedImage
from biocodes_crate.report.previews import (
    composed_page,
    page_preview,
    plane_preview,
    scene_thumbnail,
    thumbnail_colours,
)
from biocodes_crate.report.rendering import Grey, Layer, add_up, difference, fitted, fitted_size, render_source
from biocodes_crate.report.text import clean
from biocodes_crate.report.view import (
    FigureView,
    ImageView,
    PageView,
    PanelView,
    Rgb,
    SceneFacts,
    SceneView,
    SourceView,
)
from biocodes_crate.tracing.model import Affine, Edge, PlaneRef, Status, TracedPage, TracedPanel
from biocodes_crate.tracing.pixels import SourcePixels

CACHE_BYTES = 300_000_000
SCENES_SHOWN = 24  # of one image; a plate has thousands of fields

UNREADABLE = (BiocodesError, OSError, ValueError, ArithmeticError, MemoryError)


class Files(Protocol):
    """Opens the files of a study or crate."""

    def file(self, path: str) -> AnyFile:
        """To be opened; raises FileNotFoundError if it does not exist."""

    def image(self, path: str) -> Image:
        """An image, opened."""

    def figure(self, path: str) -> Figure:
        """A figure, with its panels."""


@dataclass(slots=True)
class StudyFiles:
    """The files of a study's folder; what is open already need not be opened again."""

    root: Path
    images: dict[str, Image] = field(default_factory=dict)
    figures: dict[str, Figure] = field(default_factory=dict)

    def file(self, path: str) -> AnyFile:
        return self.root / path

    def image(self, path: str) -> Image:
        if path not in self.images:
            self.images[path] = open_image(self.root / path)
        return self.images[path]

    def figure(self, path: str) -> Figure:
        if path not in self.figures:
            self.figures[path] = open_figure(self.root / path)
        return self.figures[path]


class Painter:
    """Draws figures, panels, sources and images; whatever cannot be read becomes a note."""

    def __init__(self, files: Files, facts: Facts) -> None:
        self._files = files
        self._facts = facts
        self._images = {image.path: image for image in facts.images()}
        self._pixels = SourcePixels(self.scene, CACHE_BYTES)
        self._previews: dict[tuple[str, int, PlaneRef], Grey] = {}

    def scene(self, image: str, index: int) -> Scene:
        """A scene of an image; raises :class:`UnreadableImage` if there is none."""
        for scene in self._files.image(image).scenes:
            if scene.index == index:
                return scene
        raise UnreadableImage(f"there is no scene {index}", where=clean(image))

    def figure(self, stated: StatedImage, pages: Sequence[TracedPage]) -> FigureView:
        """A figure with its pages and their panels."""
        note, views = "", []
        for page in pages:
            preview, panels, problem = self._page(page)
            note = note or problem
            sources = (self._panel(panel, pixels) for panel, pixels in zip(page.panels, panels, strict=True))
            views.append(PageView(page, preview, tuple(sources)))
        return FigureView(
            path=stated.path,
            pages=tuple(views),
            caption=stated.caption,
            iscc=stated.iscc,
            note=note,
            command=f"crate trace {shlex.quote(clean(stated.path))} --in .",
        )

    def panel(self, page: TracedPage, position: int) -> PanelView:
        """One panel of a page, with its pixels and sources; `note` of a source says what is missing."""
        _, pixels, _ = self._page(page)
        return self._panel(page.panels[position], pixels[position])

    def _page(self, page: TracedPage) -> tuple[Rgb | None, list[Rgb | None], str]:
        """Preview, pixels of each panel, and why there are none."""
        nothing: list[Rgb | None] = [None] * len(page.panels)
        try:
            if page.unit is PageUnit.PIXEL:
                raster = read_raster(self._files.file(page.figure))[page.number - 1].pixels
                return page_preview(raster), [_cut(raster, panel.box) for panel in page.panels], ""
            found = next(p for p in self._files.figure(page.figure).pages if p.number == page.number)
            pixels = [_nearest(panel.box, [(p.box, p.pixels) for p in found.panels]) for panel in page.panels]
            return composed_page(page, pixels), pixels, ""
        except (*UNREADABLE, IndexError, StopIteration) as error:
            return None, nothing, f"The figure cannot be shown: {_reason(error)}."

    def _panel(self, panel: TracedPanel, pixels: Rgb | None) -> PanelView:
        sources = [self._source(panel, numbers, pixels) for numbers in _groups(panel.edges)]
        return PanelView(panel, None if pixels is None else fitted(pixels, Role.PANEL.longest), tuple(sources))

    def _source(self, panel: TracedPanel, numbers: tuple[int, ...], pixels: Rgb | None) -> SourceView:
        edges = [panel.edges[number] for number in numbers]
        first = edges[0]
        view = SourceView(numbers, self._stated_scene(first))
        try:
            scene = self.scene(first.image, first.scene)
            view = replace(view, scene=SceneFacts.of(scene))
            _check_planes(scene, edges)
            layers = [Layer(edge.source, edge.intensity) for edge in edges]
            view = replace(view, plane=self._plane(first.image, scene, layers))
            transform, size = _transform(panel, first, scene), (panel.width, panel.height)
            if transform is not None and min(size) > 0:
                small = fitted_size(size, Role.PANEL.longest)
                drawn = render_source(self._pixels, first.image, first.scene, layers, transform, size, small)
                if drawn is not None:
                    view = replace(view, rendered=drawn, difference=_difference(pixels, drawn, first))
        except (*UNREADABLE, KeyError, IndexError) as error:
            view = replace(view, note=f"The source cannot be shown: {_reason(error)}.")
        codes = [code for edge in edges for code in self._facts.codes(edge, view.scene)]
        return replace(view, codes=tuple(dict.fromkeys(codes)))

    def _stated_scene(self, edge: Edge) -> SceneFacts | None:
        image = self._images.get(edge.image)
        scenes = image.scenes if image else ()
        return next((scene.facts for scene in scenes if scene.facts.index == edge.scene), None)

    def _plane(self, image: str, scene: Scene, layers: Sequence[Layer]) -> Rgb:
        greys = []
        for layer in layers:
            key = (image, scene.index, layer.plane)
            if key not in self._previews:
                self._previews[key] = plane_preview(scene, layer.plane, Role.PLANE.longest)
            greys.append(self._previews[key])
        # Inverted, the whole plane would be white paper: it is shown as the microscope saw it.
        shown = [replace(i, inverted=False) if i is not None else None for i in (layer.intensity for layer in layers)]
        return add_up(greys, shown)

    def image(self, stated: StatedImage) -> ImageView:
        """An image with a thumbnail of each scene."""
        views, note, kind = [], "", stated.format
        colors: tuple[str, ...]
        opened: Image | None = None
        try:
            opened = self._files.image(stated.path)
            kind = opened.format.value
        except UNREADABLE as error:
            note = f"Its pixels cannot be shown: {_reason(error)}."
        for scene in stated.scenes[:SCENES_SHOWN]:
            facts, thumbnail, colors = scene.facts, None, ()
            found = next((s for s in opened.scenes if s.index == facts.index), None) if opened else None
            if found is not None:
                facts, colors = SceneFacts.of(found), thumbnail_colours(found)
                try:
                    thumbnail = scene_thumbnail(found, Role.THUMBNAIL.longest)
                except UNREADABLE as error:
                    note = note or f"Its pixels cannot be shown: {_reason(error)}."
            views.append(SceneView(facts, scene.iscc, thumbnail, colors))
        if len(stated.scenes) > SCENES_SHOWN:
            note = note or f"{len(stated.scenes) - SCENES_SHOWN} more scenes are not shown here."
        return ImageView(stated.path, kind, tuple(views), stated.iscc, stated.description, note)


def _groups(edges: Sequence[Edge]) -> list[tuple[int, ...]]:
    """Positions of edges that together make one picture: the channels of a merge have one transform."""
    groups: dict[object, list[int]] = {}
    for number, edge in enumerate(edges):
        where = edge.panel_to_source if edge.panel_to_source is not None else number
        plane = replace(edge.source, c=0)
        groups.setdefault((edge.image, edge.scene, plane, edge.status, where), []).append(number)
    # Two edges to one channel are two answers, not a merge.
    result: list[tuple[int, ...]] = []
    for numbers in groups.values():
        channels = [edges[number].source.c for number in numbers]
        result += [tuple(numbers)] if len(set(channels)) == len(channels) else [(number,) for number in numbers]
    # What is proven comes first, whatever was declared.
    order = (Status.VERIFIED, Status.AMBIGUOUS, Status.CONTRADICTED, Status.UNVERIFIED)
    return sorted(result, key=lambda numbers: order.index(edges[numbers[0]].status))


def _transform(panel: TracedPanel, edge: Edge, scene: Scene) -> Affine | None:
    """The edge's transform; for what was declared without one, the region stretched over the panel."""
    if edge.panel_to_source is not None:
        return edge.panel_to_source
    if panel.width < 1 or panel.height < 1:
        return None
    x, y, w, h = edge.region or Box(0, 0, scene.size_x, scene.size_y)
    return ((w / panel.width, 0.0, x), (0.0, h / panel.height, y))


def _difference(pixels: Rgb | None, drawn: Rgb, edge: Edge) -> Rgb | None:
    if pixels is None or edge.panel_to_source is None:
        return None
    panel = fitted(pixels, max(drawn.shape[:2]))
    return difference(panel, drawn) if panel.shape == drawn.shape else None


def _check_planes(scene: Scene, edges: Iterable[Edge]) -> None:
    """Raise :class:`UnreadableImage` for planes that the scene does not have: metadata may say anything."""
    for edge in edges:
        plane, made = edge.source, edge.source.projection
        first, last = (made.z_start, made.z_end) if made else (plane.z or 0, plane.z or 0)
        if not (0 <= first <= last < scene.size_z and plane.c < scene.size_c and plane.t < scene.size_t):
            raise UnreadableImage("the scene has no such plane")


def _cut(raster: Rgb, box: Box) -> Rgb | None:
    height, width = raster.shape[:2]
    x0, y0 = max(0, round(box.x)), max(0, round(box.y))
    x1, y1 = min(width, round(box.x + box.w)), min(height, round(box.y + box.h))
    return raster[y0:y1, x0:x1] if x1 > x0 and y1 > y0 else None


def _nearest(box: Box, panels: Sequence[tuple[Box, Rgb]], slack: float = 0.05) -> Rgb | None:
    """The pixels of the panel at a box, in percent of the page."""
    for other, pixels in panels:
        if np.abs(np.subtract(box, other)).max() <= slack:
            return pixels
    return None


def _reason(error: BaseException) -> str:
    if isinstance(error, BiocodesError):
        return clean(error.message)
    if isinstance(error, FileNotFoundError):
        return "the file is not here"
    return clean(" ".join(str(error).split())[:120]) or type(error).__name__
