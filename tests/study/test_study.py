from pathlib import Path

import numpy as np
import pytest
import tifffile
from imagewriters import make_pixels, write_ome_tiff, write_ome_zarr
from PIL import Image

from biocodes_crate.errors import CannotWrite, NotAStudy
from biocodes_crate.figures import is_figure_name
from biocodes_crate.study import init_study, read_manifest, read_study
from biocodes_crate.study.kinds import FIGURES_ONLY, PICTURES, TIFFS, Kind, decide


def picture(path: Path, *, grey: bool = False) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((8, 8) if grey else (8, 8, 3), 7, np.uint8)
    if path.suffix in {".tif", ".tiff"}:
        tifffile.imwrite(path, pixels, photometric="minisblack" if grey else "rgb")
    else:
        Image.fromarray(pixels).save(path)
    return path


def ids(study) -> set[str]:
    return {finding.id for finding in study.findings}


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("figures/a.png", Kind.FIGURE),
        ("images/a.png", Kind.IMAGE),
        ("images/fig1.png", Kind.FIGURE),
        ("Figure 2/panel.jpg", Kind.FIGURE),
        ("SuppFig3/panel.jpg", Kind.FIGURE),
        ("figS1.tif", Kind.FIGURE),
        ("Extended Data Fig 4.jpg", Kind.FIGURE),
        ("figures/source data/a.png", Kind.IMAGE),
        ("Fig1 raw data/a.tif", Kind.IMAGE),
        ("config/a.tif", Kind.IMAGE),
        ("somewhere/a.png", Kind.FIGURE),
        ("a.tif", Kind.IMAGE),
    ],
)
def test_names_of_files_and_folders_tell_a_figure_from_an_image(tmp_path, path, kind):
    picture(tmp_path / path)
    assert decide(tmp_path, path).kind is kind


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("a.pdf", Kind.FIGURE),
        ("docs/protocol.pdf", Kind.FILE),
        ("manuscript.pdf", Kind.FILE),
        ("docs/figures/a.pdf", Kind.FIGURE),
        ("a.svg", Kind.FIGURE),
        ("a.pptx", Kind.FIGURE),
        ("a.czi", Kind.IMAGE),
        ("figures/a.ome.tif", Kind.IMAGE),
        ("table.csv", Kind.FILE),
    ],
)
def test_formats_that_only_one_kind_has_decide(tmp_path, path, kind):
    assert decide(tmp_path, path).kind is kind


def test_a_grey_png_without_a_telling_name_is_an_image(tmp_path):
    picture(tmp_path / "a.png", grey=True)
    assert decide(tmp_path, "a.png").kind is Kind.IMAGE


def test_a_stack_in_a_folder_of_figures_is_an_image(tmp_path):
    (tmp_path / "fig1").mkdir()
    tifffile.imwrite(tmp_path / "fig1" / "stack.tif", np.zeros((3, 8, 8), np.uint8), photometric="minisblack")
    tifffile.imwrite(tmp_path / "fig1" / "deep.tif", np.zeros((8, 8), np.uint16))
    picture(tmp_path / "fig1" / "flat.tif")
    kinds = [decide(tmp_path, f"fig1/{name}.tif").kind for name in ("stack", "deep", "flat")]
    assert kinds == [Kind.IMAGE, Kind.IMAGE, Kind.FIGURE]


def test_every_format_taken_for_a_figure_is_one_that_figures_can_be_opened_of():
    assert all(is_figure_name(Path(f"a{suffix}")) for suffix in FIGURES_ONLY + PICTURES + TIFFS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "Stüdy #1"
    write_ome_zarr(root / "images" / "a b.ome.zarr", make_pixels((1, 1, 2, 8, 8)), version="0.4")
    write_ome_tiff(root / "images" / "ü#.ome.tif", [make_pixels((1, 2, 1, 8, 8))])
    picture(root / "figures" / "fig1.png")
    (root / "notes.txt").write_text("hello")
    return root


def test_a_study_is_images_figures_and_other_files(folder):
    study = read_study(folder)
    assert [image.path for image in study.images] == ["images/a b.ome.zarr", "images/ü#.ome.tif"]
    assert [image.is_folder for image in study.images] == [True, False]
    assert [figure.path for figure in study.figures] == ["figures/fig1.png"]
    assert [file.path for file in study.files] == ["notes.txt"]
    assert study.files[0].size == 5


def test_the_dotfiles_of_an_ome_zarr_belong_to_the_payload(folder):
    assert "images/a b.ome.zarr/.zattrs" in set(read_study(folder).payload())


def test_hidden_files_litter_and_our_own_outputs_are_left_out(folder):
    before = list(read_study(folder).payload())
    for name in (".git/config", ".DS_Store", "Thumbs.db", "ro-crate-metadata.json", "ro-crate-preview.html", "codes/planes.parquet", "provenance/edges.jsonld"):  # fmt: skip
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("x")
    assert list(read_study(folder).payload()) == before


def test_what_study_yaml_excludes_is_left_out(folder):
    picture(folder / "images" / "scratch" / "old.tif")
    (folder / "study.yaml").write_text('exclude: ["**/scratch/**", "*.txt", "images/a b.ome.zarr/"]')
    study = read_study(folder)
    assert [image.path for image in study.images] == ["images/ü#.ome.tif"]
    assert [file.path for file in study.files] == ["study.yaml"]


def test_study_yaml_has_the_last_word(folder):
    picture(folder / "images" / "really a figure.png")
    picture(folder / "figures" / "really an image.png")
    (folder / "study.yaml").write_text(
        'figures: [{path: "images/really a figure.png"}]\nimages: [{path: "figures/really an image.png"}, {path: notes.txt}]'
    )
    study = read_study(folder)
    assert "images/really a figure.png" in {figure.path for figure in study.figures}
    assert {"figures/really an image.png", "notes.txt"} <= {image.path for image in study.images}


def test_names_are_compared_normalised(folder):
    (folder / "study.yaml").write_text(
        'images: [{path: "images/u\u0308#.ome.tif", description: decomposed}]', encoding="utf-8"
    )
    study = read_study(folder)
    assert study.images[1].declared is not None
    assert "declared-image-missing" not in ids(study)


def test_declared_files_that_are_not_there_are_findings(folder):
    (folder / "study.yaml").write_text("images: [{path: gone.tif}]\nfigures: [{path: gone.png}]")
    assert {"declared-image-missing", "declared-figure-missing"} <= ids(read_study(folder))


def test_links_are_not_followed_but_told(folder, tmp_path):
    outside = tmp_path / "secret.txt"
    outside.write_text("secret")
    (folder / "link.txt").symlink_to(outside)
    (folder / "loop").symlink_to(folder)
    (folder / "images" / "a b.ome.zarr" / "x").symlink_to(outside)
    study = read_study(folder)
    assert {f.entity for f in study.findings if f.id == "link-skipped"} == {"link.txt", "loop", "images/a b.ome.zarr/x"}
    assert not any("link" in path or "loop" in path for path in study.payload())


def test_missing_metadata_is_a_finding_with_a_remedy(folder):
    study = read_study(folder)
    assert {"title-missing", "license-missing", "authors-missing"} <= ids(study)
    assert all(finding.remedy for finding in study.findings)


def test_a_citation_file_fills_the_gaps(folder):
    (folder / "study.yaml").write_text("title: Mine")
    (folder / "CITATION.cff").write_text(
        "cff-version: 1.2.0\ntitle: Theirs\nlicense: CC0-1.0\ndate-released: 2024-01-01\n"
        "authors:\n- family-names: Lovelace\n  given-names: Ada\n  orcid: https://orcid.org/0000-0002-1825-0097\n- name: A Team\n"
        "preferred-citation: {type: article, doi: 10.1234/abcd}\n"
    )
    manifest = read_study(folder).manifest
    assert (manifest.title, manifest.license, manifest.publication) == ("Mine", "CC0-1.0", "10.1234/abcd")
    assert [author.name for author in manifest.authors] == ["Lovelace, Ada", "A Team"]
    assert manifest.authors[0].orcid == "0000-0002-1825-0097"


@pytest.mark.parametrize("text", ["[", "- a", "authors: 5\nlicense: [[]]\npreferred-citation: x"])
def test_a_broken_citation_file_stops_nothing(folder, text):
    (folder / "CITATION.cff").write_text(text)
    assert read_study(folder).manifest.authors == ()


def test_an_empty_folder_is_a_study_without_images_and_figures(tmp_path):
    study = read_study(tmp_path)
    assert list(study.payload()) == []
    assert {"no-images", "no-figures"} <= ids(study)


def test_what_is_no_folder_is_no_study(tmp_path):
    with pytest.raises(NotAStudy):
        read_study(tmp_path / "gone")
    (tmp_path / "file").touch()
    with pytest.raises(NotAStudy):
        read_study(tmp_path / "file")


def test_init_writes_a_study_yaml_that_lists_what_was_found_and_can_be_read(folder):
    (folder / "images" / "[1]: no.ome.tif").write_bytes((folder / "images" / "ü#.ome.tif").read_bytes())
    before = read_study(folder)
    path = init_study(folder)
    manifest = read_manifest(path)
    assert [image.path for image in manifest.images] == [image.path for image in before.images]
    assert [figure.path for figure in manifest.figures] == ["figures/fig1.png"]
    after = read_study(folder)
    assert [image.path for image in after.images] == [image.path for image in before.images]
    assert "# " in path.read_text(encoding="utf-8")


def test_init_overwrites_nothing(folder):
    (folder / "study.yaml").write_text("title: Mine")
    with pytest.raises(CannotWrite):
        init_study(folder)
    assert (folder / "study.yaml").read_text() == "title: Mine"


def test_init_takes_over_what_a_citation_file_says(folder):
    (folder / "CITATION.cff").write_text(
        'title: "Yes: a title"\nauthors: [{family-names: Lovelace, given-names: Ada}]\nlicense: CC0-1.0'
    )
    manifest = read_manifest(init_study(folder))
    assert (manifest.title, manifest.license, manifest.authors[0].name) == ("Yes: a title", "CC0-1.0", "Lovelace, Ada")


def test_init_in_an_empty_folder_gives_a_valid_file(tmp_path):
    assert read_manifest(init_study(tmp_path)).title is None
