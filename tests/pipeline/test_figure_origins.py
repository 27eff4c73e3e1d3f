"""What a figure's own metadata say of its making, in the crate."""

import json
import shutil
from pathlib import Path

import pytest
from c2pa_writing import FULL, IPTC, NAMES, STORE, png_chunk, xmp
from drawn_study import FIGURE, write_drawn_study
from PIL import Image, PngImagePlugin

from biocodes_crate.crate.ids import path_to_id
from biocodes_crate.pipeline import build_study
from biocodes_crate.validation import validate_crate


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> Path:
    """A drawn study whose figure is from Photoshop, and generated, it says. Read only."""
    root = write_drawn_study(tmp_path_factory.mktemp("drawn") / "study")
    state(root / FIGURE, FULL, STORE)
    return root


@pytest.fixture
def study(drawn, tmp_path) -> Path:
    """A study of one's own."""
    return Path(shutil.copytree(drawn, tmp_path / "study"))


def state(figure: Path, packet: str, store: bytes = b"") -> None:
    """Save a PNG again, with XMP and content credentials."""
    about = PngImagePlugin.PngInfo()
    about.add_itxt("XML:com.adobe.xmp", packet)
    with Image.open(figure) as picture:
        picture.load()
    picture.save(figure, pnginfo=about)
    data = figure.read_bytes()
    figure.write_bytes(data[:33] + (png_chunk(b"caBX", store) if store else b"") + data[33:])


def entities(root: Path) -> dict:
    document = json.loads((root / "ro-crate-metadata.json").read_text())
    return {entity["@id"]: entity for entity in document["@graph"]}


def ids(result) -> list[str]:
    return [finding.id for finding in result.findings]


def test_the_crate_says_who_made_a_figure_with_what(study):
    (study / "study.yaml").write_text('authors: [{name: Ada Lovelace, orcid: "0000-0002-1825-0097"}]\n')
    result = build_study(study)
    graph = entities(study)
    figure = graph[path_to_id(FIGURE)]
    assert figure["creatorTool"] == "Adobe Photoshop 26.1"
    # Who is an author of the study is the same person.
    assert figure["creator"] == {"@id": "https://orcid.org/0000-0002-1825-0097"}
    assert figure["creditText"] == "Grace Hopper"
    credentials = graph[figure["contentCredentials"]["@id"]]
    assert credentials["manifest"] == list(NAMES)
    assert "not validated" in credentials["description"]
    assert figure["digitalSourceType"]["@id"] == IPTC + "trainedAlgorithmicMedia"
    assert ids(result).count("content-credentials") == 1
    assert not [f for f in validate_crate(study).findings if f.severity.value == "error"]
    # A second build takes them from what was kept.
    again = build_study(study)
    assert entities(study)[path_to_id(FIGURE)] == figure
    assert ids(again) == ids(result)


def test_a_figure_that_says_it_is_synthetic_and_shows_captures_is_told(study):
    assert ids(build_study(study)).count("synthetic-but-verified") == 2


def test_the_digital_source_of_the_manifest_wins(study):
    (study / "study.yaml").write_text(f"figures: [{{path: {FIGURE}, digital_source: digitalCapture}}]\n")
    result = build_study(study)
    assert entities(study)[path_to_id(FIGURE)]["digitalSourceType"]["@id"] == IPTC + "digitalCapture"
    assert not {"synthetic-but-verified", "capture-without-source"} & set(ids(result))


def test_a_figure_that_says_it_is_captured_and_has_no_source_is_told(study):
    state(study / FIGURE, xmp("", f'Iptc4xmpExt:DigitalSourceType="{IPTC}digitalCapture"'))
    assert "capture-without-source" not in ids(build_study(study))
    shutil.rmtree(study / "images")
    assert ids(build_study(study)).count("capture-without-source") == 2
