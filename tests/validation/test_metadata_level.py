"""Each case breaks one rule of a valid crate, and exactly the finding of that rule comes of it."""

import copy
import json
import random
import re
from pathlib import Path

import pytest
from crate_examples import DATA_CODE, IMAGE_CODE, contents, example_content
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from biocodes_crate.crate import crate_metadata, metadata_bytes
from biocodes_crate.errors import NotACrate
from biocodes_crate.findings import Severity
from biocodes_crate.validation import RULES, Level, validate_crate

VALID = json.loads(metadata_bytes(crate_metadata(example_content())))
PAGE = "#figures/Abb.%201%20ü%23.png/page/1"
EDGE = f"{PAGE}/panel/0/edge/0"
SCENE = "#images/zellen%20%231.ome.zarr/scene/0"
PLANE = f"{SCENE}/plane/z5c1t0"


def validate(metadata, tmp_path):
    path = tmp_path / "ro-crate-metadata.json"
    path.write_text(metadata if isinstance(metadata, str) else json.dumps(metadata), encoding="utf-8")
    return validate_crate(path, Level.METADATA)


def errors(report):
    return {(finding.id, finding.entity) for finding in report.findings if finding.severity is Severity.ERROR}


def put(entity_id, **properties):
    """Set properties of an entity; None takes them away."""

    def change(metadata):
        entity = next(entity for entity in metadata["@graph"] if entity["@id"] == entity_id)
        for key, value in properties.items():
            key = {"id_": "@id", "type_": "@type"}.get(key, key)
            if value is None:
                del entity[key]
            else:
                entity[key] = value

    return change


def add(entity):
    return lambda metadata: metadata["@graph"].append(entity)


def drop(entity_id):
    def change(metadata):
        metadata["@graph"] = [entity for entity in metadata["@graph"] if entity["@id"] != entity_id]

    return change


def context(*parts):
    return lambda metadata: metadata.update({"@context": list(parts)})


ROTATED = f"{PAGE}/panel/0/edge/1"
CASES = {
    "no RO-Crate context": (context(VALID["@context"][1]), "context-missing", "ro-crate-metadata.json"),
    "an entity without id": (add({"@type": "Thing"}), "entity-malformed", f"@graph[{len(VALID['@graph'])}]"),
    "an entity that is no object": (add(7), "entity-malformed", f"@graph[{len(VALID['@graph'])}]"),
    "an entity without type": (add({"@id": "#x", "name": "x"}), "entity-malformed", "#x"),
    "one id twice": (add({"@id": "#run", "@type": "Thing"}), "id-duplicate", "#run"),
    "ids that collide": (add({"@id": "#run/", "@type": "Thing"}), "id-collision", "#run/"),
    "ids that collide once decoded": (add({"@id": "#r%75n", "@type": "Thing"}), "id-collision", "#r%75n"),
    "a nested object": (put("#run", name={"text": "x"}), "value-nested", "#run"),
    "no descriptor": (drop("ro-crate-metadata.json"), "descriptor-missing", "ro-crate-metadata.json"),
    "no root": (drop("./"), "root-missing", "./"),
    "no licence": (put("./", license=None), "root-incomplete", "./"),
    "no name": (put("./", name=None), "root-incomplete", "./"),
    "a date that is none": (put("./", datePublished="soon"), "root-incomplete", "./"),
    "a part that is missing": (drop("study.yaml"), "part-missing", "study.yaml"),
    "a file that is no part": (
        add({"@id": "new.txt", "@type": "File", "name": "x", "encodingFormat": "text/plain"}),
        "part-unlisted",
        "new.txt",
    ),
    "no media type": (put("study.yaml", encodingFormat=None), "property-missing", "study.yaml"),
    "a size that is no number": (put("study.yaml", contentSize="big"), "property-invalid", "study.yaml"),
    "a status that is none": (put(EDGE, verificationStatus={"@id": "bc:sure"}), "property-invalid", EDGE),
    "a panel kind that is none": (put(f"{PAGE}/panel/3", panelKind="art"), "property-invalid", f"{PAGE}/panel/3"),
    "no software version": (put("#biocodes-crate-0.1.0", version=None), "property-missing", "#biocodes-crate-0.1.0"),
    "a broken link": (put(f"{EDGE}/region", hasSource={"@id": "#gone"}), "link-broken", f"{EDGE}/region"),
    "a link to another type": (put(EDGE, wasGeneratedBy={"@id": "./"}), "link-wrong-type", EDGE),
    "a code of another kind": (put(PLANE, imageCode=DATA_CODE, identifier=None), "code-invalid", PLANE),
    "a code that is none": (put("study.yaml", iscc_code="ISCC:ABC", identifier=None), "code-invalid", "study.yaml"),
    "codes that contradict": (put("study.yaml", identifier={"@id": IMAGE_CODE}), "code-mismatch", "study.yaml"),
    "a scene without sizes": (put(SCENE, sizeX=None), "scene-incomplete", SCENE),
    "a plane beyond the stack": (put(PLANE, theZ=12), "plane-outside", PLANE),
    "a projection beyond the stack": (
        put(f"{SCENE}/projection/max-z0-11-c0t0", zEnd=99),
        "plane-outside",
        f"{SCENE}/projection/max-z0-11-c0t0",
    ),
    "a projection backwards": (
        put(f"{SCENE}/projection/max-z0-11-c0t0", zStart=5, zEnd=3),
        "plane-outside",
        f"{SCENE}/projection/max-z0-11-c0t0",
    ),
    "a region outside": (put(f"{EDGE}/region/selector", selectorValue="xywh=pixel:500,38,60,60"), "region-outside", EDGE),
    "a region elsewhere": (put(f"{EDGE}/region/selector", selectorValue="xywh=pixel:0,0,60,60"), "transform-outside", EDGE),
    "a box outside of the page": (
        put(f"{PAGE}/panel/3/selector", selectorValue="xywh=pixel:9000,0,9,9"),
        "box-outside",
        f"{PAGE}/panel/3",
    ),
    "a singular transform": (put(f"{EDGE}/transform/0", panelToSource="[[0,0,40],[0,0,38]]"), "transform-singular", EDGE),
    "a transform elsewhere": (put(f"{EDGE}/transform/0", panelToSource="[[0.2,0,0],[0,0.2,0]]"), "transform-outside", EDGE),
    "a verified edge without evidence": (put(EDGE, evidence=None), "edge-incomplete", EDGE),
    "a verified edge without transform": (put(EDGE, transformStep=None), "edge-incomplete", EDGE),
    "candidates of a verified edge": (
        put(EDGE, candidate=[{"@id": PLANE}, {"@id": f"{SCENE}/projection/max-z0-11-c0t0"}]),
        "edge-candidates",
        EDGE,
    ),
    "an edge of another panel": (put(EDGE, panel={"@id": f"{PAGE}/panel/1"}), "edge-misplaced", EDGE),
    "no derivation of a verified edge": (put(f"{PAGE}/panel/0", wasDerivedFrom=None), "derivation-missing", f"{PAGE}/panel/0"),
    "a derivation that nothing proves": (
        put(f"{PAGE}/panel/1", wasDerivedFrom={"@id": PLANE}),
        "derivation-unproven",
        f"{PAGE}/panel/1",
    ),
    "a correlation above one": (
        put(f"{EDGE}/evidence/correlation", value=1.5),
        "evidence-out-of-range",
        f"{EDGE}/evidence/correlation",
    ),
    "an id that leads out": (
        lambda m: (
            add({"@id": "../x.txt", "@type": "File", "name": "x", "encodingFormat": "text/plain"})(m),
            m["@graph"][1]["hasPart"].append({"@id": "../x.txt"}),
        ),
        "id-unsafe",
        "../x.txt",
    ),
    "a file of this computer": (
        lambda m: (
            add({"@id": "file:///etc/passwd", "@type": "File", "name": "x", "encodingFormat": "text/plain"})(m),
            m["@graph"][1]["hasPart"].append({"@id": "file:///etc/passwd"}),
        ),
        "id-unsafe",
        "file:///etc/passwd",
    ),
}  # fmt: skip


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
