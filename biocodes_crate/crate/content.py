"""What goes into a crate, as plain records: the pipeline fills them, :mod:`.metadata` writes them down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from biocodes_crate.findings import Finding
from biocodes_crate.study.manifest import Author, Manifest
from biocodes_crate.tracing.model import TracedPage

PLANES_TABLE = "codes/planes.parquet"
INDEX_FILE = "codes/trace-index.parquet"
EDGES_FILE = "provenance/edges.jsonld"
PREVIEW = "ro-crate-preview.html"
METADATA = "ro-crate-metadata.json"

GENERATED = (METADATA, PREVIEW, PLANES_TABLE, EDGES_FILE, INDEX_FILE)
"""The files that `build` writes itself; they are not part of the payload."""


class PlaneKey(NamedTuple):
    """Which plane of which scene of which image."""

    image: str
    scene: int
    z: int
    c: int
    t: int


@dataclass(frozen=True, slots=True)
class PlaneCodes:
    """The codes of a plane: ISCC-SUM of its canonical bytes and its units, Image-Code of its rendering."""

    iscc: str | None = None
    image_code: str | None = None
    data_code: str | None = None
    instance_code: str | None = None


@dataclass(frozen=True, slots=True)
class FileEntry:
    """A file of the payload that is neither an image nor a figure, or a file that `build` wrote."""

    path: str  # within the study, with slashes
    encoding_format: str
    size: int | None = None  # bytes
    iscc: str | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class SceneRecord:
    """A scene and its code. Physical sizes are in micrometre per pixel."""

    index: int
    name: str
    array_path: str
    size_x: int
    size_y: int
    size_z: int
    size_c: int
    size_t: int
    pixel_type: str  # name of the numpy dtype, such as "uint16"
    physical_size_x: float | None = None
    physical_size_y: float | None = None
    physical_size_z: float | None = None
    iscc: str | None = None


@dataclass(frozen=True, slots=True)
class FirstCoding:
    """When and by what the codes of an image were first computed, before the crate was made."""

    time: str  # ISO 8601
    version: str  # of this software


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """An image: a file, or a folder such as an OME-Zarr."""

    path: str  # within the study, with slashes, without a slash at the end
    encoding_format: str
    is_folder: bool
    scenes: tuple[SceneRecord, ...] = ()
    size: int | None = None  # bytes; of files only
    conforms_to: str | None = None  # IRI
    digital_source: str | None = None  # term of the IPTC vocabulary, such as "digitalCapture"
    description: str | None = None
    organism: str | None = None  # IRI or CURIE
    imaging_method: str | None = None  # IRI or CURIE
    omero_id: int | None = None
    iscc: str | None = None  # of the raw bytes of the file or folder
    first_coding: FirstCoding | None = None
    has_crate: bool = False  # the folder holds an RO-Crate of its own


@dataclass(frozen=True, slots=True)
class FigureRecord:
    """A figure file."""

    path: str
    encoding_format: str
    size: int | None = None
    caption: str | None = None
    digital_source: str | None = None
    iscc: str | None = None
    image_code: str | None = None
    software: str | None = None  # that made it, as its metadata state
    creators: tuple[str, ...] = ()  # as its metadata state
    content_credentials: tuple[str, ...] | None = None  # names of its C2PA manifests; None: there are none


@dataclass(frozen=True, slots=True)
class RunInfo:
    """The run that made the crate."""

    version: str  # of this software
    end_time: str  # ISO 8601
    agent: Author | None = None


@dataclass(frozen=True, slots=True)
class CrateContent:
    """All that a crate says. Order does not matter: it is sorted when written."""

    folder: str  # name of the study's folder, used where there is no title
    manifest: Manifest
    run: RunInfo
    date: str  # ISO 8601, of publication
    files: tuple[FileEntry, ...] = ()
    images: tuple[ImageRecord, ...] = ()
    figures: tuple[FigureRecord, ...] = ()
    pages: tuple[TracedPage, ...] = ()
    planes: Mapping[PlaneKey, PlaneCodes] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    iscc: str | None = None  # over the payload
    generated: tuple[FileEntry, ...] = (
        FileEntry(PLANES_TABLE, "application/vnd.apache.parquet", description="The codes of every plane, as a table."),
        FileEntry(EDGES_FILE, "application/ld+json", description="The provenance edges alone, as linked data."),
    )
