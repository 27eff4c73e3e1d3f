"""IsccEntry: the codes of a file, folder or image as the ISCC search tools read them.

The shape is that of `iscc-bio biocode`: the code of the raw bytes, and in `parts` one entry for each
scene.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

from biocodes_crate import __version__
from biocodes_crate.codes.cluster import Cluster
from biocodes_crate.codes.model import ImageCodes, SceneCodes, TreeCode
from biocodes_crate.codes.passes import code_image
from biocodes_crate.codes.pictures import figure_image_code
from biocodes_crate.codes.treewalk import tree_code
from biocodes_crate.codes.units import parse
from biocodes_crate.errors import NotAnImage
from biocodes_crate.findings import Finding
from biocodes_crate.images import ImageFormat, is_image, open_image
from biocodes_crate.progress import OnProgress, ignore_progress

GENERATOR = f"biocodes-crate - v{__version__}"


def entry_for(
    path: Path,
    simprints: bool = False,
    on_progress: OnProgress = ignore_progress,
    *,
    cluster: Cluster | None = None,
    on_finding: Callable[[Finding], None] = lambda _finding: None,
) -> dict[str, Any]:
    """The IsccEntry of a file, folder or image.

    With `simprints`, each scene lists the Data-Code of every plane for granular search.
    With a `cluster`, an image is coded there. What is odd about an image, such as missing chunks, is told
    through `on_finding`: an entry has no place for it.

    Raises
    ------
    UnreadableImage
        It is an image and its pixels cannot be read, or a file cannot be read.
    """
    if not path.exists():
        raise NotAnImage("it does not exist", where=path, remedy="Check the path.")
    if is_image(path):
        image = open_image(path)
        for finding in image.findings:
            on_finding(finding)
        if cluster is None:
            codes = code_image(image, on_progress=on_progress)
        else:
            codes, _ = cluster.code_image(image, on_progress=on_progress)
        # A micrograph is no picture to the eye before its planes are rendered.
        looks = figure_image_code(path) if image.format is ImageFormat.PLAIN else None
        return image_entry(codes, looks, simprints=simprints)
    return file_entry(tree_code(path), figure_image_code(path))


def image_entry(codes: ImageCodes, image_code: str | None = None, *, simprints: bool = False) -> dict[str, Any]:
    """The IsccEntry of an image whose codes are known."""
    entry = file_entry(codes.tree, image_code)
    entry["parts"] = [scene_entry(scene, simprints=simprints) for scene in codes.scenes]
    return entry


def file_entry(tree: TreeCode, image_code: str | None = None) -> dict[str, Any]:
    """The IsccEntry of raw bytes; a picture also has its Image-Code among the units."""
    return {
        "iscc_code": tree.iscc,
        "units": [*([image_code] if image_code else []), *tree.units],
        "datahash": tree.datahash,
        "filesize": tree.filesize,
        "generator": GENERATOR,
        "parts": [],
    }


def scene_entry(scene: SceneCodes, *, simprints: bool = False) -> dict[str, Any]:
    """The IsccEntry of a scene, as it lies in `parts`."""
    entry: dict[str, Any] = {"iscc_code": scene.iscc, "units": list(scene.units)}
    if simprints:
        entry["simprints"] = {
            "DATA_NONE_V0": [
                {
                    "simprint": base64.b64encode(parse(plane.data_code)[0].digest).decode("ascii"),
                    "offset": offset,
                    "size": scene.plane_bytes,
                }
                for offset, plane in enumerate(scene.planes)
            ]
        }
    return entry
