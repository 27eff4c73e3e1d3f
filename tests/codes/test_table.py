"""The table of planes."""

import pyarrow.parquet as pq
import pytest
from imagewriters import make_pixels, write_ome_zarr

from biocodes_crate.codes import PlaneRow, code_image, plane_rows, read_plane_table, write_plane_table
from biocodes_crate.errors import CannotWrite, NotACrate
from biocodes_crate.images import open_image


@pytest.fixture
def rows(tmp_path):
    image = open_image(write_ome_zarr(tmp_path / "a.zarr", make_pixels((2, 2, 2, 5, 6))))
    return list(plane_rows("images/ä b#.zarr", code_image(image)))


def test_rows_come_back_as_they_were_written(tmp_path, rows):
    write_plane_table(tmp_path / "codes" / "planes.parquet", rows)
    assert list(read_plane_table(tmp_path / "codes" / "planes.parquet")) == rows
    assert [row[1:5] for row in rows[:3]] == [(0, 0, 0, 0), (0, 0, 0, 1), (0, 0, 1, 0)]


def test_other_tools_read_the_table(tmp_path, rows):
    write_plane_table(tmp_path / "planes.parquet", rows)
    table = pq.read_table(tmp_path / "planes.parquet")
    assert table.column_names == list(PlaneRow._fields)
    assert table.num_rows == 8
    assert {str(table.schema.field(name).type) for name in "zct"} == {"int32"}


def test_the_same_rows_give_the_same_bytes(tmp_path, rows):
    for name in "ab":
        write_plane_table(tmp_path / name, iter(rows))
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_table_may_be_empty(tmp_path):
    write_plane_table(tmp_path / "a", [])
    assert list(read_plane_table(tmp_path / "a")) == []


def test_many_rows_are_written_in_groups(tmp_path, rows, monkeypatch):
    monkeypatch.setattr("biocodes_crate.codes.table._ROWS_AT_ONCE", 3)
    write_plane_table(tmp_path / "a", rows)
    assert list(read_plane_table(tmp_path / "a")) == rows


def test_a_failed_write_leaves_the_old_table_and_nothing_else(tmp_path, rows):
    write_plane_table(tmp_path / "a", rows[:2])

    def broken():
        yield rows[0]
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_plane_table(tmp_path / "a", broken())
    assert list(read_plane_table(tmp_path / "a")) == rows[:2]
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["a"]


def test_a_place_that_cannot_be_written_is_an_error(tmp_path, rows):
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotWrite):
        write_plane_table(tmp_path / "file" / "planes.parquet", rows)


@pytest.mark.parametrize("content", [b"", b"PAR1 nonsense PAR1", b"x" * 100])
def test_what_is_no_table_is_an_error(tmp_path, content):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(NotACrate):
        list(read_plane_table(tmp_path / "a"))


def test_a_table_of_something_else_is_an_error(tmp_path):
    import pyarrow as pa

    pq.write_table(pa.table({"x": [1]}), tmp_path / "a")
    with pytest.raises(NotACrate, match="columns"):
        list(read_plane_table(tmp_path / "a"))
