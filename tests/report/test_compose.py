from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from report_examples import CELLS, FIGURE, STACK

from biocodes_crate.crate import METADATA, open_crate, write_zip
from biocodes_crate.errors import UnreadableImage
from biocodes_crate.figures.model import Box, Figure, FigurePage, PageUnit, Panel, PanelKind
from biocodes_crate.images import Image
from biocodes_crate.report import ReportView, StudyFiles, compose_report, report_from_crate, report_html
from biocodes_crate.tracing.model import Status


def read(path: Path) -> ReportView:
    with open_crate(path) as reader:
        return report_from_crate(reader)


@pytest.fixture
def copy(crate: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(crate, tmp_path / "copy"))


def change(root: Path, entity_id: str, **values: object) -> None:
    path = root / METADATA
    metadata = json.loads(path.read_text("utf-8"))
    (entity,) = [entity for entity in metadata["@graph"] if entity["@id"] == entity_id]
    entity.update(values)
    path.write_text(json.dumps(metadata), encoding="utf-8")


def test_the_study_is_told_from_its_metadata(view: ReportView) -> None:
    study = view.study
    assert study.title == "Golgi dynamics in dividing HeLa cells"
    assert [(a.name, a.orcid, a.affiliation) for a in study.authors] == [
        ("Ada Lovelace", "0000-0002-1825-0097", "Institute of Engines"),
        ("Jörg Müller", None, "Centre for Light Microscopy"),
    ]
    assert study.license == "CC-BY-4.0"
    assert study.license_url == "https://spdx.org/licenses/CC-BY-4.0"
    assert study.publication == "https://doi.org/10.1234/abcd.5678"
    assert study.software == "biocodes-crate 0.1.0"


def test_images_have_their_channels_and_thumbnails(view: ReportView) -> None:
    assert [image.path for image in view.images] == [CELLS, STACK]
    (scene,) = view.images[0].scenes
    assert [channel.name for channel in scene.facts.channels] == ["GFP", "mCherry"]
    assert scene.thumbnail is not None
    assert scene.thumbnail.std() > 5
    assert view.images[0].format == "OME-TIFF"
    assert not view.images[0].description, "its sizes are shown anyway"


def test_sources_are_drawn_as_their_panels_show_them(view: ReportView) -> None:
    for panel in view.figures[0].pages[0].panels[:3]:
        assert panel.pixels is not None
        (source,) = panel.sources
        assert source.rendered is not None
        assert source.rendered.shape == panel.pixels.shape
        same = np.abs(panel.pixels.astype(int) - source.rendered).max(axis=2) <= 2
        assert same.mean() > 0.95, panel.panel.label
        assert source.difference is not None
        assert np.median(source.difference) < 40


def test_what_the_source_does_not_explain_stands_out(view: ReportView) -> None:
    (source,) = view.figures[0].pages[0].panels[0].sources
    assert source.difference is not None
    assert source.difference[160:180, 70:110].mean() > 2 * source.difference[:100].mean()


def test_channels_of_a_merge_are_one_source(view: ReportView) -> None:
    merged = view.figures[0].pages[0].panels[1]
    assert [source.edges for source in merged.sources] == [(0, 1)]
    assert {code.of for code in merged.sources[0].codes} == {"ISCC of channel 0 (GFP)", "ISCC of channel 1 (mCherry)"}


def test_what_is_proven_comes_before_what_is_contradicted(view: ReportView) -> None:
    panel = view.figures[0].pages[0].panels[3]
    statuses = [panel.panel.edges[source.edges[0]].status for source in panel.sources]
    assert statuses == [Status.VERIFIED, Status.CONTRADICTED]
    declared = panel.sources[1]
    assert declared.rendered is not None, "so that the reader sees what was declared"
    assert declared.difference is None


def test_a_source_that_is_not_here_is_said_to_be_missing(view: ReportView) -> None:
    (source,) = view.figures[0].pages[0].panels[5].sources
    assert source.rendered is None
    assert source.note == "The source cannot be shown: the file is not here."


def test_metadata_alone_makes_a_page_without_pictures(crate: Path, tmp_path: Path) -> None:
    alone = Path(shutil.copy(crate / METADATA, tmp_path / METADATA))
    view = read(alone)
    assert len(view.pages) == 2
    html = report_html(view)
    assert "data:image" not in html
    assert "The figure cannot be shown: the file is not here." in html


def test_a_zip_shows_the_same_as_its_folder(crate: Path, tmp_path: Path, page: str) -> None:
    files = [path.relative_to(crate).as_posix() for path in crate.rglob("*") if path.is_file()]
    target = tmp_path / "study.zip"
    write_zip(crate, target, [path for path in files if path != METADATA], {METADATA: crate / METADATA})
    assert report_html(read(target)) == page


def test_a_damaged_image_is_said_to_be_damaged(copy: Path) -> None:
    (copy / STACK).write_bytes(b"II*\0 nonsense")
    view = read(copy)
    assert "cannot be shown" in view.images[1].note
    assert view.images[1].scenes[0].thumbnail is None
    assert "cannot be shown" in view.figures[0].pages[0].panels[2].sources[0].note
    assert view.images[0].scenes[0].thumbnail is not None
    report_html(view)


def test_a_damaged_figure_is_said_to_be_damaged(copy: Path) -> None:
    (copy / FIGURE).write_bytes(b"no picture")
    view = read(copy)
    assert view.figures[0].note.startswith("The figure cannot be shown: ")
    assert view.figures[0].pages[0].preview is None
    assert view.figures[1].pages[0].preview is not None


@pytest.mark.parametrize(
    ("suffix", "values"),
    [
        ("plane/z0c0t0", {"theZ": 10**12}),
        ("plane/z0c0t0", {"theC": 77}),
        ("projection/max-z0-5-c0t0", {"zStart": 5, "zEnd": 0}),
        ("projection/max-z0-5-c0t0", {"zEnd": 10**15}),
    ],
)
def test_planes_that_a_scene_does_not_have_are_not_drawn(copy: Path, suffix: str, values: dict[str, int]) -> None:
    metadata = json.loads((copy / METADATA).read_text("utf-8"))
    for entity in metadata["@graph"]:
        if str(entity["@id"]).endswith(suffix):
            entity.update(values)
    (copy / METADATA).write_text(json.dumps(metadata), encoding="utf-8")
    view = read(copy)
    notes = [source.note for panel in view.figures[0].pages[0].panels for source in panel.sources]
    assert "The source cannot be shown: the scene has no such plane." in notes
    report_html(view)


@pytest.mark.parametrize("affine", ["[[1e11,0,0],[0,1e11,0]]", "[[0,0,0],[0,0,0]]", "[[1,0,-1e9],[0,1,1e9]]"])
def test_transforms_that_lead_nowhere_draw_nothing(copy: Path, affine: str) -> None:
    panel = "#figures/fig%201.png/page/1/panel/0/edge/0/transform/0"
    change(copy, panel, panelToSource=affine)
    (source,) = read(copy).figures[0].pages[0].panels[0].sources
    assert source.rendered is None
    assert source.plane is not None


def test_boxes_beyond_the_page_show_no_pixels(copy: Path) -> None:
    change(copy, "#figures/fig%201.png/page/1/panel/0/selector", selectorValue="xywh=pixel:99999,99999,10,10")
    assert read(copy).figures[0].pages[0].panels[0].pixels is None


def test_edges_that_cannot_be_read_are_findings(copy: Path) -> None:
    change(copy, "#figures/fig%201.png/page/1/panel/0/edge/0", verificationStatus={"@id": "bc:perhaps"})
    found = [finding for finding in read(copy).findings if finding.id == "metadata-unreadable"]
    assert len(found) == 1
    assert "verificationStatus" in found[0].message


def test_a_link_out_of_the_crate_is_not_followed(copy: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside.ome.tif"
    shutil.move(copy / STACK, outside)
    (copy / STACK).symlink_to(outside)
    assert read(copy).images[1].scenes[0].thumbnail is None


def test_a_build_shows_its_own_findings_and_open_files(crate: Path) -> None:
    metadata = json.loads((crate / METADATA).read_text("utf-8"))
    files = StudyFiles(crate)
    view = compose_report(metadata, files, ())
    assert view.findings == ()
    assert set(files.images) == {CELLS, STACK}
    assert report_html(view).count("<img") > 20


def test_panels_of_a_document_are_shown_on_a_composed_page(crate: Path) -> None:
    """PDF, SVG and PPTX have no page of pixels: the panels themselves are put in place."""
    pixels = np.full((30, 40, 3), 7, np.uint8)

    class Document:
        def file(self, path: str) -> Path:
            return crate / path

        def image(self, path: str) -> Image:
            raise UnreadableImage("not needed")

        def figure(self, path: str) -> Figure:
            mask = np.zeros((30, 40), np.bool_)
            panel = Panel(Box(10, 20, 40, 30), PanelKind.IMAGE, pixels, mask)
            page = FigurePage(1, 600, 400, PageUnit.PERCENT, (panel,))
            return Figure(crate / path, "application/pdf", (page,))

    metadata = json.loads((crate / METADATA).read_text("utf-8"))
    for entity in metadata["@graph"]:
        if entity["@id"] == "#figures/fig2.png/page/1":
            entity["pageUnit"] = "percent"
        if entity["@id"] == "#figures/fig2.png/page/1/panel/0/selector":
            entity["selectorValue"] = "xywh=percent:10,20,40,30"
    view = compose_report(metadata, Document())
    (page,) = view.figures[1].pages
    assert page.panels[0].pixels is not None
    assert page.panels[0].pixels.max() == 7
    assert page.preview is not None
    assert max(page.preview.shape) == 1400
    assert (page.preview == 7).all(axis=2).mean() == pytest.approx(0.4 * 0.3, abs=0.01)
