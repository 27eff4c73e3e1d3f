"""`deposit.yaml`: what its schema takes, what it refuses, and what is made of it."""

import json

import jsonschema
import pytest
import yaml

from biocodes_crate.deposit import Limits, Settings, read_settings
from biocodes_crate.deposit.settings import Contributor, Grant, Related
from biocodes_crate.errors import BadSettings
from biocodes_crate.resources import resource

WHOLE = """
title: Nuclear envelopes
version: 1.2.0-rc.1
publication_date: 2026-11-23
publisher: Data of the Institute
language: eng
keywords: [envelope]
contributors:
  - {name: "Curie, Marie", orcid: 0000-0002-1825-0097, affiliation: Institute, role: datacurator}
  - name: Lise Meitner
funding:
  - {funder: 00rbzpz17, number: ANR-1, title: Cells}
  - funder: The Foundation
related:
  - {identifier: 10.1234/raw, relation: isderivedfrom, type: dataset}
  - {identifier: "https://example.org/a", relation: references}
zip_gigabytes: 2.5
record_gigabytes: 200
"""

VALID = ["", "{}", "title:", "publication_date: '2026'", "publication_date: 2026-11", "keywords: []", WHOLE]

INVALID = {
    "token: abc": "not a key",
    "[]": "does not fit",
    "title: ab": "title",
    "version: 1 2": "version",
    "version: 1.0": "version",  # a number: 1.10 would become 1.1
    "publication_date: 23.11.2026": "publication_date",
    "publication_date: 2026-13": "publication_date",
    "language: en": "language",
    "keywords: envelope": "keywords",
    "contributors: [{orcid: 0000-0002-1825-0097}]": "name",
    "contributors: [{name: A, role: boss}]": "role",
    "contributors: [{name: A, email: a@b.c}]": "email",
    "funding: [Foundation]": "funding",
    "funding: [{number: '1'}]": "funder",
    "related: [{identifier: 10.1/x, relation: references}]": "identifier",
    "related: [{identifier: 10.1234/x}]": "relation",
    "related: [{identifier: 10.1234/x, relation: IsDerivedFrom}]": "relation",
    "zip_gigabytes: 0": "zip_gigabytes",
    "zip_gigabytes: big": "zip_gigabytes",
    "record_gigabytes: -1": "record_gigabytes",
    "title: [a": "not YAML",
}


def schema():
    return json.loads(resource("schemas", "deposit.schema.json").read_text(encoding="utf-8"))


def test_the_schema_is_valid_and_explains_every_key():
    jsonschema.Draft202012Validator.check_schema(schema())
    assert all("description" in value for value in schema()["properties"].values())


@pytest.mark.parametrize("text", VALID)
def test_what_is_valid_is_read(tmp_path, text):
    path = tmp_path / "deposit.yaml"
    path.write_text(text)
    assert isinstance(read_settings(path), Settings)


@pytest.mark.parametrize(("text", "word"), INVALID.items())
def test_what_is_not_valid_is_refused_with_line_and_key(tmp_path, text, word):
    path = tmp_path / "deposit.yaml"
    path.write_text(text)
    with pytest.raises(BadSettings, match=word) as failure:
        read_settings(path)
    assert "line 1" in failure.value.message
    assert "abc" not in failure.value.message  # of a token that somebody put there
    if word != "not YAML":
        value = yaml.safe_load(text)
        dated = json.loads(json.dumps(value, default=str))
        if text not in {"publication_date: 2026-11-23"}:
            assert not jsonschema.Draft202012Validator(schema()).is_valid(dated)


def test_everything_that_is_said_is_kept(tmp_path):
    path = tmp_path / "deposit.yaml"
    path.write_text(WHOLE)
    assert read_settings(path) == Settings(
        title="Nuclear envelopes",
        version="1.2.0-rc.1",
        publication_date="2026-11-23",
        publisher="Data of the Institute",
        language="eng",
        keywords=("envelope",),
        contributors=(
            Contributor("Curie, Marie", "0000-0002-1825-0097", "Institute", "datacurator"),
            Contributor("Lise Meitner"),
        ),
        funding=(Grant("00rbzpz17", "ANR-1", "Cells"), Grant("The Foundation")),
        related=(Related("10.1234/raw", "isderivedfrom", "dataset"), Related("https://example.org/a", "references")),
        zip_gigabytes=2.5,
        record_gigabytes=200,
    )


def test_limits_are_the_servers_until_something_else_is_said():
    limits = Limits()
    assert Settings().limits(limits) == limits
    assert Settings(zip_gigabytes=0.5, record_gigabytes=200).limits(limits) == Limits(100, 200 * 10**9, 500_000_000)


def test_a_file_that_is_not_there_is_said(tmp_path):
    with pytest.raises(BadSettings, match="cannot be read"):
        read_settings(tmp_path / "deposit.yaml")
