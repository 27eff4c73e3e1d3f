"""Draw figure pages of odd layouts, with known panels, for `panels.py`.

    python benchmarks/odd_layouts.py IMAGES OUT [--pages 80] [--seed 1]
    python benchmarks/panels.py OUT

IMAGES is a folder of images of any kind that can be read. Pages are cut up at random, again and again, so that rows and
columns do not line up; gutters are none, thin or wide; paper is white, black, grey or coloured; panels have frames,
letters inside or outside, scale bars, arrows and insets, or are charts, text and nothing at all; files are PNG, JPEG
(turned by EXIF, too) and TIFF in 8 bits, 16 bits and CMYK. The same seed draws the same pages.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image as Picture
from PIL import ImageDraw, ImageFont

from biocodes_crate.errors import BiocodesError
from biocodes_crate.images import open_image
from biocodes_crate.images.model import PlaneIndex

Pixels = NDArray[np.uint8]
Rectangle = tuple[int, int, int, int]  # x, y, width, height

SMALLEST = 70  # pixels: sides of a cell
LONGEST = 4  # times as long as wide
GUTTERS = (0, 1, 2, 3, 5, 8, 14, 30)
PAPERS = ((255, 255, 255),) * 5 + ((0, 0, 0),) * 2 + ((238, 238, 238), (60, 60, 70), (222, 235, 247))
FACES = ("LiberationSans-Bold", "LiberationSans-Regular", "DejaVuSans-Bold", "LiberationSerif-Bold")
ENDINGS = ("png", "png", "jpg", "jpg", "turned.jpg", "tif", "cmyk.tif", "16bit.tif")


def main() -> None:
    """Draw the pages and write down what is on them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--pages", type=int, default=80)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    micrographs = list(read(arguments.images))
    folder = arguments.out / "odd" / "figures"
    folder.mkdir(parents=True)
    pages = []
    for number in range(arguments.pages):
        dice = np.random.default_rng((arguments.seed, number))
        page = draw(dice, micrographs)
        path = folder / f"fig{number:03}.{dice.choice(ENDINGS)}"
        save(page.canvas, path, int(dice.integers(75, 96)))
        pages.append(
            {"figure": f"figures/{path.name}", "page": 1, "unit": "pixel", "drawn": page.drawn, "panels": page.panels}
        )
    (arguments.out / "odd.truth.json").write_text(json.dumps({"figures": pages}, indent=1), encoding="utf-8")


def read(folder: Path) -> Iterator[Pixels]:
    """A plane of every image, 8 bits, (Y, X, 3)."""
    for path in sorted(folder.iterdir()):
        try:
            scene = open_image(path).scenes[0]
            channels = range(3) if scene.is_rgb else [scene.size_c - 1]
            planes = [scene.plane(PlaneIndex(scene.size_z // 2, c, scene.size_t // 2)) for c in channels]
        except BiocodesError:
            continue
        stack = np.stack([plane.astype(np.float32) for plane in planes], axis=-1)
        low, high = np.percentile(stack, (0.5, 99.7))
        if min(stack.shape[:2]) >= SMALLEST and high > low:
            stretched = np.clip((stack - low) / (high - low) * 255, 0, 255).astype(np.uint8)
            yield np.repeat(stretched, 3, axis=-1) if len(planes) == 1 else stretched


@dataclass(slots=True)
class Page:
    """A page that is being drawn."""

    canvas: Picture.Image
    drawn: dict[str, Any]  # how
    panels: list[dict[str, Any]] = field(default_factory=list)

    def add(self, box: Rectangle, kind: str, label: str | None = None, *, inset: bool = False) -> None:
        self.panels.append({"box": list(box), "kind": kind, "label": label, "inset": inset})


def draw(dice: np.random.Generator, micrographs: list[Pixels]) -> Page:
    """One page; what is the same all over it is thrown first."""
    width, height = (int(side) for side in dice.integers(350, 1300, 2))
    paper = PAPERS[dice.integers(len(PAPERS))]
    margin, gutter = int(dice.choice([0, 4, 12, 40])), int(dice.choice(GUTTERS))
    page = Page(Picture.new("RGB", (width, height), paper), {"paper": paper, "margin": margin, "gutter": gutter})
    letters = str(dice.choice(["ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz", ""]))
    size = int(dice.integers(14, 30))
    outside = bool(letters) and gutter >= 8 and dice.random() < 0.5
    font = ImageFont.truetype(f"{dice.choice(FACES)}.ttf", size)
    frame = int(dice.choice([0, 0, 0, 1, 2]))
    tint = dice.random() < 0.3
    cells = list(cut(dice, (margin, margin, width - 2 * margin, height - 2 * margin), gutter))
    order = sorted(range(len(cells)), key=lambda n: (cells[n][1], cells[n][0]))
    shown = dice.permutation(len(micrographs))
    ink = (0, 0, 0) if sum(paper) > 380 else (255, 255, 255)
    for rank, number in enumerate(order):
        box = cells[number]
        label = letters[rank] if rank < len(letters) else None
        if outside and label is not None:
            ImageDraw.Draw(page.canvas).text((box[0], box[1]), label, fill=ink, font=font)
            box = (box[0], box[1] + size + 6, box[2], box[3] - size - 6)
        what = dice.choice(["image", "chart", "text", "nothing"], p=[0.82, 0.1, 0.04, 0.04])
        if what == "image":
            image(dice, page, box, micrographs[shown[rank % len(shown)]], frame, tint)
            page.add(box, "image", label)
            if label is not None and not outside:
                letter(dice, page, box, label, font, size)
            if min(box[2:]) >= 160 and dice.random() < 0.12:
                inset(dice, page, box)
        elif what == "chart":
            chart(dice, page, box)
            page.add(box, "chart", label)
        elif what == "text":
            words = ImageFont.truetype("LiberationSans-Regular.ttf", 13)
            lines = "\n".join("quantified in three replicates of n cells"[: box[2] // 8] for _ in range(box[3] // 30))
            ImageDraw.Draw(page.canvas).multiline_text((box[0] + 4, box[1] + 4), lines, fill=ink, font=words)
    return page


def cut(dice: np.random.Generator, box: Rectangle, gutter: int, depth: int = 0) -> Iterator[Rectangle]:
    """Cells of a page, that of rows and columns that do not line up."""
    x, y, w, h = box
    upright = w > h if dice.random() < 0.7 else dice.random() < 0.5
    length = w if upright else h
    if length < 2 * SMALLEST + gutter + 40 or (depth > 1 and dice.random() < 0.35):
        if w >= SMALLEST and h >= SMALLEST:
            yield box
        return
    parts = int(dice.integers(2, max(3, 1 + min(4, length // (SMALLEST + gutter + 20)))))
    shares = np.ones(parts) if dice.random() < 0.5 else dice.uniform(0.7, 1.6, parts)
    ends = np.round(np.cumsum((length - gutter * (parts - 1)) * shares / shares.sum())).astype(int)
    sizes = [int(size) for size in np.diff(ends, prepend=0)]
    inner = [(size, h) if upright else (w, size) for size in sizes]
    if any(max(size) > LONGEST * min(size) for size in inner):
        if w >= SMALLEST and h >= SMALLEST:
            yield box
        return
    at = 0
    for size in inner:
        yield from cut(dice, (x + at, y, *size) if upright else (x, y + at, *size), gutter, depth + 1)
        at += (size[0] if upright else size[1]) + gutter


def image(dice: np.random.Generator, page: Page, box: Rectangle, pixels: Pixels, frame: int, tint: bool) -> None:
    """A crop of a micrograph that fills a box, with what people put on it."""
    x, y, w, h = box
    scale = max(w / pixels.shape[1], h / pixels.shape[0], float(dice.uniform(0.4, 1.2)))
    cw, ch = max(8, round(w / scale)), max(8, round(h / scale))
    left, top = (int(dice.integers(0, max(1, whole - part + 1))) for whole, part in
                 zip(pixels.shape[1::-1], (cw, ch), strict=True))  # fmt: skip
    shown = cv2.resize(pixels[top : top + ch, left : left + cw], (w, h), interpolation=cv2.INTER_AREA).astype(
        np.float32
    )
    if tint:
        shown = shown * np.array(((0, 1, 0), (1, 0, 1), (0, 1, 1), (1, 0.3, 0))[dice.integers(4)], np.float32)
    toned = (255 * (shown / 255) ** float(dice.uniform(0.7, 1.3))).astype(np.uint8)
    page.canvas.paste(Picture.fromarray(toned), (x, y))
    pen = ImageDraw.Draw(page.canvas)
    bright = toned.mean() > 140
    ink = (0, 0, 0) if bright else (255, 255, 255)
    if frame:
        pen.rectangle((x, y, x + w - 1, y + h - 1), outline=(0, 0, 0) if dice.random() < 0.5 else ink, width=frame)
    if dice.random() < 0.4:
        length, thick = int(w * dice.uniform(0.12, 0.3)), max(2, h // 60)
        pen.rectangle((x + w - length - 8, y + h - 8 - thick, x + w - 9, y + h - 9), fill=ink)
    if dice.random() < 0.2:
        ax, ay = x + int(w * dice.uniform(0.3, 0.7)), y + int(h * dice.uniform(0.3, 0.7))
        pen.line((ax, ay, ax + w // 8, ay + h // 8), fill=ink, width=3)
        pen.polygon(((ax, ay), (ax + 12, ay + 3), (ax + 3, ay + 12)), fill=ink)


def letter(
    dice: np.random.Generator, page: Page, box: Rectangle, label: str, font: ImageFont.FreeTypeFont, size: int
) -> None:
    """The letter of a panel, in one of its corners."""
    x, y, _, h = box
    at = (x + 5, y + 3) if dice.random() < 0.8 else (x + 5, y + h - size - 8)
    pen = ImageDraw.Draw(page.canvas)
    around = page.canvas.crop((at[0], at[1], at[0] + size, at[1] + size))
    bright = np.asarray(around.convert("L")).mean() > 128
    if dice.random() < 0.3:
        pen.rectangle((at[0] - 3, at[1] - 1, at[0] + size, at[1] + size + 4), fill=(255, 255, 255))
        bright = True
    pen.text(at, label, fill=(0, 0, 0) if bright else (255, 255, 255), font=font)


def inset(dice: np.random.Generator, page: Page, box: Rectangle) -> None:
    """A detail, enlarged in a framed corner."""
    x, y, w, h = box
    side = int(min(w, h) * dice.uniform(0.35, 0.45))
    detail = side // 3
    dx, dy = x + int((w - side) * dice.uniform(0.1, 0.5)), y + int((h - side) * dice.uniform(0.3, 0.6))
    shown = page.canvas.crop((dx, dy, dx + detail, dy + detail)).resize((side, side))
    corner = (x + w - side, y)
    page.canvas.paste(shown, corner)
    pen = ImageDraw.Draw(page.canvas)
    white = (255, 255, 255)
    pen.rectangle((*corner, corner[0] + side - 1, corner[1] + side - 1), outline=white, width=2)
    pen.rectangle((dx, dy, dx + detail, dy + detail), outline=white, width=1)
    page.add((*corner, side, side), "image", inset=True)


def chart(dice: np.random.Generator, page: Page, box: Rectangle) -> None:
    """Bars or a line, with axes and numbers, on white."""
    x, y, w, h = box
    pen = ImageDraw.Draw(page.canvas)
    pen.rectangle((x, y, x + w - 1, y + h - 1), fill=(255, 255, 255))
    left, low = x + 28, y + h - 20
    pen.line((left, y + 8, left, low, x + w - 6, low), fill=(0, 0, 0), width=2)
    words = ImageFont.truetype("LiberationSans-Regular.ttf", 10)
    heights = dice.uniform(0.1, 0.95, max(2, w // 40)) * (h - 40)
    step = (w - 40) / len(heights)
    tops = [(left + 6 + step * (i + 0.4), low - height) for i, height in enumerate(heights)]
    if dice.random() < 0.5:
        for top in tops:
            colour = tuple(int(value) for value in dice.integers(0, 200, 3))
            pen.rectangle((top[0] - step / 3, top[1], top[0] + step / 3, low), fill=colour)
    else:
        pen.line(tops, fill=(200, 30, 30), width=2)
    for i in range(4):
        pen.text((x + 2, low - 6 - i * (h - 40) // 4), str(i * 25), fill=(0, 0, 0), font=words)


def save(canvas: Picture.Image, path: Path, quality: int) -> None:
    """In the form that the ending asks for."""
    if path.name.endswith(".turned.jpg"):
        exif = Picture.Exif()
        exif[0x0112] = 6  # to be shown turned clockwise
        canvas.transpose(Picture.Transpose.ROTATE_90).save(path, quality=quality, exif=exif)
    elif path.name.endswith(".cmyk.tif"):
        canvas.convert("CMYK").save(path, compression="tiff_lzw")
    elif path.name.endswith(".16bit.tif"):
        tifffile.imwrite(path, np.asarray(canvas).astype(np.uint16) * 257, photometric="rgb", compression="zlib")
    elif path.suffix == ".jpg":
        canvas.save(path, quality=quality)
    else:
        canvas.save(path)


if __name__ == "__main__":
    main()
