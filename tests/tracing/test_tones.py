from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from specimens import shown, texture

from biocodes_crate.tracing.tones import colour_map, fit_mixture, fit_tone, take_apart


def no_mask(pixels: np.ndarray) -> np.ndarray:
    return np.zeros(pixels.shape[:2], bool)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), gamma=st.floats(0.4, 2.2), inverted=st.booleans())
def test_a_monotone_curve_is_recovered_whatever_its_shape(seed: int, gamma: float, *, inverted: bool) -> None:
    source = np.random.default_rng(seed).gamma(2.0, 300.0, 4000).astype(np.float32)
    panel = shown(source, 100, 1500, gamma).astype(np.float32)
    panel = 255 - panel if inverted else panel
    curve = fit_tone(source, panel)
    assert curve.inverted == inverted
    assert curve.residual < 5
    assert curve.explained > 0.99


def test_unrelated_values_leave_nothing_explained() -> None:
    dice = np.random.default_rng(1)
    curve = fit_tone(dice.normal(size=4000).astype(np.float32), dice.normal(size=4000).astype(np.float32))
    assert curve.explained < 0.05


def test_a_constant_panel_is_no_reason_to_fail() -> None:
    assert fit_tone(np.arange(100, dtype=np.float32), np.full(100, 7, np.float32)).explained == 0


def test_a_constant_source_is_no_reason_to_fail() -> None:
    assert fit_tone(np.full(100, 3, np.float32), np.arange(100, dtype=np.float32)).explained <= 0.01


@pytest.mark.parametrize("name", ["viridis", "magma", "hot", "fire", "jet"])
def test_a_known_colour_map_is_named_and_undone(name: str) -> None:
    grey = shown(texture(3))
    colours = colour_map(name)[grey].astype(np.uint8)
    tone = take_apart(colours, no_mask(colours))
    assert tone.lut == name
    assert np.abs(tone.greys[0] - grey).mean() < 2


def test_a_single_colour_is_named_and_undone() -> None:
    grey = shown(texture(4)).astype(np.float32)
    colours = np.rint(grey[..., None] * [0, 1, 1]).astype(np.uint8)
    tone = take_apart(colours, no_mask(colours))
    assert tone.color == "00FFFF"
    assert np.abs(tone.greys[0] - grey).max() < 2


def test_a_grey_panel_from_a_jpeg_is_grey() -> None:
    grey = shown(texture(5))
    jpeg = cv2.imdecode(cv2.imencode(".jpg", np.stack([grey] * 3, -1), [cv2.IMWRITE_JPEG_QUALITY, 60])[1], 1)
    tone = take_apart(np.asarray(jpeg, np.uint8), no_mask(jpeg))
    assert tone.scalar
    assert tone.lut == "gray"


def test_a_merge_is_no_single_intensity() -> None:
    merged = np.stack([shown(texture(6)), shown(texture(7)), np.zeros((220, 260), np.uint8)], -1)
    assert not take_apart(merged, no_mask(merged)).scalar


def test_the_colours_of_a_merge_are_recovered() -> None:
    sources = [texture(8).ravel(), texture(9).ravel()]
    panel = np.clip(
        shown(sources[0]).astype(np.float32)[:, None] * [0, 1, 0] + shown(sources[1])[:, None] * [1.0, 0, 1.0], 0, 255
    )
    mixture = fit_mixture(sources, panel.astype(np.float32))
    assert (mixture.color(0), mixture.color(1)) == ("00FF00", "FF00FF")
    assert mixture.explained > 0.98


def test_a_channel_that_adds_nothing_gets_no_weight() -> None:
    sources = [texture(10).ravel(), texture(11).ravel()]
    panel = shown(sources[0]).astype(np.float32)[:, None] * np.array([0, 1, 0], np.float32)
    mixture = fit_mixture(sources, panel)
    assert mixture.weights[1].sum() < 0.1 * mixture.weights[0].sum()
