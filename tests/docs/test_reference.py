"""What is made from the software is what the software is now."""

import importlib.util
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"


def made() -> dict[str, str]:
    spec = importlib.util.spec_from_file_location("make_reference", DOCS / "make_reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.pages()


@pytest.mark.parametrize("name", ["cli.md", "vocabulary.md"])
def test_a_page_that_is_made_is_up_to_date(name):
    assert (DOCS / name).read_text(encoding="utf-8") == made()[name], "run: python docs/make_reference.py"


def test_every_command_and_option_is_in_the_reference():
    from typer.testing import CliRunner

    from biocodes_crate.cli.app import app

    page = (DOCS / "cli.md").read_text(encoding="utf-8")
    for command in app.registered_commands:
        assert command.callback is not None
        name = command.callback.__name__
        section = page.split(f"## crate {name}\n")[1].split("\n## ")[0]
        shown = CliRunner().invoke(app, [name, "--help"]).stdout
        options = {word.strip(",") for line in shown.splitlines() for word in line.split() if line.startswith("  -")}
        for option in (word for word in options if word.startswith("--") and word != "--help"):
            assert f"`{option}`" in section or f"{option}" in section, (name, option)
