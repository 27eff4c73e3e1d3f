"""Validate a crate up to a level: the checklist of everything that is checked, in order."""

from __future__ import annotations

from pathlib import Path

from biocodes_crate.crate import METADATA, CrateReader, display, open_crate
from biocodes_crate.crate.entities import Entity, Index
from biocodes_crate.crate.pages import LocatedPage
from biocodes_crate.errors import BadMetadata
from biocodes_crate.progress import OnProgress, Progress, ignore_progress
from biocodes_crate.validation.contents import contents_of
from biocodes_crate.validation.edges import check_edges
from biocodes_crate.validation.geometry import check_planes, check_scenes, check_transforms
from biocodes_crate.validation.links import check_links
from biocodes_crate.validation.report import Level, Report
from biocodes_crate.validation.rules import Findings
from biocodes_crate.validation.shapes import check_shapes
from biocodes_crate.validation.structure import check_structure

_ODDITIES = {
    "path-escapes": "path-escapes",
    "link": "link-in-crate",
    "duplicate": "file-duplicate",
    "case-collision": "name-collision",
    "zip-bomb": "zip-bomb",
    "encrypted": "file-encrypted",
    "unreadable": "file-unreadable",
    "metadata-differs": "metadata-differs",
    "foreign": "zip-foreign-bytes",
    "outside": "file-outside",
}


def validate_crate(
    path: Path | str, level: Level = Level.PROVENANCE, on_progress: OnProgress = ignore_progress
) -> Report:
    """Say what is wrong with a crate.

    Parameters
    ----------
    path
        Its folder, a zip of it, or its metadata file, which is validated as metadata only; or, as
        text, the URL or DOI of a record: only what the level needs is fetched.
    level
        How far to go. Each level includes those before it.

    Returns
    -------
    Report
        Faults of the crate are findings in it; they never raise.

    Raises
    ------
    NotACrate
        There is no crate at `path`.
    RemoteUnreadable
        The crate lies on the web, and cannot be had from there.
    """
    found = Findings()
    try:
        opened = open_crate(path)
    except BadMetadata as error:
        found.add("metadata-malformed", METADATA, error.message)
        return Report(found.result(), Level.METADATA, display(str(path)))
    with opened as crate:
        crate.on_progress = on_progress
        # (1) The container: nothing in it leads out, hides, or explodes.
        if level > Level.METADATA:
            crate.files()  # what lies on the web is opened only for this
        for oddity in crate.oddities:
            found.add(_ODDITIES[oddity.kind], display(oddity.path), oddity.message)
        if level > Level.METADATA and not crate.has_payload:
            found.add("level-reduced", display(crate.path.name), f"only the metadata was validated, not {level.label}")
            level = Level.METADATA
        on_progress(Progress("checking the metadata", 0, None))
        index, root, pages = check_metadata(crate, found)
        if level >= Level.INTEGRITY:
            # Imported here: the metadata alone is validated without any of the image libraries.
            from biocodes_crate.validation.integrity import check_integrity  # noqa: PLC0415
            from biocodes_crate.validation.workspace import Workspace  # noqa: PLC0415

            with Workspace(crate) as workspace:
                # (7) Files are there, and give the stated codes.
                check_integrity(workspace, index, root, found, on_progress)
                if level >= Level.PROVENANCE and crate.failure is None:
                    from biocodes_crate.validation.provenance import check_provenance  # noqa: PLC0415

                    # (8) Panels give the stated codes, and the pixels bear out every edge.
                    check_provenance(workspace, pages, found, on_progress)
        if crate.failure is not None:  # the line broke: no word about the crate
            raise crate.failure
        findings = found.result()
        return Report(findings, level, display(str(path)), contents_of(index, pages, findings))


def check_metadata(crate: CrateReader, found: Findings) -> tuple[Index, Entity, list[LocatedPage]]:
    """Check the metadata alone; give its entities, the root, and the pages that can be read from it."""
    # (2) RO-Crate: context, ids, descriptor, root, parts, references.
    index, root = check_structure(crate.metadata, found)
    # (3) Every entity has the shape that its type demands.
    check_shapes(index, root, found)
    # (4) Links lead to entities of the right type; codes are codes of the right kind.
    check_links(index, root, found)
    # (5) Indices, regions, boxes and transforms fit what they belong to.
    scenes = check_scenes(index, found)
    check_planes(index, scenes, found)
    check_transforms(index, found)
    # (6) Edges are complete, in their place, and derive no more than they prove.
    return index, root, check_edges(crate.metadata, index, scenes, found)
