"""Open damaged figure files until one of them does harm.

    python benchmarks/fuzz_figures.py [--minutes 5] [--formats pdf svg pptx png jpg tif json] [--keep FOLDER]

Hypothesis changes good files: bytes and numbers replaced, pieces cut out, doubled, swapped or taken from another
file. Inside of SVG, PPTX and JSON it changes the text itself. Each file must be read, or refused with
`UnreadableFigure`, within 20 seconds and 3 GB. Anything else (another exception, a signal, too long, too much)
is a crash; its input stays in FOLDER. Every format runs in a process of its own with that limit on memory.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import multiprocessing
import re
import resource
import sys
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pypdfium2
import tifffile
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from PIL import Image
from pptx import Presentation

from biocodes_crate.errors import UnreadableFigure
from biocodes_crate.figures import open_figure

FORMATS = ("pdf", "svg", "pptx", "png", "jpg", "tif", "json")
SECONDS = 20.0
MEMORY = 3 << 30  # more than the process needs at rest
NUMBERS = (
    b"0",
    b"-1",
    b"1",
    b"65535",
    b"2147483647",
    b"-2147483648",
    b"4294967296",
    b"99999999999999999999",
    b"1e308",
    b"nan",
)
Change = tuple[int, float, float, int]  # what, where, how much, which value


def main() -> None:
    """Run every format for its share of the time, and say what came out."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--formats", nargs="*", default=FORMATS)
    parser.add_argument("--keep", type=Path, default=Path("fuzz-crashes"))
    arguments = parser.parse_args()
    failed = False
    for kind in arguments.formats:
        failed |= run(kind, 60 * arguments.minutes / len(arguments.formats), arguments.keep)
    sys.exit(failed)


def run(kind: str, seconds: float, keep: Path) -> bool:
    """Fuzz one format; True if something went wrong."""
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        ends = time.monotonic() + seconds
        failures = 0
        total: Counter[str] = Counter()
        while time.monotonic() < ends and failures < 5:
            receiver, sender = multiprocessing.Pipe(duplex=False)
            left = ends - time.monotonic()
            child = multiprocessing.Process(target=fuzz, args=(kind, work, left, failures, sender))
            (work / "started").unlink(missing_ok=True)
            child.start()
            sender.close()
            reason = watch(child, work, left)
            if receiver.poll():
                counts, problem = receiver.recv()
                total += counts
                reason = reason or problem
            if reason:
                failures += 1
                keep.mkdir(parents=True, exist_ok=True)
                for case in work.glob("case*"):
                    (keep / f"{kind}-{failures}{case.suffix}").write_bytes(case.read_bytes())
                print(f"{kind}: {reason}")
        shown = ", ".join(f"{count} {name}" for name, count in sorted(total.items()))
        print(f"{kind:5} {sum(total.values()):6} files: {shown}; {failures} crashes", flush=True)
    return failures > 0


def watch(child: multiprocessing.Process, work: Path, seconds: float) -> str | None:
    """Wait for the child; what ended it before its time, if anything did."""
    ends = time.monotonic() + seconds + SECONDS
    started = work / "started"
    while child.is_alive():
        child.join(0.5)
        age = time.time() - started.stat().st_mtime if started.exists() else 0.0
        if age > SECONDS or time.monotonic() > ends:
            child.kill()
            child.join()
            return f"a file took more than {SECONDS:.0f} s"
    if not child.exitcode:
        return None
    return f"ended by signal {-child.exitcode}" if child.exitcode < 0 else f"ended with code {child.exitcode}"


def fuzz(kind: str, work: Path, seconds: float, start: int, sender: multiprocessing.connection.Connection) -> None:
    """Open changed files until the time is over (in a process of its own)."""
    good = seeds(kind, work)
    before = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (before + MEMORY, before + MEMORY))
    counts: Counter[str] = Counter()
    problem: list[str] = []
    ends = time.monotonic() + seconds
    change = st.tuples(st.integers(0, 6), st.floats(0, 1), st.floats(0, 1), st.integers(0, 255))

    @seed(start)
    @settings(
        max_examples=10**6,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(index=st.integers(0, len(good) - 1), changes=st.lists(change, min_size=1, max_size=12))
    def attempt(index: int, changes: list[Change]) -> None:
        if time.monotonic() > ends:
            raise KeyboardInterrupt
        data = damage(good[index], changes, good[index - 1], kind)
        path = work / ("case.pdf" if kind == "json" else f"case.{kind}")
        siblings = []
        if kind == "json":
            path.write_bytes(pdf_seed())
            siblings = [work / "case.json"]
            siblings[0].write_bytes(data)
        else:
            path.write_bytes(data)
        (work / "started").write_text("")
        try:
            figure = open_figure(path, None, siblings)
            counts["read with findings" if figure.findings else "read"] += 1
        except UnreadableFigure:
            counts["refused"] += 1
        except MemoryError:
            problem.append(f"more than {MEMORY >> 30} GB")
            raise KeyboardInterrupt from None
        except Exception as error:
            problem.append(f"{type(error).__name__}: {str(error)[:200]}")
            raise KeyboardInterrupt from None

    try:
        attempt()
    except KeyboardInterrupt:
        pass
    finally:
        (work / "started").unlink(missing_ok=True)
        sender.send((counts, problem[0] if problem else None))


def damage(data: bytes, changes: list[Change], other: bytes, kind: str) -> bytes:
    """A changed copy; of a PPTX, one of its parts."""
    if kind == "pptx" and changes[0][3] % 4:
        parts = unpacked(data)
        name = sorted(parts)[int(changes[0][1] * (len(parts) - 1))]
        parts[name] = changed(parts[name], changes, other)
        return packed(parts)
    return changed(data, changes, other)


def changed(data: bytes, changes: list[Change], other: bytes) -> bytes:
    """Bytes with some changes."""
    result = bytearray(data)
    for what, where, much, value in changes:
        at = int(where * max(0, len(result) - 1))
        size = max(1, int(much**3 * min(len(result), 4000)))
        if what == 0 and result:
            result[at] = value
        elif what == 1:
            numbers = list(re.finditer(rb"\d+", bytes(result)))
            if numbers:
                match = numbers[int(where * (len(numbers) - 1))]
                result[match.start() : match.end()] = NUMBERS[value % len(NUMBERS)]
        elif what == 2:
            del result[at : at + size]
        elif what == 3:
            result[at:at] = result[at : at + size] * (1 + value % 3)
        elif what == 4:
            result[at : at + size] = other[int(much * len(other)) :][:size]
        elif what == 5 and value < 40:
            del result[at:]
        elif what == 6 and len(result) >= 4:
            result[at : at + 4] = (0xFFFFFFFF if value < 128 else 1 << (value % 32)).to_bytes(
                4, "little" if value % 2 else "big"
            )
    return bytes(result)


def seeds(kind: str, work: Path) -> list[bytes]:
    """Good files of a format, small and of several kinds."""
    make: dict[str, Callable[[], list[bytes]]] = {
        "pdf": lambda: [pdf_seed(), pdf_seed(False)],
        "svg": svg_seeds,
        "pptx": lambda: [pptx_seed(work)],
        "png": lambda: [saved("PNG", mode) for mode in ("RGB", "L", "P", "RGBA", "I;16")],
        "jpg": lambda: [saved("JPEG", mode) for mode in ("RGB", "L", "CMYK")],
        "tif": lambda: tiff_seeds(work),
        "json": lambda: [json.dumps(omero_seed(i)).encode() for i in range(3)],
    }
    return make[kind]()


def picture(side: int = 96) -> np.ndarray:
    """Noise on a white page, (side, side, 3) uint8."""
    rng = np.random.default_rng(1)
    pixels = np.full((side, side, 3), 255, np.uint8)
    pixels[8:-8, 8:-8] = rng.integers(20, 200, (side - 16, side - 16, 1))
    return pixels


def saved(name: str, mode: str) -> bytes:
    buffer = io.BytesIO()
    image = (
        Image.fromarray(picture()[..., 0].astype(np.uint16) * 257)
        if mode == "I;16"
        else Image.fromarray(picture()).convert(mode)
    )
    image.save(buffer, name)
    return buffer.getvalue()


def pdf_seed(embedded: bool = True) -> bytes:
    document = pypdfium2.PdfDocument.new()
    page = document.new_page(300, 200)
    for i in range(2 if embedded else 0):
        image = pypdfium2.PdfImage.new(document)
        image.set_bitmap(pypdfium2.PdfBitmap.from_pil(Image.fromarray(picture())))
        image.set_matrix(pypdfium2.PdfMatrix(100, 0, 0, 100, 20 + 140 * i, 50))
        page.insert_obj(image)
    page.gen_content()
    buffer = io.BytesIO()
    document.save(buffer)
    document.close()
    return buffer.getvalue()


def svg_seeds() -> list[bytes]:
    data = base64.b64encode(saved("PNG", "RGB")).decode()
    image = f'<image id="i" x="5" y="5" width="96" height="96" href="data:image/png;base64,{data}"/>'
    body = (
        '<style>.c{clip-path:url(#w)}</style><defs><clipPath id="w">'
        '<path d="M5 5h60v40a3 3 0 0 1 9 9z"/></clipPath></defs>'
        f'<g class="c" transform="translate(20,10) rotate(5) scale(2 1.5)">{image}</g><use href="#i" x="150"/>'
        '<svg x="10%" y="5" width="50" height="40" viewBox="0 0 10 10"><circle cx="5" cy="5" r="4"/></svg>'
        '<text x="3" y="9">A</text>'
    )
    head = '<svg xmlns="http://www.w3.org/2000/svg" width="400" height="200" viewBox="0 0 400 200">'
    return [f"{head}{body}</svg>".encode(), f'{head}<rect x="10" y="10" width="90" height="90"/></svg>'.encode()]


def pptx_seed(work: Path) -> bytes:
    source, path = work / "seed.png", work / "seed.pptx"
    source.write_bytes(saved("PNG", "RGB"))
    deck = Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[6])
    slide.shapes.add_picture(str(source), 500_000, 500_000, 2_000_000, 2_000_000).rotation = 30
    slide.shapes.add_group_shape().shapes.add_picture(
        str(source), 3_000_000, 500_000, 2_000_000, 2_000_000
    ).crop_left = 0.2
    slide.shapes.add_textbox(0, 0, 900_000, 300_000).text_frame.text = "A"
    deck.save(str(path))
    return path.read_bytes()


def unpacked(data: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(parts: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def tiff_seeds(work: Path) -> list[bytes]:
    path = work / "seed.tif"
    made = []
    for pixels, options in (
        (picture(), {"photometric": "rgb", "compression": "lzw"}),
        (picture().astype(np.uint16) * 257, {"photometric": "rgb", "compression": "zlib", "predictor": True}),
        (picture()[..., 0], {"photometric": "minisblack", "tile": (32, 32)}),
        (np.concatenate([picture(), picture()[..., :1]], axis=2), {"photometric": "separated"}),
        (picture(), {"photometric": "rgb", "compression": "jpeg"}),
    ):
        tifffile.imwrite(path, pixels, **options)
        made.append(path.read_bytes())
    return made


def omero_seed(number: int) -> dict[str, object]:
    panel = {"imageId": 7, "name": "a", "x": 20, "y": 50, "width": 100, "height": 100, "zoom": 150, "dx": 3, "dy": None}
    panel |= {
        "rotation": 30 * number,
        "theZ": 1,
        "theT": 0,
        "orig_width": 96,
        "orig_height": 96,
        "labels": [{"text": "A", "position": "topleft"}],
    }
    panel |= {
        "channels": [{"active": True, "window": {"start": 0, "end": 255}}],
        "z_projection": number == 1,
        "z_start": 0,
        "z_end": 4,
    }
    return {
        "version": 9 - number,
        "panels": [panel, panel | {"x": 160}],
        "paper_width": 300,
        "paper_height": 200,
        "page_count": 1,
    }


if __name__ == "__main__":
    main()
