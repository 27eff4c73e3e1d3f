"""What things are called in findings."""

from __future__ import annotations

from biocodes_crate.tracing import TracedPage, TracedPanel


def panel_name(page: TracedPage, panel: TracedPanel) -> str:
    """A panel, as a person would call it."""
    place = f" on page {page.number}" if page.number > 1 else ""
    if panel.label:
        return f"panel {panel.label}{place}"
    return f"the panel at ({panel.box.x:.0f}, {panel.box.y:.0f}){place}"
