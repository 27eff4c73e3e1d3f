"""Draw the figures of the example study, and write down the known truth about them.

    python examples/make_study.py                       # figures and truth, from the images of the study
    python examples/make_study.py --originals FOLDER    # the images too, from the files named in SOURCES.md

Nothing of biocodes-crate is used here: the truth must not depend on what it is held against.
Writing the images needs `ome-zarr`; everything else `numpy`, `pillow`, `tifffile`, `zarr` and `opencv`.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import tifffile
import zarr
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

HERE = Path(__file__).parent
STUDY = HERE / "study"
TRUTH = HERE / "truth.json"
ELSEWHERE = HERE / "elsewhere" / "nuclei.tif"  # shown in a figure, but not part of the study

MITOSIS, ENVELOPE, HELA, EM = (
    f"images/{name}" for name in ("mitosis.ome.zarr", "nuclear envelope.ome.zarr", "hela.ome.tif", "mitochondria.tif")
)

Pixels = NDArray[Any]
GUTTER = 14


class Source(NamedTuple):
    """What a panel shows: a region of a plane or projection, and how its intensities are stretched."""

    image: str
    z: int | None = 0
    c: int = 0
    t: int = 0
    projection: tuple[str, int, int] | None = None
    percentiles: tuple[float, float] = (1.0, 99.8)
    color: tuple[int, int, int] | None = None  # of this channel in a merge, or of the panel


class Panel(NamedTuple):
    """A panel: region of its sources in source pixels, scale, and the finish."""

    label: str
    region: tuple[int, int, int, int]
    scale: float
    sources: tuple[Source, ...]
    lut: int | None = None  # OpenCV's colour map
    gamma: float = 1.0
    inverted: bool = False
    turns: int = 0  # quarter turns, counter-clockwise
    mirrored: bool = False
    bar: int = 0  # length of the scale bar in source pixels
    declared: dict[str, Any] | None = None  # what study.yaml says of it, where that is wrong


FIGURES: dict[str, tuple[int, tuple[Panel, ...]]] = {
    "figures/fig1.png": (  # columns, panels
        2,
        (
            Panel("A", (4, 8, 160, 176), 1.5, (Source(MITOSIS, c=1, t=1),), bar=40),
            Panel(
                "B",
                (4, 8, 160, 176),
                1.5,
                (Source(MITOSIS, c=1, t=3, percentiles=(5, 99.5)),),
                lut=cv2.COLORMAP_INFERNO,
            ),
            Panel(
                "C",
                (4, 8, 160, 176),
                1.5,
                (Source(MITOSIS, c=0, t=2, color=(255, 0, 255)), Source(MITOSIS, c=1, t=2, color=(0, 255, 0))),
                bar=40,
            ),
            Panel("D", (4, 8, 160, 176), 1.5, (Source(MITOSIS, c=1, t=4),), declared={"t": 5}),
        ),
    ),
    "figures/fig2.jpg": (
        2,
        (
            Panel("A", (40, 12, 220, 200), 1.4, (Source(ENVELOPE, z=4),), bar=50),
            Panel("B", (20, 16, 220, 200), 1.4, (Source(ENVELOPE, z=None, projection=("max", 3, 7)),)),
            Panel("C", (150, 120, 308, 280), 1.0, (Source(EM, percentiles=(0.1, 99.9)),), turns=2),
            Panel("D", (200, 220, 308, 280), 1.0, (Source("elsewhere"),)),
        ),
    ),
    "figures/fig3.tif": (
        3,
        (
            Panel("A", (30, 40, 360, 320), 0.9, (Source(HELA, c=1),), gamma=0.7, bar=60),
            Panel("B", (300, 90, 360, 320), 0.9, (Source(HELA, c=1, color=(0, 255, 255)),), mirrored=True),
            Panel(
                "C",
                (60, 60, 360, 320),
                0.9,
                (
                    Source(HELA, c=0, color=(255, 0, 0)),
                    Source(HELA, c=1, color=(0, 255, 0)),
                    Source(HELA, c=2, color=(0, 0, 255)),
                ),
                bar=60,
            ),
        ),
    ),
}


def main() -> None:
    """Parse the arguments, and make what they ask for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--originals", type=Path, help="folder with the files that SOURCES.md names")
    originals = parser.parse_args().originals
    if originals is not None:
        write_images(originals)
    truth = [draw_figure(STUDY / path, path, columns, panels) for path, (columns, panels) in FIGURES.items()]
    TRUTH.write_text(json.dumps(truth, indent=1) + "\n")


def write_images(originals: Path) -> None:
    """Write the images of the study in three formats; no pixel is changed, but some frames are left out."""
    from ome_zarr.format import FormatV04, FormatV05  # noqa: PLC0415 (only for this)
    from ome_zarr.writer import write_image  # noqa: PLC0415

    mitosis = tifffile.imread(originals / "MAX_mitosis.tif").reshape(2, 51, 196, 171)[:, ::10]
    envelope = tifffile.imread(originals / "xyz_nuclear_envelope_drosophila.tif")
    for path, pixels, axes, fmt in (
        (MITOSIS, mitosis.swapaxes(0, 1), "tcyx", FormatV05()),
        (ENVELOPE, envelope, "zyx", FormatV04()),
    ):
        group = zarr.open_group(STUDY / path, mode="w", zarr_format=fmt.zarr_format)
        chunks = (1,) * (pixels.ndim - 2) + pixels.shape[-2:]
        write_image(pixels, group, fmt=fmt, axes=axes, scale_factors=(), storage_options={"chunks": chunks})
    hela = tifffile.imread(originals / "xyc_16bit__hela-cells.tif")
    tifffile.imwrite(
        STUDY / HELA,
        hela,
        ome=True,
        photometric="minisblack",
        compression="zlib",
        metadata={
            "axes": "CYX",
            "Channel": {"Name": ["lysosomes", "mitochondria", "nuclei"]},
            "UUID": "urn:uuid:5a9c6f0e-0000-4000-8000-000000000001",
        },
    )
    tifffile.imwrite(
        STUDY / EM, tifffile.imread(originals / "xy_8bit__em_mitochondria_er.tif"), compression="zlib", metadata=None
    )
    ELSEWHERE.parent.mkdir(exist_ok=True)
    nuclei = tifffile.imread(originals / "xy_8bit__nuclei_PLK1_control.tif")
    tifffile.imwrite(ELSEWHERE, nuclei, compression="zlib", metadata=None)


def draw_figure(path: Path, name: str, columns: int, panels: tuple[Panel, ...]) -> dict[str, Any]:
    """Draw one figure; return what `crate edges --format json` ought to say of it."""
    drawn = [draw_panel(panel) for panel in panels]
    height, width = (max(picture.shape[i] for picture in drawn) for i in (0, 1))
    rows = -(-len(panels) // columns)
    page = Image.new("RGB", (GUTTER + columns * (width + GUTTER), GUTTER + rows * (height + GUTTER)), "white")
    truth = []
    for i, (panel, pixels) in enumerate(zip(panels, drawn, strict=True)):
        x, y = GUTTER + i % columns * (width + GUTTER), GUTTER + i // columns * (height + GUTTER)
        picture = Image.fromarray(pixels)
        decorate(picture, panel)
        page.paste(picture, (x, y))
        truth.append({"label": panel.label, "box": [x, y, *picture.size], "kind": "image", "edges": edges(panel)})
    path.parent.mkdir(exist_ok=True)
    if path.suffix == ".jpg":
        page.save(path, quality=92, subsampling=0)
    elif path.suffix == ".tif":
        page.save(path, compression="tiff_deflate")
    else:
        page.save(path)
    return {"figure": name, "page": 1, "panels": truth}


def draw_panel(panel: Panel) -> NDArray[np.uint8]:
    """The pixels of a panel, (H, W, 3), without decorations."""
    x, y, w, h = panel.region
    total = np.zeros((h, w, 3))
    for source in panel.sources:
        plane = read(source).astype(float)
        low, high = np.percentile(plane, source.percentiles)
        grey = np.clip((plane[y : y + h, x : x + w] - low) / (high - low), 0, 1) ** panel.gamma
        total += grey[..., np.newaxis] * np.array(source.color or (255, 255, 255))
    size = (round(w * panel.scale), round(h * panel.scale))
    picture = np.asarray(
        Image.fromarray(np.clip(np.round(total), 0, 255).astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)
    )
    if panel.inverted:
        picture = 255 - picture
    if panel.lut is not None:
        picture = cv2.applyColorMap(picture[..., 0], panel.lut)[..., ::-1]
    picture = np.rot90(picture, panel.turns)
    return np.ascontiguousarray(picture[:, ::-1] if panel.mirrored else picture)


def decorate(picture: Image.Image, panel: Panel) -> None:
    """Letter and scale bar: white, on bright ground black."""
    pen = ImageDraw.Draw(picture)
    is_bright = np.asarray(picture)[:32, :32].mean() > 128
    color, seam = ("black", "white") if is_bright else ("white", "black")
    pen.text((8, 4), panel.label, color, ImageFont.load_default(22), stroke_width=2, stroke_fill=seam)
    if panel.bar:
        length = round(panel.bar * panel.scale)
        right, bottom = picture.width - 10, picture.height - 10
        pen.rectangle((right - length, bottom - 4, right, bottom), fill="white")
        pen.text((right - length, bottom - 22), f"{panel.bar} px", fill="white", font=ImageFont.load_default(14))


def edges(panel: Panel) -> list[dict[str, Any]]:
    """The edges that a panel ought to have: one for each channel, and one for a wrong declaration."""
    found = [
        {
            "status": "verified",
            "claim": "discovered",
            "image": source.image,
            "scene": 0,
            "z": source.z,
            "c": source.c,
            "t": source.t,
            "projection": None
            if source.projection is None
            else {"kind": source.projection[0], "z": list(source.projection[1:])},
            "region": list(panel.region),
        }
        for source in panel.sources
        if source.image != "elsewhere"
    ]
    if panel.declared is not None:
        found.append({**found[0], "status": "contradicted", "claim": "declared", **panel.declared})
    return found


def read(source: Source) -> Pixels:
    """A plane or projection, (Y, X)."""
    if source.image == "elsewhere":
        return np.asarray(tifffile.imread(ELSEWHERE))
    stack = _READERS[source.image](STUDY / source.image)
    if source.projection is None:
        return stack[source.t, source.c, source.z]
    _, first, last = source.projection
    return np.asarray(stack[source.t, source.c, first : last + 1].max(axis=0))


def _zarr(axes: str) -> Callable[[Path], Pixels]:
    def opened(path: Path) -> Pixels:
        group = zarr.open_group(path, mode="r")
        attributes: Any = group.attrs.asdict()
        level = attributes.get("ome", attributes)["multiscales"][0]["datasets"][0]["path"]
        return _tczyx(np.asarray(group[level]), axes)

    return opened


def _tiff(axes: str) -> Callable[[Path], Pixels]:
    return lambda path: _tczyx(np.asarray(tifffile.imread(path)), axes)


def _tczyx(pixels: Pixels, axes: str) -> Pixels:
    return pixels.reshape([pixels.shape[axes.index(axis)] if axis in axes else 1 for axis in "tczyx"])


_READERS = {MITOSIS: _zarr("tcyx"), ENVELOPE: _zarr("zyx"), HELA: _tiff("cyx"), EM: _tiff("yx")}

if __name__ == "__main__":
    main()
