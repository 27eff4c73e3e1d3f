"""Indices, regions, boxes and transforms: inside of what they belong to, and agreeing with each other."""

from __future__ import annotations

from typing import NamedTuple

from biocodes_crate.crate.entities import Entity, Index, first_ref, integer, number, refs, types
from biocodes_crate.crate.pages import read_affine
from biocodes_crate.crate.provenance import decomposed
from biocodes_crate.figures.model import Box, PageUnit
from biocodes_crate.tracing.model import Affine, Edge, PlaneRef, TracedPage, TracedPanel
from biocodes_crate.validation.rules import Findings

_SLACK = 2.0  # pixels: boxes are whole pixels, transforms are not
_SINGULAR = 1e-9
_DEGREES, _SCALE = 0.05, 0.001  # both are stated rounded


class SceneSizes(NamedTuple):
    """Sizes of a scene, as the metadata states them."""

    x: int
    y: int
    z: int
    c: int
    t: int


SceneTable = dict[tuple[str, int], SceneSizes]
"""By the `@id` of the image and the index of the scene."""


def check_scenes(index: Index, found: Findings) -> SceneTable:
    """Check the scenes of every image, and give their sizes."""
    table: SceneTable = {}
    for image in index:
        if "ImageObject" not in types(image) or not {"File", "Dataset"}.intersection(types(image)):
            continue
        scenes = [scene for scene in index.follow(image, "hasPart") if "ImageScene" in types(scene)]
        if not scenes and "figurePage" not in image and not _has_panels(index, image):
            found.add("image-without-scene", image["@id"], "has no scene", key="hasPart")
        for scene in scenes:
            _check_scene(image, scene, table, found)
    return table


def _has_panels(index: Index, image: Entity) -> bool:
    return any("FigurePanel" in types(part) for part in index.follow(image, "hasPart"))


def _check_scene(image: Entity, scene: Entity, table: SceneTable, found: Findings) -> None:
    number = integer(scene, "sceneIndex")
    sizes = [integer(scene, f"size{axis}") for axis in "XYZCT"]
    if first_ref(scene, "isPartOf") != image["@id"]:
        found.add(
            "link-wrong-type", scene["@id"], f"'isPartOf' is not {image['@id']}, which has it as a part", key="isPartOf"
        )
    if number is None:
        return  # the schema says so
    if (image["@id"], number) in table:
        found.add("scene-duplicate", scene["@id"], f"'sceneIndex' {number} is there twice", key="sceneIndex")
        return
    known = [size for size in sizes if size is not None and size > 0]
    if len(known) != 5 or "pixelType" not in scene:
        found.add(
            "scene-incomplete", scene["@id"], "lacks one of 'sizeX', 'sizeY', 'sizeZ', 'sizeC', 'sizeT', 'pixelType'"
        )
        return
    table[image["@id"], number] = SceneSizes(*known)


def check_planes(index: Index, scenes: SceneTable, found: Findings) -> None:
    """Check that planes and projections lie within their scenes."""
    for entity in index:
        kinds = types(entity)
        if "ImagePlane" not in kinds and "ImageProjection" not in kinds:
            continue
        scene = index.get(first_ref(entity, "isPartOf"))
        sizes = scenes.get((first_ref(scene, "isPartOf") or "", integer(scene, "sceneIndex") or 0))
        if sizes is None:
            continue
        limits = (("theZ", sizes.z), ("theC", sizes.c), ("theT", sizes.t), ("zStart", sizes.z), ("zEnd", sizes.z))
        for key, size in limits:
            value = integer(entity, key)
            if value is not None and value >= size:
                found.add("plane-outside", entity["@id"], f"'{key}' is {value}, but the scene has {size}", key=key)
        start, end = integer(entity, "zStart"), integer(entity, "zEnd")
        if start is not None and end is not None and start > end:
            found.add("plane-outside", entity["@id"], f"'zStart' {start} is beyond 'zEnd' {end}", key="zStart")


def check_page(page: TracedPage, panel_ids: list[str], found: Findings) -> None:
    """Check that the boxes of a page lie within it."""
    width, height = (100.0, 100.0) if page.unit is PageUnit.PERCENT else (page.width, page.height)
    slack = 0.5 if page.unit is PageUnit.PERCENT else _SLACK
    for panel_id, panel in zip(panel_ids, page.panels, strict=True):
        for box in (panel.box, *panel.unexplained):
            if box.x < -slack or box.y < -slack or box.x + box.w > width + slack or box.y + box.h > height + slack:
                found.add(
                    "box-outside", panel_id, f"{_words(box)} is not within {width:g} x {height:g}", key="hasSelector"
                )


def check_transforms(index: Index, found: Findings) -> None:
    """Check that what a transform step says for people and queries is what its affine does."""
    for step in index.of_type("TransformStep"):
        affine = read_affine(step)
        if affine is None or abs(affine[0][0] * affine[1][1] - affine[0][1] * affine[1][0]) < _SINGULAR:
            continue
        actual = decomposed(affine)
        for key, value in actual.items():
            stated = step.get(key) if key == "flipped" else number(step, key)
            if stated is not None and not _same(key, stated, value):
                message = f"'{key}' is {stated}, but the affine gives {value}"
                found.add("transform-differs", step["@id"], message, key=key)


def _same(key: str, stated: float, actual: float) -> bool:
    if key == "rotationDegrees":  # a full turn is none
        return abs((stated - actual + 180) % 360 - 180) <= _DEGREES
    if key == "scaleFactor":
        return abs(stated - actual) <= _SCALE * actual
    return stated == actual


def check_edge_geometry(
    edge_id: str, edge: Edge, panel: TracedPanel, sizes: SceneSizes | None, found: Findings
) -> None:
    """Check an edge's region against its plane, and its transform against its region."""
    if edge.region is not None and sizes is not None:
        _check_region(edge_id, edge.region, sizes, found)
    if edge.panel_to_source is None:
        return
    (a, b, _), (d, e, _) = edge.panel_to_source
    if abs(a * e - b * d) < _SINGULAR:
        found.add("transform-singular", edge_id, f"{edge.panel_to_source} has no inverse", key="transformStep")
        return
    if edge.region is not None:
        mapped = _mapped(edge.panel_to_source, panel)
        slack = _SLACK + 0.02 * max(mapped.w, mapped.h)
        if max(abs(x - y) for x, y in zip(_corners(mapped), _corners(edge.region), strict=True)) > slack:
            found.add(
                "transform-outside",
                edge_id,
                f"the transform maps the panel to {_words(mapped)}, but the region is {_words(edge.region)}",
                key="transformStep",
            )


def check_candidates(edge_id: str, edge: Edge, sizes: SceneSizes | None, found: Findings) -> None:
    """Check that candidates lie within the scene."""
    for plane in edge.candidates:
        if sizes is not None and not _inside(plane, sizes):
            found.add("plane-outside", edge_id, f"candidate {plane} is not in the scene", key="candidate")


def _inside(plane: PlaneRef, sizes: SceneSizes) -> bool:
    last = plane.projection.z_end if plane.projection is not None else plane.z or 0
    return last < sizes.z and plane.c < sizes.c and plane.t < sizes.t


def _check_region(edge_id: str, region: Box, sizes: SceneSizes, found: Findings) -> None:
    inside_x = min(region.x + region.w, sizes.x) - max(region.x, 0)
    inside_y = min(region.y + region.h, sizes.y) - max(region.y, 0)
    plane = f"the plane, {sizes.x} x {sizes.y}"
    if inside_x <= 0 or inside_y <= 0 or inside_x * inside_y < 0.5 * region.w * region.h:
        found.add("region-outside", edge_id, f"{_words(region)} is not within {plane}", key="source")
    elif inside_x < region.w - _SLACK or inside_y < region.h - _SLACK:
        found.add("region-exceeds", edge_id, f"{_words(region)} reaches beyond {plane}", key="source")


def _mapped(affine: Affine, panel: TracedPanel) -> Box:
    (a, b, c), (d, e, f) = affine
    corners = ((0, 0), (panel.width, 0), (panel.width, panel.height), (0, panel.height))
    xs = [a * x + b * y + c for x, y in corners]
    ys = [d * x + e * y + f for x, y in corners]
    return Box(min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))


def _corners(box: Box) -> tuple[float, float, float, float]:
    return box.x, box.y, box.x + box.w, box.y + box.h


def _words(box: Box) -> str:
    return "(" + ", ".join(f"{value:g}" for value in box) + ")"


def linked(index: Index, entity: Entity, key: str) -> set[str]:
    """The ids that a property refers to and that exist."""
    return {target for target in refs(entity, key) if target in index}
