"""Which images of the study OMERO.figure's ids mean: by manifest, file name, OME-XML, or by what the panels show."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import PurePosixPath

from biocodes_crate.figures import Figure
from biocodes_crate.pipeline.images import CodedImage
from biocodes_crate.tracing import Claim, Edge, SceneProvider, Status, TracedPage, TracedPanel
from biocodes_crate.tracing.declared import judge_declared

_BY_ID = "omero:"
_NUMBERED = re.compile(r"(\d+)\.(?:ome\.)?(?:zarr|zarr\.zip|ozx|tiff?)$", re.IGNORECASE)


def omero_names(images: Iterable[CodedImage]) -> dict[str, str]:
    """Paths within the study by OMERO id and by file name, as far as each stands for one image.

    What the manifest says goes before the name of a file (`123.ome.zarr`, as OMERO exports it), and that before
    what its OME-XML says.
    """
    listed = list(images)
    found: dict[str, str] = {}
    for keys in (
        [(_in_metadata(one), one) for one in listed],
        [(_in_name(one), one) for one in listed],
        [(_in_manifest(one), one) for one in listed],
        [(PurePosixPath(one.listed.path).name, one) for one in listed],
    ):
        counts = Counter(key for key, _ in keys)
        found |= {key: one.listed.path for key, one in keys if key is not None and counts[key] == 1}
    return found


def _in_metadata(one: CodedImage) -> str | None:
    return None if one.image.omero_id is None else str(one.image.omero_id)


def _in_name(one: CodedImage) -> str | None:
    match = _NUMBERED.fullmatch(PurePosixPath(one.listed.path).name)
    return str(int(match.group(1))) if match else None


def _in_manifest(one: CodedImage) -> str | None:
    declared = one.listed.declared
    return None if declared is None or declared.omero_id is None else str(declared.omero_id)


def match_by_content(figure: Figure, pages: tuple[TracedPage, ...], scenes: SceneProvider) -> tuple[TracedPage, ...]:
    """Judge declared OMERO ids again that no image goes by, where their panels were all found in one image."""
    shown: dict[str, set[str]] = {}
    for page, traced in zip(figure.pages, pages, strict=True):
        for panel, edges in zip(page.panels, traced.panels, strict=True):
            found = {e.image for e in edges.edges if _is_proven(e)}
            for name in {s.image for s in panel.declared if s.image.startswith(_BY_ID)} if found else ():
                shown.setdefault(name, set()).update(found)
    known = {name: images.pop() for name, images in shown.items() if len(images) == 1}
    # Two ids cannot be the same image.
    known = {name: image for name, image in known.items() if list(known.values()).count(image) == 1}
    if not known:
        return pages
    judged = []
    for page, traced in zip(figure.pages, pages, strict=True):
        panels: list[TracedPanel] = []
        for panel, old in zip(page.panels, traced.panels, strict=True):
            if any(source.image in known for source in panel.declared):
                sources = [replace(s, image=known.get(s.image, s.image)) for s in panel.declared]
                proven = [replace(e, claim=Claim.DISCOVERED) for e in old.edges if _is_proven(e)]
                panels.append(replace(old, edges=judge_declared(sources, proven, scenes, traceable=True)))
            else:
                panels.append(old)
        judged.append(replace(traced, panels=tuple(panels)))
    return tuple(judged)


def _is_proven(edge: Edge) -> bool:
    return edge.status in (Status.VERIFIED, Status.AMBIGUOUS)
