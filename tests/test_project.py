"""The project as a whole: the wheel has everything, and what is said in several places is the same."""

import importlib.metadata
import os
import re
import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

import biocodes_crate
from biocodes_crate.crate import GENERATED
from biocodes_crate.study import OUTPUTS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")

IMPORT_ALL = """
import importlib, pkgutil, sys
from pathlib import Path
import biocodes_crate
from biocodes_crate.resources import resource
assert Path(biocodes_crate.__file__).is_relative_to(sys.argv[1]), biocodes_crate.__file__
for module in pkgutil.walk_packages(biocodes_crate.__path__, "biocodes_crate."):
    importlib.import_module(module.name)
for path in sys.argv[2:]:
    assert resource(*path.split("/")).is_relative_to(sys.argv[1]), path
print("all")
"""


def data_files() -> list[str]:
    return [
        path.relative_to(ROOT).as_posix()
        for folder in ("profiles", "schemas")
        for path in sorted((ROOT / folder).rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    ]


def test_the_wheel_installs_with_every_module_profile_and_schema(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--no-deps", "--quiet", "-w", tmp_path, ROOT],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    here = {path.relative_to(ROOT).as_posix() for path in (ROOT / "biocodes_crate").rglob("*") if path.is_file()}
    assert {name for name in here if "__pycache__" not in name} <= names
    assert {f"biocodes_crate/_data/{path}" for path in data_files()} <= names

    # Installed into an environment of its own, which borrows the dependencies of this one.
    environment = tmp_path / "environment"
    venv.create(environment)
    site = next(environment.glob("[lL]ib/**/site-packages"))
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(site)
    borrowed = [path for path in sys.path if "site-packages" in path]
    python = environment / ("Scripts" if os.name == "nt" else "bin") / "python"
    done = subprocess.run(
        [python, "-c", IMPORT_ALL, site, *data_files()],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={"PYTHONPATH": os.pathsep.join([str(site), *borrowed]), "PATH": os.environ["PATH"]},
    )
    assert done.stdout.strip() == "all", done.stderr


def test_importing_the_package_runs_nothing():
    code = "import sys, biocodes_crate; print(sorted(name for name in sys.modules if name.startswith('biocodes')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['biocodes_crate']"


def test_what_a_study_leaves_out_is_what_a_build_writes():
    assert frozenset(GENERATED) == OUTPUTS


def test_the_command_is_installed():
    (entry,) = importlib.metadata.entry_points(group="console_scripts", name="crate")
    assert callable(entry.load())


def test_every_command_of_the_readme_exists():
    from biocodes_crate.cli.app import app

    known = {command.callback.__name__ for command in app.registered_commands if command.callback}
    named = set(
        re.findall(r"\bcrate ([a-z]+) [A-Z./a-z]", "\n".join(re.findall(r"```sh\n(.*?)```", README, re.DOTALL)))
    )
    assert named <= known, named - known
    assert known <= set(re.findall(r"crate ([a-z]+)", README))


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\((?!https?:|#)([^)#]+)", README))))
def test_every_link_of_the_readme_leads_somewhere(link):
    assert (ROOT / link).exists()


def test_the_changelog_names_this_version_or_says_unreleased():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "## [Unreleased]" in changelog or f"## [{biocodes_crate.__version__}]" in changelog
