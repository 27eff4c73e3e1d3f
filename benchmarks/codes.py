"""How fast images are coded: ours, iscc-bio on the same store, and the bound of this machine.

    python benchmarks/codes.py --make STORE            # a 0.5 GB OME-Zarr, Zstandard, like a micrograph
    python benchmarks/codes.py --make STORE --chunk 256 --chunk-depth 32    # the same pixels in chunks of many planes
    python benchmarks/codes.py STORE [--json FILE]     # all levels, all cores
    python benchmarks/codes.py --scale                 # time and memory against the number of planes
    python benchmarks/codes.py --whole-slide           # one plane of 60,000 × 60,000 pixels (7.2 GB)

iscc-bio is run when it is installed (extra "test"), or as `--peer COMMAND`. The bound is what
decoding every chunk once and hashing every byte as often as the codes need takes on all cores, with
nothing else done: the bytes of the files once (tree), those of the pixels once for the scene and
once for the planes.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import zarr

from biocodes_crate.codes import tree_code
from biocodes_crate.codes.imagewalk import canonical_parts
from biocodes_crate.codes.passes import usable_cores
from biocodes_crate.codes.units import SumHasher
from biocodes_crate.images import open_image

OURS = """
import sys
from pathlib import Path
from biocodes_crate.codes import code_image
from biocodes_crate.images import open_image
codes = code_image(open_image(Path(sys.argv[1])))
print(codes.scenes[0].iscc)
"""


def make_store(
    path: Path, planes: int = 64, side: int = 2048, chunk: int = 1024, depth: int = 1, *, sparse: bool = False
) -> None:
    """A z-stack as OME-Zarr 0.5 whose one level is called s0, which iscc-bio 0.2.0 can read.

    Chunks are `depth` planes deep; the pixels do not depend on it.
    """
    ome = {
        "version": "0.5",
        "multiscales": [
            {
                "axes": [{"name": a, "type": "channel" if a == "c" else "space"} for a in "czyx"],
                "datasets": [{"path": "s0", "coordinateTransformations": [{"type": "scale", "scale": [1, 1, 1, 1]}]}],
            }
        ],
    }
    zarr.create_group(path, zarr_format=3, attributes={"ome": ome}, overwrite=True)
    array = zarr.create_array(
        path / "s0",
        shape=(1, planes, side, side),
        chunks=(1, min(planes, depth), min(side, chunk), min(side, chunk)),
        dtype="uint16",
        compressors=zarr.codecs.ZstdCodec(level=3),
    )
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:side, :side].astype(np.float32) / side if not sparse else (None, None)
    slab = np.zeros((min(planes, depth), side, side), np.uint16) if not sparse else None
    for z in range(planes):
        if slab is None:
            for corner in range(0, side, side // 4):
                array[0, z, corner : corner + 1024, corner : corner + 1024] = rng.poisson(300, (1024, 1024))
            continue
        pixels = 200 + 80 * np.sin(9 * x + z) * np.cos(7 * y)
        for _ in range(20):
            cy, cx, size = rng.random(), rng.random(), rng.uniform(0.01, 0.05)
            pixels += rng.uniform(100, 2000) * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * size**2))
        slab[z % depth] = (pixels + rng.normal(0, 4, pixels.shape)).clip(0).astype(np.uint16)
        if z % depth == depth - 1 or z == planes - 1:  # whole chunks at a time
            array[0, z - z % depth : z + 1] = slab[: z % depth + 1]


INDEXED = """
import sys
from pathlib import Path
from biocodes_crate.images import open_image
from biocodes_crate.tracing import code_and_index
print(code_and_index(open_image(Path(sys.argv[1])), "x", cache=None)[0].scenes[0].iscc)
"""


class Run(NamedTuple):
    """What a command took."""

    seconds: float
    cpu_seconds: float
    peak_mb: float
    output: str


def run(command: list[str]) -> Run:
    """Run a command in a process that measures it alone."""
    measure = (
        "import resource, subprocess, sys; done = subprocess.run(sys.argv[1:]); "
        "used = resource.getrusage(resource.RUSAGE_CHILDREN); "
        "print(used.ru_utime + used.ru_stime, used.ru_maxrss, file=sys.stderr); sys.exit(done.returncode)"
    )
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", measure, *command], capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - start
    cpu, peak = done.stderr.split()[-2:]
    return Run(seconds, float(cpu), int(peak) / 1024, done.stdout)


def chunks_of(store: Path) -> list[int] | None:
    """Shape of the chunks of the first scene, where it is a Zarr array."""
    try:
        return list(zarr.open_array(store / open_image(store).scenes[0].array_path, mode="r").chunks)
    except (FileNotFoundError, NotADirectoryError):
        return None


def pixel_bytes(store: Path) -> int:
    """Of all scenes."""
    return sum(
        scene.plane_count * scene.size_y * scene.size_x * scene.dtype.itemsize for scene in open_image(store).scenes
    )


def bound(store: Path) -> dict[str, float]:
    """Seconds of CPU for decoding and hashing alone, measured on all cores at once, and what that takes at least."""
    image = open_image(store)
    cores = usable_cores()
    jobs = [(scene, index) for scene in image.scenes for index in scene.planes()]

    def decode(job: tuple) -> None:
        for _ in job[0].strips(job[1]):
            pass

    start = time.process_time()
    with ThreadPoolExecutor(cores) as pool:
        list(pool.map(decode, jobs))
    decoding = time.process_time() - start

    parts = list(canonical_parts(jobs[0][0].plane(jobs[0][1])))
    nbytes = sum(map(len, parts))

    def hash_once(_: int) -> None:
        hasher = SumHasher()
        for part in parts:
            hasher.update(part)

    rounds = max(2 * cores, 2**28 // nbytes)
    start = time.process_time()
    with ThreadPoolExecutor(cores) as pool:
        list(pool.map(hash_once, range(rounds)))
    per_byte = (time.process_time() - start) / (rounds * nbytes)
    total = sum(scene.plane_count * scene.size_y * scene.size_x * scene.dtype.itemsize for scene in image.scenes)
    passes = 2 if any(scene.plane_count > 1 for scene in image.scenes) else 1
    hashing = per_byte * (passes * total + tree_code(store).filesize)
    return {"cores": cores, "decode_cpu_s": decoding, "hash_cpu_s": hashing, "bound_s": (decoding + hashing) / cores}


def compare(store: Path, peer: str | None, repeats: int) -> dict[str, object]:
    size = pixel_bytes(store) / 1e6
    command = [sys.executable, "-c", OURS, str(store)]
    both = [(run(command), run([*shlex.split(peer), str(store)]) if peer else None) for _ in range(repeats)]  # in turns
    ours = min(done for done, _ in both)
    limit = bound(store)
    result: dict[str, object] = {
        "store": store.name,
        "chunks": chunks_of(store),
        "pixels_mb": round(size, 1),
        "ours_s": ours.seconds,
        "ours_cpu_s": ours.cpu_seconds,
        "ours_mb_s": size / ours.seconds,
        "ours_peak_mb": ours.peak_mb,
        **limit,
        "share_of_bound": limit["bound_s"] / ours.seconds,
        "share_of_bound_cpu": limit["bound_s"] * limit["cores"] / ours.cpu_seconds,
    }
    indexed = min(run([sys.executable, "-c", INDEXED, str(store)]) for _ in range(repeats))
    result |= {"indexed_s": indexed.seconds, "indexed_cpu_s": indexed.cpu_seconds, "indexed_peak_mb": indexed.peak_mb}
    if peer:
        theirs = min(done for _, done in both if done is not None)
        result |= {
            "peer_s": theirs.seconds,
            "peer_cpu_s": theirs.cpu_seconds,
            "peer_mb_s": size / theirs.seconds,
            "peer_peak_mb": theirs.peak_mb,
            "times_faster": theirs.seconds / ours.seconds,
            "times_less_cpu": theirs.cpu_seconds / ours.cpu_seconds,
            "bound_times_faster": theirs.seconds / limit["bound_s"],
            "same_scene_code": ours.output.strip() in theirs.output,
        }
    return result


def scale(repeats: int) -> dict[str, object]:
    """Many small planes: seconds and megabytes should grow as a line and not at all."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for planes in (10, 100, 1000, 10_000):
            store = Path(folder) / f"{planes}.zarr"
            make_store(store, planes, 256)
            done = min(run([sys.executable, "-c", OURS, str(store)]) for _ in range(repeats))
            rows.append(
                {
                    "planes": planes,
                    "seconds": round(done.seconds, 2),
                    "cpu_s": done.cpu_seconds,
                    "peak_mb": done.peak_mb,
                }
            )
            print(rows[-1], file=sys.stderr)
    return {"scale": rows}


def whole_slide() -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "slide.zarr"
        make_store(store, 1, 60_000, sparse=True)
        done = run([sys.executable, "-c", OURS, str(store)])
        return {"pixels_mb": 7200, "seconds": done.seconds, "mb_s": 7200 / done.seconds, "peak_mb": done.peak_mb}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("store", type=Path, nargs="?")
    parser.add_argument("--make", action="store_true", help="make STORE first")
    parser.add_argument("--chunk", type=int, default=1024, help="side of the chunks of STORE when it is made")
    parser.add_argument("--chunk-depth", type=int, default=1, help="planes that share a chunk of STORE when it is made")
    parser.add_argument("--peer", help="command of the tool to compare with, default: iscc-bio when it is installed")
    parser.add_argument("--scale", action="store_true")
    parser.add_argument("--whole-slide", action="store_true")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    script = Path(sys.executable).with_name("iscc-bio")
    peer = options.peer or (f"{script} biocode" if script.exists() else None)
    result: dict[str, object] = {}
    if options.scale:
        result |= scale(options.repeats)
    if options.whole_slide:
        result |= whole_slide()
    if options.store:
        if options.make:
            make_store(options.store, chunk=options.chunk, depth=options.chunk_depth)
        result |= compare(options.store, peer, options.repeats)
    print(json.dumps(result, indent=2))
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")


if __name__ == "__main__":
    main()
