"""Speed of validation: metadata by the number of entities, integrity against coding the same data.

    python benchmarks/validate.py [--entities 1000 20000] [--megabytes 256]

Prints the seconds of the metadata level for each number of entities, and the ratio of the integrity level to coding
the images of a study, both in one run, as a folder and as a zip.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import zarr

from biocodes_crate.codes import code_image, payload_code, plane_rows, tree_code, write_plane_table
from biocodes_crate.crate import (
    GENERATED,
    PREVIEW,
    CrateContent,
    FigureRecord,
    ImageRecord,
    PlaneCodes,
    PlaneKey,
    RunInfo,
    SceneRecord,
    crate_files,
    crate_metadata,
    metadata_bytes,
    write_in_place,
    write_zip,
)
from biocodes_crate.figures.model import Box, PageUnit, PanelKind
from biocodes_crate.images import open_image
from biocodes_crate.study import Author, Manifest
from biocodes_crate.tracing.model import Claim, Edge, Evidence, PlaneRef, Status, TracedPage, TracedPanel
from biocodes_crate.validation import Level, validate_crate

SUM_CODE = "ISCC:K4AOIU2DTYOSZVXK5GVPBEWCGQH76UHVZ4SSULXDYJC5MJVNIE5ZQ5A"
RUN = RunInfo("0.1.0", "2026-11-22T10:00:00Z")
MANIFEST = Manifest(title="Large", license="CC-BY-4.0", authors=(Author("Ada Lovelace"),))


def large_metadata(entities: int) -> bytes:
    """A crate of panels with a verified edge each, of about so many entities."""
    panels = max(1, (entities - 30) // 12)  # a panel, its edge, and what they refer to
    edge = Edge(
        Status.VERIFIED, Claim.DISCOVERED, "a.tif", 0, PlaneRef(0, 0, 0), Box(0, 0, 60, 60),
        ((0.2, 0.0, 0.0), (0.0, 0.2, 0.0)), evidence=Evidence(0.98, 9, 0.99, 0.02, -31.0),
    )  # fmt: skip
    figures, pages, planes = [], [], {}
    for number in range(0, panels, 20):
        name = f"figures/{number}.png"
        made = []
        for one in range(number, min(panels, number + 20)):
            planes[PlaneKey("a.tif", 0, one, 0, 0)] = PlaneCodes(SUM_CODE)
            shown = Edge(**{f: getattr(edge, f) for f in edge.__slots__} | {"source": PlaneRef(one, 0, 0)})
            made.append(TracedPanel(None, Box(0, 0, 300, 300), PanelKind.IMAGE, 300, 300, edges=(shown,)))
        figures.append(FigureRecord(name, "image/png", 1, iscc=SUM_CODE))
        pages.append(TracedPage(name, 1, 400, 400, PageUnit.PIXEL, tuple(made)))
    scene = SceneRecord(0, "", "", 60, 60, panels, 1, 1, "uint8", iscc=SUM_CODE)
    content = CrateContent(
        "large", MANIFEST, RUN, "2026-11-22",
        images=(ImageRecord("a.tif", "image/tiff", False, (scene,), iscc=SUM_CODE),),
        figures=tuple(figures), pages=tuple(pages), planes=planes, iscc=SUM_CODE,
    )  # fmt: skip
    return metadata_bytes(crate_metadata(content))


def time_metadata(entities: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "ro-crate-metadata.json"
        path.write_bytes(large_metadata(entities))
        count = len(json.loads(path.read_bytes())["@graph"])
        start = time.perf_counter()
        report = validate_crate(path, Level.METADATA)
        seconds = time.perf_counter() - start
    print(f"metadata   {count:>7} entities   {seconds:8.2f} s   valid: {report.valid}")


def write_study(root: Path, megabytes: int) -> None:
    rng = np.random.default_rng(5)
    (root / "images").mkdir(parents=True)
    group = zarr.create_group(root / "images" / "a.ome.zarr", zarr_format=3)
    shape = (max(1, megabytes // 2), 1024, 1024)  # planes of 2 MiB
    array = group.create_array("0", shape=shape, dtype=np.uint16, chunks=(1, 512, 512))
    for z in range(shape[0]):
        smooth = np.cumsum(rng.integers(-3, 4, shape[1:]), axis=1) + 2000
        array[z] = smooth.clip(0, 4095).astype(np.uint16)
    axes = [{"name": name, "type": "space", "unit": "micrometer"} for name in "zyx"]
    dataset = {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1, 1, 1]}]}
    group.attrs["ome"] = {"version": "0.5", "multiscales": [{"axes": axes, "datasets": [dataset]}]}


def time_integrity(megabytes: int, repeats: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "study"
        write_study(root, megabytes)
        path = "images/a.ome.zarr"
        image = open_image(root / path)
        codes = code_image(image)  # so that every run finds the files in the page cache
        (scene,) = image.scenes
        record = SceneRecord(
            0, scene.name, scene.array_path, scene.size_x, scene.size_y, scene.size_z, scene.size_c, scene.size_t,
            scene.dtype.name, iscc=codes.scenes[0].iscc,
        )  # fmt: skip
        files = [file for file in root.rglob("*") if file.is_file()]
        content = CrateContent(
            "large", MANIFEST, RUN, "2026-11-22",
            images=(ImageRecord(path, "application/vnd.zarr", True, (record,), iscc=codes.tree.iscc),),
            iscc=payload_code(root, files).iscc,
        )  # fmt: skip
        table = Path(folder) / "planes.parquet"
        write_plane_table(table, plane_rows(path, codes))
        _, generated = crate_files(content, table)
        write_in_place(root, {**generated, PREVIEW: b"<!doctype html><title>x</title>"})
        packed = Path(folder) / "crate.zip"
        write_zip(
            root,
            packed,
            [f.relative_to(root).as_posix() for f in files],
            {p: root / p for p in GENERATED if (root / p).exists()},
        )
        works = {
            "coding": lambda: code_image(image),
            "folder": lambda: validate_crate(root, Level.INTEGRITY).valid,
            "zip": lambda: validate_crate(packed, Level.INTEGRITY).valid,
        }
        best = dict.fromkeys(works, float("inf"))
        for _ in range(repeats):  # in turns, since what else the machine does changes
            for name, work in works.items():
                start = time.perf_counter()
                valid = work()
                best[name] = min(best[name], time.perf_counter() - start)
                if not valid:
                    raise SystemExit(f"the {name} is not valid")
        print(f"coding     {megabytes:>7} MB         {best['coding']:8.2f} s   the best of {repeats}, in turns")
        for name in ("folder", "zip"):
            ratio = best[name] / best["coding"]
            print(f"integrity  {name:>7}            {best[name]:8.2f} s   {ratio:.2f} x coding")
        start = time.perf_counter()
        tree_code(root / path)
        print(f"hashing of the bytes alone    {time.perf_counter() - start:8.2f} s")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--entities", type=int, nargs="*", default=[1000, 20000])
    parser.add_argument("--megabytes", type=int, default=256)
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args()
    for entities in asked.entities:
        time_metadata(entities)
    if asked.megabytes:
        time_integrity(asked.megabytes, asked.repeats)
    return 0


if __name__ == "__main__":
    sys.exit(main())
