"""Count the panels of documents whose source region is found to the pixel, where the document holds the native crop.

    python benchmarks/native_crops.py IMAGES OUT [--panels 36] [--seed 1]

Crops of the images in IMAGES, in 8 bits and otherwise as they are, are put into SVG, PPTX and PDF, six to a page, drawn
smaller than they are. OUT becomes a study with these figures and copies of the images, which is built and compared.
"""

from __future__ import annotations

import argparse
import base64
import io
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pypdfium2
from numpy.typing import NDArray
from PIL import Image as Picture
from pptx import Presentation
from pptx.util import Emu

from biocodes_crate.crate import open_crate, read_pages
from biocodes_crate.errors import BiocodesError
from biocodes_crate.images import open_image
from biocodes_crate.images.model import PlaneIndex
from biocodes_crate.pipeline import build_study

KINDS = ("svg", "pptx", "pdf")
ON_PAGE = 6
DRAWN = 0.6  # of its size


class Crop(NamedTuple):
    """A panel, and where it was cut out."""

    pixels: NDArray[np.uint8]
    source: Path
    region: tuple[int, int, int, int]  # x, y, width, height, in pixels of the source


def main() -> None:
    """Draw, build, and print what was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--panels", type=int, default=36)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    dice = np.random.default_rng(arguments.seed)
    crops = [crop for crop, _ in zip(cut(arguments.images, dice), range(arguments.panels), strict=False)]
    for folder in ("images", "figures"):
        (arguments.out / folder).mkdir(parents=True)
    pages = {}
    for number, start in enumerate(range(0, len(crops), ON_PAGE)):
        path = arguments.out / "figures" / f"fig{number}.{KINDS[number % len(KINDS)]}"
        pages[f"figures/{path.name}"] = crops[start : start + ON_PAGE]
        draw(path, pages[f"figures/{path.name}"])
    for crop in crops:
        copy = shutil.copytree if crop.source.is_dir() else shutil.copy
        copy(crop.source, arguments.out / "images" / crop.source.name)
    build_study(arguments.out)
    errors = list(compare(arguments.out, pages))
    lost = sum(error is None for error in errors)
    exact = sum(error is not None and error <= 1 for error in errors)
    print(f"panels {len(errors)}  to one pixel {exact}  further off {len(errors) - exact - lost}  not traced {lost}")


def cut(folder: Path, dice: np.random.Generator) -> Iterator[Crop]:
    """A crop of each image that is large enough and shows something there."""
    for path in dice.permutation(sorted(folder.iterdir())):
        try:
            scene = open_image(path).scenes[0]
            plane = scene.plane(PlaneIndex(scene.size_z // 2, 0, 0)).astype(np.float32)
        except BiocodesError:
            continue
        if scene.is_rgb or min(plane.shape) < 200:
            continue
        w, h = (int(dice.integers(150, min(320, side) + 1)) for side in (scene.size_x, scene.size_y))
        x, y = int(dice.integers(scene.size_x - w + 1)), int(dice.integers(scene.size_y - h + 1))
        low, high = np.percentile(plane, (1, 99.8))
        shown = np.clip((plane[y : y + h, x : x + w] - low) / max(high - low, 1e-6) * 255, 0, 255).astype(np.uint8)
        if shown.std() >= 18:
            yield Crop(shown, path, (x, y, w, h))


def draw(path: Path, crops: Sequence[Crop]) -> None:
    """A page of crops, each with its own pixels."""
    places = [(20 + 200 * (i % 3), 20 + 220 * (i // 3)) for i in range(len(crops))]
    files = []
    for crop in crops:
        files.append(io.BytesIO())
        Picture.fromarray(crop.pixels).save(files[-1], "PNG")
    if path.suffix == ".svg":
        drawn = "".join(
            f'<g transform="translate({x} {y}) scale({DRAWN})"><image width="{w}" height="{h}" '
            f'href="data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"/></g>'
            for (x, y), file, (_, _, (_, _, w, h)) in zip(places, files, crops, strict=True)
        )
        path.write_text(f'<svg xmlns="http://www.w3.org/2000/svg" width="640" height="480">{drawn}</svg>')
    elif path.suffix == ".pptx":
        deck = Presentation()
        slide = deck.slides.add_slide(deck.slide_layouts[6])
        for (x, y), file, crop in zip(places, files, crops, strict=True):
            slide.shapes.add_picture(
                file, Emu(x * 12700), Emu(y * 12700), width=Emu(round(crop.region[2] * DRAWN * 12700))
            )
        deck.save(str(path))
    else:
        document = pypdfium2.PdfDocument.new()
        page = document.new_page(640, 480)
        for (x, y), crop in zip(places, crops, strict=True):
            image = pypdfium2.PdfImage.new(document)
            image.set_bitmap(pypdfium2.PdfBitmap.from_pil(Picture.fromarray(crop.pixels).convert("RGB")))
            _, _, w, h = crop.region
            image.set_matrix(pypdfium2.PdfMatrix(DRAWN * w, 0, 0, DRAWN * h, x, y))
            page.insert_obj(image)
        page.gen_content()
        document.save(str(path))


def compare(study: Path, pages: Mapping[str, Sequence[Crop]]) -> Iterator[float | None]:
    """For each panel, how far a side of its region is off, in pixels of the source; None where it was not traced."""
    with open_crate(study) as crate:
        found = {
            (page.figure, edge.image): edge.region
            for page in read_pages(crate.metadata)
            for panel in page.panels
            for edge in panel.edges
            if edge.region is not None
        }
    for figure, crops in pages.items():
        for crop in crops:
            region = found.get((figure, f"images/{crop.source.name}"))
            if region is None:
                yield None
                continue
            x, y, w, h = crop.region
            sides = zip(
                (x, y, x + w, y + h), (region.x, region.y, region.x + region.w, region.y + region.h), strict=True
            )
            yield max(abs(a - b) for a, b in sides)


if __name__ == "__main__":
    main()
