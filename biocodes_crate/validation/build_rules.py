"""Every finding that reading, building or drawing a study can give, for `docs/findings.md`.

The steps before this one make these findings themselves; a test sees to it that each of their ids is here.
"""

from __future__ import annotations

from typing import NamedTuple

from biocodes_crate.findings import Severity


class BuildRule(NamedTuple):
    """One kind of finding of a build."""

    id: str
    severity: Severity
    meaning: str
    remedy: str


_WARNING, _INFO = Severity.WARNING, Severity.INFO

BUILD_SECTIONS: dict[str, tuple[BuildRule, ...]] = {
    "The study": (
        BuildRule("no-images", _WARNING, "There is no image in the study.", "Put images into the folder."),
        BuildRule("no-figures", _WARNING, "There is no figure in the study.", "Put figures into a folder `figures`."),
        BuildRule("license-missing", _WARNING, "No licence is stated.", "Set `license` in `study.yaml`."),
        BuildRule("authors-missing", _WARNING, "No author is named.", "Set `authors` in `study.yaml`."),
        BuildRule("title-missing", _WARNING, "The study has no title.", "Set `title` in `study.yaml`."),
        BuildRule("description-missing", _INFO, "The study is not described.", "Set `description` in `study.yaml`."),
        BuildRule("publication-missing", _INFO, "No paper is named.", "Set `publication` in `study.yaml`."),
        BuildRule("orcid-missing", _INFO, "An author has no ORCID iD.", "Add it to `authors` in `study.yaml`."),
        BuildRule("citation-unreadable", _WARNING, "`CITATION.cff` cannot be read.", "Mend it, or remove it."),
        BuildRule("declared-twice", _WARNING, "`study.yaml` names a file twice.", "Put both entries into one."),
        BuildRule("declared-image-missing", _WARNING, "An image of `study.yaml` is not there.", "Correct its path."),
        BuildRule("declared-figure-missing", _WARNING, "A figure of `study.yaml` is not there.", "Correct its path."),
        BuildRule("link-skipped", _WARNING, "A symbolic link is not followed.", "Put the file itself there."),
        BuildRule("folder-unreadable", _WARNING, "A folder cannot be read.", "Check its rights, or exclude it."),
        BuildRule("file-unreadable", _WARNING, "A file cannot be read; it has no code.", "Check its rights."),
    ),
    "Images": (
        BuildRule("image-unreadable", _WARNING, "An image cannot be read; it is packed as it is.", "Export it again."),
        BuildRule("reader-missing", _WARNING, "The reader of a format is not installed.", "Install it, as it says."),
        BuildRule("chunks-missing", _INFO, "Chunks of an OME-Zarr are not there: empty pixels.", "Check the copy."),
        BuildRule("sidecar-differs", _WARNING, "An image is not what its sidecar says.", "See which of them is right."),
        BuildRule("planes-missing", _WARNING, "Pages of a TIFF set are not there: empty pixels.", "Copy all files."),
    ),
    "Figures": (
        BuildRule("figure-unreadable", _WARNING, "A figure cannot be read; it is not traced.", "Export it again."),
        BuildRule("figure-page-unreadable", _WARNING, "A page of a figure cannot be read.", "Export it again."),
        BuildRule("figure-image-unreadable", _WARNING, "An image in a figure cannot be read.", "Export it again."),
        BuildRule("figure-remote-image", _WARNING, "Linked images of an SVG are not fetched.", "Embed them."),
        BuildRule("figure-too-long", _WARNING, "Only the first pages of a figure are read.", "Split the file."),
        BuildRule("panels-left-out", _WARNING, "A page has more panels than are read.", "Split the page."),
        BuildRule("figure-too-complex", _WARNING, "A drawing is too complex to search.", "Export it as a picture."),
        BuildRule("declared-panel-not-found", _WARNING, "A declared panel is not in the figure.", "Give its `box`."),
    ),
    "Edges": (
        BuildRule("panel-without-source", _WARNING, "No source was found for a panel.", "Add its image to the study."),
        BuildRule(
            "declaration-contradicted", _WARNING, "The pixels contradict a declared source.", "Correct one of them."
        ),
        BuildRule("declaration-unverified", _WARNING, "A declared source could not be tested.", "Add the image."),
        BuildRule("plane-ambiguous", _INFO, "Several planes fit a panel equally well.", "Name the plane."),
        BuildRule(
            "pixels-unexplained", _INFO, "Regions of a panel are not those of its source.", "Arrows do that; check."
        ),
        BuildRule(
            "capture-without-source",
            _WARNING,
            "A panel is said to be a capture, but has no proven source.",
            "Add its image, or correct its digital source.",
        ),
        BuildRule(
            "synthetic-but-verified",
            _WARNING,
            "A panel is said to be synthetic, but shows a captured image.",
            "Correct its digital source.",
        ),
        BuildRule(
            "scale-bar-mismatch",
            _WARNING,
            "A scale bar is not as long as its label says, by the source's pixel size.",
            "Correct the bar, its label or the pixel size.",
        ),
        BuildRule(
            "zoom-box-mismatch",
            _WARNING,
            "The box drawn in a panel is not what its inset shows.",
            "Move the box, or replace the inset.",
        ),
        BuildRule(
            "content-credentials",
            _INFO,
            "A figure has C2PA content credentials.",
            "Check them with a C2PA tool: they are not validated.",
        ),
        BuildRule(
            "window-mismatch",
            _WARNING,
            "The tones of a panel are not those of the window that OMERO.figure's JSON states.",
            "Export the figure again, or say how its contrast was changed.",
        ),
        BuildRule("zoom-box-agrees", _INFO, "An inset shows what the box drawn in its panel marks.", "Nothing."),
        BuildRule(
            "panels-share-source", _INFO, "Two panels show overlapping regions of one plane.", "Say so in the caption."
        ),
    ),
    "The page": (
        BuildRule("metadata-unreadable", _WARNING, "A page, panel or edge cannot be read.", "Build the crate again."),
        BuildRule("preview-failed", _WARNING, "The page could not be drawn; the crate is whole.", "Report it."),
    ),
}
"""By step of a build."""


def build_rules() -> dict[str, BuildRule]:
    """All of them, by id."""
    return {rule.id: rule for rules in BUILD_SECTIONS.values() for rule in rules}
