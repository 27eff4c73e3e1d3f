"""Colours on a terminal, and only there. What a colour says, a word or a sign says too.

Styled text carries marks of the private use area. Where it is printed they become escape codes or
nothing; so text of strangers can at worst change a colour, and never command a terminal.
"""

from __future__ import annotations

import unicodedata
from enum import Enum

_FIRST = 0xF0000
_END = chr(0xF00FF)


class Style(Enum):
    """What is meant; the values are codes of ECMA-48 (SGR)."""

    GOOD = "32"
    CAUTION = "33"
    BAD = "31"
    UNSURE = "35"
    FAINT = "2"
    STRONG = "1"


_STARTS = {style: chr(_FIRST + number) for number, style in enumerate(Style)}
_MARKS = str.maketrans(dict.fromkeys([*_STARTS.values(), _END], ""))
_CODES = str.maketrans({start: f"\x1b[{style.value}m" for style, start in _STARTS.items()} | {_END: "\x1b[0m"})
# For terminals that have no such letters.
_ASCII = str.maketrans(
    {"✓": "+", "✗": "x", "→": "->", "←": "<-", "…": "...", "–": "-", "×": "x", "·": "-", "’": "'", "µ": "u"}
)


def styled(text: str, style: Style) -> str:
    """Text with marks around it."""
    return f"{_STARTS[style]}{text}{_END}"


def plain(text: str) -> str:
    """Text without marks."""
    return text.translate(_MARKS)


def painted(text: str) -> str:
    """Text with escape codes for its marks; every line ends as it began, whatever is in it."""
    return "\n".join(
        line.translate(_CODES) + ("\x1b[0m" if line != plain(line) and not line.endswith(_END) else "")
        for line in text.split("\n")
    )


def encodable(text: str, encoding: str | None) -> str:
    """Text as an encoding can hold it; signs have their equals in ASCII."""
    try:
        text.encode(encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return text.translate(_ASCII).encode("ascii", "backslashreplace").decode("ascii")
    return text


def cells(text: str) -> int:
    """How many columns a text takes on a terminal: letters of East Asia take two, accents none."""
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in plain(text)
    )
