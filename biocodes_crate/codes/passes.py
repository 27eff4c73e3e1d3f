"""All codes of an image in one pass over its pixels.

Worker threads decode, reduce and hash planes; the calling thread hashes the scene, whose planes must
come in their order. Planes too large to be held are streamed by strips. What is in flight is bounded
in bytes, so memory depends on the chunk rows of a plane and not on the image.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Self, TypeVar

from biocodes_crate.codes.imagewalk import canonical_parts
from biocodes_crate.codes.model import ImageCodes, PlaneCodes, SceneCodes, TreeCode
from biocodes_crate.codes.rendering import Reduced, Reducer, plane_image_code
from biocodes_crate.codes.treewalk import tree_code
from biocodes_crate.codes.units import SumHasher, compose
from biocodes_crate.images import Image, PlaneIndex, Scene
from biocodes_crate.images.model import Pixels
from biocodes_crate.progress import OnProgress, Progress, ignore_progress

T = TypeVar("T")
Observe = Callable[[Scene, PlaneIndex, Reduced], None]

_BATCH_PLANES = 256  # handed to a worker together
_BATCH_BYTES = 8 * 2**20  # of them, at most
_WHOLE_PLANE_BYTES = 16 * 2**20  # larger planes are streamed by strips
_IN_FLIGHT_BYTES = 256 * 2**20


def code_image(
    image: Image,
    *,
    observe: Observe | None = None,
    workers: int | None = None,
    on_progress: OnProgress = ignore_progress,
    tree: Callable[[], TreeCode] | None = None,
) -> ImageCodes:
    """The codes of an image at every level: its files, its scenes, its planes.

    Parameters
    ----------
    observe
        Called once for every plane with its reduced pixels, from the worker threads: several at
        once and in no particular order. The pixels are the observer's to keep.
    workers
        Threads that decode; by default as many as there are cores.
    tree
        Gives the code of the raw bytes of an image that does not lie on disk by itself.

    Raises
    ------
    UnreadableImage
        Pixels cannot be decoded, or a file not be read.
    """
    total = sum(scene.plane_count for scene in image.scenes)
    done = 0

    def report(planes: int) -> None:
        nonlocal done
        done += planes
        if planes:
            on_progress(Progress("coding planes", done, total))

    with _Pools(workers) as pools:
        raw = pools.pool.submit(tree or partial(tree_code, image.path))
        scenes = tuple(_code_scene(scene, observe, pools, report) for scene in image.scenes)
        return ImageCodes(raw.result(), scenes)


def code_scene(scene: Scene, *, workers: int | None = None) -> SceneCodes:
    """The codes of one scene and its planes."""
    with _Pools(workers) as pools:
        return _code_scene(scene, None, pools, lambda _planes: None)


def code_plane(scene: Scene, index: PlaneIndex, observe: Observe | None = None) -> PlaneCodes:
    """The codes of one plane, by this thread alone."""
    coder = _PlaneCoder(scene, index)
    for strip in scene.strips(index):
        coder.add(_Strip(strip, list(canonical_parts(strip))))
    return coder.finish(observe)


def hash_scene(scene: Scene) -> tuple[str, tuple[str, str]]:
    """The ISCC-SUM of a scene and its units, by this thread alone, without those of its planes."""
    hasher = SumHasher()
    for index in scene.planes():
        for strip in scene.strips(index):
            for part in canonical_parts(strip):
                hasher.update(part)
    result = hasher.finish()
    data_unit, instance_unit = result["units"]
    return result["iscc"], (data_unit, instance_unit)


def usable_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return os.cpu_count() or 1


class _PlaneCoder:
    """Takes the strips of one plane in order."""

    def __init__(self, scene: Scene, index: PlaneIndex) -> None:
        self._scene, self._index = scene, index
        self._hasher = SumHasher()
        self._reducer = Reducer(scene.size_y, scene.size_x)

    def add(self, strip: _Strip) -> None:
        """The next rows."""
        for part in strip.parts:
            self._hasher.update(part)
        self._reducer.add(strip.pixels)

    def finish(self, observe: Observe | None) -> PlaneCodes:
        """The codes, when all rows have come."""
        data_unit, instance_unit = self._hasher.finish()["units"]
        reduced = self._reducer.finish()
        if observe is not None:
            observe(self._scene, self._index, reduced)
        return PlaneCodes(self._index, data_unit, instance_unit, plane_image_code(reduced))


@dataclass(frozen=True, slots=True)
class _Strip:
    """Rows of a plane, and their canonical bytes."""

    pixels: Pixels
    parts: list[bytes]

    @classmethod
    def read(cls, scene: Scene, index: PlaneIndex, start: int, stop: int) -> _Strip:
        pixels = scene.walked_rows(index, start, stop)
        return cls(pixels, list(canonical_parts(pixels)))


def _code_scene(scene: Scene, observe: Observe | None, pools: _Pools, report: Callable[[int], None]) -> SceneCodes:
    plane_bytes = scene.size_y * scene.size_x * scene.dtype.itemsize
    code_planes = _large_planes if plane_bytes > _WHOLE_PLANE_BYTES else _small_planes
    is_single = scene.plane_count == 1  # then the plane's bytes are the scene's, and hashed once
    hasher = SumHasher()
    planes: list[PlaneCodes] = []
    for parts, finished in code_planes(scene, observe, pools):
        planes += finished
        report(len(finished))
        if not is_single:
            for part in parts:
                hasher.update(part)
    if is_single:
        units = [planes[0].data_code, planes[0].instance_code]
        iscc = compose(units)
    else:
        result = hasher.finish()
        iscc, units = result["iscc"], result["units"]
    return SceneCodes(scene.index, iscc, (units[0], units[1]), tuple(planes), plane_bytes)


def _small_planes(
    scene: Scene, observe: Observe | None, pools: _Pools
) -> Iterator[tuple[list[bytes], list[PlaneCodes]]]:
    """Canonical bytes and codes of planes, a batch at a time; each batch is one worker's."""
    plane_bytes = max(1, scene.size_y * scene.size_x * scene.dtype.itemsize)

    def code(batch: tuple[PlaneIndex, ...]) -> tuple[list[bytes], list[PlaneCodes]]:
        parts: list[bytes] = []
        planes = []
        step = max(1, scene.source.chunk_rows)
        for index in batch:
            coder = _PlaneCoder(scene, index)
            for start in range(0, scene.size_y, step):
                strip = _Strip.read(scene, index, start, min(start + step, scene.size_y))
                coder.add(strip)
                parts += strip.parts
            planes.append(coder.finish(observe))
        return parts, planes

    size = min(_BATCH_PLANES, max(1, _BATCH_BYTES // plane_bytes))
    indices = scene.planes()
    batches = iter(lambda: tuple(islice(indices, size)), ())
    yield from pools.in_order((partial(code, batch), size * plane_bytes) for batch in batches)


def _large_planes(
    scene: Scene, observe: Observe | None, pools: _Pools
) -> Iterator[tuple[list[bytes], list[PlaneCodes]]]:
    """Canonical bytes of strips; with the last strip of a plane come its codes.

    Workers decode strips ahead while one other thread takes them in order for the plane, and the
    caller for the scene.
    """
    step = max(1, scene.source.chunk_rows)
    row_bytes = scene.size_x * scene.dtype.itemsize
    starts = [(index, start) for index in scene.planes() for start in range(0, scene.size_y, step)]
    strips = pools.in_order(
        (partial(_Strip.read, scene, index, start, min(start + step, scene.size_y)), 2 * step * row_bytes)
        for index, start in starts
    )
    coder: _PlaneCoder | None = None
    for (index, start), strip in zip(starts, strips, strict=True):
        if coder is None:
            coder = _PlaneCoder(scene, index)
        added = pools.lane.submit(coder.add, strip)
        yield strip.parts, []
        added.result()
        if start + step >= scene.size_y:
            yield [], [pools.lane.submit(coder.finish, observe).result()]
            coder = None


class _Pools:
    """Worker threads, and one thread that takes the strips of large planes in their order."""

    def __init__(self, workers: int | None) -> None:
        self._workers = workers or usable_cores()
        self.pool = ThreadPoolExecutor(self._workers, thread_name_prefix="coding")
        self.lane = ThreadPoolExecutor(1, thread_name_prefix="large-planes")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.pool.shutdown(cancel_futures=True)
        self.lane.shutdown(cancel_futures=True)

    def in_order(self, works: Iterable[tuple[Callable[[], T], int]]) -> Iterator[T]:
        """Results of the works in their order, a bounded number of bytes ahead of the caller."""
        waiting: deque[tuple[Future[T], int]] = deque()
        ahead = 0
        most = 2 * self._workers + 1  # so that workers have something to do while the caller hashes
        for run, nbytes in works:
            while waiting and (ahead + nbytes > _IN_FLIGHT_BYTES or len(waiting) >= most):
                future, size = waiting.popleft()
                yield future.result()
                ahead -= size
            waiting.append((self.pool.submit(run), nbytes))
            ahead += nbytes
        while waiting:
            yield waiting.popleft()[0].result()
