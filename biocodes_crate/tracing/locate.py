"""From a hypothesis to a fit: register, find the plane, register again, measure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from biocodes_crate.figures.model import Panel
from biocodes_crate.images import Scene
from biocodes_crate.tracing.anchors import anchor_of, plane_reader
from biocodes_crate.tracing.drawing import Canvas
from biocodes_crate.tracing.evidence import Agreement, Likeness, agreement, belonging, likeness
from biocodes_crate.tracing.filters import blur
from biocodes_crate.tracing.model import PlaneRef
from biocodes_crate.tracing.pixels import (
    Grid,
    Kernel,
    SourcePixels,
    Warp,
    apply_warp,
    comparison_grid,
    mask_on_grid,
    on_grid,
    plan_warp,
)
from biocodes_crate.tracing.planes import (
    DECIDED_CLOSELY_ON,
    DECIDED_ON,
    LEAST_SHARE,
    SCANNED,
    Choice,
    Pages,
    Ranked,
    Sampled,
    choose_plane,
    pages_of,
    scan_planes,
)
from biocodes_crate.tracing.register import SMALLEST_OVERLAP, Reader, register
from biocodes_crate.tracing.retrieve import Hypothesis
from biocodes_crate.tracing.settle import settle
from biocodes_crate.tracing.strokes import drawn_over
from biocodes_crate.tracing.tones import Mixture, PanelTone, ToneCurve, fit_colours, fit_mixture, fit_tone

Matrix = NDArray[np.float64]
Grey = NDArray[np.float32]

COARSE, FINE = 200, 480  # longest sides of the grids
CATCH = 2.5  # blur that a place is caught with, in grid pixels
RESETTLED = 4  # times that a place is brought onto the plane that was found there, unless it
SETTLED = 1.0  # moves by less than so many panel pixels, and shows the same plane
MOST_CHANNELS = 6  # that are tried in places of their own
HIDDEN_SHARE = 0.03  # likewise, where the panel looks like a single channel


@dataclass(frozen=True, slots=True)
class Fit:
    """A source in the place of a panel, with everything that was measured."""

    image: str
    scene: int
    panel_to_source: Matrix
    channels: tuple[int, ...]
    choice: Choice
    agreement: Agreement
    tone: ToneCurve | None
    mixture: Mixture | None
    shares: tuple[float, ...]  # of the panel's variance, for each channel
    rendered: NDArray[np.float32]  # on the grid, (Y, X) or (Y, X, 3), grey levels
    compared: NDArray[np.float32]  # the panel likewise
    valid: NDArray[np.bool_]  # (Y, X)
    grid: Grid
    drawn: NDArray[np.bool_] | None = None  # (Y, X), of what is not valid: drawn over the image, as the source shows

    @property
    def planes(self) -> tuple[PlaneRef, ...]:
        return tuple(self.choice.best.depth.plane(c) for c in self.channels)


class PanelPixels:
    """A panel's tones on grids of any size."""

    def __init__(self, panel: Panel, tone: PanelTone) -> None:
        self.shape = panel.pixels.shape
        self.tone = tone
        self._rgb = panel.pixels.astype(np.float32)
        # JPEG and resampling smear overlays by a pixel or two.
        self._mask = cv2.dilate(panel.mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0

    def grey(self, number: int, grid: Grid) -> Grey:
        return on_grid(self.tone.greys[number], grid)

    def colours(self, grid: Grid) -> NDArray[np.float32]:
        return on_grid(self._rgb, grid)

    def valid(self, grid: Grid) -> NDArray[np.bool_]:
        return ~mask_on_grid(self._mask, grid)


def locate(panel: PanelPixels, hypothesis: Hypothesis, pixels: SourcePixels) -> Fit | None:
    """Follow up a hypothesis on the pixels; None where registration fails."""
    key = hypothesis.picture
    scene = pixels.scene(key.image, key.scene)
    anchor = anchor_of(key, scene)
    found = (
        _placed(panel, hypothesis, scene) if hypothesis.placed else _register(panel, pixels, hypothesis, scene, anchor)
    )
    if found is None:
        return None
    place = Place(key.image, scene, found.matrix, found.number)
    best = _scan(panel, pixels, place)[0]
    # What was scanned lay where the key picture lies; channels are shifted against each other, and stages drift.
    for _ in range(RESETTLED):
        plane = best.depth.plane(-1 if scene.is_rgb else _leading(panel, pixels, place, best))
        settled = _settle(panel, pixels, place, plane)
        if settled is None:
            return None
        moved = _moved(place.matrix, settled, panel.shape)
        place = replace(place, matrix=settled)
        before, best = best, _scan(panel, pixels, place)[0]
        if moved < SETTLED and best.depth == before.depth and best.channels == before.channels:
            break
    place = with_kernel(panel, pixels, place, [best.depth.plane(c) for c in best.channels])
    return measure(panel, pixels, place, _choose(panel, pixels, place))


def _moved(a: Matrix, b: Matrix, shape: tuple[int, ...]) -> float:
    """How far apart two transforms put the corners of a panel, in panel pixels."""
    height, width = shape[:2]
    corners = np.array([[0, 0, 1], [width, 0, 1], [0, height, 1], [width, height, 1]], float).T
    scale = float(np.sqrt(abs(np.linalg.det(b[:, :2]))))
    return float(np.abs((a - b) @ corners).max()) / max(scale, 1e-9)


def _placed(panel: PanelPixels, hypothesis: Hypothesis, scene: Scene) -> Place | None:
    """The place that another panel shows, if this panel would lie within the scene there."""
    grid = comparison_grid(panel.shape, hypothesis.panel_to_source, COARSE)
    warp = plan_warp(hypothesis.panel_to_source, grid, scene)
    if warp is None or warp.inside.mean() < SMALLEST_OVERLAP or (panel.valid(grid) & warp.inside).sum() < 60:
        return None
    return Place(hypothesis.picture.image, scene, hypothesis.panel_to_source)


def _settle(panel: PanelPixels, pixels: SourcePixels, place: Place, plane: PlaneRef) -> Matrix | None:
    """The place brought onto a plane, or onto the same of another channel if that lies better once in its place."""
    if place.scene.is_rgb:
        number, channel = _most_alike(panel, pixels, place, plane)
        settled = _refine(panel, pixels, replace(place, number=number), replace(plane, c=channel))
        return settled if settled is not None else _refine(panel, pixels, place, plane)
    planes = [plane]
    if plane.c >= 0 and plane.projection is None and panel.tone.scalar:
        planes += [replace(plane, c=c) for c in range(min(place.scene.size_c, MOST_CHANNELS)) if c != plane.c]
    if len(planes) > 1:
        planes.sort(key=lambda p: _left_once_caught(panel, pixels, place, p))
    refined = _refine(panel, pixels, place, planes[0], wide=planes[0] != plane)
    return refined if refined is not None or planes[0] == plane else _refine(panel, pixels, place, plane)


def _most_alike(panel: PanelPixels, pixels: SourcePixels, place: Place, plane: PlaneRef) -> tuple[int, int]:
    """The grey rendition of a panel, and the sample of RGB (or −1, their mean), that follow each other best.

    A stain darkens one sample and hardly another: the mean of them all, stained twice, follows no rendition closely.
    """
    grid = comparison_grid(panel.shape, place.matrix, COARSE)
    warp = plan_warp(place.matrix, grid, place.scene)
    use = panel.valid(grid) & warp.inside if warp is not None else None
    if warp is None or use is None or use.sum() < 60:
        return place.number, plane.c
    greys = [panel.grey(number, grid)[use] for number in range(len(panel.tone.greys))]
    rated: list[tuple[float, int, int]] = []
    for channel in (-1, *range(min(place.scene.size_c, 3))):
        read = plane_reader(pixels, place.image, place.scene, replace(plane, c=channel))
        rendered = apply_warp(warp, read(warp))[use]
        rated += [(-fit_tone(rendered, grey).explained, number, channel) for number, grey in enumerate(greys)]
    _, number, channel = min(rated)
    return number, channel


def _left_once_caught(panel: PanelPixels, pixels: SourcePixels, place: Place, plane: PlaneRef) -> float:
    """How badly a plane fits near a place, 0–1, after it was brought there."""
    grid = comparison_grid(panel.shape, place.matrix, COARSE)
    read = plane_reader(pixels, place.image, place.scene, plane)
    grey, valid = panel.grey(place.number, grid), panel.valid(grid)
    matrix: Matrix | None = place.matrix
    for smoothing in (CATCH, 0.7):
        if matrix is not None:
            matrix = register(grey, valid, read, place.scene, matrix, grid, smoothing=smoothing, steps=4)
    return 1.0 if matrix is None else _badness(grey, valid, read, place.scene, matrix, grid)


def rank_again(panel: PanelPixels, pixels: SourcePixels, place: Place) -> Choice | None:
    """Which plane a panel shows in a given place; None where the place is outside of the scene."""
    grid = comparison_grid(panel.shape, place.matrix, COARSE)
    warp = plan_warp(place.matrix, grid, place.scene)
    if warp is None or (panel.valid(grid) & warp.inside).sum() < 60:
        return None
    return _choose(panel, pixels, place, again=True)


def with_kernel(panel: PanelPixels, pixels: SourcePixels, place: Place, planes: Sequence[PlaneRef]) -> Place:
    """The place, with the way that the panel was brought to its size."""
    return replace(place, kernel=_kernel(panel, pixels, place, planes))


@dataclass(frozen=True, slots=True)
class Place:
    """Where in which scene a panel is taken to lie, and the number of its grey rendition that shows it."""

    image: str
    scene: Scene
    matrix: Matrix  # (2, 3), panel pixels → source pixels
    number: int = 0
    kernel: Kernel = Kernel.SMOOTH


def _kernel(panel: PanelPixels, pixels: SourcePixels, place: Place, planes: Sequence[PlaneRef]) -> Kernel:
    """How the panel was brought to its size: the way that explains it best.

    Depends on the panel, the place and the planes alone, so that a recheck finds the same.
    """
    grid = comparison_grid(panel.shape, place.matrix, FINE)
    warp = plan_warp(place.matrix, grid, place.scene)
    if warp is None:
        return Kernel.SMOOTH
    use = panel.valid(grid) & warp.inside
    if use.sum() < 60:
        return Kernel.SMOOTH
    if place.scene.is_rgb:
        planes = [replace(planes[0], c=-1)]
    greys = [panel.grey(i, grid)[use] for i in range(len(panel.tone.greys))]
    windows = [plane_reader(pixels, place.image, place.scene, plane)(warp) for plane in planes]
    smooth = [apply_warp(warp, window)[use] for window in windows]
    pairs = [(i, j) for i in range(len(windows)) for j in range(len(greys))]
    i, j = max(pairs, key=lambda pair: fit_tone(smooth[pair[0]], greys[pair[1]]).explained)
    # What is drawn over the image would hide which one fits better.
    near = belonging(np.abs(greys[j] - fit_tone(smooth[i], greys[j])(smooth[i])))
    residuals = {
        kernel: fit_tone(apply_warp(warp, windows[i], kernel)[use][near], greys[j][near]).residual for kernel in Kernel
    }
    best = min(residuals, key=lambda kernel: residuals[kernel])
    return best if residuals[best] < 0.97 * residuals[Kernel.SMOOTH] else Kernel.SMOOTH


def _register(
    panel: PanelPixels, pixels: SourcePixels, hypothesis: Hypothesis, scene: Scene, anchor: PlaneRef
) -> Place | None:
    """The place that the hypothesis leads to; None where the anchor's pixels do not look like the panel there."""
    grid = comparison_grid(panel.shape, hypothesis.panel_to_source, COARSE)
    read = plane_reader(pixels, hypothesis.picture.image, scene, anchor)
    warp = plan_warp(hypothesis.panel_to_source, grid, scene)
    valid = panel.valid(grid)
    if warp is None or warp.inside.mean() < SMALLEST_OVERLAP or (valid & warp.inside).sum() < 60:
        return None
    rendered = apply_warp(warp, read(warp))
    use = valid & warp.inside
    fits = [(-fit_tone(rendered[use], panel.grey(i, grid)[use]).explained, i) for i in range(len(panel.tone.greys))]
    number = min(fits)[1]
    grey = panel.grey(number, grid)
    start = hypothesis.panel_to_source
    caught = register(grey, valid, read, scene, start, grid, smoothing=CATCH, steps=6)
    # A large part that does not belong can drag the wide catch away from a start that was good.
    tried = [
        (_badness(grey, valid, read, scene, matrix, grid), number, matrix)
        for number, begin in enumerate((caught, start))
        if begin is not None
        and (matrix := register(grey, valid, read, scene, begin, grid, smoothing=1.0, steps=6)) is not None
    ]
    matrix = min(tried, key=lambda t: t[:2])[2] if tried else None
    warp = plan_warp(matrix, grid, scene) if matrix is not None else None
    if matrix is None or warp is None:
        return None
    use = valid & warp.inside
    rendered = apply_warp(warp, read(warp))
    if use.sum() < 60 or not _worth_following(grey, fit_tone(rendered[use], grey[use])(rendered), use):
        return None
    return Place(hypothesis.picture.image, scene, matrix, number)


def _badness(
    grey: Grey, valid: NDArray[np.bool_], read: Reader, scene: Scene, matrix: Matrix, grid: Grid
) -> float:  # fmt: skip
    """How badly source and panel fit, 0–1; what is far off counts little more than what is just off."""
    warp = plan_warp(matrix, grid, scene)
    use = valid & warp.inside if warp is not None else None
    if warp is None or use is None or use.sum() < 60:
        return 1.0
    rendered = apply_warp(warp, read(warp))[use]
    rest = np.abs(grey[use] - fit_tone(rendered, grey[use])(rendered)) / max(0.3 * float(grey[use].std()), 2.0)
    return float(np.minimum(rest, 1).mean())


def _worth_following(grey: Grey, rendered: Grey, use: NDArray[np.bool_]) -> bool:
    """The key picture need not be the right plane, but neighbours and channels of one place have much in common.

    Of planes that are mostly noise, only what is coarser than the noise.
    """

    def alike(found: Likeness) -> bool:
        return found.log10_chance < -3 and (found.tile_share > 0.1 or found.correlation > 0.5)

    return alike(likeness(grey, rendered, use)) or alike(likeness(blur(grey, CATCH), blur(rendered, CATCH), use))


def _refine(
    panel: PanelPixels, pixels: SourcePixels, place: Place, plane: PlaneRef, *, wide: bool = False
) -> Matrix | None:
    if wide:
        coarse = comparison_grid(panel.shape, place.matrix, COARSE)
        read, grey = plane_reader(pixels, place.image, place.scene, plane), panel.grey(place.number, coarse)
        caught = register(grey, panel.valid(coarse), read, place.scene, place.matrix, coarse, smoothing=CATCH, steps=6)
        if caught is None:
            return None
        place = replace(place, matrix=caught)
    grid = comparison_grid(panel.shape, place.matrix, FINE)
    read = plane_reader(pixels, place.image, place.scene, plane)
    grey = panel.grey(place.number, grid)
    return register(grey, panel.valid(grid), read, place.scene, place.matrix, grid, smoothing=0.7, steps=8)


def _sampled(
    panel: PanelPixels, pixels: SourcePixels, place: Place, samples: int, *, mixed: bool, longest: int = COARSE
) -> Sampled:
    grid = comparison_grid(panel.shape, place.matrix, longest)
    warp = plan_warp(place.matrix, grid, place.scene)
    if warp is None:
        raise ValueError("the place lies outside of the scene; registration should have said so")

    def render(plane: PlaneRef) -> Grey:
        source = pixels.reference(place.image, place.scene.index, plane, warp.window)
        return apply_warp(warp, source, place.kernel)

    target = panel.colours(grid) if mixed else panel.grey(place.number, grid)
    channels = tuple(range(min(place.scene.size_c, 3) if place.scene.is_rgb else place.scene.size_c))
    if _mixed_pages(panel, place.scene) is not None:
        channels = tuple(range(place.scene.plane_count))
    valid = panel.valid(grid) & warp.inside
    return Sampled(target, valid, render, channels, mixed=mixed, samples=samples, single=not place.scene.is_rgb)


def _mixed_pages(panel: PanelPixels, scene: Scene) -> Pages | None:
    """The pages that a panel in several colours may mix."""
    return None if panel.tone.scalar or scene.is_rgb else pages_of(scene)


def _is_mixed(panel: PanelPixels, scene: Scene) -> bool:
    return scene.is_rgb or not panel.tone.scalar


def _scan(panel: PanelPixels, pixels: SourcePixels, place: Place) -> list[Ranked]:
    sampled = _sampled(panel, pixels, place, SCANNED, mixed=_is_mixed(panel, place.scene))
    pages = _mixed_pages(panel, place.scene)
    return [sampled.rank(pages, 1)] if pages is not None else scan_planes(sampled, place.scene)


def _choose(panel: PanelPixels, pixels: SourcePixels, place: Place, *, again: bool = False) -> Choice:
    mixed, scanned = _is_mixed(panel, place.scene), _scan(panel, pixels, place)
    choice = choose_plane(_sampled(panel, pixels, place, DECIDED_ON, mixed=mixed), place.scene, scanned)
    if len(choice.tied) > 1:
        closer = _sampled(panel, pixels, place, DECIDED_CLOSELY_ON, mixed=mixed, longest=FINE)
        choice = choose_plane(closer, place.scene, scanned)
    return settle(_canvas(panel, pixels, place, mixed=mixed), choice, again=again)


def _canvas(panel: PanelPixels, pixels: SourcePixels, place: Place, *, mixed: bool) -> Canvas:
    grid = comparison_grid(panel.shape, place.matrix, FINE)
    warp = plan_warp(place.matrix, grid, place.scene)
    if warp is None:
        raise ValueError("the place lies outside of the scene; registration should have said so")
    return Canvas(
        panel.colours(grid) if mixed else panel.grey(place.number, grid),
        panel.shape,
        grid,
        panel.valid(grid) & warp.inside,
        place.matrix,
        place.scene,
        lambda plane, window: pixels.reference(place.image, place.scene.index, plane, window),
        single=not place.scene.is_rgb,
        can_be_held=pixels.can_hold_stack(place.scene),
    )


def _leading(panel: PanelPixels, pixels: SourcePixels, place: Place, best: Ranked) -> int:
    """The channel that the grey rendition used for registration follows best."""
    if len(best.channels) == 1:
        return best.channels[0]
    sampled = _sampled(panel, pixels, place, SCANNED, mixed=False)
    return sampled.rank(best.depth, place.scene.size_z).channels[0]


def measure(panel: PanelPixels, pixels: SourcePixels, place: Place, choice: Choice) -> Fit | None:
    """Re-render the chosen planes in their place and compare them with the panel."""
    scene, best = place.scene, choice.best
    place = with_kernel(panel, pixels, place, [best.depth.plane(c) for c in best.channels])
    grid = comparison_grid(panel.shape, place.matrix, FINE)
    warp = plan_warp(place.matrix, grid, scene)
    if warp is None:
        return None
    valid = panel.valid(grid) & warp.inside
    if valid.sum() < 60:
        return None
    fit = _measured(panel, pixels, place, choice, grid, warp, valid)
    drawn = drawn_over(fit.compared, fit.rendered, panel.colours(grid), valid)
    if not drawn.any():
        return fit
    return replace(_measured(panel, pixels, place, choice, grid, warp, valid & ~drawn), drawn=drawn)


def _measured(
    panel: PanelPixels, pixels: SourcePixels, place: Place, choice: Choice, grid: Grid, warp: Warp,
    valid: NDArray[np.bool_],
) -> Fit:  # fmt: skip
    scene = place.scene
    merged = _hidden_merge(panel, pixels, place, choice, grid, warp, valid)
    channels = merged or choice.best.channels
    windows = [pixels.reference(place.image, scene.index, choice.best.depth.plane(c), warp.window) for c in channels]
    sources = [apply_warp(warp, window, place.kernel) for window in windows]
    if len(channels) == 1 and not scene.is_rgb and not panel.tone.scalar:
        return _coloured(panel, place, choice, grid, warp, windows[0], valid)
    if len(channels) == 1 and not scene.is_rgb:
        compared = _closest_grey(panel, grid, sources[0], valid)
        first = fit_tone(sources[0][valid], compared[valid])
        near = _belonging(compared - first(sources[0]), valid)
        curve = fit_tone(sources[0][near], compared[near])
        rendered = _toned_then_warped(curve, windows[0], warp, place.kernel, compared, near)
        return Fit(
            place.image, scene.index, place.matrix, channels, choice, agreement(compared, rendered, valid),
            curve, None, (1.0,), rendered, compared, valid, grid,
        )  # fmt: skip
    colours = panel.colours(grid)
    kept, mixture, shares = _contributing(channels, sources, colours, valid)
    if len(kept) == 1 and not scene.is_rgb:
        return _coloured(panel, place, choice, grid, warp, windows[kept[0]], valid, channels[kept[0]])
    rendered = mixture.render([sources[i] for i in kept])
    return Fit(
        place.image, scene.index, place.matrix, tuple(channels[i] for i in kept), choice,
        agreement(colours, rendered, valid), None, mixture, shares, rendered, colours, valid, grid,
    )  # fmt: skip


def _coloured(
    panel: PanelPixels, place: Place, choice: Choice, grid: Grid, warp: Warp, window: Grey, valid: NDArray[np.bool_],
    channel: int | None = None,
) -> Fit:  # fmt: skip
    """One channel in colours of a map that is not known, or of which JPEG has left too little."""
    colours = panel.colours(grid)
    source = apply_warp(warp, window, place.kernel)
    first = fit_colours(source[valid], colours[valid])
    near = _belonging(colours - first(source), valid)
    toned = fit_colours(source[near], colours[near])(window)
    rendered = np.stack([apply_warp(warp, np.ascontiguousarray(toned[..., i]), place.kernel) for i in range(3)], -1)
    grey = _closest_grey(panel, grid, source, valid)
    channels = choice.best.channels if channel is None else (channel,)
    return Fit(
        place.image, place.scene.index, place.matrix, channels, choice, agreement(colours, rendered, valid),
        fit_tone(source[valid], grey[valid]), None, (1.0,), rendered, colours, valid, grid,
    )  # fmt: skip


def _hidden_merge(
    panel: PanelPixels, pixels: SourcePixels, place: Place, choice: Choice, grid: Grid, warp: Warp,
    valid: NDArray[np.bool_],
) -> tuple[int, ...]:  # fmt: skip
    """The channels of a merge that looks like one colour because they show much the same; () where it is none."""
    scene, best = place.scene, choice.best
    if panel.tone.color is None or scene.is_rgb or scene.size_c == 1 or len(best.channels) > 1:
        return ()
    every = tuple(range(scene.size_c))
    sources = [
        apply_warp(warp, pixels.reference(place.image, scene.index, best.depth.plane(c), warp.window), place.kernel)
        for c in every
    ]
    kept, _, shares = _contributing(every, sources, panel.colours(grid), valid)
    return every if len(kept) > 1 and min(shares) > HIDDEN_SHARE else ()


def _closest_grey(panel: PanelPixels, grid: Grid, source: Grey, valid: NDArray[np.bool_]) -> Grey:
    greys = [panel.grey(i, grid) for i in range(len(panel.tone.greys))]
    return max(greys, key=lambda grey: fit_tone(source[valid], grey[valid]).explained)


def _toned_then_warped(
    curve: ToneCurve, window: Grey, warp: Warp, kernel: Kernel, compared: Grey, valid: NDArray[np.bool_]
) -> Grey:
    """Contrast is set before a figure is scaled, so the curve is applied to source pixels, then warped."""
    toned = apply_warp(warp, curve(window), kernel)
    return fit_tone(toned[valid], compared[valid])(toned)


def _belonging(difference: NDArray[np.float32], valid: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """(Y, X), the valid pixels without those that are far off: what does not belong shall not bend the tones."""
    near = valid.copy()
    near[valid] = belonging(np.abs(np.atleast_3d(difference)).max(axis=2)[valid])
    return near


def _contributing(
    channels: tuple[int, ...], sources: list[Grey], colours: NDArray[np.float32], valid: NDArray[np.bool_]
) -> tuple[list[int], Mixture, tuple[float, ...]]:
    """Channels that a mixture needs: dropping one that adds nothing leaves the error as it was."""
    step = max(1, int(valid.sum()) // 12_000)
    target = colours[valid][::step]
    sampled = [source[valid][::step] for source in sources]
    variance = max(float(target.var(axis=0).sum()), 1e-9)
    kept = list(range(len(channels)))
    while True:
        mixture = fit_mixture([sampled[i] for i in kept], target)
        without = [
            fit_mixture([sampled[j] for j in kept if j != i], target).residual if len(kept) > 1 else np.inf
            for i in kept
        ]
        shares = tuple(float(3 * (w**2 - mixture.residual**2) / variance) for w in without)
        if len(kept) == 1 or min(shares) >= LEAST_SHARE:
            return kept, mixture, tuple(min(1.0, s) for s in shares)
        kept.pop(int(np.argmin(shares)))
