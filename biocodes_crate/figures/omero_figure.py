"""OMERO.figure's JSON (versions 1 to 9): where each panel of an exported figure comes from.

Written after the description of the format; OMERO.figure itself is AGPL, and none of it is used.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from biocodes_crate.figures.boxes import intersection_over_union
from biocodes_crate.figures.model import Box, FigurePage, PageUnit
from biocodes_crate.study.manifest import DeclaredPanel, DeclaredProjection, DeclaredSource, Region

_MOST_BYTES = 64 << 20
_MOST_PANELS = 500
_NEWEST = 9
_A4 = (595.0, 842.0)  # points
_SPACING = 50.0  # points between pages on the canvas, where the file does not say
_ALIKE = 0.5  # share of the panels that must be where the JSON says, else it is another figure's


@dataclass(frozen=True, slots=True)
class OmeroFigure:
    """What OMERO.figure's JSON says; boxes are in percent of their page."""

    path: Path
    name: str
    version: int
    panels: tuple[DeclaredPanel, ...]
    pages: int = 1
    paper: tuple[float, float] = _A4  # points


def read_omero_figure(path: Path, images: Mapping[str, str] | None = None) -> OmeroFigure | None:
    """Read a JSON file; None if it is not OMERO.figure's, or damaged.

    Parameters
    ----------
    images
        Paths within the study by `imageId`: an OMERO id in digits, a path or URL as the figure has it, or
        the name of the file alone. The image's name is asked where the id is not known. Ids that are not in it
        become "omero:123", paths stay as they are.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            return None
        document = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(document, dict) or not isinstance(document.get("panels"), list):
        return None
    entries = [entry for entry in document["panels"][:_MOST_PANELS] if isinstance(entry, dict)]
    if not any("imageId" in entry for entry in entries):
        return None
    version = document.get("version", 1)
    canvas = _Canvas(document)
    panels = [panel for entry in entries if (panel := _panel(entry, canvas, images or {})) is not None]
    name = document.get("figureName")
    return OmeroFigure(
        path,
        name if isinstance(name, str) else "",
        version if isinstance(version, int) else _NEWEST,
        tuple(dict.fromkeys(panels)),  # one on top of its like shows nothing else
        canvas.count,
        (canvas.width, canvas.height),
    )


def find_omero_figure(
    figure: Path,
    siblings: Sequence[Path],
    images: Mapping[str, str] | None = None,
    pages: Sequence[FigurePage] = (),
) -> OmeroFigure | None:
    """The JSON that a figure was exported from: of the same name, with the figure's name in it, or of its layout."""
    stem = figure.stem.casefold()
    listed = sorted((s for s in siblings if s.suffix.lower() == ".json"), key=lambda s: s.stem.casefold() != stem)
    alike: list[OmeroFigure] = []
    for sibling in listed:
        found = read_omero_figure(sibling, images)
        if found is None:
            continue
        if sibling.stem.casefold() == stem or (found.name and _plain(found.name) == _plain(figure.stem)):
            return found
        if _has_layout(found, pages):
            alike.append(found)
    return alike[0] if len(alike) == 1 else None


def _has_layout(figure: OmeroFigure, pages: Sequence[FigurePage]) -> bool:
    """Whether nearly all panels of the JSON lie where those of a figure do, on paper of the same shape."""
    met = total = 0
    for page in pages[: figure.pages]:
        shape = page.width / page.height / (figure.paper[0] / figure.paper[1]) if page.height else 0.0
        if abs(shape - 1) > 0.01:
            return False
        boxes = [Box(*p.box) for p in _panels_of(figure, page) if p.box is not None]
        met += sum(any(intersection_over_union(box, f.box) >= 0.8 for f in page.panels) for box in boxes)
        total += len(boxes)
    # One panel may be in its place by chance.
    return total >= 2 and met >= 0.9 * total


def panels_on(figure: OmeroFigure, page: FigurePage) -> list[DeclaredPanel]:
    """The JSON's panels for a page, boxes in the page's unit; empty if the page looks different."""
    panels = _panels_of(figure, page)
    boxes = [Box(*p.box) for p in panels if p.box is not None]
    met = sum(any(intersection_over_union(box, f.box) >= 0.5 for f in page.panels) for box in boxes)
    return panels if boxes and met >= _ALIKE * len(boxes) else []


def _panels_of(figure: OmeroFigure, page: FigurePage) -> list[DeclaredPanel]:
    panels = [p for p in figure.panels if (p.page or 1) == page.number and p.box is not None]
    if page.unit is PageUnit.PIXEL:
        panels = [_in_pixels(p, page.width, page.height) for p in panels]
    return panels


def _plain(name: str) -> str:
    return "".join(character for character in name.casefold() if character.isalnum())


def _in_pixels(panel: DeclaredPanel, width: float, height: float) -> DeclaredPanel:
    x, y, w, h = panel.box or (0.0, 0.0, 0.0, 0.0)
    box = (x * width / 100, y * height / 100, w * width / 100, h * height / 100)
    return DeclaredPanel(panel.label, box, panel.page, panel.digital_source, panel.sources)


class _Canvas:
    """OMERO.figure lays all pages out on one canvas, row by row."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.width = _number(document, "paper_width", _A4[0]) or _A4[0]
        self.height = _number(document, "paper_height", _A4[1]) or _A4[1]
        self.columns = max(1, int(_number(document, "page_col_count", 1.0)))
        self.count = max(1, int(_number(document, "page_count", 1.0)))
        self.spacing = _number(document, "paper_spacing", _SPACING)

    def place(self, box: Box) -> tuple[int, Box]:
        """The page that holds the middle of a box, and the box in percent of it."""
        column = int((box.x + box.w / 2) // (self.width + self.spacing))
        row = int((box.y + box.h / 2) // (self.height + self.spacing))
        column, row = min(max(column, 0), self.columns - 1), max(row, 0)
        x, y = box.x - column * (self.width + self.spacing), box.y - row * (self.height + self.spacing)
        percent = Box(100 * x / self.width, 100 * y / self.height, 100 * box.w / self.width, 100 * box.h / self.height)
        return row * self.columns + column + 1, percent


def _number(entry: dict[str, Any], key: str, default: float) -> float:
    """A finite number, or the default: `dx` and `dy` may be null, and older versions have numbers as text."""
    value = entry.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return default
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return default
    return number if math.isfinite(number) and abs(number) < 1e9 else default


def _panel(entry: dict[str, Any], canvas: _Canvas, images: Mapping[str, str]) -> DeclaredPanel | None:
    box = Box(*(_number(entry, key, -1.0) for key in ("x", "y", "width", "height")))
    image = _image(entry.get("imageId"), entry.get("name"), images)
    if image is None or box.w <= 0 or box.h <= 0:
        return None
    page, percent = canvas.place(box)
    region = _region(entry)
    projection = None
    z: int | None = _index(entry, "theZ")
    if entry.get("z_projection") is True:
        # OMERO.figure projects the maximum only.
        projection = DeclaredProjection("max", _index(entry, "z_start"), _index(entry, "z_end"))
        z = None
    sources = tuple(
        DeclaredSource(
            image=image,
            scene=0,
            z=z,
            c=c,
            t=_index(entry, "theT"),
            region=region,
            projection=projection,
            window=_window(entry, c),
        )
        for c in _active_channels(entry)
    )
    return DeclaredPanel(
        label=_label(entry), box=(percent.x, percent.y, percent.w, percent.h), page=page, sources=sources
    )


def _image(value: object, name: object, images: Mapping[str, str]) -> str | None:
    if isinstance(value, bool) or not isinstance(value, int | str) or value == "":
        return None
    key = str(value)
    if key in images:
        return images[key]
    path = key.replace("\\", "/").removeprefix("./").rstrip("/")
    if path in images.values():
        return path
    # Series of a multi-image file are called "file.lif [Series 3]" by OMERO.
    called = name.partition(" [")[0] if isinstance(name, str) else ""
    for one in (path.rpartition("/")[2], called):
        if one and not one.isdigit() and one in images:
            return images[one]
    return f"omero:{key}" if key.isdigit() else path


def _index(entry: dict[str, Any], key: str) -> int | None:
    value = _number(entry, key, -1.0)
    return int(value) if value >= 0 else None


def _region(entry: dict[str, Any]) -> Region | None:
    """The part of the plane that the viewport shows; the bounding box of it if it is turned."""
    width, height = _number(entry, "orig_width", 0.0), _number(entry, "orig_height", 0.0)
    zoom = _number(entry, "zoom", 100.0) / 100
    shape = _number(entry, "width", 0.0) / max(1e-9, _number(entry, "height", 0.0))
    if width <= 0 or height <= 0 or zoom <= 0 or shape <= 0:
        return None
    tile_w, tile_h = width / zoom, height / zoom
    if abs(width / height - shape) > 0.01:
        if width / height < shape:
            tile_h = tile_w / shape
        else:
            tile_w = tile_h * shape
    middle_x, middle_y = width / 2 - _number(entry, "dx", 0.0), height / 2 - _number(entry, "dy", 0.0)
    angle = math.radians(_number(entry, "rotation", 0.0))
    cos, sin = abs(math.cos(angle)), abs(math.sin(angle))
    across, down = tile_w * cos + tile_h * sin, tile_w * sin + tile_h * cos
    return Region(*(round(v, 3) for v in (middle_x - across / 2, middle_y - down / 2, across, down)))


def _active_channels(entry: dict[str, Any]) -> list[int | None]:
    channels = entry.get("channels")
    if not isinstance(channels, list) or not channels:
        return [None]
    active: list[int | None] = [i for i, c in enumerate(channels) if isinstance(c, dict) and c.get("active") is True]
    return active or [None]


def _window(entry: dict[str, Any], channel: int | None) -> tuple[float, float] | None:
    """What a channel's black and white are, in units of the plane; white comes first where it is reversed."""
    if channel is None:
        return None
    described = entry["channels"][channel]
    window = described.get("window")
    if not isinstance(window, dict):
        return None
    low, high = _number(window, "start", math.nan), _number(window, "end", math.nan)
    if math.isnan(low) or math.isnan(high):
        return None
    return (high, low) if described.get("reverseIntensity") is True else (low, high)


def _label(entry: dict[str, Any]) -> str | None:
    """A label of one letter in the panel's top left corner, inside or outside."""
    labels = entry.get("labels")
    for label in labels if isinstance(labels, list) else ():
        if isinstance(label, dict) and label.get("position") in ("topleft", "top", "left", "leftvert"):
            text = label.get("text")
            bare = text.strip().strip("().:*_") if isinstance(text, str) else ""
            if len(bare) == 1 and bare.isascii() and bare.isalpha():
                return bare
    return None
