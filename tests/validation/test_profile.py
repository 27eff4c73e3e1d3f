"""The profile: its parts agree with the code, and rocrate-validator runs it as it is."""

import copy
import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import rdflib
from broken_crates import CASES, VALID
from rdflib.namespace import RDF, RDFS

from biocodes_crate.crate import crate_metadata, id_to_path
from biocodes_crate.crate.terms import BC, DEFINED_TERMS, PROFILE, TERMS
from biocodes_crate.resources import resource
from biocodes_crate.validation import Level, validate_crate

FOLDER = resource("profiles", "biocodes-crate")
CONTEXTS = Path(crate_metadata.__code__.co_filename).parent / "contexts"
PYTHON = os.environ.get("BIOCODES_ROC_VALIDATOR") or (
    sys.executable if importlib.util.find_spec("rocrate_validator") else None
)


def ours():
    values = [value["@id"] if isinstance(value, dict) else value for value in TERMS.values()]
    return {value for value in values if value.startswith(BC) and value != BC} | {BC + term for term in DEFINED_TERMS}


def test_every_term_of_ours_is_defined_and_no_other():
    graph = rdflib.Graph().parse(FOLDER / "terms.ttl")
    defined = {str(subject) for subject in graph.subjects(RDFS.comment) if str(subject) != BC}
    assert defined == ours()
    assert all((rdflib.URIRef(term), RDFS.label) for term in defined)


@pytest.mark.parametrize("path", sorted(FOLDER.rglob("*.ttl")), ids=lambda path: path.name)
def test_every_turtle_file_parses(path):
    assert len(rdflib.Graph().parse(path)) > 0


def test_every_term_of_a_shape_is_defined():
    terms = ours()
    for path in FOLDER.rglob("*/*.ttl"):
        for triple in rdflib.Graph().parse(path):
            for node in triple:
                assert not (isinstance(node, rdflib.URIRef) and str(node).startswith(BC)) or str(node) in terms


def test_every_term_of_ours_is_in_the_specification():
    prose = (FOLDER / "specification.md").read_text(encoding="utf-8")
    assert not [term for term in sorted(ours()) if term.removeprefix(BC) not in prose]


def test_what_follows_from_the_code_is_up_to_date():
    """Vocabulary, context, example and profile crate: `python profiles/make.py` writes them."""
    script = FOLDER.parent / "make.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert validate_crate(FOLDER / "example" / "ro-crate-metadata.json", Level.METADATA).valid


def test_the_profile_crate_describes_every_file_of_the_profile():
    metadata = json.loads((FOLDER / "ro-crate-metadata.json").read_text(encoding="utf-8"))
    listed = {id_to_path(part["@id"]) for part in metadata["@graph"][1]["hasPart"]}
    there = {path.relative_to(FOLDER).as_posix() for path in FOLDER.rglob("*") if path.is_file()}
    assert listed == {path for path in there if "__pycache__" not in path} - {"ro-crate-metadata.json"}
    assert validate_crate(FOLDER / "ro-crate-metadata.json", Level.METADATA).valid


def test_token_and_version_are_those_of_the_profile_that_we_claim():
    graph = rdflib.Graph().parse(FOLDER / "profile.ttl")
    prof = rdflib.Namespace("http://www.w3.org/ns/dx/prof/")
    assert graph.value(rdflib.URIRef(PROFILE), prof.hasToken) == rdflib.Literal("biocodes-crate")
    assert (rdflib.URIRef(PROFILE), RDF.type, prof.Profile) in graph


needs_rocrate_validator = pytest.mark.skipif(
    PYTHON is None, reason="rocrate-validator is not installed; BIOCODES_ROC_VALIDATOR names a python"
)


def run_rocrate_validator(*arguments):
    """What rocrate-validator says offline; at RECOMMENDED it runs the REQUIRED checks too."""
    script = Path(__file__).parent / "run_rocrate_validator.py"
    command = [PYTHON, script, *arguments]
    done = subprocess.run(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=True)
    return json.loads(done.stdout)


@needs_rocrate_validator
@pytest.mark.parametrize("profile", ["ro-crate-1.3", "biocodes-crate"])
@pytest.mark.parametrize("severity", ["REQUIRED", "RECOMMENDED"])
def test_the_example_passes_rocrate_validator_offline(example_crate, profile, severity):
    options = ["--profile", profile, "--severity", severity]
    [result] = run_rocrate_validator(*options, CONTEXTS, FOLDER.parent, example_crate)
    assert (result["passed"], result["issues"]) == (True, [])
    assert result["checked"]["REQUIRED"] > 50
    assert (result["checked"].get("RECOMMENDED", 0) > 20) == (severity == "RECOMMENDED")


@needs_rocrate_validator
def test_rocrate_validator_agrees_offline(tmp_path):
    """A crate of ours passes at REQUIRED and RECOMMENDED; what we call broken, it calls broken."""
    crate = tmp_path / "crate"
    for entity in VALID["@graph"]:
        kinds = entity["@type"] if isinstance(entity["@type"], list) else [entity["@type"]]
        if "File" in kinds or ("Dataset" in kinds and entity["@id"] != "./"):
            path = crate / id_to_path(entity["@id"])
            path.parent.mkdir(parents=True, exist_ok=True)
            path.mkdir() if "Dataset" in kinds else path.write_bytes(b"x")
    (crate / "ro-crate-metadata.json").write_text(json.dumps(VALID), encoding="utf-8")
    broken = ["a status that is none", "a plane beyond the stack", "a derivation that nothing proves", "no licence"]
    paths = []
    for number, name in enumerate(broken):
        metadata = copy.deepcopy(VALID)
        CASES[name][0](metadata)
        paths.append(tmp_path / f"{number}.json")
        paths[-1].write_text(json.dumps(metadata), encoding="utf-8")
    first, *others = run_rocrate_validator(CONTEXTS, FOLDER.parent, crate, *paths)
    assert (first["passed"], first["issues"]) == (True, [])
    for name, result in zip(broken, others, strict=True):
        assert any(issue["severity"] == "REQUIRED" for issue in result["issues"]), name
