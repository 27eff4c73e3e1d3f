"""The same work on a Dask cluster (`dask.distributed`), with the same codes.

The workers read the image themselves: they must see it under the same path, and have the same
version of this software. An image is split into the code of its files, the code of each scene,
whose planes must be hashed in one sequence, and its planes, in groups.
"""

from __future__ import annotations

import importlib
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from biocodes_crate import __version__
from biocodes_crate.codes.model import ImageCodes, PlaneCodes, SceneCodes, TreeCode
from biocodes_crate.codes.passes import code_plane, hash_scene
from biocodes_crate.codes.rendering import Reduced
from biocodes_crate.codes.treewalk import tree_code
from biocodes_crate.codes.units import compose
from biocodes_crate.errors import BiocodesError, MissingExtra, NoCluster, UnreadableImage
from biocodes_crate.images import Image, PlaneIndex, Scene, open_image
from biocodes_crate.progress import OnProgress, Progress, ignore_progress

_TASK_BYTES = 64 * 2**20  # of pixels, at least: smaller tasks would cost more to send than to do
_TASKS_PER_THREAD = 4  # at most, for each scene
_CONNECT_SECONDS = 15


class Observer(Protocol):
    """Sees the reduced planes of one group, and says in the end what it saw."""

    def observe(self, scene: Scene, plane: PlaneIndex, reduced: Reduced) -> None:
        """One plane."""

    def finish(self) -> Any:
        """What was seen, to be sent back."""


class Cluster:
    """A connection to the scheduler of a cluster."""

    def __init__(self, client: Any) -> None:
        self._client = client

    @property
    def threads(self) -> int:
        """Of all its workers."""
        return max(1, int(sum(self._client.nthreads().values())))

    def code_image(
        self,
        image: Image,
        *,
        observer: Callable[[], Observer] | None = None,
        on_progress: OnProgress = ignore_progress,
    ) -> tuple[ImageCodes, list[Any]]:
        """The codes of an image, as :func:`code_image` gives them, and what the observers saw.

        Each observer, made on a worker, sees the planes of one scene, and of these all z of some
        c and t (of a colour picture all c).

        Raises
        ------
        UnreadableImage
            Pixels cannot be decoded, or a file not be read; or not by the workers.
        NoCluster
            The cluster went away.
        """
        path = _Path(str(image.path.absolute()), uuid.uuid4().hex)
        groups = [
            (scene, group)
            for scene in image.scenes
            for group in _groups(scene, self.threads, keep_stacks=observer is not None)
        ]
        submit = self._client.submit
        try:
            tree = submit(_tree, path, pure=False)
            sums = {
                scene.index: submit(_sum, path, _Expected.of(scene), pure=False, priority=1)  # the longest ones first
                for scene in image.scenes
                if scene.plane_count != 1
            }
            tasks = [submit(_planes, path, _Expected.of(s), group, observer, pure=False) for s, group in groups]
            self._follow(tasks, groups, on_progress)
            coded: list[tuple[list[PlaneCodes], Any]] = self._client.gather(tasks)
            planes: dict[int, list[PlaneCodes]] = {scene.index: [] for scene in image.scenes}
            for (scene, _), (made, _) in zip(groups, coded, strict=True):
                planes[scene.index] += made
            scenes = tuple(
                _scene_codes(scene, planes[scene.index], sums[scene.index].result() if scene.index in sums else None)
                for scene in image.scenes
            )
            seen = [result for _, result in coded if result is not None]
            return ImageCodes(tree.result(), scenes), seen
        except BiocodesError:
            raise
        except Exception as error:  # lost workers, closed connections, in many classes
            raise NoCluster(
                f"the cluster could not finish the work ({type(error).__name__}: {error})",
                where=image.path,
                remedy="Look at the logs of its workers, or work without --cluster.",
            ) from error

    def _follow(self, tasks: list[Any], groups: list[tuple[Scene, Any]], on_progress: OnProgress) -> None:
        sizes = {task.key: len(group) for task, (_, group) in zip(tasks, groups, strict=True)}
        done, total = 0, sum(sizes.values())
        for task in importlib.import_module("distributed").as_completed(tasks, loop=self._client.loop):
            done += sizes[task.key]
            on_progress(Progress("coding planes", done, total))


@contextmanager
def connect(address: str) -> Iterator[Cluster]:
    """A connection to the scheduler at an address such as `tcp://10.0.0.1:8786`.

    Raises
    ------
    MissingExtra
        `distributed` is not installed.
    NoCluster
        There is no scheduler, it has no workers, or they have another version of this software.
    """
    try:
        distributed = importlib.import_module("distributed")
    except ImportError as error:
        raise MissingExtra(
            "working on a cluster needs dask.distributed",
            remedy="Install it with: pip install 'biocodes-crate[cluster]'",
        ) from error
    try:
        client = distributed.Client(address, timeout=_CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError, TypeError, KeyError, RuntimeError) as error:
        raise NoCluster(
            f"there is no Dask scheduler ({type(error).__name__}: {error})",
            where=address,
            remedy="Name the address that dask scheduler prints, such as tcp://10.0.0.1:8786.",
        ) from error
    with client:
        _check_workers(client, address)
        yield Cluster(client)


def _check_workers(client: Any, address: str) -> None:
    try:
        client.wait_for_workers(1, timeout=_CONNECT_SECONDS)
        versions = set(client.run(_version).values())
    except Exception as error:
        raise NoCluster(
            f"its workers do not answer ({type(error).__name__}: {error})",
            where=address,
            remedy="Start workers in an environment in which biocodes-crate is installed.",
        ) from error
    if versions != {__version__}:
        raise NoCluster(
            f"its workers have biocodes-crate {', '.join(sorted(versions))}, not {__version__}",
            where=address,
            remedy="Install the same version everywhere.",
        )


class _Path(NamedTuple):
    """Where an image lies, and a mark of the work that asks for it.

    A worker opens an image once for each work: what it read of a folder before may have changed since, and
    neither size nor time of the folder need tell.
    """

    path: str
    work: str


class _Expected(NamedTuple):
    """A scene as the client sees it."""

    scene: int
    sizes: tuple[int, ...]
    dtype: str

    @classmethod
    def of(cls, scene: Scene) -> _Expected:
        return cls(
            scene.index, (scene.size_x, scene.size_y, scene.size_z, scene.size_c, scene.size_t), scene.dtype.name
        )


def _groups(scene: Scene, threads: int, *, keep_stacks: bool) -> list[list[PlaneIndex]]:
    """The planes of a scene, split for the workers."""
    units: dict[tuple[int, ...], list[PlaneIndex]] = {}
    for index in scene.planes():
        key = (index.t,) if scene.is_rgb else (index.c, index.t)
        units.setdefault(key if keep_stacks else index, []).append(index)
    plane_bytes = max(1, scene.size_y * scene.size_x * scene.dtype.itemsize)
    planes = max(1, _TASK_BYTES // plane_bytes, -(-scene.plane_count // (_TASKS_PER_THREAD * threads)))
    groups: list[list[PlaneIndex]] = [[]]
    for unit in units.values():
        if groups[-1] and len(groups[-1]) + len(unit) > planes:
            groups.append([])
        groups[-1] += unit
    return [group for group in groups if group]


def _scene_codes(scene: Scene, planes: list[PlaneCodes], summed: tuple[str, tuple[str, str]] | None) -> SceneCodes:
    order = {index: number for number, index in enumerate(scene.planes())}
    planes.sort(key=lambda plane: order[plane.index])
    if summed is None:  # the bytes of its only plane are the scene's
        units = (planes[0].data_code, planes[0].instance_code)
        summed = compose(list(units)), units
    plane_bytes = scene.size_y * scene.size_x * scene.dtype.itemsize
    return SceneCodes(scene.index, summed[0], summed[1], tuple(planes), plane_bytes)


# What runs on the workers


def _version() -> str:
    return __version__


def _tree(path: _Path) -> TreeCode:
    return tree_code(Path(path.path))


def _sum(path: _Path, expected: _Expected) -> tuple[str, tuple[str, str]]:
    return hash_scene(_scene(path, expected))


def _planes(
    path: _Path, expected: _Expected, group: list[PlaneIndex], observer: Callable[[], Observer] | None
) -> tuple[list[PlaneCodes], Any]:
    scene = _scene(path, expected)
    watching = observer() if observer is not None else None
    observe = watching.observe if watching is not None else None
    planes = [code_plane(scene, PlaneIndex(*index), observe) for index in group]
    return planes, watching.finish() if watching is not None else None


def _scene(path: _Path, expected: _Expected) -> Scene:
    scenes = _open(_Path(*path)).scenes
    if expected.scene >= len(scenes) or _Expected.of(scenes[expected.scene]) != _Expected(*expected):
        raise UnreadableImage(
            "a worker of the cluster sees another image under this path",
            where=path.path,
            remedy="Put the study where all workers see it under the same path.",
        )
    return scenes[expected.scene]


@lru_cache(maxsize=16)
def _open(path: _Path) -> Image:
    try:
        Path(path.path).stat()
    except OSError as error:
        raise UnreadableImage(
            f"a worker of the cluster cannot read it ({error.strerror or error})",
            where=path.path,
            remedy="Put the study where all workers see it under the same path.",
        ) from error
    return open_image(Path(path.path))
