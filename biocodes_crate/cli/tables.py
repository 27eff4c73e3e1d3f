"""Tables that fit a terminal: long paths lose their middle, and where that is not enough rows become blocks."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

from biocodes_crate.cli.styles import Style, cells, styled

GAP = 2
SHORTEST = 16  # columns that a path keeps


def table(
    headings: Sequence[str],
    groups: Sequence[tuple[str, Sequence[Sequence[str]]]],
    width: int,
    elastic: int,
) -> list[str]:
    """Lines of a table whose rows are in groups with a title.

    Parameters
    ----------
    elastic
        The column that gives way where the table is too wide.
    """
    rows = [row for _, group in groups for row in group]
    widths = [max(cells(row[i]) for row in [headings, *rows]) for i in range(len(headings))]
    free = width - 2 - sum(widths) - GAP * (len(widths) - 1)
    if free < 0:
        widths[elastic] = max(SHORTEST, widths[elastic] + free)
    fits = 2 + sum(widths) + GAP * (len(widths) - 1) <= width
    lines = [styled(_line(headings, widths), Style.FAINT)] if fits and rows else []
    for title, group in groups:
        if title:
            lines.append(styled(middle(title, width), Style.STRONG))
        for row in group:
            short = [*row]
            short[elastic] = middle(row[elastic], widths[elastic])
            lines += [_line(short, widths)] if fits else _block(row, width, elastic)
    return lines


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    parts = [cell + " " * (width - cells(cell)) for cell, width in zip(row, widths, strict=True)]
    return ("  " + (" " * GAP).join(parts)).rstrip()


def _block(row: Sequence[str], width: int, elastic: int) -> list[str]:
    """A row over several lines: as many cells on each as there is room for."""
    lines, line = [], " " if row[0] else "   "  # without a first cell it goes on with the row above
    for number, cell in enumerate(row):
        shown = middle(cell, width - 4) if number == elastic else cell
        if not shown:
            continue
        if line.strip() and cells(line) + 1 + cells(shown) > width:
            lines.append(line)
            line = "   "
        line = f"{line} {shown}"
    return [*lines, line]


def middle(text: str, width: int) -> str:
    """Text cut in the middle to a width: both ends of a path tell something."""
    if cells(text) <= width:
        return text
    head = tail = ""
    for front, back in zip(text, reversed(text), strict=True):
        if cells(head) + cells(front) + cells(tail) + 1 > width:
            break
        head += front
        if cells(head) + cells(back) + cells(tail) + 1 > width:
            break
        tail = back + tail
    return f"{head}…{tail}"


def wrapped(text: str, width: int, first: str, later: str) -> list[str]:
    """A text in lines; words that are longer than a line stay whole, so that they can be copied."""
    lines = textwrap.wrap(
        text,
        max(width, 20),
        initial_indent=first,
        subsequent_indent=later,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return lines or [first.rstrip()]


def facts(pairs: Sequence[tuple[str, str, str]], width: int) -> Iterator[str]:
    """Lines of "what, how many, in words", in three columns."""
    name = max(cells(pair[0]) for pair in pairs)
    number = max(cells(pair[1]) for pair in pairs)
    for what, count, words in pairs:
        indent = " " * (2 + name + GAP + number + GAP)
        head = f"  {what}{' ' * (name - cells(what))}  {' ' * (number - cells(count))}{count}  "
        yield from (line.rstrip() for line in wrapped(words, width, head, indent))
