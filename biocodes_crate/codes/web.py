"""Codes of what lies on the web, at an address that the user names."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from biocodes_crate.codes.entry import GENERATOR, entry_for, scene_entry
from biocodes_crate.codes.model import SceneCodes
from biocodes_crate.codes.passes import code_scene
from biocodes_crate.errors import RemoteUnreadable
from biocodes_crate.images import looks_like_image_name, open_web_image
from biocodes_crate.progress import OnProgress, Progress, ignore_progress
from biocodes_crate.remote import NotThere, RemoteFile, Web

WORKERS = 16  # they wait for the server more than they work
_BLOCK = 2**20


def web_entry(
    url: str, simprints: bool = False, on_progress: OnProgress = ignore_progress, *, web: Web | None = None
) -> dict[str, Any]:
    """The IsccEntry of a file or an OME-Zarr folder at an address.

    A file is fetched, coded as one on disk, and removed again. Of an OME-Zarr folder every chunk of
    full resolution is fetched once and kept nowhere; since nobody can list the files of a folder on
    the web, the entry has the codes of its scenes in `parts`, and none of its files.

    Raises
    ------
    RemoteUnreadable
        The server cannot be reached, or refuses; or there is not enough space for a file.
    UnreadableImage
        It is an image and its pixels cannot be read.
    """
    with web or Web() as connection:
        name = unquote(PurePosixPath(urlsplit(url).path).name)
        if not name or _is_folder(connection, url, name):
            return _folder_entry(connection, url, simprints, on_progress)
        with tempfile.TemporaryDirectory(prefix="biocodes-") as folder, connection.open(url) as remote:
            path = Path(folder) / (name if "/" not in name and name not in {".", ".."} else "file")
            _fetch(remote, path, on_progress)
            return {**entry_for(path, simprints, on_progress), "source": url}


def _is_folder(web: Web, url: str, name: str) -> bool:
    """Whether it is an OME-Zarr by its name, or its metadata lies below it."""
    if looks_like_image_name(name):
        return False
    if name.lower().endswith(".zarr") or url.rstrip().endswith("/"):
        return True
    parts = urlsplit(url)
    for metadata in ("zarr.json", ".zattrs"):
        try:
            web.get(parts._replace(path=f"{parts.path}/{metadata}").geturl(), 2**26)
        except NotThere:
            continue
        return True
    return False


def _folder_entry(web: Web, url: str, simprints: bool, on_progress: OnProgress) -> dict[str, Any]:
    image = open_web_image(web, url)
    scenes: list[SceneCodes] = []
    for scene in image.scenes:
        on_progress(Progress("coding scenes", len(scenes), len(image.scenes)))
        scenes.append(code_scene(scene, workers=WORKERS))
    return {
        "source": url,
        "generator": GENERATOR,
        "parts": [scene_entry(scene, simprints=simprints) for scene in scenes],
    }


def _fetch(remote: RemoteFile, path: Path, on_progress: OnProgress) -> None:
    if remote.size > shutil.disk_usage(path.parent).free - 2**28:
        raise RemoteUnreadable(
            f"there is no space for its {remote.size} bytes",
            where=remote.url,
            remedy="Set TMPDIR to a folder with enough space.",
        )
    with path.open("xb") as file:
        while data := remote.read(_BLOCK):
            file.write(data)
            on_progress(Progress("fetching MB", remote.tell() // 10**6, remote.size // 10**6))
