"""Read one journal page of 150 million pixels: time, and the most memory that it took.

    python benchmarks/large_page.py [FOLDER]

Four panels of noise and cells on white, 15,000 by 10,000 pixels, as TIFF in 8 bits, CMYK and 16 bits, in LZW strips, in
tiles, and uncompressed; and as PNG and JPEG. Each is read in a process of its own, for its peak of memory: of the
interpreter with all it has loaded, and of the page.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
from PIL import Image

from biocodes_crate.figures import PanelKind, open_figure

SIZE = (10_000, 15_000)
BOXES = [(200, 300, 7000, 4500), (7500, 300, 7200, 4500), (200, 5200, 9000, 4500), (9600, 5200, 5200, 4500)]


def main() -> None:
    """Draw the pages, and read each in a process of its own."""
    if len(sys.argv) == 3:
        measure(Path(sys.argv[2]))
        return
    with tempfile.TemporaryDirectory(dir=sys.argv[1] if len(sys.argv) == 2 else None) as folder:
        for kind in ("8 bits", "CMYK", "16 bits", "16 bits in tiles", "16 bits uncompressed", "PNG", "JPEG"):
            path = Path(folder) / f"figure.{kind.lower() if kind in ('PNG', 'JPEG') else 'tif'}"
            draw(path, kind)
            print(f"{kind}: {path.stat().st_size >> 20} MB, ", end="", flush=True)
            subprocess.run([sys.executable, __file__, "--measure", str(path)], check=True)


def draw(path: Path, kind: str) -> None:
    """A page of four panels."""
    rng = np.random.default_rng(1)
    page = np.full((*SIZE, 3), 255, np.uint8)
    for x, y, w, h in BOXES:
        small = cv2.GaussianBlur(rng.normal(80, 60, (h // 20, w // 20)), (0, 0), 3) + rng.normal(
            0, 6, (h // 20, w // 20)
        )
        grey = cv2.resize(np.clip(small, 2, 240).astype(np.uint8), (w, h), interpolation=cv2.INTER_CUBIC)
        page[y : y + h, x : x + w] = np.minimum(grey, 250)[..., None]
    if kind in ("PNG", "JPEG"):
        Image.fromarray(page).save(path, quality=92)
        return
    options: dict[str, Any] = {"photometric": "rgb", "compression": "lzw", "rowsperstrip": 256}
    if kind == "CMYK":
        page = np.concatenate([255 - page, np.zeros_like(page[..., :1])], axis=2)
        options["photometric"] = "separated"
    elif kind.startswith("16 bits"):
        page = page.astype(np.uint16)
        page *= 257
    if kind.endswith("tiles"):
        options = {"photometric": "rgb", "compression": "lzw", "tile": (512, 512)}
    elif kind.endswith("uncompressed"):
        options = {"photometric": "rgb"}
    tifffile.imwrite(path, page, **options)


def measure(path: Path) -> None:
    """Read one page, and say what it took."""
    before = peak()
    started = time.perf_counter()
    panels = [p for p in open_figure(path).pages[0].panels if p.kind is PanelKind.IMAGE]
    off = max(min(max(abs(a - b) for a, b in zip(p.box, box, strict=True)) for p in panels) for box in BOXES)
    print(
        f"{len(panels)} of {len(BOXES)} panels, edges within {off:.0f} pixels, {time.perf_counter() - started:.0f} s, "
        f"peak {peak()} MB, {before} MB of it before the page was opened",
        flush=True,
    )


def peak() -> int:
    """Megabytes at the most so far. Linux counts them anew for each program; `getrusage` keeps those of the parent."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) >> 10


if __name__ == "__main__":
    main()
