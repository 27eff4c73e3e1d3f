"""Our verdict and rocrate-validator's on the corpus of valid and broken crates."""

import importlib.util
import json
import os
import re
from pathlib import Path

import agreement
import pytest
from broken_crates import CASES
from valid_crates import VARIANTS

RECORD = json.loads(agreement.RECORD.read_text(encoding="utf-8"))
PAGE = (Path(__file__).parents[2] / "docs" / "agreement.md").read_text(encoding="utf-8")
HINT = "run python tests/validation/agreement.py > tests/data/agreement.json"
SAMPLE = ["as it is", "a scene twice", "a singular transform"]
ALL = os.environ.get("BIOCODES_AGREEMENT") == "all"  # some twenty minutes


@pytest.fixture(scope="module")
def crates():
    return agreement.corpus()


@pytest.fixture(scope="module")
def ours(crates):
    return agreement.ours(crates)


def explained():
    """The crates that the page lists as judged differently, each with its reason."""
    table = PAGE.partition("## Crates that the two judge differently")[2].partition("## ")[0]
    rows = [
        row for row in re.findall(r"^\| ([^|]+) \| [^|]+ \| [^|]+ \| ([^|]+) \|$", table, re.M) if row[0] != "Crate"
    ]
    return dict(rows)


def test_the_corpus_is_large_enough(crates):
    assert len(CASES) >= 80
    assert len({agreement.digest(content) for content in crates.values()}) == len(crates)


def test_the_record_is_of_these_crates_and_this_profile(crates):
    assert RECORD["profile"] == agreement.profile_digest(), HINT
    assert {name: one["crate"] for name, one in RECORD["crates"].items()} == {
        name: agreement.digest(content) for name, content in crates.items()
    }, HINT


def test_we_call_valid_what_is_valid_and_broken_what_is_broken(ours):
    assert {name for name, errors in ours.items() if errors} == set(CASES)


def test_rocrate_validator_judges_as_we_do_but_for_what_is_explained(ours):
    theirs = {name: one["fails"] for name, one in RECORD["crates"].items()}
    different = {name for name in ours if bool(ours[name]) != bool(theirs[name])}
    assert different == set(explained())
    assert len(theirs) == len(CASES) + len(VARIANTS)
    broken = len(CASES) - len(different)
    assert f"the same {broken} crates broken and the same {len(VARIANTS)} valid" in PAGE


def test_it_judges_so_today(crates):
    if "BIOCODES_ROC_VALIDATOR" not in os.environ and importlib.util.find_spec("rocrate_validator") is None:
        pytest.skip("rocrate-validator is not installed; BIOCODES_ROC_VALIDATOR names a python that has it")
    if agreement.version() != RECORD["rocrate-validator"]:
        pytest.skip(f"the record is of rocrate-validator {RECORD['rocrate-validator']}")
    asked = {name: crates[name] for name in (crates if ALL else SAMPLE)}
    found = agreement.theirs(asked)
    assert {name: bool(fails) for name, fails in found.items()} == {
        name: bool(RECORD["crates"][name]["fails"]) for name in asked
    }
