"""Text of anybody, fit for a page; numbers and names as people write them."""

from __future__ import annotations

import re

from biocodes_crate.tracing.model import TracedPanel

# Control characters that neither HTML nor XML can hold, and those that turn the direction of what follows
# around (U+202A–202E, U+2066–2069): a file name must not look like another. Bytes of a file name that are
# not UTF-8 come as surrogates.
_UNFIT = re.compile("[\ud800-\udfff\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufffe\uffff]")

_POWER = re.compile(r"\b10\^(-?[0-9]+)")
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def clean(text: str) -> str:
    """Text with what no page can hold replaced by U+FFFD."""
    return _UNFIT.sub("\ufffd", text)


def elided(text: str, longest: int) -> str:
    """Text cut in the middle: both ends of a path tell something."""
    if len(text) <= longest:
        return text
    head = (longest - 1) // 2
    return f"{text[:head]}…{text[head + 1 - longest :]}"


def panel_title(panel: TracedPanel, position: int) -> str:
    """What a panel is called: "Panel A", or "Panel 3 (no label)" for the third."""
    label = " ".join((panel.label or "").split())
    return f"Panel {label}" if label else f"Panel {position + 1} (no label)"


def sentence(words: str) -> str:
    """Words with a capital and a full stop."""
    words = _POWER.sub(lambda found: f"10{found[1].translate(_RAISED)}", words.strip())
    return f"{words[:1].upper()}{words[1:]}{'' if words.endswith(('.', '!', '?')) else '.'}" if words else ""


def byte_size(size: int) -> str:
    """A number of bytes, as "1.4 MB"."""
    value = float(size)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1000:
            return f"{size} bytes" if unit == "bytes" else f"{value:.3g} {unit}"
        value /= 1000
    return f"{value:.3g} TB"


def plural(count: int, one: str, many: str | None = None) -> str:
    """A number with its noun: "1 panel", "2 panels"."""
    return f"{count} {one if count == 1 else many or one + 's'}"


def swatch(color: str) -> str:
    """A colour "RRGGBB" as CSS has it; none where it is no colour."""
    return f"#{color.upper()}" if re.fullmatch("[0-9A-Fa-f]{6}", color) else ""
