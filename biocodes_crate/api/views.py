"""The pictures of panels, drawn when they are first asked for, and kept for a while."""

from __future__ import annotations

from biocodes_crate.images import Scene
from biocodes_crate.report import Painter, PanelView
from biocodes_crate.tracing import TracedPage

MOST_KEPT = 32  # a view is a megabyte or two


class Views:
    """Draws panels with their sources."""

    def __init__(self, painter: Painter) -> None:
        self._painter = painter
        self._kept: dict[tuple[str, int, int], PanelView] = {}

    def panel(self, page: TracedPage, position: int) -> PanelView:
        """The panel at a position of its page."""
        key = (page.figure, page.number, position)
        if key not in self._kept:
            while len(self._kept) >= MOST_KEPT:
                del self._kept[next(iter(self._kept))]
            self._kept[key] = self._painter.panel(page, position)
        return self._kept[key]

    def scene(self, image: str, index: int) -> Scene:
        """A scene of an image; raises :class:`UnreadableImage` if there is none."""
        return self._painter.scene(image, index)
