"""What authors declare of panels is not in a crate: it validates all the same."""

import shutil

import numpy as np
import pytest
import yaml
from PIL import Image as Pillow
from small_study import FIGURE, TIFF, write_study

from biocodes_crate.crate import open_crate, read_pages
from biocodes_crate.findings import Severity
from biocodes_crate.pipeline import build_study
from biocodes_crate.validation import validate_crate

PDF = "figures/pages.pdf"
# Panels of the figure are found at [20, 20, 300, 300] and [380, 20, 300, 300].
BOXES = [[20.4, 19.6, 300.4, 300.4], [400, 40, 200, 180]]


@pytest.fixture(scope="module")
def declared(tmp_path_factory):
    root = tmp_path_factory.mktemp("declared") / "study"
    root.mkdir()
    write_study(root)
    with Pillow.open(root / FIGURE) as opened:
        pixels = np.array(opened)[20:320, 20:320]
    Pillow.fromarray(pixels).save(root / PDF, resolution=72)
    panels = [{"label": label, "box": box} for label, box in zip("AB", BOXES, strict=True)]
    panels[0]["sources"] = [{"image": TIFF, "scene": 0, "z": 0, "c": 0, "t": 0}]
    text = {
        "title": "Declared",
        "license": "CC-BY-4.0",
        "authors": [{"name": "Ada Lovelace"}],
        "figures": [
            {"path": FIGURE, "panels": panels},
            {"path": PDF, "panels": [{"label": "C", "box": [10, 10, 60, 70]}]},
        ],
    }
    (root / "study.yaml").write_text(yaml.safe_dump(text), encoding="utf-8")
    build_study(root)
    return root


def test_a_crate_of_declared_boxes_is_valid_and_every_edge_is_decided_again(declared):
    with open_crate(declared) as crate:
        pages = read_pages(crate.metadata)
    boxes = {panel.label: tuple(panel.box) for page in pages for panel in page.panels}
    assert boxes["B"] == (400, 40, 200, 180)
    assert boxes["C"] == (10, 10, 60, 70)
    assert sum(bool(panel.edges) for page in pages for panel in page.panels) >= 2
    report = validate_crate(declared)
    assert report.valid, [f for f in report.findings if f.severity is Severity.ERROR]
    assert not {"edge-not-rechecked", "panel-code-differs"} & {finding.id for finding in report.findings}


def test_a_changed_pixel_is_named_in_the_declared_panel_and_in_the_found_one_around_it(declared, tmp_path):
    crate = shutil.copytree(declared, tmp_path / "crate")
    with Pillow.open(crate / FIGURE) as opened:
        pixels = np.array(opened)
    pixels[50, 410] ^= 0x40
    Pillow.fromarray(pixels).save(crate / FIGURE)
    found = validate_crate(crate).findings
    named = {f.entity.rsplit("/panel/", 1)[-1] for f in found if f.id == "panel-code-differs"}
    assert named == {"1", "2"}
