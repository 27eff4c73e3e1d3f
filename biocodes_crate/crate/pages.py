"""The traced pages, back from a crate's metadata: nothing about an edge is lost.

Metadata is untrusted. What cannot be read is reported and left out; the rest is given.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from enum import Enum
from typing import Any, TypeVar

from biocodes_crate.crate.entities import Entity, Index, first_ref, first_refs, integer, number, refs, text
from biocodes_crate.crate.ids import id_to_path
from biocodes_crate.crate.provenance import EVIDENCE_FIELDS
from biocodes_crate.crate.terms import BC, DIGITAL_SOURCE
from biocodes_crate.errors import NotACrate, UnsafePath
from biocodes_crate.figures.model import Box, PageUnit, PanelKind
from biocodes_crate.tracing.model import (
    Affine,
    Claim,
    Edge,
    Evidence,
    Intensity,
    PlaneRef,
    Projection,
    ProjectionKind,
    Status,
    TracedPage,
    TracedPanel,
)

OnFault = Callable[[str, str, str], None]
"""Called with an entity's id, a property, and what is wrong with it."""

LocatedPage = tuple[TracedPage, tuple[tuple[str, tuple[str, ...]], ...]]
"""A page, with the `@id` of each of its panels and of each panel's edges."""

_E = TypeVar("_E", bound=Enum)
_FRAGMENT = re.compile(r"xywh=(pixel|percent):" + ",".join([r"(-?[0-9]{1,12}(?:\.[0-9]{1,12})?)"] * 4))
_LARGEST = 2**53  # of an integer in JSON


class _Faulty(Exception):
    """An entity cannot be read."""

    def __init__(self, entity: str, key: str, message: str) -> None:
        super().__init__(message)
        self.entity, self.key, self.message = entity, key, message


def read_pages(metadata: Mapping[str, Any], on_fault: OnFault | None = None) -> list[TracedPage]:
    """The pages of all figures, in the order of figures and pages in the metadata.

    Parameters
    ----------
    metadata
        The JSON-LD of a crate, as :func:`crate_metadata` writes it.
    on_fault
        Called for every panel or edge that cannot be read, which is then left out. Without it,
        the first fault raises.

    Raises
    ------
    NotACrate
        The metadata has no graph; or, without `on_fault`, a panel or edge is faulty.
    """
    return [page for page, _ in read_located_pages(metadata, on_fault)]


def read_located_pages(metadata: Mapping[str, Any], on_fault: OnFault | None = None) -> list[LocatedPage]:
    """The pages, each with the `@id` of each of its panels and of each panel's edges."""
    index = Index(metadata)
    reader = _Reader(index, on_fault or _raise)
    return [page for figure in reader.figures() for page in reader.pages(figure)]


def _raise(entity: str, key: str, message: str) -> None:
    raise NotACrate(f"'{key}' {message}", where=entity, remedy="Make the crate again with `crate build`.")


class _Reader:
    def __init__(self, index: Index, on_fault: OnFault) -> None:
        self._index = index
        self._on_fault = on_fault
        # A panel or edge that thousands list is read once, and so is a plane that thousands show.
        self._taken: set[str] = set()
        self._planes: dict[str, tuple[str, int, PlaneRef]] = {}

    def figures(self) -> list[str]:
        """Ids of what has panels or pages, in the order in which they come."""
        found: dict[str, None] = {}
        for entity in self._index:
            if "figurePage" in entity:
                found[entity["@id"]] = None
        for panel in self._index.of_type("FigurePanel"):
            figure = first_ref(panel, "isPartOf")
            if figure is not None and figure in self._index:
                found[figure] = None
        order = {entity["@id"]: position for position, entity in enumerate(self._index)}
        return sorted(found, key=order.__getitem__)

    def pages(self, figure_id: str) -> list[LocatedPage]:
        figure = self._index.get(figure_id)
        try:
            path = _path(figure_id, figure_id, "@id")
        except _Faulty as fault:
            self._report(fault)
            return []
        panels: dict[int, list[tuple[TracedPanel, PageUnit, tuple[str, tuple[str, ...]]]]] = {}
        for panel in self._index.follow(figure, "hasPart"):
            if panel["@id"] in self._taken or first_ref(panel, "isPartOf") not in {figure_id, None}:
                continue  # it is, or will be, read as a part of the figure that it names
            self._taken.add(panel["@id"])
            try:
                read, unit, edge_ids = self._panel(panel)
                page_number = _integer(panel, "pageNumber", default=1, low=1)
                panels.setdefault(page_number, []).append((read, unit, (panel["@id"], edge_ids)))
            except _Faulty as fault:
                self._report(fault)
        described: dict[int, Entity] = {}
        for page_entity in self._index.follow(figure, "figurePage"):
            page_number_read = integer(page_entity, "pageNumber")
            if page_number_read is None or page_number_read < 1:
                self._on_fault(page_entity["@id"], "pageNumber", "is not a page number")
            else:
                described.setdefault(page_number_read, page_entity)
        result = []
        for page_number in sorted(panels.keys() | described.keys()):
            mine = panels.get(page_number, [])
            entity = described.get(page_number, {})
            unit = PageUnit.PERCENT if text(entity, "pageUnit") == "percent" else PageUnit.PIXEL
            if not entity and mine:
                unit = mine[0][1]
            for _, panel_unit, ids in mine:
                if panel_unit is not unit:
                    self._on_fault(ids[0], "hasSelector", f"is not in {unit.value} as the page is")
            page = TracedPage(
                figure=path,
                number=page_number,
                width=number(entity, "width") or max((p.box.x + p.box.w for p, _, _ in mine), default=0.0),
                height=number(entity, "height") or max((p.box.y + p.box.h for p, _, _ in mine), default=0.0),
                unit=unit,
                panels=tuple(panel_read for panel_read, _, _ in mine),
            )
            result.append((page, tuple(ids for _, _, ids in mine)))
        return result

    def _report(self, fault: _Faulty) -> None:
        self._on_fault(fault.entity, fault.key, fault.message)

    def _panel(self, panel: Entity) -> tuple[TracedPanel, PageUnit, tuple[str, ...]]:
        box, unit = self._box(panel)
        edges, ids = [], []
        for edge_id in dict.fromkeys(refs(panel, "hasProvenanceEdge")):
            if edge_id in self._taken:
                self._on_fault(panel["@id"], "hasProvenanceEdge", f"names {edge_id}, which another panel has")
                continue
            if edge_id not in self._index:
                self._on_fault(panel["@id"], "hasProvenanceEdge", f"names {edge_id}, which is not in the metadata")
                continue
            self._taken.add(edge_id)
            try:
                edges.append(self._edge(self._index.get(edge_id)))
                ids.append(edge_id)
            except _Faulty as fault:
                self._report(fault)
        unexplained = []
        for region in self._index.follow(panel, "unexplained"):
            try:
                unexplained.append(self._box(region)[0])
            except _Faulty as fault:
                self._report(fault)
        digital_source = first_ref(panel, "digitalSourceType")
        traced = TracedPanel(
            label=text(panel, "panelLabel"),
            box=box,
            kind=_enum(PanelKind, panel, "panelKind", text(panel, "panelKind")),
            width=_integer(panel, "width", default=round(box.w), low=0),
            height=_integer(panel, "height", default=round(box.h), low=0),
            iscc=text(panel, "iscc_code"),
            image_code=text(panel, "imageCode"),
            instance_code=text(panel, "instanceCode"),
            digital_source=digital_source.removeprefix(DIGITAL_SOURCE) if digital_source else None,
            edges=tuple(edges),
            unexplained=tuple(unexplained),
        )
        return traced, unit, tuple(ids)

    def _edge(self, edge: Entity) -> Edge:
        region = self._index.get(first_ref(edge, "source"))
        if not region:
            raise _Faulty(edge["@id"], "source", "names no region that is in the metadata")
        image, scene, plane = self._plane(region["@id"], "isPartOf", first_ref(region, "isPartOf"))
        candidates = []
        for candidate in refs(edge, "candidate"):
            other_image, other_scene, other = self._plane(edge["@id"], "candidate", candidate)
            if (other_image, other_scene) != (image, scene):
                raise _Faulty(edge["@id"], "candidate", f"names {candidate}, a plane of another scene")
            candidates.append(other)
        read = Edge(
            status=_enum(Status, edge, "verificationStatus", _term(edge, "verificationStatus")),
            claim=_enum(Claim, edge, "claim", _term(edge, "claim")),
            image=image,
            scene=scene,
            source=plane,
            region=self._box(region)[0] if first_ref(region, "hasSelector") is not None else None,
            evidence=self._evidence(edge),
            candidates=tuple(candidates),
            reason=text(edge, "description") or "",
        )
        for step in self._index.follow(edge, "transformStep"):
            if "panelToSource" in step:
                read = replace(read, panel_to_source=_affine(step))
            else:
                read = replace(read, intensity=_intensity(step))
        return read

    def _plane(self, owner: str, key: str, plane_id: str | None) -> tuple[str, int, PlaneRef]:
        plane = self._index.get(plane_id)
        if not plane:
            raise _Faulty(owner, key, "names no plane or projection that is in the metadata")
        if plane["@id"] not in self._planes:
            self._planes[plane["@id"]] = self._read_plane(plane)
        return self._planes[plane["@id"]]

    def _read_plane(self, plane: Entity) -> tuple[str, int, PlaneRef]:
        scene = self._index.get(first_ref(plane, "isPartOf"))
        if not scene:
            raise _Faulty(plane["@id"], "isPartOf", "names no scene that is in the metadata")
        image_id = first_ref(scene, "isPartOf")
        if image_id is None or image_id not in self._index:
            raise _Faulty(scene["@id"], "isPartOf", "names no image that is in the metadata")
        image = _path(image_id.removeprefix("#"), scene["@id"], "isPartOf")
        index = _integer(scene, "sceneIndex", low=0)
        c, t = _integer(plane, "theC", low=0), _integer(plane, "theT", low=0)
        if "projection" in plane:
            kind = _enum(ProjectionKind, plane, "projection", text(plane, "projection"))
            made = Projection(kind, _integer(plane, "zStart", low=0), _integer(plane, "zEnd", low=0))
            return image, index, PlaneRef(None, c, t, made)
        z = _integer(plane, "theZ", low=0) if "theZ" in plane else None
        return image, index, PlaneRef(z, c, t)

    def _box(self, entity: Entity) -> tuple[Box, PageUnit]:
        for selector in map(self._index.get, first_refs(entity, "hasSelector")):
            value = text(selector, "selectorValue") or ""
            if match := _FRAGMENT.fullmatch(value):
                x, y, w, h = (_plain(part) for part in match.groups()[1:])
                if w <= 0 or h <= 0:
                    raise _Faulty(selector["@id"], "selectorValue", f"is empty: {value}")
                return Box(x, y, w, h), PageUnit(match[1])
        raise _Faulty(entity["@id"], "hasSelector", "names no selector of the form xywh=pixel:x,y,w,h")

    def _evidence(self, edge: Entity) -> Evidence:
        values: dict[str, Any] = {}
        for measurement in self._index.follow(edge, "evidence"):
            field = EVIDENCE_FIELDS.get(_term(measurement, "propertyID") or "")
            if field is None:
                continue  # somebody else's measurement
            value = number(measurement, "value")
            if value is None:
                raise _Faulty(measurement["@id"], "value", "is not a number")
            values[field] = round(value) if field == "image_code_hamming" else value
        return Evidence(**values)


def _term(entity: Entity, key: str) -> str | None:
    value = first_ref(entity, key) or text(entity, key)
    return value.removeprefix("bc:").removeprefix(BC) if value is not None else None


def _enum(kind: type[_E], entity: Entity, key: str, value: str | None) -> _E:
    try:
        return kind(value)
    except ValueError:
        known = ", ".join(str(member.value) for member in kind)
        raise _Faulty(entity["@id"], key, f"is {value!r}, not one of {known}") from None


def _integer(entity: Entity, key: str, *, default: int | None = None, low: int) -> int:
    if key not in entity and default is not None:
        return default
    value = integer(entity, key)
    if value is None or not low <= value <= _LARGEST:
        raise _Faulty(entity["@id"], key, f"is not a whole number of at least {low}")
    return value


def _path(entity_id: str, owner: str, key: str) -> str:
    try:
        return id_to_path(entity_id)
    except UnsafePath as error:
        raise _Faulty(owner, key, error.message) from None


def _plain(value: str) -> float:
    return float(value) if "." in value else int(value)


def _affine(step: Entity) -> Affine:
    affine = read_affine(step)
    if affine is None:
        raise _Faulty(step["@id"], "panelToSource", "is not [[a,b,c],[d,e,f]]")
    return affine


def read_affine(step: Entity) -> Affine | None:
    """The affine of a transform step, if it has one that can be read."""
    value = text(step, "panelToSource") or ""
    try:
        rows: Any = json.loads(value) if len(value) < 1000 else []
        (a, b, c), (d, e, f) = rows
        numbers = [float(part) for part in (a, b, c, d, e, f) if isinstance(part, int | float)]
    except (ValueError, TypeError, OverflowError, RecursionError):
        numbers = []
    if len(numbers) != 6 or not all(math.isfinite(part) and abs(part) < 1e12 for part in numbers):
        return None
    return ((numbers[0], numbers[1], numbers[2]), (numbers[3], numbers[4], numbers[5]))


def _intensity(step: Entity) -> Intensity:
    return Intensity(
        clip_min=number(step, "clipMin"),
        clip_max=number(step, "clipMax"),
        gamma=number(step, "gamma"),
        inverted=step.get("inverted") is True,
        lut=text(step, "lut"),
        color=text(step, "color"),
        weight=number(step, "weight"),
    )
