"""The command line: what is printed where, and with which exit code."""

import csv
import io
import json
import os
import re
import signal
import subprocess
import sys

import pytest
from drawn_study import FIGURE, TIFF, write_drawn_study
from imagewriters import make_pixels, write_ome_zarr
from typer.testing import CliRunner

from biocodes_crate import __version__
from biocodes_crate.cli import console
from biocodes_crate.cli.app import app
from biocodes_crate.progress import Progress

COMMANDS = ("init", "build", "validate", "trace", "edges", "code", "compare", "report")
# The founding slide of the project: original, contrast raised, scaled down.
SLIDE = (
    "ISCC:KEC5FEDFHVYTLFAWZPRUARXFXGMYX5MSO2XYTVQWXBUAH74TU4YG3ZY",
    "ISCC:KECV74PVO3A7XPC7ZPRUARXFXGMYWN2WQDAR56XLTGAT4ELZMQTATEA",
    "ISCC:KEC5PML5X5233XYWZPRUARXFXGMYXQY3ZTHZJU3HI62GLIIMH3OCYMY",
)


def run(*arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def crate(tmp_path_factory):
    """A drawn study, built. Read only."""
    root = write_drawn_study(tmp_path_factory.mktemp("cli") / "study")
    done = run("build", root)
    assert done.exit_code == 0, done.output
    return root


def test_help_names_every_command():
    shown = run("--help").stdout
    assert all(command in shown for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_help_of_every_command_shows_an_example(command):
    shown = run(command, "--help").stdout
    assert f"crate {command} " in shown.split("Example", 1)[1]


def test_help_imports_nothing_heavy():
    code = (
        "import sys, biocodes_crate.cli.app\n"
        "heavy = {'numpy', 'cv2', 'zarr', 'tifffile', 'rdflib', 'pyarrow', 'scipy', 'jsonschema', 'rich', 'PIL', 'jinja2'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_version_is_printed():
    assert __version__ in run("--version").stdout


def test_the_summary_of_a_build_fits_80_columns_and_says_what_to_do(tmp_path):
    root = write_drawn_study(tmp_path / "s")
    (root / "images" / "broken.tif").write_bytes(b"II*\0no")
    done = run("build", root)
    assert done.exit_code == 0
    lines = [line for line in done.stdout.splitlines() if str(tmp_path) not in line]
    assert max(map(len, lines)) <= 80
    for words in (r"Images +2  3 planes", r"Figures +1  2 panels", r"Edges +2  ✓ verified", "broken.tif", "→"):
        assert re.search(words, done.stdout)
    assert f"crate validate {root}" in done.stdout
    assert str(root / "ro-crate-preview.html") in done.stdout
    assert "images: 0 of 3" in done.stderr


def test_a_build_can_speak_to_a_program(crate):
    done = run("build", crate, "--json")
    said = json.loads(done.stdout)
    assert said["edges"] == {"verified": 2, "ambiguous": 0, "contradicted": 0, "unverified": 0}
    assert said["pages"][0]["figure"] == FIGURE


def test_validate_exits_0_for_a_valid_crate_and_1_for_another(crate, tmp_path):
    assert run("validate", crate).exit_code == 0
    metadata = json.loads((crate / "ro-crate-metadata.json").read_text())
    metadata["@graph"] = [e for e in metadata["@graph"] if e["@id"] != "./"]
    (tmp_path / "ro-crate-metadata.json").write_text(json.dumps(metadata))
    done = run("validate", tmp_path / "ro-crate-metadata.json", "--level", "metadata", "--json")
    assert done.exit_code == 1
    assert json.loads(done.stdout)["valid"] is False


def test_validate_exits_2_where_there_is_no_crate(tmp_path):
    done = run("validate", tmp_path)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert "→" in done.stderr
    assert "Traceback" not in done.stderr


def test_edges_come_in_four_shapes(crate):
    assert TIFF in run("edges", crate).stdout
    pages = json.loads(run("edges", crate, "--format", "json").stdout)
    assert [edge["status"] for panel in pages[0]["panels"] for edge in panel["edges"]] == ["verified"] * 2
    assert json.loads(run("edges", crate, "--json").stdout) == pages
    rows = list(csv.DictReader(io.StringIO(run("edges", crate, "--format", "csv").stdout)))
    assert rows[0]["image"] == TIFF
    graph = json.loads(run("edges", crate, "--format", "jsonld").stdout)["@graph"]
    assert any("ProvenanceEdge" in entity["@type"] for entity in graph)


def test_a_figure_is_traced_without_writing_anything(crate, tmp_path):
    root = write_drawn_study(tmp_path / "s")
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    pages = json.loads(run("trace", root / FIGURE, "--in", root, "--json").stdout)
    assert pages[0]["panels"][0]["edges"][0]["image"] == TIFF
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before
    assert TIFF in run("trace", root / FIGURE, "--in", crate).stdout


def test_codes_are_printed_as_an_entry(crate):
    entry = json.loads(run("code", crate / TIFF).stdout)
    assert entry["iscc_code"].startswith("ISCC:")
    assert len(entry["parts"]) == 1
    assert "simprints" in json.loads(run("code", crate / TIFF, "--simprints").stdout)["parts"][0]


def test_code_tells_of_missing_chunks_beside_the_entry(tmp_path):
    """They count as the fill value; the codes are those of what is there."""
    store = write_ome_zarr(tmp_path / "a.zarr", make_pixels((1, 1, 2, 16, 16)), chunks=(1, 1, 1, 8, 8))
    next(path for path in (store / "0" / "c").rglob("*") if path.is_file()).unlink()
    done = run("code", store)
    assert done.exit_code == 0
    assert len(json.loads(done.stdout)["parts"]) == 1
    assert "chunks-missing" in done.stderr
    assert "→" in done.stderr
    assert "chunks-missing" not in run("code", store, "--quiet").stderr


def test_the_codes_of_the_founding_slide_have_the_same_image_code_and_other_data():
    for other in SLIDE[1:]:
        done = run("compare", SLIDE[0], other)
        assert re.match(r"Image-Code identical, .*Data- and Instance-Code different", done.stdout)
        units = json.loads(run("compare", SLIDE[0], other, "--json").stdout)["parts"][0]["units"]
        likeness = {unit["kind"]: unit["likeness"] for unit in units}
        assert likeness["Image-Code"] == "identical"
        assert likeness["Data-Code"] == likeness["Instance-Code"] == "different"


def test_what_is_neither_path_nor_code_cannot_be_compared():
    done = run("compare", "no such file", SLIDE[0])
    assert done.exit_code == 2
    assert "no such file" in done.stderr


def test_a_report_is_written_or_printed(crate, tmp_path):
    out = tmp_path / "report.html"
    assert run("report", crate, "-o", out).exit_code == 0
    assert out.read_text(encoding="utf-8").lower().startswith("<!doctype html>")
    assert run("report", crate).stdout.lower().startswith("<!doctype html>")
    assert run("report", crate, "-o", tmp_path / "gone" / "report.html").exit_code == 2


def test_a_study_that_was_looked_through_can_be_told_to_a_program(tmp_path):
    root = write_drawn_study(tmp_path / "s")
    done = run("init", root, "--json")
    said = json.loads(done.stdout)
    assert {image["path"] for image in said["images"]} >= {TIFF}
    assert [figure["path"] for figure in said["figures"]] == [FIGURE]
    assert f"crate build {root}" in done.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_can_be_quiet_or_verbose_and_speak_to_a_program(command):
    shown = run(command, "--help").stdout
    assert all(option in shown for option in ("--quiet", "--verbose", "--json"))


def test_a_report_can_be_a_graph_alone_or_data(crate, tmp_path):
    done = run("report", crate, "--graph", tmp_path / "graph.svg")
    assert done.exit_code == 0
    assert done.stdout == ""
    assert (tmp_path / "graph.svg").read_text(encoding="utf-8").startswith("<svg")
    said = json.loads(run("report", crate, "--json").stdout)
    assert said["panels"]["backed"] == 2
    assert said["figures"][0]["figure"] == FIGURE
    assert {image["path"] for image in said["images"]} >= {TIFF}
    assert run("report", crate, "--graph", tmp_path / "gone" / "graph.svg").exit_code == 2


def test_init_writes_once(tmp_path):
    done = run("init", tmp_path)
    assert done.exit_code == 0
    assert (tmp_path / "study.yaml").exists()
    again = run("init", tmp_path)
    assert again.exit_code == 2
    assert "exists already" in again.stderr


def test_a_bad_study_yaml_is_explained(tmp_path):
    (tmp_path / "study.yaml").write_text("title: a\nlicence: b\n")
    done = run("build", tmp_path)
    assert done.exit_code == 2
    assert "line 2" in done.stderr
    assert "licence" in done.stderr
    assert not (tmp_path / "ro-crate-metadata.json").exists()


@pytest.mark.parametrize("command", ["build", "validate", "edges", "code", "report", "init"])
def test_what_does_not_exist_is_an_error_without_a_traceback(command, tmp_path):
    done = run(command, tmp_path / "gone")
    assert done.exit_code == 2
    assert "gone" in done.stderr
    assert "Traceback" not in done.stderr
    assert "fault in the software" not in done.stderr


def test_a_fault_of_the_software_is_told_as_one(monkeypatch, tmp_path):
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError("oops")

    monkeypatch.setattr("biocodes_crate.codes.entry_for", fail)
    done = run("code", tmp_path)
    assert done.exit_code == 2
    assert "fault in the software: ZeroDivisionError: oops" in done.stderr


def test_names_cannot_command_the_terminal():
    assert console.harmless("a\x1b[31mb\nc\u202ed\udcff") == "a\\x1b[31mb\nc\\u202ed\\udcff"


def test_progress_on_no_terminal_is_one_line_for_each_step(capsys):
    with console.progress() as report:
        for done in range(100):
            report(Progress("coding planes", done, 100))
        report(Progress("tracing", 0, None))
    assert capsys.readouterr().err.splitlines() == ["coding planes: 0 of 100", "tracing: 0"]


@pytest.mark.skipif(os.name == "nt", reason="signals of Unix")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_build_leaves_a_clean_state(tmp_path, number, code):
    root = write_drawn_study(tmp_path / "s")
    before = sorted(path for path in root.rglob("*"))
    # A shell without job control starts what runs in its background with the interrupt ignored, tests among them.
    program = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
    program += "from biocodes_crate.cli import main; main()"
    work = subprocess.Popen(
        [sys.executable, "-c", program, "build", str(root), "--no-cache"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )
    assert work.stderr is not None
    work.stderr.readline()  # the first line of progress: it is at work
    work.send_signal(number)
    rest = work.communicate(timeout=60)[1]
    assert work.returncode == code
    assert "Traceback" not in rest
    assert sorted(path for path in root.rglob("*")) == before


@pytest.mark.skipif(os.name == "nt", reason="pipes of Unix")
def test_a_reader_that_has_enough_is_no_error(crate):
    command = f'"{sys.executable}" -c "from biocodes_crate.cli import main; main()" report "{crate}" | head -c 10'
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
