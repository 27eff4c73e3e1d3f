"""Claims of digital sources against edges."""

import pytest

from biocodes_crate.figures import Box, PageUnit, PanelKind
from biocodes_crate.pipeline.origins import origin_findings
from biocodes_crate.tracing import Claim, Edge, PlaneRef, Status, TracedPage, TracedPanel

PAGE = TracedPage("f.png", 1, 100, 100, PageUnit.PIXEL, ())


def panel(said: str | None, status: Status | None, kind: PanelKind = PanelKind.IMAGE) -> TracedPanel:
    edges = () if status is None else (Edge(status, Claim.DISCOVERED, "a.tif", 0, PlaneRef(0, 0, 0)),)
    return TracedPanel("A", Box(0, 0, 9, 9), kind, 9, 9, digital_source=said, edges=edges)


@pytest.mark.parametrize(
    ("said", "status", "ids"),
    [
        ("digitalCapture", None, ["capture-without-source"]),
        ("digitalCapture", Status.CONTRADICTED, ["capture-without-source"]),
        ("digitalCapture", Status.VERIFIED, []),
        ("trainedAlgorithmicMedia", Status.VERIFIED, ["synthetic-but-verified"]),
        ("trainedAlgorithmicMedia", Status.AMBIGUOUS, ["synthetic-but-verified"]),
        ("trainedAlgorithmicMedia", Status.UNVERIFIED, []),
        ("compositeWithTrainedAlgorithmicMedia", Status.VERIFIED, []),
        (None, None, []),
        (None, Status.VERIFIED, []),
    ],
)
def test_claims_are_held_against_proof(said: str | None, status: Status | None, ids: list[str]) -> None:
    assert [f.id for f in origin_findings(PAGE, panel(said, status), None, ())] == ids


def test_the_panel_goes_before_the_figure() -> None:
    assert origin_findings(PAGE, panel(None, None), "digitalCapture", ())
    assert not origin_findings(PAGE, panel("trainedAlgorithmicMedia", None), "digitalCapture", ())


def test_a_synthetic_panel_may_come_from_a_synthetic_image() -> None:
    assert not origin_findings(PAGE, panel("trainedAlgorithmicMedia", Status.VERIFIED), None, {"a.tif"})


def test_charts_make_no_claim() -> None:
    assert not origin_findings(PAGE, panel("digitalCapture", None, PanelKind.CHART), None, ())
