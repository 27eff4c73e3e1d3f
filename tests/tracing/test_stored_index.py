"""The index as a file: what comes out is what went in, and nothing odd gets in."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from specimens import Study, texture

from biocodes_crate.errors import BadIndex
from biocodes_crate.tracing import read_index, write_index


@pytest.fixture
def study() -> Study:
    return Study(a=texture(1), b=texture(2))


def test_a_stored_index_is_read_as_it_was_written(study: Study, tmp_path: Path) -> None:
    write_index(tmp_path / "index.parquet", study.parts)
    again = read_index(tmp_path / "index.parquet")
    assert len(again) == len(study.parts) == 2
    for before, after in zip(sorted(study.parts, key=lambda part: part.image), again, strict=True):
        assert after.pictures == before.pictures
        for name, array in before.to_arrays().items():
            np.testing.assert_array_equal(after.to_arrays()[name], array)


def test_the_same_index_gives_the_same_bytes(study: Study, tmp_path: Path) -> None:
    write_index(tmp_path / "one", study.parts)
    write_index(tmp_path / "two", reversed(study.parts))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_an_index_of_no_images_is_empty(tmp_path: Path) -> None:
    write_index(tmp_path / "index.parquet", ())
    assert read_index(tmp_path / "index.parquet") == ()


@pytest.mark.parametrize("damage", ["cut", "noise", "empty", "other"])
def test_a_damaged_index_is_refused_in_words(damage: str, study: Study, tmp_path: Path) -> None:
    path = tmp_path / "index.parquet"
    write_index(path, study.parts)
    data = path.read_bytes()
    if damage == "cut":
        data = data[: len(data) // 2]
    elif damage == "noise":
        data = bytes(np.random.default_rng(0).integers(0, 256, len(data), np.uint8))
    elif damage == "empty":
        data = b""
    else:
        table = io.BytesIO()
        pq.write_table(pa.table({"image": ["a"], "scene": [0]}), table)
        data = table.getvalue()
    with pytest.raises(BadIndex) as caught:
        read_index(io.BytesIO(data))
    assert caught.value.remedy


def test_rows_that_contradict_themselves_are_refused(study: Study, tmp_path: Path) -> None:
    path = tmp_path / "index.parquet"
    write_index(path, study.parts)
    table = pq.read_table(path)
    counts = pa.array([count + 1 for count in table["features"].to_pylist()], pa.int32())
    pq.write_table(table.set_column(table.schema.get_field_index("features"), "features", counts), path)
    with pytest.raises(BadIndex):
        read_index(path)
