"""Codes of pictures: figure files as iscc-sdk codes them, and panels cut out of figures."""

from __future__ import annotations

import threading
import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageOps

from biocodes_crate.codes.model import TreeCode
from biocodes_crate.codes.treewalk import tree_code
from biocodes_crate.codes.units import compose, data_code, image_code, instance_code
from biocodes_crate.images import AnyFile

MAX_PIXELS = 2**28
_FORMATS = ("PNG", "JPEG", "TIFF", "GIF", "WEBP", "BMP")
_TOLERANCE = 16  # grey levels; iscc-sdk's border tolerance
_MAX_TRIMS = 16
_pillow = threading.Lock()  # warnings filters belong to the whole process


@dataclass(frozen=True, slots=True)
class PictureCodes:
    """Codes of pixels: ISCC-CODE of Image-, Data- and Instance-Code, and the units at 256 bits."""

    iscc: str
    image_code: str
    data_code: str
    instance_code: str


@dataclass(frozen=True, slots=True)
class FigureCodes:
    """Codes of a figure file."""

    tree: TreeCode
    image_code: str | None  # None where the file is not a picture

    @property
    def iscc(self) -> str:
        """The ISCC of the file: what `iscc-sum` prints."""
        return self.tree.iscc


def code_picture(pixels: NDArray[np.uint8]) -> PictureCodes:
    """Codes of (H, W, 3) RGB pixels, such as a panel.

    The Image-Code is that of iscc-sdk for a PNG of these pixels with `image_trim_border=False`: a
    panel is cut out already, and trimming the dark ground of a micrograph would move its code at
    random (docs/adr/0002-plane-rendering.md). Data- and Instance-Code are of the canonical bytes:
    width and height as 32-bit big-endian numbers, then the rows from the top, each pixel as R, G, B.
    """
    height, width, _ = pixels.shape
    data = width.to_bytes(4, "big") + height.to_bytes(4, "big") + np.ascontiguousarray(pixels).tobytes()
    units = [picture_image_code(Pillow.fromarray(np.ascontiguousarray(pixels))), data_code(data), instance_code(data)]
    return PictureCodes(compose(units), *units)


def code_figure(path: Path) -> FigureCodes:
    """Codes of a figure file; the Image-Code equals that of iscc-sdk for the file."""
    return FigureCodes(tree_code(path), figure_image_code(path))


def figure_image_code(path: AnyFile) -> str | None:
    """The Image-Code of a picture file as iscc-sdk makes it; None for what is not a readable picture."""
    try:
        with _pillow, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with path.open("rb") as file, Pillow.open(file, formats=_FORMATS) as opened:
                if opened.width * opened.height > MAX_PIXELS:
                    return None
                picture = on_white(ImageOps.exif_transpose(opened))
        return picture_image_code(trim_border(picture))
    except Exception:  # Pillow raises whatever its decoders do
        return None


def picture_image_code(picture: Pillow.Image) -> str:
    """Grey, 32×32 bicubic, Image-Code."""
    return image_code(picture.convert("L").resize((32, 32), Pillow.Resampling.BICUBIC).tobytes())


def on_white(picture: Pillow.Image) -> Pillow.Image:
    """The picture as RGB, transparent parts on white."""
    if picture.mode == "P" and "transparency" in picture.info:
        picture = picture.convert("RGBA")
    if picture.mode in {"RGBA", "LA"}:
        ground = Pillow.new("RGB", picture.size, (255, 255, 255))
        ground.paste(picture, mask=picture.getchannel("A"))
        return ground
    return picture if picture.mode == "RGB" else picture.convert("RGB")


def trim_border(picture: Pillow.Image) -> Pillow.Image:
    """Cut off a border of nearly one colour, again and again until there is none.

    As iscc-sdk 0.9.7 defines it: the top left pixel is the border's colour; what differs from it by
    more than 16 in any channel is content. A cut on one side only must take a flat band (nothing
    in it differs by more than 8), so that a sky, which fades, is kept. At most 16 cuts.
    """
    pixels = np.asarray(picture)
    for _ in range(_MAX_TRIMS):
        box = _content(pixels, _TOLERANCE)
        if box is None:
            break
        left, top, right, bottom = box
        sides = (left > 0) + (top > 0) + (right < pixels.shape[1]) + (bottom < pixels.shape[0])
        if sides == 0 or (sides == 1 and _content(pixels, _TOLERANCE // 2) != box):
            break
        pixels = pixels[top:bottom, left:right]
    return picture if pixels.shape[:2] == (picture.height, picture.width) else Pillow.fromarray(pixels)


def _content(pixels: NDArray[np.uint8], tolerance: int) -> tuple[int, int, int, int] | None:
    """Left, top, right, bottom of what differs from the top left pixel; None when nothing does."""
    corner = pixels[0, 0].astype(np.int16)
    low = np.clip(corner - tolerance, 0, 255).astype(np.uint8)
    high = np.clip(corner + tolerance, 0, 255).astype(np.uint8)
    differs = ((pixels < low) | (pixels > high)).any(axis=2)
    rows, columns = np.flatnonzero(differs.any(axis=1)), np.flatnonzero(differs.any(axis=0))
    if rows.size == 0:
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
