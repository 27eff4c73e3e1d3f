"""What a crate's metadata says, as the report wants it. Metadata is untrusted: what does not fit is left out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from biocodes_crate.crate import METADATA, id_to_path
from biocodes_crate.crate.entities import Entity, Index, first_ref, integer, number, text, types
from biocodes_crate.errors import UnsafePath
from biocodes_crate.findings import Finding, Severity
from biocodes_crate.report.view import Code, FileView, Person, SceneFacts, StudyFacts
from biocodes_crate.report.words import describe_plane
from biocodes_crate.tracing.model import Edge, PlaneRef

_CODES = {"iscc_code": "ISCC", "imageCode": "Image-Code", "dataCode": "Data-Code", "instanceCode": "Instance-Code"}
_ORCID = "https://orcid.org/"
# What `crate.metadata` writes where nobody described an image: its sizes, which the page shows anyway.
_GENERATED = re.compile(r"An image (of (one scene|[0-9]+ scenes): |without scenes )")


@dataclass(frozen=True, slots=True)
class StatedScene:
    """A scene as the metadata describes it."""

    facts: SceneFacts
    iscc: str | None


@dataclass(frozen=True, slots=True)
class StatedImage:
    """An image or figure as the metadata describes it."""

    path: str
    format: str
    iscc: str | None
    description: str
    caption: str | None
    scenes: tuple[StatedScene, ...]


class Facts:
    """Looks things up in the metadata of a crate."""

    def __init__(self, metadata: Mapping[str, Any]) -> None:
        self._index = Index(metadata)
        self._root = self._index.get(first_ref(self._index.get(METADATA), "about")) or self._index.get("./")
        self._planes = self._plane_codes()

    def study(self, fallback_title: str) -> StudyFacts:
        """The study as a whole."""
        root, index = self._root, self._index
        license_ = index.get(first_ref(root, "license"))
        license_url = first_ref(root, "license")
        run = next(index.of_type("CreateAction"), {})
        software = index.get(first_ref(run, "instrument"))
        name, version = text(software, "name") or "biocodes-crate", text(software, "version")
        return StudyFacts(
            title=text(root, "name") or fallback_title,
            description=text(root, "description") or "",
            authors=tuple(self._people(root)),
            license=text(license_, "name") or text(root, "license") or license_url,
            license_url=license_url,
            date=text(root, "datePublished"),
            iscc=text(root, "iscc_code"),
            publication=first_ref(root, "citation"),
            keywords=tuple(word for word in _texts(root, "keywords")),
            software=f"{name} {version}" if version else name,
            made=text(run, "endTime"),
        )

    def images(self) -> list[StatedImage]:
        """Images, in the order of the metadata: whatever shows pixels and is no figure."""
        return [self._stated(entity, path) for entity, path in self._parts() if self._is_image(entity)]

    def figures(self) -> list[StatedImage]:
        """Figures, in the order of the metadata."""
        return [self._stated(entity, path) for entity, path in self._parts() if self._is_figure(entity)]

    def files(self) -> list[FileView]:
        """Files and folders, in the order of the metadata."""
        return [
            FileView(
                path=path,
                format=_format(entity),
                size=_size(entity),
                iscc=text(entity, "iscc_code"),
                is_folder="Dataset" in types(entity),
            )
            for entity, path in self._parts()
        ]

    def findings(self) -> list[Finding]:
        """What the build found; the entity is part of the message."""
        return [
            Finding(
                id=text(entity, "name") or "finding",
                severity=_severity(text(entity, "severity")),
                entity="",
                message=text(entity, "text") or "",
                remedy=text(entity, "description") or "",
            )
            for entity in self._index.of_type("BuildFinding")
        ]

    def codes(self, edge: Edge, scene: SceneFacts | None) -> list[Code]:
        """The ISCCs of the plane that an edge names; projections have none."""
        found = self._planes.get((edge.image, edge.scene, edge.source), {})
        return [Code(f"{name} of {describe_plane(edge.source, scene)}", iscc) for name, iscc in found.items()]

    def _people(self, root: Entity) -> Iterator[Person]:
        for author in self._index.follow(root, "author"):
            affiliation = next(iter(self._index.follow(author, "affiliation")), {})
            identity = str(author["@id"])
            yield Person(
                name=text(author, "name") or identity,
                orcid=identity.removeprefix(_ORCID) if identity.startswith(_ORCID) else None,
                affiliation=text(affiliation, "name"),
            )

    def _parts(self) -> Iterator[tuple[Entity, str]]:
        for entity in self._index.follow(self._root, "hasPart"):
            if {"File", "Dataset"} & set(types(entity)):
                try:
                    yield entity, id_to_path(str(entity["@id"]))
                except UnsafePath:
                    continue

    def _is_figure(self, entity: Entity) -> bool:
        return "ImageObject" in types(entity) and (
            "figurePage" in entity
            or any("FigurePanel" in types(part) for part in self._index.follow(entity, "hasPart"))
        )

    def _is_image(self, entity: Entity) -> bool:
        return "ImageObject" in types(entity) and not self._is_figure(entity)

    def _stated(self, entity: Entity, path: str) -> StatedImage:
        description = text(entity, "description") or ""
        scenes = [part for part in self._index.follow(entity, "hasPart") if "ImageScene" in types(part)]
        return StatedImage(
            path=path,
            format=_format(entity),
            iscc=text(entity, "iscc_code"),
            description="" if _GENERATED.match(description) else description,
            caption=text(entity, "caption"),
            scenes=tuple(StatedScene(_scene(scene), text(scene, "iscc_code")) for scene in scenes),
        )

    def _plane_codes(self) -> dict[tuple[str, int, PlaneRef], dict[str, str]]:
        found = {}
        for plane in self._index.of_type("ImagePlane"):
            scene = self._index.get(first_ref(plane, "isPartOf"))
            image, index = first_ref(scene, "isPartOf"), integer(scene, "sceneIndex")
            z, c, t = (integer(plane, key) for key in ("theZ", "theC", "theT"))
            codes = {name: iscc for key, name in _CODES.items() if (iscc := text(plane, key)) is not None}
            if image is None or index is None or c is None or t is None:
                continue
            try:
                found[id_to_path(image), index, PlaneRef(z, c, t)] = codes
            except UnsafePath:
                continue
        return found


def _scene(scene: Entity) -> SceneFacts:
    x, y, z, c, t = (integer(scene, f"size{axis}") or 1 for axis in "XYZCT")
    return SceneFacts(
        index=integer(scene, "sceneIndex") or 0,
        name=text(scene, "name") or "",
        size_x=x,
        size_y=y,
        size_z=z,
        size_c=c,
        size_t=t,
        pixel_type=text(scene, "pixelType") or "",
        physical_size_x=number(scene, "physicalSizeX"),
        physical_size_y=number(scene, "physicalSizeY"),
        physical_size_z=number(scene, "physicalSizeZ"),
    )


def _format(entity: Entity) -> str:
    return text(entity, "encodingFormat") or first_ref(entity, "encodingFormat") or ""


def _size(entity: Entity) -> int | None:
    stated = text(entity, "contentSize") or ""
    return int(stated) if stated.isascii() and stated.isdigit() and len(stated) < 20 else None


def _texts(entity: Entity, key: str) -> list[str]:
    value = entity.get(key)
    return [word for word in (value if isinstance(value, list) else [value]) if isinstance(word, str)]


def _severity(value: str | None) -> Severity:
    try:
        return Severity(value)
    except ValueError:
        return Severity.WARNING
