"""Is a PDF safe to open? PDFium unpacks a page at once, so a small bomb can take hours, or all memory.

A second Python opens its pages first, with a limit on time and memory; what it cannot do is not tried here.
"""

from __future__ import annotations

from pathlib import Path

from biocodes_crate.errors import UnreadableFigure
from biocodes_crate.figures.confined import ConfinedError, run_confined

_SECONDS = 10.0
_BYTES = 1 << 30  # of address space: a page that fits a figure takes a fifth of it
_CODE = """
import pypdfium2
try:
    source = sys.argv[2] if sys.argv[2] else sys.stdin.buffer.read()
    document = pypdfium2.PdfDocument(source)
except Exception:
    sys.exit(0)
for index in range(min(len(document), int(sys.argv[3]))):
    try:
        document[index].close()
    except MemoryError:
        sys.exit(3)
    except Exception:
        pass
"""


def probe_pdf(source: Path | bytes, pages: int, where: object) -> None:
    """Open the first pages of a PDF, a file or its bytes, in a process of its own.

    Raises
    ------
    UnreadableFigure
        If that takes too long or too much memory, or ends the process.
    """
    name, content = (str(source.absolute()), None) if isinstance(source, Path) else ("", source)
    try:
        run_confined(_CODE, [name, str(pages)], content, seconds=_SECONDS, most_bytes=_BYTES + len(content or b""))
    except ConfinedError as error:
        raise UnreadableFigure(
            f"the PDF cannot be opened safely: its pages {error}",
            where=where,
            remedy="Export the figure as PNG or TIFF of 300 to 600 dpi.",
        ) from None
