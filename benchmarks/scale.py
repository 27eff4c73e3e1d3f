"""How the time to trace a panel, and the size of the index, grow with the number of planes.

    python benchmarks/scale.py [--planes 100 1000 10000] [--panels 12]

Planes are generated textures of 256 × 256 pixels in images of one plane each, the hardest case: every plane
is a key picture. Panels are crops of a third of the sides of a plane, turned, with another contrast.
Times are for one thread; compare the rows, not the seconds.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from biocodes_crate.codes import reduce_plane
from biocodes_crate.figures import Box, Panel, PanelKind
from biocodes_crate.images import PlaneIndex, Scene
from biocodes_crate.tracing import ImageIndex, IndexBuilder, Status, TraceIndex, trace_panel, write_index

SIDE = 256


def main() -> None:
    """Print one row for each number of planes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--planes", type=int, nargs="+", default=[100, 1000, 10_000])
    parser.add_argument("--panels", type=int, default=12)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    parts: list[ImageIndex] = []
    print("| planes | features | stored, bytes a plane | index to search | a panel, median | found | memory |")
    print("|---|---|---|---|---|---|---|")
    for count in sorted(arguments.planes):
        parts += [_indexed(number) for number in range(len(parts), count)]
        print(_row(parts, arguments.panels), flush=True)


def _row(parts: list[ImageIndex], panels: int) -> str:
    with tempfile.TemporaryDirectory() as folder:
        write_index(Path(folder) / "index", parts)
        stored = (Path(folder) / "index").stat().st_size
    started = time.perf_counter()
    index = TraceIndex(parts)
    made = time.perf_counter() - started
    times, found = [], 0
    for number in np.linspace(0, len(parts) - 1, panels).astype(int):
        panel = _panel(int(number))
        started = time.perf_counter()
        traced = trace_panel(panel, index, _scene)
        times.append(time.perf_counter() - started)
        found += any(e.status is Status.VERIFIED and e.image == _name(int(number)) for e in traced.edges)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return (
        f"| {len(parts):,} | {len(index):,} | {stored / len(parts):,.0f} | {made:.1f} s | "
        f"{np.median(times):.2f} s | {found} of {panels} | {memory:,.0f} MB |"
    )


def _name(number: int) -> str:
    return f"images/{number:06}.tif"


@lru_cache(maxsize=64)
def _pixels(number: int) -> NDArray[np.uint16]:
    rng = np.random.default_rng(number)
    field = sum(
        cv2.GaussianBlur(rng.normal(0, 1, (SIDE, SIDE)), (0, 0), sigma) * sigma * weight
        for sigma, weight in ((1.2, 0.6), (2.5, 1.0), (6.0, 1.2))
    )
    return np.clip(1000 + 700 * np.asarray(field), 0, 65535).astype(np.uint16)


class _Generated:
    """Rows of a generated plane."""

    chunk_rows = SIDE

    def __init__(self, number: int) -> None:
        self._number = number

    def rows(self, plane: PlaneIndex, start: int, stop: int) -> NDArray[np.uint16]:
        """Pixels (stop − start, X)."""
        del plane
        return _pixels(self._number)[start:stop]


def _scene(path: str, scene: int = 0) -> Scene:
    number = int(Path(path).stem)
    return Scene(scene, path, "", SIDE, SIDE, 1, 1, 1, np.dtype(np.uint16), _Generated(number))


def _indexed(number: int) -> ImageIndex:
    builder, scene = IndexBuilder(_name(number)), _scene(_name(number))
    for plane in scene.planes():
        builder.observe(scene, plane, reduce_plane(scene.plane(plane)))
    return builder.finish()


def _panel(number: int) -> Panel:
    rng = np.random.default_rng(10**6 + number)
    plane = _pixels(number).astype(np.float32)
    angle, size = float(rng.uniform(0, 2 * np.pi)), 160
    scale = 0.55  # source pixels a panel pixel: 88 × 88 pixels of the plane
    turn = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    centre = rng.uniform(80, SIDE - 80, 2)
    matrix = np.column_stack([turn, centre - turn @ [size / 2, size / 2]])
    shown = cv2.warpAffine(plane, matrix, (size, size), flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP)
    low, high = np.percentile(shown, [2, 99.5])
    grey = np.rint(255 * np.clip((shown - low) / (high - low), 0, 1) ** 0.8).astype(np.uint8)
    pixels = np.repeat(grey[..., np.newaxis], 3, axis=2)
    return Panel(Box(0, 0, size, size), PanelKind.IMAGE, pixels, np.zeros(grey.shape, bool))


if __name__ == "__main__":
    main()
