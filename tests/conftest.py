"""Puts this folder on the import path, so that tests of any step can use the writers beside this file."""

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """No test reads or writes the cache of who runs it."""
    folder = tmp_path_factory.mktemp("cache")
    before = os.environ.get("BIOCODES_CACHE")
    os.environ["BIOCODES_CACHE"] = str(folder)
    yield folder
    if before is None:
        del os.environ["BIOCODES_CACHE"]
    else:
        os.environ["BIOCODES_CACHE"] = before


@pytest.fixture(scope="session")
def example_crate(tmp_path_factory: pytest.TempPathFactory, own_cache: Path) -> Path:
    """A copy of the example study, built. Read only: copy it to change it."""
    from biocodes_crate.pipeline import build_study

    root = tmp_path_factory.mktemp("example") / "study"
    shutil.copytree(EXAMPLES / "study", root, ignore=shutil.ignore_patterns("ro-crate-*", "codes", "provenance"))
    build_study(root)
    return root


@pytest.fixture(scope="session")
def example_truth() -> list[dict]:
    """What is known about the figures of the example study."""
    return json.loads((EXAMPLES / "truth.json").read_text())
