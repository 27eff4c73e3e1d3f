"""TIFF in every layout that people have."""

import contextlib
import tempfile
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from imagewriters import make_pixels, pixel_arrays, planes_in_order, write_ome_tiff

from biocodes_crate.errors import NotAnImage, UnreadableImage
from biocodes_crate.images import ImageFormat, PlaneIndex, open_image


def assert_same(scene, pixels) -> None:
    """The scene holds these (T, C, Z, Y, X) pixels."""
    assert (scene.size_t, scene.size_c, scene.size_z, scene.size_y, scene.size_x) == pixels.shape
    for index, expected in zip(scene.planes(), planes_in_order(pixels), strict=True):
        found = scene.plane(index)
        assert found.dtype == pixels.dtype
        np.testing.assert_array_equal(found, expected)


def read_everything(path) -> None:
    for scene in open_image(path).scenes:
        if scene.plane_count * scene.size_x * scene.size_y < 10**6:
            for index in scene.planes():
                scene.plane(index)


LAYOUTS = [
    {},
    {"rowsperstrip": 2},
    {"compression": "zlib", "rowsperstrip": 3},
    {"compression": "zstd", "predictor": True},
    {"compression": "lzw", "tile": (16, 16)},
    {"tile": (16, 32)},
]


@given(pixels=pixel_arrays(), options=st.sampled_from(LAYOUTS), byteorder=st.sampled_from("<>"))
@settings(max_examples=60, deadline=None)
def test_ome_tiff_keeps_every_plane_in_any_layout(pixels, options, byteorder):
    if options.get("predictor") and pixels.dtype.kind == "f":
        options = {"compression": "zstd"}
    with tempfile.TemporaryDirectory() as folder:
        path = write_ome_tiff(Path(folder) / "a.ome.tif", [pixels], byteorder=byteorder, **options)
        image = open_image(path)
        assert image.format is ImageFormat.OME_TIFF
        assert image.conforms_to == "http://www.openmicroscopy.org/Schemas/OME/2016-06"
        assert_same(image.scenes[0], pixels)


def test_every_series_is_a_scene_with_its_own_size_and_type(tmp_path):
    arrays = [
        make_pixels((1, 2, 3, 5, 6)),
        make_pixels((2, 1, 1, 1, 9), "uint8"),
        make_pixels((1, 1, 1, 4, 1), "float32"),
    ]
    image = open_image(write_ome_tiff(tmp_path / "viele serien ü#.ome.tiff", arrays))
    assert [scene.index for scene in image.scenes] == [0, 1, 2]
    for scene, pixels in zip(image.scenes, arrays, strict=True):
        assert_same(scene, pixels)


def test_pyramids_are_read_at_full_resolution_only(tmp_path):
    pixels = make_pixels((1, 2, 1, 64, 48))
    with tifffile.TiffWriter(tmp_path / "a.ome.tif", ome=True) as tiff:
        options = {"tile": (16, 16), "photometric": "minisblack", "compression": "zlib"}
        tiff.write(pixels, subifds=1, metadata={"axes": "TCZYX"}, **options)
        tiff.write(pixels[..., ::2, ::2], subfiletype=1, **options)
    (scene,) = open_image(tmp_path / "a.ome.tif").scenes
    assert_same(scene, pixels)


def test_a_pyramid_of_plain_pages_has_one_scene(tmp_path):
    pixels = make_pixels((64, 48), "uint8")
    with tifffile.TiffWriter(tmp_path / "a.tif") as tiff:
        tiff.write(pixels, metadata=None)
        tiff.write(pixels[::2, ::2], subfiletype=1, metadata=None)
    (scene,) = open_image(tmp_path / "a.tif").scenes
    assert_same(scene, pixels[None, None, None])


def test_names_colours_and_sizes_come_from_the_ome_xml(tmp_path):
    metadata = {
        "Name": "Zelle Ä",
        "PhysicalSizeX": 65.0,
        "PhysicalSizeXUnit": "nm",
        "PhysicalSizeY": 0.065,
        "PhysicalSizeZ": 0.3,
        "Channel": {"Name": ["DAPI", "GFP"], "Color": [65535, 16711935]},
    }
    path = write_ome_tiff(tmp_path / "a.ome.tif", [make_pixels((1, 2, 1, 4, 5))], metadata=metadata)
    (scene,) = open_image(path).scenes
    assert scene.name == "Zelle Ä"
    assert (scene.physical_size_x, scene.physical_size_y, scene.physical_size_z) == (0.065, 0.065, 0.3)
    assert [(channel.name, channel.color) for channel in scene.channels] == [("DAPI", "0000FF"), ("GFP", "00FF00")]


@pytest.mark.parametrize("axes", ["YX", "ZYX", "CYX", "TYX", "TZCYX"])
def test_imagej_hyperstacks_keep_their_axes_and_sizes(tmp_path, axes):
    sizes = {"T": 2, "Z": 3, "C": 4, "Y": 5, "X": 6}
    pixels = make_pixels([sizes[a] for a in axes])
    metadata = {"axes": axes, "spacing": 0.5, "unit": "um"}
    tifffile.imwrite(tmp_path / "a.tif", pixels, imagej=True, resolution=(4, 4), metadata=metadata)
    (scene,) = open_image(tmp_path / "a.tif").scenes
    full = pixels.transpose([axes.index(a) for a in "TCZYX" if a in axes])
    assert_same(scene, full.reshape([sizes[a] if a in axes else 1 for a in "TCZYX"]))
    assert scene.physical_size_x == 0.25
    assert scene.physical_size_z == 0.5


@pytest.mark.parametrize("options", LAYOUTS)
def test_pages_of_an_unknown_axis_are_read_as_z(tmp_path, options):
    pixels = make_pixels((4, 33, 40))
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="minisblack", metadata=None, **options)
    (scene,) = open_image(tmp_path / "a.tif").scenes
    assert_same(scene, pixels[None, None])


def test_two_unknown_axes_become_z_and_c(tmp_path):
    pixels = make_pixels((2, 3, 4, 5))
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="minisblack")
    assert_same(open_image(tmp_path / "a.tif").scenes[0], pixels.transpose(1, 0, 2, 3)[None])


@pytest.mark.parametrize("planar", [False, True])
@pytest.mark.parametrize("options", LAYOUTS)
@pytest.mark.parametrize("samples", [3, 4])
def test_samples_of_colour_pictures_are_channels(tmp_path, planar, options, samples):
    pixels = make_pixels((2, 21, 19, samples), "uint8")
    stored = np.moveaxis(pixels, -1, 1) if planar else pixels
    extra = {"planarconfig": "separate" if planar else "contig", "extrasamples": ["unassalpha"] if samples == 4 else []}
    tifffile.imwrite(tmp_path / "a.tif", stored, photometric="rgb", metadata=None, **extra, **options)
    (scene,) = open_image(tmp_path / "a.tif").scenes
    assert scene.is_rgb
    assert_same(scene, np.moveaxis(pixels, -1, 0)[None])


@pytest.mark.parametrize("planar", [False, True])
def test_samples_vary_fastest_among_the_channels_of_ome_tiff(tmp_path, planar):
    pixels = make_pixels((2, 2, 9, 8, 3), "uint8")  # C, Z, Y, X, S
    stored = np.moveaxis(pixels, -1, 2) if planar else pixels
    tifffile.imwrite(
        tmp_path / "a.ome.tif",
        stored,
        photometric="rgb",
        planarconfig="separate" if planar else "contig",
        metadata={"axes": "CZSYX" if planar else "CZYXS"},
    )
    (scene,) = open_image(tmp_path / "a.ome.tif").scenes
    expected = np.concatenate([np.moveaxis(channel, -1, 0) for channel in pixels])
    assert_same(scene, expected[None])


def test_a_set_of_files_is_one_image(tmp_path):
    pixels = make_pixels((1, 1, 2, 5, 6))
    names = ["a b_z0.ome.tif", "a b_z1.ome.tif"]
    xml = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"{uuid}><Image ID="Image:0">'
        '<Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="6" SizeY="5" SizeZ="2" SizeC="1" SizeT="1">'
        '<Channel ID="Channel:0:0" SamplesPerPixel="1"/>{data}</Pixels></Image></OME>'
    )
    uuids = [f"urn:uuid:00000000-0000-0000-0000-00000000000{z}" for z in range(2)]
    data = "".join(
        f'<TiffData FirstZ="{z}" IFD="0" PlaneCount="1"><UUID FileName="{name}">{uuid}</UUID></TiffData>'
        for z, (name, uuid) in enumerate(zip(names, uuids, strict=True))
    )
    for z, name in enumerate(names):
        document = xml.format(uuid=f' UUID="{uuids[z]}"', data=data)
        tifffile.imwrite(tmp_path / name, pixels[0, 0, z], description=document, metadata=None)
    for name in names:
        image = open_image(tmp_path / name)
        assert_same(image.scenes[0], pixels)
        assert image.files == tuple(tmp_path / n for n in names)


def test_a_set_cannot_reach_outside_of_its_folder(tmp_path):
    xml = '<OME xmlns="x"><Image><Pixels><TiffData><UUID FileName="{}">u</UUID></TiffData></Pixels></Image></OME>'
    for name in ("../secret.tif", "/etc/secret.tif", "C:\\secret.tif", "a\\..\\..\\b.tif"):
        tifffile.imwrite(tmp_path / "a.ome.tif", make_pixels((4, 4)), description=xml.format(name), metadata=None)
        with pytest.raises(UnreadableImage, match="outside"):
            open_image(tmp_path / "a.ome.tif")


def test_a_part_of_a_set_leads_to_the_file_that_describes_it(tmp_path):
    master = write_ome_tiff(tmp_path / "master.ome.tif", [make_pixels((1, 1, 2, 4, 5))])
    xml = '<OME xmlns="x"><BinaryOnly MetadataFile="{}" UUID="u"/></OME>'
    tifffile.imwrite(tmp_path / "b.ome.tif", make_pixels((4, 5)), description=xml.format(master.name), metadata=None)
    assert open_image(tmp_path / "b.ome.tif").path == master
    tifffile.imwrite(tmp_path / "c.ome.tif", make_pixels((4, 5)), description=xml.format("none.tif"), metadata=None)
    with pytest.raises(UnreadableImage, match="another file"):
        open_image(tmp_path / "c.ome.tif")


@pytest.mark.parametrize("dtype", ["uint64", "float16", "complex64", "bool"])
def test_a_pixel_type_without_a_code_is_refused_by_name(tmp_path, dtype):
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((8, 8), dtype))
    with pytest.raises(UnreadableImage, match=dtype):
        open_image(tmp_path / "a.tif")


def test_printing_resolution_is_no_physical_size(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", make_pixels((4, 5)), resolution=(72, 72), resolutionunit="INCH", metadata=None)
    assert open_image(tmp_path / "a.tif").scenes[0].physical_size_x is None


@pytest.mark.parametrize("options", LAYOUTS)
def test_regions_are_parts_of_the_plane(tmp_path, options):
    pixels = make_pixels((2, 50, 40))
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="minisblack", metadata=None, **options)
    (scene,) = open_image(tmp_path / "a.tif").scenes
    np.testing.assert_array_equal(scene.region(PlaneIndex(1, 0, 0), 5, 11, 20, 30), pixels[1, 11:41, 5:25])
    np.testing.assert_array_equal(np.concatenate(list(scene.strips(PlaneIndex(1, 0, 0)))), pixels[1])


@pytest.mark.parametrize("options", LAYOUTS)
@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.7, 0.95])
def test_a_file_cut_short_is_an_error_and_never_pixels(tmp_path, options, share):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, make_pixels((3, 64, 64)), photometric="minisblack", metadata=None, **options)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(UnreadableImage) as caught:
        read_everything(path)
    assert caught.value.where == path


@pytest.mark.parametrize("length", [1, 150])
def test_a_chain_of_pages_that_runs_in_a_circle_is_refused(tmp_path, length):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, make_pixels((length, 4, 4)), photometric="minisblack", metadata=None)
    with tifffile.TiffFile(path) as tiff:
        offsets = [page.offset for page in tiff.pages]
    data = bytearray(path.read_bytes())
    tags = int.from_bytes(data[offsets[-1] : offsets[-1] + 2], "little")
    at = offsets[-1] + 2 + 12 * tags
    data[at : at + 4] = offsets[0].to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(UnreadableImage, match="circle"):
        open_image(path)


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_noise_in_the_file_gives_pixels_or_our_error(data):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.ome.tif"
        write_ome_tiff(path, [make_pixels((1, 2, 1, 16, 16))], compression="zlib")
        content = bytearray(path.read_bytes())
        for at in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=8)):
            content[at] = data.draw(st.integers(0, 255))
        path.write_bytes(content)
        with contextlib.suppress(UnreadableImage):
            read_everything(path)


def test_text_called_tif_is_no_image(tmp_path):
    (tmp_path / "a.tif").write_text("hello")
    with pytest.raises(NotAnImage):
        open_image(tmp_path / "a.tif")
