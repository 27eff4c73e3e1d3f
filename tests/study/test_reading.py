import contextlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from biocodes_crate.errors import BadManifest
from biocodes_crate.study import DeclaredProjection, Region, read_manifest

FULL = """
title: Mitosis in HeLa cells
description: |
  Several
  lines.
license: CC-BY-4.0
authors: [{name: "Müller, Ada", orcid: https://orcid.org/0000-0002-1825-0097, affiliation: EMBL, ror: 00f54p054}]
keywords: [mitosis, No]
publication: 10.1234/abcd
funding: [Grant 7]
organism: NCBITaxon:9606
imaging_method: FBbi:00000251
images: [{path: ./images//a.ome.zarr/, description: A stack, digital_source: digitalCapture, omero_id: 123}]
figures:
  - path: figures/fig 1.png
    caption: Cells.
    panels:
      - label: A
        box: [1, 2, 30.5, 40]
        digital_source: digitalCapture
        sources: [{image: images/a.ome.zarr, scene: 0, z: 5, c: 1, t: 0, region: [0, 0, 10, 10]}]
      - sources: [{image: images/a.ome.zarr, projection: max}]
      - sources: [{image: images/a.ome.zarr, projection: {kind: mean, z: [2, 4]}}]
exclude: ["**/scratch/**"]
"""


def read(folder: Path, text: str | bytes):
    path = folder / "study.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_manifest(path)


def test_everything_that_authors_say_is_read(tmp_path):
    manifest = read(tmp_path, FULL)
    assert manifest.title == "Mitosis in HeLa cells"
    assert manifest.description == "Several\nlines."
    assert manifest.authors[0].name == "Müller, Ada"
    assert manifest.authors[0].orcid == "0000-0002-1825-0097"
    assert manifest.keywords == ("mitosis", "No")
    assert manifest.images[0].path == "images/a.ome.zarr"
    assert manifest.images[0].omero_id == 123
    figure = manifest.figures[0]
    assert figure.path == "figures/fig 1.png"
    a, b, c = figure.panels
    assert a.box == (1, 2, 30.5, 40)
    assert a.sources[0].region == Region(0, 0, 10, 10)
    assert (a.sources[0].z, a.sources[0].c, a.sources[0].t) == (5, 1, 0)
    assert b.sources[0].projection == DeclaredProjection("max")
    assert c.sources[0].projection == DeclaredProjection("mean", 2, 4)
    assert manifest.exclude == ("**/scratch/**",)


def test_an_empty_file_and_empty_keys_say_nothing(tmp_path):
    assert read(tmp_path, "").title is None
    assert read(tmp_path, "title:\nauthors:\nimages: null\n").authors == ()


def test_words_are_not_taken_for_truth_values_nor_dates_nor_octal_numbers(tmp_path):
    manifest = read(
        tmp_path,
        "title: No\nkeywords: [yes, 2020-01-01, 1:30]\nfigures: [{path: a.png, panels: [{sources: [{image: i, z: 010}]}]}]",
    )
    assert manifest.title == "No"
    assert manifest.keywords == ("yes", "2020-01-01", "1:30")
    assert manifest.figures[0].panels[0].sources[0].z == 10


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("title: a\nlicence: CC0-1.0\n", 2, "unknown key 'licence'"),
        ("title: a\n\nauthors:\n  - orcid: 0000-0002-1825-0097\n", 4, "authors[0] lacks 'name'"),
        ("title: 12\n", 1, "title is 12, not a text"),
        ("title: a\nimages:\n  - path: ../../etc/passwd\n", 3, "images[0].path"),
        ("images:\n  - path: /etc/passwd\n", 2, "images[0].path"),
        ("publication: nature\n", 1, "10.1234/abcd"),
        (
            "figures:\n- path: a.png\n  panels:\n  - sources:\n    - {image: b, z: 1, projection: max}\n",
            5,
            "both 'z' and 'projection'",
        ),
        ("figures:\n- path: a.png\n  digital_source: camera\n", 3, "digitalCapture"),
        ("- a\n- b\n", 1, "not a mapping"),
        ("title: a\ntitle: b\n", 2, "twice"),
        ("title: 'a\n", 2, "not YAML"),
        ("title: a\n  b: c\n", 2, "not YAML"),
        ("title: *nobody\n", 1, "not YAML"),
        ("? [a]\n: b\n", 1, "not a plain word"),
    ],
)
def test_a_misfit_is_named_with_its_line(tmp_path, text, line, words):
    with pytest.raises(BadManifest) as caught:
        read(tmp_path, text)
    assert f"line {line}:" in caught.value.message
    assert words in caught.value.message
    assert caught.value.where == tmp_path / "study.yaml"
    assert caught.value.remedy


def test_all_misfits_are_named_at_once(tmp_path):
    with pytest.raises(BadManifest) as caught:
        read(tmp_path, "title: 1\nkeywords: a\n")
    assert "line 1:" in caught.value.message
    assert "line 2:" in caught.value.message


BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 12)
)


@pytest.mark.parametrize(
    "text",
    [BOMB, "a: &a [*a]\n", "[" * 5000, "{a: " * 5000, "x" * (5 << 20), b"\xff\xfe\x00", "title: \x00"],
    ids=["aliases", "cycle", "nested-lists", "nested-mappings", "large", "not-utf-8", "control"],
)
def test_hostile_files_are_refused_quickly(tmp_path, text):
    with pytest.raises(BadManifest):
        read(tmp_path, text)


@given(text=st.text(alphabet=st.sampled_from("ab:-[]{}&*!|>?'\"#% \n\t0.,~"), max_size=60))
@settings(max_examples=200, deadline=None)
def test_any_text_is_read_or_refused(tmp_path_factory, text):
    folder = tmp_path_factory.getbasetemp()
    with contextlib.suppress(BadManifest):
        read(folder, text)
