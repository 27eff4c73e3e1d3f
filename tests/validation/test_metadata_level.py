"""Each case breaks one rule of a valid crate, and exactly the finding of that rule comes of it."""

import copy
import json
import random
import re
from pathlib import Path

import pytest
from broken_crates import CASES, EDGE, SCENE, VALID, add, context, put
from crate_examples import contents
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from biocodes_crate.crate import crate_metadata
from biocodes_crate.errors import NotACrate
from biocodes_crate.findings import Severity
from biocodes_crate.validation import RULES, Level, validate_crate


def validate(metadata, tmp_path):
    path = tmp_path / "ro-crate-metadata.json"
    path.write_text(metadata if isinstance(metadata, str) else json.dumps(metadata), encoding="utf-8")
    return validate_crate(path, Level.METADATA)


def errors(report):
    return {(finding.id, finding.entity) for finding in report.findings if finding.severity is Severity.ERROR}


def test_a_crate_of_ours_is_valid_and_its_open_questions_are_warnings(tmp_path):
    report = validate(VALID, tmp_path)
    assert report.exit_code == 0
    assert {finding.id for finding in report.findings} == {
        "region-unexplained",
        "edge-unverified",
        "edge-contradicted",
        "edge-ambiguous",
        "panel-without-source",
    }


@pytest.mark.parametrize("name", CASES)
def test_a_broken_rule_is_named_with_its_entity(name, tmp_path):
    change, rule_id, entity = CASES[name]
    metadata = copy.deepcopy(VALID)
    change(metadata)
    report = validate(metadata, tmp_path)
    assert report.exit_code == 1
    assert (rule_id, entity) in errors(report)


@pytest.mark.parametrize(
    ("change", "rule_id"),
    [
        (context("https://w3id.org/ro/crate/1.3/context", "https://evil.example/", VALID["@context"][1]), "context-remote"),
        (put("#run", unheard="x"), "term-undefined"),
        (put("#run", about={"@id": "#gone"}), "reference-dangling"),
        (put("ro-crate-metadata.json", conformsTo={"@id": "https://w3id.org/ro/crate/9"}), "version-unknown"),
        (put("./", author=None), "author-missing"),
        (put("./", license={"@id": "https://spdx.org/licenses/NONE"}), "license-not-stated"),
        (put("images/b.ome.tif", hasPart=None), "image-without-scene"),
        (add({"@id": "#a b", "@type": "Thing", "name": "x"}), "id-encoding"),
    ],
)  # fmt: skip
def test_what_is_advice_is_a_warning(change, rule_id, tmp_path):
    metadata = copy.deepcopy(VALID)
    change(metadata)
    found = {finding.id: finding for finding in validate(metadata, tmp_path).findings}
    assert found[rule_id].severity is Severity.WARNING


def test_two_panels_on_one_region_are_noticed(tmp_path):
    metadata = copy.deepcopy(VALID)
    selector = "#figures/talk.pptx/page/2/panel/0/edge/0/region/selector"
    put(selector, selectorValue="xywh=pixel:40,38,60,60")(metadata)
    assert "region-reused" in {finding.id for finding in validate(metadata, tmp_path).findings}


def test_a_panel_that_its_figure_hides_is_no_panel_of_it(tmp_path):
    """What its edges say was never decided, since nobody who starts from the figure meets it."""
    metadata = copy.deepcopy(VALID)
    change, rule_id, panel = CASES["a panel that its figure does not list"]
    change(metadata)
    report = validate(metadata, tmp_path)
    assert not report.valid
    assert (rule_id, panel) in errors(report)


def test_a_crate_without_our_profile_is_told_what_it_lacks_and_is_valid(tmp_path):
    metadata = {
        "@context": "https://w3id.org/ro/crate/1.1/context",
        "@graph": [
            {
                "@id": "ro-crate-metadata.json",
                "@type": "CreativeWork",
                "about": {"@id": "./"},
                "conformsTo": {"@id": "https://w3id.org/ro/crate/1.1"},
            },
            {
                "@id": "./",
                "@type": "Dataset",
                "name": "x",
                "description": "y",
                "datePublished": "2020",
                "license": "MIT",
            },
        ],
    }
    report = validate(metadata, tmp_path)
    assert report.valid
    assert "profile-not-claimed" in {finding.id for finding in report.findings}


def test_cycles_end(tmp_path):
    metadata = copy.deepcopy(VALID)
    put("images/zellen%20%231.ome.zarr/", hasPart=[{"@id": "./"}, {"@id": "images/zellen%20%231.ome.zarr/"}])(metadata)
    put(SCENE, isPartOf={"@id": SCENE})(metadata)
    assert not validate(metadata, tmp_path).valid


def test_a_flood_of_faults_is_counted_not_listed(tmp_path):
    metadata = copy.deepcopy(VALID)
    metadata["@graph"] += [{"@id": f"#x{i}", "@type": "Thing", "unheard": i} for i in range(3000)]
    report = validate(metadata, tmp_path)
    assert "findings-left-out" in {finding.id for finding in report.findings}
    assert len(report.findings) < 1100


JUNK = st.sampled_from(
    [None, True, -1, 1e308, 2**70, "", "\x00", "xywh=pixel:1,1,1,1", [], [[]], {}, {"@id": 7}, {"@id": "./"},
     {"@id": SCENE}, {"@value": "x"}, "x" * 3000, [{"@id": EDGE}] * 3, "[[1,0,0],[0,1,0]]", {"@id": "../../x"}]
)  # fmt: skip


@given(st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_crate_mutated_at_random_never_raises(tmp_path, data):
    metadata = copy.deepcopy(VALID)
    graph = metadata["@graph"]
    for _ in range(data.draw(st.integers(1, 6))):
        entity = data.draw(st.sampled_from([e for e in graph if isinstance(e, dict)]))
        key = data.draw(st.sampled_from([*entity, "hasPart", "panelToSource"]))
        match data.draw(st.integers(0, 4)):
            case 0:
                entity.pop(key, None)
            case 1 | 2:
                entity[key] = data.draw(JUNK)
            case 3:
                graph.remove(entity)
            case 4:
                graph.append(data.draw(JUNK))
        if not any(isinstance(e, dict) for e in graph):
            return
    try:
        report = validate(metadata, tmp_path)
    except NotACrate:
        return
    assert all(finding.id in RULES for finding in report.findings)


@given(contents())
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_the_edges_say_the_crate_is_read_without_loss(tmp_path, content):
    found = {finding.id for finding in validate(crate_metadata(content), tmp_path).findings}
    assert not found & {"panel-unreadable", "link-broken", "link-wrong-type", "id-duplicate", "derivation-unproven",
                        "derivation-missing", "edge-misplaced", "value-nested", "term-undefined"}  # fmt: skip


def test_a_large_crate_takes_no_more_than_one_pass(tmp_path, monkeypatch):
    """Every entity is looked at a bounded number of times: no entity meets the schema of another's type."""
    import biocodes_crate.validation.shapes as shapes

    calls = []
    real = shapes._errors
    monkeypatch.setattr(shapes, "_errors", lambda name, entity: (calls.append(name), real(name, entity))[1])
    validate(VALID, tmp_path)
    assert len(calls) < 1.5 * len(VALID["@graph"])


def test_every_id_that_the_code_gives_is_documented():
    import biocodes_crate.validation as package

    given_ids = set()
    for source in Path(package.__file__).parent.glob("*.py"):
        given_ids |= set(re.findall(r'(?:found\.add|_compare)\(\s*(?:[^"()]*, )?"([a-z-]+)"', source.read_text()))
        given_ids |= set(re.findall(r'"([a-z]+(?:-[a-z]+)+-differs)"', source.read_text()))
    assert given_ids <= set(RULES)
    assert random.sample(sorted(RULES), 1)
