"""Declared sources against what the pixels show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from biocodes_crate.errors import BiocodesError
from biocodes_crate.figures.boxes import intersection_over_union
from biocodes_crate.figures.model import Box
from biocodes_crate.study.manifest import DeclaredSource
from biocodes_crate.tracing.model import Claim, Edge, Evidence, PlaneRef, Projection, ProjectionKind, Status
from biocodes_crate.tracing.pixels import SceneProvider

SAME_REGION = 0.3  # intersection over union: authors measure regions by hand


def judge_declared(
    declared: Sequence[DeclaredSource],
    discovered: Sequence[Edge],
    scenes: SceneProvider,
    *,
    traceable: bool,
) -> tuple[Edge, ...]:
    """The edges of a panel, declared ones first.

    - The pixels show what was declared: that edge, as declared.
    - They show something else: the declaration is contradicted, and what they show is discovered.
    - They show nothing that could be proven: the declaration is unverified, and says why.
    """
    left = list(discovered)
    edges: list[Edge] = []
    for source in declared:
        match = next((edge for edge in left if fits_declaration(edge, source)), None)
        if match is not None:
            left.remove(match)
            edges.append(replace(match, claim=Claim.DECLARED))
            continue
        again = next((e for e in edges if e.claim is Claim.DECLARED and fits_declaration(e, source)), None)
        if again is None:
            edges.append(_not_shown(source, discovered, scenes, traceable=traceable))
    return (*edges, *left)


def fits_declaration(edge: Edge, source: DeclaredSource) -> bool:
    """Whether a proven edge is what `source` says; what it leaves out may be anything."""
    if edge.image != source.image or source.scene not in (None, edge.scene):
        return False
    if (
        source.region is not None
        and edge.region is not None
        and intersection_over_union(edge.region, Box(*source.region)) < SAME_REGION
    ):
        return False
    if any(_plane_fits(plane, source) for plane in (edge.candidates or (edge.source, *edge.alike))):
        return True
    return _is_between(edge, source)


def _is_between(edge: Edge, source: DeclaredSource) -> bool:
    """Whether a declared maximum or minimum lies between ranges that give the same picture, and so gives it, too.

    What shows of such a projection lies within all of those ranges.
    """
    shown, said = edge.source.projection, source.projection
    if shown is None or said is None or said.z_start is None or said.z_end is None or not edge.alike:
        return False
    if shown.kind not in (ProjectionKind.MAX, ProjectionKind.MIN):
        return False
    ranges = [plane.projection for plane in (edge.source, *edge.alike) if plane.projection is not None]
    starts, ends = [r.z_start for r in ranges], [r.z_end for r in ranges]
    if not (min(starts) - 1 <= said.z_start <= max(starts) + 1 and min(ends) - 1 <= said.z_end <= max(ends) + 1):
        return False
    return _plane_fits(edge.source, replace(source, projection=replace(said, z_start=None, z_end=None)))


def _plane_fits(plane: PlaneRef, source: DeclaredSource) -> bool:
    if source.c not in (None, plane.c) or source.t not in (None, plane.t):
        return False
    if source.projection is not None:
        if plane.projection is None:
            return False
        kinds = {"sum" if k == "mean" else k for k in (source.projection.kind, plane.projection.kind.value)}
        ends = (source.projection.z_start, plane.projection.z_start), (source.projection.z_end, plane.projection.z_end)
        return len(kinds) == 1 and all(said is None or abs(said - found) <= 1 for said, found in ends)
    if source.z is None:
        return True
    return plane.projection is None and plane.z == source.z


def _not_shown(source: DeclaredSource, discovered: Sequence[Edge], scenes: SceneProvider, *, traceable: bool) -> Edge:
    edge = Edge(
        Status.UNVERIFIED,
        Claim.DECLARED,
        source.image,
        source.scene or 0,
        _as_plane(source),
        Box(*source.region) if source.region is not None else None,
        evidence=Evidence(),
    )
    try:
        scene = scenes(source.image, source.scene or 0)
    except (BiocodesError, KeyError, IndexError) as error:
        reason = error.message if isinstance(error, BiocodesError) else "there is no such image or scene in the study"
        return replace(edge, reason=f"could not be tested: {reason}")
    if any(
        said is not None and not 0 <= said < size
        for said, size in ((source.z, scene.size_z), (source.c, scene.size_c), (source.t, scene.size_t))
    ):
        return replace(edge, reason="could not be tested: the image has no such plane")
    if not traceable:
        return replace(edge, reason="could not be tested: the panel is too small, or no image")
    if not discovered:
        return replace(edge, reason="tested, but panel and source agree nowhere well enough to prove it or rule it out")
    better = discovered[0]
    if _adds_nothing(source, better):
        return replace(
            edge, reason="the scene and region are right, but this channel adds nothing to the panel that can be seen"
        )
    return replace(
        edge,
        status=Status.CONTRADICTED,
        reason=f"the pixels show {_words(better)} instead",
    )


def _adds_nothing(source: DeclaredSource, better: Edge) -> bool:
    """A declared channel of a merge whose other channels were found in the declared place."""
    merged = better.intensity is not None and better.intensity.weight is not None
    return merged and source.c is not None and fits_declaration(better, replace(source, c=None))


def _as_plane(source: DeclaredSource) -> PlaneRef:
    if source.projection is None:
        return PlaneRef(source.z or 0, source.c or 0, source.t or 0)
    kind = ProjectionKind(source.projection.kind)
    first = source.projection.z_start or 0
    last = source.projection.z_end if source.projection.z_end is not None else first
    return PlaneRef(None, source.c or 0, source.t or 0, Projection(kind, first, max(first, last)))


def _words(edge: Edge) -> str:
    region = edge.region
    place = f", region {region.w:.0f}×{region.h:.0f} at ({region.x:.0f}, {region.y:.0f})" if region else ""
    return f"{edge.image} scene {edge.scene}, {plane_words(edge.source)}{place}"


def plane_words(plane: PlaneRef) -> str:
    """A plane or projection, as a person reads it."""
    where = (
        f"z {plane.z}"
        if plane.projection is None
        else f"the {plane.projection.kind.value} projection of z {plane.projection.z_start}–{plane.projection.z_end}"
    )
    return f"{where}, c {plane.c}, t {plane.t}"
