"""The files that a build adds to a study, all but the preview, which shows what they say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from biocodes_crate.crate.content import EDGES_FILE, METADATA, PLANES_TABLE, CrateContent, FileEntry
from biocodes_crate.crate.edges import edges_jsonld
from biocodes_crate.crate.metadata import crate_metadata, metadata_bytes


def crate_files(content: CrateContent, planes_table: bytes | Path) -> tuple[dict[str, Any], dict[str, bytes | Path]]:
    """The metadata of a crate, and the files to write, by path.

    Parameters
    ----------
    content
        What the crate says; what it says of generated files is replaced by what they are.
    planes_table
        `codes/planes.parquet`, or a file that holds it.
    """
    edges = metadata_bytes(edges_jsonld(crate_metadata(content)))
    size = planes_table.stat().st_size if isinstance(planes_table, Path) else len(planes_table)
    generated = (
        FileEntry(
            PLANES_TABLE,
            "application/vnd.apache.parquet",
            size,
            description="The codes of every plane of every image, as a table.",
        ),
        FileEntry(EDGES_FILE, "application/ld+json", len(edges), description="The provenance edges alone."),
    )
    metadata = crate_metadata(replace(content, generated=generated))
    return metadata, {METADATA: metadata_bytes(metadata), PLANES_TABLE: planes_table, EDGES_FILE: edges}
