"""`import biocodes_crate as bc`: what the command line does, for who writes Python."""

import subprocess
import sys
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import numpy as np
import pytest
from drawn_study import FIGURE, TIFF, ZARR, write_drawn_study

import biocodes_crate as bc
from biocodes_crate.api import Names
from biocodes_crate.errors import MissingExtra, NotACrate, UnreadableFigure, UnreadableImage
from biocodes_crate.images import open_image
from biocodes_crate.images.model import PlaneIndex
from biocodes_crate.tracing import Status


@pytest.fixture(scope="module")
def crate(tmp_path_factory):
    """A drawn study, built. Read only."""
    with bc.build(write_drawn_study(tmp_path_factory.mktemp("api") / "study")) as crate:
        yield crate


@pytest.fixture(scope="module")
def zipped(crate, tmp_path_factory):
    """The same, as a zip."""
    path = tmp_path_factory.mktemp("zip") / "study.zip"
    bc.build(crate.path, path).close()
    return path


def test_importing_the_package_imports_no_part_of_it_until_it_is_used():
    code = (
        "import sys, biocodes_crate as bc\n"
        "before = [m for m in sys.modules if m.startswith('biocodes_crate.') or m in ('numpy', 'matplotlib', 'rdflib')]\n"
        "bc.build\n"
        "print(before, 'biocodes_crate.api' in sys.modules, 'matplotlib' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[] True False"


def test_what_the_package_offers_is_listed_and_there():
    assert set(bc.__all__) <= set(dir(bc))
    assert all(getattr(bc, name) is not None for name in bc.__all__)
    with pytest.raises(AttributeError, match="no attribute 'biuld'"):
        bc.biuld  # noqa: B018


def test_a_build_gives_the_crate_with_what_the_build_found(crate):
    assert crate.built is not None
    assert crate.built.backed == 2
    assert [finding.id for finding in crate.findings] == [finding.id for finding in crate.built.findings]
    assert "2 of 2 image panels backed by data" in repr(crate)
    assert crate.iscc is not None
    assert crate.iscc in crate._repr_html_()


def test_a_panel_leads_to_its_source(crate):
    panel = next(iter(crate.figures["fig 1.png"].panels.values()))
    source = panel.source
    assert source is not None
    assert source.status is Status.VERIFIED
    assert source.image in {TIFF, ZARR}
    assert source.rendered.shape == panel.pixels.shape == source.difference.shape
    assert source.rendered.dtype == np.uint8
    assert source.words == tuple(edge.words for edge in source.edges)
    assert all(iscc.startswith("ISCC:") for _, iscc in source.codes)
    assert [title for title, _ in source.pictures()] == ["Panel", "Source, drawn again", "Difference", "Source plane"]


def test_the_pixels_of_a_source_are_those_of_the_file(crate):
    for panel in crate.figures[FIGURE].panels.values():
        source = panel.source
        (plane,) = source.planes
        pixels = source.read()
        scene = open_image(crate.path / source.image).scenes[source.edges[0].scene]
        whole = scene.plane(PlaneIndex(plane.z, plane.c, plane.t))
        x, y = max(0, int(source.region.x)), max(0, int(source.region.y))
        assert pixels.dtype == whole.dtype
        assert np.array_equal(pixels[0], whole[y : y + pixels.shape[1], x : x + pixels.shape[2]])
        # What was read looks like what is printed: the window is all that lies between them.
        assert pixels[0].std() > 0


def test_the_end_of_a_path_is_enough_where_it_is_unique(crate):
    name = FIGURE.rsplit("/", 1)[-1]
    assert crate.figures[name] is crate.figures[FIGURE]
    assert name in crate.figures
    assert list(crate.figures) == [FIGURE]
    with pytest.raises(KeyError, match=r"there is no figure 'fig9\.png'; there are"):
        crate.figures["fig9.png"]


def test_edges_make_a_table(crate):
    rows = crate.edges.rows()
    assert [row["status"] for row in rows] == ["verified", "verified"]
    assert {row["image"] for row in rows} <= {TIFF, ZARR}
    assert len(crate.edges.of_status("contradicted")) == 0
    assert len(crate.edges[:1]) == 1
    assert crate.edges._repr_html_().count("<tr>") == 3
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    assert list(pandas.DataFrame(rows)["panel"]) == [edge.panel for edge in crate.edges]


def test_planes_and_triples_can_be_asked_for(crate):
    table = crate.planes()
    assert table.num_rows == 3
    rows = crate.query(
        "PREFIX bc: <https://w3id.org/ro/terms/biocodes#> SELECT (COUNT(?e) AS ?edges) ?none "
        "WHERE { ?e a bc:ProvenanceEdge } GROUP BY ?none"
    )
    assert rows == [{"edges": 2, "none": None}]


def test_a_zip_is_as_good_as_a_folder(crate, zipped):
    with bc.open(zipped) as other:
        assert [edge.row() for edge in other.edges] == [edge.row() for edge in crate.edges]
        source = next(iter(other.figures[FIGURE].panels.values())).source
        assert np.array_equal(source.read(), next(iter(crate.figures[FIGURE].panels.values())).source.read())
        assert other.planes().num_rows == 3
        assert other.images[TIFF].open().scenes


def test_a_metadata_file_alone_has_edges_but_no_pixels(crate):
    with bc.open(crate.path / "ro-crate-metadata.json") as alone:
        assert [edge.row() for edge in alone.edges] == [edge.row() for edge in crate.edges]
        panel = next(iter(alone.figures[FIGURE].panels.values()))
        with pytest.raises(UnreadableFigure):
            panel.pixels  # noqa: B018
        with pytest.raises(UnreadableImage):
            panel.source.rendered  # noqa: B018
        with pytest.raises(NotACrate):
            alone.planes()


def test_a_figure_is_traced_in_a_study_and_in_a_zip(crate, zipped):
    for where in (crate, zipped):
        figure = bc.trace(crate.path / FIGURE, where)
        assert [edge.image for edge in figure.edges] == [edge.image for edge in crate.edges]
        assert next(iter(figure.panels.values())).source.rendered.ndim == 3


def test_a_crate_on_the_web_is_opened_by_its_url(crate, zipped):
    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=zipped.parent)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            url = f"http://127.0.0.1:{server.server_port}/{zipped.name}"
            with bc.open(url) as there:
                assert [edge.row() for edge in there.edges] == [edge.row() for edge in crate.edges]
                assert bc.validate(there, "metadata").valid
                assert next(iter(there.figures[FIGURE].panels.values())).source.rendered.ndim == 3
        finally:
            server.shutdown()


def test_validation_takes_a_crate_or_a_path(crate):
    assert bc.validate(crate, "metadata").valid
    assert bc.validate(str(crate.path), "integrity").valid
    assert crate.validate().valid


def test_codes_are_given_and_compared(crate):
    assert bc.code(crate.path / TIFF)["iscc_code"].startswith("ISCC:")
    parts = bc.compare(crate.path / TIFF, crate.path / TIFF).parts
    assert {unit.distance for part in parts for unit in part.units} == {0}


def test_a_name_that_two_paths_end_with_is_not_guessed():
    names = Names({"a/x.png": 1, "b/x.png": 2, "y.png": 3}, "figure")
    assert names["a/x.png"] == 1
    with pytest.raises(KeyError, match=r"may be any of a/x\.png, b/x\.png"):
        names["x.png"]
    assert "x.png" not in names


def test_a_plot_shows_four_pictures_and_the_region(crate):
    matplotlib = pytest.importorskip("matplotlib", reason="matplotlib is not installed")
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    figure = next(iter(crate.figures[FIGURE].panels.values())).source.plot()
    titles = [axis.get_title() for axis in figure.axes]
    assert titles == ["Panel", "Source, drawn again", "Difference", "Source plane"]
    assert len(figure.axes[-1].patches) == 2, "the outline and its casing"
    figure.canvas.draw()
    plt.close(figure)


def test_without_matplotlib_a_plot_says_what_to_install(crate, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    source = next(iter(crate.figures[FIGURE].panels.values())).source
    with pytest.raises(MissingExtra, match=r"biocodes-crate\[plot\]"):
        source.plot()


def test_what_is_no_crate_is_refused(tmp_path):
    with pytest.raises(NotACrate):
        bc.open(tmp_path)
