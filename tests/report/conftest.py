"""The example crate and its page, made once."""

from __future__ import annotations

from pathlib import Path

import pytest
from report_examples import write_crate

from biocodes_crate.crate import open_crate
from biocodes_crate.report import ReportView, report_from_crate, report_html


@pytest.fixture(scope="session")
def crate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A crate with a panel of every state."""
    return write_crate(tmp_path_factory.mktemp("report") / "study")


@pytest.fixture(scope="session")
def view(crate: Path) -> ReportView:
    with open_crate(crate) as reader:
        return report_from_crate(reader)


@pytest.fixture(scope="session")
def page(view: ReportView) -> str:
    return report_html(view)
