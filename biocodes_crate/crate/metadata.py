"""`ro-crate-metadata.json`: the whole crate as flat JSON-LD, the same bytes for the same content."""

from __future__ import annotations

import json
from typing import Any

from biocodes_crate.crate.content import METADATA, PREVIEW, CrateContent, FileEntry, ImageRecord, SceneRecord
from biocodes_crate.crate.entities import Graph, ref
from biocodes_crate.crate.ids import display, path_to_id
from biocodes_crate.crate.people import add_agent, add_root
from biocodes_crate.crate.provenance import FigureWriter
from biocodes_crate.crate.rounding import as_written, significant
from biocodes_crate.crate.sources import Sources, add_scene, scene_id
from biocodes_crate.crate.terms import RO_CRATE, SOFTWARE_URL, context
from biocodes_crate.crate.vocabulary import add_digital_source, add_ontology_term
from biocodes_crate.findings import Severity

RUN_ID = "#run"


def crate_metadata(content: CrateContent) -> dict[str, Any]:
    """The metadata of a crate: RO-Crate 1.3 in the shape of our profile.

    Images, figures and files come in the order of their paths, pages by figure and number, panels
    and edges as they are given. Numbers are rounded as :mod:`.rounding` says.

    Raises
    ------
    ValueError
        The content contradicts itself: a page of a figure that is not there, or two entities of one path.
    """
    pages = sorted((as_written(page) for page in content.pages), key=lambda page: (page.figure, page.number))
    images = sorted(content.images, key=lambda image: image.path)
    figures = sorted(content.figures, key=lambda figure: figure.path)
    orphans = {page.figure for page in pages} - {figure.path for figure in figures}
    if orphans:
        raise ValueError(f"pages of figures that are not in the crate: {sorted(orphans)}")

    graph = Graph()
    graph.add(
        METADATA,
        "CreativeWork",
        name="RO-Crate metadata",
        about=ref("./"),
        conformsTo=ref(RO_CRATE),
    )
    add_root(graph, content)
    sources = Sources(images, content.planes, pages)
    parts = [_add_image(graph, image, sources) for image in images]
    sources.add_missing(graph)
    writer = FigureWriter(graph, RUN_ID, content.manifest.authors)
    parts += [writer.add_figure(figure, [page for page in pages if page.figure == figure.path]) for figure in figures]
    parts += [_add_file(graph, file) for file in sorted(content.files, key=lambda file: file.path)]
    parts += [_add_nested_crate(graph, image) for image in images if image.has_crate]
    # RO-Crate keeps the preview out of `hasPart`, and out of the metadata therefore: it is known by its name.
    parts += [_add_file(graph, file) for file in content.generated if file.path != PREVIEW]
    _add_run(graph, content, [ref(path_to_id(i.path, is_folder=i.is_folder)) for i in images])
    first = _add_first_codings(graph, images)
    if first:
        graph.update("./", mentions=[ref(RUN_ID), *first])
    graph.update("./", hasPart=parts, buildFinding=_add_findings(graph, content))
    return {"@context": context(), "@graph": graph.entities()}


def metadata_bytes(metadata: dict[str, Any]) -> bytes:
    """JSON-LD as UTF-8, indented, with a newline at the end."""
    return (json.dumps(metadata, indent=2, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _add_image(graph: Graph, image: ImageRecord, sources: Sources) -> dict[str, str]:
    image_id = path_to_id(image.path, is_folder=image.is_folder)
    scenes = sorted(image.scenes, key=lambda scene: scene.index)
    conforms_to = [ref(image.conforms_to)] if image.conforms_to else []
    if image.has_crate:
        conforms_to.append(ref("https://w3id.org/ro/crate"))
    graph.add(
        image_id,
        ["Dataset" if image.is_folder else "File", "ImageObject"],
        name=display(image.path),
        description=image.description or _describe(image),
        encodingFormat=image.encoding_format,
        contentSize=None if image.size is None else str(image.size),
        conformsTo=conforms_to,
        identifier=[ref(image.iscc)] if image.iscc else None,
        iscc_code=image.iscc,
        digitalSourceType=add_digital_source(graph, image.digital_source),
        about=add_ontology_term(graph, image.organism),
        measurementTechnique=add_ontology_term(graph, image.imaging_method),
        omeroId=image.omero_id,
        subjectOf=[ref(_nested_crate_id(image))] if image.has_crate else None,
        hasPart=[ref(scene_id(image.path, scene.index)) for scene in scenes],
    )
    if image.iscc:
        graph.add_code(image.iscc)
    if image.conforms_to:
        graph.add_once(image.conforms_to, "CreativeWork", name=image.conforms_to)
    for scene in scenes:
        add_scene(graph, sources, image.path, image_id, scene)
    return ref(image_id)


def _describe(image: ImageRecord) -> str:
    if not image.scenes:
        return "An image without scenes that could be read."
    sizes = "; ".join(_sizes(scene) for scene in image.scenes[:3])
    more = f" and {len(image.scenes) - 3} more" if len(image.scenes) > 3 else ""
    count = "one scene" if len(image.scenes) == 1 else f"{len(image.scenes)} scenes"
    return f"An image of {count}: {sizes}{more}."


def _sizes(scene: SceneRecord) -> str:
    pairs = zip("XYZCT", (scene.size_x, scene.size_y, scene.size_z, scene.size_c, scene.size_t), strict=True)
    pixel = significant(scene.physical_size_x, 4)
    scale = f", {pixel:g} µm per pixel" if pixel else ""
    return (
        " ".join(f"{axis} {size}" for axis, size in pairs if size > 1 or axis in "XY") + f", {scene.pixel_type}{scale}"
    )


def _add_file(graph: Graph, file: FileEntry) -> dict[str, str]:
    if file.iscc:
        graph.add_code(file.iscc)
    return graph.add(
        path_to_id(file.path),
        "File",
        name=display(file.path),
        description=file.description or "A file of the study.",
        encodingFormat=file.encoding_format,
        contentSize=None if file.size is None else str(file.size),
        identifier=ref(file.iscc) if file.iscc else None,
        iscc_code=file.iscc,
    )


def _nested_crate_id(image: ImageRecord) -> str:
    return path_to_id(f"{image.path}/{METADATA}")


def _add_nested_crate(graph: Graph, image: ImageRecord) -> dict[str, str]:
    return graph.add_once(
        _nested_crate_id(image),
        "File",
        name=f"RO-Crate metadata of {display(image.path)}",
        description="The metadata of the RO-Crate that the image holds itself.",
        encodingFormat="application/ld+json",
    )


def _add_run(graph: Graph, content: CrateContent, images: list[dict[str, str]]) -> None:
    figures = [ref(path_to_id(figure.path)) for figure in sorted(content.figures, key=lambda figure: figure.path)]
    graph.add(
        RUN_ID,
        ["CreateAction"],
        name="Coding, tracing and packing of the study",
        instrument=ref(_software_id(content.run.version)),
        object=[*images, *figures],
        result=[ref("./"), *(ref(path_to_id(file.path)) for file in content.generated if file.path != PREVIEW)],
        endTime=content.run.end_time,
        agent=add_agent(graph, content.run.agent),
    )
    _add_software(graph, content.run.version)


def _add_first_codings(graph: Graph, images: list[ImageRecord]) -> list[dict[str, str]]:
    """What computed the codes of images before this run: at the microscope, by `crate watch`."""
    actions = []
    for image in images:
        coding = image.first_coding
        if coding is None:
            continue
        _add_software(graph, coding.version)
        image_id = path_to_id(image.path, is_folder=image.is_folder)
        codes = dict.fromkeys(filter(None, (image.iscc, *(scene.iscc for scene in image.scenes))))
        actions.append(
            graph.add(
                f"#first-coding/{image_id}",
                ["CreateAction"],
                name=f"First coding of {display(image.path)}",
                description="The codes were first computed then, and are still the same.",
                instrument=ref(_software_id(coding.version)),
                object=ref(image_id),
                result=[ref(code) for code in codes],
                endTime=coding.time,
            )
        )
    return actions


def _software_id(version: str) -> str:
    return f"#biocodes-crate-{version}"


def _add_software(graph: Graph, version: str) -> None:
    graph.add_once(
        _software_id(version), "SoftwareApplication", name="biocodes-crate", version=version, url=SOFTWARE_URL
    )


def _add_findings(graph: Graph, content: CrateContent) -> list[dict[str, str]]:
    """What the build found wrong: it belongs to what a reader of the crate must know."""
    found = [finding for finding in content.findings if finding.severity is not Severity.INFO]
    found.sort(key=lambda finding: (finding.entity, finding.id, finding.message))
    return [
        graph.add(
            f"#finding/{position}",
            ["Comment", "BuildFinding"],
            name=finding.id,
            severity=finding.severity.value,
            text=f"{display(finding.entity)}: {finding.message}",
            description=finding.remedy,
        )
        for position, finding in enumerate(found)
    ]
