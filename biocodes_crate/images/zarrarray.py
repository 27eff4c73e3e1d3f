"""One Zarr array, version 2 or 3, read chunk by chunk.

Our own reader of the chunk grid, tested against zarr-python, because planes are walked by whole
rows of chunks from many threads: each chunk is decoded once, straight where it is wanted, with no
event loop between, and no chunk can ask for more memory than its shape says.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from biocodes_crate.errors import UnreadableImage
from biocodes_crate.images.blocks import BlockCache, shared_blocks
from biocodes_crate.images.model import Pixels
from biocodes_crate.images.pixels import MAX_BLOCK_BYTES, native_pixel_type
from biocodes_crate.images.stores import Store
from biocodes_crate.images.zarrcodecs import ChunkDecoder, CorruptChunkError, decode_crc32c, v2_decoder, v3_decoder

MAX_METADATA_BYTES = 64 * 2**20
_MISSING = 2**64 - 1  # marks a missing chunk in the index of a shard
_BUSY: Pixels = np.zeros(())  # stands for a chunk that another thread is decoding


@dataclass(frozen=True, slots=True)
class Shards:
    """How chunks lie in shards (Zarr v3, codec `sharding_indexed`)."""

    shape: tuple[int, ...]  # of a shard, in pixels
    index_big_endian: bool
    index_has_checksum: bool
    index_at_end: bool


@dataclass(frozen=True, slots=True, eq=False)
class ZarrArray:
    """An array and where its chunks are. `chunks` is the shape of what is decoded at once."""

    store: Store
    path: str
    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    dtype: np.dtype[Any]  # native byte order
    fill: Any
    separator: str
    key_prefix: str  # "c" for the default key encoding of v3
    decoder: ChunkDecoder
    shards: Shards | None
    dimension_names: tuple[str | None, ...] = ()

    @property
    def files_expected(self) -> int:
        """How many files hold the array when nothing is left out."""
        return math.prod(-(-size // step) for size, step in zip(self.shape, self._file_shape, strict=True))

    def files_present(self) -> int | None:
        """How many of them are there; None if nobody can tell."""
        count = self.store.count(f"{self.path}/c" if self.key_prefix else self.path)
        return None if count is None else min(self.files_expected, count)

    @property
    def _file_shape(self) -> tuple[int, ...]:
        return self.shards.shape if self.shards else self.chunks

    def read(
        self,
        selection: tuple[slice, ...],
        cache: BlockCache = shared_blocks,
        keep: tuple[int, ...] | None = None,
    ) -> Pixels:
        """The pixels of a selection with a start and a stop along every axis.

        Parameters
        ----------
        keep
            Shape of the parts of a chunk that are kept for neighbours of the selection, where it does not
            cover all of them; by default whole chunks.
        """
        shape = tuple(part.stop - part.start for part in selection)
        grid = [
            range(part.start // step, -(-part.stop // step)) for part, step in zip(selection, self.chunks, strict=True)
        ]
        keep = keep or self.chunks
        if math.prod(map(len, grid)) == 1:  # saves a copy
            at = tuple(steps[0] for steps in grid)
            chunk = self._chunk_within(at, selection, cache, keep, borrow=False)
            return np.full(shape, self.fill, self.dtype) if chunk is None else chunk
        out = np.empty(shape, self.dtype)
        busy = [at for at in product(*grid) if not self._copy(at, selection, cache, keep, out)]
        for at in busy:
            self._copy(at, selection, cache, keep, out, wait=True)
        return out

    def _copy(
        self,
        at: tuple[int, ...],
        selection: tuple[slice, ...],
        cache: BlockCache,
        keep: tuple[int, ...],
        out: Pixels,
        *,
        wait: bool = False,
    ) -> bool:
        """Copy what a selection covers of a chunk; false where another thread is decoding it, and one need not wait."""
        chunk = self._chunk_within(at, selection, cache, keep, borrow=True, wait=wait)
        if chunk is _BUSY:
            return False
        target = tuple(
            slice(max(part.start, i * step) - part.start, min(part.stop, (i + 1) * step) - part.start)
            for part, i, step in zip(selection, at, self.chunks, strict=True)
        )
        out[target] = self.fill if chunk is None else chunk
        return True

    def _chunk_within(
        self,
        at: tuple[int, ...],
        selection: tuple[slice, ...],
        cache: BlockCache,
        keep: tuple[int, ...],
        *,
        borrow: bool,
        wait: bool = True,
    ) -> Pixels | None:
        """The part of a chunk that a selection covers, None where the chunk is missing."""
        inner = tuple(
            slice(max(part.start - i * step, 0), min(part.stop - i * step, step))
            for part, i, step in zip(selection, at, self.chunks, strict=True)
        )
        kept = tuple(
            slice(part.start // n * n, min(-(-part.stop // n) * n, step, size - i * step))
            for part, n, i, step, size in zip(inner, keep, at, self.chunks, self.shape, strict=True)
        )
        if kept == inner:  # it will not be needed again for a neighbour
            data = self._stored(at)
            decode = self.decoder.borrow if borrow else self.decoder
            return None if data is None else decode(data)[inner]
        get = cache.get if wait else cache.get_unless_busy
        key = (self, at, *((part.start, part.stop) for part in kept))
        block = get(key, lambda: self._block(at, kept))
        if block is None:
            return _BUSY
        within = tuple(
            slice(part.start - whole.start, part.stop - whole.start) for part, whole in zip(inner, kept, strict=True)
        )
        return block[within] if block.ndim else None

    def _block(self, at: tuple[int, ...], kept: tuple[slice, ...]) -> Pixels:
        data = self._stored(at)
        if data is None:
            return np.zeros((), self.dtype)  # no axes: missing
        if tuple(part.stop - part.start for part in kept) == self.chunks:
            return self.decoder(data)
        return self.decoder.borrow(data)[kept].copy()

    def _key(self, at: tuple[int, ...]) -> str:
        name = self.separator.join([*([self.key_prefix] if self.key_prefix else []), *map(str, at)])
        return f"{self.path}/{name}" if self.path else name

    def _stored(self, at: tuple[int, ...]) -> bytes | None:
        if self.shards is None:
            return self.store.read(self._key(at), limit=2 * self.decoder.nbytes + 2**16)
        per_shard = tuple(outer // inner for outer, inner in zip(self.shards.shape, self.chunks, strict=True))
        key = self._key(tuple(i // n for i, n in zip(at, per_shard, strict=True)))
        index = self._shard_index(key, per_shard)
        if index is None:
            return None
        offset, length = (int(value) for value in index[tuple(i % n for i, n in zip(at, per_shard, strict=True))])
        if offset == _MISSING and length == _MISSING:
            return None
        if length > 2 * self.decoder.nbytes + 2**16:
            raise CorruptChunkError("the index of a shard names a chunk that is larger than it can be")
        data = self.store.read_range(key, offset, length)
        if data is None or len(data) != length:
            raise CorruptChunkError("a shard is shorter than its index says")
        return data

    def _shard_index(self, key: str, per_shard: tuple[int, ...]) -> Any:
        """(offset, length) of the chunks of a shard, None where the shard is missing."""
        assert self.shards is not None  # narrows the type
        shards = self.shards

        def load() -> Pixels:
            nbytes = 16 * math.prod(per_shard) + (4 if shards.index_has_checksum else 0)
            data: Any = self.store.read_range(key, -nbytes if shards.index_at_end else 0, nbytes)
            if data is None:
                return np.zeros((), np.uint64)
            if len(data) != nbytes:
                raise CorruptChunkError("a shard is shorter than its index")
            if shards.index_has_checksum:
                data = decode_crc32c(data, nbytes)
            return np.frombuffer(data, ">u8" if shards.index_big_endian else "<u8").reshape(*per_shard, 2)

        index = shared_blocks.get((self, key), load)
        return index if index.ndim else None


def read_json(store: Store, key: str) -> dict[str, Any] | None:
    """A metadata document, None where there is none."""
    data = store.read(key, limit=MAX_METADATA_BYTES)
    if data is None:
        return None
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise UnreadableImage(
            f"it is not JSON ({error})", where=store.where(key), remedy="The file is damaged."
        ) from error
    if not isinstance(document, dict):
        raise UnreadableImage("it is not a JSON object", where=store.where(key), remedy="The file is damaged.")
    return document


def open_array(store: Store, path: str) -> ZarrArray:
    """The array at a path of a store."""
    prefix = f"{path}/" if path else ""
    for name, parse in (("zarr.json", _v3), (".zarray", _v2)):
        metadata = read_json(store, prefix + name)
        if metadata is not None:
            where = store.where(prefix + name)
            try:
                array = parse(store, path, metadata, where)
            except (KeyError, TypeError, ValueError, AttributeError, IndexError, OverflowError) as error:
                raise UnreadableImage(
                    f"it does not describe an array ({type(error).__name__}: {error})",
                    where=where,
                    remedy="The metadata is damaged: copy it again from its source.",
                ) from error
            _check(array, where)
            return array
    raise UnreadableImage(
        "there is no array, although the metadata names one",
        where=store.where(path),
        remedy="The copy is incomplete: copy the whole folder again.",
    )


def _v2(store: Store, path: str, metadata: dict[str, Any], where: Path | str) -> ZarrArray:
    typestr = metadata["dtype"]
    if not isinstance(typestr, str):
        raise UnreadableImage("its pixels are records, not numbers", where=where)
    stored = np.dtype(typestr)
    dtype = native_pixel_type(stored, where=where)
    chunks = _sizes(metadata["chunks"])
    return ZarrArray(
        store,
        path,
        _sizes(metadata["shape"]),
        chunks,
        dtype,
        _fill(metadata.get("fill_value"), dtype),
        metadata.get("dimension_separator") or ".",
        "",
        v2_decoder(metadata, chunks, stored, where=where),
        None,
    )


def _v3(store: Store, path: str, metadata: dict[str, Any], where: Path | str) -> ZarrArray:
    if metadata.get("node_type") != "array":
        raise UnreadableImage("it is not an array", where=where, remedy="The metadata names the wrong path.")
    if metadata.get("storage_transformers"):
        raise UnreadableImage("it uses storage transformers, which are not supported", where=where)
    data_type = metadata["data_type"]
    if not isinstance(data_type, str):
        raise UnreadableImage(f"its pixels are {data_type.get('name', 'of an unknown type')}", where=where)
    try:
        dtype = native_pixel_type(np.dtype(data_type), where=where)
    except TypeError:
        raise UnreadableImage(f"its pixels are {data_type}, which is unknown", where=where) from None
    if metadata["chunk_grid"]["name"] != "regular":
        raise UnreadableImage(f"its chunk grid is {metadata['chunk_grid']['name']}, not regular", where=where)
    chunks = _sizes(metadata["chunk_grid"]["configuration"]["chunk_shape"])
    codecs = list(metadata["codecs"])
    shards = None
    if codecs[0]["name"] == "sharding_indexed":
        if len(codecs) > 1:
            raise UnreadableImage("its shards are encoded again as a whole, which is not supported", where=where)
        options = codecs[0]["configuration"]
        shards, chunks, codecs = _shards(options, chunks, where), _sizes(options["chunk_shape"]), options["codecs"]
    encoding = metadata["chunk_key_encoding"]
    default = encoding["name"] == "default"
    return ZarrArray(
        store,
        path,
        _sizes(metadata["shape"]),
        chunks,
        dtype,
        _fill(metadata.get("fill_value"), dtype),
        (encoding.get("configuration") or {}).get("separator", "/" if default else "."),
        "c" if default else "",
        v3_decoder(codecs, chunks, dtype, where=where),
        shards,
        tuple(metadata.get("dimension_names") or ()),
    )


def _shards(options: dict[str, Any], shape: tuple[int, ...], where: Path | str) -> Shards:
    names = [codec["name"] for codec in options["index_codecs"]]
    if names not in (["bytes"], ["bytes", "crc32c"]):
        raise UnreadableImage(f"the index of its shards is encoded with {names}, which is not supported", where=where)
    inner = _sizes(options["chunk_shape"])
    if len(inner) != len(shape) or any(step == 0 or size % step for size, step in zip(shape, inner, strict=True)):
        raise UnreadableImage(f"its shards of {shape} do not consist of chunks of {inner}", where=where)
    return Shards(
        shape,
        (options["index_codecs"][0].get("configuration") or {}).get("endian") == "big",
        "crc32c" in names,
        options.get("index_location", "end") == "end",
    )


def _sizes(values: Any) -> tuple[int, ...]:
    if not isinstance(values, list) or not all(type(value) is int and value >= 0 for value in values):
        raise ValueError(f"{values!r} is not a shape")
    return tuple(values)


def _fill(value: Any, dtype: np.dtype[Any]) -> Any:
    if value is None:
        return dtype.type(0)
    if isinstance(value, str):
        if value.startswith("0x"):  # the bits of a number, most significant first
            return np.frombuffer(bytes.fromhex(value[2:]), dtype.newbyteorder(">"))[0].astype(dtype)
        return dtype.type(float(value))
    return np.array(value).astype(dtype)[()]


def _check(array: ZarrArray, where: Path | str) -> None:
    if len(array.chunks) != len(array.shape) or 0 in array.chunks:
        raise UnreadableImage(f"chunks of {array.chunks} do not fit an array of {array.shape}", where=where)
    if array.separator not in {"/", "."}:
        raise UnreadableImage(f"its chunk keys are separated by {array.separator!r}", where=where)
    if array.decoder.nbytes > MAX_BLOCK_BYTES:
        raise UnreadableImage(
            f"its chunks of {array.chunks} hold {array.decoder.nbytes} bytes each",
            where=where,
            remedy=f"Store it again with smaller chunks; at most {MAX_BLOCK_BYTES} bytes are read at once.",
        )
    if array.shards is not None:
        index = [outer // inner for outer, inner in zip(array.shards.shape, array.chunks, strict=True)]
        if math.prod(index) * 16 > 2**28:
            raise UnreadableImage(f"its shards hold {math.prod(index)} chunks each", where=where)
