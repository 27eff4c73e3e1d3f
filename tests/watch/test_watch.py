"""Acquisitions are coded once, when they are finished, whatever happens to the watcher."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pytest
from imagewriters import make_pixels, write_ome_tiff, write_ome_tiff_set, write_ome_zarr
from PIL import Image as Pillow

from biocodes_crate.codes import CodeCache, entry_for
from biocodes_crate.errors import CannotWrite, NotAStudy
from biocodes_crate.watch import Event, Happened, Rhythm, read_sidecar, sidecar_path, watch_folder
from biocodes_crate.watch import watch as watching

QUICK = Rhythm(interval=0.02, settle=0.05, patience=3600)


def once(root: Path, rhythm: Rhythm = QUICK, **options) -> list[Event]:
    """What one run in `--once` reports."""
    events: list[Event] = []
    watch_folder(root, once=True, rhythm=rhythm, on_event=events.append, **options)
    return events


def coded(events: list[Event]) -> list[str]:
    return [event.path.name for event in events if event.happened is Happened.CODED]


def tiff(path: Path, seed: int = 0, side: int = 20) -> Path:
    return write_ome_tiff(path, [make_pixels((1, 1, 2, side, side), seed=seed)])


def without_ours(path: Path) -> dict:
    entry = json.loads(path.read_bytes())
    entry.pop("metadata")
    return entry


def test_files_and_folders_get_the_entry_that_crate_code_prints(tmp_path):
    image = tiff(tmp_path / "a.ome.tif")
    store = write_ome_zarr(tmp_path / "sub" / "b.ome.zarr", make_pixels((1, 1, 2, 20, 30)))
    Pillow.fromarray(make_pixels((30, 40), "uint8")).save(tmp_path / "c.png")
    (tmp_path / "notes.txt").write_text("no image")
    (tmp_path / ".hidden.tif").write_bytes(image.read_bytes())
    assert coded(once(tmp_path)) == ["a.ome.tif", "c.png", "b.ome.zarr"]
    for path in (image, store, tmp_path / "c.png"):
        assert without_ours(sidecar_path(path)) == entry_for(path)
    assert {path.name for path in tmp_path.rglob("*.iscc.json")} == {
        "a.ome.tif.iscc.json", "b.ome.zarr.iscc.json", "c.png.iscc.json",
    }  # fmt: skip


def test_simprints_list_every_plane(tmp_path):
    image = tiff(tmp_path / "a.ome.tif")
    once(tmp_path, simprints=True)
    assert without_ours(sidecar_path(image)) == entry_for(image, simprints=True)


def test_nothing_is_coded_twice(tmp_path):
    tiff(tmp_path / "a.ome.tif")
    assert coded(once(tmp_path)) == ["a.ome.tif"]
    assert once(tmp_path) == []


def test_what_changed_is_coded_again(tmp_path):
    path = tiff(tmp_path / "a.ome.tif")
    once(tmp_path)
    tiff(path, seed=1, side=21)
    assert coded(once(tmp_path)) == ["a.ome.tif"]
    assert without_ours(sidecar_path(path)) == entry_for(path)


def test_a_chunk_that_changed_is_seen_after_a_restart(tmp_path):
    store = write_ome_zarr(tmp_path / "a.zarr", make_pixels((1, 1, 1, 8, 8)), compressors=None)
    once(tmp_path)
    chunk = next(path for path in (store / "0" / "c").rglob("*") if path.is_file())
    data = bytearray(chunk.read_bytes())
    data[0] ^= 1
    chunk.write_bytes(data)
    assert coded(once(tmp_path)) == ["a.zarr"]
    assert without_ours(sidecar_path(store)) == entry_for(store)


def test_the_same_content_keeps_when_it_was_first_coded(tmp_path, monkeypatch):
    path = tiff(tmp_path / "a.ome.tif")
    once(tmp_path)
    first = read_sidecar(sidecar_path(path))
    document = json.loads(sidecar_path(path).read_bytes())
    document["metadata"]["biocodes-crate"] |= {"computed": "2020-01-01T00:00:00+00:00", "software": "biocodes-crate 0"}
    sidecar_path(path).write_text(json.dumps(document))
    os.utime(path, (1, 1))
    assert coded(once(tmp_path)) == ["a.ome.tif"]
    again = read_sidecar(sidecar_path(path))
    assert again.codes == first.codes
    assert (again.computed, again.software) == ("2020-01-01T00:00:00+00:00", "biocodes-crate 0")
    assert once(tmp_path) == []


def test_a_file_that_grows_is_left_for_the_next_time(tmp_path):
    whole = tiff(tmp_path / "whole.tif").read_bytes()
    (tmp_path / "whole.tif").unlink()
    growing = tmp_path / "a.tif"
    stop = threading.Event()

    def grow() -> None:
        while not stop.is_set():
            with growing.open("ab") as file:
                file.write(whole[:100])
            time.sleep(0.01)

    growing.write_bytes(b"")
    thread = threading.Thread(target=grow)
    thread.start()
    try:
        assert once(tmp_path, Rhythm(0.05, 0.2)) == []
    finally:
        stop.set()
        thread.join()
    growing.write_bytes(whole)
    assert coded(once(tmp_path)) == ["a.tif"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells who has a file open")
def test_what_another_program_has_open_for_writing_is_left_alone(tmp_path):
    path = tiff(tmp_path / "a.tif")
    store = write_ome_zarr(tmp_path / "b.zarr", make_pixels((1, 1, 1, 8, 8)))
    chunk = next(file for file in (store / "0" / "c").rglob("*") if file.is_file())
    hold = "import sys; files = [open(name, 'r+b') for name in sys.argv[1:]]; print('open', flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", hold, path, chunk], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as writer:
        writer.stdout.readline()
        assert once(tmp_path) == []
        writer.communicate("\n")
    assert coded(once(tmp_path)) == ["a.tif", "b.zarr"]


def test_half_a_file_is_told_once_and_coded_when_it_is_whole(tmp_path):
    whole = tiff(tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(whole[: len(whole) // 2])
    (event,) = once(tmp_path)
    assert event.happened is Happened.FAILED
    assert not sidecar_path(tmp_path / "a.tif").exists()
    assert watch_folder(tmp_path, once=True, rhythm=QUICK) == 1
    (tmp_path / "a.tif").write_bytes(whole)
    assert coded(once(tmp_path)) == ["a.tif"]


def test_a_store_without_its_metadata_or_chunks_waits_for_them(tmp_path):
    store = write_ome_zarr(
        tmp_path / "made.zarr", make_pixels((1, 1, 4, 8, 8)), chunks=(1, 1, 1, 8, 8), compressors=None
    )
    half = tmp_path / "in" / "a.zarr"
    shutil.copytree(store, half)
    (half / "zarr.json").unlink()
    assert [event.happened for event in once(tmp_path / "in")] == [Happened.FAILED]
    shutil.copy(store / "zarr.json", half)
    (half / "0" / "c" / "0" / "0" / "3" / "0" / "0").unlink()
    assert [event.happened for event in once(tmp_path / "in")] == [Happened.WAITING]
    assert not sidecar_path(half).exists()
    # Writers leave out empty chunks: in the end it is coded all the same.
    assert coded(once(tmp_path / "in", Rhythm(0.02, 0.05, 0.1))) == ["a.zarr"]


def test_an_acquisition_that_changes_while_it_is_coded_gets_no_code(tmp_path, monkeypatch):
    path = tiff(tmp_path / "a.tif")
    real = watching.code_and_index

    def code_and_change(*args, **options):
        made = real(*args, **options)
        with path.open("ab") as file:
            file.write(b"more")
        return made

    monkeypatch.setattr(watching, "code_and_index", code_and_change)
    assert once(tmp_path) == []
    assert not sidecar_path(path).exists()


def test_an_acquisition_that_is_moved_while_it_is_coded_is_no_failure(tmp_path, monkeypatch):
    path = tiff(tmp_path / "a.tif")
    real = watching.open_image

    def moved(there):
        if there == path:
            path.rename(tmp_path / "b.tif")
        return real(there)

    monkeypatch.setattr(watching, "open_image", moved)
    assert once(tmp_path) == []
    assert coded(once(tmp_path)) == ["b.tif"]


def test_a_renamed_acquisition_takes_its_sidecar_along(tmp_path, monkeypatch):
    path = tiff(tmp_path / "a.tif")
    store = write_ome_zarr(tmp_path / "b.zarr", make_pixels((1, 1, 1, 8, 8)))
    once(tmp_path)
    before = {name: read_sidecar(sidecar_path(tmp_path / name)) for name in ("a.tif", "b.zarr")}
    (tmp_path / "done").mkdir()
    path.rename(tmp_path / "done" / "c.tif")
    store.rename(tmp_path / "d.zarr")
    monkeypatch.setattr(watching, "code_and_index", None)  # nothing is coded
    events = once(tmp_path)
    assert {(e.happened, e.path.name) for e in events} == {(Happened.RENAMED, "c.tif"), (Happened.RENAMED, "d.zarr")}
    assert read_sidecar(sidecar_path(tmp_path / "done" / "c.tif")) == before["a.tif"]
    assert read_sidecar(sidecar_path(tmp_path / "d.zarr")) == before["b.zarr"]
    assert len(list(tmp_path.rglob("*.iscc.json"))) == 2


def test_a_set_of_files_is_one_acquisition(tmp_path):
    write_ome_tiff_set(tmp_path, make_pixels((1, 1, 4, 16, 16)))
    assert coded(once(tmp_path)) == ["s0.ome.tif"]
    assert once(tmp_path) == []
    assert without_ours(tmp_path / "s0.ome.tif.iscc.json")["parts"] == entry_for(tmp_path / "s0.ome.tif")["parts"]
    os.utime(tmp_path / "s1.ome.tif", (1, 1))
    assert coded(once(tmp_path)) == ["s0.ome.tif"]


def test_a_sidecar_of_somebody_else_is_never_touched(tmp_path):
    path = tiff(tmp_path / "a.tif")
    sidecar_path(path).write_text('{"iscc_code": "theirs"}')
    (event,) = once(tmp_path)
    assert event.happened is Happened.FAILED
    assert "did not write" in event.message
    assert sidecar_path(path).read_text() == '{"iscc_code": "theirs"}'


def test_symbolic_links_are_not_followed(tmp_path):
    outside = tiff(tmp_path / "outside.tif")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "link.tif").symlink_to(outside)
    (tmp_path / "in" / "folder").symlink_to(tmp_path)
    assert once(tmp_path / "in") == []


def test_two_watchers_do_not_share_a_folder(tmp_path):
    pytest.importorskip("fcntl")
    from biocodes_crate.watch.lock import only_watcher

    with only_watcher(tmp_path), pytest.raises(CannotWrite, match="another"):
        once(tmp_path)
    once(tmp_path)


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(NotAStudy):
        once(tmp_path / "nowhere")


@pytest.mark.parametrize("notifies", [True, False], ids=["with notifications", "by looking again"])
def test_it_goes_on_watching_until_it_is_stopped(tmp_path, monkeypatch, notifies):
    if not notifies:
        from contextlib import nullcontext

        monkeypatch.setattr(watching, "notified", lambda root: nullcontext(None))
    stop, events = threading.Event(), []
    came = threading.Semaphore(0)

    def on_event(event: Event) -> None:
        events.append(event)
        came.release()

    thread = threading.Thread(
        target=watch_folder, args=(tmp_path,), kwargs={"rhythm": QUICK, "on_event": on_event, "stop": stop}
    )
    thread.start()
    try:
        (tmp_path / "new").mkdir()
        for n in range(3):
            tiff(tmp_path / "new" / f"{n}.tif", seed=n)
            assert came.acquire(timeout=120)
        store = write_ome_zarr(tmp_path / "b.zarr", make_pixels((1, 1, 1, 8, 8)), compressors=None)
        assert came.acquire(timeout=120)
        if notifies:  # far below, nothing shows at the top of the folder
            chunk = next(path for path in (store / "0" / "c").rglob("*") if path.is_file())
            chunk.write_bytes(bytes(len(chunk.read_bytes())))
            assert came.acquire(timeout=120)
    finally:
        stop.set()
        thread.join()
    expected = ["0.tif", "1.tif", "2.tif", "b.zarr"] + (["b.zarr"] if notifies else [])
    assert coded(events) == expected


def test_folders_in_new_folders_are_notified_though_watchdog_meets_them_twice(tmp_path):
    """Of which watchdog 7 warns in its thread, which then ends."""
    if int(version("watchdog").partition(".")[0]) < 7:
        pytest.skip("the watchdog that is installed is older than 7, which is the first that meets folders twice")
    if not sys.platform.startswith("linux"):
        pytest.skip("only inotify, of Linux, meets folders twice")
    from watchdog.observers.inotify_c import InotifyFD

    from biocodes_crate.watch.notify import notified

    twice = InotifyFD.add_callback

    def add_twice(self, *args):
        twice(self, *args)
        return twice(self, *args)

    with pytest.MonkeyPatch.context() as patch, notified(tmp_path) as changes:
        patch.setattr(InotifyFD, "add_callback", add_twice)
        for n in range(3):
            (tmp_path / f"new{n}").mkdir()
            (tmp_path / f"new{n}" / "a.tif").write_bytes(b"")
            seen = set()
            deadline = time.monotonic() + 60
            while tmp_path / f"new{n}" / "a.tif" not in seen and time.monotonic() < deadline:
                changes.wait(1)
                seen |= changes.take()
            assert tmp_path / f"new{n}" / "a.tif" in seen


def test_too_many_folders_for_notifications_leave_looking_again(tmp_path, monkeypatch):
    from watchdog.observers import Observer

    from biocodes_crate.watch.notify import notified

    def full(self):
        raise OSError(28, "inotify watch limit reached")

    monkeypatch.setattr(Observer, "start", full)
    with notified(tmp_path) as changes:
        assert changes is None


def test_codes_are_kept_for_build(tmp_path):
    (tmp_path / "in").mkdir()
    path = tiff(tmp_path / "in" / "a.tif")
    cache = CodeCache(tmp_path / "cache")
    once(tmp_path / "in", cache=cache)
    from biocodes_crate.images import open_image
    from biocodes_crate.tracing import code_and_index

    image = open_image(path)
    path.chmod(0)  # whoever reads pixels now fails, unless root
    codes, index = code_and_index(image, "other/name.tif", cache=cache)
    path.chmod(0o600)
    assert codes.tree.iscc == read_sidecar(sidecar_path(path)).entry["iscc_code"]
    assert index.image == "other/name.tif"
    assert cache.size() > 0


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_killed_at_any_moment_it_codes_every_file_once_and_leaves_no_partial_sidecar(tmp_path):
    folder = tmp_path / "in"
    (folder / "sub").mkdir(parents=True)
    paths = [tiff(folder / ("sub" if n % 2 else "") / f"{n}.tif", seed=n, side=60) for n in range(14)]
    paths += [write_ome_zarr(folder / f"{n}.zarr", make_pixels((1, 1, 1, 40, 40), seed=n)) for n in range(4)]
    script = Path(__file__).with_name("killed_watchers.py")
    done = subprocess.run(
        [sys.executable, script, folder, "30", "0"], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 5, "hardly any watcher was killed before it was done"
    for path in paths:
        assert without_ours(sidecar_path(path)) == entry_for(path)
    left = {path.name for path in folder.rglob("*") if ".zarr/" not in path.as_posix()}
    assert left == {"sub", *(path.name for path in paths), *(f"{path.name}.iscc.json" for path in paths)}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux tells who has a file open")
def test_killed_while_files_come_and_move_it_codes_every_file_once(tmp_path):
    """Watchers that go on, every other one without notifications; a file that was moved keeps its code."""
    folder, made = tmp_path / "in", tmp_path / "made"
    (folder / "sub").mkdir(parents=True)
    made.mkdir()
    for n in range(40):
        tiff(made / f"{n}.tif", seed=n)
    for n in range(8):
        write_ome_zarr(made / f"{n}.zarr", make_pixels((1, 1, 1, 8, 8), seed=100 + n))
    script = Path(__file__).with_name("killed_while_files_move.py")
    done = subprocess.run(
        [sys.executable, script, folder, made, "16", "0"], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["killed"] == 16
    events = once(folder)
    coded_before = [iscc for happened, iscc in told["events"] if happened == "coded"]
    coded_now = [event.iscc for event in events if event.happened is Happened.CODED]
    assert len({*coded_before, *coded_now}) == len(coded_before) + len(coded_now), "a file was coded twice"
    assert not [event for event in events if event.happened is Happened.FAILED]
    images = [*folder.rglob("*.tif"), *folder.rglob("*.zarr")]
    for path in images:
        assert without_ours(sidecar_path(path)) == entry_for(path)
    left = {path.name for path in folder.rglob("*") if ".zarr/" not in path.as_posix()}
    assert left == {"sub", *(path.name for path in images), *(f"{path.name}.iscc.json" for path in images)}


class Killed(BaseException):
    """Stands for SIGKILL: nothing below it is to clean up."""


@pytest.mark.parametrize("step", ["open", "fsync", "before the move", "after the move"])
def test_killed_while_a_sidecar_is_written_it_leaves_the_sidecar_whole_or_not_there(tmp_path, step):
    pytest.importorskip("fcntl")
    path = tiff(tmp_path / "a.tif")
    script = f"""
import os, sys
from pathlib import Path
from biocodes_crate.watch import Rhythm, watch_folder
step = {step!r}
if step == "fsync":
    os.fsync = lambda _file: os._exit(9)
elif step == "open":
    real = Path.open
    def opened(self, mode="r", *args, **options):
        file = real(self, mode, *args, **options)
        if mode == "xb":
            os._exit(9)
        return file
    Path.open = opened
else:
    replace = Path.replace
    def moved(self, target):
        if self.name.startswith(".iscc-"):
            if step == "after the move":
                replace(self, target)
            os._exit(9)
        return replace(self, target)
    Path.replace = moved
watch_folder(Path(sys.argv[1]), once=True, rhythm=Rhythm(0.02, 0.05))
"""
    done = subprocess.run([sys.executable, "-c", script, tmp_path], check=False)
    assert done.returncode == 9
    assert sidecar_path(path).exists() == (step == "after the move")
    assert coded(once(tmp_path)) == ([] if step == "after the move" else ["a.tif"])
    assert without_ours(sidecar_path(path)) == entry_for(path)
    assert {file.name for file in tmp_path.iterdir()} == {"a.tif", "a.tif.iscc.json"}


def test_thousands_of_files_are_found_at_once(tmp_path, monkeypatch):
    """Done files are told by their sidecars alone; nothing is opened."""
    from biocodes_crate.watch.acquisitions import state_of
    from biocodes_crate.watch.sidecar import Sidecar, write_sidecar

    monkeypatch.setattr(os, "fsync", lambda _file: None)
    for n in range(2000):
        path = tmp_path / f"{n}.tif"
        path.write_bytes(b"")
        state = state_of([path])
        write_sidecar(
            sidecar_path(path),
            Sidecar(
                {"iscc_code": "x", "parts": []},
                "2026-01-01T00:00:00+00:00",
                "biocodes-crate 0",
                state.digest,
                state.inode,
            ),
        )
    new = tiff(tmp_path / "new.tif")
    assert [event.path for event in once(tmp_path)] == [new]
    assert np.unique([path.suffix for path in tmp_path.iterdir()]).tolist() == [".json", ".tif"]
