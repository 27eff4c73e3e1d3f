"""A zip is validated, drawn and traced in where it is: nothing of it is written to disk."""

import base64
import io
import os
import sys
import tempfile
import zipfile

import numpy as np
import pytest
import tifffile
from drawn_study import TIFF, blobs, write_drawn_study
from imagewriters import write_set
from PIL import Image as Pillow
from pptx import Presentation
from pptx.util import Emu

from biocodes_crate.crate import open_crate, read_pages
from biocodes_crate.findings import Severity
from biocodes_crate.images import PlaneIndex
from biocodes_crate.pipeline import build_study
from biocodes_crate.report import report_from_crate
from biocodes_crate.validation import RULES, Level, validate_crate
from biocodes_crate.validation.workspace import Workspace

_watched: list[list[str]] = []


def _audit(event, arguments):
    """Notes every file that is opened for writing, made or renamed, while somebody watches."""
    if not _watched:
        return
    if event == "open":
        path, mode, flags = arguments
        if path == os.devnull:  # where a child process's messages go
            return
        writes = isinstance(mode, str) and set(mode) & set("wax+")
        writes = writes or (isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
        if writes and not isinstance(path, int):  # a number is the pipe to a child process
            _watched[-1].append(str(path))
    elif event in {"os.mkdir", "os.rename", "os.link", "os.symlink", "shutil.copyfile", "tempfile.mkstemp"}:
        _watched[-1].append(f"{event} {arguments[0]}")


sys.addaudithook(_audit)  # for good: there is no way to remove it


@pytest.fixture
def written(tmp_path, monkeypatch):
    """What is written to disk, which has no folder for temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "no such folder"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "no such folder"))
    paths: list[str] = []
    _watched.append(paths)
    yield paths
    _watched.pop()


def write_study(root):
    """Images as OME-Zarr, OME-TIFF and PNG; figures of every format."""
    write_drawn_study(root)
    tifffile.imwrite(root / "images/more.ome.tif", blobs(5), tile=(64, 64), compression="zlib", metadata={"axes": "YX"})
    page = Pillow.open(root / "figures/fig 1.png")
    page.save(root / "figures/fig2.tif", compression="tiff_lzw")
    page.save(root / "figures/fig3.jpg", quality=95)
    picture = io.BytesIO()
    shown = Pillow.fromarray(blobs(5)).convert("RGB")
    shown.save(root / "figures/fig4.pdf", quality=95)
    shown.save(picture, "PNG")
    deck = Presentation()
    deck.slides.add_slide(deck.slide_layouts[6]).shapes.add_picture(
        io.BytesIO(picture.getvalue()), 0, 0, Emu(5_000_000)
    )
    deck.save(root / "figures/fig5.pptx")
    data = base64.b64encode(picture.getvalue()).decode()
    (root / "figures/fig6.svg").write_text(
        '<svg xmlns="http://www.w3.org/2000/svg" width="300" height="300" viewBox="0 0 300 300">'
        f'<image x="20" y="20" width="200" height="180" href="data:image/png;base64,{data}"/></svg>'
    )


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    folder = tmp_path_factory.mktemp("zips")
    write_study(folder / "study")
    build_study(folder / "study", folder / "stored.zip")
    return folder / "stored.zip"


@pytest.fixture(scope="module")
def deflated(stored):
    path = stored.with_name("deflated.zip")
    with zipfile.ZipFile(stored) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for item in source.infolist():
            target.writestr(item.filename, source.read(item))
    return path


@pytest.mark.parametrize("kind", ["stored", "deflated"])
def test_validation_writes_nothing(stored, deflated, kind, written):
    path = stored if kind == "stored" else deflated
    report = validate_crate(path, Level.PROVENANCE)
    assert written == []
    assert [finding for finding in report.findings if RULES[finding.id].level is not Level.METADATA] == []
    with open_crate(path) as reader:
        figures = {page.figure for page in read_pages(reader.metadata) if any(panel.edges for panel in page.panels)}
    assert len(figures) == 6, "pixels of every kind of figure were needed"


def test_the_watch_sees_what_is_written(written, tmp_path):
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").mkdir()
    assert len(written) == 2
    with pytest.raises(FileNotFoundError):
        tempfile.mkdtemp()


def test_the_report_of_a_zip_is_drawn_without_writing(stored, written):
    with open_crate(stored) as reader:
        view = report_from_crate(reader)
    assert written == []
    assert not [figure.note for figure in view.figures if figure.note]
    assert all(scene.thumbnail is not None for image in view.images for scene in image.scenes)


def test_one_flipped_pixel_of_a_tiff_in_a_zip_is_named(stored, tmp_path):
    path = tmp_path / "flipped.zip"
    with zipfile.ZipFile(stored) as source, zipfile.ZipFile(path, "w") as target:
        for item in source.infolist():
            data = bytearray(source.read(item))
            if item.filename == TIFF:
                data[-1000] ^= 1  # in its plane, which is not compressed and comes last
            target.writestr(item.filename, bytes(data))
    named = {
        (finding.id, finding.entity)
        for finding in validate_crate(path).findings
        if RULES[finding.id].level is not Level.METADATA
    }
    image = "images/zellen%20ä%20%231.tif"
    scene = f"#{image}/scene/0"
    assert named == {
        ("code-differs", image),
        ("scene-code-differs", scene),
        ("plane-code-differs", f"{scene}/plane/z0c0t0"),
    }


@pytest.fixture(scope="module")
def set_of_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("set")
    write_drawn_study(folder / "study")
    write_set(folder / "study/images", [blobs(20), blobs(21)])
    build_study(folder / "study", folder / "study.zip")
    return folder / "study.zip"


def test_a_set_of_several_files_is_laid_out_and_removed(set_of_files, tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    report = validate_crate(set_of_files)
    assert [finding for finding in report.findings if finding.severity is Severity.ERROR] == []
    assert list(tmp_path.iterdir()) == []
    with open_crate(set_of_files) as reader, Workspace(reader) as files:
        planes = files.image("images/a.ome.tif").scenes[0]
        assert planes.size_z == 2
        assert [path.name for path in sorted(tmp_path.rglob("*.tif"))] == ["a.ome.tif", "b.ome.tif"]
        np.testing.assert_array_equal(planes.plane(PlaneIndex(1)), blobs(21))
        files.release("images/a.ome.tif")
        assert list(tmp_path.rglob("*.tif")) == []


def test_what_is_too_large_to_be_laid_out_is_said_not_to_be_checked(set_of_files, monkeypatch):
    from biocodes_crate.validation import workspace

    real = workspace.Workspace
    monkeypatch.setattr(workspace, "Workspace", lambda crate: real(crate, limit=1000))
    monkeypatch.setattr(workspace, "_MAX_GROWTH", 10**9)
    report = validate_crate(set_of_files)
    assert report.valid
    unchecked = {finding.entity for finding in report.findings if finding.id == "not-checked"}
    assert "images/a.ome.tif" in unchecked
    assert not {entity for entity in unchecked if "zellen" in entity or "zarr" in entity}, (
        "they are read where they are"
    )
