"""Pages of a PDF as pictures, drawn by a second Python: a page of few bytes can take hours to draw, or all memory."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np

from biocodes_crate.figures.confined import LIMIT, confined_environment
from biocodes_crate.figures.placing import Pixels

_SECONDS = 10.0  # for a page
_BYTES = 1 << 30  # of address space
_MOST_FAILURES = 2  # pages; after so many no other is tried
_CODE = """
import struct
import pypdfium2
size = int(sys.argv[3])
document = pypdfium2.PdfDocument(sys.stdin.buffer.read(size) if size else sys.argv[2])
for line in sys.stdin.buffer:
    index, scale = line.split()
    page = document[int(index)]
    bitmap = page.render(scale=float(scale), may_draw_forms=False, rev_byteorder=True)
    pixels = bitmap.to_numpy()
    if pixels.ndim == 2:
        pixels = pixels[:, :, None].repeat(3, axis=2)
    pixels = pixels[:, :, :3]
    sys.stdout.buffer.write(struct.pack("<II", *pixels.shape[:2]))
    for row in pixels:
        sys.stdout.buffer.write(row.tobytes())
    sys.stdout.buffer.flush()
    bitmap.close()
    page.close()
"""


class PdfDrawer:
    """Draws pages of one PDF, a file or its bytes; to be closed after use."""

    def __init__(self, source: Path | bytes) -> None:
        self._source = source
        self._process: subprocess.Popen[bytes] | None = None
        self._failures = 0
        self._preface = b""  # what a new process wants to be told first

    def draw(self, index: int, scale: float) -> Pixels | None:
        """A page, counted from 0, as (H, W, 3) RGB, `scale` pixels a point.

        None if that takes too long or too much memory, or ends the process.
        """
        if self._failures >= _MOST_FAILURES or not sys.executable:
            return None
        pixels: Pixels | None = None
        with contextlib.suppress(OSError, ValueError):
            process = self._process = self._process or self._start()
            timer = threading.Timer(_SECONDS, process.kill)
            timer.start()
            try:
                pixels = self._ask(process, index, scale)
            finally:
                timer.cancel()
        if pixels is None:
            self._failures += 1
            self.close()
        return pixels

    def close(self) -> None:
        """End the second Python."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            with contextlib.suppress(OSError):
                process.communicate()

    def _start(self) -> subprocess.Popen[bytes]:
        content = self._source if isinstance(self._source, bytes) else b""
        name = "" if isinstance(self._source, bytes) else str(self._source.absolute())
        self._preface = content
        limit = str(_BYTES + len(content))
        return subprocess.Popen(
            [sys.executable, "-P", "-c", LIMIT + _CODE, limit, name, str(len(content))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=confined_environment(),
        )

    def _ask(self, process: subprocess.Popen[bytes], index: int, scale: float) -> Pixels | None:
        if process.stdin is None or process.stdout is None:
            return None
        process.stdin.write(self._preface + f"{index} {scale!r}\n".encode())
        self._preface = b""
        process.stdin.flush()
        head = process.stdout.read(8)
        if len(head) < 8:
            return None
        height, width = np.frombuffer(head, "<u4").tolist()
        data = process.stdout.read(3 * width * height)
        return np.frombuffer(data, np.uint8).reshape(height, width, 3) if len(data) == 3 * width * height else None
