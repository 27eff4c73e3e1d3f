"""Write a study down as an RO-Crate, and read crates of anybody.

Start with :func:`crate_metadata` and :func:`write_in_place`; with :func:`open_crate` and
:func:`read_pages` for a crate that is there.
"""

from biocodes_crate.crate.archive import write_zip
from biocodes_crate.crate.content import (
    EDGES_FILE,
    GENERATED,
    INDEX_FILE,
    METADATA,
    PLANES_TABLE,
    PREVIEW,
    CrateContent,
    FigureRecord,
    FileEntry,
    FirstCoding,
    ImageRecord,
    PlaneCodes,
    PlaneKey,
    RunInfo,
    SceneRecord,
)
from biocodes_crate.crate.edges import edges_csv, edges_json, edges_jsonld
from biocodes_crate.crate.ids import display, id_to_path, path_to_id
from biocodes_crate.crate.metadata import crate_metadata, metadata_bytes
from biocodes_crate.crate.package import crate_files
from biocodes_crate.crate.pages import read_pages
from biocodes_crate.crate.reader import CrateReader, extract, open_crate
from biocodes_crate.crate.rounding import as_written
from biocodes_crate.crate.write import is_ours, write_folder, write_in_place
from biocodes_crate.crate.zips import Oddity

__all__ = [
    "EDGES_FILE",
    "GENERATED",
    "INDEX_FILE",
    "METADATA",
    "PLANES_TABLE",
    "PREVIEW",
    "CrateContent",
    "CrateReader",
    "FigureRecord",
    "FileEntry",
    "FirstCoding",
    "ImageRecord",
    "Oddity",
    "PlaneCodes",
    "PlaneKey",
    "RunInfo",
    "SceneRecord",
    "as_written",
    "crate_files",
    "crate_metadata",
    "display",
    "edges_csv",
    "edges_json",
    "edges_jsonld",
    "extract",
    "id_to_path",
    "is_ours",
    "metadata_bytes",
    "open_crate",
    "path_to_id",
    "read_pages",
    "write_folder",
    "write_in_place",
    "write_zip",
]
