"""The edges of a crate, as a sequence and as rows of a table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any, overload

from biocodes_crate.crate import display
from biocodes_crate.report import SceneFacts, describe_edge, explain_status
from biocodes_crate.tracing import Edge, Evidence, PlaneRef, Status


@dataclass(frozen=True, slots=True)
class PanelEdge:
    """An edge, with the panel that it starts from."""

    figure: str  # path within the study
    page: int
    panel: str  # its label, or "#3" for the third of a page without one
    edge: Edge
    scene_facts: SceneFacts | None = None  # names the channels

    @property
    def status(self) -> Status:
        """What the pixels say: verified, ambiguous, contradicted or unverified."""
        return self.edge.status

    @property
    def image(self) -> str:
        """Path of the source image within the study."""
        return self.edge.image

    @property
    def scene(self) -> int:
        """Which scene of the image."""
        return self.edge.scene

    @property
    def plane(self) -> PlaneRef:
        """The plane or projection."""
        return self.edge.source

    @property
    def evidence(self) -> Evidence:
        """What was measured."""
        return self.edge.evidence

    @property
    def words(self) -> str:
        """How the panel was made from its source: "channel 1 (GFP), 400×400 px at (380, 410), …"."""
        return describe_edge(self.edge, self.scene_facts)

    @property
    def verdict(self) -> str:
        """The status in a sentence."""
        return explain_status(self.edge)

    def row(self) -> dict[str, Any]:
        """The edge as plain values, for a table."""
        source, evidence, region = self.edge.source, self.edge.evidence, self.edge.region
        made = source.projection
        return {
            "figure": self.figure,
            "page": self.page,
            "panel": self.panel,
            "status": self.edge.status.value,
            "claim": self.edge.claim.value,
            "image": self.edge.image,
            "scene": self.edge.scene,
            "z": source.z,
            "c": source.c,
            "t": source.t,
            "projection": None if made is None else f"{made.kind.value} {made.z_start}-{made.z_end}",
            "x": None if region is None else region.x,
            "y": None if region is None else region.y,
            "width": None if region is None else region.w,
            "height": None if region is None else region.h,
            "correlation": evidence.correlation,
            "image_code_hamming": evidence.image_code_hamming,
            "share_explained": evidence.share_explained,
            "log10_false_alarm": evidence.log10_false_alarm,
        }

    def __repr__(self) -> str:
        return (
            f"<{self.status.value}: {display(self.figure)} {display(self.panel)} ← {display(self.image)}: {self.words}>"
        )


class Edges(Sequence[PanelEdge]):
    """Edges in the order of figures and panels. ``pandas.DataFrame(edges.rows())`` makes a table of them."""

    def __init__(self, edges: Iterable[PanelEdge]) -> None:
        self._edges = tuple(edges)

    def rows(self) -> list[dict[str, Any]]:
        """One dictionary for each edge."""
        return [edge.row() for edge in self._edges]

    def of_status(self, *statuses: Status | str) -> Edges:
        """Those with one of these statuses, such as ``of_status("verified")``."""
        wanted = {Status(status) for status in statuses}
        return Edges(edge for edge in self._edges if edge.status in wanted)

    @overload
    def __getitem__(self, index: int) -> PanelEdge: ...
    @overload
    def __getitem__(self, index: slice) -> Edges: ...
    def __getitem__(self, index: int | slice) -> PanelEdge | Edges:
        return Edges(self._edges[index]) if isinstance(index, slice) else self._edges[index]

    def __len__(self) -> int:
        return len(self._edges)

    def __repr__(self) -> str:
        return "\n".join(map(repr, self._edges)) or "<no edges>"

    def _repr_html_(self) -> str:
        """A table, in a notebook."""
        rows = [("figure", "panel", "status", "image", "how")]
        rows += [(edge.figure, edge.panel, edge.status.value, edge.image, edge.words) for edge in self._edges]
        cells = ["".join(f"<td>{escape(display(cell))}</td>" for cell in row) for row in rows]
        head = cells[0].replace("td>", "th>")
        body = "".join(f"<tr>{row}</tr>" for row in cells[1:])
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
