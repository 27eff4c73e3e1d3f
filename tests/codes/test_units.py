"""Units agree with iscc-core, the reference; codes are compared as identity demands."""

import io
import itertools
import random

import iscc_core
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biocodes_crate.codes import Likeness, compare_codes, image_code_hamming, is_featureless, looks_like_code, parse
from biocodes_crate.codes.units import SumHasher, compose, data_code, image_code, instance_code
from biocodes_crate.errors import BadCode

# The project's founding slide: one picture as it was, with its contrast raised, and scaled to half.
FOUNDING = [
    "ISCC:KEC5FEDFHVYTLFAWZPRUARXFXGMYX5MSO2XYTVQWXBUAH74TU4YG3ZY",
    "ISCC:KECV74PVO3A7XPC7ZPRUARXFXGMYWN2WQDAR56XLTGAT4ELZMQTATEA",
    "ISCC:KEC5PML5X5233XYWZPRUARXFXGMYXQY3ZTHZJU3HI62GLIIMH3OCYMY",
]


@given(data=st.binary(max_size=20_000))
@settings(max_examples=60, deadline=None)
def test_data_and_instance_codes_equal_iscc_core(data):
    assert data_code(data) == iscc_core.gen_data_code_v0(_stream(data), bits=256)["iscc"]
    assert instance_code(data) == iscc_core.gen_instance_code_v0(_stream(data), bits=256)["iscc"]


@given(grey=st.binary(min_size=1024, max_size=1024))
@settings(max_examples=40, deadline=None)
def test_image_codes_equal_iscc_core(grey):
    assert image_code(grey) == iscc_core.gen_image_code_v0(list(grey), bits=256)["iscc"]


@given(data=st.binary(max_size=5000), cuts=st.lists(st.integers(0, 5000), max_size=6))
@settings(max_examples=40, deadline=None)
def test_a_stream_gives_the_same_codes_in_any_parts(data, cuts):
    hasher = SumHasher()
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    for start, stop in itertools.pairwise(edges):
        hasher.update(data[start:stop])
    result = hasher.finish()
    assert result["units"] == [data_code(data), instance_code(data)]
    assert result["iscc"] == compose([data_code(data), instance_code(data)])
    assert result["filesize"] == len(data)


@pytest.mark.parametrize("other", FOUNDING[1:])
def test_the_founding_picture_keeps_its_image_code_and_nothing_else(other):
    likeness = {unit.kind: unit.likeness for unit in compare_codes(FOUNDING[0], other)}
    assert likeness["Image-Code"] is Likeness.IDENTICAL
    assert likeness["Data-Code"] is Likeness.DIFFERENT
    assert likeness["Instance-Code"] is Likeness.DIFFERENT


def test_units_of_other_lengths_are_compared_over_the_bits_that_both_have():
    long = image_code(bytes(range(256)) * 4)
    short = iscc_core.gen_image_code_v0(list(bytes(range(256)) * 4), bits=64)["iscc"]
    (unit,) = compare_codes(long, short)
    assert (unit.bits, unit.distance) == (64, 0)


def test_distance_counts_bits():
    a, b = image_code(bytes(1024)), image_code(bytes(range(256)) * 4)
    digests = [int.from_bytes(parse(code)[0].digest, "big") for code in (a, b)]
    assert image_code_hamming(a, b) == (digests[0] ^ digests[1]).bit_count() == compare_codes(a, b)[0].distance


def test_a_flat_picture_is_featureless_and_noise_is_not():
    assert is_featureless(image_code(bytes(1024)))
    assert not is_featureless(image_code(random.Random(1).randbytes(1024)))
    assert not is_featureless(data_code(b""))


@pytest.mark.parametrize("text", ["", "ISCC:", "hello", "ISCC:KEC5", "ISCC:" + "A" * 5000, "ISCC:ÄÖÜ", "\0", "K" * 40])
def test_what_is_no_code_is_refused(text):
    assert not looks_like_code(text)
    with pytest.raises(BadCode):
        parse(text)


def test_codes_without_a_common_unit_cannot_be_compared():
    with pytest.raises(BadCode, match="no kind of unit in common"):
        compare_codes(data_code(b"a"), instance_code(b"a"))
    with pytest.raises(BadCode):
        image_code_hamming(data_code(b"a"), instance_code(b"a"))


def _stream(data):
    return io.BytesIO(data)
