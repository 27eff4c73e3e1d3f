"""The vocabulary of a crate: its context, its profile, and the terms that are ours."""

from __future__ import annotations

from typing import Any

RO_CRATE = "https://w3id.org/ro/crate/1.3"
RO_CRATE_CONTEXT = f"{RO_CRATE}/context"
PROFILE = "https://w3id.org/biocodes/crate/0.1"
BC = "https://w3id.org/ro/terms/biocodes#"
ISCC_TERM = "http://purl.org/iscc/terms/#iscc"
ISCC_UNITS_TERM = "http://purl.org/iscc/terms/#units"
MEDIA_FRAGMENTS = "http://www.w3.org/TR/media-frags/"
DIGITAL_SOURCE = "http://cv.iptc.org/newscodes/digitalsourcetype/"
C2PA = "https://c2pa.org/specifications/"
OBO = "http://purl.obolibrary.org/obo/"
SOFTWARE_URL = "https://w3id.org/biocodes/crate"

_OA = "http://www.w3.org/ns/oa#"
_PROV = "http://www.w3.org/ns/prov#"
_OME = "http://www.openmicroscopy.org/rdf/2016-06/ome_core/"
_SCHEMA = "http://schema.org/"


def _several(iri: str) -> dict[str, str]:
    # Always an array, even of one: RO-Crate 1.3 asks for single values otherwise.
    return {"@id": iri, "@container": "@set"}


TERMS: dict[str, Any] = {
    "bc": BC,
    # RO-Crate's own, with the same meaning: we always write arrays, which importers rely on.
    "author": _several(f"{_SCHEMA}author"),
    "hasPart": _several(f"{_SCHEMA}hasPart"),
    "keywords": _several(f"{_SCHEMA}keywords"),
    "ImageScene": f"{BC}ImageScene",
    "ImagePlane": f"{BC}ImagePlane",
    "ImageProjection": f"{BC}ImageProjection",
    "ImageRegion": f"{BC}ImageRegion",
    "UnexplainedRegion": f"{BC}UnexplainedRegion",
    "FigurePage": f"{BC}FigurePage",
    "FigurePanel": f"{BC}FigurePanel",
    "ProvenanceEdge": f"{BC}ProvenanceEdge",
    "TransformStep": f"{BC}TransformStep",
    "BuildFinding": f"{BC}BuildFinding",
    "SpecificResource": f"{_OA}SpecificResource",
    "FragmentSelector": f"{_OA}FragmentSelector",
    "SvgSelector": f"{_OA}SvgSelector",
    "QualityMeasurement": "http://www.w3.org/ns/dqv#QualityMeasurement",
    "Derivation": f"{_PROV}Derivation",
    "hasSource": f"{_OA}hasSource",
    "hasSelector": f"{_OA}hasSelector",
    "selectorValue": "http://www.w3.org/1999/02/22-rdf-syntax-ns#value",
    "qualifiedDerivation": f"{_PROV}qualifiedDerivation",
    "wasGeneratedBy": f"{_PROV}wasGeneratedBy",
    "iscc_code": ISCC_TERM,
    "imageCode": f"{BC}imageCode",
    "dataCode": f"{BC}dataCode",
    "instanceCode": f"{BC}instanceCode",
    "sceneIndex": f"{BC}sceneIndex",
    "arrayPath": f"{BC}arrayPath",
    "pixelType": f"{BC}pixelType",
    "sizeX": f"{_OME}SizeX",
    "sizeY": f"{_OME}SizeY",
    "sizeZ": f"{_OME}SizeZ",
    "sizeC": f"{_OME}SizeC",
    "sizeT": f"{_OME}SizeT",
    "physicalSizeX": f"{BC}physicalSizeX",
    "physicalSizeY": f"{BC}physicalSizeY",
    "physicalSizeZ": f"{BC}physicalSizeZ",
    "theZ": f"{_OME}TheZ",
    "theC": f"{_OME}TheC",
    "theT": f"{_OME}TheT",
    "zStart": f"{BC}zStart",
    "zEnd": f"{BC}zEnd",
    "projection": f"{BC}projection",
    "omeroId": f"{BC}omeroId",
    # What XMP calls it, in XMP's own namespace: text, as the file has it.
    "creatorTool": "http://ns.adobe.com/xap/1.0/CreatorTool",
    "ContentCredentials": f"{BC}ContentCredentials",
    "contentCredentials": f"{BC}contentCredentials",
    "manifest": _several(f"{BC}manifest"),
    "figurePage": _several(f"{BC}figurePage"),
    "pageNumber": f"{BC}pageNumber",
    "pageUnit": f"{BC}pageUnit",
    "panelLabel": f"{BC}panelLabel",
    "panelKind": f"{BC}panelKind",
    "hasProvenanceEdge": _several(f"{BC}hasProvenanceEdge"),
    "unexplained": _several(f"{BC}unexplained"),
    "panel": f"{BC}panel",
    # RO-Crate's `source`, `candidate` and `weight` mean other things (a citation, a person in a vote, mass).
    "source": f"{BC}source",
    "candidate": _several(f"{BC}candidate"),
    "claim": f"{BC}claim",
    "verificationStatus": f"{BC}verificationStatus",
    "transformStep": _several(f"{BC}transformStep"),
    "evidence": _several(f"{BC}evidence"),
    "panelToSource": f"{BC}panelToSource",
    "rotationDegrees": f"{BC}rotationDegrees",
    "scaleFactor": f"{BC}scaleFactor",
    "flipped": f"{BC}flipped",
    "clipMin": f"{BC}clipMin",
    "clipMax": f"{BC}clipMax",
    "gamma": f"{BC}gamma",
    "inverted": f"{BC}inverted",
    "lut": f"{BC}lut",
    "weight": f"{BC}weight",
    "buildFinding": _several(f"{BC}buildFinding"),
    "severity": f"{BC}severity",
}
"""The one inline term map of a crate's `@context`."""

ALWAYS_ARRAYS = frozenset(key for key, value in TERMS.items() if isinstance(value, dict))

DEFINED_TERMS = {
    "verified": "The pixels prove that the panel shows this source.",
    "ambiguous": "The pixels prove the scene and region, but not which of the candidate planes.",
    "contradicted": "Declared, tested, and the pixels say no.",
    "unverified": "Declared, and it could not be tested.",
    "declared": "The authors say that the panel shows the source.",
    "discovered": "The software found that the panel shows the source.",
    "correlation": "Correlation of the panel and the re-rendered source over the unmasked pixels.",
    "image-code-hamming": "Bits of 256 in which the Image-Codes of the panel and of the re-rendered source differ.",
    "share-explained": "Share of the unmasked pixels of the panel that the source explains.",
    "plane-margin": "How much worse the next plane fits.",
    "log10-false-alarm": "Decimal logarithm of the probability that an image that does not match fits as well.",
}
"""Our terms that are values: each gets an entity of its own in a crate that uses it."""


def context() -> list[Any]:
    """The `@context` of a crate's metadata."""
    return [RO_CRATE_CONTEXT, dict(TERMS)]
