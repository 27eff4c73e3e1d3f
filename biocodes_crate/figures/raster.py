"""Pixels of a picture file: PNG, JPEG or TIFF, as 8-bit RGB on white."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import RLock
from typing import IO, Any

import numpy as np
import tifffile
from PIL import Image, ImageOps, UnidentifiedImageError

from biocodes_crate.errors import UnreadableFigure
from biocodes_crate.figures.embedded import TIFF_C2PA, packets_of
from biocodes_crate.figures.samples import Pixels, Range, on_white, range_of, to_uint8
from biocodes_crate.figures.tiff import tiff_rgb
from biocodes_crate.images import AnyFile

MAX_PIXELS = 200_000_000  # a 600 dpi A3 page has 70 million
MAX_PAGES = 200
_USUAL_SCANS = 20
_MOST_WORK = 2_000_000_000  # pixels of all scans of a JPEG together
_ROWS = 512  # of a band
_SAMPLES_LIMIT = 3 * MAX_PIXELS
_PILLOW_LOCK = RLock()  # its limit on pixels is a global


@dataclass(frozen=True, slots=True)
class Raster:
    """One decoded picture."""

    pixels: Pixels = field(repr=False)  # (H, W, 3) RGB
    lossy: bool  # the pixels went through JPEG on their way into this file
    info: dict[str, Any] = field(default_factory=dict)  # what the file says of its making: software, artist, xmp


def read_raster(path: AnyFile) -> list[Raster]:
    """The pages of a picture file; PNG and JPEG have one.

    Raises
    ------
    UnreadableFigure
        If the file is no picture, is damaged, or has more than `MAX_PIXELS` pixels.
    """
    if path.suffix.lower() in (".tif", ".tiff"):
        try:
            return _read_tiff(path)
        except UnreadableFigure:
            raise
        except Exception:  # noqa: S110 - tifffile and its codecs raise anything; Pillow gets its turn
            pass
    return [decode(path)]


def decode(source: AnyFile | bytes, where: object = None, most: int = MAX_PIXELS) -> Raster:
    """The first picture, of at most so many pixels, of a file or of bytes, by Pillow: oriented, on white."""
    place = where if where is not None or isinstance(source, bytes) else source
    try:
        with (
            _pixel_limit(),
            io.BytesIO(source) if isinstance(source, bytes) else source.open("rb") as file,
            Image.open(file) as picture,
        ):
            check_size(picture.width, picture.height, place, most)
            info = dict(picture.info) | {"exif": _exif(picture)}
            lossy = picture.format == "JPEG"
            if picture.format in ("JPEG", "MPO"):
                _check_scans(file, picture.width * picture.height, place)
            picture.load()
            info |= packets_of(picture)  # some lie behind the pixels
            ImageOps.exif_transpose(picture, in_place=True)
            return Raster(_to_rgb(picture), lossy, info)
    except UnreadableFigure:
        raise
    except Image.DecompressionBombError as error:
        raise _too_large(place) from error
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, MemoryError) as error:
        raise UnreadableFigure(
            f"the picture cannot be decoded ({_first_line(error)})",
            where=place,
            remedy="Export the figure again as PNG or TIFF.",
        ) from error
    except Exception as error:
        raise UnreadableFigure(
            f"the picture is damaged ({type(error).__name__}: {_first_line(error)})",
            where=place,
            remedy="Export the figure again as PNG or TIFF.",
        ) from error


def check_size(width: int, height: int, where: object, most: int = MAX_PIXELS) -> None:
    """Refuse pictures that no journal asks for, before they are decoded."""
    if width < 1 or height < 1:
        raise UnreadableFigure("the picture has no pixels", where=where, remedy="Export the figure again.")
    if width * height > most:
        raise _too_large(where, most)


def _check_scans(file: IO[bytes], pixels: int, where: object) -> None:
    """Refuse a progressive JPEG that goes over all of its pixels thousands of times; usual are ten."""
    start, scans = file.tell(), 0
    file.seek(0)
    while chunk := file.read(1 << 20):
        scans += chunk.count(b"\xff\xda")  # SOS; in coded data no 0xFF is followed by anything but 0 or a restart
    file.seek(start)
    if scans > _USUAL_SCANS and scans * pixels > _MOST_WORK:
        raise UnreadableFigure(
            f"the JPEG has {scans} scans", where=where, remedy="Export the figure again as PNG or TIFF."
        )


def _too_large(where: object, most: int = MAX_PIXELS) -> UnreadableFigure:
    return UnreadableFigure(
        f"the picture has more than {most // 1_000_000} million pixels",
        where=where,
        remedy="Export the figure at 600 dpi or less.",
    )


def _first_line(error: BaseException) -> str:
    return str(error).splitlines()[0][:120] if str(error) else type(error).__name__


@contextmanager
def _pixel_limit() -> Iterator[None]:
    """Let Pillow open what we allow, and nothing larger."""
    with _PILLOW_LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its warnings on odd metadata do not concern the pixels
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, MAX_PIXELS
        try:
            yield
        finally:
            Image.MAX_IMAGE_PIXELS = before


def _exif(picture: Image.Image) -> dict[int, Any]:
    try:
        return dict(picture.getexif())
    except Exception:  # damaged EXIF is no reason to lose the figure
        return {}


def _to_rgb(picture: Image.Image) -> Pixels:
    """A decoded picture as 8-bit RGB on white, some rows at a time: conversions must not double the memory."""
    width, height = picture.size
    bands = [(y, min(height, y + _ROWS)) for y in range(0, height, _ROWS)]
    deep = picture.mode.startswith(("I", "F"))
    clear = picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info
    used: Range | None = None
    for y0, y1 in bands if deep else ():
        part = range_of(np.asarray(picture.crop((0, y0, width, y1))))
        used = part if used is None else Range(min(used.low, part.low), max(used.high, part.high))
    out = np.empty((height, width, 3), np.uint8)
    for y0, y1 in bands:
        band = picture.crop((0, y0, width, y1))
        if deep:
            out[y0:y1] = to_uint8(np.asarray(band), used)[:, :, None]
        elif clear:
            out[y0:y1] = on_white(np.asarray(band.convert("RGBA")))
        else:
            out[y0:y1] = np.asarray(band if band.mode == "RGB" else band.convert("RGB"))
    return out


def _read_tiff(path: AnyFile) -> list[Raster]:
    """Every full page of a TIFF; thumbnails and masks are left out."""
    rasters: list[Raster] = []
    with path.open("rb") as file, tifffile.TiffFile(file, name=path.name) as tiff:
        for page in tiff.pages[:MAX_PAGES]:
            if not isinstance(page, tifffile.TiffPage) or page.subfiletype & 0b101:
                continue
            check_size(page.imagewidth, page.imagelength, path)
            if page.size > _SAMPLES_LIMIT * 4 // 3 or page.imagedepth != 1:
                raise _too_large(path)
            raster = Raster(tiff_rgb(page), page.compression == tifffile.COMPRESSION.JPEG, _tiff_info(page))
            rasters.append(raster)
    if not rasters:
        raise UnreadableFigure("the TIFF file has no pages", where=path, remedy="Export the figure again.")
    return rasters


def _tiff_info(page: tifffile.TiffPage) -> dict[str, Any]:
    tags: dict[str, int | str] = {"software": "Software", "artist": "Artist", "xmp": "XMP", "c2pa": TIFF_C2PA}
    return {name: page.tags[tag].value for name, tag in tags.items() if tag in page.tags}
