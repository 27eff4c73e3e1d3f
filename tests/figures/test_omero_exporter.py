"""Figures made by OMERO.figure's own exporter, which knows nothing of us.

`omero-figure` is AGPL: it is never imported, only run as a program where somebody has installed it
(`pip install --no-deps omero-figure`, then reportlab, markdown, zarr, dask, pillow and requests).
BIOCODES_FIGURE_EXPORT names its `figure_export`; without it, the one on the path or beside Python is taken.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from figure_drawing import micrograph, overlap
from imagewriters import multiscales, write_array

from biocodes_crate.figures import Figure, Panel, open_figure
from biocodes_crate.pipeline import build_study

WIDTH, HEIGHT = 240, 180


def exporter() -> Path | None:
    named = os.environ.get("BIOCODES_FIGURE_EXPORT") or shutil.which("figure_export")
    beside = Path(sys.executable).parent / "figure_export"
    return Path(named) if named else beside if beside.exists() else None


pytestmark = pytest.mark.skipif(
    exporter() is None, reason="omero-figure is not installed (AGPL, run as a program only)"
)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two channels, three planes, each another picture; (t, c, z, y, x) uint16."""
    root = tmp_path_factory.mktemp("omero") / "7.ome.zarr"
    planes = [
        [micrograph(10 * c + z, WIDTH, HEIGHT)[..., 0].astype(np.uint16) * 16 for z in range(3)] for c in range(2)
    ]
    root.mkdir()
    write_array(root / "0", np.array([planes]), 2)
    (root / ".zgroup").write_text('{"zarr_format": 2}')
    axes = [entry | {"version": "0.4"} for entry in multiscales("tczyx")]
    (root / ".zattrs").write_text(json.dumps({"multiscales": axes}))
    return root


def channel(active: bool, colour: str = "FFFFFF", **more: Any) -> dict[str, Any]:
    window = {"min": 0, "max": 4095, "start": 0, "end": 4080}
    return {"label": "c", "color": colour, "active": active, "reverseIntensity": False, "window": window} | more


def panel_json(image: Path, **changes: Any) -> dict[str, Any]:
    panel = {
        "imageId": str(image),
        "name": image.name,
        "x": 60.0,
        "y": 80.0,
        "width": 240.0,
        "height": 180.0,
        "zoom": 100,
        "dx": 0,
        "dy": 0,
        "rotation": 0,
        "theZ": 1,
        "theT": 0,
        "sizeZ": 3,
        "sizeT": 1,
        "orig_width": WIDTH,
        "orig_height": HEIGHT,
        "channels": [channel(True), channel(False)],
        "labels": [],
        "shapes": [],
        "deltaT": [],
        "pixel_size_x": 0.5,
        "pixel_size_y": 0.5,
        "pixel_size_x_unit": "MICROMETER",
        "pixel_size_x_symbol": "µm",
        "pixelsType": "uint16",
        "vertical_flip": False,
        "horizontal_flip": False,
    }
    return panel | changes


def export(folder: Path, panels: list[dict[str, Any]], suffix: str = ".pdf", **changes: Any) -> Figure:
    """What we read from a figure that the exporter drew, with its JSON beside it."""
    document = {
        "version": 9,
        "figureName": "figure",
        "panels": panels,
        "paper_width": 595,
        "paper_height": 842,
        "page_count": 1,
        "page_col_count": 1,
        "paper_spacing": 50,
        "page_size": "A4",
        "orientation": "vertical",
    }
    source = folder / "made.json"
    source.write_text(json.dumps(document | changes))
    output = folder / f"made{suffix}"
    command = [str(exporter()), str(source), str(output)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=120)
    assert output.exists(), done.stdout[-500:] + done.stderr[-1000:]
    return open_figure(output, None, [source])


def plane(image: Path, z: int = 1, c: int = 0) -> np.ndarray:
    """8 bits, as the window of `channel` shows them."""
    return micrograph(10 * c + z, WIDTH, HEIGHT)[..., 0]


def source_pixels(panel: Panel, picture: np.ndarray) -> np.ndarray:
    """The declared region, at the size of the panel."""
    region = panel.declared[0].region
    assert region is not None
    height, width = panel.pixels.shape[:2]
    matrix = np.array([[region.w / width, 0, region.x], [0, region.h / height, region.y]])
    matrix[:, 2] += matrix[:, :2] @ [0.5, 0.5] - 0.5
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(picture, matrix, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a.ravel().astype(float), b.ravel().astype(float))[0, 1])


@pytest.mark.parametrize(
    "view",
    [
        {},
        {"zoom": 200, "dx": 10, "dy": None},
        {"zoom": 150, "dx": -20, "dy": 12, "width": 200.0, "height": 200.0},
        {"zoom": 300, "dx": 31, "dy": -17, "width": 120.0, "height": 260.0},
        {"theZ": 2, "channels": [channel(False), channel(True)]},
    ],
)
def test_the_embedded_image_is_the_declared_region(tmp_path: Path, image: Path, view: dict[str, Any]) -> None:
    """Native pixels, so that the region holds to the pixel."""
    (panel,) = export(tmp_path, [panel_json(image, **view)]).pages[0].panels
    (source,) = panel.declared
    assert (source.z, source.c, source.t, source.window) == (view.get("theZ", 1), int("channels" in view), 0, (0, 4080))
    region = source.region
    assert region is not None
    assert abs(panel.pixels.shape[1] - region.w) <= 1
    assert abs(panel.pixels.shape[0] - region.h) <= 1
    x, y = round(region.x), round(region.y)
    height, width = panel.pixels.shape[:2]
    shifts = {
        (dx, dy): correlation(panel.pixels[3:-3, 3:-3, 0], grey[3:-3, 3:-3])
        for dx in (-1, 0, 1)
        for dy in (-1, 0, 1)
        if (
            grey := plane(image, source.z or 0, source.c or 0)[max(0, y + dy) :, max(0, x + dx) :][:height, :width]
        ).shape
        == (height, width)
    }
    assert max(shifts.values()) > 0.99


@pytest.mark.parametrize("rotation", [30, 90, 180, 250])
def test_the_region_of_a_turned_viewport_is_around_what_it_shows(tmp_path: Path, image: Path, rotation: int) -> None:
    changed = panel_json(image, zoom=300, dx=-20, dy=10, rotation=rotation, width=200.0, height=120.0)
    (panel,) = export(tmp_path, [changed]).pages[0].panels
    region = panel.declared[0].region
    assert region is not None
    # The panel, turned back, lies in the middle of the region.
    height, width = panel.pixels.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2 - 0.5, height / 2 - 0.5), rotation, 1)
    turn[:, 2] += [region.w / 2 - width / 2, region.h / 2 - height / 2]
    size = (round(region.w), round(region.h))
    upright = cv2.warpAffine(panel.pixels[..., 0], turn, size)
    inside = (
        cv2.erode(cv2.warpAffine(np.full((height, width), 255, np.uint8), turn, size), np.ones((7, 7), np.uint8)) > 250
    )
    expected = cv2.getRectSubPix(plane(image), size, (region.x + region.w / 2 - 0.5, region.y + region.h / 2 - 0.5))
    assert correlation(cv2.blur(upright, (3, 3))[inside], cv2.blur(expected, (3, 3))[inside]) > 0.95


@pytest.mark.parametrize("flip", ["horizontal_flip", "vertical_flip"])
def test_a_flipped_panel_keeps_its_region(tmp_path: Path, image: Path, flip: str) -> None:
    (panel,) = export(tmp_path, [panel_json(image, zoom=200, dx=20, dy=15, **{flip: True})]).pages[0].panels
    flipped = panel.pixels[:, ::-1, 0] if flip == "horizontal_flip" else panel.pixels[::-1, :, 0]
    assert correlation(flipped, source_pixels(panel, plane(image))) > 0.97


def test_a_projection_is_declared_as_the_maximum_over_its_range(tmp_path: Path, image: Path) -> None:
    changed = panel_json(image, z_projection=True, z_start=0, z_end=1)
    (panel,) = export(tmp_path, [changed]).pages[0].panels
    (source,) = panel.declared
    assert source.projection is not None
    assert (source.z, source.projection.kind, source.projection.z_start, source.projection.z_end) == (None, "max", 0, 1)
    # The exporter projects images of an OMERO server only; from OME-Zarr it takes the plane of the slider.
    shown = [correlation(panel.pixels[..., 0], source_pixels(panel, plane(image, z))) for z in range(3)]
    assert int(np.argmax(shown)) == 1


def test_merged_channels_are_one_source_each(tmp_path: Path, image: Path) -> None:
    colours = [channel(True, "00FF00"), channel(True, "FF00FF", reverseIntensity=True)]
    (panel,) = export(tmp_path, [panel_json(image, channels=colours)]).pages[0].panels
    assert [(s.c, s.window) for s in panel.declared] == [(0, (0, 4080)), (1, (4080, 0))]
    assert correlation(panel.pixels[..., 1], source_pixels(panel, plane(image))) > 0.9


def test_panels_on_an_exported_tiff_are_where_the_json_says(tmp_path: Path, image: Path) -> None:
    panels = [panel_json(image, x=40.0), panel_json(image, x=310.0, zoom=200, theZ=0)]
    (page,) = export(tmp_path, panels, ".tiff").pages
    assert [p.declared[0].z for p in page.panels] == [1, 0]
    for panel, x in zip(page.panels, (40, 310), strict=True):
        assert overlap(tuple(panel.box), tuple(v * page.width / 595 for v in (x, 80, 240, 180))) > 0.97
        assert correlation(panel.pixels[..., 0], source_pixels(panel, plane(image, panel.declared[0].z or 0))) > 0.97


def test_panels_of_the_second_page_are_found_there(tmp_path: Path, image: Path) -> None:
    panels = [panel_json(image), panel_json(image, y=80.0 + 842 + 50, theZ=2)]
    pages = export(tmp_path, panels, page_count=2).pages
    assert [[p.declared[0].z for p in page.panels] for page in pages[:2]] == [[1], [2]]
    assert all(page.panels == () for page in pages[2:])  # the list of images with its thumbnails


def test_a_figure_under_another_name_is_known_by_its_layout(tmp_path: Path, image: Path) -> None:
    export(tmp_path, [panel_json(image, x=40.0), panel_json(image, x=310.0, y=400.0, zoom=200)])
    (tmp_path / "made.pdf").rename(tmp_path / "Figure 3.pdf")
    (tmp_path / "made.json").rename(tmp_path / "from omero.json")
    (tmp_path / "other.json").write_text(
        json.dumps({"version": 9, "panels": [panel_json(image, x=5.0), panel_json(image, x=300.0)]})
    )
    figure = open_figure(tmp_path / "Figure 3.pdf", None, sorted(tmp_path.glob("*.json")))
    assert figure.properties["omero_figure"] == "from omero.json"
    assert all(panel.declared for panel in figure.pages[0].panels)


OLDER: dict[int, dict[str, Any]] = {
    1: {"pixel_size": 0.5},
    2: {
        "shapes": [
            {
                "type": "Ellipse",
                "x": 50,
                "y": 50,
                "radiusX": 20,
                "radiusY": 10,
                "strokeColor": "#ffff00",
                "lineWidth": 2,
            }
        ]
    },
    3: {},
    4: {
        "shapes": [
            {"type": "Rectangle", "x": 30, "y": 30, "width": 40, "height": 30, "strokeColor": "#ff0000", "lineWidth": 2}
        ]
    },
    5: {"scalebar": {"show": True, "length": 10, "position": "bottomright", "color": "FFFFFF", "show_label": False}},
    6: {"labels": [{"text": "[time-secs]", "size": "12", "position": "topleft", "color": "FFFFFF"}]},
    7: {"scalebar": {"show": True, "length": 10, "units": "MICROMETER", "position": "bottomright", "color": "FFFFFF"}},
    8: {},
    9: {
        "scalebar": {
            "show": True,
            "length": 10,
            "units": "MICROMETER",
            "height": 3,
            "margin": 10,
            "position": "bottomright",
            "color": "FFFFFF",
        }
    },
}


@pytest.mark.parametrize("version", range(1, 10))
def test_every_version_of_the_format_declares_the_same_source(tmp_path: Path, image: Path, version: int) -> None:
    """The exporter brings older files up to date by itself; we read them as they are."""
    old = panel_json(image, zoom=200, dx=11, dy=-7) | OLDER[version]
    if version == 1:
        del old["pixel_size_x"], old["pixel_size_y"]
    if version < 8:
        del old["pixelsType"]
    figure = export(tmp_path, [old], version=version)
    (panel,) = figure.pages[0].panels
    (source,) = panel.declared
    assert (source.z, source.c, source.t) == (1, 0, 0)
    assert source.region == (49, 52, 120, 90)
    assert correlation(panel.pixels[..., 0], source_pixels(panel, plane(image))) > 0.9


@pytest.mark.parametrize(
    ("start", "end", "told"), [(0, 4080, False), (800, 2400, False), (0, 20_000, False), (0, 900, True)]
)
def test_the_window_of_the_json_is_compared_with_the_tones_of_the_export(
    image: Path, tmp_path: Path, start: float, end: float, told: bool
) -> None:
    """Where `told`, the JSON was changed after the figure was exported from it."""
    (tmp_path / "figures").mkdir()
    shutil.copytree(image, tmp_path / "images" / image.name)
    made = {"min": 0, "max": 4095, "start": 0 if told else start, "end": 4080 if told else end}
    panels = [panel_json(image, channels=[channel(True, window=made), channel(False)])]
    export(tmp_path / "figures", panels)
    for scrap in [p for p in (tmp_path / "figures").iterdir() if p.suffix not in (".pdf", ".json")]:
        shutil.rmtree(scrap) if scrap.is_dir() else scrap.unlink()
    document = json.loads((tmp_path / "figures" / "made.json").read_text())
    document["panels"][0]["channels"][0]["window"] |= {"start": start, "end": end}
    (tmp_path / "figures" / "made.json").write_text(json.dumps(document))
    result = build_study(tmp_path)
    assert result.backed >= 1
    assert ("window-mismatch" in {finding.id for finding in result.findings}) is told
