"""What is drawn over an image is told from what does not belong to it."""

from __future__ import annotations

import cv2
import numpy as np
from specimens import Study, panel_of, shown, texture

from biocodes_crate.tracing import Status, trace_panel
from biocodes_crate.tracing.strokes import drawn_over


def pair(seed: int = 7) -> tuple[np.ndarray, np.ndarray]:
    """A panel (Y, X, 3) float32 with a little noise, and the source (Y, X) as rendered."""
    rendered = shown(texture(seed)).astype(np.float32) * 0.6
    noise = np.random.default_rng(seed).normal(0, 2, rendered.shape)
    return np.repeat((rendered + noise).astype(np.float32)[..., np.newaxis], 3, axis=2), rendered


def compared(panel: np.ndarray, rendered: np.ndarray) -> np.ndarray:
    valid = np.ones(rendered.shape, bool)
    return drawn_over(panel.mean(axis=2), rendered, panel, valid)


def test_letters_arrows_and_dashed_boxes_are_drawn() -> None:
    panel, rendered = pair()
    drawn = np.zeros(rendered.shape, np.uint8)
    cv2.putText(drawn, "DAPI", (12, 30), cv2.FONT_HERSHEY_SIMPLEX, 0.6, 255, 1, cv2.LINE_AA)
    cv2.arrowedLine(drawn, (120, 120), (150, 100), 255, 2)
    for x in range(60, 110, 10):
        cv2.line(drawn, (x, 160), (x + 5, 160), 255, 1)
    panel += (255 - panel) * (drawn / 255)[..., np.newaxis]
    found = compared(panel, rendered)
    strong = drawn > 128
    far = np.abs(panel.mean(axis=2) - rendered) > 40
    assert (found & strong & far).sum() > 0.95 * (strong & far).sum()
    assert found.mean() < 0.06


def test_a_patch_that_does_not_belong_is_not_drawn() -> None:
    panel, rendered = pair()
    panel[60:110, 80:140] = np.repeat(shown(texture(8))[60:110, 80:140, np.newaxis], 3, axis=2)
    found = compared(panel, rendered)
    assert found[60:110, 80:140].mean() < 0.1


def test_a_white_square_over_the_image_is_not_drawn() -> None:
    panel, rendered = pair()
    panel[60:90, 80:120] = 255
    assert not compared(panel, rendered)[65:85, 85:115].any()


def test_where_nothing_fits_nothing_is_taken_for_lettering() -> None:
    panel, _ = pair(7)
    _, other = pair(8)
    sharp = np.where(panel > 120, 255, 0).astype(np.float32)
    assert not compared(sharp, other).any()


def test_no_valid_pixels_give_an_empty_mask() -> None:
    panel, rendered = pair()
    nothing = np.zeros(rendered.shape, bool)
    assert not drawn_over(panel, rendered, panel, nothing).any()


def test_lettering_that_nobody_masked_does_not_weaken_the_evidence() -> None:
    study = Study(cells=texture(3), other=texture(4))
    plain = shown(texture(3))
    lettered = plain.copy()
    cv2.putText(lettered, "control 24 h", (10, 40), cv2.FONT_HERSHEY_SIMPLEX, 0.9, 255, 2, cv2.LINE_AA)
    cv2.arrowedLine(lettered, (40, 150), (90, 120), 255, 2)
    (bare,), (edge,) = (trace_panel(panel_of(p), study.index, study).edges for p in (plain, lettered))
    assert bare.status is edge.status is Status.VERIFIED
    assert bare.evidence is not None
    assert edge.evidence is not None
    assert edge.evidence.correlation > 0.97
    assert edge.evidence.log10_false_alarm < bare.evidence.log10_false_alarm + 4
