"""What properties refer to: the entity is there, and of the right type; codes say what they are."""

from __future__ import annotations

from biocodes_crate.crate.entities import Entity, Index, code_kind, refs, text, types
from biocodes_crate.crate.people import NO_LICENSE
from biocodes_crate.validation.rules import Findings

# Type of the subject, property, types of the object: any one of them will do.
_LINKS: tuple[tuple[str, str, frozenset[str]], ...] = tuple(
    (subject, key, frozenset(targets.split()))
    for subject, key, targets in (
        ("ImageScene", "isPartOf", "ImageObject"),
        ("ImagePlane", "isPartOf", "ImageScene"),
        ("ImageProjection", "isPartOf", "ImageScene"),
        ("ImageRegion", "isPartOf", "ImagePlane ImageProjection"),
        ("ImageRegion", "hasSource", "ImagePlane ImageProjection"),
        ("ImageRegion", "hasSelector", "FragmentSelector SvgSelector"),
        ("UnexplainedRegion", "isPartOf", "FigurePanel"),
        ("UnexplainedRegion", "hasSelector", "FragmentSelector"),
        ("FigurePanel", "isPartOf", "ImageObject"),
        ("FigurePanel", "hasSelector", "FragmentSelector"),
        ("FigurePanel", "hasProvenanceEdge", "ProvenanceEdge"),
        ("FigurePanel", "isBasedOn", "ImagePlane ImageProjection"),
        ("FigurePanel", "wasDerivedFrom", "ImagePlane ImageProjection"),
        ("FigurePanel", "qualifiedDerivation", "ProvenanceEdge"),
        ("FigurePanel", "unexplained", "UnexplainedRegion"),
        ("ProvenanceEdge", "panel", "FigurePanel"),
        ("ProvenanceEdge", "source", "ImageRegion"),
        ("ProvenanceEdge", "candidate", "ImagePlane ImageProjection"),
        ("ProvenanceEdge", "transformStep", "TransformStep"),
        ("ProvenanceEdge", "evidence", "QualityMeasurement"),
        ("ProvenanceEdge", "wasGeneratedBy", "CreateAction"),
        ("CreateAction", "instrument", "SoftwareApplication"),
    )
)
_CODES = {
    "imageCode": ("Image-Code",),
    "dataCode": ("Data-Code",),
    "instanceCode": ("Instance-Code",),
}
_WHOLE = ("ISCC-SUM", "ISCC-CODE")


def check_links(index: Index, root: Entity, found: Findings) -> None:
    """Check links, codes, and what the root refers to."""
    by_type: dict[str, list[tuple[str, frozenset[str]]]] = {}
    for subject, key, targets in _LINKS:
        by_type.setdefault(subject, []).append((key, targets))
    for entity in index:
        for kind in types(entity):
            for key, targets in by_type.get(kind, ()):
                _check_link(index, entity, key, targets, found)
        if "ImageRegion" in types(entity) and set(refs(entity, "hasSource")) != set(refs(entity, "isPartOf")):
            message = "'hasSource' is not what it is part of"
            found.add("region-source-differs", entity["@id"], message, key="hasSource")
        _check_codes(index, entity, found)
    for person in refs(root, "author"):
        if person not in index:
            found.add("link-broken", root["@id"], f"'author' refers to {person}, which is not there", key="author")
    if root and not refs(root, "author"):
        found.add("author-missing", root["@id"], "'author' is missing", key="author")
    if NO_LICENSE in refs(root, "license"):
        found.add("license-not-stated", root["@id"], "the licence is stated as none", key="license")


def _check_link(index: Index, entity: Entity, key: str, targets: frozenset[str], found: Findings) -> None:
    for target in refs(entity, key):
        if target not in index:
            found.add("link-broken", entity["@id"], f"'{key}' refers to {target}, which is not there", key=key)
        elif not targets.intersection(types(index.get(target))):
            wanted = " or ".join(sorted(targets))
            found.add("link-wrong-type", entity["@id"], f"'{key}' refers to {target}, which is no {wanted}", key=key)


def _check_codes(index: Index, entity: Entity, found: Findings) -> None:
    stated = set()
    for key in ("iscc_code", *_CODES):
        code = text(entity, key)
        if code is None:
            continue
        stated.add(code)
        kind = code_kind(code)
        panel = "FigurePanel" in types(entity)
        # A panel has no byte stream of its own: its code is made of Image-Code and Instance-Code.
        allowed = _CODES.get(key) or (None if panel else _WHOLE)
        if kind is None or (allowed is not None and kind not in allowed):
            found.add("code-invalid", entity["@id"], f"'{key}' is {code}, which is {_article(kind)}", key=key)
    if not stated:
        return
    identified = {code for code in refs(entity, "identifier") if code.startswith("ISCC:")}
    for code in sorted(identified ^ stated) if identified else ():
        found.add(
            "code-mismatch", entity["@id"], f"{code} is among the codes or the identifiers only", key="identifier"
        )
    for code in sorted(identified):
        value = text(index.get(code), "value")
        if value is not None and value != code:
            found.add("code-mismatch", code, f"has the value {value}", key="value")


def _article(kind: str | None) -> str:
    return "no ISCC" if kind is None else f"{'an' if kind[0] in 'AEIOU' else 'a'} {kind}"
