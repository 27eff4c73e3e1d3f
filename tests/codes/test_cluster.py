"""On a Dask cluster the same work gives the same codes: against a scheduler and two workers on this machine."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from imagewriters import make_pixels, write_ome_tiff, write_ome_zarr

from biocodes_crate.codes import cluster as module
from biocodes_crate.codes import code_image, connect
from biocodes_crate.errors import MissingExtra, NoCluster, UnreadableImage
from biocodes_crate.images import open_image
from biocodes_crate.tracing import code_and_index

pytestmark = [
    pytest.mark.skipif(importlib.util.find_spec("distributed") is None, reason="distributed is not installed"),
    pytest.mark.filterwarnings("ignore"),  # of distributed and what it rests on
]


@pytest.fixture(scope="module")
def address():
    script = Path(__file__).with_name("dask_cluster.py")
    with subprocess.Popen(
        [sys.executable, script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        yield process.stdout.readline().strip()
        process.communicate("\n", timeout=60)


@pytest.fixture(scope="module")
def cluster(address):
    with connect(address) as connection:
        yield connection


def images(folder: Path) -> list[Path]:
    tifffile.imwrite(folder / "rgb.tif", make_pixels((3, 30, 40, 3), "uint8"), photometric="rgb")
    return [
        write_ome_zarr(folder / "a.zarr", make_pixels((2, 3, 4, 60, 70)), chunks=(1, 1, 2, 16, 70)),
        write_ome_tiff(folder / "b.ome.tif", [make_pixels((2, 1, 3, 50, 40)), make_pixels((1, 1, 1, 1, 9), "float32")]),
        folder / "rgb.tif",
    ]


def test_it_has_two_workers(cluster):
    assert cluster.threads == 2


@pytest.mark.parametrize("task_bytes", [1, 20_000, 2**26], ids=["planes one by one", "groups", "whole scenes"])
def test_codes_and_index_are_those_of_this_machine(cluster, tmp_path, monkeypatch, task_bytes):
    monkeypatch.setattr(module, "_TASK_BYTES", task_bytes)
    monkeypatch.setattr(module, "_TASKS_PER_THREAD", 1000)
    for path in images(tmp_path):
        image = open_image(path)
        assert cluster.code_image(image)[0] == code_image(image)
        here, there = (code_and_index(image, "x", cache=None, cluster=where) for where in (None, cluster))
        assert there[0] == here[0]
        for name, array in here[1].to_arrays().items():
            np.testing.assert_array_equal(there[1].to_arrays()[name], array, err_msg=name)


def test_work_is_split_so_that_each_part_is_seen_once(cluster, tmp_path, monkeypatch):
    monkeypatch.setattr(module, "_TASK_BYTES", 1)
    (scene,) = open_image(images(tmp_path)[0]).scenes
    for stacks in (True, False):
        groups = module._groups(scene, 1000, keep_stacks=stacks)
        assert sorted(index for group in groups for index in group) == sorted(scene.planes())
        assert len(groups) == (6 if stacks else 24)
    assert len(module._groups(scene, 1, keep_stacks=False)) <= 4


def test_progress_counts_every_plane(cluster, tmp_path):
    seen = []
    cluster.code_image(open_image(images(tmp_path)[0]), on_progress=seen.append)
    assert (seen[-1].done, seen[-1].total) == (24, 24)


def test_the_commands_give_the_same_with_and_without_it(address, tmp_path):
    (tmp_path / "images").mkdir()
    for path in images(tmp_path):
        path.rename(tmp_path / "images" / path.name)
        path = tmp_path / "images" / path.name
        outputs = [
            subprocess.run(
                [sys.executable, "-c", "import sys; from biocodes_crate.cli import main; sys.exit(main())", *arguments],
                capture_output=True, text=True, check=True,
            ).stdout
            for arguments in (["code", path, "--simprints"], ["code", path, "--simprints", "--cluster", address])
        ]  # fmt: skip
        assert json.loads(outputs[0]) == json.loads(outputs[1])


def test_a_study_is_built_the_same_with_it(address, tmp_path):
    from datetime import UTC, datetime

    from biocodes_crate.pipeline import build_study

    folder = tmp_path / "here" / "study" / "images"
    folder.mkdir(parents=True)
    images(folder)
    (folder / "broken.tif").write_bytes(b"II*\0")
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    now = datetime(2026, 1, 1, tzinfo=UTC)
    results = [
        build_study(tmp_path / name / "study", use_cache=False, now=now, cluster=at)
        for name, at in (("here", None), ("there", address))
    ]
    for name in ("ro-crate-metadata.json", "codes/planes.parquet"):
        assert (results[0].crate / name).read_bytes() == (results[1].crate / name).read_bytes()
    assert results[0].images == 3
    assert results[0].findings == results[1].findings


def test_an_image_that_a_worker_cannot_read_is_an_error_that_names_it(cluster, tmp_path):
    path = write_ome_zarr(tmp_path / "a.zarr", make_pixels((1, 1, 2, 8, 8)), compressors=None)
    image = open_image(path)
    for chunk in (path / "0" / "c").rglob("*"):
        if chunk.is_file():
            chunk.write_bytes(b"x")
    with pytest.raises(UnreadableImage) as caught:
        cluster.code_image(image)
    assert "a.zarr" in str(caught.value)
    assert caught.value.remedy


def test_another_image_under_the_same_path_is_refused(cluster, tmp_path):
    path = write_ome_tiff(tmp_path / "a.tif", [make_pixels((1, 1, 2, 8, 8))])
    image = open_image(path)
    write_ome_tiff(path, [make_pixels((1, 1, 2, 8, 9))])
    with pytest.raises(UnreadableImage, match="another image"):
        cluster.code_image(image)


def test_an_address_without_a_scheduler_is_an_error(monkeypatch):
    monkeypatch.setattr(module, "_CONNECT_SECONDS", 0.5)
    with pytest.raises(NoCluster, match="no Dask scheduler"), connect("tcp://127.0.0.1:9"):
        pass
    with pytest.raises(NoCluster), connect("nonsense://x"):
        pass


def test_workers_of_another_version_are_refused(address, monkeypatch):
    monkeypatch.setattr(module, "__version__", "0.0.1")
    with pytest.raises(NoCluster, match=r"not 0\.0\.1"), connect(address):
        pass


def test_without_dask_the_command_to_install_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(MissingExtra, match=r"pip install"), connect("tcp://127.0.0.1:8786"):
        pass
