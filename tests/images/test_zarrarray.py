"""Arrays read as zarr-python reads them, in every encoding; damage and hostility refused."""

import json
import tempfile
from pathlib import Path

import numcodecs
import numpy as np
import pytest
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from imagewriters import PIXEL_TYPES, make_pixels, write_array

from biocodes_crate.errors import UnreadableImage
from biocodes_crate.images.stores import FolderStore
from biocodes_crate.images.zarrarray import ZarrArray, open_array

V2_COMPRESSORS = [
    None,
    numcodecs.Blosc(cname="lz4"),
    numcodecs.Blosc(cname="zstd", shuffle=2),
    numcodecs.Zstd(),
    numcodecs.GZip(),
    numcodecs.Zlib(),
    numcodecs.BZ2(),
    numcodecs.LZMA(),
    numcodecs.LZ4(),
]
V3_COMPRESSORS = [
    None,
    zarr.codecs.ZstdCodec(),
    zarr.codecs.GzipCodec(),
    zarr.codecs.BloscCodec(cname="zstd"),
    [zarr.codecs.ZstdCodec(), zarr.codecs.Crc32cCodec()],
]


def everything(array: ZarrArray) -> np.ndarray:
    return array.read(tuple(slice(0, n) for n in array.shape))


@st.composite
def encodings(draw):
    zarr_format = draw(st.sampled_from([2, 3]))
    shape = tuple(draw(st.integers(1, 6)) for _ in range(draw(st.integers(2, 4))))
    chunks = tuple(draw(st.integers(1, n + 1)) for n in shape)
    options = {
        "chunks": chunks,
        "order": draw(st.sampled_from("CF")),
        "big_endian": draw(st.booleans()),
        "fill_value": draw(st.integers(0, 100)),
    }
    if zarr_format == 2:
        options["compressors"] = draw(st.sampled_from(V2_COMPRESSORS))
        options["chunk_key_encoding"] = {"name": "v2", "separator": draw(st.sampled_from("./"))}
    else:
        options["compressors"] = draw(st.sampled_from(V3_COMPRESSORS))
        options["chunk_key_encoding"] = {
            "name": draw(st.sampled_from(["default", "v2"])),
            "separator": draw(st.sampled_from("./")),
        }
        if draw(st.booleans()):
            options["shards"] = tuple(n * draw(st.integers(1, 3)) for n in chunks)
    return make_pixels(shape, draw(st.sampled_from(PIXEL_TYPES)), draw(st.integers(0, 99))), zarr_format, options


@given(encoding=encodings(), data=st.data())
@settings(max_examples=120, deadline=None)
def test_any_selection_of_any_encoding_reads_as_zarr_python_reads_it(encoding, data):
    pixels, zarr_format, options = encoding
    with tempfile.TemporaryDirectory() as folder:
        write_array(Path(folder) / "a b", pixels, zarr_format, **options)
        array = open_array(FolderStore(Path(folder)), "a b")
        selection = []
        for n in pixels.shape:
            start = data.draw(st.integers(0, n - 1))
            selection.append(slice(start, data.draw(st.integers(start + 1, n))))
        expected = zarr.open_array(Path(folder) / "a b", mode="r")[tuple(selection)]
        result = array.read(tuple(selection))
        assert result.dtype == pixels.dtype
        np.testing.assert_array_equal(result, expected)
        np.testing.assert_array_equal(result, pixels[tuple(selection)])
        np.testing.assert_array_equal(everything(array), pixels)
        keep = tuple(data.draw(st.integers(1, n)) for n in array.chunks)
        for _ in range(2):  # the second time from memory
            np.testing.assert_array_equal(array.read(tuple(selection), keep=keep), expected)


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize("sharded", [False, True])
def test_missing_chunks_read_as_the_fill_value_and_are_counted(tmp_path, zarr_format, sharded):
    if sharded and zarr_format == 2:
        pytest.skip("Zarr v2 has no shards")
    options = {"shards": (4, 4)} if sharded else {}
    pixels = np.full((8, 8), 9, "int16")
    pixels[:2, :2] = 3
    write_array(tmp_path / "a", pixels, zarr_format, chunks=(2, 2), fill_value=9, **options)
    array = open_array(FolderStore(tmp_path), "a")
    np.testing.assert_array_equal(everything(array), pixels)
    assert array.files_expected == (4 if sharded else 16)
    assert array.files_present() == 1


@pytest.mark.parametrize("filters", [[numcodecs.Delta("<i4")], [numcodecs.Shuffle(4), numcodecs.Adler32()]])
def test_filters_of_version_2_are_undone(tmp_path, filters):
    pixels = make_pixels((5, 6), "int32")
    write_array(tmp_path / "a", pixels, 2, filters=filters, compressors=numcodecs.Zstd())
    np.testing.assert_array_equal(everything(open_array(FolderStore(tmp_path), "a")), pixels)


@pytest.mark.parametrize(
    ("fill", "expected"), [("NaN", np.nan), ("-Infinity", -np.inf), ("0x3f800000", 1.0), (2.5, 2.5), (None, 0.0)]
)
def test_every_way_to_write_a_fill_value_is_understood(tmp_path, fill, expected):
    write_array(tmp_path / "a", np.zeros((2, 2), "float32"), 3, fill_value=0.0)
    document = json.loads((tmp_path / "a" / "zarr.json").read_text())
    document["fill_value"] = fill
    (tmp_path / "a" / "zarr.json").write_text(json.dumps(document))
    np.testing.assert_array_equal(everything(open_array(FolderStore(tmp_path), "a")), np.float32(expected))


@pytest.mark.parametrize("name", ["uint64", "bool", "complex64", "float16"])
@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_pixel_type_without_a_code_is_refused_by_name(tmp_path, name, zarr_format):
    zarr.create_array(tmp_path / "a", shape=(2, 2), dtype=name, zarr_format=zarr_format)
    with pytest.raises(UnreadableImage, match=name):
        open_array(FolderStore(tmp_path), "a")


def edit(path: Path, **changes) -> None:
    document = json.loads(path.read_text())
    document.update(changes)
    path.write_text(json.dumps(document))


@pytest.mark.parametrize(
    "changes",
    [
        {"shape": [4]},
        {"shape": [-4, 4]},
        {"shape": "4,4"},
        {"shape": [4.5, 4]},
        {"chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [0, 4]}}},
        {"chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [10**6, 10**6]}}},
        {"chunk_grid": {"name": "rectilinear", "configuration": {}}},
        {"chunk_grid": None},
        {"codecs": []},
        {"codecs": [{"name": "rot13"}]},
        {"codecs": [{"name": "bytes"}, {"name": "rot13"}]},
        {"codecs": "zstd"},
        {"codecs": [{"name": "transpose", "configuration": {"order": [0, 0]}}, {"name": "bytes"}]},
        {"data_type": "uint17"},
        {"data_type": {"name": "structured"}},
        {"data_type": None},
        {"fill_value": "zero"},
        {"fill_value": {}},
        {"node_type": "group"},
        {"storage_transformers": [{"name": "x"}]},
        {"chunk_key_encoding": {"name": "default", "configuration": {"separator": "/../"}}},
    ],
)
def test_metadata_that_makes_no_sense_is_an_error_that_names_the_file(tmp_path, changes):
    write_array(tmp_path / "a", np.ones((4, 4), "uint8"))
    edit(tmp_path / "a" / "zarr.json", **changes)
    with pytest.raises(UnreadableImage) as caught:
        open_array(FolderStore(tmp_path), "a")
    assert "zarr.json" in str(caught.value)


@pytest.mark.parametrize("text", ["", "[1]", "{", "[" * 100_000, '{"zarr_format": 3}', "\ufeff{}"])
def test_a_broken_document_is_an_error(tmp_path, text):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "zarr.json").write_text(text, encoding="utf-8")
    with pytest.raises(UnreadableImage):
        open_array(FolderStore(tmp_path), "a")


@pytest.mark.parametrize("compressor", V3_COMPRESSORS)
@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty"])
def test_damaged_chunks_never_read_as_pixels_where_the_encoding_can_tell(tmp_path, compressor, damage):
    write_array(tmp_path / "a", make_pixels((64, 64)), compressors=compressor, chunks=(64, 64))
    file = tmp_path / "a" / "c" / "0" / "0"
    data = bytearray(file.read_bytes())
    if damage == "truncated":
        del data[len(data) // 2 :]
    elif damage == "empty":
        data.clear()
    elif compressor is None or not isinstance(compressor, list):
        pytest.skip("nothing in this encoding tells a flipped bit")
    else:
        data[-20] ^= 1
    file.write_bytes(data)
    with pytest.raises(Exception, match=r".+"):
        everything(open_array(FolderStore(tmp_path), "a"))


@pytest.mark.parametrize("codec", V2_COMPRESSORS[1:])
def test_a_chunk_that_expands_beyond_its_shape_is_refused(tmp_path, codec):
    write_array(tmp_path / "a", np.ones((4, 4), "uint8"), 2, compressors=codec, chunks=(4, 4))
    (tmp_path / "a" / "0.0").write_bytes(codec.encode(np.zeros(2**20, "uint8")))
    with pytest.raises(Exception, match=r".+"):
        everything(open_array(FolderStore(tmp_path), "a"))


def test_a_shard_whose_index_lies_is_refused(tmp_path):
    write_array(tmp_path / "a", make_pixels((8, 8)), chunks=(4, 4), shards=(8, 8))
    file = tmp_path / "a" / "c" / "0" / "0"
    data = bytearray(file.read_bytes())
    data[-30] ^= 1
    file.write_bytes(data)
    with pytest.raises(ValueError, match="checksum"):
        everything(open_array(FolderStore(tmp_path), "a"))
