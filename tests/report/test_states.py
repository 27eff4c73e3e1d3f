from __future__ import annotations

import re

import pytest

from biocodes_crate.figures.model import Box, PageUnit, PanelKind
from biocodes_crate.report import PanelState, Person, ReportView, StudyFacts, state_of, tally
from biocodes_crate.report.citation import bibtex, citation
from biocodes_crate.report.icons import LOOKS
from biocodes_crate.report.text import byte_size, elided, sentence
from biocodes_crate.tracing.model import Claim, Edge, PlaneRef, Status, TracedPage, TracedPanel


def panel(*statuses: Status, kind: PanelKind = PanelKind.IMAGE) -> TracedPanel:
    edges = tuple(Edge(status, Claim.DISCOVERED, "a.tif", 0, PlaneRef(0, 0, 0)) for status in statuses)
    return TracedPanel(None, Box(0, 0, 1, 1), kind, 1, 1, edges=edges)


@pytest.mark.parametrize(
    ("statuses", "state"),
    [
        ((Status.VERIFIED, Status.VERIFIED), PanelState.VERIFIED),
        ((Status.VERIFIED, Status.CONTRADICTED), PanelState.CONTRADICTED),
        ((Status.UNVERIFIED, Status.AMBIGUOUS), PanelState.AMBIGUOUS),
        ((Status.UNVERIFIED,), PanelState.UNVERIFIED),
        ((), PanelState.NO_SOURCE),
    ],
)
def test_a_panel_has_one_state(statuses: tuple[Status, ...], state: PanelState) -> None:
    assert state_of(panel(*statuses)) is state


def test_charts_are_no_images_that_lack_a_source() -> None:
    assert state_of(panel(kind=PanelKind.CHART)) is PanelState.NOT_TRACED


def test_a_panel_with_a_false_declaration_and_a_true_source_is_backed_by_data() -> None:
    panels = (
        panel(Status.CONTRADICTED, Status.VERIFIED),
        panel(Status.AMBIGUOUS),
        panel(Status.CONTRADICTED),
        panel(),
        panel(kind=PanelKind.CHART),
    )
    counted = tally([TracedPage("a.png", 1, 9, 9, PageUnit.PIXEL, panels)])
    assert (counted.backed, counted.verified, counted.ambiguous, counted.images) == (2, 1, 1, 4)
    assert counted.counts[PanelState.CONTRADICTED] == 2


def test_every_state_has_a_look_of_its_own() -> None:
    assert set(LOOKS) == set(PanelState)
    assert len({look.glyph for look in LOOKS.values()}) == len(LOOKS)
    assert len({look.dash for look in LOOKS.values()}) == len(LOOKS)
    assert len({look.color for look in LOOKS.values()}) == len(LOOKS)


def test_studies_are_cited_with_authors_year_title_and_code(view: ReportView) -> None:
    assert citation(view.study) == (
        "Ada Lovelace, Jörg Müller (2026): Golgi dynamics in dividing HeLa cells. Dataset (RO-Crate). "
        "ISCC:K4AOIU2DTYOSZVXK5GVPBEWCGQH76UHVZ4SSULXDYJC5MJVNIE5ZQ5A"
    )
    assert citation(StudyFacts("T.")) == "Unknown authors: T. Dataset (RO-Crate)."


def test_bibtex_survives_what_means_something_to_tex() -> None:
    study = StudyFacts(r"50% of {A} & B_1 \ $x$ ~^", authors=(Person("Ä B"), Person("C")), date="2026-01-02")
    entry = bibtex(study)
    assert entry.startswith("@dataset{b2026,\n")
    assert "author = {Ä B and C}" in entry
    assert not re.search(r"(?<!\\)[%&$_](?!\{)", entry.split("title")[1].splitlines()[0])


def test_text_is_cut_in_the_middle_and_keeps_its_ends() -> None:
    assert elided("short", 9) == "short"
    assert elided("abcdefghijklmnop", 9) == "abcd…mnop"
    assert len(elided("x" * 99, 44)) == 44


def test_sizes_and_sentences_are_written_for_people() -> None:
    assert [byte_size(n) for n in (0, 999, 1500, 2_070_000, 5 * 10**12)] == [
        "0 bytes", "999 bytes", "1.5 kB", "2.07 MB", "5 TB",
    ]  # fmt: skip
    assert sentence("it is so") == "It is so."
    assert sentence("") == ""
