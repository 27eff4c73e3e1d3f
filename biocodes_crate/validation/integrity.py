"""Integrity: every file is there, and its size and codes, recomputed from bytes and pixels, are as stated."""

from __future__ import annotations

import json
import zipfile
import zlib
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from threading import Event
from typing import Any

from biocodes_crate.codes import ImageCodes, TreeCode, code_image, read_plane_table
from biocodes_crate.crate import (
    EDGES_FILE,
    GENERATED,
    PLANES_TABLE,
    PlaneKey,
    display,
    edges_jsonld,
    id_to_path,
)
from biocodes_crate.crate.entities import Entity, Index, integer, text, types
from biocodes_crate.crate.parsing import parse_metadata
from biocodes_crate.crate.sources import plane_id
from biocodes_crate.errors import BiocodesError, UnsafePath
from biocodes_crate.images import Image
from biocodes_crate.progress import OnProgress, Progress
from biocodes_crate.study.files import is_litter
from biocodes_crate.tracing.model import PlaneRef
from biocodes_crate.validation.rules import Findings
from biocodes_crate.validation.structure import data_entities, is_absolute
from biocodes_crate.validation.workspace import Workspace

UNREADABLE = (BiocodesError, OSError, zipfile.BadZipFile, zlib.error, EOFError, MemoryError)
"""What reading somebody's bytes may raise, which is a finding here."""

_MAX_EDGES_FILE = 1 << 28  # bytes


class _StoppedError(Exception):
    """Ends the hashing of the payload, whose code nobody asks for any more."""


@dataclass(slots=True)
class _Checker:
    workspace: Workspace
    index: Index
    root: Entity
    files: dict[str, Entity]  # data entities of the crate itself, by path
    found: Findings
    on_progress: OnProgress
    codes: dict[str, ImageCodes] = field(default_factory=dict)  # of images, by path
    payload: Future[TreeCode] | None = None  # its code, computed beside the others
    stopped: Event = field(default_factory=Event)  # nobody waits for it any more

    def check_presence(self) -> None:
        """(1) Every file of the metadata is there, and of its size. (2) No other file is."""
        crate = self.workspace.crate
        for path, entity in self.files.items():
            folder = "Dataset" in types(entity)
            if not (crate.is_folder(path) if folder else path in crate.files()):
                what = "is a link, which is not followed" if self.workspace.is_odd(path) else "is not in the crate"
                self.found.add("file-missing", entity["@id"], f"{display(path)} {what}", key="@id")
            elif not folder and (size := text(entity, "contentSize")) is not None:
                actual = crate.size(path)
                if size.strip() != str(actual):
                    message = f"'contentSize' is {size}, but the file has {actual} bytes"
                    self.found.add("size-differs", entity["@id"], message, key="contentSize")
        for path in crate.files():
            if not _covered(path, self.files) and not _of_no_interest(path):
                self.found.add("file-unlisted", display(path), "is in the crate, but not in its metadata")

    def check_codes(self) -> None:
        """(3) The bytes of every file and the pixels of every image give the stated codes."""
        present = [path for path in self.files if self.workspace.crate.exists(path)]
        for done, path in enumerate(present):
            self.on_progress(Progress("checking files", done, len(present)))
            entity = self.files[path]
            kinds = types(entity)
            try:
                if "ImageObject" in kinds and "figurePage" not in entity:
                    self._check_image(path, entity)
                elif "ImageObject" in kinds:
                    self._check_figure(path, entity)
                elif "File" in kinds and (code := text(entity, "iscc_code")) is not None:
                    self._compare(entity, "iscc_code", code, self.workspace.tree_code(path).iscc, "code-differs")
            except UNREADABLE as error:
                self._unreadable(path, entity, error)
            self.workspace.release(path)
        self.on_progress(Progress("checking files", len(present), len(present)))

    def _check_image(self, path: str, entity: Entity) -> None:
        scenes = [scene for scene in self.index.follow(entity, "hasPart") if "ImageScene" in types(scene)]
        if not scenes:  # it could not be read when the crate was made: its bytes can be told all the same
            if (code := text(entity, "iscc_code")) is not None:
                self._compare(entity, "iscc_code", code, self.workspace.tree_code(path).iscc, "code-differs")
            return
        try:
            image = self.workspace.image(path)
            codes = code_image(image, tree=partial(self.workspace.tree_code, path))
        except UNREADABLE as error:
            if (code := text(entity, "iscc_code")) is not None:
                self._compare(entity, "iscc_code", code, self.workspace.tree_code(path).iscc, "code-differs")
            self._unreadable(path, entity, error)
            return
        self.codes[path] = codes
        if (code := text(entity, "iscc_code")) is not None:
            self._compare(entity, "iscc_code", code, codes.tree.iscc, "code-differs")
        by_index = {integer(scene, "sceneIndex"): scene for scene in scenes}
        for scene_codes in codes.scenes:
            scene = by_index.pop(scene_codes.scene, None)
            if scene is None:
                message = f"the image has a scene {scene_codes.scene}, which the metadata lacks"
                self.found.add("scene-differs", entity["@id"], message, key="hasPart")
                continue
            self._check_sizes(scene, image)
            if (code := text(scene, "iscc_code")) is not None:
                self._compare(scene, "iscc_code", code, scene_codes.iscc, "scene-code-differs")
        for scene in by_index.values():
            self.found.add("scene-differs", scene["@id"], "the image has no such scene", key="sceneIndex")

    def _check_sizes(self, scene: Entity, image: Image) -> None:
        actual = next(one for one in image.scenes if one.index == integer(scene, "sceneIndex"))
        expected: dict[str, Any] = {f"size{axis}": getattr(actual, f"size_{axis.lower()}") for axis in "XYZCT"}
        expected["pixelType"] = actual.dtype.name
        for key, value in expected.items():
            stated = text(scene, key) if key == "pixelType" else integer(scene, key)
            if stated is not None and stated != value:
                self.found.add(
                    "scene-differs", scene["@id"], f"'{key}' is {stated}, but the image says {value}", key=key
                )

    def check_planes(self) -> None:
        """(4) The planes that edges touch, and those of the table, have the stated codes."""
        made = {
            PlaneKey(path, scene.scene, *plane.index): plane
            for path, codes in self.codes.items()
            for scene in codes.scenes
            for plane in scene.planes
        }
        for plane in self.index.of_type("ImagePlane"):
            key = _plane_key(self.index, plane)
            actual = made.get(key) if key is not None else None
            if actual is None:
                continue
            for name, value in (
                ("dataCode", actual.data_code),
                ("instanceCode", actual.instance_code),
                ("imageCode", actual.image_code),
            ):
                if (code := text(plane, name)) is not None and code != value:
                    self._compare(plane, name, code, value, "plane-code-differs")
        if PLANES_TABLE in self.workspace.crate.files():
            try:
                self._check_table(made)
            except UNREADABLE as error:
                rule_id = "not-checked" if isinstance(error, UnsafePath) else "table-differs"
                self.found.add(rule_id, PLANES_TABLE, _words(error))

    def _check_table(self, made: dict[PlaneKey, Any]) -> None:
        seen: set[PlaneKey] = set()
        for row in read_plane_table(self.workspace.file(PLANES_TABLE)):
            key = PlaneKey(row.image, row.scene, row.z, row.c, row.t)
            seen.add(key)
            actual = made.get(key)
            if actual is None:
                if row.image in self.codes:
                    self.found.add("table-differs", PLANES_TABLE, f"{_plane_words(key)} is not in the image")
                continue
            if (row.data_code, row.instance_code, row.image_code) == (
                actual.data_code,
                actual.instance_code,
                actual.image_code,
            ):
                continue
            where = plane_id(key.image, key.scene, PlaneRef(key.z, key.c, key.t))
            if self.found.about(self._id_of(key.image), "code-differs"):
                if not self.found.about(where, "plane-code-differs"):
                    self.found.add("plane-code-differs", where, f"{_plane_words(key)} has other pixels than when coded")
            else:
                self.found.add(
                    "table-differs", PLANES_TABLE, f"the codes of {_plane_words(key)} are not those of its pixels"
                )
        for key in sorted(set(made) - seen):
            self.found.add("table-differs", PLANES_TABLE, f"{_plane_words(key)} is not in the table")

    def _id_of(self, path: str) -> str:
        """The image of a row in the table; its path, where it is none of the crate's."""
        entity = self.files.get(path)
        return path if entity is None else str(entity["@id"])

    def _check_figure(self, path: str, entity: Entity) -> None:
        codes = self.workspace.figure_codes(path)
        if (code := text(entity, "iscc_code")) is not None:
            self._compare(entity, "iscc_code", code, codes.tree.iscc, "code-differs")
        if (code := text(entity, "imageCode")) is not None:
            changed = self.found.about(entity["@id"], "code-differs")
            if code != codes.image_code and not changed:
                message = f"'imageCode' is {code}, but the picture gives {codes.image_code}"
                self.found.add("figure-code-differs", entity["@id"], message, key="imageCode")

    def start_crate_code(self, pool: Executor) -> None:
        """Begin to hash the payload as a whole, which leaves a core free most of the time."""
        if self.workspace.is_local and text(self.root, "iscc_code") is not None and not self._is_explained():
            self.payload = pool.submit(self._payload_code)

    def check_crate_code(self) -> None:
        """(5) The payload as a whole has the root's code; said only where no single file explains it."""
        code = text(self.root, "iscc_code")
        if code is None or self._is_explained():
            return
        try:
            actual = (self._payload_code() if self.payload is None else self.payload.result()).iscc
        except UNREADABLE as error:
            self.found.add("not-checked", self.root["@id"], f"the code of the payload: {_words(error)}")
            return
        self._compare(self.root, "iscc_code", code, actual, "crate-code-differs")

    def _is_explained(self) -> bool:
        """Whether a single file explains that the payload has another code."""
        return self.found.has(
            "file-missing", "size-differs", "code-differs", "file-unreadable", "not-checked", "link-in-crate"
        )

    def _payload_code(self) -> TreeCode:
        crate, files = self.workspace.crate, self.files
        payload = [path for path in crate.files() if path not in GENERATED and _covered(path, files)]
        return self.workspace.payload_code(payload, self._go_on)

    def _go_on(self, _: int) -> None:
        if self.stopped.is_set():
            raise _StoppedError

    def check_edges_file(self) -> None:
        """(6) The file of edges says what the metadata says."""
        crate = self.workspace.crate
        if EDGES_FILE not in crate.files():
            return
        try:
            with crate.open(EDGES_FILE) as file:
                stated = parse_metadata(file.read(_MAX_EDGES_FILE + 1), EDGES_FILE)
        except UNREADABLE as error:
            self.found.add("edges-file-differs", EDGES_FILE, f"cannot be read: {_words(error)}")
            return
        expected = edges_jsonld(crate.metadata)
        if stated == json.loads(json.dumps(expected)):
            return
        theirs, ours = ({str(e.get("@id")): e for e in _graph(one)} for one in (stated, expected))
        changed = sorted(key for key in theirs.keys() | ours.keys() if theirs.get(key) != ours.get(key))
        shown = ", ".join(changed[:3]) + (f" and {len(changed) - 3} more" if len(changed) > 3 else "")
        self.found.add("edges-file-differs", EDGES_FILE, f"differs from the metadata in {shown or 'its context'}")

    def _compare(self, entity: Entity, key: str, stated: str, actual: str, rule_id: str) -> None:
        if stated != actual:
            self.found.add(rule_id, entity["@id"], f"'{key}' is {stated}, but is computed as {actual}", key=key)

    def _unreadable(self, path: str, entity: Entity, error: BaseException) -> None:
        kinds = types(entity)
        rule_id = "file-unreadable"
        if isinstance(error, UnsafePath):
            rule_id = "not-checked"
        elif "ImageObject" in kinds:
            rule_id = "figure-unreadable" if "figurePage" in entity else "image-unreadable"
        self.found.add(rule_id, entity["@id"], f"{display(path)}: {_words(error)}")


def check_integrity(workspace: Workspace, index: Index, root: Entity, found: Findings, on_progress: OnProgress) -> None:
    """Check the files of a crate against its metadata."""
    checker = _Checker(workspace, index, root, _files_of(index, root, found), found, on_progress)
    checker.check_presence()
    with ThreadPoolExecutor(1, thread_name_prefix="payload") as pool:
        try:
            checker.start_crate_code(pool)
            checker.check_codes()
            checker.check_planes()
            checker.check_crate_code()
        finally:
            checker.stopped.set()
    checker.check_edges_file()


def _files_of(index: Index, root: Entity, found: Findings) -> dict[str, Entity]:
    """Data entities of the crate itself, by path."""
    result: dict[str, Entity] = {}
    for entity in data_entities(index, root):
        if is_absolute(entity["@id"]):
            found.add("file-remote", entity["@id"], "is not fetched", key="@id")
            continue
        try:
            result[id_to_path(entity["@id"])] = entity
        except UnsafePath:
            continue  # a finding already
    return result


def _covered(path: str, files: dict[str, Entity]) -> bool:
    """Whether a path is an entity's, or lies in a folder that is."""
    while path:
        if path in files:
            return True
        path = path.rpartition("/")[0]
    return False


def _of_no_interest(path: str) -> bool:
    parts = path.split("/")
    hidden = any(is_litter(part) for part in parts)
    return hidden or path in GENERATED or parts[0] == "ro-crate-preview_files"


def _plane_key(index: Index, plane: Entity) -> PlaneKey | None:
    scene = next(iter(index.follow(plane, "isPartOf")), {})
    image = next(iter(index.follow(scene, "isPartOf")), {})
    path = _path_of(image)
    numbers = [integer(scene, "sceneIndex"), *(integer(plane, key) for key in ("theZ", "theC", "theT"))]
    known = [value for value in numbers if value is not None]
    return PlaneKey(path, *known) if path is not None and len(known) == 4 else None


def _path_of(entity: Entity) -> str | None:
    try:
        return id_to_path(entity["@id"])
    except (UnsafePath, KeyError):
        return None


def _plane_words(key: PlaneKey) -> str:
    return f"z {key.z}, c {key.c}, t {key.t} of scene {key.scene} of {display(key.image)}"


def _graph(document: Any) -> list[Entity]:
    graph = document.get("@graph") if isinstance(document, dict) else None
    return [entity for entity in graph if isinstance(entity, dict)] if isinstance(graph, list) else []


def _words(error: BaseException) -> str:
    return getattr(error, "message", None) or getattr(error, "strerror", None) or str(error) or type(error).__name__
