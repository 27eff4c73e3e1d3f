"""Trace panels: candidates → registration → verification → edges."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import cv2
import numpy as np

from biocodes_crate.codes import code_picture, image_code_hamming
from biocodes_crate.errors import BiocodesError
from biocodes_crate.figures.model import Box, Figure, Panel, PanelKind
from biocodes_crate.images import Scene
from biocodes_crate.progress import OnProgress, Progress, ignore_progress
from biocodes_crate.study.manifest import DeclaredSource
from biocodes_crate.tracing.companions import suggested
from biocodes_crate.tracing.decision import NEARLY_ALL, Decision, decide
from biocodes_crate.tracing.declared import judge_declared
from biocodes_crate.tracing.direct import declared_hypotheses
from biocodes_crate.tracing.index import TraceIndex
from biocodes_crate.tracing.intensity import intensity_of
from biocodes_crate.tracing.locate import Fit, PanelPixels, locate
from biocodes_crate.tracing.model import Affine, Claim, Edge, Evidence, PlaneRef, Status, TracedPage, TracedPanel
from biocodes_crate.tracing.pixels import Matrix, SceneProvider, SourcePixels, apart, plan_warp
from biocodes_crate.tracing.retrieve import Hypothesis, Query, find_hypotheses, likely_pictures
from biocodes_crate.tracing.shortlist import shortlist
from biocodes_crate.tracing.sliding import slide
from biocodes_crate.tracing.tones import PanelTone, take_apart
from biocodes_crate.tracing.unexplained import unexplained_boxes
from biocodes_crate.tracing.whole import whole_planes

LIKELY = 120  # key pictures whose scenes the panel is slid over when nothing else has found it
FOLLOWED, FOLLOWED_OF_SLID = 8, 4  # hypotheses that are followed up on the pixels
SURE = -7.0  # log10 false alarm at which no further hypothesis is tried, unless it says another place
NEARLY_AS_GOOD = 0.5  # in features that agree
SAME_RESIDUAL = 1.15  # a fit elsewhere that leaves no more than this many times the error is a rival
MISSING = 0.02  # of the panel, that must lie beyond the scene to tell one place from another
ABOUT_AS_WELL = 0.9
SMALLEST_SIDE = 24  # pixels; smaller panels abstain


def trace_figure(
    figure: Figure,
    figure_path: str,
    index: TraceIndex,
    scenes: SceneProvider,
    on_progress: OnProgress = ignore_progress,
) -> tuple[TracedPage, ...]:
    """The edges of every panel of a figure.

    Parameters
    ----------
    figure_path
        Path within the study, with slashes.
    scenes
        Opens a scene by the path of its image and its number; may raise `BiocodesError`.
    """
    pixels = SourcePixels(scenes)
    total = sum(len(page.panels) for page in figure.pages)
    done, pages = 0, []
    for page in figure.pages:
        traced = []
        for panel in page.panels:
            on_progress(Progress(f"tracing {figure_path}", done, total))
            traced.append(trace_panel(panel, index, pixels))
            done += 1
        found_on_page = list(zip(page.panels, traced, strict=True))
        traced = [
            trace_panel(panel, index, pixels, suggested(panel, [o for o in found_on_page if o[0] is not panel], pixels))
            if _is_open(panel, found)
            else found
            for panel, found in found_on_page
        ]
        pages.append(TracedPage(figure_path, page.number, page.width, page.height, page.unit, tuple(traced)))
    on_progress(Progress(f"tracing {figure_path}", done, total))
    return tuple(pages)


def _is_open(panel: Panel, traced: TracedPanel) -> bool:
    return _is_traceable(panel) and not any(e.status in (Status.VERIFIED, Status.AMBIGUOUS) for e in traced.edges)


def _is_traceable(panel: Panel) -> bool:
    return panel.kind is PanelKind.IMAGE and min(panel.pixels.shape[:2]) >= SMALLEST_SIDE


def trace_panel(
    panel: Panel,
    index: TraceIndex,
    scenes: SceneProvider | SourcePixels,
    instead: Iterable[Sequence[Hypothesis]] | None = None,
) -> TracedPanel:
    """The edges of one panel: declared sources tested first, then what the index finds.

    With `instead`, the index is not asked, and only these batches of places are tried.
    """
    pixels = scenes if isinstance(scenes, SourcePixels) else SourcePixels(scenes)
    height, width = panel.pixels.shape[:2]
    codes = code_picture(panel.pixels)
    bare = TracedPanel(
        panel.label,
        panel.box,
        panel.kind,
        width,
        height,
        codes.iscc,
        codes.image_code,
        codes.instance_code,
        panel.digital_source,
    )
    traceable = _is_traceable(panel)
    tone = take_apart(panel.pixels, panel.mask)
    panel_pixels = PanelPixels(panel, tone)
    batches = _hypotheses(panel, panel_pixels, index, pixels) if instead is None else instead
    best = _best_fit(panel_pixels, panel, batches, pixels) if traceable else None
    discovered = edges_of(best[0], best[1], panel, tone, pixels.scene(best[0].image, best[0].scene)) if best else ()
    edges = judge_declared(panel.declared, discovered, pixels.scene, traceable=traceable)
    boxes = unexplained_boxes(best[0], panel.box, panel.pixels.shape) if best else ()
    return replace(bare, edges=edges, unexplained=boxes)


def _best_fit(
    panel_pixels: PanelPixels, panel: Panel, batches: Iterable[Sequence[Hypothesis]], pixels: SourcePixels
) -> tuple[Fit, Decision] | None:
    """The accepted fit that explains the panel best, or None."""
    for hypotheses in batches:
        accepted: list[tuple[Fit, Decision]] = []
        sure: tuple[Fit, Hypothesis] | None = None
        for hypothesis in hypotheses:
            if sure is not None and not _elsewhere(hypothesis, *sure, panel.pixels.shape):
                continue
            try:
                fit = locate(panel_pixels, hypothesis, pixels)
            except BiocodesError:
                continue  # its pixels cannot be read: a finding of the image, made where it was coded
            if fit is None:
                continue
            decision = decide(fit.agreement)
            if decision.accepted:
                accepted.append((fit, decision))
                if sure is None and _is_sure(fit, decision):
                    sure = fit, hypothesis
        if accepted:
            best = _best_of(accepted)
            return _with_rivals(best, accepted, panel.pixels.shape, pixels.scene(best[0].image, best[0].scene))
    return None


def _is_sure(fit: Fit, decision: Decision) -> bool:
    """Whether a fit leaves nothing to be wished for: one that is a few pixels off can be proven, too."""
    in_place, parts = fit.agreement.parts[0]
    return decision.log10_false_alarm < SURE and fit.agreement.tile_share > 0.85 and in_place >= NEARLY_ALL * parts


def _best_of(accepted: Sequence[tuple[Fit, Decision]]) -> tuple[Fit, Decision]:
    """The fit that explains the panel best; of fits to one scene that do so about as well, the closest one."""

    def overall(fit: Fit) -> float:
        return fit.agreement.tile_share * fit.agreement.correlation

    first = max((fit for fit, _ in accepted), key=lambda fit: (overall(fit), fit.image))
    alike = [
        (fit, decision)
        for fit, decision in accepted
        if (fit.image, fit.scene) == (first.image, first.scene) and overall(fit) > ABOUT_AS_WELL * overall(first)
    ]
    return min(alike, key=lambda pair: pair[0].agreement.capped)


def all_fits(panel: Panel, index: TraceIndex, scenes: SceneProvider | SourcePixels) -> Iterator[tuple[Fit, Decision]]:
    """Every fit of a panel to what the index proposes, accepted or not: what the decision is calibrated on."""
    pixels = scenes if isinstance(scenes, SourcePixels) else SourcePixels(scenes)
    panel_pixels = PanelPixels(panel, take_apart(panel.pixels, panel.mask))
    for hypotheses in _hypotheses(panel, panel_pixels, index, pixels):
        for hypothesis in hypotheses:
            fit = locate(panel_pixels, hypothesis, pixels)
            if fit is not None:
                yield fit, decide(fit.agreement)


def _elsewhere(hypothesis: Hypothesis, fit: Fit, first: Hypothesis, shape: tuple[int, ...]) -> bool:
    """Whether a hypothesis is nearly as good as the one that led to a sure fit, and says another place of its scene.

    Channels may hold the same pixels in other places: registered, or copied with an offset.
    """
    key = hypothesis.picture
    same_scene = (key.image, key.scene) == (fit.image, fit.scene)
    if not same_scene or hypothesis.matches < NEARLY_AS_GOOD * max(first.matches, 1):
        return False
    return apart(hypothesis.panel_to_source, fit.panel_to_source, shape)


def _with_rivals(
    best: tuple[Fit, Decision], accepted: Sequence[tuple[Fit, Decision]], shape: tuple[int, ...], scene: Scene
) -> tuple[Fit, Decision]:
    """The best fit, tied with planes of its scene that show the same pixels in another place."""

    def is_rival(fit: Fit) -> bool:
        return (
            (fit.image, fit.scene) == (best[0].image, best[0].scene)
            and not set(fit.planes) & set(best[0].planes)
            and apart(fit.panel_to_source, best[0].panel_to_source, shape)
            and fit.agreement.capped < SAME_RESIDUAL * best[0].agreement.capped
        )

    def held(fit: Fit) -> float:
        """The share of the panel that lies within the scene."""
        warp = plan_warp(fit.panel_to_source, fit.grid, scene)
        return 0.0 if warp is None else float(warp.inside.mean())

    rivals = [best, *(pair for pair in accepted if is_rival(pair[0]))]
    # A panel shows nothing that its source does not hold.
    most = max(held(fit) for fit, _ in rivals)
    rivals = [pair for pair in rivals if held(pair[0]) > most - MISSING]
    fit, decision = rivals[0]
    others = [other.choice.best for other, _ in rivals[1:] if not set(other.planes) & set(fit.planes)]
    return replace(fit, choice=replace(fit.choice, tied=(*fit.choice.tied, *others))), decision


def _hypotheses(
    panel: Panel, panel_pixels: PanelPixels, index: TraceIndex, pixels: SourcePixels
) -> Iterator[Sequence[Hypothesis]]:
    """What to try, a batch at a time: the declared sources, local features, whole planes, then a slow search."""
    tone = panel_pixels.tone
    query = Query(tone.greys, panel.mask, index)
    named = {source.image for source in panel.declared}
    if named:
        yield [*declared_hypotheses(panel, tone, pixels), *find_hypotheses(query, only=named, count=3)]
    yield find_hypotheses(query, count=FOLLOWED)
    yield whole_planes(tone.greys, index)
    slid = slide(tone.greys[0], index, likely_pictures(query, LIKELY), pixels)
    yield shortlist(panel_pixels, slid, index, pixels, FOLLOWED_OF_SLID)


def edges_of(fit: Fit, decision: Decision, panel: Panel, tone: PanelTone, scene: Scene) -> tuple[Edge, ...]:
    """One edge for each channel that an accepted fit shows."""
    tied = fit.choice.tied
    evidence = evidence_of(fit, decision)
    region = region_of(fit.panel_to_source, panel.pixels.shape, scene)
    edges = []
    for number, plane in enumerate(fit.planes):
        channels = {c for ranked in tied for c in ranked.channels} if fit.mixture is None else {plane.c}
        candidates = tuple(
            ranked.depth.plane(c)
            for ranked in tied
            for c in (ranked.channels if fit.mixture is None else (plane.c,))
            if c in channels
        )
        ambiguous = len(tied) > 1
        others = [ranked.depth.plane(plane.c) for ranked in fit.choice.alike]
        alike = tuple(other for other in others if other != plane and not ambiguous)
        exactly = "; the pixels do not tell which of the candidate planes it is" if ambiguous else _give(plane, alike)
        edges.append(
            Edge(
                Status.AMBIGUOUS if ambiguous else Status.VERIFIED,
                Claim.DISCOVERED,
                fit.image,
                fit.scene,
                plane,
                region,
                as_affine(fit.panel_to_source),
                intensity_of(fit, number, tone),
                evidence,
                candidates if ambiguous else (),
                decision.reason + exactly,
                alike,
            )
        )
    return tuple(edges)


def _give(named: PlaneRef, alike: Sequence[PlaneRef]) -> str:
    """How exactly the ends of a range are known, in words; empty where that is to one slice."""
    ranges = [plane.projection for plane in (named, *alike) if plane.projection is not None]
    first, last = [p.z_start for p in ranges], [p.z_end for p in ranges]
    if not ranges or (max(first) - min(first) <= 1 and max(last) - min(last) <= 1):
        return ""
    return (
        f"; a range that begins at z {min(first)} to {max(first)} and ends at z {min(last)} to {max(last)} "
        "can look the same"
    )


def evidence_of(fit: Fit, decision: Decision) -> Evidence:
    """The numbers of an edge, rounded to what they are good for."""
    return Evidence(
        correlation=round(fit.agreement.correlation, 4),
        image_code_hamming=_hamming(fit),
        share_explained=round(fit.agreement.share_explained, 4),
        plane_margin=None if fit.choice.margin is None else round(fit.choice.margin, 4),
        log10_false_alarm=round(decision.log10_false_alarm, 1),
    )


def _hamming(fit: Fit) -> int:
    """Bits in which the Image-Codes of panel and re-rendered source differ, masked pixels taken from neither."""
    a, b = (np.atleast_3d(field) for field in (fit.compared, fit.rendered))
    a = np.where(fit.valid[..., np.newaxis], a, b)
    codes = []
    for field in (a, b):
        picture = np.clip(np.rint(field), 0, 255).astype(np.uint8)
        rgb = cv2.cvtColor(picture, cv2.COLOR_GRAY2RGB) if picture.shape[2] == 1 else picture
        codes.append(code_picture(np.ascontiguousarray(rgb)).image_code)
    return image_code_hamming(codes[0], codes[1])


def region_of(panel_to_source: Matrix, panel_shape: tuple[int, ...], scene: Scene) -> Box:
    """Bounding box, in source pixels, of what the panel shows of the plane; a margin beyond the plane is cut off."""
    height, width = panel_shape[:2]
    corners = panel_to_source @ np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], float).T
    limits = [scene.size_x, scene.size_y]
    low, high = np.clip(corners.min(axis=1), 0, limits), np.clip(corners.max(axis=1), 0, limits)
    return Box(*(round(float(v), 3) for v in (*low, *(high - low))))


def as_affine(matrix: Matrix) -> Affine:
    """A (2, 3) array as plain numbers; rounded to a thousandth of a pixel over 10,000 pixels."""
    (a, b, c), (d, e, f) = matrix
    return (
        (round(float(a), 7), round(float(b), 7), round(float(c), 4)),
        (round(float(d), 7), round(float(e), 7), round(float(f), 4)),
    )


def missing_sources(declared: Sequence[DeclaredSource], known: set[str]) -> tuple[DeclaredSource, ...]:
    """Declared sources whose image is not among `known` paths."""
    return tuple(source for source in declared if source.image not in known)
