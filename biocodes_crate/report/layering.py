"""Where the nodes of the provenance graph go: four layers, from figures to images.

After Sugiyama et al. 1981 (doi:10.1109/TSMC.1981.4308636), with what is known of these graphs held
fixed: panels keep the order of their figure, and the planes of one image stay together, which leaves
no crossings but those between panels and planes. Within a layer, places are the nearest to the mean
of the neighbours that keep a distance: a regression under order constraints, solved by SciPy.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field

from scipy.optimize import isotonic_regression

ROW = 30.0  # height of a node with the gap below it
NODE = 24.0
GROUP_GAP = 14.0  # between figures

Node = Hashable
Line = tuple[Node, Node]


@dataclass(slots=True)
class Block:
    """A graph of four layers, or a part of one that hangs together; nodes in the order they are met."""

    figure_of: dict[Node, Node] = field(default_factory=dict)  # of each panel
    figures: dict[Node, None] = field(default_factory=dict)
    edges: dict[Line, None] = field(default_factory=dict)  # of panel and plane
    image_of: dict[Node, Node] = field(default_factory=dict)  # of each plane


def lay_out(block: Block, top: float) -> tuple[dict[Node, float], float]:
    """The centre of every node below `top`, and where the block ends."""
    panels, y, last = {}, top, None
    for panel, figure in block.figure_of.items():
        if last is not None and figure != last:
            y += GROUP_GAP
        last = figure
        panels[panel] = y + NODE / 2
        y += ROW
    figures = _follow(block.figures, [(figure, panel) for panel, figure in block.figure_of.items()], panels, top)
    image_means = _means([(block.image_of[plane], panel) for panel, plane in block.edges], panels)
    means = _means([(plane, panel) for panel, plane in block.edges], panels)

    def rank(plane: Node) -> tuple[float, str, float, str]:
        image = block.image_of[plane]
        return image_means[image], repr(image), means[plane], repr(plane)

    order = sorted(means, key=rank)
    planes = _settle(order, [means[plane] for plane in order], top)
    images = _follow(dict.fromkeys(block.image_of.values()), [(block.image_of[p], p) for p in order], planes, top)
    at = figures | panels | planes | images
    return at, max((centre + NODE / 2 for centre in at.values()), default=top)


def crossings(lines: Iterable[Line], at: dict[Node, float]) -> int:
    """How many pairs of lines cross, between two layers with their nodes at these heights."""
    seen: list[float] = []
    count = 0
    # In the order of the left ends, a line crosses all before it that end lower.
    for _, right in sorted((at[left], at[right]) for left, right in lines):
        count += len(seen) - bisect_right(seen, right)
        insort(seen, right)
    return count


def _means(pairs: Iterable[Line], other: dict[Node, float]) -> dict[Node, float]:
    found: dict[Node, list[float]] = {}
    for node, neighbour in pairs:
        found.setdefault(node, []).append(other[neighbour])
    return {node: sum(ys) / len(ys) for node, ys in found.items()}


def _follow(nodes: Iterable[Node], pairs: Sequence[Line], other: dict[Node, float], top: float) -> dict[Node, float]:
    """Nodes at the mean of their neighbours; those without any at the end."""
    means = _means(pairs, other)
    lowest = max(other.values(), default=top + NODE / 2)
    wanted = sorted(((means.get(node, lowest + ROW), node) for node in nodes), key=lambda pair: pair[0])
    return _settle([node for _, node in wanted], [y for y, _ in wanted], top)


def _settle(order: Sequence[Node], wanted: Sequence[float], top: float) -> dict[Node, float]:
    """Places in the given order, a row apart, as near to what is wanted as can be in the least squares."""
    if not order:
        return {}
    # With row i taken off place i, "a row apart" reads "not falling".
    flat = isotonic_regression([y - number * ROW for number, y in enumerate(wanted)]).x
    return {node: max(top + NODE / 2, float(flat[i])) + i * ROW for i, node in enumerate(order)}
