"""What a file is taken for: image, figure, or something else. `study.yaml` has the last word.

1. A format that only figures have (PDF, SVG, PPTX, AI) is a figure, save in a folder of documents or code.
2. A format that only images have (OME-Zarr, OME-TIFF, CZI, ND2, …) is an image, wherever it lies.
3. PNG, JPEG and TIFF can be both. The file's own name and then the folders around it are asked,
   the nearest first: `fig1.png`, `Figure 2/`, `figures/` speak for a figure; `images/`, `data/`,
   `raw/`, `source data/` for an image. Still, a TIFF with several planes, or of other than 8 bits,
   is an image: nobody prints one.
4. Where no name says anything, a TIFF is an image, and so is a grey PNG or JPEG; one in colour is a figure.
"""

from __future__ import annotations

import re
from enum import Enum
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from biocodes_crate.errors import BiocodesError
from biocodes_crate.images import Scene, looks_like_image_name, open_image


class Kind(Enum):
    """What a file is taken for."""

    IMAGE = "image"
    FIGURE = "figure"
    FILE = "file"


class Choice(NamedTuple):
    """What a file is taken for, and why."""

    kind: Kind
    reason: str


FIGURES_ONLY = (".pdf", ".svg", ".svgz", ".pptx", ".ai")
PICTURES = (".png", ".jpg", ".jpeg")
TIFFS = (".tif", ".tiff")
_OME_TIFFS = (".ome.tif", ".ome.tiff")

_FIGURE = re.compile(r"(?:^|[^a-z])(?:s|e|ed|ext|supp|suppl|supplementary)?fig(?:ure)?s?(?:[^a-z]|$)")
_IMAGE_WORDS = frozenset(
    {
        "acquisition", "acquisitions", "data", "dataset", "image", "images", "imagedata", "img", "imgs",
        "micrograph", "micrographs", "microscopy", "original", "originals", "raw", "rawdata", "scans", "slides",
        "source", "sources", "stacks",
    }
)  # fmt: skip
_DOCUMENT_WORDS = frozenset(
    {
        "article", "code", "doc", "docs", "documentation", "documents", "manuscript", "notebooks", "paper", "papers",
        "protocol", "protocols", "scripts", "src",
    }
)  # fmt: skip


def decide(root: Path, path: str) -> Choice:
    """What the file at `path`, relative to the study with slashes, is taken for.

    Looks into the header of a file only where its name leaves both open.
    """
    name = PurePosixPath(path).name.lower()
    if name.endswith(FIGURES_ONLY):
        return _decide_document(path)
    if name.endswith(PICTURES + TIFFS) and not name.endswith(_OME_TIFFS):
        return _decide_picture(root, path)
    if looks_like_image_name(name):
        return Choice(Kind.IMAGE, "of an image format")
    return Choice(Kind.FILE, "of no image or figure format")


def _decide_document(path: str) -> Choice:
    place = _place(path)
    if place is None or place.kind is not Kind.FIGURE:
        words = [word for part in PurePosixPath(path).parts for word in _words(PurePosixPath(part).stem)]
        if named := next((word for word in words if word in _DOCUMENT_WORDS), None):
            return Choice(Kind.FILE, f"a document by its name ('{named}')")
    return Choice(Kind.FIGURE, "of a figure format")


def _decide_picture(root: Path, path: str) -> Choice:
    place = _place(path)
    is_tiff = path.lower().endswith(TIFFS)
    if place is not None and (place.kind is Kind.IMAGE or not is_tiff):
        return place
    scene = _first_scene(root / path)
    if is_tiff:
        if scene is not None and (scene.plane_count > (scene.size_c if scene.is_rgb else 1) or scene.dtype != "uint8"):
            return Choice(Kind.IMAGE, "a TIFF with several planes or of other than 8 bits")
        return place or Choice(Kind.IMAGE, "a TIFF")
    if scene is not None and not scene.is_rgb:
        return Choice(Kind.IMAGE, "a grey picture")
    return Choice(Kind.FIGURE, "a picture in colour")


def _place(path: str) -> Choice | None:
    """What the file's name and the folders around it say, the nearest first."""
    parts = PurePosixPath(path).parts
    if _FIGURE.search(_bare(PurePosixPath(parts[-1]).stem)):
        return Choice(Kind.FIGURE, f"named '{parts[-1]}'")
    for part in reversed(parts[:-1]):
        bare = _bare(part)
        if _IMAGE_WORDS.intersection(_words(bare)):
            return Choice(Kind.IMAGE, f"in the folder '{part}'")
        if _FIGURE.search(bare):
            return Choice(Kind.FIGURE, f"in the folder '{part}'")
    return None


def _bare(name: str) -> str:
    """Lower case; "Extended Data Fig. 3" is a figure, not data."""
    return re.sub(r"extended[ _.-]*data", "", name.lower())


def _words(name: str) -> list[str]:
    return re.findall(r"[a-z]+", name.lower())


def _first_scene(path: Path) -> Scene | None:
    try:
        return open_image(path).scenes[0]
    except BiocodesError:
        return None
