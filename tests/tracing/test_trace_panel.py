from __future__ import annotations

from functools import cache

import cv2
import numpy as np
import pytest
from specimens import Study, panel_of, resized, shown, texture

from biocodes_crate.figures import Box
from biocodes_crate.study import DeclaredProjection, DeclaredSource, Region
from biocodes_crate.tracing import Claim, ProjectionKind, Status, TracedPanel, recheck_panel, trace_panel
from biocodes_crate.tracing.tones import colour_map


@cache
def study() -> Study:
    """Two unrelated planes, a stack whose planes are alike, and two channels."""
    base = texture(20)
    stack = np.stack([0.75 * base + 0.25 * texture(30 + z) for z in range(8)])
    channels = np.stack([texture(40), texture(41), texture(42)])[:, None]
    return Study(a=texture(1), b=texture(2), stack=stack, channels=channels)


def trace(pixels: np.ndarray, *declared: DeclaredSource, mask: np.ndarray | None = None) -> TracedPanel:
    return trace_panel(panel_of(pixels, declared, mask), study().index, study())


def only_edge(panel: TracedPanel):
    assert len(panel.edges) == 1, panel.edges
    return panel.edges[0]


def crop(plane: np.ndarray, box: Box) -> np.ndarray:
    x, y, w, h = (int(v) for v in box)
    return plane[y : y + h, x : x + w]


RENDERINGS = {
    "plain": lambda p: shown(p),
    "dim, gamma": lambda p: shown(p, 500, 3800, 0.6),
    "saturated": lambda p: shown(p, 300, 1600),
    "inverted": lambda p: 255 - shown(p),
    "mirrored": lambda p: shown(p)[:, ::-1],
    "turned": lambda p: np.rot90(shown(p)),
    "turned and mirrored": lambda p: np.rot90(shown(p), 3)[:, ::-1],
    "enlarged": lambda p: resized(shown(p), 1.9),
    "reduced": lambda p: resized(shown(p), 0.6),
    "nearest": lambda p: np.repeat(np.repeat(shown(p), 2, 0), 2, 1),
    "viridis": lambda p: colour_map("viridis")[shown(p)].astype(np.uint8),
    "magenta": lambda p: (shown(p)[..., None] * np.array([1, 0, 1])).astype(np.uint8),
    "jpeg": lambda p: cv2.imdecode(cv2.imencode(".jpg", shown(p), [cv2.IMWRITE_JPEG_QUALITY, 50])[1], 0),
}


@pytest.mark.parametrize("name", RENDERINGS)
def test_a_crop_is_traced_however_it_is_shown(name: str) -> None:
    region = Box(60, 40, 130, 120)
    edge = only_edge(trace(RENDERINGS[name](crop(texture(1), region))))
    assert (edge.status, edge.image, edge.claim) == (Status.VERIFIED, "images/a.tif", Claim.DISCOVERED)
    assert edge.region is not None
    assert np.allclose(edge.region, region, atol=1.0)
    assert edge.evidence.correlation is not None
    assert edge.evidence.correlation > 0.9


def test_a_panel_turned_by_any_angle_is_traced() -> None:
    matrix = cv2.getRotationMatrix2D((130, 110), 27, 1.3)
    turned = cv2.warpAffine(shown(texture(2)), matrix, (260, 220), flags=cv2.INTER_CUBIC)[50:170, 60:200]
    edge = only_edge(trace(turned))
    assert (edge.status, edge.image) == (Status.VERIFIED, "images/b.tif")
    assert edge.panel_to_source is not None
    # The map must undo the one that drew the panel, to a fraction of a pixel.
    drawn = np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))
    for x, y in ((0, 0), (140, 0), (70, 120)):
        expected = drawn @ [x - 0.5 + 60, y - 0.5 + 50, 1]
        found = np.array(edge.panel_to_source) @ [x, y, 1]
        assert np.hypot(*(found - expected[:2] - 0.5)) < 0.5


def test_the_right_plane_of_a_stack_is_found() -> None:
    plane = study()("images/stack.tif", 0).plane(next(p for p in study()("images/stack.tif", 0).planes() if p.z == 5))
    edge = only_edge(trace(shown(crop(plane.astype(np.float32), Box(30, 30, 150, 140)))))
    assert (edge.status, edge.source.z, edge.source.projection) == (Status.VERIFIED, 5, None)
    assert edge.evidence.plane_margin is not None
    assert edge.evidence.plane_margin > 0.1


@pytest.mark.parametrize(("kind", "how"), [("max", np.max), ("mean", np.mean), ("min", np.min)])
def test_a_projection_is_found_with_its_kind_and_range(kind: str, how) -> None:
    stack = np.stack([0.75 * texture(20) + 0.25 * texture(30 + z) for z in range(8)])
    edge = only_edge(trace(shown(how(stack[1:7], axis=0))))
    assert edge.status is Status.VERIFIED
    assert edge.source.projection is not None
    assert edge.source.projection.kind is ProjectionKind(kind)
    assert abs(edge.source.projection.z_start - 1) <= 1
    assert abs(edge.source.projection.z_end - 6) <= 1


def test_planes_with_the_same_pixels_are_ambiguous() -> None:
    twins = Study(twins=np.stack([texture(50), texture(50), texture(51)]))
    traced = trace_panel(panel_of(shown(texture(50))), twins.index, twins)
    edge = only_edge(traced)
    assert edge.status is Status.AMBIGUOUS
    assert {candidate.z for candidate in edge.candidates} == {0, 1}


def test_a_merge_gets_one_edge_for_each_channel_that_it_shows() -> None:
    green, magenta = shown(texture(40)), shown(texture(42))
    merged = np.stack([magenta, green, magenta], -1)
    edges = trace(merged).edges
    assert [(e.status, e.source.c) for e in edges] == [(Status.VERIFIED, 0), (Status.VERIFIED, 2)]
    assert [e.intensity.color for e in edges if e.intensity] == ["00FF00", "FF00FF"]


@pytest.mark.parametrize("seed", range(60, 66))
def test_an_image_that_is_not_in_the_study_gets_no_edge(seed: int) -> None:
    assert trace(resized(shown(texture(seed)), 1.2)).edges == ()


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((100, 120), np.uint8),
        np.full((100, 120), 255, np.uint8),
        np.random.default_rng(0).integers(0, 256, (100, 120)).astype(np.uint8),
        np.tile(np.linspace(0, 255, 120).astype(np.uint8), (100, 1)),
        np.zeros((5, 5), np.uint8),
    ],
    ids=["black", "white", "noise", "ramp", "tiny"],
)
def test_panels_without_content_abstain(pixels: np.ndarray) -> None:
    assert trace(pixels).edges == ()


def test_a_shared_banner_is_no_proof() -> None:
    """Two micrographs with the same burned-in text agree in the banner, and nowhere else."""
    planes = [texture(70), texture(71)]
    banner = np.zeros(planes[0].shape, np.uint8)
    cv2.putText(banner, "10 kV x500 10um", (5, 210), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 255, 2)
    for plane in planes:
        plane[banner > 0] = 4000
    alone = Study(one=planes[0])
    assert trace_panel(panel_of(shown(planes[1])), alone.index, alone).edges == ()


def test_what_was_pasted_over_a_panel_is_listed() -> None:
    pixels = shown(texture(1))
    pixels[60:100, 150:200] = shown(texture(90))[60:100, 150:200]
    panel = trace(pixels)
    assert only_edge(panel).status is Status.VERIFIED
    x, y, w, h = panel.unexplained[0]
    assert 140 < x < 160
    assert 50 < y < 70
    assert 35 < w < 65
    assert 25 < h < 55


def test_a_faithful_panel_leaves_nothing_unexplained() -> None:
    assert trace(shown(texture(1))).unexplained == ()


DECLARED = "images/stack.tif"


def declared_panel(**said):
    stack = study()(DECLARED, 0)
    plane = stack.plane(next(p for p in stack.planes() if p.z == 3)).astype(np.float32)
    pixels = shown(crop(plane, Box(40, 20, 150, 140)))
    return trace(pixels, DeclaredSource(**({"image": DECLARED} | said)))


@pytest.mark.parametrize(
    "said", [{}, {"z": 3}, {"z": 3, "c": 0, "t": 0}, {"z": 3, "region": Region(42, 19, 148, 142)}], ids=str
)
def test_a_right_declaration_is_verified(said: dict) -> None:
    edge = only_edge(declared_panel(**said))
    assert (edge.claim, edge.status, edge.source.z) == (Claim.DECLARED, Status.VERIFIED, 3)


@pytest.mark.parametrize(
    "said",
    [
        {"z": 6},
        {"image": "images/a.tif"},
        {"z": 3, "region": Region(150, 120, 100, 95)},
        {"projection": DeclaredProjection("max")},
    ],
    ids=str,
)
def test_a_wrong_declaration_is_contradicted_and_the_better_source_given(said: dict) -> None:
    declared, better = declared_panel(**said).edges
    assert (declared.claim, declared.status) == (Claim.DECLARED, Status.CONTRADICTED)
    assert (better.claim, better.status, better.image, better.source.z) == (
        Claim.DISCOVERED,
        Status.VERIFIED,
        DECLARED,
        3,
    )
    assert "the pixels show" in declared.reason


@pytest.mark.parametrize(
    "said", [{"image": "images/lost.tif"}, {"scene": 4}, {"z": 99}], ids=["no image", "no scene", "no plane"]
)
def test_a_declaration_that_cannot_be_tested_is_unverified(said: dict) -> None:
    declared = declared_panel(**said).edges[0]
    assert (declared.claim, declared.status) == (Claim.DECLARED, Status.UNVERIFIED)
    assert declared.reason.startswith("could not be tested")


def test_an_edge_is_borne_out_when_checked_again() -> None:
    pixels = resized(shown(crop(texture(1), Box(60, 40, 130, 120))), 1.4)
    traced = trace(pixels)
    (again,) = recheck_panel(panel_of(pixels), traced.edges, study())
    assert again.agrees
    assert again.drift == ""


def test_each_edge_of_a_merge_is_borne_out_when_checked_again() -> None:
    merged = np.stack([shown(texture(42)), shown(texture(40)), shown(texture(42))], -1)
    again = recheck_panel(panel_of(merged), trace(merged).edges, study())
    assert [(r.agrees, r.drift) for r in again] == [(True, ""), (True, "")]


def test_a_merge_of_the_pages_of_a_bare_tiff_is_found_and_borne_out() -> None:
    """A file that does not say what its pages are may hold channels."""
    pages = Study(pages=np.stack([texture(40), texture(41)]))
    merged = panel_of(np.stack([shown(texture(41)), shown(texture(40)), np.zeros((220, 260), np.uint8)], -1))
    edges = trace_panel(merged, pages.index, pages).edges
    assert [(e.status, e.source.z) for e in edges] == [(Status.VERIFIED, 0), (Status.VERIFIED, 1)]
    assert all(result.agrees and not result.drift for result in recheck_panel(merged, edges, pages))


def test_a_region_stays_within_the_plane() -> None:
    """A panel with a margin shows less of the plane than its transform covers."""
    margin = np.pad(shown(texture(1)), 4)
    edge = only_edge(trace(margin))
    assert edge.region is not None
    x, y, w, h = edge.region
    assert (x, y) >= (0, 0)
    assert (x + w, y + h) <= (260, 220)
