"""Make the files of the profile that follow from the code: vocabulary, context, example, and the profile crate.

    python profiles/make.py           writes them
    python profiles/make.py --check   says which are out of date, and fails if any is

Rules, specification and `profile.ttl` are written by hand. Classes and properties are defined in `terms.csv` beside
this script; terms that are values are defined in `biocodes_crate.crate.terms`.
"""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
FOLDER = HERE / "biocodes-crate"
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "tests" / "crate")]

from crate_examples import example_content  # noqa: E402

from biocodes_crate.crate import crate_metadata, metadata_bytes  # noqa: E402
from biocodes_crate.crate.terms import BC, DEFINED_TERMS, PROFILE, RO_CRATE, RO_CRATE_CONTEXT, context  # noqa: E402

_KINDS = {"class": ("rdfs:Class", "rdfs:subClassOf"), "property": ("rdf:Property", "rdfs:domain")}
_ROLES = "http://www.w3.org/ns/dx/prof/role/"
_HEAD = f"""\
@prefix bc: <{BC}> .
@prefix oa: <http://www.w3.org/ns/oa#> .
@prefix owl: <http://www.w3.org/2002/07/owl#> .
@prefix dct: <http://purl.org/dc/terms/> .
@prefix rdf: <http://www.w3.org/1999/02/22-rdf-syntax-ns#> .
@prefix rdfs: <http://www.w3.org/2000/01/rdf-schema#> .
@prefix schema: <http://schema.org/> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .

<{BC}>
    a owl:Ontology ;
    dct:title "Terms of biocodes crates"@en ;
    dct:license <https://spdx.org/licenses/Apache-2.0> .
"""
_DESCRIPTIONS = {
    "context.jsonld": ("The context of a crate: RO-Crate 1.3 and the terms of this profile.", "vocabulary"),
    "example/ro-crate-metadata.json": ("A complete example.", "example"),
    "profile.ttl": ("The profile as rocrate-validator reads it.", "validation"),
    "specification.md": (
        "The profile in prose: what every entity and property MUST, SHOULD and MAY be.",
        "specification",
    ),
    "terms.ttl": ("The vocabulary: a definition of every term.", "vocabulary"),
}
_MEDIA_TYPES = {
    ".jsonld": "application/ld+json",
    ".json": "application/ld+json",
    ".ttl": "text/turtle",
    ".md": "text/markdown",
    ".py": "text/x-python",
}


def terms() -> str:
    """`terms.ttl`."""
    blocks = [_HEAD]
    with (HERE / "terms.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            kind, relation = _KINDS[row["kind"]]
            blocks.append(
                _block(row["term"], kind, [(relation, row["of"]), ("rdfs:range", row["range"])], row["definition"])
            )
    blocks += [_block(term, "skos:Concept", [], definition) for term, definition in DEFINED_TERMS.items()]
    return "\n".join(blocks)


def _block(term: str, kind: str, relations: list[tuple[str, str]], definition: str) -> str:
    lines = [f"bc:{term}", f"    a {kind} ;"]
    lines += [f"    {relation} {target} ;" for relation, target in relations if target]
    lines += [f"    rdfs:label {json.dumps(term)} ;", f"    rdfs:comment {json.dumps(definition)}@en ."]
    return "\n".join(lines) + "\n"


def profile_crate(paths: list[str]) -> bytes:
    """`ro-crate-metadata.json`, which describes all files of the profile."""
    graph: list[dict] = [
        {
            "@id": "ro-crate-metadata.json",
            "@type": "CreativeWork",
            "name": "RO-Crate metadata",
            "about": {"@id": "./"},
            "conformsTo": {"@id": RO_CRATE},
        },
        {
            "@id": "./",
            "@type": ["Dataset", "Profile"],
            "name": "Biocodes crate profile 0.1",
            "description": "Bioimages and the figures made from them, with an ISCC on everything and a provenance edge "
            "from every panel to the plane it shows.",
            "datePublished": "2026-11-22",
            "license": {"@id": "https://spdx.org/licenses/Apache-2.0"},
            "author": [{"@id": "#developers"}],
            "publisher": {"@id": "#developers"},
            "identifier": PROFILE,
            "url": PROFILE,
            "version": "0.1.0",
            "isProfileOf": {"@id": RO_CRATE},
            "hasPart": [{"@id": path} for path in paths],
            "hasResource": [{"@id": f"#resource/{path}"} for path in paths],
        },
        {
            "@id": "https://spdx.org/licenses/Apache-2.0",
            "@type": "CreativeWork",
            "name": "Apache-2.0",
            "description": "The Apache License 2.0.",
        },
        {"@id": "#developers", "@type": "Organization", "name": "The biocodes-crate developers"},
    ]
    roles: dict[str, None] = {}
    for path in paths:
        description, role = _DESCRIPTIONS.get(path) or (
            f"Rules of the profile that crates {path.partition('/')[0].upper()} follow.",
            "validation",
        )
        media_type = _MEDIA_TYPES[Path(path).suffix]
        graph.append(
            {"@id": path, "@type": "File", "name": path, "description": description, "encodingFormat": media_type}
        )
        graph.append(
            {
                "@id": f"#resource/{path}",
                "@type": "ResourceDescriptor",
                "name": path,
                "hasRole": {"@id": _ROLES + role},
                "hasArtifact": {"@id": path},
            }
        )
        roles[role] = None
    graph += [{"@id": _ROLES + role, "@type": "DefinedTerm", "name": role} for role in roles]
    own = {"author": {"@id": "http://schema.org/author", "@container": "@set"}}
    return metadata_bytes({"@context": [RO_CRATE_CONTEXT, own], "@graph": graph})


def files() -> dict[str, bytes]:
    """Every file that is made, by its path in the profile's folder."""
    made = {
        "terms.ttl": terms().encode(),
        "context.jsonld": metadata_bytes({"@context": context()}),
        "example/ro-crate-metadata.json": metadata_bytes(crate_metadata(example_content())),
    }
    there = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file()}
    there = {path for path in there if "__pycache__" not in path and path != "ro-crate-metadata.json"}
    return made | {"ro-crate-metadata.json": profile_crate(sorted(there | set(made)))}


def main() -> None:
    """Write the files, or check them."""
    made = files()
    stale = [
        path
        for path, content in made.items()
        if not (FOLDER / path).is_file() or (FOLDER / path).read_bytes() != content
    ]
    if "--check" in sys.argv[1:]:
        sys.exit(f"out of date, run python profiles/make.py: {', '.join(stale)}" if stale else 0)
    for path in stale:
        (FOLDER / path).write_bytes(made[path])
        print(f"Written: {path}")


if __name__ == "__main__":
    main()
