"""A small study, quickly built: two images of blobs, and a figure of two panels that show them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tifffile
from imagewriters import write_ome_zarr
from PIL import Image

TIFF = "images/zellen ä #1.tif"
ZARR = "images/stack.ome.zarr"
FIGURE = "figures/fig 1.png"


def blobs(seed: int, shape: tuple[int, int] = (180, 200), count: int = 90) -> np.ndarray:
    """Cells of a kind: bright ellipses with texture on a dark ground, uint8."""
    rng = np.random.default_rng(seed)
    yy, xx = np.mgrid[: shape[0], : shape[1]]
    picture = np.full(shape, 12.0)
    for _ in range(count):
        y, x = rng.uniform(0, shape[0]), rng.uniform(0, shape[1])
        a, b = rng.uniform(3, 11, 2)
        spot = np.exp(-(((yy - y) / a) ** 2 + ((xx - x) / b) ** 2))
        picture += rng.uniform(30, 180) * spot
    picture += rng.normal(0, 4, shape)
    return np.clip(picture, 0, 255).astype(np.uint8)


def write_drawn_study(root: Path, *, version: str = "0.4") -> Path:
    """Write the study; panel A shows the TIFF, panel B plane 1 of the stack."""
    (root / "images").mkdir(parents=True)
    (root / "figures").mkdir()
    plain = blobs(1)
    tifffile.imwrite(root / TIFF, plain)
    stack = np.stack([blobs(seed) for seed in (2, 3)])
    write_ome_zarr(root / ZARR, stack[np.newaxis, np.newaxis], version=version)
    page = np.full((220, 440, 3), 255, np.uint8)
    page[20:180, 20:200] = plain[10:170, 10:190, np.newaxis]
    page[20:180, 230:410] = stack[1][10:170, 10:190, np.newaxis]
    Image.fromarray(page).save(root / FIGURE)
    return root
