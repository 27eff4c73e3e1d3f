"""A small study made into a crate by the steps of the package: two images, one figure of three panels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile
import zarr
from PIL import Image as Pillow
from scipy.ndimage import gaussian_filter, zoom

from biocodes_crate.codes import code_figure, code_image, payload_code, plane_rows, tree_code, write_plane_table
from biocodes_crate.crate import (
    PREVIEW,
    CrateContent,
    FigureRecord,
    FileEntry,
    ImageRecord,
    PlaneCodes,
    PlaneKey,
    RunInfo,
    SceneRecord,
    crate_files,
    write_in_place,
)
from biocodes_crate.figures import open_figure
from biocodes_crate.images import open_image
from biocodes_crate.study import Author, Manifest
from biocodes_crate.tracing import IndexBuilder, TraceIndex, trace_figure

TIFF = "images/zellen 1.ome.tif"
ZARR = "images/stack.ome.zarr"
FIGURE = "figures/fig #1.png"


def write_study(root: Path) -> None:
    """Write the data files."""
    rng = np.random.default_rng(7)
    (root / "images").mkdir(parents=True)
    (root / "figures").mkdir()
    planes = [_cells(rng, 256) for _ in range(2)]
    tifffile.imwrite(root / TIFF, np.stack(planes), metadata={"axes": "CYX"}, ome=True)
    stack = np.stack([_cells(rng, 192) for _ in range(3)])[None, None]  # t, c, z, y, x
    _write_zarr(root / ZARR, stack)
    figure = np.full((340, 760, 3), 255, np.uint8)
    figure[20:320, 20:320] = _shown(planes[0][40:190, 60:210], 2)
    figure[20:320, 380:680] = _shown(stack[0, 0, 1, 20:170, 20:170], 2)
    Pillow.fromarray(figure).save(root / FIGURE)
    (root / "study.yaml").write_text("title: Small\n", encoding="utf-8")


def build(root: Path) -> None:
    """Make the crate in place."""
    content, rows = study_content(root)
    table = root.with_name("planes.parquet")
    write_plane_table(table, rows)
    _, files = crate_files(content, table)
    write_in_place(root, {**files, PREVIEW: b"<!doctype html><title>biocodes</title>"})


def study_content(root: Path) -> tuple[CrateContent, list]:
    images, rows, planes, parts, opened = [], [], {}, [], {}
    for path in (TIFF, ZARR):
        image = opened[path] = open_image(root / path)
        builder = IndexBuilder(path)
        codes = code_image(image, observe=builder.observe)
        parts.append(builder.finish())
        rows += plane_rows(path, codes)
        scenes = tuple(
            SceneRecord(
                scene.index, scene.name, scene.array_path, scene.size_x, scene.size_y, scene.size_z, scene.size_c,
                scene.size_t, scene.dtype.name, iscc=made.iscc,
            )
            for scene, made in zip(image.scenes, codes.scenes, strict=True)
        )  # fmt: skip
        for scene in codes.scenes:
            for plane in scene.planes:
                key = PlaneKey(path, scene.scene, *plane.index)
                planes[key] = PlaneCodes(None, plane.image_code, plane.data_code, plane.instance_code)
        size = None if path == ZARR else (root / path).stat().st_size
        images.append(ImageRecord(path, image.encoding_format, path == ZARR, scenes, size=size, iscc=codes.tree.iscc))
    figure = open_figure(root / FIGURE)
    pages = trace_figure(figure, FIGURE, TraceIndex(parts), lambda path, scene: opened[path].scenes[scene])
    figure_codes = code_figure(root / FIGURE)
    payload = [p for p in root.rglob("*") if p.is_file() and p.parent.name not in {"codes", "provenance"}]
    payload = [p for p in payload if not p.name.startswith("ro-crate")]
    yaml = root / "study.yaml"
    return (
        CrateContent(
            folder=root.name,
            manifest=Manifest(title="Small", license="CC-BY-4.0", authors=(Author("Ada Lovelace"),)),
            run=RunInfo("0.1.0", "2026-11-22T10:00:00Z"),
            date="2026-11-22",
            files=(FileEntry("study.yaml", "application/yaml", yaml.stat().st_size, tree_code(yaml).iscc),),
            images=tuple(images),
            figures=(
                FigureRecord(
                    FIGURE, "image/png", (root / FIGURE).stat().st_size,
                    iscc=figure_codes.tree.iscc, image_code=figure_codes.image_code,
                ),
            ),
            pages=pages,
            planes=planes,
            iscc=payload_code(root, payload).iscc,
        ),
        rows,
    )  # fmt: skip


def _cells(rng: np.random.Generator, size: int) -> np.ndarray:
    """Blobs over a smooth ground with grain: something to recognise."""
    picture = gaussian_filter(rng.normal(size=(size, size)), 12) * 300
    for _ in range(size // 3):
        y, x = rng.integers(0, size, 2)
        radius = rng.integers(3, 9)
        yy, xx = np.ogrid[:size, :size]
        picture += rng.uniform(10, 60) * (((yy - y) ** 2 + (xx - x) ** 2) < radius**2)
    picture = gaussian_filter(picture, 1) + rng.normal(scale=1.5, size=(size, size))
    picture -= picture.min()
    return (picture / picture.max() * 4000).astype(np.uint16)


def _shown(pixels: np.ndarray, scale: int) -> np.ndarray:
    low, high = np.percentile(pixels, (1, 99.5))
    grey = np.clip((pixels - low) / (high - low), 0, 1)
    grey = np.clip(zoom(grey, scale, order=1), 0, 1)
    return np.repeat(np.round(grey * 255).astype(np.uint8)[..., None], 3, axis=2)


def _write_zarr(path: Path, data: np.ndarray) -> None:
    group = zarr.create_group(path, zarr_format=3)
    array = group.create_array("0", shape=data.shape, dtype=data.dtype, chunks=(1, 1, 1, 96, 96))
    array[:] = data
    axes = [{"name": "t", "type": "time"}, {"name": "c", "type": "channel"}]
    axes += [{"name": name, "type": "space", "unit": "micrometer"} for name in "zyx"]
    scale = {"type": "scale", "scale": [1, 1, 0.5, 0.1, 0.1]}
    dataset = {"path": "0", "coordinateTransformations": [scale]}
    group.attrs["ome"] = {"version": "0.5", "multiscales": [{"axes": axes, "datasets": [dataset], "name": "stack"}]}
