"""Scenes, planes and projections as entities: what the edges of a crate refer to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from biocodes_crate.crate.content import ImageRecord, PlaneCodes, PlaneKey, SceneRecord
from biocodes_crate.crate.entities import Graph, ref
from biocodes_crate.crate.ids import display, path_to_id
from biocodes_crate.crate.rounding import significant
from biocodes_crate.crate.vocabulary import add_codes
from biocodes_crate.tracing.model import PlaneRef, TracedPage


class Sources:
    """The ids of scenes and planes, and which planes the edges of a crate touch."""

    def __init__(
        self, images: Iterable[ImageRecord], codes: Mapping[PlaneKey, PlaneCodes], pages: Iterable[TracedPage]
    ) -> None:
        self._folders = {image.path: image.is_folder for image in images}
        self._scenes = {(image.path, scene.index) for image in images for scene in image.scenes}
        self._codes = codes
        self._touched: dict[tuple[str, int], dict[PlaneRef, None]] = {}
        for page in pages:
            for panel in page.panels:
                for edge in panel.edges:
                    planes = self._touched.setdefault((edge.image, edge.scene), {})
                    planes.update(dict.fromkeys((edge.source, *edge.candidates)))

    def image_id(self, image: str) -> str:
        """An image that an edge names but that is not in the study is no data entity."""
        if image in self._folders:
            return path_to_id(image, is_folder=self._folders[image])
        return f"#{path_to_id(image)}"

    def add_planes(self, graph: Graph, image: str, scene: int) -> None:
        """Add the planes and projections of a scene that edges touch."""
        for plane in sorted(self._touched.get((image, scene), ()), key=_plane_order):
            self._add_plane(graph, image, scene, plane)

    def add_missing(self, graph: Graph) -> None:
        """Add images and scenes that edges name although they are not there, so that nothing is lost."""
        for image, scene in sorted(self._touched):
            if (image, scene) in self._scenes:
                continue
            if image not in self._folders:
                graph.add_once(
                    self.image_id(image),
                    "ImageObject",
                    name=display(image),
                    description="An image that is named as a source, but is not part of this crate.",
                )
            graph.add(
                scene_id(image, scene),
                ["ImageObject", "ImageScene"],
                name=f"Scene {scene} of {display(image)}",
                description="A scene that is named as a source, but is not part of this crate.",
                isPartOf=ref(self.image_id(image)),
                sceneIndex=scene,
            )
            self.add_planes(graph, image, scene)

    def _add_plane(self, graph: Graph, image: str, scene: int, plane: PlaneRef) -> None:
        own_id = plane_id(image, scene, plane)
        shared = {"isPartOf": ref(scene_id(image, scene)), "theC": plane.c, "theT": plane.t}
        name = f"{describe_plane(plane)} of {display(image)}, scene {scene}"
        if plane.projection is not None:
            graph.add(
                own_id,
                ["ImageObject", "ImageProjection"],
                name=name,
                **shared,
                zStart=plane.projection.z_start,
                zEnd=plane.projection.z_end,
                projection=plane.projection.kind.value,
            )
            return
        codes = PlaneCodes()
        if plane.z is not None:
            codes = self._codes.get(PlaneKey(image, scene, plane.z, plane.c, plane.t), codes)
        graph.add(
            own_id,
            ["ImageObject", "ImagePlane"],
            name=name,
            **shared,
            theZ=plane.z,
            **add_codes(graph, codes.iscc, codes.image_code, codes.data_code, codes.instance_code),
        )


def scene_id(image: str, scene: int) -> str:
    """The `@id` of a scene."""
    return f"#{path_to_id(image)}/scene/{scene}"


def plane_id(image: str, scene: int, plane: PlaneRef) -> str:
    """The `@id` of a plane or projection."""
    rest = f"c{plane.c}t{plane.t}"
    if plane.projection is not None:
        made = plane.projection
        return f"{scene_id(image, scene)}/projection/{made.kind.value}-z{made.z_start}-{made.z_end}-{rest}"
    return f"{scene_id(image, scene)}/plane/{'z' if plane.z is None else f'z{plane.z}'}{rest}"


def describe_plane(plane: PlaneRef) -> str:
    """A plane in words: "z 5, c 1, t 0"."""
    if plane.projection is not None:
        made = plane.projection
        return f"{made.kind.value} of z {made.z_start} to {made.z_end}, c {plane.c}, t {plane.t}"
    return f"z {plane.z}, c {plane.c}, t {plane.t}" if plane.z is not None else f"c {plane.c}, t {plane.t}"


def add_scene(graph: Graph, sources: Sources, image: str, image_id: str, scene: SceneRecord) -> None:
    """Add a scene, and the planes of it that edges touch."""
    graph.add(
        scene_id(image, scene.index),
        ["ImageObject", "ImageScene"],
        name=scene.name or f"Scene {scene.index} of {display(image)}",
        isPartOf=ref(image_id),
        sceneIndex=scene.index,
        arrayPath=scene.array_path,
        sizeX=scene.size_x,
        sizeY=scene.size_y,
        sizeZ=scene.size_z,
        sizeC=scene.size_c,
        sizeT=scene.size_t,
        pixelType=scene.pixel_type,
        physicalSizeX=significant(scene.physical_size_x),
        physicalSizeY=significant(scene.physical_size_y),
        physicalSizeZ=significant(scene.physical_size_z),
        **add_codes(graph, scene.iscc),
    )
    sources.add_planes(graph, image, scene.index)


def _plane_order(plane: PlaneRef) -> tuple[Any, ...]:
    made = plane.projection
    return (
        made is not None,
        (made.kind.value, made.z_start, made.z_end) if made is not None else ("", 0, 0),
        -1 if plane.z is None else plane.z,
        plane.c,
        plane.t,
    )
