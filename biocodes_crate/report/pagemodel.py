"""The view of a crate as the template wants it: pictures encoded, ids given, links made safe."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from biocodes_crate.crate import path_to_id
from biocodes_crate.crate.ids import check_path
from biocodes_crate.errors import UnsafePath
from biocodes_crate.figures.model import Box, PageUnit
from biocodes_crate.findings import Finding, Severity
from biocodes_crate.report.encoding import Encoder, Picture, Role
from biocodes_crate.report.graph import PanelPlace
from biocodes_crate.report.icons import LOOKS
from biocodes_crate.report.states import PanelState, state_of
from biocodes_crate.report.text import elided, panel_title, swatch
from biocodes_crate.report.view import (
    FigureView,
    FileView,
    ImageView,
    PageView,
    PanelView,
    ReportView,
    Rgb,
    SceneFacts,
    SceneView,
    SourceView,
)
from biocodes_crate.report.words import Measurement, describe_edge, explain_evidence
from biocodes_crate.tracing.model import Edge, Status, TracedPanel

_ORCID = re.compile(r"[0-9]{4}-[0-9]{4}-[0-9]{4}-[0-9]{3}[0-9X]")
_SEVERITY = {Severity.ERROR: 0, Severity.WARNING: 1, Severity.INFO: 2}


@dataclass(frozen=True, slots=True)
class SourceModel:
    """A source as the page shows it."""

    edges: tuple[Edge, ...]
    state: PanelState
    scene: SceneFacts | None
    image: str
    image_href: str | None
    rendered: Picture | None
    difference: Picture | None
    plane: str | None  # id of the picture
    plane_size: tuple[int, int]
    outline: str  # points of the region in the picture of the plane
    evidence: tuple[Measurement, ...]
    view: SourceView
    many_scenes: bool  # the image has more than this one
    stated_only: bool  # drawn from what the authors declare, without a measured transform


@dataclass(frozen=True, slots=True)
class PanelModel:
    """A panel as the page shows it."""

    id: str
    figure: str  # path
    title: str
    short: str  # on the badge
    state: PanelState
    dash: str
    attention: str  # why somebody should look at it; empty if nobody needs to
    summary: str
    box: Box  # in the units of the page's viewBox
    picture: Picture | None
    unexplained: tuple[Box, ...]  # in pixels of the picture
    sources: tuple[SourceModel, ...]
    traced: TracedPanel


@dataclass(frozen=True, slots=True)
class PageOfFigure:
    id: str
    number: int
    width: float
    height: float
    text: float  # size of letters on badges
    preview: Picture | None
    panels: tuple[PanelModel, ...]
    unexplained: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class FigureModel:
    id: str
    href: str | None
    pages: tuple[PageOfFigure, ...]
    view: FigureView


@dataclass(frozen=True, slots=True)
class ImageModel:
    id: str
    href: str | None
    view: ImageView
    thumbnails: tuple[Picture | None, ...]  # of each scene


class PageModel:
    """Encodes every picture once, and remembers where panels are."""

    def __init__(self, view: ReportView) -> None:
        self._view = view
        self.planes: dict[str, Picture] = {}
        self._image_ids = {image.path: f"image-{number}" for number, image in enumerate(view.images, 1)}
        self._scene_counts = {image.path: len(image.scenes) for image in view.images}
        self.scenes = {(image.path, scene.facts.index): scene.facts for image in view.images for scene in image.scenes}
        self._encoder = Encoder.of(_count(view))
        self._plane_ids: dict[bytes, str] = {}
        self.links: dict[PanelPlace, str] = {}

    def figures(self) -> list[FigureModel]:
        """The figures in order. Fills `planes` and `links`."""
        return [self._figure(number, figure) for number, figure in enumerate(self._view.figures, 1)]

    def images(self) -> list[ImageModel]:
        """The images in order."""
        return [
            ImageModel(
                self._image_ids[image.path],
                file_href(image.path),
                image,
                tuple(self._encode(scene.thumbnail, Role.THUMBNAIL) for scene in image.scenes),
            )
            for image in self._view.images
        ]

    def findings(self) -> list[Finding]:
        """The gravest first."""
        return sorted(self._view.findings, key=lambda f: (_SEVERITY[f.severity], f.entity, f.id, f.message))

    def files(self) -> list[tuple[FileView, str | None]]:
        """Files with their links."""
        return [(file, file_href(file.path)) for file in self._view.files]

    def _figure(self, number: int, figure: FigureView) -> FigureModel:
        pages = tuple(self._page(f"{number}-{page.page.number}", page) for page in figure.pages)
        return FigureModel(f"figure-{number}", file_href(figure.path), pages, figure)

    def _page(self, name: str, view: PageView) -> PageOfFigure:
        page = view.page
        width, height = max(page.width, 1.0), max(page.height, 1.0)
        scale = (width / 100, height / 100) if page.unit is PageUnit.PERCENT else (1.0, 1.0)
        panels = []
        for position, panel in enumerate(view.panels):
            panel_id = f"panel-{name}-{position + 1}"
            self.links[page.figure, page.number, position] = f"#{panel_id}"
            panels.append(self._panel(panel_id, page.figure, position, panel, scale))
        return PageOfFigure(
            id=f"page-{name}",
            number=page.number,
            width=width,
            height=height,
            text=round(max(width, height * 0.8) / 36, 2),
            preview=self._encode(view.preview, Role.PAGE),
            panels=tuple(panels),
            unexplained=tuple(_scaled(box, scale) for panel in page.panels for box in panel.unexplained),
        )

    def _panel(
        self, panel_id: str, figure: str, position: int, view: PanelView, scale: tuple[float, float]
    ) -> PanelModel:
        traced = view.panel
        state = state_of(traced)
        picture = self._encode(view.pixels, Role.PANEL)
        sources = tuple(self._source(traced, source) for source in view.sources)
        title = panel_title(traced, position)
        return PanelModel(
            id=panel_id,
            figure=figure,
            title=title,
            short=elided(" ".join((traced.label or str(position + 1)).split()), 6),
            state=state,
            dash=LOOKS[state].dash,
            attention=_attention(traced, state),
            summary=_summary(traced, sources, state),
            box=_scaled(traced.box, scale),
            picture=picture,
            unexplained=_within(traced, picture),
            sources=sources,
            traced=traced,
        )

    def _source(self, panel: TracedPanel, source: SourceView) -> SourceModel:
        edges = tuple(panel.edges[number] for number in source.edges)
        first = edges[0]
        plane = self._plane(source.plane)
        picture = self.planes[plane] if plane else None
        measured = dict.fromkeys(edge.evidence for edge in edges)
        href = self._image_ids.get(first.image)
        return SourceModel(
            edges=edges,
            state=PanelState(first.status.value),
            scene=source.scene,
            image=first.image,
            image_href=f"#{href}" if href else None,
            rendered=self._encode(source.rendered, Role.PANEL),
            difference=self._encode(source.difference, Role.PANEL),
            plane=plane,
            plane_size=(picture.width, picture.height) if picture else (0, 0),
            outline=_outline(panel, first, source.scene, picture),
            evidence=tuple(m for evidence in measured for m in explain_evidence(evidence)),
            view=source,
            many_scenes=self._scene_counts.get(first.image, 1) > 1 or first.scene > 0,
            stated_only=first.panel_to_source is None,
        )

    def _plane(self, pixels: Rgb | None) -> str | None:
        """The id of a plane's picture; many panels show the same plane, which is encoded once."""
        if pixels is None:
            return None
        digest = hashlib.sha256(repr(pixels.shape).encode() + np.ascontiguousarray(pixels).tobytes()).digest()
        if digest not in self._plane_ids:
            self._plane_ids[digest] = name = f"plane-{len(self._plane_ids) + 1}"
            self.planes[name] = self._encoder.encode(pixels, Role.PLANE)
        return self._plane_ids[digest]

    def _encode(self, pixels: Rgb | None, role: Role) -> Picture | None:
        return None if pixels is None or pixels.size == 0 else self._encoder.encode(pixels, role)


def file_href(path: str) -> str | None:
    """A relative link to a file of the crate; None where the path leads elsewhere."""
    try:
        return f"./{path_to_id(check_path(path))}"
    except (UnsafePath, UnicodeError):
        return None


def channels_of(scene: SceneView) -> list[tuple[int, str, str]]:
    """Number, name and colour of the channels; none of a colour picture, or where there is nothing to tell."""
    facts = scene.facts
    names = [(channel.name or "") for channel in facts.channels] + [""] * facts.size_c
    if facts.is_rgb or (facts.size_c == 1 and not names[0]):
        return []
    colors = [swatch(color) for color in scene.colors] if facts.size_c > 1 else []
    colors += [""] * facts.size_c
    return [(c, names[c], colors[c]) for c in range(min(facts.size_c, 64))]


def web_href(url: str | None) -> str | None:
    """A link to the web, and nothing that is not one."""
    return url if url is not None and re.match(r"https?://[^\s]+\Z", url) else None


def orcid_href(orcid: str | None) -> str | None:
    """The page of an ORCID iD that is well formed."""
    return f"https://orcid.org/{orcid}" if orcid and _ORCID.fullmatch(orcid) else None


def _count(view: ReportView) -> dict[Role, int]:
    roles: Counter[Role] = Counter()
    planes = set()
    for figure in view.figures:
        for page in figure.pages:
            roles[Role.PAGE] += page.preview is not None
            for panel in page.panels:
                roles[Role.PANEL] += panel.pixels is not None
                for source in panel.sources:
                    roles[Role.PANEL] += (source.rendered is not None) + (source.difference is not None)
                    if source.plane is not None:
                        planes.add(source.plane.tobytes())
    roles[Role.PLANE] = len(planes)
    roles[Role.THUMBNAIL] = sum(scene.thumbnail is not None for image in view.images for scene in image.scenes)
    return dict(roles)


def _summary(panel: TracedPanel, sources: Sequence[SourceModel], state: PanelState) -> str:
    """One line on where a panel comes from."""
    if not sources:
        return state.meaning[0].upper() + state.meaning[1:] if not panel.edges else ""
    proven = [source for source in sources if source.edges[0].status in {Status.VERIFIED, Status.AMBIGUOUS}]
    first = (proven or list(sources))[0]
    words = f"{first.image}: {describe_edge(first.edges[0], first.scene)}"
    more = len(first.edges) - 1
    return f"{words}; and {more} more channel{'s' if more > 1 else ''}" if more else words


def _attention(panel: TracedPanel, state: PanelState) -> str:
    words = [state.meaning] if state.needs_attention else []
    if state is PanelState.CONTRADICTED and any(edge.status is Status.VERIFIED for edge in panel.edges):
        words = ["a declared source is not what the panel shows; the true one was found"]
    if panel.unexplained:
        count = len(panel.unexplained)
        words.append(f"{count} region{'s' if count > 1 else ''} that the source does not explain")
    return "; ".join(words)


def _scaled(box: Box, scale: tuple[float, float]) -> Box:
    x, y = scale
    return Box(round(box.x * x, 2), round(box.y * y, 2), round(box.w * x, 2), round(box.h * y, 2))


def _within(panel: TracedPanel, picture: Picture | None) -> tuple[Box, ...]:
    """Unexplained regions in pixels of the panel's picture."""
    if picture is None or panel.box.w <= 0 or panel.box.h <= 0:
        return ()
    x, y = picture.width / panel.box.w, picture.height / panel.box.h
    return tuple(_scaled(Box(b.x - panel.box.x, b.y - panel.box.y, b.w, b.h), (x, y)) for b in panel.unexplained)


def _outline(panel: TracedPanel, edge: Edge, scene: SceneFacts | None, picture: Picture | None) -> str:
    """Corners of the panel in the picture of the source plane, as points of a polygon."""
    if picture is None or scene is None or not scene.size_x or not scene.size_y:
        return ""
    if edge.panel_to_source is not None:
        (a, b, c), (d, e, f) = edge.panel_to_source
        corners = [(0, 0), (panel.width, 0), (panel.width, panel.height), (0, panel.height)]
        points = [(a * x + b * y + c, d * x + e * y + f) for x, y in corners]
    elif edge.region is not None:
        x, y, w, h = edge.region
        points = [(x, y), (x + w, y), (x + w, y + h), (x, y + h)]
    else:
        return ""
    across, down = picture.width / scene.size_x, picture.height / scene.size_y
    return " ".join(f"{x * across:.1f},{y * down:.1f}" for x, y in points)
