"""The 8-bit rendering of a plane: depends on the pixels alone, forgives hot pixels and contrast."""

import functools
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from imagewriters import PIXEL_TYPES, make_pixels
from PIL import Image as Pillow

from biocodes_crate.codes import code_picture, image_code_hamming, plane_image_code, reduce_plane, render
from biocodes_crate.codes import rendering as module
from biocodes_crate.codes.rendering import Reducer


@functools.cache
def scene_like(side: int = 600, seed: int = 0) -> np.ndarray:
    """Bright spots of many sizes on an uneven ground, as uint16."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] / side
    pixels = 300 + 200 * x * y
    for _ in range(60):
        cy, cx, size = rng.random(), rng.random(), rng.uniform(0.01, 0.08)
        pixels += rng.uniform(300, 4000) * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * size**2))
    return rng.poisson(pixels).astype(np.uint16)


@given(
    shape=st.tuples(st.integers(1, 60), st.integers(1, 60)),
    dtype=st.sampled_from(PIXEL_TYPES),
    seed=st.integers(0, 99),
    side=st.integers(3, 70),
    data=st.data(),
)
@settings(max_examples=150, deadline=None)
def test_the_reduction_does_not_depend_on_how_many_rows_come_at_once(shape, dtype, seed, side, data):
    pixels = make_pixels(shape, dtype, seed)
    if pixels.dtype.kind == "f":
        pixels = (pixels / 7).astype(dtype)
    original = module.REDUCED_SIDE
    module.REDUCED_SIDE = side
    try:
        expected = reduce_plane(pixels)
        reducer = Reducer(*shape)
        start = 0
        while start < shape[0]:
            stop = data.draw(st.integers(start + 1, shape[0]))
            reducer.add(pixels[start:stop])
            start = stop
        found = reducer.finish()
    finally:
        module.REDUCED_SIDE = original
    np.testing.assert_array_equal(found.pixels, expected.pixels)
    assert max(found.pixels.shape) <= side
    k = found.factor
    assert found.pixels.shape == (-(-shape[0] // k), -(-shape[1] // k))
    for (i, j), value in np.ndenumerate(found.pixels):
        cell = pixels[i * k : (i + 1) * k, j * k : (j + 1) * k].astype(np.float64)
        assert value == pytest.approx(cell.mean(), rel=1e-6, abs=1e-6)


def test_a_plane_of_up_to_1024_pixels_is_kept_as_it_is():
    pixels = make_pixels((1024, 3))
    reduced = reduce_plane(pixels)
    assert (reduced.factor, reduced.height, reduced.width) == (1, 1024, 3)
    np.testing.assert_array_equal(reduced.pixels, pixels)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_pixels_that_are_no_number_count_as_zero(value):
    pixels = scene_like(200).astype(np.float64)
    spoilt = pixels.copy()
    spoilt[5:8, 5] = value
    pixels[5:8, 5] = 0
    np.testing.assert_array_equal(reduce_plane(spoilt).pixels, reduce_plane(pixels).pixels)
    assert render(reduce_plane(np.full((3, 3), value))).max() == 0


def test_extreme_numbers_do_no_harm():
    pixels = np.full((2000, 3), np.finfo(np.float64).max)
    pixels[::2] *= -1
    assert np.isfinite(reduce_plane(pixels).pixels).all()
    big = np.full((5000, 10), 2**32 - 1, np.uint32)
    assert reduce_plane(big).pixels.min() == np.float32(2**32 - 1)


@pytest.mark.parametrize("share", [0, 1e-5, 2e-4, 5e-4])
def test_hot_pixels_hardly_move_the_code(share):
    pixels = scene_like()
    spoilt = pixels.copy()
    rng = np.random.default_rng(1)
    spoilt[rng.random(pixels.shape) < share] = 65535
    assert image_code_hamming(plane_image_code(reduce_plane(pixels)), plane_image_code(reduce_plane(spoilt))) <= 26


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(
    ("window", "gamma", "size", "quality"),
    [((0, 100), 1, 600, None), ((0.35, 99.65), 1, 300, 85), ((1, 99.8), 0.7, 420, 75), ((0, 99.9), 1.4, 250, 90)],
)
def test_a_panel_of_the_whole_plane_lands_within_a_few_bits(seed, window, gamma, size, quality):
    plane = scene_like(seed=seed)
    low, high = np.percentile(plane, window)
    panel = Pillow.fromarray((np.clip((plane - low) / (high - low), 0, 1) ** gamma * 255).astype(np.uint8))
    panel = panel.convert("RGB").resize((size, size), Pillow.Resampling.LANCZOS)
    if quality:
        buffer = io.BytesIO()
        panel.save(buffer, "JPEG", quality=quality)
        panel = Pillow.open(buffer)
    distance = image_code_hamming(code_picture(np.asarray(panel)).image_code, plane_image_code(reduce_plane(plane)))
    assert distance <= 36
    others = [plane_image_code(reduce_plane(scene_like(seed=100 + other))) for other in range(4)]
    assert min(image_code_hamming(code_picture(np.asarray(panel)).image_code, code) for code in others) > 70


def test_a_flat_plane_is_black():
    assert render(reduce_plane(np.full((40, 30), 777, np.uint16))).max() == 0


def test_a_few_pixels_on_black_are_not_lost():
    pixels = np.zeros((200, 200), np.uint16)
    pixels[100, 100] = 50
    assert render(reduce_plane(pixels)).max() == 255


def test_the_rendering_of_known_pixels_does_not_change():
    """A change here changes every Image-Code of every plane: raise the version of the cache and of the ADR."""
    pixels = (np.arange(300)[:, None] * 7 + np.arange(400) ** 2 % 977).astype(np.uint16)
    assert plane_image_code(reduce_plane(pixels)) == "ISCC:EEDYA777PPYGRIBAAD7P76X4BDYAB73775UIQCEAMD77T7OI6UCQAAA"
