"""The description of a record: what the study is, and what its figures show, in simple HTML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

from biocodes_crate.crate import METADATA, PREVIEW, display, read_pages
from biocodes_crate.crate.entities import Index, first_ref, text, types
from biocodes_crate.errors import BiocodesError
from biocodes_crate.tracing.model import Edge, PlaneRef, Status, TracedPage, TracedPanel

MOST_PANELS = 100  # that are listed one by one
MOST_TEXT = 20_000  # characters of the authors' own description

_WORDS = {
    Status.VERIFIED: "verified on the pixels",
    Status.AMBIGUOUS: "scene and region proven on the pixels, several planes fit",
    Status.CONTRADICTED: "declared, but contradicted by the pixels",
    Status.UNVERIFIED: "declared, could not be tested",
}


def describe(metadata: Mapping[str, Any]) -> str:
    """A description in HTML of the few elements that InvenioRDM keeps; everything from the crate is escaped."""
    index = Index(metadata)
    root = index.get(first_ref(index.get(METADATA), "about")) or index.get("./")
    blocks = [_paragraph(part) for part in (text(root, "description") or "").split("\n\n")][:100]
    blocks = [block for block in blocks if block]
    pages = _pages(metadata)
    images = sum(
        1 for entity in index if "ImageObject" in types(entity) and {"File", "Dataset"} & set(types(entity))
        and "figurePage" not in entity
    )  # fmt: skip
    blocks.append(f"<p>{_counted(images, pages)}</p>")
    blocks += _figures(pages)
    iscc = text(root, "iscc_code")
    code = f" The code of its content is <code>{escape(iscc)}</code>." if iscc else ""
    blocks.append(
        '<p>The zip is a complete <a href="https://w3id.org/ro/crate/1.3">RO-Crate</a> in the profile '
        '<a href="https://w3id.org/biocodes/crate/0.1">biocodes</a>; the files beside it are copies of what it '
        f"holds: {METADATA} (everything, as JSON-LD), {PREVIEW} (a page to look at: download it first) and "
        f"edges.jsonld (the provenance edges alone).{code}</p>"
    )
    return "\n".join(blocks)


def _pages(metadata: Mapping[str, Any]) -> tuple[TracedPage, ...]:
    try:
        return tuple(read_pages(metadata))
    except BiocodesError:
        return ()


def _counted(images: int, pages: Iterable[TracedPage]) -> str:
    figures = list(dict.fromkeys(page.figure for page in pages))
    edges = Counter(edge.status for page in pages for panel in page.panels for edge in panel.edges)
    parts = [f"{images} image{'' if images == 1 else 's'}", f"{len(figures)} figure{'' if len(figures) == 1 else 's'}"]
    parts += [f"{count} provenance edge{'' if count == 1 else 's'} {status.value}" for status, count in sorted(
        edges.items(), key=lambda item: list(Status).index(item[0]))]  # fmt: skip
    return f"Contents: {', '.join(parts)}."


def _figures(pages: Iterable[TracedPage]) -> Iterable[str]:
    left = MOST_PANELS
    for page in pages:
        shown = [panel for panel in page.panels if panel.kind.value == "image"]
        if not shown:
            continue
        name = display(page.figure) + (f", page {page.number}" if page.number > 1 else "")
        if left <= 0:
            yield "<p>Further figures are described in the crate.</p>"
            return
        rows = "".join(f"<li>{_panel(panel)}</li>" for panel in shown[:left])
        more = f"<li>and {len(shown) - left} more panels</li>" if len(shown) > left else ""
        left -= len(shown)
        yield f"<p><strong>{escape(name)}</strong></p>\n<ul>{rows}{more}</ul>"


def _panel(panel: TracedPanel) -> str:
    label = panel.label or f"at ({panel.box.x:.0f}, {panel.box.y:.0f})"
    sources = "; ".join(_edge(edge) for edge in panel.edges) or "no source found"
    return f"Panel {escape(label)}: {sources}"


def _edge(edge: Edge) -> str:
    scene = f", scene {edge.scene}" if edge.scene else ""
    correlation = edge.evidence.correlation
    number = f", correlation {correlation:.2f}" if correlation is not None else ""
    return f"{escape(display(edge.image))}{scene}, {_plane(edge.source)} ({_WORDS[edge.status]}{number})"


def _plane(plane: PlaneRef) -> str:
    made = plane.projection
    z = f"{made.kind.value} of z {made.z_start}–{made.z_end}" if made is not None else f"z {_said(plane.z)}"
    return f"{z}, c {_said(plane.c)}, t {_said(plane.t)}"


def _said(index: int | None) -> str:
    return "?" if index is None else str(index)


def _paragraph(part: str) -> str:
    words = " ".join(part.split())[:MOST_TEXT]
    return f"<p>{escape(words)}</p>" if words else ""
