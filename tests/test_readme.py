"""What the README says is so."""

import re
import shutil
from pathlib import Path

import pytest

from biocodes_crate.crate import open_crate
from biocodes_crate.crate.linked_data import load_graph

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def steady(text: str) -> str:
    """Without the number of notes, which small changes of tracing move."""
    return re.sub(r"[0-9]+ further notes?", "some further notes", text.strip())


@pytest.fixture
def built(example_crate, tmp_path, monkeypatch):
    """A folder in which examples/study is built."""
    shutil.copytree(example_crate, tmp_path / "examples" / "study")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "examples" / "study"


@pytest.mark.parametrize("code", blocks("python"), ids=lambda code: re.findall(r"import (\w+)", code)[-1])
def test_the_code_of_the_readme_runs(code, built, capsys):
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out


def test_the_query_of_the_readme_lists_every_edge(example_crate, example_truth):
    (query,) = blocks("sparql")
    with open_crate(example_crate) as crate:
        rows = list(load_graph(crate.metadata).query(query))
    known = [edge["status"] for page in example_truth for panel in page["panels"] for edge in panel["edges"]]
    assert sorted(str(row.status) for row in rows) == sorted(known)


def test_the_output_in_the_readme_is_the_real_one(built):
    from typer.testing import CliRunner

    from biocodes_crate.cli.app import app

    summary, table = blocks("text")
    assert steady(CliRunner().invoke(app, ["build", "examples/study"]).stdout) == steady(summary)
    command, *lines = table.strip().splitlines()
    shown = CliRunner().invoke(app, command.split()[2:]).stdout.splitlines()
    assert shown[: len(lines) - 1] == lines[:-1]
