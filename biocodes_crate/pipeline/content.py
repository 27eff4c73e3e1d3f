"""From what was read, coded and traced to what a crate says."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from mimetypes import guess_type

from biocodes_crate import __version__
from biocodes_crate.codes import tree_code
from biocodes_crate.crate import (
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
from biocodes_crate.errors import BiocodesError
from biocodes_crate.findings import Finding
from biocodes_crate.pipeline.images import CodedImage, CodedImages
from biocodes_crate.pipeline.traced import TracedFigure, TracedFigures
from biocodes_crate.study import Study, StudyFile
from biocodes_crate.tracing import TracedPage
from biocodes_crate.watch import codes_of


def crate_content(
    study: Study,
    images: CodedImages,
    figures: TracedFigures,
    *,
    iscc: str | None,
    findings: tuple[Finding, ...],
    now: datetime | None = None,
) -> CrateContent:
    """All that the crate of a study says."""
    moment = (now or datetime.now(UTC)).replace(microsecond=0)
    authors = study.manifest.authors
    return CrateContent(
        folder=study.root.resolve().name,
        manifest=study.manifest,
        run=RunInfo(__version__, moment.isoformat(), authors[0] if authors else None),
        date=moment.date().isoformat(),
        files=tuple(_files(study, images, figures)),
        images=tuple(image_record(made) for made in images.coded),
        figures=tuple(_figure_record(figure) for figure in figures.traced),
        pages=figures.pages,
        planes=_planes(images.coded, figures.pages),
        findings=findings,
        iscc=iscc,
    )


def image_record(made: CodedImage) -> ImageRecord:
    """What a crate says of one image."""
    listed, image = made.listed, made.image
    declared = listed.declared
    codes = {scene.scene: scene.iscc for scene in made.codes.scenes}
    inner = f"{listed.path}/ro-crate-metadata.json"
    return ImageRecord(
        path=listed.path,
        encoding_format=image.encoding_format,
        is_folder=listed.is_folder,
        scenes=tuple(
            SceneRecord(
                s.index, s.name, s.array_path, s.size_x, s.size_y, s.size_z, s.size_c, s.size_t, s.dtype.name,
                s.physical_size_x, s.physical_size_y, s.physical_size_z, codes.get(s.index),
            )
            for s in image.scenes
        ),
        size=None if listed.is_folder else sum(file.size for file in listed.files),
        conforms_to=image.conforms_to,
        digital_source=declared.digital_source if declared else None,
        description=declared.description if declared else None,
        organism=image.organism,
        imaging_method=image.imaging_method,
        omero_id=declared.omero_id if declared and declared.omero_id is not None else image.omero_id,
        iscc=made.codes.tree.iscc,
        first_coding=_first_coding(made),
        has_crate=any(file.path == inner for file in listed.files),
    )  # fmt: skip


def _first_coding(made: CodedImage) -> FirstCoding | None:
    """When and by what the codes were first computed, if that was before this run and the codes are the same."""
    sidecar = made.sidecar
    if sidecar is None or sidecar.codes != codes_of(made.codes):
        return None
    return FirstCoding(sidecar.computed, sidecar.software.partition(" ")[2])


def _figure_record(figure: TracedFigure) -> FigureRecord:
    return FigureRecord(
        figure.listed.path,
        figure.encoding_format,
        figure.listed.size,
        figure.caption,
        figure.digital_source,
        figure.codes.tree.iscc,
        figure.codes.image_code,
        figure.software,
        figure.creators,
        figure.content_credentials,
    )


def _files(study: Study, images: CodedImages, figures: TracedFigures) -> Iterable[FileEntry]:
    """Every other file: also those of images and figures that could not be read, and of sets of several files."""
    others: list[StudyFile] = list(study.files)
    for image in (*images.unreadable, *images.parts):
        others += image.files
    others += [StudyFile(figure.path, figure.size) for figure in figures.unreadable]
    for file in sorted(set(others)):
        try:
            iscc = tree_code(study.root / file.path).iscc
        except (BiocodesError, OSError):
            iscc = None
        yield FileEntry(file.path, guess_type(file.path)[0] or "application/octet-stream", file.size, iscc)


def _planes(images: Iterable[CodedImage], pages: Iterable[TracedPage]) -> dict[PlaneKey, PlaneCodes]:
    """The codes of the planes that an edge names."""
    named = {
        PlaneKey(edge.image, edge.scene, plane.z, plane.c, plane.t)
        for page in pages
        for panel in page.panels
        for edge in panel.edges
        for plane in (edge.source, *edge.candidates)
        if plane.z is not None
    }
    found = {}
    for made in images:
        for scene in made.codes.scenes:
            for plane in scene.planes:
                key = PlaneKey(made.listed.path, scene.scene, *plane.index)
                if key in named:
                    found[key] = PlaneCodes(None, plane.image_code, plane.data_code, plane.instance_code)
    return found
