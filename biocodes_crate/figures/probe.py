"""Is a PDF safe to open? PDFium unpacks a page at once, so a small bomb can take hours, or all memory.

A second Python opens its pages first, with a limit on time and memory; what it cannot do is not tried here.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from biocodes_crate.errors import UnreadableFigure

_SECONDS = 20.0
_BYTES = 2 << 30  # of address space: a page that fits a figure takes a tenth of it
_CODE = """
import sys
try:
    import resource
    resource.setrlimit(resource.RLIMIT_AS, (int(sys.argv[2]), int(sys.argv[2])))
except (ImportError, ValueError, OSError):
    pass
import pypdfium2
try:
    source = sys.argv[1] if sys.argv[1] else sys.stdin.buffer.read()
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
    if not sys.executable:
        return
    name, content = (str(source.absolute()), None) if isinstance(source, Path) else ("", source)
    command = [sys.executable, "-P", "-c", _CODE, name, str(_BYTES), str(pages)]
    try:
        done = subprocess.run(command, input=content, capture_output=True, timeout=_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise _refused(where, f"its pages take more than {_SECONDS:.0f} s to open") from None
    except OSError:
        return
    if done.returncode < 0 or done.returncode == 3:
        raise _refused(where, "its pages take more memory than a figure does, or crash the reader")


def _refused(where: object, why: str) -> UnreadableFigure:
    return UnreadableFigure(
        f"the PDF cannot be opened safely: {why}",
        where=where,
        remedy="Export the figure as PNG or TIFF of 300 to 600 dpi.",
    )
