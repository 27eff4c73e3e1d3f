"""What is missing from a study's description. Nothing of it stops a build."""

from __future__ import annotations

from biocodes_crate.findings import Finding, Severity
from biocodes_crate.study.manifest import Manifest

_WHERE = "study.yaml"


def find_gaps(manifest: Manifest, *, has_images: bool, has_figures: bool) -> list[Finding]:
    """A finding with a remedy for everything that readers or repositories will miss."""
    found = []
    if manifest.title is None:
        found.append(_warning("title-missing", "the study has no title", "title: A title", "title"))
    if manifest.license is None:
        found.append(
            _warning(
                "license-missing", "no licence is stated, so nobody may reuse the data", "license: CC-BY-4.0", "license"
            )
        )
    if not manifest.authors:
        found.append(
            _warning(
                "authors-missing",
                "no authors are named",
                "authors: [{name: 'Family, Given', orcid: 0000-0000-0000-0000}]",
                "authors",
            )
        )
    if manifest.description is None:
        found.append(
            _info("description-missing", "the study is not described", "description: What was studied", "description")
        )
    if manifest.publication is None:
        found.append(_info("publication-missing", "no paper is named", "publication: 10.1234/abcd", "publication"))
    found += [
        _info("orcid-missing", f"{author.name} has no ORCID iD", "orcid: 0000-0000-0000-0000", "authors")
        for author in manifest.authors
        if author.orcid is None
    ]
    if not has_images:
        found.append(
            Finding(
                "no-images",
                Severity.WARNING,
                ".",
                "there is no image in the study, so no figure can be traced",
                "Put OME-Zarr, OME-TIFF or other images into the folder, or name them in study.yaml.",
            )
        )
    if not has_figures:
        found.append(
            Finding(
                "no-figures",
                Severity.WARNING,
                ".",
                "there is no figure in the study, so nothing is traced",
                "Put the figures into a folder 'figures', or name them in study.yaml.",
            )
        )
    return found


def _warning(id_: str, message: str, line: str, key: str) -> Finding:
    return Finding(id_, Severity.WARNING, _WHERE, message, f"Add to study.yaml: {line}", key)


def _info(id_: str, message: str, line: str, key: str) -> Finding:
    return Finding(id_, Severity.INFO, _WHERE, message, f"Add to study.yaml: {line}", key)
