"""Contents of crates: one by hand, and strategies for any."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from biocodes_crate.crate import (
    CrateContent,
    FigureRecord,
    FileEntry,
    ImageRecord,
    PlaneCodes,
    PlaneKey,
    RunInfo,
    SceneRecord,
)
from biocodes_crate.figures.model import Box, PageUnit, PanelKind
from biocodes_crate.findings import Finding, Severity
from biocodes_crate.study.manifest import Author, Manifest
from biocodes_crate.tracing.model import (
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

SUM_CODE = "ISCC:K4AOIU2DTYOSZVXK5GVPBEWCGQH76UHVZ4SSULXDYJC5MJVNIE5ZQ5A"
IMAGE_CODE = "ISCC:EED4DQGXCNFPQYA7J2AKLVJ4PAF5DPGA44UDPHLOWPAH6SUBVQB6FBA"
DATA_CODE = "ISCC:GADV74PVO3A7XPC7V74PVO3A7XPC7V74PVO3A7XPC7V74PVO3A7XPC6A"
INSTANCE_CODE = "ISCC:IADTAT4ELZMQTATETAT4ELZMQTATETAT4ELZMQTATETAT4ELZMQTATA"
PPTX = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
CODES = PlaneCodes(SUM_CODE, IMAGE_CODE, DATA_CODE, INSTANCE_CODE)

VERIFIED = Edge(
    status=Status.VERIFIED,
    claim=Claim.DISCOVERED,
    image="images/zellen #1.ome.zarr",
    scene=0,
    source=PlaneRef(5, 1, 0),
    region=Box(40, 38, 60, 60),
    panel_to_source=((0.2, 0.0, 40.0), (0.0, 0.2, 38.0)),
    intensity=Intensity(clip_min=100, clip_max=4000, gamma=0.8, color="00FF00", weight=0.5),
    evidence=Evidence(0.98, 9, 0.99, 0.02, -31.0),
    reason="The source explains the panel.",
)
ROTATED = Edge(
    status=Status.VERIFIED,
    claim=Claim.DECLARED,
    image="images/zellen #1.ome.zarr",
    scene=0,
    source=PlaneRef(None, 0, 0, Projection(ProjectionKind.MAX, 0, 11)),
    region=Box(20, 12, 81, 81),
    panel_to_source=((0.17, -0.1, 50.0), (0.1, 0.17, 12.0)),
    intensity=Intensity(lut="viridis", inverted=True),
    evidence=Evidence(0.97, 12, 0.98, None, -20.0),
)
AMBIGUOUS = Edge(
    status=Status.AMBIGUOUS,
    claim=Claim.DISCOVERED,
    image="images/b.ome.tif",
    scene=0,
    source=PlaneRef(0, 0, 0),
    region=Box(0, 0, 32, 32),
    panel_to_source=((0.5, 0.0, 0.0), (0.0, 0.5, 0.0)),
    evidence=Evidence(0.91, 20, 0.9, 0.001, -11.5),
    candidates=(PlaneRef(0, 0, 0), PlaneRef(0, 0, 1)),
)
MISSING = Edge(
    status=Status.UNVERIFIED,
    claim=Claim.DECLARED,
    image="images/gone.tif",
    scene=0,
    source=PlaneRef(0, 0, 0),
    reason="The image is not part of the study.",
)
CONTRADICTED = Edge(
    status=Status.CONTRADICTED,
    claim=Claim.DECLARED,
    image="images/b.ome.tif",
    scene=0,
    source=PlaneRef(0, 0, 1),
    evidence=Evidence(0.1, 120, 0.2, None, None),
    reason="The best fit explains no more than chance.",
)


def example_content() -> CrateContent:
    """A study with every kind of edge, and names that need encoding."""
    figure = "figures/Abb. 1 ü#.png"
    panels = (
        TracedPanel(
            "A", Box(10, 12, 300, 300), PanelKind.IMAGE, 300, 300, IMAGE_CODE, IMAGE_CODE, INSTANCE_CODE,
            edges=(VERIFIED, ROTATED), unexplained=(Box(20, 20, 5, 9),),
        ),
        TracedPanel("B", Box(320, 12, 64, 64), PanelKind.IMAGE, 64, 64, edges=(AMBIGUOUS,)),
        TracedPanel("C", Box(320, 100, 64, 64), PanelKind.IMAGE, 64, 64, edges=(MISSING, CONTRADICTED)),
        TracedPanel("D", Box(10, 320, 50, 40), PanelKind.CHART, 50, 40),
        TracedPanel(
            None, Box(70, 320, 50, 40), PanelKind.IMAGE, 50, 40, digital_source="trainedAlgorithmicMedia"
        ),
    )  # fmt: skip
    shown = replace(VERIFIED, panel_to_source=((0.125, 0.0, 20.0), (0.0, 0.125, 10.0)), region=Box(20, 10, 80, 60))
    slide = TracedPanel("A", Box(12.5, 10, 50, 33.3333), PanelKind.IMAGE, 640, 480, edges=(shown,))
    return CrateContent(
        folder="study",
        manifest=Manifest(
            title="Zellen",
            description="What the cells do.",
            license="CC-BY-4.0",
            authors=(
                Author("Ada Lovelace", "0000-0002-1825-0097", "Institute of Engines", "04wxnsj81"),
                Author("Müller, Jörg", "0000-0001-5109-3700", "Institute of Engines", "04wxnsj81"),
            ),
            keywords=("cells",),
            publication="10.1234/abcd",
            funding=("Grant 1",),
            organism="NCBITaxon:9606",
            imaging_method="FBbi:00000251",
        ),
        run=RunInfo("0.1.0", "2026-11-22T10:00:00Z"),
        date="2026-11-22",
        files=(FileEntry("study.yaml", "application/yaml", 300, SUM_CODE),),
        images=(
            ImageRecord(
                "images/zellen #1.ome.zarr", "application/vnd+zarr", True,
                (SceneRecord(0, "Zellen", "0", 100, 100, 12, 2, 1, "uint16", 0.1, 0.1, 0.5, SUM_CODE),),
                conforms_to="https://ngff.openmicroscopy.org/0.5/", digital_source="digitalCapture",
                organism="NCBITaxon:9606", imaging_method="FBbi:00000251", omero_id=123, iscc=SUM_CODE,
            ),
            ImageRecord(
                "images/b.ome.tif", "image/tiff", False,
                (SceneRecord(0, "", "", 32, 32, 1, 1, 3, "uint8", iscc=SUM_CODE),), size=4000, iscc=SUM_CODE,
            ),
        ),
        figures=(
            FigureRecord(figure, "image/png", 5000, "Cells.", None, SUM_CODE, IMAGE_CODE, "Inkscape 1.4",
                         ("Müller, Jörg", "Grace"), ("urn:c2pa:4d2f", "urn:c2pa:5e30")),
            FigureRecord("figures/talk.pptx", PPTX, 7000, iscc=SUM_CODE),
        ),
        pages=(
            TracedPage("figures/talk.pptx", 1, 960, 540, PageUnit.PERCENT, ()),
            TracedPage("figures/talk.pptx", 2, 960, 540, PageUnit.PERCENT, (slide,)),
            TracedPage(figure, 1, 400, 380, PageUnit.PIXEL, panels),
        ),
        planes={
            PlaneKey("images/zellen #1.ome.zarr", 0, 5, 1, 0): CODES,
        },
        findings=(Finding("panel-without-source", Severity.WARNING, figure, "panel 4 has no source"),),
        iscc=SUM_CODE,
        generated=(
            FileEntry("codes/planes.parquet", "application/vnd.apache.parquet", 1000, description="All codes."),
            FileEntry("provenance/edges.jsonld", "application/ld+json", 2000, description="The edges alone."),
            FileEntry("ro-crate-preview.html", "text/html"),
        ),
    )  # fmt: skip


_numbers = st.floats(-1e6, 1e6, allow_nan=False)
_maybe = st.none() | _numbers
_indices = st.integers(0, 1000)
_names = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/\\\0"), min_size=1, max_size=12)
_segments = _names.filter(lambda name: name not in {".", ".."} and name[1:2] != ":")
paths = st.lists(_segments, min_size=1, max_size=3).map("/".join)
boxes = st.builds(Box, st.floats(0, 5000), st.floats(0, 5000), st.floats(0.5, 5000), st.floats(0.5, 5000))
percents = st.builds(Box, st.floats(0, 99), st.floats(0, 99), st.floats(0.001, 100), st.floats(0.001, 100))
planes = st.builds(PlaneRef, _indices, _indices, _indices) | st.builds(
    PlaneRef,
    st.none(),
    _indices,
    _indices,
    st.builds(Projection, st.sampled_from(ProjectionKind), _indices, _indices),
)
affines = st.tuples(st.tuples(_numbers, _numbers, _numbers), st.tuples(_numbers, _numbers, _numbers))
edges = st.builds(
    Edge,
    status=st.sampled_from(Status),
    claim=st.sampled_from(Claim),
    image=paths,
    scene=st.integers(0, 3),
    source=planes,
    region=st.none() | boxes,
    panel_to_source=st.none() | affines,
    intensity=st.none()
    | st.builds(
        Intensity,
        _maybe,
        _maybe,
        _maybe,
        st.booleans(),
        st.none() | st.sampled_from(["viridis", "fire"]),
        st.none() | st.just("FF00FF"),
        _maybe,
    ),
    evidence=st.builds(Evidence, _maybe, st.none() | st.integers(0, 256), _maybe, _maybe, _maybe),
    candidates=st.lists(planes, max_size=3).map(tuple),
    reason=_names | st.just(""),
)


@st.composite
def traced_pages(draw: st.DrawFn, figure: str = "fig.png", number: int = 1) -> TracedPage:
    unit = draw(st.sampled_from(PageUnit))
    box = boxes if unit is PageUnit.PIXEL else percents
    panel = st.builds(
        TracedPanel,
        label=st.none() | _names,
        box=box,
        kind=st.sampled_from(PanelKind),
        width=st.integers(1, 5000),
        height=st.integers(1, 5000),
        iscc=st.none() | st.just(IMAGE_CODE),
        image_code=st.none() | st.just(IMAGE_CODE),
        instance_code=st.none() | st.just(INSTANCE_CODE),
        digital_source=st.none() | st.just("digitalCapture"),
        edges=st.lists(edges, max_size=3).map(tuple),
        unexplained=st.lists(box, max_size=2).map(tuple),
    )
    panels = draw(st.lists(panel, max_size=3).map(tuple))
    return TracedPage(figure, number, draw(st.floats(1, 5000)), draw(st.floats(1, 5000)), unit, panels)


@st.composite
def contents(draw: st.DrawFn) -> CrateContent:
    """Any traced pages of one or two figures, over images that may be in the study or not."""
    pages = [draw(traced_pages("figures/a.png", 1)), draw(traced_pages("figures/b.pdf", draw(st.integers(1, 9))))]
    named = sorted({edge.image for page in pages for panel in page.panels for edge in panel.edges})
    present = draw(st.sets(st.sampled_from(named))) if named else set()
    images = tuple(
        ImageRecord(
            name,
            "image/tiff",
            draw(st.booleans()),
            tuple(SceneRecord(i, "", "", 9, 9, 1, 1, 1, "uint8") for i in range(draw(st.integers(0, 2)))),
        )
        for name in sorted(present)
    )
    return CrateContent(
        folder="study",
        manifest=Manifest(),
        run=RunInfo("0.1.0", "2026-11-22T10:00:00Z"),
        date="2026-11-22",
        images=images,
        figures=(FigureRecord("figures/a.png", "image/png"), FigureRecord("figures/b.pdf", "application/pdf")),
        pages=tuple(pages),
    )
