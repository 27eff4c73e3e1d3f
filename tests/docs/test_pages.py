"""Every command in the documentation runs, and prints what the page says it prints.

``BIOCODES_UPDATE_DOCS=1 pytest tests/docs`` writes what is printed now into the pages.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pages import DOCS, MADE, RUN, Step, matches, pages, steps

ROOT = DOCS.parent
UPDATE = os.environ.get("BIOCODES_UPDATE_DOCS") == "1"
WITHOUT = shutil.ignore_patterns("ro-crate-*", "codes", "provenance")


@pytest.fixture
def place(example_crate, tmp_path, request):
    """A folder with the example study as it comes, and `my-study`, a built copy of it."""
    text = request.node.callspec.params["page"].read_text(encoding="utf-8")
    shutil.copytree(ROOT / "examples" / "study", tmp_path / "examples" / "study", ignore=WITHOUT)
    shutil.copytree(ROOT / "examples" / "elsewhere", tmp_path / "examples" / "elsewhere")
    if "cp -r examples/study my-study" not in text:
        shutil.copytree(example_crate, tmp_path / "my-study")
    shims = tmp_path / ".bin"
    shims.mkdir()
    (shims / "crate").write_text(
        f'#!/bin/sh\nexec "{sys.executable}" -c "from biocodes_crate.cli import main; main()" "$@"\n'
    )
    (shims / "python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    for shim in shims.iterdir():
        shim.chmod(0o755)
    return tmp_path


def run(step: Step, place: Path) -> subprocess.CompletedProcess[str]:
    program = ["bash", "-euo", "pipefail", "-c"] if step.language == "sh" else [sys.executable, "-c"]
    environment = {
        **os.environ,
        "PATH": f"{place / '.bin'}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "PYTHONUTF8": "1",
        "MPLBACKEND": "Agg",
    }
    return subprocess.run(
        [*program, step.code], cwd=place, env=environment, capture_output=True, text=True, check=False, timeout=300
    )


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.stem)
def test_the_commands_of_a_page_run_and_print_what_it_says(page, place):
    text = page.read_text(encoding="utf-8")
    printed, changes = "", []
    for step in steps(text):
        if step.file is not None:
            (place / step.file).write_text(step.code, encoding="utf-8")
        elif step.mark == "output":
            if UPDATE and "…" not in step.code.split("\n"):
                changes.append((step, printed.strip("\n") + "\n"))
            else:
                assert matches(printed, step.code), f"it prints:\n{printed}"
        elif step.language in RUN and step.reason is None:
            done = run(step, place)
            assert done.returncode == step.exit_code, f"{step.code}\n{done.stdout}\n{done.stderr}"
            printed = done.stdout
    for step, now in reversed(changes):
        text = text[: step.start] + now + text[step.end :]
    if changes:
        page.write_text(text, encoding="utf-8")


NOT_RUN = [(page, step) for page in pages() for step in steps(page.read_text(encoding="utf-8")) if step.reason]


@pytest.mark.parametrize(("page", "step"), NOT_RUN, ids=lambda value: getattr(value, "stem", None) or value.reason[:40])
def test_what_is_not_run_says_why(page, step):
    assert step.reason is not None
    assert len(step.reason) > 10
    pytest.skip(f"not run: {step.reason}")


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.stem)
def test_no_command_hides_from_the_tests(page):
    """Commands stand in blocks that are marked `sh`: neither indented, nor in a block of another kind."""
    text = page.read_text(encoding="utf-8")
    outside = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    assert not re.findall(r"^[ \t]+(?:\$ )?crate [a-z]+ .*", outside, re.MULTILINE)
    for step in steps(text):
        if step.language not in RUN and step.mark != "output":
            assert not re.search(r"^\$? ?crate [a-z]", step.code, re.MULTILINE), step.code


def test_the_commands_of_pages_exist():
    from biocodes_crate.cli.app import app

    known = {command.callback.__name__ for command in app.registered_commands if command.callback}
    for page in pages():
        for step in steps(page.read_text(encoding="utf-8")):
            if step.language == "sh":
                named = set(re.findall(r"^crate ([a-z]+)", step.code, re.MULTILINE))
                assert named <= known, (page.name, named - known)


def test_pages_that_are_made_are_there():
    assert all((DOCS / name).exists() for name in MADE)


@pytest.mark.parametrize(
    ("shown", "written", "same"),
    [
        ("a\nb\nc", "a\nb\nc", True),
        ("a\nb\nc", "a\n…", True),
        ("a\nb\nc", "…\nc", True),
        ("a\nb\nc", "a\n…\nc", True),
        ("a\nc", "a\n…\nc", True),
        ("a\nb\nc", "a\nc", False),
        ("a\nb", "a\n…\nc", False),
        ("ab", "a.", False),
    ],
)
def test_an_ellipsis_stands_for_any_lines_and_nothing_else_does(shown, written, same):
    assert matches(shown, written) is same
