"""Provenance: every edge decided again from the pixels, without trusting what it says of its evidence."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import partial

from biocodes_crate.codes import code_picture
from biocodes_crate.crate import path_to_id
from biocodes_crate.crate.pages import LocatedPage
from biocodes_crate.errors import BiocodesError, UnreadableImage, UnsafePath
from biocodes_crate.figures import Panel
from biocodes_crate.figures.model import MOST_PANELS
from biocodes_crate.images import Scene
from biocodes_crate.progress import OnProgress, Progress
from biocodes_crate.tracing import recheck_panel
from biocodes_crate.tracing.model import Edge, Status, TracedPage, TracedPanel
from biocodes_crate.validation.integrity import UNREADABLE
from biocodes_crate.validation.panels import panel_at
from biocodes_crate.validation.rules import Findings
from biocodes_crate.validation.workspace import Workspace

# A hostile crate claims what takes hours to decide; no figure has so much.
_MOST_EDGES = 64  # of one panel: a merge has one for each channel
_MOST_ON_PAGE = 2000  # edges of all its panels
_MOST_PIXELS = 2_000_000_000  # of all its panels; the largest page that is read has a tenth


def check_provenance(
    workspace: Workspace, pages: Sequence[LocatedPage], found: Findings, on_progress: OnProgress
) -> None:
    """Check the pixels of every panel, and every edge."""
    total = sum(len(page.panels) for page, _ in pages)
    done = 0
    works: defaultdict[tuple[str, int], _Work] = defaultdict(_Work)
    # A figure is opened once: its pages one after the other, wherever the crate lists them.
    for page, ids in sorted(pages, key=lambda located: located[0].figure):
        work = works[page.figure, page.number]
        for panel, (panel_id, edge_ids) in zip(page.panels, ids, strict=True):
            on_progress(Progress("checking edges", done, total))
            done += 1
            tested = [(edge_id, edge) for edge_id, edge in zip(edge_ids, panel.edges, strict=True)]
            if not work.allows(panel):
                _not_rechecked(tested, "its page has more panels or edges than are decided", found)
                continue
            if not tested and panel.instance_code is None:
                continue
            pixels = _panel(workspace, page, panel, found)
            if isinstance(pixels, str):
                _not_rechecked(tested, pixels, found)
                continue
            work.add(pixels)
            _check_codes(panel_id, panel, pixels, found)
            _check_edges(workspace, tested[:_MOST_EDGES], pixels, found)
            if len(tested) > _MOST_EDGES:
                _not_rechecked(tested[_MOST_EDGES:], f"its panel has more than {_MOST_EDGES} edges", found)
                message = f"has {len(tested)} edges, of which the first {_MOST_EDGES} are decided"
                found.add("edges-too-many", panel_id, message, key="hasProvenanceEdge")
        if work.left_out:
            message = f"page {page.number} has {work.panels + work.left_out} panels, of which {work.panels} are decided"
            found.add("panels-too-many", path_to_id(page.figure), message, key="hasPart")
    on_progress(Progress("checking edges", total, total))


class _Work:
    """What deciding the panels of a page costs, kept within bounds."""

    def __init__(self) -> None:
        self._edges = 0
        self._pixels = 0
        self.panels = 0  # decided
        self.left_out = 0

    def allows(self, panel: TracedPanel) -> bool:
        """Whether one more panel is to be decided, which is counted then."""
        edges = self._edges + min(len(panel.edges), _MOST_EDGES)
        if self.panels >= MOST_PANELS or edges > _MOST_ON_PAGE or self._pixels > _MOST_PIXELS:
            self.left_out += 1
            return False
        self._edges = edges
        self.panels += 1
        return True

    def add(self, panel: Panel) -> None:
        """Count the pixels of a panel; what the crate says of its size may be anything."""
        self._pixels += panel.mask.size


def _panel(workspace: Workspace, page: TracedPage, panel: TracedPanel, found: Findings) -> Panel | str:
    """The panel's pixels, or why they cannot be had."""
    try:
        found_panel = panel_at(
            workspace.figure(page.figure),
            page.number,
            panel.box,
            partial(_has_codes, panel),
            partial(workspace.rasters, page.figure),
        )
    except FileNotFoundError:
        return f"{page.figure} is not in the crate"
    except UNREADABLE as error:
        message = getattr(error, "message", None) or str(error)
        figure_id = path_to_id(page.figure)
        if not isinstance(error, UnsafePath) and not found.about(figure_id, "figure-unreadable"):
            found.add("figure-unreadable", figure_id, message)
        return f"{page.figure} cannot be read: {message}"
    return found_panel if found_panel is not None else f"{page.figure} shows no panel at its box"


def _has_codes(panel: TracedPanel, pixels: Panel) -> bool:
    codes = code_picture(pixels.pixels)
    return (panel.instance_code or codes.instance_code) == codes.instance_code


def _check_codes(panel_id: str, panel: TracedPanel, pixels: Panel, found: Findings) -> None:
    codes = code_picture(pixels.pixels)
    for key, stated, actual in (
        ("iscc_code", panel.iscc, codes.iscc),
        ("imageCode", panel.image_code, codes.image_code),
        ("instanceCode", panel.instance_code, codes.instance_code),
    ):
        if stated is not None and stated != actual:
            message = f"'{key}' is {stated}, but is computed as {actual}"
            found.add("panel-code-differs", panel_id, message, key=key)


def _check_edges(workspace: Workspace, edges: list[tuple[str, Edge]], panel: Panel, found: Findings) -> None:
    missing: dict[str, str] = {}

    def scenes(image: str, scene: int) -> Scene:
        try:
            opened = workspace.image(image).scenes
        except (FileNotFoundError, BiocodesError) as error:
            missing[image] = getattr(error, "message", None) or f"{image} is not in the crate"
            raise UnreadableImage(missing[image], where=image) from error
        return next(one for one in opened if one.index == scene) if scene < len(opened) else _no_scene(image, scene)

    try:
        results = recheck_panel(panel, [edge for _, edge in edges], scenes)
    except UNREADABLE as error:
        _not_rechecked(edges, getattr(error, "message", None) or str(error), found)
        return
    for (edge_id, edge), result in zip(edges, results, strict=True):
        if edge.image in missing and not result.agrees:
            if edge.status is not Status.UNVERIFIED:
                _not_rechecked([(edge_id, edge)], missing[edge.image], found)
        elif not result.agrees:
            found.add("edge-refuted", edge_id, f"is {edge.status.value}, but {result.reason}", key="verificationStatus")
        elif result.drift:
            found.add("evidence-differs", edge_id, result.drift, key="evidence")


def _no_scene(image: str, scene: int) -> Scene:
    raise UnreadableImage(f"there is no scene {scene}", where=image)


def _not_rechecked(edges: Sequence[tuple[str, Edge]], reason: str, found: Findings) -> None:
    for edge_id, edge in edges:
        if edge.status is not Status.UNVERIFIED:
            found.add("edge-not-rechecked", edge_id, reason)
