"""The provenance edges in the model of W3C PROV, as PROV-N or PROV-JSON.

A verified edge derives its panel from its source. Every edge, verified or not, is also an entity that
the run generated: what it claims, its status and its evidence are attributes of it, so that a claim
that the pixels do not bear out derives nothing.
Source: https://www.w3.org/TR/prov-dm/, https://www.w3.org/TR/prov-n/,
https://www.w3.org/submissions/2013/SUBM-prov-json-20130424/.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from biocodes_crate.crate.entities import Entity, Index, first_ref, number, refs, text, types
from biocodes_crate.crate.provenance import EVIDENCE_FIELDS
from biocodes_crate.crate.terms import BC
from biocodes_crate.export.base import base_of
from biocodes_crate.export.model import Export, ExportFormat, Place
from biocodes_crate.export.provwriting import (
    Agent,
    Attributes,
    Document,
    Name,
    Names,
    Statement,
    prov_json,
    prov_n,
)

_TIME = re.compile(
    r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]"
    r"(\.[0-9]{1,9})?(Z|[+-](0[0-9]|1[0-3]):[0-5][0-9])?"
)
_STATUSES = ("verified", "ambiguous", "contradicted", "unverified")


def export_prov(metadata: Mapping[str, Any], form: ExportFormat, place: Place) -> Export:
    """Panels, their sources, the edges between them and the run that made them."""
    index = Index(metadata)
    document = _Maker(index, Names(base_of(metadata, place))).document()
    if form is ExportFormat.PROV_N:
        return Export(prov_n(document), "text/provenance-notation")
    return Export(prov_json(document), "application/json")


class _Maker:
    def __init__(self, index: Index, names: Names) -> None:
        self._index = index
        self._names = names
        self._made: dict[tuple[str, str, str], Statement] = {}

    def document(self) -> Document:
        for panel in self._index.of_type("FigurePanel"):
            self._entity(panel, "FigurePanel")
            self._member(first_ref(panel, "isPartOf"), panel, "ImageObject")
        for edge in self._index.of_type("ProvenanceEdge"):
            self._edge(edge)
        return Document(self._names, tuple(self._made.values()))

    def _edge(self, edge: Entity) -> None:
        status = _term(edge, "verificationStatus")
        panel = self._index.get(first_ref(edge, "panel"))
        region = self._index.get(first_ref(edge, "source"))
        source = self._index.get(first_ref(region, "isPartOf"))
        if status not in _STATUSES or "FigurePanel" not in types(panel) or not source:
            return  # validation says so
        self._source(source)
        candidates = self._index.follow(edge, "candidate")
        for candidate in candidates:
            self._source(candidate)
        attributes: Attributes = [
            *_labelled(edge),
            ("prov:type", Name("bc", "ProvenanceEdge")),
            ("bc:verificationStatus", Name("bc", status)),
        ]
        claim = _term(edge, "claim")
        if claim in {"declared", "discovered"}:
            attributes.append(("bc:claim", Name("bc", claim)))
        attributes += [("bc:panel", self._name(panel)), ("bc:source", self._name(source))]
        attributes += [("bc:candidate", self._name(candidate)) for candidate in candidates]
        for step in self._index.follow(edge, "transformStep"):
            if (affine := text(step, "panelToSource")) is not None:
                attributes.append(("bc:panelToSource", affine))
        for measurement in self._index.follow(edge, "evidence"):
            term, value = _term(measurement, "propertyID"), number(measurement, "value")
            if term in EVIDENCE_FIELDS and value is not None:
                attributes.append((f"bc:{term}", float(value)))
        edge_name = self._add("entity", self._name(edge), attributes)
        run = self._index.get(first_ref(edge, "wasGeneratedBy"))
        if run:
            self._run(run)
            self._relate("wasGeneratedBy", edge_name, self._name(run))
        if status == "verified":
            self._relate("wasDerivedFrom", self._name(panel), self._name(source), [("bc:evidence", edge_name)])

    def _source(self, source: Entity) -> None:
        """A plane or projection, its scene, and its image."""
        self._entity(source, "ImageProjection" if "ImageProjection" in types(source) else "ImagePlane")
        scene = self._index.get(first_ref(source, "isPartOf"))
        if "ImageScene" in types(scene):
            self._entity(scene, "ImageScene")
            self._relate("hadMember", self._name(scene), self._name(source))
            self._member(first_ref(scene, "isPartOf"), scene, "ImageObject")

    def _member(self, whole_id: str | None, part: Entity, kind: str) -> None:
        whole = self._index.get(whole_id)
        if whole:
            self._entity(whole, None if kind == "ImageObject" else kind)
            self._relate("hadMember", self._name(whole), self._name(part))

    def _run(self, run: Entity) -> None:
        name = self._name(run)
        end = text(run, "endTime")
        time = end if end is not None and _TIME.fullmatch(end) else None
        self._add("activity", name, [*_labelled(run), ("prov:type", Name("schema", "CreateAction"))], time=time)
        for key, kind in (("instrument", Agent.SOFTWARE), ("agent", Agent.PERSON)):
            for agent in self._index.follow(run, key):
                attributes = [*_labelled(agent), ("prov:type", Name("prov", kind.value))]
                if (version := text(agent, "version")) is not None:
                    attributes.append(("schema:version", version))
                self._add("agent", self._name(agent), attributes)
                self._relate("wasAssociatedWith", name, self._name(agent))
        known = {made.id for made in self._made.values() if made.kind == "entity"}
        for used in self._index.follow(run, "object"):
            if self._name(used) in known:
                self._relate("used", name, self._name(used))

    def _entity(self, entity: Entity, kind: str | None) -> None:
        attributes: Attributes = _labelled(entity)
        if kind is not None:
            attributes.append(("prov:type", Name("bc", kind)))
        if kind in {None, "ImageScene"}:  # a collection of its parts
            attributes.append(("prov:type", Name("prov", "Collection")))
        if (code := text(entity, "iscc_code")) is not None:
            attributes.append(("iscc:iscc", code))
        self._add("entity", self._name(entity), attributes)

    def _name(self, entity: Entity) -> Name:
        return self._names.of(entity["@id"])

    def _add(self, kind: str, name: Name, attributes: Attributes, time: str | None = None) -> Name:
        self._made.setdefault((kind, str(name), ""), Statement(kind, name, None, tuple(attributes), time))
        return name

    def _relate(self, kind: str, one: Name, other: Name, attributes: Attributes | None = None) -> None:
        statement = Statement(kind, one, other, tuple(attributes or ()), None)
        key = str(other) + "".join(str(value) for _, value in attributes or ())
        self._made.setdefault((kind, str(one), key), statement)


def _labelled(entity: Entity) -> Attributes:
    name = text(entity, "name")
    return [("prov:label", name)] if name is not None else []


def _term(entity: Entity, key: str) -> str:
    value = next(iter(refs(entity, key)), None) or text(entity, key) or ""
    return value.removeprefix("bc:").removeprefix(BC)
