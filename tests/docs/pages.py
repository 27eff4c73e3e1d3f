"""The code of a documentation page, as steps that can be run in order.

A comment before a block says what is special about it:

- ``<!-- not run: REASON -->``: it cannot be run here;
- ``<!-- exit code: 1 -->``: it ends with this code;
- ``<!-- file: PATH -->``: the block is a file that is written;
- ``<!-- output -->``: what the last command printed on stdout; a line ``…`` stands for any lines.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
MADE = {"cli.md", "vocabulary.md", "findings.md"}  # made from the software, and compared with it by tests
RUN = {"sh", "python"}

_BLOCK = re.compile(
    r"^(?:<!-- (?P<mark>.+?) -->\n)?```(?P<language>[a-z]+)\n(?P<code>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Step:
    """A block of code."""

    language: str
    code: str
    mark: str
    start: int  # of the code within the page
    end: int

    @property
    def reason(self) -> str | None:
        """Why it is not run; None if it is."""
        return self.mark.removeprefix("not run: ") if self.mark.startswith("not run: ") else None

    @property
    def exit_code(self) -> int:
        return int(self.mark.removeprefix("exit code: ")) if self.mark.startswith("exit code: ") else 0

    @property
    def file(self) -> str | None:
        return self.mark.removeprefix("file: ") if self.mark.startswith("file: ") else None


def pages() -> list[Path]:
    """Every page that people wrote."""
    return [path for path in sorted(DOCS.glob("*.md")) if path.name not in MADE]


def steps(text: str) -> list[Step]:
    """The blocks of a page in order."""
    return [
        Step(found["language"], found["code"], found["mark"] or "", found.start("code"), found.end("code"))
        for found in _BLOCK.finditer(text)
    ]


def matches(shown: str, written: str) -> bool:
    """Whether what was printed is what is written, `…` standing for any lines."""
    parts = [re.escape(line) for line in written.strip("\n").split("\n")]
    pattern = "\n".join("(?:.*\n?)*?" if part == re.escape("…") else part for part in parts)
    pattern = pattern.replace("(?:.*\n?)*?\n", "(?:.*\n)*?").replace("\n(?:.*\n?)*?", "(?:\n.*)*?")
    return re.fullmatch(pattern, shown.strip("\n")) is not None
