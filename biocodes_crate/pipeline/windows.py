"""The window that OMERO.figure's JSON states of a channel, against the tones that its panel shows."""

from __future__ import annotations

from collections.abc import Iterator

from biocodes_crate.figures import Figure
from biocodes_crate.findings import Finding, Severity
from biocodes_crate.pipeline.words import panel_name
from biocodes_crate.tracing import SceneProvider, Status, TracedPage, tones_off

_OFF = 16.0  # levels of 255, median over the panel: JPEG and resampling stay far below


def check_windows(figure: Figure, pages: tuple[TracedPage, ...], scenes: SceneProvider) -> Iterator[Finding]:
    """Panels of one channel whose tones are not those of the window that is stated; merges are left alone."""
    for page, traced in zip(figure.pages, pages, strict=True):
        for panel, edges in zip(page.panels, traced.panels, strict=True):
            stated = panel.declared[0] if len(panel.declared) == 1 else None
            proven = [e for e in edges.edges if e.status is Status.VERIFIED and e.panel_to_source is not None]
            if stated is None or stated.window is None or len(proven) != 1 or stated.image != proven[0].image:
                continue
            if stated.c is not None and stated.c != proven[0].source.c:
                continue
            off = tones_off(panel, proven[0], stated.window, scenes)
            if off is not None and off > _OFF:
                black, white = stated.window
                yield Finding(
                    "window-mismatch",
                    Severity.WARNING,
                    traced.figure,
                    f"{panel_name(traced, edges)} is declared to show {black:g} of {stated.image} black and {white:g} "
                    f"white, but its tones are off by {off:.0f} of 255 levels",
                    "Export the figure again, or say in its caption how its contrast was changed.",
                )
