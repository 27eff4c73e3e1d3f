"""One pass computes everything: small planes in batches, large ones by strips, with bounded memory."""

import threading

import numpy as np
import pytest
from imagewriters import make_pixels, write_ome_tiff, write_ome_zarr

from biocodes_crate.codes import code_image, passes, reduce_plane, tree_code
from biocodes_crate.errors import UnreadableImage
from biocodes_crate.images import open_image
from biocodes_crate.images.model import PlaneIndex


@pytest.fixture
def pixels():
    return make_pixels((2, 2, 3, 70, 50))


@pytest.fixture
def image(tmp_path, pixels):
    return open_image(write_ome_zarr(tmp_path / "a.zarr", pixels, chunks=(1, 1, 1, 16, 50)))


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("limits", [{}, {"_WHOLE_PLANE_BYTES": 0}, {"_BATCH_BYTES": 1}, {"_IN_FLIGHT_BYTES": 0}])
def test_codes_do_not_depend_on_how_the_work_is_cut(image, monkeypatch, workers, limits):
    expected = code_image(image, workers=1)
    monkeypatch.setattr("biocodes_crate.images.omezarr._READ_BYTES", 1)
    for name, value in limits.items():
        monkeypatch.setattr(passes, name, value)
    assert code_image(image, workers=workers) == expected


@pytest.mark.parametrize("large", [False, True])
def test_every_plane_is_shown_once_to_the_observer(image, pixels, monkeypatch, large):
    if large:
        monkeypatch.setattr(passes, "_WHOLE_PLANE_BYTES", 0)
    seen = {}
    lock = threading.Lock()

    def observe(scene, index, reduced):
        with lock:
            assert (scene.index, index) not in seen
            seen[scene.index, index] = reduced

    codes = code_image(image, observe=observe)
    assert [index for _, index in sorted(seen, key=lambda key: key[1])] == sorted(
        p.index for p in codes.scenes[0].planes
    )
    for (_, index), reduced in seen.items():
        plane = pixels[index.t, index.c, index.z]
        assert reduced.factor == 1
        np.testing.assert_array_equal(reduced.pixels, plane.astype(np.float32))


def test_progress_counts_planes_up_to_the_total(image):
    told = []
    code_image(image, on_progress=told.append)
    assert told[-1].done == told[-1].total == 12
    assert [p.done for p in told] == sorted(p.done for p in told)


def test_the_tree_code_is_that_of_the_files(image):
    assert code_image(image).tree == tree_code(image.path)


def test_every_scene_is_coded_by_itself(tmp_path, pixels):
    one = open_image(write_ome_tiff(tmp_path / "a.ome.tif", [pixels, pixels[:1], pixels]))
    codes = code_image(one).scenes
    assert [scene.scene for scene in codes] == [0, 1, 2]
    assert codes[0].iscc == codes[2].iscc != codes[1].iscc
    assert codes[0].planes[0].image_code == codes[1].planes[0].image_code


@pytest.mark.parametrize("large", [False, True])
def test_a_damaged_plane_stops_the_work_with_its_name(tmp_path, pixels, monkeypatch, large):
    if large:
        monkeypatch.setattr(passes, "_WHOLE_PLANE_BYTES", 0)
    path = write_ome_zarr(tmp_path / "a.zarr", pixels, chunks=(1, 1, 1, 70, 50))
    (path / "0" / "c" / "1" / "0" / "2" / "0" / "0").write_bytes(b"damaged")
    with pytest.raises(UnreadableImage, match="z=2, c=0, t=1"):
        code_image(open_image(path))


def test_an_observer_that_fails_stops_the_work(image):
    def observe(scene, index, reduced):
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        code_image(image, observe=observe)


class CountingSource:
    """Knows how many strips were handed out and not yet hashed."""

    chunk_rows = 10

    def __init__(self):
        self.asked = []

    def rows(self, plane: PlaneIndex, start: int, stop: int):
        self.asked.append((plane, start, stop))
        return np.full((stop - start, 1000), start % 251, np.uint16)


def test_a_large_plane_is_read_by_chunk_rows_and_each_row_once(monkeypatch, image):
    from dataclasses import replace

    monkeypatch.setattr(passes, "_WHOLE_PLANE_BYTES", 1000)
    source = CountingSource()
    scene = replace(image.scenes[0], source=source, size_x=1000, size_y=3005, size_z=1, size_c=1, size_t=1)
    reduced = []
    code_image(replace(image, scenes=(scene,)), observe=lambda *args: reduced.append(args[2]))
    assert sorted(source.asked) == [(PlaneIndex(), y, min(y + 10, 3005)) for y in range(0, 3005, 10)]
    whole = np.concatenate([np.full((min(10, 3005 - y), 1000), y % 251, np.uint16) for y in range(0, 3005, 10)])
    np.testing.assert_array_equal(reduced[0].pixels, reduce_plane(whole).pixels)
    assert reduced[0].pixels.shape == (1002, 334)


def test_work_runs_ahead_by_a_bounded_number_of_bytes(monkeypatch):
    monkeypatch.setattr(passes, "_IN_FLIGHT_BYTES", 100)
    started = []
    with passes._Pools(2) as pools:
        works = ((lambda i=i: started.append(i) or i, 40) for i in range(20))
        for taken, result in enumerate(pools.in_order(works)):
            assert result == taken
            assert len(started) <= taken + 4
