"""`codes/planes.parquet`: the codes of every plane, one row each."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from biocodes_crate.codes.model import ImageCodes
from biocodes_crate.errors import CannotWrite, NotACrate
from biocodes_crate.images import AnyFile

_ROWS_AT_ONCE = 50_000


class PlaneRow(NamedTuple):
    """One row of the table, in the order of its columns."""

    image: str  # path within the study, with slashes
    scene: int
    z: int
    c: int
    t: int
    data_code: str
    instance_code: str
    image_code: str


def plane_rows(image: str, codes: ImageCodes) -> Iterator[PlaneRow]:
    """The rows of one image."""
    for scene in codes.scenes:
        for plane in scene.planes:
            yield PlaneRow(image, scene.scene, *plane.index, plane.data_code, plane.instance_code, plane.image_code)


def write_plane_table(path: Path, rows: Iterable[PlaneRow]) -> None:
    """Write the table; the file is complete or not there. The same rows give the same bytes."""
    import pyarrow as pa  # noqa: PLC0415 - codes are often wanted without a table
    import pyarrow.parquet as pq  # noqa: PLC0415

    schema = pa.schema(
        [
            pa.field("image", pa.string(), nullable=False),
            *(pa.field(name, pa.int32(), nullable=False) for name in ("scene", "z", "c", "t")),
            *(pa.field(name, pa.string(), nullable=False) for name in ("data_code", "instance_code", "image_code")),
        ]
    )
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with pq.ParquetWriter(temporary, schema, compression="zstd", use_dictionary=["image"]) as writer:
            source = iter(rows)
            while batch := list(islice(source, _ROWS_AT_ONCE)):
                columns = list(zip(*batch, strict=True))
                arrays = [pa.array(column, field.type) for column, field in zip(columns, schema, strict=True)]
                writer.write_table(pa.Table.from_arrays(arrays, schema=schema))
        temporary.replace(path)
    except OSError as error:
        raise CannotWrite(
            f"the table of planes cannot be written ({error.strerror or error})",
            where=path,
            remedy="Check permissions and free space, or write elsewhere with -o.",
        ) from error
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108  # gone already when all went well


def read_plane_table(path: AnyFile) -> Iterator[PlaneRow]:
    """The rows of a table, in its order.

    Raises
    ------
    NotACrate
        The file is no such table.
    """
    import pyarrow as pa  # noqa: PLC0415 - see above
    import pyarrow.parquet as pq  # noqa: PLC0415

    try:
        with path.open("rb") as opened, pq.ParquetFile(opened) as file:
            if not set(PlaneRow._fields) <= set(file.schema_arrow.names):
                raise NotACrate("the table of planes lacks columns", where=path, remedy="Build the crate again.")
            for batch in file.iter_batches(_ROWS_AT_ONCE, columns=list(PlaneRow._fields)):
                columns = [batch.column(name).to_pylist() for name in PlaneRow._fields]
                yield from map(PlaneRow._make, zip(*columns, strict=True))
    except (OSError, pa.ArrowException) as error:
        raise NotACrate(
            f"the table of planes cannot be read ({error})", where=path, remedy="Build the crate again."
        ) from error
