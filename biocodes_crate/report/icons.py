"""The icon, colour and line of each state: shapes differ, so that colour is never the only signal."""

from __future__ import annotations

from dataclasses import dataclass

from biocodes_crate.report.states import PanelState


@dataclass(frozen=True, slots=True)
class Look:
    """How a state looks. The icon lies in a box of 16×16."""

    shape: str  # SVG, filled with the colour of the state
    glyph: str  # path drawn over it
    color: str  # on a light page; the style sheet of the page has others for dark
    dash: str  # stroke-dasharray of outlines and lines, "" where solid


LOOKS = {
    PanelState.VERIFIED: Look(
        '<circle cx="8" cy="8" r="7.5"/>',
        "M4.4 8.3 7 10.9 11.7 5.5",
        "#0a7a50",
        "",
    ),
    PanelState.AMBIGUOUS: Look(
        '<path d="M8 0 16 8 8 16 0 8Z"/>',
        "M4.4 7q1.8-1.8 3.6-.4t3.6-.4M4.4 10.2q1.8-1.8 3.6-.4t3.6-.4",
        "#8f5d00",
        "9 4",
    ),
    PanelState.CONTRADICTED: Look(
        '<path d="M4.9.5h6.2l4.4 4.4v6.2l-4.4 4.4H4.9L.5 11.1V4.9Z"/>',
        "M5 5l6 6M11 5l-6 6",
        "#c01c28",
        "2.5 3.5",
    ),
    PanelState.UNVERIFIED: Look(
        '<rect x=".8" y=".8" width="14.4" height="14.4" rx="3"/>',
        "M5.8 6q.2-2.2 2.2-2.2T10.2 6q0 1.3-1.2 2-1 .6-1 1.6M8 12.2v.1",
        "#6b3fc4",
        "12 4 3 4",
    ),
    PanelState.NO_SOURCE: Look(
        '<circle cx="8" cy="8" r="7.5"/>',
        "M4.5 8h7",
        "#57606a",
        "1 5",
    ),
    PanelState.NOT_TRACED: Look(
        '<rect x="1" y="1" width="14" height="14" rx="1"/>',
        "M4.5 12V8M8 12V4.5M11.5 12V7",
        "#7a828c",
        "1 8",
    ),
}


def icon_symbol(state: PanelState) -> str:
    """An SVG `symbol` with the id `icon-…`, to be used many times."""
    return f'<symbol id="icon-{state.value}" viewBox="0 0 16 16">{icon_content(state)}</symbol>'


def icon_content(state: PanelState) -> str:
    """The icon itself, in a box of 16×16, in the current colour."""
    look = LOOKS[state]
    glyph = (
        f'<path class="glyph" d="{look.glyph}" fill="none" stroke="#fff" stroke-width="1.8" '
        'stroke-linecap="round" stroke-linejoin="round"/>'
    )
    return f'<g fill="currentColor">{look.shape}</g>{glyph}'
