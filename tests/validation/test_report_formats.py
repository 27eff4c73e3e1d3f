"""A report in every format, read by parsers and checked against schemas that others wrote."""

import html.parser
import json
import re
from pathlib import Path

import jsonschema
import pytest
from crate_examples import example_content
from hypothesis import given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from biocodes_crate.cli.app import app
from biocodes_crate.crate import crate_metadata, metadata_bytes
from biocodes_crate.findings import Finding, Severity
from biocodes_crate.validation import (
    RULES,
    Contents,
    FigureContents,
    Level,
    Report,
    ReportFormat,
    Standing,
    render,
    summary,
)

DATA = Path(__file__).parents[1] / "data"
SARIF = jsonschema.Draft4Validator(json.loads((DATA / "schemas" / "sarif-2.1.0.schema.json").read_text()))
HOSTILE = '<script>alert(1)</script> ]]> & "x" `y` | [z](http://evil.example) @everyone \x00\x1b[31m\u202e\ufffe'


def finding(rule_id, entity="./", message="is wrong", key=None, severity=None):
    rule = RULES[rule_id]
    return Finding(rule_id, severity or rule.severity, entity, message, rule.remedy, key)


REPORT = Report(
    (
        finding("file-missing", "images/a%20b.tif", "images/a b.tif is not in the crate", "@id"),
        finding("file-missing", HOSTILE, HOSTILE, HOSTILE),
        finding("edge-refuted", "#fig.png/page/1/panel/0/edge/0"),
        finding("file-unlisted", "notes.txt"),
        finding("edge-ambiguous", "https://example.org/x"),
    ),
    Level.PROVENANCE,
    HOSTILE,
    Contents(2, 3, (FigureContents(HOSTILE, ((Standing.BACKED, 2), (Standing.REFUTED, 1))),)),
)
NOTHING = Report((), Level.METADATA, "crate")
texts = st.text(max_size=30)
reports = st.builds(
    Report,
    st.lists(
        st.builds(finding, st.sampled_from(sorted(RULES)), texts, texts, st.none() | texts, st.sampled_from(Severity)),
        max_size=6,
    ).map(tuple),
    st.sampled_from(Level),
    texts,
)


def junit(text):
    junitparser = pytest.importorskip("junitparser")
    return junitparser.JUnitXml.fromstring(text.encode())


@given(reports)
@settings(max_examples=25, deadline=None)
def test_sarif_of_any_report_fits_the_schema_of_oasis(report):
    log = json.loads(render(report, ReportFormat.SARIF))
    SARIF.validate(log)
    (run,) = log["runs"]
    assert [result["ruleId"] for result in run["results"]] == [found.id for found in report.findings]


def test_sarif_names_the_file_that_a_finding_is_about():
    (run,) = json.loads(render(REPORT, ReportFormat.SARIF))["runs"]
    places = [result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] for result in run["results"]]
    assert places[0] == "images/a%20b.tif"
    assert places[2:] == ["ro-crate-metadata.json", "notes.txt", "ro-crate-metadata.json"]
    assert [result["level"] for result in run["results"]] == ["error", "error", "error", "warning", "note"]
    rules = run["tool"]["driver"]["rules"]
    assert all(rules[result["ruleIndex"]]["id"] == result["ruleId"] for result in run["results"])


@given(reports)
@settings(max_examples=25, deadline=None)
def test_junit_of_any_report_is_read_with_a_failure_for_each_broken_rule(report):
    suites = junit(render(report, ReportFormat.JUNIT))
    failed = {case.name for suite in suites for case in suite if case.result}
    below = {rule.id for rule in RULES.values() if rule.level <= report.level}
    assert failed == {found.id for found in report.findings if found.severity is Severity.ERROR} & below
    assert suites.tests == sum(len(list(suite)) for suite in suites) == len(below)
    assert suites.failures == len(failed)


def test_junit_of_a_crate_without_fault_has_no_failure():
    suites = junit(render(NOTHING, ReportFormat.JUNIT))
    assert suites.failures == 0
    assert all(case.is_passed for suite in suites for case in suite)


class Page(html.parser.HTMLParser):
    """Tags, their attributes, and the text of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.attributes, self.open, self.text = [], [], [], ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in {"meta"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@given(reports)
@settings(max_examples=25, deadline=None)
def test_the_page_of_any_report_is_well_formed_and_runs_and_fetches_nothing(report):
    text = render(report, ReportFormat.HTML)
    page = Page(text)
    assert page.open == []
    assert not {"script", "link", "img", "iframe", "object", "a", "form"} & set(page.tags)
    assert not {"src", "href", "onclick", "style"} & {name for name, _ in page.attributes}
    assert "default-src 'none'" in text


def test_the_page_shows_text_of_strangers_as_text():
    page = Page(render(REPORT, ReportFormat.HTML))
    assert "<script>alert(1)</script>" in page.text
    assert "script" not in page.tags


def test_markdown_groups_findings_and_keeps_text_of_strangers_text():
    lines = render(REPORT, ReportFormat.MARKDOWN).splitlines()
    assert [line for line in lines if line.startswith("## ")] == ["## Errors", "## Warnings", "## Notes"]
    assert [line for line in lines if line.startswith("### ")] == [
        "### `file-missing`", "### `edge-refuted`", "### `file-unlisted`", "### `edge-ambiguous`",
    ]  # fmt: skip
    prose = re.sub(r"(`+)(?!`).*?(?<!`)\1(?!`)", "", "\n".join(lines))  # all but code
    assert not re.search(r"(?<!\\)<script|(?<!\\)@everyone|(?<!\\)\[z\]|http://", prose)
    assert not any(ord(char) < 32 and char != "\n" for char in "\n".join(lines))


@given(reports)
@settings(max_examples=25, deadline=None)
def test_a_report_of_any_kind_is_one_bullet_for_each_finding(report):
    lines = render(report, ReportFormat.MARKDOWN).split("\n")
    assert sum(line.startswith("- ") for line in lines) == len(report.findings)


def test_json_is_the_report_of_the_schema():
    assert json.loads(render(REPORT, ReportFormat.JSON)) == REPORT.as_json()


@pytest.mark.parametrize("form", ReportFormat)
def test_the_command_writes_every_format_to_stdout_or_a_file(form, tmp_path):
    path = tmp_path / "ro-crate-metadata.json"
    path.write_bytes(metadata_bytes(crate_metadata(example_content())))
    command = ["validate", str(path), "--level", "metadata", "--format", form.value]
    shown = CliRunner().invoke(app, command)
    assert shown.exit_code == 0
    assert "edge-contradicted" in shown.stdout
    out = tmp_path / "out"
    written = CliRunner().invoke(app, [*command, "-o", str(out)])
    assert (written.exit_code, written.stdout) == (0, "")
    assert out.read_text(encoding="utf-8") == shown.stdout


def test_the_exit_code_of_a_crate_that_is_not_valid_is_one_in_every_format(tmp_path):
    path = tmp_path / "ro-crate-metadata.json"
    path.write_text('{"@context": [], "@graph": []}')
    for form in ("text", *ReportFormat):
        assert CliRunner().invoke(app, ["validate", str(path), "--format", form]).exit_code == 1


@pytest.mark.parametrize("form", [ReportFormat.HTML, ReportFormat.MARKDOWN])
def test_what_is_in_the_crate_stands_above_the_findings(form):
    text = render(REPORT, form)
    held = text.index("Holds 2 images (3 scenes) and 1 figure.")
    assert held < text.index("file-missing")
    assert "3 panels: 2 backed by data, 1 wrong in the crate" in text


def test_no_more_is_said_than_was_looked_at():
    held = Contents(1, 1, (FigureContents("a.png", ((Standing.BACKED, 1),)),))
    said = {level: " ".join(summary(Report((), level, "x", held))) for level in Level}
    assert "not looked at" in said[Level.METADATA]
    assert "Every file is there" in said[Level.INTEGRITY]
    assert "not decided again" in said[Level.INTEGRITY]
    assert "not" not in said[Level.PROVENANCE]
    changed = Report((finding("code-differs", "a.png"),), Level.INTEGRITY, "x", held)
    assert "Every file is there" not in " ".join(summary(changed))
