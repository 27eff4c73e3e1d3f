"""From the metadata of a crate to that of a record, and to that of the crate as it is deposited."""

import copy
import json
from dataclasses import replace

import pytest
from crate_examples import contents, example_content
from hypothesis import given, settings

from biocodes_crate.crate import crate_metadata, metadata_bytes
from biocodes_crate.crate.linked_data import load_graph
from biocodes_crate.deposit.finalise import Download, finalise
from biocodes_crate.deposit.mapping import is_orcid, record_metadata, spdx_of, split_name
from biocodes_crate.deposit.merging import draft_body, marks_of, merge
from biocodes_crate.deposit.settings import Contributor, Grant, Related, Settings
from biocodes_crate.study.manifest import Author, Manifest
from biocodes_crate.validation import Level, validate_crate


def metadata(**manifest):
    content = example_content()
    return crate_metadata(replace(content, manifest=replace(Manifest(title="Cells"), **manifest)))


def mapped(crate, given=Settings(), **options):  # noqa: B008
    return record_metadata(crate, given, **({"publisher": "Zenodo", "version": "1", "today": "2026-11-23"} | options))


def test_people_are_named_as_the_server_wants_them():
    crate = metadata(
        authors=(
            Author("Lovelace, Ada", "0000-0002-1825-0097", "Institute", "https://ror.org/01ggx4157"),
            Author("Grace Brewster Hopper", affiliation="Navy"),
            Author("Plato"),
            Author("Mistyped, One", "0000-0002-1825-0098"),
        )
    )
    made = mapped(crate)
    people = [creator["person_or_org"] for creator in made.metadata["creators"]]
    assert people[0] == {
        "type": "personal", "family_name": "Lovelace", "given_name": "Ada",
        "identifiers": [{"scheme": "orcid", "identifier": "0000-0002-1825-0097"}],
    }  # fmt: skip
    assert (people[1]["given_name"], people[1]["family_name"]) == ("Grace Brewster", "Hopper")
    assert people[2] == {"type": "personal", "family_name": "Plato"}
    assert "identifiers" not in people[3]
    assert any("0000-0002-1825-0098" in note for note in made.notes)
    places = [creator.get("affiliations") for creator in made.metadata["creators"]]
    assert places[:3] == [[{"id": "01ggx4157"}], [{"name": "Navy"}], None]
    # A server that does not know the ROR takes the name.
    unknown = mapped(crate, knows=lambda path: "affiliations" not in path)
    assert unknown.metadata["creators"][0]["affiliations"] == [{"name": "Institute"}]


def test_organizations_can_be_creators():
    crate = metadata(authors=(Author("Somebody"),))
    person = next(e for e in crate["@graph"] if e["@type"] == "Person")
    person |= {"@type": "Organization", "@id": "https://ror.org/01ggx4157", "name": "CERN"}
    next(e for e in crate["@graph"] if e["@id"] == "./")["author"] = [{"@id": "https://ror.org/01ggx4157"}]
    assert mapped(crate).metadata["creators"] == [
        {
            "person_or_org": {
                "type": "organizational",
                "name": "CERN",
                "identifiers": [{"scheme": "ror", "identifier": "01ggx4157"}],
            }
        }
    ]


def test_what_is_missing_is_noted():
    made = mapped(metadata())
    assert "creators" not in made.metadata
    assert "rights" not in made.metadata
    assert any("author" in note for note in made.notes)
    assert any("licence" in note for note in made.notes)


@pytest.mark.parametrize(
    ("licence", "spdx"),
    [
        ("https://spdx.org/licenses/CC-BY-4.0", "CC-BY-4.0"),
        ("http://spdx.org/licenses/MIT.html", "MIT"),
        ("https://creativecommons.org/licenses/by-nc-sa/4.0/", "CC-BY-NC-SA-4.0"),
        ("http://creativecommons.org/licenses/by/3.0/deed.de", "CC-BY-3.0"),
        ("https://creativecommons.org/publicdomain/zero/1.0/", "CC0-1.0"),
        ("CC-BY-4.0", "CC-BY-4.0"),
        ("https://example.org/my licence", None),
    ],
)
def test_licences_are_known_by_their_addresses(licence, spdx):
    assert spdx_of(licence) == spdx


def test_a_licence_in_words_is_not_an_identifier():
    made = mapped(metadata(license="CC-BY-4.0"), knows=lambda path: False)
    assert made.metadata["rights"] == [{"title": {"en": "CC-BY-4.0"}, "link": "https://spdx.org/licenses/CC-BY-4.0"}]


def test_publication_funding_and_settings():
    given = Settings(
        title="A nicer title",
        keywords=("cells", "more"),
        contributors=(
            Contributor("Curie, Marie", "https://orcid.org/0000-0002-1825-0097", "Institute", "datacurator"),
        ),
        funding=(Grant("00rbzpz17", "1"), Grant("https://ror.org/019wvm592"), Grant("Foundation", title="Cells")),
        related=(Related("10.1234/RAW", "isderivedfrom", "dataset"), Related("https://x.org/a", "nosuch")),
        language="eng",
        publication_date="2025",
        publisher="Here",
    )
    crate = metadata(publication="https://doi.org/10.1234/paper", keywords=("cells",), funding=("Grant 1",))
    made = mapped(crate, given, knows=lambda path: not path.endswith(("nosuch", "019wvm592")))
    record = made.metadata
    assert record["title"] == "A nicer title"
    assert record["publisher"] == "Here"
    assert record["publication_date"] == "2025"
    assert record["subjects"] == [{"subject": "cells"}, {"subject": "more"}]
    assert record["languages"] == [{"id": "eng"}]
    assert record["contributors"][0]["role"] == {"id": "datacurator"}
    assert [(w["identifier"], w["relation_type"]["id"]) for w in record["related_identifiers"]] == [
        ("10.1234/paper", "issupplementto"), ("10.1234/RAW", "isderivedfrom"),
    ]  # fmt: skip
    assert record["funding"] == [
        {"funder": {"id": "00rbzpz17"}, "award": {"title": {"en": "Grant 1"}, "number": "1"}},
        {"funder": {"name": "https://ror.org/019wvm592"}},
        {"funder": {"name": "Foundation"}, "award": {"title": {"en": "Cells"}}},
    ]
    assert any("nosuch" in note for note in made.notes)
    assert mapped(crate).metadata["funding"] == [{"funder": {"name": "Grant 1"}}]


def test_a_short_title_is_made_long_enough():
    assert mapped(metadata(title="AB")).metadata["title"] == "Study AB"


@given(contents())
@settings(max_examples=25, deadline=None)
def test_any_crate_becomes_a_record_without_markup_of_its_own(content):
    crate = crate_metadata(content)
    record = mapped(crate).metadata
    json.dumps(record, allow_nan=False)
    assert record["title"]
    assert "<script" not in record["description"]
    assert len(record["description"]) < 200_000


def test_names_with_markup_are_escaped():
    record = mapped(metadata(title="<script>alert(1)</script>", description="<img src=x onerror=y> & more\n\nSecond"))
    assert "<script" not in record.metadata["description"]
    assert "&lt;img src=x onerror=y&gt; &amp; more</p>\n<p>Second</p>" in record.metadata["description"]


def test_orcids_have_a_check_digit():
    assert is_orcid("0000-0002-1825-0097")
    assert is_orcid("0000-0002-1694-233X")
    assert not is_orcid("0000-0002-1825-0098")


def test_names_are_split():
    assert split_name("Lovelace,  Ada") == ("Ada", "Lovelace")
    assert split_name("Ada King Lovelace") == ("Ada King", "Lovelace")
    assert split_name("Plato") == (None, "Plato")


DOWNLOADS = [Download("cells.zip", "https://zenodo.org/api/records/1/files/cells.zip/content")]


def final(crate, **options):
    given = {"doi": "10.5281/zenodo.1", "version": "1", "page": "https://zenodo.org/records/1", "downloads": DOWNLOADS}
    return finalise(crate, **(given | options))


def test_a_finished_crate_is_still_valid_and_linked_data(tmp_path):
    crate = metadata(license="CC-BY-4.0", authors=(Author("Ada Lovelace"),))
    before = copy.deepcopy(crate)
    path = tmp_path / "ro-crate-metadata.json"
    path.write_bytes(metadata_bytes(crate))
    findings = validate_crate(path, Level.METADATA).findings
    made = final(crate)
    assert crate == before
    path.write_bytes(metadata_bytes(made))
    report = validate_crate(path, Level.METADATA)
    assert report.valid
    assert [f.id for f in report.findings] == [f.id for f in findings]
    graph = load_graph(made)
    found = {str(o) for _, p, o in graph if str(p).endswith(("distribution", "contentUrl", "version"))}
    assert "https://zenodo.org/api/records/1/files/cells.zip/content" in found


def test_finishing_twice_leaves_one_doi_and_one_set_of_zips():
    crate = metadata()
    once = final(crate)
    again = final(once)
    assert again == once
    other = final(
        once, doi="10.5281/zenodo.2", version="2", page="https://zenodo.org/records/2",
        downloads=[Download(f"cells.part{n}.zip", f"https://zenodo.org/{n}", ("images/",)) for n in (1, 2)],
    )  # fmt: skip
    text = json.dumps(other)
    assert "zenodo.1" not in text.replace("zenodo.org/1", "")
    root = next(e for e in other["@graph"] if e["@id"] == "./")
    assert len(root["distribution"]) == 2
    assert root["version"] == "2"
    assert len({e["@id"] for e in other["@graph"]}) == len(other["@graph"])


def test_the_doi_of_the_paper_is_no_doi_of_the_deposit():
    crate = metadata(publication="10.1234/paper")
    assert "https://doi.org/10.1234/paper" in json.dumps(final(crate))


def server_side(value):
    """Metadata as the server gives it back."""
    shown = copy.deepcopy(value)
    for right in shown.get("rights", []):
        right |= {"icon": "cc", "title": {"en": "Title"}, "props": {}}
    for creator in shown.get("creators", []):
        creator["person_or_org"]["name"] = "made of the others"
    for work in shown.get("related_identifiers", []):
        work["relation_type"]["title"] = {"en": "Is supplement to"}
    return shown


OURS = {
    "title": "Ours",
    "rights": [{"id": "cc-by-4.0"}],
    "creators": [{"person_or_org": {"type": "personal", "family_name": "Doe"}, "affiliations": [{"name": "X"}]}],
    "identifiers": [{"identifier": "ISCC:NEW", "scheme": "other"}],
    "related_identifiers": [
        {"identifier": "10.1/p", "scheme": "doi", "relation_type": {"id": "issupplementto"}}
    ],
}  # fmt: skip


def test_what_nobody_touched_is_renewed_and_nothing_enriched_is_sent_back():
    present = server_side(OURS) | {"identifiers": [{"identifier": "ISCC:OLD", "scheme": "other"}]}
    marks = {key: {mark} for key, mark in marks_of(present).items()}
    merged, kept = merge(present, OURS | {"title": "Newer"}, marks)
    assert merged == OURS | {"title": "Newer"}
    assert kept == []


def test_what_somebody_wrote_stays_in_a_form_that_can_be_sent():
    present = server_side(
        OURS
        | {
            "title": "Theirs",
            "identifiers": [
                {"identifier": "ISCC:OLD", "scheme": "other"}, {"identifier": "ark:/1", "scheme": "ark"},
                {"identifier": "urn:biocodes:deposit:abc", "scheme": "other"},
            ],
            "related_identifiers": [
                {"identifier": "10.1/P", "scheme": "doi", "relation_type": {"id": "issupplementto"}},
                {"identifier": "10.2/x", "scheme": "doi", "relation_type": {"id": "references"}, "resource_type": {"id": "dataset", "title": {"en": "D"}}},
            ],
            "languages": [{"id": "eng", "title": {"en": "English"}}],
            "dates": [{"date": "2026", "type": {"id": "collected", "title": {"en": "Collected"}}}],
            "subjects": [{"subject": "own"}, {"id": "http://x", "subject": "Known", "scheme": "MeSH"}],
        }
    )  # fmt: skip
    merged, kept = merge(present, OURS, {})
    assert kept == ["title"]
    assert merged["title"] == "Theirs"
    assert merged["rights"] == [{"id": "cc-by-4.0"}]
    assert merged["creators"] == OURS["creators"]
    assert merged["languages"] == [{"id": "eng"}]
    assert merged["dates"] == [{"date": "2026", "type": {"id": "collected"}}]
    assert merged["subjects"] == [{"subject": "own"}, {"id": "http://x"}]
    assert merged["identifiers"] == [{"identifier": "ark:/1", "scheme": "ark"}, *OURS["identifiers"]]
    assert [w["identifier"] for w in merged["related_identifiers"]] == ["10.1/P", "10.2/x"]
    assert merged["related_identifiers"][1]["resource_type"] == {"id": "dataset"}


def test_what_we_no_longer_say_goes_unless_somebody_changed_it():
    present = {"title": "Ours", "funding": [{"funder": {"name": "F"}}]}
    merged, _ = merge(present, {"title": "Ours"}, {"funding": {marks_of(present)["funding"]}})
    assert "funding" not in merged
    merged, _ = merge(present, {"title": "Ours"}, {})
    assert merged["funding"] == [{"funder": {"name": "F"}}]


def test_access_and_custom_fields_of_a_draft_stay():
    present = {
        "access": {
            "record": "public",
            "files": "restricted",
            "embargo": {"active": False, "reason": None},
            "status": "x",
        },
        "files": {"enabled": True, "default_preview": "mine.png", "order": ["mine.png"]},
        "custom_fields": {"journal:journal": {"title": "J"}, "x:y": {"id": "a", "title": {"en": "A"}}},
    }
    body = draft_body(present, {"title": "T"}, "ro-crate-metadata.json")
    assert body["access"]["files"] == "restricted"
    assert "status" not in body["access"]
    assert body["files"] == {"enabled": True, "default_preview": "mine.png", "order": ["mine.png"]}
    assert body["custom_fields"] == {"journal:journal": {"title": "J"}, "x:y": {"id": "a"}}
    assert "pids" not in body
    assert draft_body({}, {}, None)["access"] == {"record": "public", "files": "public"}
