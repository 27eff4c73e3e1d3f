"""IMAGEWALK (IEP-0018): the bytes of planes, the same whatever the file format.

Each plane is (Y, X), row by row, each pixel with its most significant byte first; planes follow each
other Z outermost, then C, T innermost (:meth:`biocodes_crate.images.Scene.planes`).
"""

from __future__ import annotations

from collections.abc import Iterator

from biocodes_crate.codes.units import SumHasher
from biocodes_crate.images.model import Pixels


def canonical_bytes(pixels: Pixels) -> bytes:
    """The canonical bytes of (rows, X) pixels."""
    return pixels.astype(pixels.dtype.newbyteorder(">"), copy=False).tobytes()


def canonical_parts(pixels: Pixels) -> Iterator[bytes]:
    """The same bytes in parts of whole rows, of a size that hashes fast."""
    row = max(1, pixels.shape[1] * pixels.itemsize)
    step = max(1, SumHasher.BEST_SIZE // row)
    for start in range(0, pixels.shape[0], step):
        yield canonical_bytes(pixels[start : start + step])
