"""From the bytes of a stored Zarr chunk to its array, never producing more bytes than the chunk can hold.

Zarr v2 (compressor, filters) and v3 (codecs). Sources: Zarr v3 core specification, sections
"Chunk encoding" and "Codecs"; Zarr v2 specification, "Chunks".
"""

from __future__ import annotations

import bz2
import lzma
import threading
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import google_crc32c
import imagecodecs
import numpy as np

from biocodes_crate.errors import UnreadableImage
from biocodes_crate.images.model import Pixels

BytesDecoder = Callable[[Any, int], Any]  # (encoded, most bytes that may come out) -> decoded

# Codecs of numcodecs whose output is about as long as their input.
_LINEAR = {
    "shuffle", "delta", "fixedscaleoffset", "quantize", "bitround", "astype", "packbits",
    "crc32", "crc32c", "adler32", "fletcher32", "jenkins_lookup3",
}  # fmt: skip


_MOST_SCRATCH = 16 * 2**20  # bytes that a thread keeps
_scratch = threading.local()


class CorruptChunkError(ValueError):
    """A chunk does not decode to what the metadata says."""


@dataclass(frozen=True, slots=True)
class ChunkDecoder:
    """How the chunks of one array are decoded."""

    shape: tuple[int, ...]  # of a chunk
    stored: np.dtype[Any]  # pixel type, in the byte order of the store
    order: tuple[int, ...]  # stored axis i is array axis order[i]
    bytes_decoders: tuple[BytesDecoder, ...]  # in the order of decoding

    @property
    def nbytes(self) -> int:
        """Size of a decoded chunk."""
        return int(np.prod(self.shape, dtype=object)) * self.stored.itemsize

    def borrow(self, data: Any) -> Pixels:
        """Decode one chunk into memory that this thread uses again for the next one.

        Fresh memory costs about as much as decoding does: the system clears every page of it.
        """
        if self.bytes_decoders != (_zstd,):
            return self(data)
        nbytes = self.nbytes
        scratch: Any = getattr(_scratch, "buffer", None)
        if scratch is None or scratch.nbytes < nbytes:
            if nbytes > _MOST_SCRATCH:
                return self(data)
            scratch = _scratch.buffer = np.empty(nbytes, np.uint8)
        return self._shaped(imagecodecs.zstd_decode(data, out=scratch[:nbytes]))

    def __call__(self, data: Any) -> Pixels:
        """Decode one chunk, native byte order."""
        expected = self.nbytes
        # Filters between may widen pixels or add checksums; a lone compressor may not.
        limit = expected if len(self.bytes_decoders) < 2 else 8 * expected + 64
        for decode in self.bytes_decoders:
            data = decode(data, limit)
        return self._shaped(data)

    def _shaped(self, data: Any) -> Pixels:
        expected = self.nbytes
        flat = np.frombuffer(data, np.uint8) if not isinstance(data, np.ndarray) else data.reshape(-1).view(np.uint8)
        if flat.nbytes != expected:
            raise CorruptChunkError(f"a chunk holds {flat.nbytes} bytes instead of {expected}")
        chunk = flat.view(self.stored).reshape([self.shape[axis] for axis in self.order])
        chunk = chunk.transpose(np.argsort(self.order))
        return chunk.astype(chunk.dtype.newbyteorder("="), copy=False)


def v2_decoder(
    metadata: dict[str, Any], shape: tuple[int, ...], stored: np.dtype[Any], *, where: Path | str
) -> ChunkDecoder:
    """The decoder that a `.zarray` describes."""
    decoders = []
    if metadata.get("compressor") is not None:
        decoders.append(_bytes_decoder(metadata["compressor"], where))
    decoders += [_bytes_decoder(item, where) for item in reversed(metadata.get("filters") or [])]
    axes = tuple(range(len(shape)))
    order = axes[::-1] if metadata.get("order") == "F" else axes
    return ChunkDecoder(shape, stored, order, tuple(decoders))


def v3_decoder(
    codecs: Sequence[dict[str, Any]], shape: tuple[int, ...], dtype: np.dtype[Any], *, where: Path | str
) -> ChunkDecoder:
    """The decoder that the `codecs` of a `zarr.json` describe. Sharding is for the caller."""
    order = tuple(range(len(shape)))
    stored: np.dtype[Any] | None = None
    decoders: list[BytesDecoder] = []
    for codec in codecs:
        name, options = codec["name"], codec.get("configuration") or {}
        if name == "transpose" and stored is None:
            permutation = options["order"]
            if permutation in ("C", "F"):
                permutation = order if permutation == "C" else order[::-1]
            if sorted(permutation) != list(range(len(shape))):
                raise UnreadableImage(f"its transpose codec has the order {permutation}", where=where)
            order = tuple(order[axis] for axis in permutation)
        elif name in {"bytes", "endian"} and stored is None:
            stored = dtype.newbyteorder(">" if options.get("endian", "little") == "big" else "<")
        elif stored is not None:
            decoders.append(_bytes_decoder({**options, "id": name.removeprefix("numcodecs.")}, where))
        else:
            raise _unsupported(name, where)
    if stored is None:
        raise UnreadableImage("its codecs do not say how pixels become bytes", where=where)
    return ChunkDecoder(shape, stored, order, tuple(reversed(decoders)))


def decode_crc32c(data: Any, _limit: int) -> Any:
    """Check and remove the checksum behind the data."""
    view = memoryview(data).cast("B")
    if len(view) < 4 or int.from_bytes(view[-4:], "little") != google_crc32c.value(bytes(view[:-4])):
        raise CorruptChunkError("a chunk does not have the checksum stored with it")
    return view[:-4]


def _bytes_decoder(codec: dict[str, Any], where: Path | str) -> BytesDecoder:
    name = codec["id"]
    known: dict[str, BytesDecoder] = {
        "zstd": _zstd,
        "blosc": _blosc,
        "gzip": _deflate,
        "zlib": _deflate,
        "bz2": _bz2,
        "lzma": _lzma(codec),
        "lz4": _lz4,
        "crc32c": decode_crc32c,
    }
    if name in known:
        return known[name]
    if name in _LINEAR:
        try:
            linear = _numcodecs().get_codec(codec)
        except Exception as error:
            raise _unsupported(name, where) from error
        return lambda data, _limit: linear.decode(data)
    raise _unsupported(name, where)


def _numcodecs() -> Any:
    import numcodecs  # type: ignore[import-untyped]  # noqa: PLC0415 - most arrays need nothing of it, and it is slow to import

    return numcodecs


def _unsupported(name: object, where: Path | str) -> UnreadableImage:
    return UnreadableImage(
        f"its chunks are encoded with {name!r}, which is not supported",
        where=where,
        remedy="Store it again with Zstandard, Blosc or gzip.",
    )


def _zstd(data: Any, limit: int) -> Any:
    out: Any = np.empty(limit, np.uint8)
    return imagecodecs.zstd_decode(data, out=out)


def _blosc(data: Any, limit: int) -> Any:
    # Header of a Blosc 1 frame: bytes 4 to 8 are the decoded size, 12 to 16 the encoded one, little endian.
    if len(data) < 16 or int.from_bytes(bytes(data[4:8]), "little") > limit:
        raise CorruptChunkError("a chunk claims to be larger than the metadata says")
    if int.from_bytes(bytes(data[12:16]), "little") != len(data):  # Blosc would read what lies behind it in memory
        raise CorruptChunkError("a chunk is cut off")
    return _numcodecs().blosc.decompress(bytes(data))


def _lz4(data: Any, limit: int) -> Any:
    if len(data) < 4 or int.from_bytes(bytes(data[:4]), "little") > limit:
        raise CorruptChunkError("a chunk claims to be larger than the metadata says")
    return _numcodecs().get_codec({"id": "lz4"}).decode(data)


def _deflate(data: Any, limit: int) -> bytes:
    return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(data, limit + 1)


def _bz2(data: Any, limit: int) -> bytes:
    return bz2.BZ2Decompressor().decompress(data, limit + 1)


def _lzma(codec: dict[str, Any]) -> BytesDecoder:
    def decode(data: Any, limit: int) -> bytes:
        raw = codec.get("format") == lzma.FORMAT_RAW
        decoder = (
            lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=codec.get("filters")) if raw else lzma.LZMADecompressor()
        )
        return decoder.decompress(data, limit + 1)

    return decode
