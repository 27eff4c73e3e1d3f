"""Pages of TIFF files as 8-bit RGB, band by band: a page of 16 bits or in CMYK takes no more memory than one of 8."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from biocodes_crate.figures.samples import Pixels, Range, cmyk_to_rgb, is_settled, on_white, range_of, to_uint8, turned

_ROWS = 512  # of a band
_BUFFER = 16 << 20  # bytes that are read ahead
_READABLE = (
    tifffile.PHOTOMETRIC.MINISBLACK,
    tifffile.PHOTOMETRIC.MINISWHITE,
    tifffile.PHOTOMETRIC.RGB,
    tifffile.PHOTOMETRIC.PALETTE,
    tifffile.PHOTOMETRIC.SEPARATED,
    tifffile.PHOTOMETRIC.YCBCR,
)

_OnBand = Callable[[int, int, NDArray[Any]], None]
"""Called with the first row and column of a band, and its samples, (H, W, S)."""


class _Settled(Exception):
    """No further band needs to be looked at."""


def tiff_rgb(page: tifffile.TiffPage) -> Pixels:
    """The pixels of a page, (H, W, 3), turned as its orientation says.

    Raises
    ------
    ValueError
        If its colours are of a kind that is left to Pillow. tifffile and its codecs raise anything else.
    """
    kind = page.photometric
    if kind not in _READABLE:
        raise ValueError(f"photometric {kind} is left to Pillow")
    if kind == tifffile.PHOTOMETRIC.YCBCR and page.compression not in (
        tifffile.COMPRESSION.JPEG,
        tifffile.COMPRESSION.OJPEG,
    ):
        raise ValueError("uncompressed YCbCr is left to Pillow")
    used = _range(page)
    out = np.zeros((page.imagelength, page.imagewidth, 3), np.uint8)

    def place(y: int, x: int, samples: NDArray[Any]) -> None:
        rgb = _to_rgb(page, samples, used)
        out[y : y + rgb.shape[0], x : x + rgb.shape[1]] = rgb

    _each_band(page, place)
    return turned(out, int(page.tags["Orientation"].value) if "Orientation" in page.tags else 1)


def _range(page: tifffile.TiffPage) -> Range:
    """The range of the samples, as far as it matters: a first look at the page, mostly at its first strip only."""
    used = Range(0.0, 0.0)

    def widen(_y: int, _x: int, samples: NDArray[Any]) -> None:
        nonlocal used
        low, high = range_of(samples)
        used = Range(min(used.low, low), max(used.high, high))
        if is_settled(samples.dtype, used):
            raise _Settled

    if page.photometric != tifffile.PHOTOMETRIC.PALETTE and page.dtype not in (np.uint8, np.bool_):
        with contextlib.suppress(_Settled):
            _each_band(page, widen, workers=1)
    return used


def _to_rgb(page: tifffile.TiffPage, samples: NDArray[Any], used: Range) -> Pixels:
    kind = page.photometric
    if kind == tifffile.PHOTOMETRIC.PALETTE and samples.shape[2] == 1:
        colours: Pixels = to_uint8(np.asarray(page.colormap)).T[samples[..., 0]]
        return colours
    small = to_uint8(samples, used)
    if kind == tifffile.PHOTOMETRIC.MINISWHITE:
        small = np.uint8(255) - small
    if kind == tifffile.PHOTOMETRIC.SEPARATED:
        return cmyk_to_rgb(small)
    count = small.shape[2]
    if count in (2, 4) and page.extrasamples:
        colour = small[..., : count - 1] if count == 4 else np.repeat(small[..., :1], 3, axis=2)
        return on_white(np.concatenate([colour, small[..., -1:]], axis=2))
    return np.repeat(small[..., :1], 3, axis=2) if count < 3 else small[..., :3]


def _each_band(page: tifffile.TiffPage, on_band: _OnBand, workers: int | None = None) -> None:
    """Call `on_band` for all parts of a page, from several threads perhaps."""
    whole = _whole(page)
    if whole is not None:
        for y in range(0, len(whole), _ROWS):
            on_band(y, 0, np.asarray(whole[y : y + _ROWS]))
        return

    def split(decoded: Any) -> None:
        segment, (_, _, top, left, _), shape = decoded
        if segment is None:
            block = np.full((*shape[1:3], page.samplesperpixel), page.nodata, page.dtype)
        else:
            block = segment[0].astype(page.dtype, copy=False)
        block = block[: page.imagelength - top, : page.imagewidth - left]
        for y in range(0, len(block), _ROWS):
            on_band(top + y, left, block[y : y + _ROWS])

    _ = page.decode  # made once, before threads want it
    for _ in page.segments(func=split, maxworkers=workers, sort=workers is None, buffersize=_BUFFER):
        pass


def _whole(page: tifffile.TiffPage) -> NDArray[Any] | None:
    """All samples, (H, W, S), where they lie in the file as they are, or cannot be had in parts."""
    if page.is_memmappable:
        samples = page.asarray(out="memmap", squeeze=False)
    elif page.planarconfig == tifffile.PLANARCONFIG.SEPARATE or page.jpegheader is not None or page.is_contiguous:
        samples = page.asarray(squeeze=False)
    else:
        return None
    # Separate planes of samples, or one of all.
    planes, _, height, width, count = samples.shape
    return samples[:, 0, :, :, 0].transpose(1, 2, 0) if planes > 1 else samples.reshape(height, width, count)
