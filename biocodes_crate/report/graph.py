"""A picture of the provenance: figures, panels, planes and images as a layered graph.

Four layers from left to right. Panels keep the order of their figure; planes are grouped by image
and ordered by the mean place of their panels (Sugiyama et al. 1981, doi:10.1109/TSMC.1981.4308636),
which leaves no crossings between planes and images. Places are the nearest to those means that keep
a distance.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

from biocodes_crate.report.icons import LOOKS, icon_content
from biocodes_crate.report.states import PanelState, state_of
from biocodes_crate.report.text import clean, elided, panel_title
from biocodes_crate.report.view import SceneFacts
from biocodes_crate.report.words import describe_plane
from biocodes_crate.tracing.model import Edge, TracedPage

ROW = 30.0  # height of a node with the gap below it
NODE = 24.0
GROUP_GAP = 14.0  # between figures
COLUMN_GAP = 110.0
MARGIN = 16.0
HEADING = 34.0
_LETTER = 6.7  # mean width of a letter at 12 px, with some to spare
_LONGEST = 44  # letters of a label

PanelPlace = tuple[str, int, int]  # figure, page number, position of the panel


class Place(NamedTuple):
    """Where a node was put: left, centre, width."""

    x: float
    y: float
    width: float


@dataclass(slots=True)
class _Layer:
    heading: str
    labels: dict[object, str] = field(default_factory=dict)
    at: dict[object, float] = field(default_factory=dict)  # centre of each node, in order

    @property
    def width(self) -> float:
        return max((_width(label) for label in self.labels.values()), default=0.0)


def provenance_svg(
    pages: Iterable[TracedPage],
    links: Mapping[PanelPlace, str] | None = None,
    scenes: Mapping[tuple[str, int], SceneFacts] | None = None,
) -> str:
    """The graph as SVG, on its own or within a page.

    Parameters
    ----------
    links
        Makes panels links, by where they are. Without it the picture is one image to a screen reader.
    scenes
        By path of the image and number of the scene: name the channels of planes.
    """
    graph = _Graph(list(pages), scenes or {})
    graph.lay_out()
    return graph.draw(links)


class _Graph:
    def __init__(self, pages: list[TracedPage], scenes: Mapping[tuple[str, int], SceneFacts]) -> None:
        self._scenes = scenes
        self.figures = _Layer("Figures")
        self.panels = _Layer("Panels")
        self.planes = _Layer("Planes")
        self.images = _Layer("Images")
        self.states: dict[object, PanelState] = {}
        self.edges: dict[tuple[PanelPlace, object], Edge] = {}  # the strongest of each pair
        self.figure_of: dict[object, object] = {}
        self.image_of: dict[object, str] = {}
        several = {page.figure for page in pages if page.number > 1}
        for page in pages:
            figure = (page.figure, page.number)
            name = _name(page.figure)
            self.figures.labels[figure] = f"{name}, page {page.number}" if page.figure in several else name
            for position, panel in enumerate(page.panels):
                place = (page.figure, page.number, position)
                self.panels.labels[place] = panel_title(panel, position)
                self.states[place] = state_of(panel)
                self.figure_of[place] = figure
                for edge in panel.edges:
                    self._add_edge(place, edge)

    def _add_edge(self, place: PanelPlace, edge: Edge) -> None:
        plane = (edge.image, edge.scene, edge.source, len(edge.candidates))
        label = describe_plane(edge.source, self._scenes.get((edge.image, edge.scene)))
        if edge.scene:
            label = f"scene {edge.scene}, {label}"
        if len(edge.candidates) > 1:
            label += f" or {len(edge.candidates) - 1} more"
        self.planes.labels[plane] = label
        self.images.labels[edge.image] = _name(edge.image)
        self.image_of[plane] = edge.image
        self.edges.setdefault((place, plane), edge)

    def lay_out(self) -> None:
        """Find the place of every node."""
        y, last = HEADING + MARGIN, None
        for place in self.panels.labels:
            if last is not None and self.figure_of[place] != last:
                y += GROUP_GAP
            last = self.figure_of[place]
            self.panels.at[place] = y + NODE / 2
            y += ROW
        self._follow(self.figures, [(figure, place) for place, figure in self.figure_of.items()], self.panels)
        # Planes of one image stay together, in the order of the panels that show them.
        by_image = [(self.image_of[plane], place) for place, plane in self.edges]
        image_means = _means(by_image, self.panels)
        plane_means = _means([(plane, place) for place, plane in self.edges], self.panels)
        order = sorted(
            plane_means,
            key=lambda plane: (
                image_means[self.image_of[plane]],
                self.image_of[plane],
                plane_means[plane],
                repr(plane),
            ),
        )
        _settle(self.planes, order, [plane_means[plane] for plane in order])
        self._follow(self.images, [(self.image_of[plane], plane) for plane in order], self.planes)

    def _follow(self, layer: _Layer, pairs: Sequence[tuple[object, object]], other: _Layer) -> None:
        """Put the nodes of a layer at the mean of their neighbours; those without any at the end."""
        means = _means(pairs, other)
        lowest = max(other.at.values(), default=HEADING + MARGIN + NODE / 2)
        wanted = [(means.get(node, lowest + ROW), node) for node in layer.labels]
        wanted.sort(key=lambda pair: pair[0])
        _settle(layer, [node for _, node in wanted], [y for y, _ in wanted])

    def draw(self, links: Mapping[PanelPlace, str] | None) -> str:
        layers = (self.figures, self.panels, self.planes, self.images)
        lefts, x = [], MARGIN
        for layer in layers:
            lefts.append(x)
            x += max(layer.width, _width(layer.heading)) + COLUMN_GAP
        width = x - COLUMN_GAP + MARGIN
        bottom = max((y for layer in layers for y in layer.at.values()), default=HEADING) + NODE / 2 + MARGIN
        at = [
            {node: Place(left, layer.at[node], layer.width) for node in layer.at}
            for layer, left in zip(layers, lefts, strict=True)
        ]
        label = (
            f"Provenance graph: {len(self.panels.labels)} panels of {len(self.figures.labels)} figures, "
            f"linked to {len(self.planes.labels)} planes of {len(self.images.labels)} images"
        )
        role = "img" if links is None else "group"
        parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" class="graph" width="{width:.0f}" height="{bottom:.0f}" '
            f'viewBox="0 0 {width:.0f} {bottom:.0f}" role="{role}" aria-label={quoteattr(label)} '
            'font-family="system-ui, sans-serif" font-size="12">'
        ]
        if links is None:
            parts.append('<rect width="100%" height="100%" fill="#fff"/>')
        parts += [
            f'<text class="heading" x="{left:.0f}" y="{MARGIN + 6:.0f}" fill="#57606a" '
            f'font-weight="600">{layer.heading}</text>'
            for layer, left in zip(layers, lefts, strict=True)
            if layer.labels
        ]
        figures, panels, planes, images = at
        for place, figure in self.figure_of.items():
            parts.append(_line(figures[figure], panels[place], "#8c959f"))
        for plane, image in self.image_of.items():
            parts.append(_line(planes[plane], images[image], "#8c959f"))
        for (place, plane), edge in self.edges.items():
            parts.append(_line(panels[place], planes[plane], state=PanelState(edge.status.value)))
        parts += [_node(figures[node], text) for node, text in self.figures.labels.items()]
        for node, text in self.panels.labels.items():
            drawn = _node(panels[node], text, self.states[node])
            href = (links or {}).get(node) if isinstance(node, tuple) else None
            parts.append(f"<a href={quoteattr(href)}>{drawn}</a>" if href else drawn)
        parts += [_node(planes[node], text) for node, text in self.planes.labels.items()]
        parts += [_node(images[node], text) for node, text in self.images.labels.items()]
        return "".join(parts) + "</svg>"


def _means(pairs: Iterable[tuple[object, object]], other: _Layer) -> dict[object, float]:
    found: dict[object, list[float]] = {}
    for node, neighbour in pairs:
        found.setdefault(node, []).append(other.at[neighbour])
    return {node: sum(ys) / len(ys) for node, ys in found.items()}


def _settle(layer: _Layer, order: Sequence[object], wanted: Sequence[float]) -> None:
    """Places in the given order, a row apart, as near to what is wanted as can be in the least squares."""
    # With row i taken off place i, "a row apart" reads "not falling": isotonic regression, by pooling.
    blocks: list[tuple[float, int]] = []
    for number, y in enumerate(wanted):
        blocks.append((y - number * ROW, 1))
        while len(blocks) > 1 and blocks[-2][0] > blocks[-1][0]:
            (a, n), (b, m) = blocks[-2:]
            blocks[-2:] = [((a * n + b * m) / (n + m), n + m)]
    flat = [value for value, count in blocks for _ in range(count)]
    top = HEADING + MARGIN + NODE / 2
    layer.at = {node: max(top, flat[i]) + i * ROW for i, node in enumerate(order)}


def _line(a: Place, b: Place, color: str = "", state: PanelState | None = None) -> str:
    x0, x1 = a.x + a.width, b.x
    bend = (x1 - x0) * 0.45
    path = f"M{x0:.1f} {a.y:.1f}C{x0 + bend:.1f} {a.y:.1f} {x1 - bend:.1f} {b.y:.1f} {x1:.1f} {b.y:.1f}"
    if state is None:
        return f'<path class="part" d="{path}" fill="none" stroke="{color}"/>'
    look = LOOKS[state]
    dash = f' stroke-dasharray="{look.dash}"' if look.dash else ""
    return (
        f'<path class="line {state.value}" d="{path}" fill="none" stroke="{look.color}" stroke-width="1.8"{dash}>'
        f"<title>{state.label}</title></path>"
    )


def _node(place: Place, text: str, state: PanelState | None = None) -> str:
    top = place.y - NODE / 2
    color = LOOKS[state].color if state is not None else "#8c959f"
    name = state.value if state is not None else "plain"
    title = f"{state.label}: {text}" if state is not None else text
    icon = ""
    if state is not None:
        icon = (
            f'<svg class="icon {name}" x="{place.x + 6:.1f}" y="{place.y - 7:.1f}" width="14" height="14" '
            f'viewBox="0 0 16 16" color="{color}">{icon_content(state)}</svg>'
        )
    indent = 26 if state is not None else 9
    return (
        f'<g class="node {name}"><title>{escape(clean(title))}</title>'
        f'<rect x="{place.x:.1f}" y="{top:.1f}" width="{place.width:.1f}" height="{NODE:.0f}" rx="5" '
        f'fill="#fff" stroke="{color}"/>{icon}'
        f'<text x="{place.x + indent:.1f}" y="{place.y + 4:.1f}" fill="#1f2328">'
        f"{escape(clean(elided(text, _LONGEST)))}</text></g>"
    )


def _width(label: str) -> float:
    return 36 + _LETTER * min(len(label), _LONGEST)


def _name(path: str) -> str:
    return path.rsplit("/", 1)[-1] or path
