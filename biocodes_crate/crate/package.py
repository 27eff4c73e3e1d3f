"""The files that a build adds to a study, all but the preview, which shows what they say."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from biocodes_crate.crate.content import EDGES_FILE, INDEX_FILE, METADATA, PLANES_TABLE, CrateContent, FileEntry
from biocodes_crate.crate.edges import edges_jsonld
from biocodes_crate.crate.metadata import crate_metadata, metadata_bytes


def crate_files(
    content: CrateContent, planes_table: bytes | Path, index: Path | None = None
) -> tuple[dict[str, Any], dict[str, bytes | Path]]:
    """The metadata of a crate, and the files to write, by path.

    Parameters
    ----------
    content
        What the crate says; what it says of generated files is replaced by what they are.
    planes_table
        `codes/planes.parquet`, or a file that holds it.
    index
        A file that holds `codes/trace-index.parquet`, where the crate shall have one.
    """
    edges = metadata_bytes(edges_jsonld(crate_metadata(content)))
    size = planes_table.stat().st_size if isinstance(planes_table, Path) else len(planes_table)
    generated: tuple[FileEntry, ...] = (
        FileEntry(
            PLANES_TABLE,
            "application/vnd.apache.parquet",
            size,
            description="The codes of every plane of every image, as a table.",
        ),
        FileEntry(EDGES_FILE, "application/ld+json", len(edges), description="The provenance edges alone."),
    )
    files: dict[str, bytes | Path] = {PLANES_TABLE: planes_table, EDGES_FILE: edges}
    if index is not None:
        description = "The index that figure panels are looked up in, for `crate trace`."
        size = index.stat().st_size
        generated += (FileEntry(INDEX_FILE, "application/vnd.apache.parquet", size, description=description),)
        files[INDEX_FILE] = index
    metadata = crate_metadata(replace(content, generated=generated))
    return metadata, {METADATA: metadata_bytes(metadata), **files}
