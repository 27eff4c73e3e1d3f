"""Lengths, transforms, viewports and outlines of SVG 1.1 and 2."""

from __future__ import annotations

import math
import re

from biocodes_crate.figures.model import Box
from biocodes_crate.figures.placing import Matrix, bounds_of

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_LENGTH = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)\s*(%|[a-zA-Z]*)\s*$")
_TRANSFORM = re.compile(
    r"(matrix|translateX|translateY|translate|scaleX|scaleY|scale|rotate|skewX|skewY)\s*\(([^)]*)\)"
)
_ARGUMENT = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)(%|[a-zA-Z]*)")
_PATH = re.compile(r"[MmLlHhVvCcSsQqTtAaZz]|[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_MOST_TOKENS = 200_000
# CSS pixels per unit (CSS Values 4, §6.2).
_UNITS = {"": 1.0, "px": 1.0, "pt": 4 / 3, "pc": 16.0, "in": 96.0, "cm": 96 / 2.54, "mm": 96 / 25.4, "q": 96 / 101.6}
_UNITS |= {"em": 16.0, "ex": 8.0, "rem": 16.0}
# Degrees per unit (CSS Values 4, §7.1); attributes have none.
_ANGLES = {"deg": 1.0, "rad": 180 / math.pi, "grad": 0.9, "turn": 360.0}


def length(text: str | None, default: float, whole: float) -> float:
    """A length in CSS pixels; percentages are of `whole`."""
    match = _LENGTH.match(text) if text else None
    if match is None:
        return default
    value, unit = float(match.group(1)), match.group(2).lower()
    result = value * whole / 100 if unit == "%" else value * _UNITS.get(unit, 1.0)
    return result if math.isfinite(result) else default


def numbers(text: str) -> list[float]:
    """All numbers in a list."""
    return [float(token) for token in _NUMBER.findall(text[:100_000])]


def parse_view_box(text: str | None) -> Box | None:
    """A viewBox, or None if there is none that can be used."""
    values = numbers(text) if text else []
    if len(values) != 4 or not all(map(math.isfinite, values)) or values[2] <= 0 or values[3] <= 0:
        return None
    return Box(*values)


def parse_transform(text: str | None) -> Matrix:
    """A list of transforms, of an attribute or of CSS; the first in the list is applied last."""
    matrix = Matrix()
    for kind, arguments in _TRANSFORM.findall(text[:100_000]) if text else ():
        step = _step(kind, _arguments(arguments))
        if step is not None and step.is_finite:
            matrix = matrix.after(step)
    return matrix


def _arguments(text: str) -> list[float]:
    """Numbers, lengths in CSS pixels, angles in degrees; none where there are percentages."""
    found = []
    for value, unit in _ARGUMENT.findall(text):
        factor = 1.0 if not unit else {**_UNITS, **_ANGLES}.get(unit.lower())
        if factor is None:
            return []
        found.append(float(value) * factor)
    return found


def _step(kind: str, v: list[float]) -> Matrix | None:
    match kind, len(v):
        case "matrix", 6:
            return Matrix(*v)
        case "translate", (1 | 2):
            return Matrix(1, 0, 0, 1, v[0], v[1] if len(v) == 2 else 0.0)
        case "translateX", 1:
            return Matrix(1, 0, 0, 1, v[0], 0)
        case "translateY", 1:
            return Matrix(1, 0, 0, 1, 0, v[0])
        case "scale", (1 | 2):
            return Matrix(v[0], 0, 0, v[-1])
        case "scaleX", 1:
            return Matrix(v[0], 0, 0, 1)
        case "scaleY", 1:
            return Matrix(1, 0, 0, v[0])
        case "rotate", (1 | 3):
            cos, sin = math.cos(math.radians(v[0])), math.sin(math.radians(v[0]))
            x, y = (v[1], v[2]) if len(v) == 3 else (0.0, 0.0)
            return Matrix(cos, sin, -sin, cos, x - cos * x + sin * y, y - sin * x - cos * y)
        case "skewX", 1:
            return Matrix(1, 0, math.tan(math.radians(v[0])), 1)
        case "skewY", 1:
            return Matrix(1, math.tan(math.radians(v[0])), 0, 1)
    return None


def about_origin(matrix: Matrix, origin: str | None, viewport: tuple[float, float]) -> Matrix:
    """A transform about a point other than the origin (CSS Transforms 1, §6); percentages are of the viewport."""
    words = origin.split() if origin else []
    if len(words) < 2:
        return matrix
    x, y = length(words[0], math.nan, viewport[0]), length(words[1], math.nan, viewport[1])
    if math.isnan(x) or math.isnan(y):
        return matrix
    return Matrix(1, 0, 0, 1, x, y).after(matrix).after(Matrix(1, 0, 0, 1, -x, -y))


def fitted(view: Box, frame: Box, preserve: str | None) -> Matrix:
    """From a view box to the frame that shows it (SVG 1.1, §7.8: preserveAspectRatio)."""
    words = (preserve or "xMidYMid meet").split()
    words = words[1:] if words and words[0] == "defer" else words
    align = words[0] if words else "xMidYMid"
    sx = frame.w / view.w if view.w else 1.0
    sy = frame.h / view.h if view.h else 1.0
    if align == "none":
        return Matrix(sx, 0, 0, sy, frame.x - sx * view.x, frame.y - sy * view.y)
    scale = max(sx, sy) if words[1:2] == ["slice"] else min(sx, sy)
    spare_x, spare_y = frame.w - scale * view.w, frame.h - scale * view.h
    fx = 0.0 if "xMin" in align else 1.0 if "xMax" in align else 0.5
    fy = 0.0 if "YMin" in align else 1.0 if "YMax" in align else 0.5
    return Matrix(scale, 0, 0, scale, frame.x + fx * spare_x - scale * view.x, frame.y + fy * spare_y - scale * view.y)


def parse_path_bounds(d: str) -> Box | None:
    """The box around a path's points and control points; exact for paths of straight lines."""
    tokens = _PATH.findall(d)[:_MOST_TOKENS]
    points: list[tuple[float, float]] = []
    x = y = start_x = start_y = 0.0
    command, i = "M", 0
    sizes = {"M": 2, "L": 2, "H": 1, "V": 1, "C": 6, "S": 4, "Q": 4, "T": 2, "A": 7}
    while i < len(tokens):
        if tokens[i].isalpha():
            command = tokens[i]
            i += 1
            if command in "Zz":
                x, y = start_x, start_y
                continue
        upper = command.upper()
        count = sizes.get(upper, 0)
        if count == 0 or i + count > len(tokens) or any(t.isalpha() for t in tokens[i : i + count]):
            break
        v = [float(t) for t in tokens[i : i + count]]
        i += count
        ox, oy = (x, y) if command.islower() else (0.0, 0.0)
        if upper == "H":
            x = v[0] + ox
        elif upper == "V":
            y = v[0] + oy
        elif upper == "A":
            # An arc stays within its radii of either end; what it is clipped to is seldom an arc.
            end = (v[5] + ox, v[6] + oy)
            points.append(end)
            x, y = end
        else:
            points += [(v[k] + ox, v[k + 1] + oy) for k in range(0, count, 2)]
            x, y = points[-1]
        points.append((x, y))
        if upper == "M":
            start_x, start_y = x, y
            command = "l" if command == "m" else "L"
    finite = [(px, py) for px, py in points if math.isfinite(px) and math.isfinite(py)]
    return bounds_of(finite) if finite else None
