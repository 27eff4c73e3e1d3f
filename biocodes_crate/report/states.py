"""What is known of a panel as a whole: the one state that the figure shows it in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from biocodes_crate.figures.model import PanelKind
from biocodes_crate.tracing.model import Status, TracedPage, TracedPanel


class PanelState(Enum):
    """Each has its own colour, icon and dash pattern: colour is never the only signal."""

    VERIFIED = "verified"
    AMBIGUOUS = "ambiguous"
    CONTRADICTED = "contradicted"
    UNVERIFIED = "unverified"
    NO_SOURCE = "no-source"
    NOT_TRACED = "not-traced"  # charts, drawings, text

    @property
    def label(self) -> str:
        return _LABELS[self][0]

    @property
    def meaning(self) -> str:
        return _LABELS[self][1]

    @property
    def needs_attention(self) -> bool:
        return self in _ATTENTION


_LABELS = {
    PanelState.VERIFIED: ("verified", "the pixels prove the source"),
    PanelState.AMBIGUOUS: ("ambiguous", "image and region are proven, the plane is not"),
    PanelState.CONTRADICTED: ("contradicted", "a declared source is not what the panel shows"),
    PanelState.UNVERIFIED: ("unverified", "a source is declared that could not be tested"),
    PanelState.NO_SOURCE: ("no source", "no source was found or declared"),
    PanelState.NOT_TRACED: ("not an image", "a chart, drawing or text, which is not traced"),
}
_ATTENTION = frozenset(
    {PanelState.AMBIGUOUS, PanelState.CONTRADICTED, PanelState.UNVERIFIED, PanelState.NO_SOURCE},
)


def state_of(panel: TracedPanel) -> PanelState:
    """A false declaration outweighs what is proven besides; what is proven outweighs what could not be tested."""
    statuses = {edge.status for edge in panel.edges}
    for status, state in (
        (Status.CONTRADICTED, PanelState.CONTRADICTED),
        (Status.VERIFIED, PanelState.VERIFIED),
        (Status.AMBIGUOUS, PanelState.AMBIGUOUS),
        (Status.UNVERIFIED, PanelState.UNVERIFIED),
    ):
        if status in statuses:
            return state
    return PanelState.NO_SOURCE if panel.kind is PanelKind.IMAGE else PanelState.NOT_TRACED


@dataclass(frozen=True, slots=True)
class Tally:
    """Panels of a study by state."""

    counts: dict[PanelState, int]
    images: int  # panels that show an image
    verified: int  # of these, proven to show a plane or projection of the study
    ambiguous: int  # of these, proven to show an image and region of it, but not which plane
    unexplained: int  # panels with pixels that their verified source does not explain

    @property
    def backed(self) -> int:
        """Panels that are proven to show data of the study."""
        return self.verified + self.ambiguous


def tally(pages: Iterable[TracedPage]) -> Tally:
    """Count the panels of all pages."""
    panels = [panel for page in pages for panel in page.panels]
    proven = [{edge.status for edge in panel.edges} for panel in panels]
    counts = Counter(state_of(panel) for panel in panels)
    return Tally(
        counts={state: counts[state] for state in PanelState if counts[state]},
        images=sum(state is not PanelState.NOT_TRACED for state in counts.elements()),
        verified=sum(Status.VERIFIED in statuses for statuses in proven),
        ambiguous=sum(Status.AMBIGUOUS in statuses and Status.VERIFIED not in statuses for statuses in proven),
        unexplained=sum(bool(panel.unexplained) for panel in panels),
    )
