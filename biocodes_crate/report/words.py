"""Edges, their transform and their evidence in words that need no manual. Indices count from 0."""

from __future__ import annotations

import math
from typing import NamedTuple

from biocodes_crate.figures.model import Box
from biocodes_crate.report.view import SceneFacts
from biocodes_crate.tracing.model import Affine, Claim, Edge, Evidence, Intensity, PlaneRef, ProjectionKind, Status

_PROJECTIONS = {
    ProjectionKind.MAX: "maximum projection",
    ProjectionKind.MEAN: "mean projection",
    ProjectionKind.SUM: "sum projection",
    ProjectionKind.MIN: "minimum projection",
}
_COLOURS = {
    "red": (255, 0, 0),
    "green": (0, 255, 0),
    "blue": (0, 0, 255),
    "cyan": (0, 255, 255),
    "magenta": (255, 0, 255),
    "yellow": (255, 255, 0),
    "orange": (255, 128, 0),
    "violet": (128, 0, 255),
    "azure": (0, 128, 255),
    "grey": (255, 255, 255),
}
_RGB = ("red", "green", "blue", "alpha")


def describe_edge(edge: Edge, scene: SceneFacts | None = None) -> str:
    """How the panel was made from its source, in one line.

    Parameters
    ----------
    scene
        Names the channels, and tells which indices go without saying; all are named without it.

    Examples
    --------
    "plane z 5, channel 1 (GFP), 400×400 px at (380, 410), rotated 90° clockwise, window 120–3800,
    shown in green"
    """
    parts = [describe_plane(edge.source, scene)]
    if edge.region is not None:
        parts.append(_region(edge.region, scene))
    if edge.panel_to_source is not None:
        parts += _geometry(edge.panel_to_source)
    if edge.intensity is not None:
        parts += _intensity(edge.intensity)
    return ", ".join(parts)


def describe_plane(plane: PlaneRef, scene: SceneFacts | None = None) -> str:
    """A plane or projection: "plane z 5, channel 1 (GFP), time 3"."""
    words: list[str] = []
    if plane.projection is not None:
        made = plane.projection
        words.append(f"{_PROJECTIONS[made.kind]} of z {made.z_start}–{made.z_end}")
    elif plane.z is None:
        words.append("any z")
    elif scene is None or scene.size_z > 1:
        words.append(f"plane z {plane.z}")
    if scene is None or scene.size_c > 1 or plane.c:
        words.append(_channel(plane.c, scene))
    if scene is None or scene.size_t > 1 or plane.t:
        words.append(f"time {plane.t}")
    return ", ".join(words) or "the only plane"


def _channel(c: int, scene: SceneFacts | None) -> str:
    name = None
    if scene is not None and c < len(scene.channels):
        name = scene.channels[c].name
    if scene is not None and scene.is_rgb and c < len(_RGB):
        name = name or _RGB[c]
    return f"channel {c} ({' '.join(name.split())})" if name and name.split() else f"channel {c}"


def _region(region: Box, scene: SceneFacts | None) -> str:
    x, y, w, h = (round(value) for value in region)
    whole = scene is not None and abs(x) <= 1 and abs(y) <= 1
    if whole and scene is not None and abs(w - scene.size_x) <= 2 and abs(h - scene.size_y) <= 2:
        return f"all of its {scene.size_x}×{scene.size_y} px"
    return f"{w}×{h} px at ({x}, {y})"


def describe_sizes(scene: SceneFacts) -> str:
    """Dimensions of a scene: "512×512 px, 12 z, 2 channels, uint16, 0.103 µm per pixel"."""
    parts = [f"{scene.size_x}×{scene.size_y} px"]
    if scene.size_z > 1:
        parts.append(f"{scene.size_z} z")
    if scene.is_rgb:
        parts.append("colour")
    elif scene.size_c > 1:
        parts.append(f"{scene.size_c} channels")
    if scene.size_t > 1:
        parts.append(f"{scene.size_t} times")
    if scene.pixel_type:
        parts.append(scene.pixel_type)
    if scene.physical_size_x:
        parts.append(f"{scene.physical_size_x:.3g} µm per pixel")
    if scene.physical_size_z and scene.size_z > 1:
        parts.append(f"{scene.physical_size_z:.3g} µm between planes")
    return ", ".join(parts)


class Geometry(NamedTuple):
    """What was done to the source: turned clockwise by `degrees`, then mirrored left to right, then scaled."""

    degrees: float
    mirrored: bool
    scale: float  # panel pixels per source pixel


def decompose(panel_to_source: Affine) -> Geometry:
    """An affine from panel to source, read as what was done to the source to make the panel."""
    (a, b, _), (d, e, _) = panel_to_source
    determinant = a * e - b * d
    mirrored = determinant < 0
    if mirrored:
        a, d = -a, -d
    degrees = -math.degrees(math.atan2(d, a)) % 360
    scale = 1 / math.sqrt(abs(determinant)) if determinant else math.inf
    return Geometry(degrees, mirrored, scale)


def _geometry(affine: Affine) -> list[str]:
    degrees, mirrored, scale = decompose(affine)
    right = round(degrees / 90) * 90 % 360
    off = abs((degrees - right + 180) % 360 - 180)
    turned = "" if off < 0.25 and right == 0 else _turn(right if off < 0.25 else degrees)
    words = []
    if mirrored and right == 180 and off < 0.25:
        words.append("mirrored top to bottom")
    elif mirrored:
        words.append(f"{turned}, then mirrored left to right" if turned else "mirrored left to right")
    elif turned:
        words.append(turned)
    if scale > 1.02:
        words.append(f"enlarged {_number(scale, 2)}×")
    elif scale < 0.98:
        words.append(f"reduced to {_number(100 * scale, 2)} %")
    return words


def _turn(degrees: float) -> str:
    signed = (degrees + 180) % 360 - 180
    if abs(abs(signed) - 180) < 0.05:
        return "rotated 180°"
    return f"rotated {_number(abs(signed), 1)}° {'clockwise' if signed > 0 else 'anticlockwise'}"


def _intensity(intensity: Intensity) -> list[str]:
    words = []
    if intensity.clip_min is not None and intensity.clip_max is not None:
        words.append(f"window {_level(intensity.clip_min)}–{_level(intensity.clip_max)}")
    if intensity.gamma is not None and abs(intensity.gamma - 1) > 0.05:
        words.append(f"gamma {_number(intensity.gamma, 2)}")
    if intensity.inverted:
        words.append("inverted")
    if intensity.lut in {"gray", "grey"}:
        words.append("shown in grey")
    elif intensity.lut:
        words.append(f"shown in the colours of {intensity.lut}")
    elif intensity.color:
        words.append(f"shown in {colour_name(intensity.color)}")
    if intensity.weight is not None and intensity.weight < 0.995:
        words.append(f"{round(100 * intensity.weight)} % of the panel's signal")
    return words


def colour_name(color: str) -> str:
    """The nearest colour name of "RRGGBB", or the code itself where none is near."""
    try:
        rgb = tuple(int(color.removeprefix("#")[i : i + 2], 16) for i in (0, 2, 4))
    except ValueError:
        return color
    brightest = max(rgb)
    if brightest == 0:
        return "black"
    bright = tuple(255 * value / brightest for value in rgb)
    name, distance = min(((name, math.dist(bright, known)) for name, known in _COLOURS.items()), key=lambda n: n[1])
    return name if distance < 75 else f"#{color.removeprefix('#').upper()}"


class Measurement(NamedTuple):
    """One measurement of an edge's evidence."""

    name: str
    value: str
    meaning: str
    share: float | None  # 0–1, for a bar; 1 is the strongest evidence


def explain_evidence(evidence: Evidence) -> list[Measurement]:
    """What was measured, and what it means, for somebody who sees it for the first time."""
    found = []
    if (value := evidence.correlation) is not None:
        meaning = "How alike panel and re-rendered source are, pixel by pixel. 1 is identical, 0 is unrelated."
        found.append(Measurement("Correlation", f"{value:.3f}", meaning, _clipped(value)))
    if (value := evidence.share_explained) is not None:
        meaning = "How much of the panel the source accounts for; labels and scale bars are left out."
        found.append(Measurement("Share explained", f"{100 * value:.1f} %", meaning, _clipped(value)))
    if (bits := evidence.image_code_hamming) is not None:
        meaning = "In how many of 256 bits the Image-Codes (ISO 24138) of both differ. Unrelated images: about 128."
        found.append(Measurement("Image-Code distance", f"{bits} of 256 bits", meaning, _clipped(1 - bits / 128)))
    if (value := evidence.plane_margin) is not None:
        meaning = "How much worse the next best plane fits. Near 0, neighbouring planes can hardly be told apart."
        found.append(Measurement("Margin to the next plane", f"{value:.3f}", meaning, _clipped(value)))
    if (value := evidence.log10_false_alarm) is not None:
        meaning = "How often an image that does not match is expected to fit as well, going by trials with such images."
        found.append(Measurement("False-alarm probability", false_alarm(value), meaning, _clipped(-value / 20)))
    return found


def false_alarm(log10: float) -> str:
    """A probability given as its decimal logarithm: "about 1 in 10³¹"."""
    if log10 > -2:
        return f"about {_number(100 * 10 ** min(log10, 0.0), 1)} %"
    digits = str(round(-log10)).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"about 1 in 10{digits}"


def explain_status(edge: Edge) -> str:
    """What the status of an edge says about its claim, in a sentence or two."""
    said = "The authors declare this source" if edge.claim is Claim.DECLARED else "The software found this source"
    match edge.status:
        case Status.VERIFIED:
            return f"{said}, and the pixels prove it."
        case Status.AMBIGUOUS:
            return (
                f"{said}. The pixels prove the image and the region, but not which of "
                f"{len(edge.candidates) or 'several'} planes it is."
            )
        case Status.CONTRADICTED:
            return "The authors declare this source, but the pixels say that the panel does not show it."
    return f"{said}, but it could not be tested on the pixels."


def describe_candidates(edge: Edge, scene: SceneFacts | None = None, most: int = 8) -> str:
    """The planes that an ambiguous edge cannot tell apart."""
    shown = [describe_plane(plane, scene) for plane in edge.candidates[:most]]
    more = len(edge.candidates) - len(shown)
    return "; ".join(shown) + (f"; and {more} more" if more else "")


def _clipped(value: float) -> float:
    return min(1.0, max(0.0, value))


def _level(value: float) -> str:
    return _number(value, 0) if abs(value) >= 100 else f"{value:.3g}".replace("-", "−")


def _number(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-", "−")
