"""A study with a panel of every state, drawn from known transforms, and its crate's metadata."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image as Pillow
from scipy.ndimage import gaussian_filter

from biocodes_crate.crate import (
    METADATA,
    CrateContent,
    FigureRecord,
    FileEntry,
    ImageRecord,
    PlaneCodes,
    PlaneKey,
    RunInfo,
    SceneRecord,
    crate_metadata,
)
from biocodes_crate.figures.model import Box, PageUnit, PanelKind
from biocodes_crate.findings import Finding, Severity
from biocodes_crate.images import open_image
from biocodes_crate.report import Layer, render_source
from biocodes_crate.study.manifest import Author, Manifest
from biocodes_crate.tracing.model import (
    Affine,
    Claim,
    Edge,
    Evidence,
    Intensity,
    PlaneRef,
    Projection,
    ProjectionKind,
    Status,
    TracedPage,
    TracedPanel,
)
from biocodes_crate.tracing.pixels import SourcePixels

CELLS, STACK = "images/cells #1.ome.tif", "images/stack.ome.tif"
FIGURE, SECOND = "figures/fig 1.png", "figures/fig2.png"
CODE = "ISCC:K4AOIU2DTYOSZVXK5GVPBEWCGQH76UHVZ4SSULXDYJC5MJVNIE5ZQ5A"
PANEL_CODE = "ISCC:EED4DQGXCNFPQYA7J2AKLVJ4PAF5DPGA44UDPHLOWPAH6SUBVQB6FBA"
STRONG = Evidence(0.983, 9, 0.991, 0.214, -31.0)


def cells(seed: int, *shape: int) -> np.ndarray:
    """Blobs, uint16."""
    rng = np.random.default_rng(seed)
    blobs = gaussian_filter(rng.random(shape) ** 8, (*([0.6] * (len(shape) - 2)), 3.5, 3.5))
    blobs = (blobs - blobs.min()) / (blobs.max() - blobs.min())
    return (120 + 3800 * blobs + rng.normal(0, 40, shape)).clip(0).astype(np.uint16)


def placed(x: float, y: float, scale: float, quarter: int, side: int) -> Affine:
    """A panel of `side` pixels on a square of the source at (x, y), turned clockwise by quarters."""
    span = side * scale
    return (
        ((scale, 0.0, x), (0.0, scale, y)),
        ((0.0, -scale, x + span), (scale, 0.0, y)),
        ((-scale, 0.0, x + span), (0.0, -scale, y + span)),
        ((0.0, scale, x), (-scale, 0.0, y + span)),
    )[quarter]


def write_study(root: Path, shown: np.ndarray | None = None, stack: np.ndarray | None = None) -> CrateContent:
    """Write images and figures; the content of the crate that they make.

    `shown` (C, Y, X) with at least two channels and 256 pixels to a side, `stack` (Z, Y, X).
    """
    shown = cells(1, 2, 320, 300) if shown is None else shown
    stack = cells(2, 6, 200, 220) if stack is None else stack
    (root / "images").mkdir(parents=True)
    (root / "figures").mkdir()
    channels = {"Name": ["GFP", "mCherry", "DAPI", "phase"][: len(shown)]}
    tifffile.imwrite(
        root / CELLS, shown, ome=True, metadata={"axes": "CYX", "Channel": channels, "PhysicalSizeX": 0.103}
    )
    tifffile.imwrite(
        root / STACK, stack, ome=True, metadata={"axes": "ZYX", "PhysicalSizeX": 0.2, "PhysicalSizeZ": 0.5}
    )
    high = [float(np.percentile(plane, 99.5)) for plane in shown]
    low = float(np.percentile(shown, 5))
    top, bottom = float(np.percentile(stack, 99.8)), float(np.percentile(stack, 5))
    side = 240

    def edge(image: str, source: PlaneRef, affine: Affine | None, intensity: Intensity | None, **more: object) -> Edge:
        region = None
        if affine is not None:
            corners = np.array(affine) @ np.array([[0, 0, 1], [side, 0, 1], [0, side, 1], [side, side, 1]]).T
            region = Box(*(float(v) for v in (*corners.min(1), *(corners.max(1) - corners.min(1)))))
        values = {"status": Status.VERIFIED, "claim": Claim.DISCOVERED, "evidence": STRONG, **more}
        return Edge(
            image=image, scene=0, source=source, region=region, panel_to_source=affine, intensity=intensity, **values
        )  # type: ignore[arg-type]

    turned, upright = placed(60, 30, 0.5, 1, side), placed(40, 60, 0.8, 0, side)
    green = Intensity(low, high[0], 1.0, color="00FF00")
    merge = (Intensity(low, high[0], color="00FF00", weight=0.6), Intensity(low, high[1], color="FF00FF", weight=0.4))
    maximum = PlaneRef(None, 0, 0, Projection(ProjectionKind.MAX, 0, len(stack) - 1))
    viridis = Intensity(bottom, top, 0.8, lut="viridis")
    grey = Intensity(low, high[1], 1.0, inverted=True, lut="gray")
    whole = placed(10, 10, 0.75, 0, side)
    found: list[tuple[str | None, PanelKind, tuple[Edge, ...]]] = [
        ("A", PanelKind.IMAGE, (edge(CELLS, PlaneRef(0, 0, 0), turned, green, reason="The source explains the panel."),)),
        ("B", PanelKind.IMAGE, tuple(edge(CELLS, PlaneRef(0, c, 0), upright, merge[c]) for c in (0, 1))),
        ("C", PanelKind.IMAGE, (edge(STACK, maximum, whole, viridis, claim=Claim.DECLARED),)),
        (
            "D",
            PanelKind.IMAGE,
            (
                edge(STACK, PlaneRef(2, 0, 0), None, None, status=Status.CONTRADICTED, claim=Claim.DECLARED,
                     evidence=Evidence(0.11, 121, 0.2), reason="The panel shows channel 1 of another image."),
                edge(CELLS, PlaneRef(0, 1, 0), upright, grey),
            ),
        ),
        (
            "E",
            PanelKind.IMAGE,
            (
                edge(STACK, PlaneRef(2, 0, 0), whole, Intensity(bottom, top, lut="gray"), status=Status.AMBIGUOUS,
                     candidates=(PlaneRef(2, 0, 0), PlaneRef(3, 0, 0)), evidence=Evidence(0.91, 20, 0.9, 0.001, -11.5)),
            ),
        ),
        ("F", PanelKind.IMAGE, (edge("images/gone.tif", PlaneRef(0, 0, 0), None, None, status=Status.UNVERIFIED,
                                     claim=Claim.DECLARED, evidence=Evidence(), reason="The image is not in the study."),)),
        (None, PanelKind.IMAGE, ()),
        ("H", PanelKind.CHART, ()),
    ]  # fmt: skip
    opened = {path: open_image(root / path) for path in (CELLS, STACK)}
    pixels = SourcePixels(lambda image, scene: opened[image].scenes[scene])
    figure = np.full((2 * side + 60, 4 * side + 100, 3), 255, np.uint8)
    panels = []
    for number, (label, kind, edges) in enumerate(found):
        x, y = 20 + number % 4 * (side + 20), 20 + number // 4 * (side + 20)
        drawn = [e for e in edges if e.panel_to_source is not None]
        picture: np.ndarray | None = np.full((side, side, 3), 238, np.uint8)
        if drawn:
            assert drawn[0].panel_to_source is not None
            layers = [Layer(e.source, e.intensity) for e in drawn]
            picture = render_source(
                pixels, drawn[0].image, 0, layers, drawn[0].panel_to_source, (side, side), (side, side)
            )
        elif kind is PanelKind.IMAGE:
            picture = np.repeat(
                (cells(9 + number, side, side) // 16).clip(0, 255).astype(np.uint8)[..., None], 3, axis=2
            )
        assert picture is not None
        if number == 0:
            picture = picture.copy()
            picture[150:190, 60:120] = (255, 255, 255)
        figure[y : y + side, x : x + side] = picture
        unexplained = (Box(x + 60, y + 150, 60, 40),) if number == 0 else ()
        panels.append(
            TracedPanel(
                label, Box(x, y, side, side), kind, side, side, PANEL_CODE, PANEL_CODE, None, None, edges, unexplained
            )
        )
    Pillow.fromarray(figure).save(root / FIGURE)
    Pillow.fromarray(figure[: side + 40, : side + 40]).save(root / SECOND)
    pages = (
        TracedPage(FIGURE, 1, figure.shape[1], figure.shape[0], PageUnit.PIXEL, tuple(panels)),
        TracedPage(SECOND, 1, side + 40, side + 40, PageUnit.PIXEL, (panels[0],)),
    )
    records = tuple(
        ImageRecord(
            path, "image/tiff", False,
            tuple(SceneRecord(s.index, s.name, s.array_path, s.size_x, s.size_y, s.size_z, s.size_c, s.size_t,
                              s.dtype.name, s.physical_size_x, s.physical_size_y, s.physical_size_z, CODE)
                  for s in image.scenes),
            size=(root / path).stat().st_size, iscc=CODE,
        )
        for path, image in opened.items()
    )  # fmt: skip
    return CrateContent(
        folder="study",
        manifest=Manifest(
            title="Golgi dynamics in dividing HeLa cells",
            description="Confocal stacks of dividing cells that express GFP-tagged histone and a Golgi marker, "
            "with the figures of the paper.",
            license="CC-BY-4.0",
            authors=(
                Author("Ada Lovelace", "0000-0002-1825-0097", "Institute of Engines", "04wxnsj81"),
                Author("Müller, Jörg", None, "Centre for Light Microscopy"),
            ),
            keywords=("mitosis", "Golgi"),
            publication="10.1234/abcd.5678",
        ),
        run=RunInfo("0.1.0", "2026-11-22T10:00:00Z"),
        date="2026-11-22",
        files=(FileEntry("study.yaml", "application/yaml", 812, CODE),),
        images=records,
        figures=(
            FigureRecord(FIGURE, "image/png", (root / FIGURE).stat().st_size, "Golgi and chromatin through mitosis.", None, CODE),
            FigureRecord(SECOND, "image/png", (root / SECOND).stat().st_size, None, None, CODE),
        ),
        pages=pages,
        planes={PlaneKey(CELLS, 0, 0, c, 0): PlaneCodes(CODE) for c in (0, 1)},
        findings=(
            Finding("source-contradicted", Severity.WARNING, f"{FIGURE}, panel D", "the declared source is not what the panel shows", "Correct the source in study.yaml, or leave it out."),
            Finding("orcid-missing", Severity.WARNING, "study.yaml", "Jörg Müller has no ORCID iD", "Add to study.yaml: orcid: 0000-0000-0000-0000"),
        ),
        iscc=CODE,
    )  # fmt: skip


def write_crate(root: Path, **data: np.ndarray) -> Path:
    """Write a study with its metadata."""
    metadata = crate_metadata(write_study(root, **data))
    (root / METADATA).write_text(json.dumps(metadata), encoding="utf-8")
    return root
