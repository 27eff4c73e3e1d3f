"""The index of a study as a file: one row for each key picture, so that a crate can be traced in without being coded.

What is read from a file is believed for candidates only. Every edge is verified on the pixels, so that a
wrong index can hide an edge, but make none.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from biocodes_crate.errors import BadIndex
from biocodes_crate.tracing.features import Features
from biocodes_crate.tracing.index import (
    INDEX_VERSION,
    SMALL_SIDE,
    ImageIndex,
    KeyPicture,
    concatenate_features,
)

_VERSION_KEY = b"biocodes:index_version"
_SCHEMA = pa.schema(
    [
        ("image", pa.string()),
        ("scene", pa.int32()),
        ("z", pa.int32()),
        ("c", pa.int32()),
        ("t", pa.int32()),
        ("width", pa.int64()),
        ("height", pa.int64()),
        ("features", pa.int32()),
        ("points", pa.binary()),
        ("sizes", pa.binary()),
        ("angles", pa.binary()),
        ("descriptors", pa.binary()),
        ("small", pa.binary()),
    ]
)
_TYPES: dict[str, np.dtype[Any]] = {
    "points": np.dtype("<f4"),
    "sizes": np.dtype("<f4"),
    "angles": np.dtype("<f4"),
    "descriptors": np.dtype("u1"),
}
_BATCH = 64  # key pictures held at a time: some 10 MB
MAX_BYTES = 16 << 30  # uncompressed, of an index that is read
MAX_GROUP = 1 << 30


def write_index(path: Path, images: Iterable[ImageIndex]) -> None:
    """Write the index of a study to a new Parquet file, ordered by image; the same index gives the same bytes."""
    schema = _SCHEMA.with_metadata({_VERSION_KEY: str(INDEX_VERSION)})
    with pq.ParquetWriter(path, schema, compression="zstd", use_dictionary=["image"]) as writer:
        batch: list[dict[str, Any]] = []
        for image in sorted(images, key=lambda one: one.image):
            for row in _rows(image):
                batch.append(row)
                if len(batch) == _BATCH:
                    writer.write_table(pa.Table.from_pylist(batch, schema))
                    batch = []
        if batch:
            writer.write_table(pa.Table.from_pylist(batch, schema))


def read_index(file: Path | IO[bytes]) -> tuple[ImageIndex, ...]:
    """The index that `write_index` wrote.

    Raises
    ------
    BadIndex
        It is damaged, too large to be believed, or was written by another version.
    """
    try:
        with pq.ParquetFile(file) as table:
            _check(table)
            rows = (row for batch in table.iter_batches(_BATCH) for row in batch.to_pylist())
            return tuple(_image(name, list(group)) for name, group in groupby(rows, key=lambda row: row["image"]))
    except BadIndex:
        raise
    except (pa.ArrowException, OSError, ValueError, TypeError, KeyError, OverflowError) as error:
        raise BadIndex(f"the stored index cannot be read ({error})", remedy="Build the crate again.") from error


def _check(table: pq.ParquetFile) -> None:
    stated = (table.schema_arrow.metadata or {}).get(_VERSION_KEY, b"")
    if stated != str(INDEX_VERSION).encode() or not table.schema_arrow.equals(_SCHEMA):
        raise BadIndex("the stored index is of another version", remedy="Build the crate again.")
    sizes = [table.metadata.row_group(i).total_byte_size for i in range(table.metadata.num_row_groups)]
    if sum(sizes) > MAX_BYTES or max(sizes, default=0) > MAX_GROUP:
        raise BadIndex("the stored index is larger than it can be", remedy="Do not trust this file.")


def _rows(image: ImageIndex) -> Iterator[dict[str, Any]]:
    for number, picture in enumerate(image.pictures):
        mine = image.owner == number
        arrays = {name: getattr(image.features, name)[mine] for name in _TYPES}
        yield {
            **picture._asdict(),
            "features": int(mine.sum()),
            **{name: np.ascontiguousarray(arrays[name], kind).tobytes() for name, kind in _TYPES.items()},
            "small": image.small[number].tobytes(),
        }


def _image(name: str, rows: list[dict[str, Any]]) -> ImageIndex:
    pictures = tuple(
        KeyPicture(name, *(int(row[key]) for key in ("scene", "z", "c", "t", "width", "height"))) for row in rows
    )
    if any(p.width < 1 or p.height < 1 or p.scene < 0 or not p.z >= -3 for p in pictures):
        raise ValueError("a key picture that cannot be")
    parts = [_features(row) for row in rows]
    owner = [np.full(len(part), number, np.int32) for number, part in enumerate(parts)]
    small = np.stack([np.frombuffer(row["small"], np.uint8).reshape(SMALL_SIDE, SMALL_SIDE) for row in rows])
    return ImageIndex(
        name, pictures, np.concatenate([np.zeros(0, np.int32), *owner]), concatenate_features(parts), small
    )


def _features(row: dict[str, Any]) -> Features:
    count = int(row["features"])
    arrays: dict[str, NDArray[Any]] = {name: np.frombuffer(row[name], kind) for name, kind in _TYPES.items()}
    return Features(
        arrays["points"].astype(np.float32).reshape(count, 2),
        arrays["sizes"].astype(np.float32).reshape(count),
        arrays["angles"].astype(np.float32).reshape(count),
        arrays["descriptors"].reshape(count, 128),
    )
