"""PNG and JPEG pictures used as images: the samples are channels, the pixels as they are stored."""

from __future__ import annotations

import struct
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import imagecodecs
import numpy as np
from PIL import Image as Pillow
from PIL import UnidentifiedImageError

from biocodes_crate.errors import BiocodesError, NotAnImage, UnreadableImage
from biocodes_crate.images.blocks import shared_blocks
from biocodes_crate.images.model import Channel, Image, ImageFormat, Pixels, PlaneIndex, Scene
from biocodes_crate.images.packed import AnyFile, shown_path
from biocodes_crate.images.pixels import GuardedSource, check_sizes, native_pixel_type

SUFFIXES = (".png", ".jpg", ".jpeg")
MAX_PIXELS = 2**28  # of one picture: it is decoded as a whole
_SAMPLES = {"1": 1, "L": 1, "I;16": 1, "I;16B": 1, "I": 1, "LA": 2, "RGB": 3, "RGBA": 4, "CMYK": 4}
_REMEDY = "The file is damaged or incomplete: copy it again from its source."
_pillow = threading.Lock()  # warnings filters belong to the whole process


def open_picture(path: AnyFile) -> Image:
    """Open a PNG or JPEG. Colour tables are resolved; an EXIF orientation is not applied."""
    source = _PictureSource(path)
    samples, dtype = source.samples, native_pixel_type(source.dtype, where=path)
    sizes = {"x": source.width, "y": source.height, "c": samples}
    check_sizes(sizes, where=path)
    scene = Scene(
        index=0,
        name="",
        array_path="",
        size_x=source.width,
        size_y=source.height,
        size_z=1,
        size_c=samples,
        size_t=1,
        dtype=dtype,
        source=GuardedSource(source, where=path, sizes=(source.width, source.height, 1, samples, 1), dtype=dtype),
        channels=tuple(Channel(name) for name in {3: "RGB", 4: "RGBA"}.get(samples, "")) if source.is_rgb else (),
        is_rgb=source.is_rgb,
    )
    return Image(
        path=shown_path(path),
        format=ImageFormat.PLAIN,
        encoding_format="image/png" if source.kind == "PNG" else "image/jpeg",
        scenes=(scene,),
    )


class _PictureSource:
    """Decodes the whole picture at once, and keeps it while there is room."""

    def __init__(self, path: AnyFile) -> None:
        self._path = path
        with _opened(path) as picture:
            self.kind = str(picture.format)
            self.width, self.height = picture.size
            if self.width * self.height > MAX_PIXELS:
                raise UnreadableImage(
                    f"it claims to be {self.width} × {self.height} pixels",
                    where=path,
                    remedy=f"Pictures of up to {MAX_PIXELS} pixels are read: save it as a tiled TIFF or OME-Zarr.",
                )
            has_table_alpha = "transparency" in picture.info
            mode = ("RGBA" if has_table_alpha else "RGB") if picture.mode == "P" else picture.mode
        if mode not in _SAMPLES:
            raise UnreadableImage(f"its pixels are of the kind {mode}, which is not supported", where=path)
        self._mode = mode
        self.samples = _SAMPLES[mode]
        self.is_rgb = mode in {"RGB", "RGBA"}
        depth = _png_bit_depth(path) if self.kind == "PNG" else 8
        # Pillow would cut 16-bit colour down to 8 bits.
        self._is_deep = depth == 16
        self.dtype: np.dtype[Any] = np.dtype(np.uint16 if self._is_deep else np.uint8)

    @property
    def chunk_rows(self) -> int:
        """All rows."""
        return max(1, self.height)

    def rows(self, plane: PlaneIndex, start: int, stop: int) -> Pixels:
        """Rows of one sample."""
        return shared_blocks.get(self, self._decode)[start:stop, :, plane.c]

    def _decode(self) -> Pixels:
        if self._is_deep:
            return np.asarray(imagecodecs.png_decode(self._path.read_bytes())).reshape(self.height, self.width, -1)
        with _opened(self._path) as picture:
            if picture.mode == "1":
                picture = picture.convert("L")  # noqa: PLW2901
            elif picture.mode == "P":
                picture = picture.convert(self._mode)  # noqa: PLW2901
            return np.asarray(picture).reshape(self.height, self.width, -1)


@contextmanager
def _opened(path: AnyFile) -> Iterator[Pillow.Image]:
    with path.open("rb") as file, _pillow_picture(file, path) as picture:
        yield picture


def _pillow_picture(file: IO[bytes], path: AnyFile) -> Pillow.Image:
    with _pillow, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return Pillow.open(file, formats=("PNG", "JPEG"))
        except BiocodesError:
            raise
        except Pillow.DecompressionBombError as error:
            raise UnreadableImage(
                "it claims to have more pixels than are read of a picture",
                where=path,
                remedy="Save it as a tiled TIFF or OME-Zarr.",
            ) from error
        except UnidentifiedImageError as error:
            raise NotAnImage("it is neither a PNG nor a JPEG file", where=path, remedy=_REMEDY) from error
        except Exception as error:
            raise UnreadableImage(f"it cannot be read ({error})", where=path, remedy=_REMEDY) from error


def _png_bit_depth(path: AnyFile) -> int:
    """Bits per sample: byte 24 of the file, within IHDR, which comes first (PNG specification, 11.2.2)."""
    with path.open("rb") as file:
        header = file.read(26)
    return int(struct.unpack(">B", header[24:25])[0]) if len(header) > 24 else 8
