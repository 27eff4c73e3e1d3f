"""What lies on the web has the codes that it has on disk; only what the user named is fetched."""

from __future__ import annotations

import json
import threading
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import numpy as np
import pytest
from imagewriters import make_pixels, write_ome_tiff, write_ome_zarr, zip_folder

from biocodes_crate.cli.app import app
from biocodes_crate.codes import code_image, entry_for, web_entry
from biocodes_crate.errors import BiocodesError, NotAnImage, RemoteUnreadable, UnreadableImage
from biocodes_crate.images import open_image, open_web_image
from biocodes_crate.remote import Web

URL = "https://data.example.org/public/a.ome.zarr"


class Served:
    """A server of files below an address; counts what is asked for."""

    def __init__(self, folder: Path, *, ranges: bool = True) -> None:
        self.folder, self.ranges = folder, ranges
        self.asked: list[str] = []
        self.fail: dict[str, int] = {}  # status by end of the path
        self._lock = threading.Lock()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        with self._lock:
            self.asked.append(path)
        assert request.url.host == "data.example.org"
        assert request.method == "GET"
        for end, status in self.fail.items():
            if path.endswith(end):
                return httpx.Response(status)
        file = self.folder / path.removeprefix("/public/")
        if not file.is_file():
            return httpx.Response(404)
        content, headers, status = file.read_bytes(), {}, 200
        wanted = request.headers.get("range")
        if wanted and self.ranges:
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            start = int(first) if first else len(content) - int(last)
            stop = int(last) + 1 if first else len(content)
            headers = {"content-range": f"bytes {start}-{min(stop, len(content)) - 1}/{len(content)}"}
            content, status = content[start:stop], 206
        return httpx.Response(status, stream=httpx.ByteStream(content), headers=headers)

    def web(self) -> Web:
        return Web(httpx.MockTransport(self), sleep=lambda _seconds: None)


LAYOUTS = [
    {"version": "0.4"},
    {"version": "0.5"},
    {"chunks": (1, 1, 1, 16, 16), "compressors": None},
    {"chunks": (1, 1, 1, 8, 8), "shards": (1, 1, 2, 16, 16)},
]


@pytest.mark.parametrize("ranges", [True, False])
@pytest.mark.parametrize("options", LAYOUTS)
def test_scenes_on_the_web_have_the_codes_that_they_have_on_disk(tmp_path, options, ranges):
    path = write_ome_zarr(tmp_path / "a.ome.zarr", make_pixels((2, 1, 2, 16, 32)), levels=("s0", "1 ü"), **options)
    served = Served(tmp_path, ranges=ranges)
    entry = web_entry(URL, simprints=True, web=served.web())
    assert entry["parts"] == entry_for(path, simprints=True)["parts"]
    assert entry["source"] == URL
    assert "iscc_code" not in entry  # the files of a folder cannot be listed
    assert all(asked.startswith("/public/a.ome.zarr/") for asked in served.asked)
    assert not any("1 ü/c" in asked for asked in served.asked)  # lower levels are not read


def test_every_chunk_is_fetched_once(tmp_path):
    write_ome_zarr(tmp_path / "a.ome.zarr", make_pixels((2, 1, 2, 16, 32)), chunks=(1, 1, 2, 16, 16))
    served = Served(tmp_path)
    web_entry(URL, web=served.web())
    chunks = [asked for asked in served.asked if "/0/c/" in asked]
    assert len(chunks) == len(set(chunks)) == 4


def test_chunks_that_are_not_there_are_the_fill_value_and_others_are_not(tmp_path):
    path = write_ome_zarr(tmp_path / "a.ome.zarr", make_pixels((1, 1, 2, 8, 8)), chunks=(1, 1, 1, 8, 8), fill_value=7)
    (path / "0" / "c" / "0" / "0" / "1" / "0" / "0").unlink()
    served = Served(tmp_path)
    with served.web() as web:
        assert code_image(open_image(path)).scenes[0].iscc == web_entry(URL, web=web)["parts"][0]["iscc_code"]
    for status in (403, 500):  # a refusal is no missing chunk: it must never become pixels
        served.fail = {"/0/c/0/0/0/0/0": status}
        with pytest.raises(RemoteUnreadable):
            web_entry(URL, web=served.web())


def test_regions_read_only_the_chunks_that_they_touch(tmp_path):
    pixels = make_pixels((1, 1, 1, 32, 32))
    write_ome_zarr(tmp_path / "a.ome.zarr", pixels, chunks=(1, 1, 1, 8, 8))
    served = Served(tmp_path)
    with served.web() as web:
        (scene,) = open_web_image(web, URL).scenes
        np.testing.assert_array_equal(scene.region(next(scene.planes()), 9, 1, 3, 4), pixels[0, 0, 0, 1:5, 9:12])
    assert sum("/0/c/" in asked for asked in served.asked) == 1


@pytest.mark.parametrize("name", ["b.tif", "c.ozx", "notes.txt"])
def test_files_are_fetched_and_have_the_entry_that_they_have_on_disk(tmp_path, name):
    if name == "b.tif":
        write_ome_tiff(tmp_path / name, [make_pixels((1, 1, 2, 30, 40))])
    elif name == "c.ozx":
        zip_folder(write_ome_zarr(tmp_path / "x.zarr", make_pixels((1, 1, 1, 8, 8))), tmp_path / name)
    else:
        (tmp_path / name).write_text("not much")
    url = f"https://data.example.org/public/{name}"
    entry = web_entry(url, web=Served(tmp_path).web())
    assert entry.pop("source") == url
    assert entry == entry_for(tmp_path / name)


def test_a_folder_without_the_name_is_known_by_its_metadata(tmp_path):
    path = write_ome_zarr(tmp_path / "6001240", make_pixels((1, 1, 1, 8, 8)), version="0.4")
    url = "https://data.example.org/public/6001240"
    assert web_entry(url, web=Served(tmp_path).web())["parts"] == entry_for(path)["parts"]


def test_metadata_cannot_lead_elsewhere(tmp_path):
    path = write_ome_zarr(tmp_path / "a.ome.zarr", make_pixels((1, 1, 1, 8, 8)))
    document = json.loads((path / "zarr.json").read_text())
    for evil in ("../secret", "https://evil.example.org/x", "//evil.example.org/x", "?x=1", "#y", "a/%2e%2e/%2e%2e/b"):
        document["attributes"]["ome"]["multiscales"][0]["datasets"][0]["path"] = evil
        (path / "zarr.json").write_text(json.dumps(document))
        served = Served(tmp_path)
        with pytest.raises(BiocodesError):
            web_entry(URL, web=served.web())
        assert all(asked.startswith("/public/a.ome.zarr/") for asked in served.asked)


def test_a_chunk_larger_than_it_can_be_is_not_read(tmp_path):
    path = write_ome_zarr(tmp_path / "a.ome.zarr", make_pixels((1, 1, 1, 8, 8)))
    (path / "0" / "c" / "0" / "0" / "0" / "0" / "0").write_bytes(bytes(10**6))
    with pytest.raises((RemoteUnreadable, UnreadableImage)):
        web_entry(URL, web=Served(tmp_path).web())


def test_nothing_there_is_an_error_that_names_the_address(tmp_path):
    with pytest.raises((NotAnImage, RemoteUnreadable)) as caught:
        web_entry(URL, web=Served(tmp_path).web())
    assert "a.ome.zarr" in str(caught.value)
    with pytest.raises(RemoteUnreadable):
        web_entry("https://data.example.org/public/none.tif", web=Served(tmp_path).web())


def test_the_command_takes_an_address(tmp_path, capsys):
    """Against a real server of this machine, which gives no ranges."""

    class Quiet(SimpleHTTPRequestHandler):
        def __init__(self, *args, **options):
            super().__init__(*args, directory=str(tmp_path), **options)

        def log_message(self, *_args):
            pass

    path = write_ome_zarr(tmp_path / "a.ome.zarr", make_pixels((1, 2, 1, 16, 16)))
    with ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            with pytest.raises(SystemExit) as ended:
                app(["code", f"http://127.0.0.1:{server.server_port}/a.ome.zarr"])
        finally:
            server.shutdown()
            thread.join()
    assert ended.value.code == 0
    assert json.loads(capsys.readouterr().out)["parts"] == entry_for(path)["parts"]
