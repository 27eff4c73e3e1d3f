"""Train the reader of single characters, and say how well it reads fonts that it has not seen.

    python benchmarks/reader.py [--out biocodes_crate/figures/glyphs.npz] [--fonts FOLDER ...]

Fonts: DejaVu, Liberation, STIX and Computer Modern (all free), as Debian's fonts-dejavu and fonts-liberation and
matplotlib's folder `mpl-data/fonts/ttf` have them, the one in Pillow (Aileron), and the strokes of OpenCV. Marks
that are no characters are drawn: blobs, arrows, lines, circles, other letters, characters run together or broken.
Three faces are held out and only tested on.
"""

from __future__ import annotations

import argparse
import sys
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from biocodes_crate.figures.glyphs import CLASSES, Mark, inputs_of, normalise

SINGLE = [(c, i) for i, name in enumerate(CLASSES[:-1]) for c in name]
NONE = len(CLASSES) - 1
STRANGE = "ΔΣΨΩαβδεζηθλξπφψ%&#@=+*$€<>?!~^←→↑↓■●▲▼★±×"
PILLOW = Path("the font in Pillow")
UNUSED = ("Math", "LastResort", "Siz", "NonUni", "cmsy", "cmex", "cmmi", "cmb10", "Display")  # other encodings, symbols
HELD_OUT = ("DejaVuSansCondensed-Bold.ttf", "LiberationSansNarrow-Bold.ttf", "LiberationSerif-Regular.ttf")
STROKES = (cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX, cv2.FONT_HERSHEY_TRIPLEX)
Patch = NDArray[np.float32]


def main() -> None:
    """Draw, train, test, save."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("biocodes_crate/figures/glyphs.npz"))
    parser.add_argument("--fonts", type=Path, nargs="*", default=[Path("/usr/share/fonts/truetype")])
    parser.add_argument("--samples", type=int, default=160_000)
    parser.add_argument("--epochs", type=int, default=12)
    arguments = parser.parse_args()
    fonts = sorted(
        p for folder in arguments.fonts for p in folder.rglob("*.ttf") if not any(word in p.name for word in UNUSED)
    )
    fonts.append(PILLOW)
    if len(fonts) < 2:
        sys.exit("there are no fonts there")
    unseen = [p for p in fonts if p.name in HELD_OUT]
    rng = np.random.default_rng(1)
    x, y = draw_many([p for p in fonts if p not in unseen], arguments.samples, rng)
    layers = train(x, y, arguments.epochs, rng)
    arrays = {f"w{i}": w.astype(np.float16) for i, (w, _) in enumerate(layers)}
    arrays |= {f"b{i}": b.astype(np.float16) for i, (_, b) in enumerate(layers)}
    np.savez_compressed(arguments.out, **arrays)
    if unseen:
        report(layers, *draw_many(unseen, 8000, rng))


def draw_many(fonts: list[Path], count: int, rng: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Marks and their classes."""
    marks: list[Mark] = []
    classes: list[int] = []
    while len(marks) < count:
        drawn = stray(rng) if rng.random() < 0.2 else character(fonts, rng)
        if drawn is not None:
            marks.append(normalise(drawn[0]))
            classes.append(drawn[1])
    return inputs_of(marks), np.array(classes)


def character(fonts: list[Path], rng: np.random.Generator) -> tuple[Patch, int] | None:
    """A character as it stands in a picture: of some font and size, blurred, noisy, cut at some level."""
    kind = rng.random()
    text, number = SINGLE[rng.integers(len(SINGLE))]
    if kind < 0.06:
        text, number = STRANGE[rng.integers(len(STRANGE))], NONE
    elif kind < 0.1:
        text, number = text + SINGLE[rng.integers(len(SINGLE))][0], NONE
    size = int(rng.integers(11, 56))
    canvas = Image.new("L", (size * 4, size * 3))
    if rng.random() < 0.08 and text.isascii():
        pixels = np.zeros((size * 3, size * 4), np.uint8)
        scale = size / 30
        stroke = STROKES[rng.integers(len(STROKES))]
        cv2.putText(
            pixels, text, (size, 2 * size), stroke, scale, 255, max(1, int(scale * rng.uniform(1, 4))), cv2.LINE_AA
        )
    else:
        font = opened(fonts[rng.integers(len(fonts))], size)
        if any(
            font.getmask(c).getbbox() is None or bytes(font.getmask(c)) == bytes(font.getmask("\ufffe")) for c in text
        ):
            return None
        at = (size + float(rng.random()), size / 2 + float(rng.random()))
        ImageDraw.Draw(canvas).text(at, text, fill=255, font=font, stroke_width=int(rng.random() < 0.1))
        pixels = np.asarray(canvas)
    if text in ("i", "j") and rng.random() < 0.5:
        pixels = without_dot(pixels)
    patch = cut(pixels, rng, pair=len(text) == 2)
    if patch is None:
        return None
    if number != NONE and rng.random() < 0.03:  # a part of a character
        h, w = patch.shape
        if min(h, w) >= 8 and text not in "Il|1.":
            return np.ascontiguousarray(patch[:, : w // 2] if rng.random() < 0.5 else patch[: h // 2]), NONE
    return patch, number


def opened(path: Path, size: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size) if path is PILLOW else ImageFont.truetype(str(path), size)
    if not isinstance(font, ImageFont.FreeTypeFont):
        sys.exit("Pillow was built without FreeType")
    return font


def without_dot(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Leave the larger part of an i or j: dots are lost easily."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats((pixels > 60).astype(np.uint8))
    if len(stats) < 3:
        return pixels
    body = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    near = cv2.dilate((labels == body).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return np.where(near, pixels, 0).astype(np.uint8)


def cut(pixels: NDArray[np.uint8], rng: np.random.Generator, pair: bool = False) -> Patch | None:
    """The ink above some level, within its bounds."""
    blurred = cv2.GaussianBlur(pixels, (0, 0), rng.uniform(0.3, 0.9)) if rng.random() < 0.6 else pixels
    soft = np.asarray(blurred, np.float32)
    if rng.random() < 0.3:
        angle = cv2.getRotationMatrix2D((pixels.shape[1] / 2, pixels.shape[0] / 2), rng.uniform(-3, 3), 1)
        soft = np.asarray(cv2.warpAffine(soft, angle, (pixels.shape[1], pixels.shape[0])), np.float32)
    if rng.random() < 0.3:
        soft = np.clip(soft + rng.normal(0, rng.uniform(2, 25), soft.shape), 0, 255).astype(np.float32)
    if rng.random() < 0.25:
        _, encoded = cv2.imencode(".jpg", soft.astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(60, 95))])
        soft = cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE).astype(np.float32)
    core = (soft >= rng.uniform(90, 205)).astype(np.uint8)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(core)
    if len(stats) < 2:
        return None
    body = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    keep = labels == body
    if not pair:
        # The dot of an i, where it is there, belongs to it: `letters` joins them, too.
        x, y, w, h, _ = (int(v) for v in stats[body])
        for i in range(1, len(stats)):
            a, b, c, d, _ = (int(v) for v in stats[i])
            if i != body and c <= 1.3 * w and b + d <= y and a + c > x - w and a < x + 2 * w and y - b - d < 0.4 * h:
                keep |= labels == i
    rows, columns = np.flatnonzero(keep.any(axis=1)), np.flatnonzero(keep.any(axis=0))
    if len(rows) < 3 or len(columns) < 2:
        return None
    patch = np.where(keep, soft, 0)[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return np.ascontiguousarray(patch, np.float32)


def stray(rng: np.random.Generator) -> tuple[Patch, int] | None:
    """A mark that is no character."""
    size = int(rng.integers(14, 60))
    pixels = np.zeros((size * 2, size * 2), np.uint8)
    kind = rng.integers(6)
    middle = (size, size)
    thick = int(rng.integers(1, max(2, size // 6)))
    if kind == 0:  # cells: the level set of a smooth field
        field = cv2.GaussianBlur(rng.normal(0, 1, pixels.shape), (0, 0), rng.uniform(1.0, size / 5))
        field /= field.std()
        pixels = np.clip(128 + 90 * (field - rng.uniform(0, 1)), 0, 255).astype(np.uint8)
    elif kind == 1:
        axes = (int(rng.integers(3, size)), int(rng.integers(3, size)))
        cv2.ellipse(pixels, middle, axes, float(rng.uniform(0, 180)), 0, 360, 255, -1 if rng.random() < 0.8 else thick)
        if pixels.max() and rng.random() < 0.5 and axes[0] > 2 * axes[1]:
            return None
    elif kind == 2:  # arrows
        angle = rng.uniform(0, 2 * np.pi)
        end = (int(size + 0.8 * size * np.cos(angle)), int(size + 0.8 * size * np.sin(angle)))
        cv2.arrowedLine(pixels, middle, end, 255, thick, cv2.LINE_AA, tipLength=float(rng.uniform(0.2, 0.5)))
    elif kind == 3:  # slanted lines, crossing lines
        for _ in range(int(rng.integers(1, 4))):
            a, b = rng.integers(0, 2 * size, (2, 2))
            cv2.line(pixels, tuple(map(int, a)), tuple(map(int, b)), 255, thick, cv2.LINE_AA)
    elif kind == 4:
        points = rng.integers(0, 2 * size, (int(rng.integers(3, 7)), 1, 2)).astype(np.int32)
        cv2.fillPoly(pixels, [points], 255, cv2.LINE_AA)
    else:  # a cell with a dark middle, open to one side
        cv2.ellipse(
            pixels,
            middle,
            (size // 2, int(size * rng.uniform(0.3, 0.9))),
            float(rng.uniform(0, 180)),
            0,
            float(rng.uniform(90, 330)),
            255,
            thick + 2,
        )
        noise = cv2.GaussianBlur(rng.normal(0, 1, pixels.shape), (0, 0), 3)
        pixels = np.clip(pixels + 500 * noise, 0, 255).astype(np.uint8)
        pixels = cv2.GaussianBlur(pixels, (0, 0), 2)
    patch = cut(pixels, rng, pair=True)
    return None if patch is None else (patch, NONE)


Layers = list[tuple[NDArray[np.float32], NDArray[np.float32]]]


def train(x: NDArray[np.float32], y: NDArray[np.int64], epochs: int, rng: np.random.Generator) -> Layers:
    """Two hidden layers, by Adam (Kingma and Ba, arXiv:1412.6980), the rate falling to zero."""
    sizes = (x.shape[1], 128, 64, len(CLASSES))
    layers = [
        (rng.normal(0, (2 / a) ** 0.5, (a, b)).astype(np.float32), np.zeros(b, np.float32)) for a, b in pairwise(sizes)
    ]
    moments = [[np.zeros_like(p) for p in (*pair, *pair)] for pair in layers]
    batch, step, total = 256, 0, epochs * (len(x) // 256)
    for epoch in range(epochs):
        order, losses = rng.permutation(len(x)), []
        for start in range(0, len(x) - batch + 1, batch):
            step += 1
            index = order[start : start + batch]
            values = [x[index] * (rng.random((batch, x.shape[1])) > 0.05)]
            for i, (w, b) in enumerate(layers):
                out = values[-1] @ w + b
                values.append(np.maximum(out, 0) if i + 1 < len(layers) else out)
            shifted = np.exp(values[-1] - values[-1].max(axis=1, keepdims=True))
            chances = shifted / shifted.sum(axis=1, keepdims=True)
            losses.append(-np.log(chances[np.arange(batch), y[index]] + 1e-9).mean())
            # Smoothed labels keep the network from being surer than it is right.
            target = np.full_like(chances, 0.02 / len(CLASSES))
            target[np.arange(batch), y[index]] += 0.98
            delta = (chances - target).astype(np.float32) / batch
            rate = 2e-3 * (1 - step / total) + 1e-5
            for i in reversed(range(len(layers))):
                w, b = layers[i]
                gradients = (values[i].T @ delta + 1e-5 * w, delta.sum(axis=0))
                delta = (delta @ w.T) * (values[i] > 0)
                for k, (parameter, g) in enumerate(zip((w, b), gradients, strict=True)):
                    m, v = moments[i][k], moments[i][k + 2]
                    m += 0.1 * (g - m)
                    v += 0.001 * (g * g - v)
                    change = rate * (m / (1 - 0.9**step)) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8)
                    np.subtract(parameter, change, out=parameter)
        print(f"epoch {epoch + 1}: loss {np.mean(losses):.3f}", flush=True)
    return layers


def report(layers: Layers, x: NDArray[np.float32], y: NDArray[np.int64]) -> None:
    """How well it does, and what it takes for what."""
    values = x
    for i, (w, b) in enumerate(layers):
        values = values @ w + b
        values = np.maximum(values, 0) if i + 1 < len(layers) else values
    found = values.argmax(axis=1)
    known = y != NONE
    print("unseen fonts, but for one character in twelve, of strokes that it was trained on:")
    print(f"{100 * (found == y)[known].mean():.1f} % of characters right")
    print(f"marks that are no characters: {100 * (found == y)[~known].mean():.1f} % seen to be none")
    wrong: dict[tuple[str, str], int] = {}
    for a, b in zip(y[found != y], found[found != y], strict=True):
        wrong[CLASSES[a], CLASSES[b]] = wrong.get((CLASSES[a], CLASSES[b]), 0) + 1
    for (a, b), count in sorted(wrong.items(), key=lambda item: -item[1])[:15]:
        print(f"  {a} read as {b}: {count}")


if __name__ == "__main__":
    main()
