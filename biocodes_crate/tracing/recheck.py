"""Check edges again, from the pixels alone: nothing that the edge says of its own evidence is trusted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from biocodes_crate.errors import BiocodesError
from biocodes_crate.figures.model import Panel
from biocodes_crate.images import Scene
from biocodes_crate.tracing.decision import decide
from biocodes_crate.tracing.declared import plane_words
from biocodes_crate.tracing.intensity import intensity_of
from biocodes_crate.tracing.locate import PanelPixels, Place, measure, rank_again, with_kernel
from biocodes_crate.tracing.model import Edge, Evidence, Intensity, PlaneRef, Status
from biocodes_crate.tracing.pixels import SceneProvider, SourcePixels
from biocodes_crate.tracing.planes import Depth, Ranked
from biocodes_crate.tracing.tones import take_apart
from biocodes_crate.tracing.trace import evidence_of, region_of

# How far evidence may drift: transforms are stored rounded, and libraries differ in the last bits.
CORRELATION_DRIFT, SHARE_DRIFT, HAMMING_DRIFT, MARGIN_DRIFT = 0.01, 0.02, 6, 0.05
FALSE_ALARM_DRIFT = 0.2  # of the exponent, and at least 2
WINDOW_DRIFT, GAMMA_DRIFT, COLOUR_DRIFT, WEIGHT_DRIFT = 0.1, 1.25, 24, 0.1  # of the window; as a ratio; of 255
REGION_DRIFT = 1.01  # source pixels; a crate states regions in whole ones


@dataclass(frozen=True, slots=True)
class Recheck:
    """One edge, decided again."""

    edge: Edge
    agrees: bool  # the pixels bear out the stated status
    evidence: Evidence  # as measured now
    reason: str
    drift: str = ""  # which stated numbers differ from the measured ones


def recheck_panel(panel: Panel, edges: Sequence[Edge], scenes: SceneProvider) -> tuple[Recheck, ...]:
    """Decide each edge of a panel again, in the order given.

    Edges of one scene and transform are channels of one merge and are measured together.
    Contradicted edges are borne out by a proven edge to something else; unverified ones claim
    nothing that pixels could refute.
    """
    pixels = SourcePixels(scenes)
    groups: dict[object, list[int]] = defaultdict(list)
    for number, edge in enumerate(edges):
        if edge.status in (Status.VERIFIED, Status.AMBIGUOUS):
            groups[(edge.image, edge.scene, edge.panel_to_source)].append(number)
    results: dict[int, Recheck] = {}
    for numbers in groups.values():
        group = [edges[n] for n in numbers]
        results |= dict(zip(numbers, _recheck_group(panel, group, pixels), strict=True))
    proven = any(result.agrees for result in results.values())
    for number, edge in enumerate(edges):
        if number not in results:
            results[number] = _recheck_claim(edge, proven=proven)
    return tuple(results[n] for n in range(len(edges)))


def _recheck_claim(edge: Edge, *, proven: bool) -> Recheck:
    if edge.status is Status.CONTRADICTED and not proven:
        return Recheck(edge, False, Evidence(), "nothing that was proven contradicts it")
    return Recheck(edge, True, Evidence(), "")


def _recheck_group(panel: Panel, group: Sequence[Edge], pixels: SourcePixels) -> list[Recheck]:
    first = group[0]
    try:
        scene = pixels.scene(first.image, first.scene)
    except (BiocodesError, KeyError, IndexError) as error:
        return [Recheck(edge, False, Evidence(), f"its source cannot be read: {error}") for edge in group]
    depth = Depth(first.source.t, first.source.z, first.source.projection)
    matrix = np.array(first.panel_to_source, float) if first.panel_to_source is not None else None
    if matrix is None or not np.isfinite(matrix).all() or abs(np.linalg.det(matrix[:, :2])) < 1e-9:
        return [Recheck(edge, False, Evidence(), "its transform is missing or degenerate") for edge in group]
    last = depth.projection.z_end if depth.projection else depth.z or 0
    if not (last < scene.size_z and depth.t < scene.size_t and all(e.source.c < scene.size_c for e in group)):
        return [Recheck(edge, False, Evidence(), "its scene has no such plane") for edge in group]
    tone = take_apart(panel.pixels, panel.mask)
    panel_pixels = PanelPixels(panel, tone)
    place = with_kernel(panel_pixels, pixels, Place(first.image, scene, matrix), [edge.source for edge in group])
    choice = rank_again(panel_pixels, pixels, place)
    fit = None
    if choice is not None:
        likely = (choice.best, *choice.tied, *choice.alike)
        if not any(edge.source in _planes(ranked) for edge in group for ranked in likely):
            best = choice.best.depth.plane(choice.best.channels[0])
            return [Recheck(edge, False, Evidence(), f"the pixels show {plane_words(best)}") for edge in group]
        fit = measure(panel_pixels, pixels, place, choice)
    if fit is None:
        return [
            Recheck(edge, False, Evidence(), "its transform maps the panel outside of the source") for edge in group
        ]
    decision = decide(fit.agreement, again=True)
    evidence = evidence_of(fit, decision)
    tied = choice is not None and len(choice.tied) > 1
    shown = set(fit.planes)
    if choice is not None:
        shown |= {plane for ranked in choice.alike for plane in _planes(ranked)}
    if choice is not None and tied:
        shown |= {plane for ranked in choice.tied for plane in _planes(ranked)}
    results = []
    for edge in group:
        if not decision.accepted:
            results.append(Recheck(edge, False, evidence, decision.reason))
        elif edge.source not in shown:
            results.append(Recheck(edge, False, evidence, f"{plane_words(edge.source)} adds nothing to the panel"))
        elif tied and edge.status is Status.VERIFIED:
            results.append(Recheck(edge, False, evidence, "the pixels do not tell which of several planes it is"))
        else:
            drifts = [_drift(edge, evidence), _region_drift(edge, panel, scene)]
            if edge.source in fit.planes:
                drifts.append(_intensity_drift(edge, intensity_of(fit, fit.planes.index(edge.source), tone)))
            drift = "; ".join(filter(None, drifts))
            results.append(Recheck(edge, True, evidence, "", drift))
    return results


def _planes(ranked: Ranked) -> set[PlaneRef]:
    return {ranked.depth.plane(c) for c in ranked.channels}


def _drift(edge: Edge, measured: Evidence) -> str:
    """The stated numbers that are off, in words; empty where there is none."""
    stated = edge.evidence
    limits = {
        "correlation": CORRELATION_DRIFT,
        "image_code_hamming": HAMMING_DRIFT,
        "share_explained": SHARE_DRIFT,
        "plane_margin": MARGIN_DRIFT,
        "log10_false_alarm": max(2.0, FALSE_ALARM_DRIFT * abs(measured.log10_false_alarm or 0)),
    }
    off = []
    for name, limit in limits.items():
        said, found = getattr(stated, name), getattr(measured, name)
        if (said is None) != (found is None) or (said is not None and abs(said - found) > limit):
            off.append(f"{name} is stated as {said}, measured {found}")
    return "; ".join(off)


def _intensity_drift(edge: Edge, measured: Intensity) -> str:
    """Window, gamma and colours that are stated otherwise than they are; what is left out claims nothing."""
    stated, off = edge.intensity, []
    if stated is None:
        return ""
    if stated.inverted != measured.inverted:
        off.append("inverted")
    if None not in (stated.clip_min, stated.clip_max, measured.clip_min, measured.clip_max):
        low, high = measured.clip_min or 0.0, measured.clip_max or 0.0
        limit = WINDOW_DRIFT * max(high - low, 1e-9)
        off += ["clip_min"] * (abs((stated.clip_min or 0.0) - low) > limit)
        off += ["clip_max"] * (abs((stated.clip_max or 0.0) - high) > limit)
    if stated.gamma is not None and measured.gamma is not None:
        ratio = max(stated.gamma, 1e-9) / measured.gamma
        off += ["gamma"] * (max(ratio, 1 / ratio) > GAMMA_DRIFT)
    if stated.lut is not None and stated.lut != measured.lut:
        off.append("lut")
    if stated.color is not None and _colours_apart(stated.color, measured.color or "") > COLOUR_DRIFT:
        off.append("color")
    if (
        stated.weight is not None
        and measured.weight is not None
        and abs(stated.weight - measured.weight) > WEIGHT_DRIFT
    ):
        off.append("weight")
    return "; ".join(f"{name} is stated as {getattr(stated, name)}, measured {getattr(measured, name)}" for name in off)


def _colours_apart(one: str, other: str) -> int:
    """The largest difference of two colours "RRGGBB" in a channel; 255 where one is none."""
    try:
        return max(abs(a - b) for a, b in zip(bytes.fromhex(one), bytes.fromhex(other), strict=True))
    except ValueError:
        return 255


def _region_drift(edge: Edge, panel: Panel, scene: Scene) -> str:
    if edge.region is None or edge.panel_to_source is None:
        return ""
    measured = region_of(np.array(edge.panel_to_source), panel.pixels.shape, scene)
    if max(abs(a - b) for a, b in zip(edge.region, measured, strict=True)) > REGION_DRIFT:
        return f"region is stated as {tuple(edge.region)}, but the transform gives {tuple(measured)}"
    return ""
