"""A picture of the provenance: figures, panels, planes and images as a layered graph.

Where lines would tangle, as in a crate of a hundred panels, every figure is drawn on its own, with
the images that it shows; an image that several figures show says so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

from biocodes_crate.report.icons import LOOKS, icon_content
from biocodes_crate.report.layering import NODE, Block, Node, crossings, lay_out
from biocodes_crate.report.states import PanelState, state_of
from biocodes_crate.report.text import clean, elided, panel_title
from biocodes_crate.report.view import SceneFacts
from biocodes_crate.report.words import describe_plane
from biocodes_crate.tracing.model import Edge, TracedPage

BLOCK_GAP = 30.0  # between figures that are drawn on their own
COLUMN_GAP = 110.0
MARGIN = 16.0
HEADING = 34.0
HEADINGS = ("Figures", "Panels", "Planes", "Images")
TANGLE = 2  # crossings for each panel, from which on figures are drawn on their own
_LETTER = 6.7  # mean width of a letter at 12 px, with some to spare
_LONGEST = 44  # letters of a label

PanelPlace = tuple[str, int, int]  # figure, page number, position of the panel


class Place(NamedTuple):
    """Where a node was put: left, centre, width."""

    x: float
    y: float
    width: float


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
    listed = list(pages)
    graph = _Graph(listed, scenes or {}, apart=False)
    if len(graph.blocks[0].figures) > 1:
        at, _ = lay_out(graph.blocks[0], 0.0)
        if crossings(graph.blocks[0].edges, at) > TANGLE * len(graph.blocks[0].figure_of):
            graph = _Graph(listed, scenes or {}, apart=True)
    return graph.draw(links)


class _Graph:
    def __init__(self, pages: list[TracedPage], scenes: Mapping[tuple[str, int], SceneFacts], *, apart: bool) -> None:
        self._scenes = scenes
        self._figures_of: dict[str, set[str]] = {}  # by image
        self.blocks = [Block()]
        self.labels: tuple[dict[Node, str], ...] = ({}, {}, {}, {})
        self.states: dict[Node, PanelState] = {}
        self.edges: dict[tuple[Node, Node], Edge] = {}  # the strongest of each pair
        self._several = {page.figure for page in pages if page.number > 1}
        for number, page in enumerate(pages):
            if apart and number:
                self.blocks.append(Block())
            self._add_page(page, number if apart else 0)
        if apart:
            self._tell_of_reuse()

    def _add_page(self, page: TracedPage, number: int) -> None:
        block, name = self.blocks[number], _name(page.figure)
        figure = ("figure", page.figure, page.number)
        block.figures[figure] = None
        self.labels[0][figure] = f"{name}, page {page.number}" if page.figure in self._several else name
        for position, panel in enumerate(page.panels):
            place = (page.figure, page.number, position)
            self.labels[1][place] = panel_title(panel, position)
            self.states[place] = state_of(panel)
            block.figure_of[place] = figure
            for edge in panel.edges:
                image = ("image", number, edge.image)
                plane = ("plane", number, edge.image, edge.scene, edge.source, len(edge.candidates))
                self.labels[2][plane] = self._plane_label(edge)
                self.labels[3][image] = _name(edge.image)
                self._figures_of.setdefault(edge.image, set()).add(page.figure)
                block.image_of[plane] = image
                block.edges[place, plane] = None
                self.edges.setdefault((place, plane), edge)

    def _plane_label(self, edge: Edge) -> str:
        label = describe_plane(edge.source, self._scenes.get((edge.image, edge.scene)))
        if edge.scene:
            label = f"scene {edge.scene}, {label}"
        return f"{label} or {len(edge.candidates) - 1} more" if len(edge.candidates) > 1 else label

    def _tell_of_reuse(self) -> None:
        for block in self.blocks:
            for image in block.image_of.values():
                if isinstance(image, tuple) and (figures := len(self._figures_of[image[2]])) > 1:
                    self.labels[3][image] = f"{elided(_name(image[2]), 26)}, in {figures} figures"

    def _places(self) -> tuple[dict[Node, Place], float]:
        """Every node's place, and where the picture ends."""
        at: dict[Node, float] = {}
        y = HEADING + MARGIN
        for block in self.blocks:
            found, bottom = lay_out(block, y)
            at |= found
            y = bottom + BLOCK_GAP
        places: dict[Node, Place] = {}
        x = MARGIN
        for layer, labels in enumerate(self.labels):
            width = max((_width(label) for label in labels.values()), default=0.0)
            places |= {node: Place(x, at[node], width) for node in labels}
            x += max(width, _width(HEADINGS[layer])) + COLUMN_GAP
        return places, max((place.y for place in places.values()), default=HEADING) + NODE / 2

    def draw(self, links: Mapping[PanelPlace, str] | None) -> str:
        at, bottom = self._places()
        numbers = {node: number for number, node in enumerate(at)}
        lefts = [min((at[node].x for node in labels), default=0.0) for labels in self.labels]
        width = max((place.x + place.width for place in at.values()), default=360.0) + MARGIN
        legend, height = _legend([state for state in PanelState if state in self.states.values()], bottom, width)
        parts = [self._head(width, height, links)]
        parts += [
            f'<text class="heading" x="{left:.0f}" y="{MARGIN + 6:.0f}" fill="#57606a" '
            f'font-weight="600">{heading}</text>'
            for left, heading, labels in zip(lefts, HEADINGS, self.labels, strict=True)
            if labels
        ]
        for block in self.blocks:
            for a, b in (*((f, p) for p, f in block.figure_of.items()), *block.image_of.items()):
                parts.append(_line(at[a], at[b], _ends(numbers, a, b)))
        for (a, b), edge in self.edges.items():
            parts.append(_line(at[a], at[b], _ends(numbers, a, b), PanelState(edge.status.value)))
        for labels in self.labels:
            for node, text in labels.items():
                drawn = _node(at[node], text, numbers[node], self.states.get(node))
                href = (links or {}).get(node) if node in self.states else None  # type: ignore[call-overload]
                parts.append(f"<a href={quoteattr(href)}>{drawn}</a>" if href else drawn)
        return "".join([*parts, legend, "</svg>"])

    def _head(self, width: float, height: float, links: Mapping[PanelPlace, str] | None) -> str:
        planes = {node[2:] for node in self.labels[2] if isinstance(node, tuple)}
        label = (
            f"Provenance graph: {len(self.labels[1])} panels of {len(self.labels[0])} figures, "
            f"linked to {len(planes)} planes of {len(self._figures_of)} images"
        )
        paper = '<rect width="100%" height="100%" fill="#fff"/>' if links is None else ""
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="graph" width="{width:.0f}" height="{height:.0f}" '
            f'viewBox="0 0 {width:.0f} {height:.0f}" role="{"img" if links is None else "group"}" '
            f'aria-label={quoteattr(label)} font-family="system-ui, sans-serif" font-size="12">{paper}'
        )


def _ends(numbers: Mapping[Node, int], a: Node, b: Node) -> str:
    return f'data-from="{numbers[a]}" data-to="{numbers[b]}"'


def _line(a: Place, b: Place, ends: str, state: PanelState | None = None) -> str:
    x0, x1 = a.x + a.width, b.x
    bend = (x1 - x0) * 0.45
    path = f"M{x0:.1f} {a.y:.1f}C{x0 + bend:.1f} {a.y:.1f} {x1 - bend:.1f} {b.y:.1f} {x1:.1f} {b.y:.1f}"
    if state is None:
        return f'<path class="part" {ends} d="{path}" fill="none" stroke="#8c959f"/>'
    look = LOOKS[state]
    dash = f' stroke-dasharray="{look.dash}"' if look.dash else ""
    return (
        f'<path class="line {state.value}" {ends} d="{path}" fill="none" stroke="{look.color}" '
        f'stroke-width="1.8"{dash}><title>{state.label}</title></path>'
    )


def _node(place: Place, text: str, number: int, state: PanelState | None = None) -> str:
    top = place.y - NODE / 2
    color = LOOKS[state].color if state is not None else "#8c959f"
    name = state.value if state is not None else "plain"
    title = f"{state.label}: {text}" if state is not None else text
    icon = "" if state is None else _icon(state, place.x + 6, place.y)
    indent = 26 if state is not None else 9
    return (
        f'<g class="node {name}" data-node="{number}"><title>{escape(clean(title))}</title>'
        f'<rect x="{place.x:.1f}" y="{top:.1f}" width="{place.width:.1f}" height="{NODE:.0f}" rx="5" '
        f'fill="#fff" stroke="{color}"/>{icon}'
        f'<text x="{place.x + indent:.1f}" y="{place.y + 4:.1f}" fill="#1f2328">'
        f"{escape(clean(elided(text, _LONGEST)))}</text></g>"
    )


def _icon(state: PanelState, x: float, y: float) -> str:
    return (
        f'<svg class="icon {state.value}" x="{x:.1f}" y="{y - 7:.1f}" width="14" height="14" '
        f'viewBox="0 0 16 16" color="{LOOKS[state].color}">{icon_content(state)}</svg>'
    )


def _legend(states: list[PanelState], bottom: float, width: float) -> tuple[str, float]:
    """What the states mean, below the graph; and the height of the whole picture."""
    parts, x, y = [], MARGIN, bottom + MARGIN + 14
    for state in states:
        words = f"{state.label}: {state.meaning}"
        wide = 22 + 6.2 * len(words)
        if x > MARGIN and x + wide > width:
            x, y = MARGIN, y + 20
        parts.append(_icon(state, x, y))
        parts.append(f'<text class="legend" x="{x + 20:.1f}" y="{y + 4:.1f}" fill="#57606a">{escape(words)}</text>')
        x += wide + 16
    return "".join(parts), (y + MARGIN + 4 if parts else bottom + MARGIN)


def _width(label: str) -> float:
    return 36 + _LETTER * min(len(label), _LONGEST)


def _name(path: str) -> str:
    return path.rsplit("/", 1)[-1] or path
