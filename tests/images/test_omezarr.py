"""OME-Zarr in every layout that people have, read by its metadata."""

import json
import zipfile
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
from imagewriters import make_pixels, multiscales, planes_in_order, write_array, write_group, write_ome_zarr, zip_folder

from biocodes_crate.errors import NotAnImage, UnreadableImage
from biocodes_crate.images import ImageFormat, PlaneIndex, is_image, open_image

VERSIONS = ["0.4", "0.5"]


def pixels_of(scene) -> list[np.ndarray]:
    return [scene.plane(index) for index in scene.planes()]


def assert_same(scene, pixels) -> None:
    """The scene holds these (T, C, Z, Y, X) pixels."""
    assert (scene.size_t, scene.size_c, scene.size_z, scene.size_y, scene.size_x) == pixels.shape
    for found, expected in zip(pixels_of(scene), planes_in_order(pixels), strict=True):
        assert found.dtype == pixels.dtype
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("levels", [("0", "1"), ("s0", "s1"), ("full resolution", "klein ü#"), ("a/b", "1")])
def test_full_resolution_is_the_first_dataset_whatever_its_name(tmp_path, version, levels):
    pixels = make_pixels((2, 3, 2, 9, 8))
    path = write_ome_zarr(
        tmp_path / "Bild ä #1.ome.zarr", pixels, version=version, levels=levels, chunks=(1, 1, 1, 4, 4)
    )
    image = open_image(path)
    assert image.format is (ImageFormat.OME_ZARR_05 if version == "0.5" else ImageFormat.OME_ZARR_04)
    assert image.conforms_to == f"https://ngff.openmicroscopy.org/{version}/"
    (scene,) = image.scenes
    assert scene.array_path == levels[0]
    assert_same(scene, pixels)
    assert image.findings == ()


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("axes", ["yx", "zyx", "cyx", "tyx", "tcyx", "czyx", "xyzct", "yxc"])
def test_missing_and_reordered_axes_are_told_by_the_metadata(tmp_path, version, axes):
    pixels = make_pixels([{"t": 2, "c": 3, "z": 4, "y": 5, "x": 6}[a] for a in axes])
    (scene,) = open_image(write_ome_zarr(tmp_path / "a.zarr", pixels, axes, version)).scenes
    full = pixels.transpose([axes.index(a) for a in "tczyx" if a in axes])
    full = full.reshape([pixels.shape[axes.index(a)] if a in axes else 1 for a in "tczyx"])
    assert_same(scene, full)


@pytest.mark.parametrize("shape", [(1, 1, 1, 5, 1), (1, 1, 1, 1, 5), (1, 1, 1, 1, 1), (2, 1, 1, 1, 1), (1, 3, 1, 7, 1)])
def test_images_one_pixel_wide_keep_their_planes(tmp_path, shape):
    pixels = make_pixels(shape)
    assert_same(open_image(write_ome_zarr(tmp_path / "a.zarr", pixels)).scenes[0], pixels)


def test_an_image_without_planes_or_pixels_is_an_empty_scene(tmp_path):
    (scene,) = open_image(write_ome_zarr(tmp_path / "a.zarr", np.zeros((0, 1, 1, 4, 4), "uint8"))).scenes
    assert scene.plane_count == 0
    (scene,) = open_image(write_ome_zarr(tmp_path / "b.zarr", np.zeros((1, 1, 1, 0, 4), "uint8"))).scenes
    assert scene.plane(PlaneIndex()).shape == (0, 4)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_image_of_a_bioformats2raw_collection_is_a_scene(tmp_path, version):
    root = tmp_path / "b.zarr"
    write_group(root, {"bioformats2raw.layout": 3}, version)
    arrays = {name: make_pixels((1, 1, 1, 4, 5), seed=i) for i, name in enumerate(["0", "1", "2"])}
    for name, pixels in arrays.items():
        write_ome_zarr(root / name, pixels, version=version)
    assert [scene.array_path for scene in open_image(root).scenes] == ["0/0", "1/0", "2/0"]
    write_group(root / "OME", {"series": ["2", "0"]}, version)
    image = open_image(root)
    assert [scene.array_path for scene in image.scenes] == ["2/0", "0/0"]
    assert [scene.index for scene in image.scenes] == [0, 1]
    assert_same(image.scenes[0], arrays["2"])


def test_the_names_of_a_collection_come_from_its_ome_xml(tmp_path):
    root = tmp_path / "b.zarr"
    write_group(root, {"bioformats2raw.layout": 3}, "0.4")
    write_group(root / "OME", {}, "0.4")
    xml = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">'
        '<Image Name="overview"><Pixels SizeX="5" SizeY="4" SizeZ="1" SizeC="1" SizeT="1"/></Image></OME>'
    )
    (root / "OME" / "METADATA.ome.xml").write_text(xml)
    for name in "01":
        write_ome_zarr(root / name, make_pixels((1, 1, 1, 4, 5)), version="0.4")
    assert [(scene.name, scene.array_path) for scene in open_image(root).scenes] == [("overview", "0/0")]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_field_of_a_plate_is_a_scene_and_labels_are_not(tmp_path, version):
    root = tmp_path / "plate.ome.zarr"
    plate = {
        "rows": [{"name": "A"}],
        "columns": [{"name": "1"}, {"name": "2"}],
        "wells": [{"path": "A/1"}, {"path": "A/2"}],
    }
    write_group(root, {"plate": plate}, version)
    for well in ("A/1", "A/2"):
        write_group(root / well, {"well": {"images": [{"path": "0"}, {"path": "1"}]}}, version)
        for field in "01":
            write_ome_zarr(root / well / field, make_pixels((1, 2, 1, 4, 5)), version=version)
            write_group(root / well / field / "labels", {"labels": ["cells"]}, version)
            write_ome_zarr(root / well / field / "labels" / "cells", make_pixels((1, 1, 1, 4, 5)), version=version)
    names = [(scene.name, scene.array_path) for scene in open_image(root).scenes]
    assert names == [(f"A/{w}/{f}", f"A/{w}/{f}/0") for w in "12" for f in "01"]


@pytest.mark.parametrize("inside", ["", "a.ome.zarr/"])
@pytest.mark.parametrize("name", ["a.ome.zarr.zip", "a.ozx"])
@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("version", VERSIONS)
def test_zipped_images_are_read_without_unpacking(tmp_path, inside, name, compression, version):
    pixels = make_pixels((1, 2, 2, 8, 8))
    options = {"shards": (1, 1, 1, 8, 8)} if version == "0.5" else {}
    folder = write_ome_zarr(tmp_path / "a.ome.zarr", pixels, version=version, chunks=(1, 1, 1, 4, 4), **options)
    image = open_image(zip_folder(folder, tmp_path / name, compression, inside))
    assert image.encoding_format == "application/zip"
    assert_same(image.scenes[0], pixels)
    assert image.findings == ()


def test_missing_chunks_are_noted(tmp_path):
    pixels = np.full((1, 1, 1, 8, 8), 5, "uint8")
    pixels[..., :4, :4] = 1
    image = open_image(write_ome_zarr(tmp_path / "a.zarr", pixels, chunks=(1, 1, 1, 4, 4), fill_value=5))
    assert_same(image.scenes[0], pixels)
    (finding,) = image.findings
    assert finding.id == "chunks-missing"
    assert "3 of 4" in finding.message


def test_names_colours_and_sizes_come_from_the_metadata(tmp_path):
    omero = {"channels": [{"label": "DAPI", "color": "0000ff"}, {"label": "GFP", "color": "nonsense"}]}
    path = tmp_path / "a.zarr"
    write_ome_zarr(path, make_pixels((2, 3, 4, 5)), "czyx", ome={"omero": omero}, scale=[1, 2, 0.5, 0.25])
    (scene,) = open_image(path).scenes
    assert [(channel.name, channel.color) for channel in scene.channels] == [("DAPI", "0000FF"), ("GFP", None)]
    assert (scene.physical_size_x, scene.physical_size_y, scene.physical_size_z) == (0.25, 0.5, 2.0)


@pytest.mark.parametrize(
    ("unit", "expected"), [("nanometer", 0.1), ("millimeter", 100000.0), (None, None), ("parsec", None)]
)
def test_physical_sizes_are_micrometres_or_unknown(tmp_path, unit, expected):
    path = write_ome_zarr(tmp_path / "a.zarr", make_pixels((4, 5)), "yx")
    write_group(path, {"multiscales": multiscales("yx", scale=[100, 100], unit=unit)})
    assert open_image(path).scenes[0].physical_size_x == expected


def test_organism_and_method_are_read_from_a_crate_inside(tmp_path):
    path = write_ome_zarr(tmp_path / "a.zarr", make_pixels((4, 5)), "yx")
    graph = [
        {"@id": "./", "resultOf": {"@id": "_:a"}},
        {
            "@id": "_:a",
            "@type": "image_acquisition",
            "fbbi_id": {"@id": "obo:FBbi_00000251"},
            "specimen": {"@id": "_:s"},
        },
        {"@id": "_:b", "@type": "biosample", "organism_classification": {"@id": "NCBI:txid9606"}},
    ]
    document = json.dumps({"@context": [], "@graph": graph})
    (path / "ro-crate-metadata.json").write_text(document)
    image = open_image(path)
    assert image.imaging_method == "http://purl.obolibrary.org/obo/FBbi_00000251"
    assert image.organism == "http://purl.obolibrary.org/obo/NCBITaxon_9606"
    for broken in ("", "[]", '{"@graph": 3}', '{"@graph": [{"fbbi_id": 7, "organism_classification": ["x"]}]}'):
        (path / "ro-crate-metadata.json").write_text(broken)
        assert open_image(path).organism is None


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("evil", ["../../secret", "/etc", "a/../../b", "..\\x"])
def test_metadata_cannot_point_outside_of_the_image(tmp_path, version, evil):
    path = tmp_path / "in" / "a.zarr"
    write_group(path, {"multiscales": multiscales("yx", [evil], version=version)}, version)
    write_array(tmp_path / "secret", make_pixels((4, 4)), 3 if version == "0.5" else 2)
    with pytest.raises(UnreadableImage, match="outside"):
        open_image(path)


@pytest.mark.parametrize(
    ("ome", "problem"),
    [
        ({"multiscales": []}, "no `multiscales`"),
        ({"multiscales": [{"axes": [], "datasets": []}]}, "no `multiscales`"),
        ({"multiscales": "x"}, "no `multiscales`"),
        ({"multiscales": [{"datasets": [{"path": 3}]}]}, "without a path"),
        ({"multiscales": multiscales("yx", ["nothing"])}, "no array"),
        ({"multiscales": multiscales("zyx")}, "3 axes for an array of 2"),
        ({"multiscales": multiscales("zx")}, "no Y axis"),
        ({"multiscales": multiscales("qx")}, "axis 'q' of size 4"),
        ({"plate": {"wells": [{"path": "A/1"}]}}, "no group"),
    ],
)
def test_metadata_that_fits_no_image_is_an_error_saying_what_and_where(tmp_path, ome, problem):
    path = tmp_path / "a.zarr"
    write_group(path, ome)
    write_array(path / "0", make_pixels((4, 4)))
    with pytest.raises(UnreadableImage, match=problem) as caught:
        open_image(path)
    assert "a.zarr" in str(caught.value.where)


@pytest.mark.parametrize("shape", [[10**12, 4], [2**31, 4, 4]])
def test_sizes_that_no_image_has_are_refused(tmp_path, shape):
    axes = "tczyx"[-len(shape) :]
    path = write_ome_zarr(tmp_path / "a.zarr", make_pixels([4] * len(shape)), axes)
    document = json.loads((path / "0" / "zarr.json").read_text())
    (path / "0" / "zarr.json").write_text(json.dumps(document | {"shape": shape}))
    with pytest.raises(UnreadableImage):
        open_image(path)


def test_a_folder_called_zarr_that_holds_none_is_no_image(tmp_path):
    (tmp_path / "a.ome.zarr").mkdir()
    with pytest.raises(NotAnImage):
        open_image(tmp_path / "a.ome.zarr")
    assert is_image(tmp_path / "a.ome.zarr")  # so that a study reports it


def test_a_plain_zarr_array_is_no_image(tmp_path):
    write_array(tmp_path / "a", make_pixels((4, 4)))
    assert not is_image(tmp_path / "a")
    with pytest.raises(NotAnImage):
        open_image(tmp_path / "a")


@pytest.mark.parametrize("damage", ["truncated", "missing group", "noise"])
def test_a_damaged_image_is_an_error_that_names_the_plane(tmp_path, damage):
    path = write_ome_zarr(tmp_path / "a.zarr", make_pixels((1, 1, 1, 64, 64)))
    chunk = path / "0" / "c" / "0" / "0" / "0" / "0" / "0"
    chunk.write_bytes(chunk.read_bytes()[:50] if damage == "truncated" else b"\0" * 77)
    if damage == "missing group":
        (path / "0" / "zarr.json").unlink()
        with pytest.raises(UnreadableImage):
            open_image(path)
        return
    with pytest.raises(UnreadableImage, match="plane z=0, c=0, t=0") as caught:
        open_image(path).scenes[0].plane(PlaneIndex())
    assert caught.value.where == path
    assert caught.value.remedy


def test_a_zip_with_a_wrong_checksum_or_cut_short_is_an_error(tmp_path):
    folder = write_ome_zarr(tmp_path / "a.zarr", make_pixels((1, 1, 1, 64, 64)), compressors=None)
    path = zip_folder(folder, tmp_path / "a.ozx")
    data = bytearray(path.read_bytes())
    at = data.index(make_pixels((1, 1, 1, 64, 64)).tobytes()[:40])
    data[at] ^= 1
    path.write_bytes(data)
    with pytest.raises(UnreadableImage, match="checksum"):
        open_image(path).scenes[0].plane(PlaneIndex())
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(UnreadableImage, match="zip"):
        open_image(path)


def test_regions_and_strips_are_parts_of_the_plane(tmp_path):
    pixels = make_pixels((1, 1, 2, 50, 40))
    (scene,) = open_image(write_ome_zarr(tmp_path / "a.zarr", pixels, chunks=(1, 1, 2, 7, 9))).scenes
    index = PlaneIndex(1, 0, 0)
    np.testing.assert_array_equal(np.concatenate(list(scene.strips(index))), pixels[0, 0, 1])
    np.testing.assert_array_equal(scene.region(index, 5, 11, 20, 30), pixels[0, 0, 1, 11:41, 5:25])
    for bad in [(0, 0, 41, 1), (-1, 0, 3, 3), (0, 49, 1, 2)]:
        with pytest.raises(UnreadableImage, match="not within"):
            scene.region(index, *bad)
    with pytest.raises(UnreadableImage, match="no plane"):
        scene.plane(PlaneIndex(2, 0, 0))


@pytest.fixture
def decoded(monkeypatch):
    """Every chunk that is fetched to be decoded, in order."""
    from biocodes_crate.images.zarrarray import ZarrArray

    chunks = []
    original = ZarrArray._stored
    monkeypatch.setattr(ZarrArray, "_stored", lambda self, at: (chunks.append(at), original(self, at))[1])
    return chunks


def test_a_chunk_that_spans_planes_is_decoded_once(tmp_path, decoded):
    pixels = make_pixels((1, 1, 6, 20, 20))
    (scene,) = open_image(write_ome_zarr(tmp_path / "a.zarr", pixels, chunks=(1, 1, 6, 10, 10))).scenes
    assert_same(scene, pixels)
    assert len(decoded) == 4


@pytest.mark.parametrize(
    ("shape", "chunks", "planes_that_fit", "times"),
    [
        ((1, 1, 6, 20, 20), (1, 1, 6, 10, 10), 6, 1),
        ((1, 1, 6, 20, 20), (1, 1, 6, 10, 10), 3, 2),
        ((1, 1, 7, 20, 20), (1, 1, 6, 10, 10), 5, 2),  # the last chunk holds one plane: twice as well
        ((1, 1, 6, 20, 20), (1, 1, 6, 10, 10), 1, 6),
        ((4, 2, 6, 20, 20), (1, 1, 6, 10, 10), 16, 3),  # eight planes come between two z
        ((4, 2, 6, 20, 20), (1, 1, 6, 10, 10), 7, 6),
        ((4, 3, 2, 20, 20), (2, 3, 1, 10, 10), 4, 3),  # four planes come between two c
        ((4, 3, 2, 20, 20), (4, 1, 1, 10, 10), 4, 1),
        ((4, 3, 2, 20, 20), (4, 1, 1, 10, 10), 2, 2),
    ],
)
def test_in_little_memory_a_chunk_is_decoded_as_seldom_as_the_order_of_planes_allows(
    tmp_path, monkeypatch, decoded, shape, chunks, planes_that_fit, times
):
    """And never once for every plane in it, where a part of it could be kept."""
    from biocodes_crate.images import blocks, omezarr

    memory = planes_that_fit * 20 * 20 * 2
    monkeypatch.setattr(omezarr, "MAX_BYTES", memory)
    for name, value in (("_max_bytes", memory), ("_blocks", OrderedDict()), ("_bytes", 0)):
        monkeypatch.setattr(blocks.shared_blocks, name, value)
    pixels = make_pixels(shape)
    (scene,) = open_image(write_ome_zarr(tmp_path / "a.zarr", pixels, chunks=chunks)).scenes
    for index in scene.planes():
        rows = np.concatenate(list(scene.strips(index)))
        np.testing.assert_array_equal(rows, pixels[index.t, index.c, index.z])
        assert blocks.shared_blocks._bytes <= memory
    counts = {chunk: decoded.count(chunk) for chunk in decoded}
    assert max(counts.values()) == times


def test_a_group_in_a_folder_without_the_name_is_found(tmp_path):
    write_ome_zarr(tmp_path / "acquisition 7", make_pixels((4, 5)), "yx")
    assert is_image(tmp_path / "acquisition 7")
    assert not is_image(tmp_path)


def test_the_path_may_be_relative(tmp_path, monkeypatch):
    write_ome_zarr(tmp_path / "a.zarr", make_pixels((4, 5)), "yx")
    monkeypatch.chdir(tmp_path)
    assert open_image(Path("a.zarr")).scenes[0].plane(PlaneIndex()).shape == (4, 5)
