"""From what a crate says to what a record says. Pure: which vocabulary entries exist is asked through a function."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from biocodes_crate.crate import METADATA
from biocodes_crate.crate.entities import Entity, Index, first_ref, refs, text, types
from biocodes_crate.crate.people import NO_LICENSE
from biocodes_crate.deposit.settings import Grant, Settings
from biocodes_crate.deposit.summary import describe

Json = dict[str, Any]
Knows = Callable[[str], bool]
"""Whether a vocabulary of the server has an entry, by its path, such as `/vocabularies/licenses/cc-by-4.0`."""

_DOI = re.compile(r"(?:https?://(?:dx\.)?doi\.org/|doi:)?(10\.[0-9]{4,9}/\S+)", re.IGNORECASE)
_ORCID = re.compile(r"(?:https?://orcid\.org/)?([0-9]{4}-[0-9]{4}-[0-9]{4}-[0-9]{3}[0-9X])")
_ROR = re.compile(r"(?:https?://ror\.org/)?(0[a-hj-km-np-tv-z0-9]{6}[0-9]{2})")
_DATE = re.compile(r"[0-9]{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12][0-9]|3[01]))?)?")
_CC = re.compile(r"https?://creativecommons\.org/(?:licenses/([a-z-]+)/([0-9.]+)|publicdomain/zero/1\.0)/?.*")


@dataclass(frozen=True, slots=True)
class Mapped:
    """Metadata of a record, and what of the crate could not be said in it."""

    metadata: Json
    notes: tuple[str, ...] = ()


def record_metadata(
    metadata: Mapping[str, Any],
    settings: Settings,
    *,
    publisher: str,
    version: str,
    today: str,
    knows: Knows = lambda _: True,
) -> Mapped:
    """The metadata of a record, in the shape that InvenioRDM takes.

    Parameters
    ----------
    metadata
        That of the crate.
    today
        ISO date, used where neither the settings nor the crate has one.
    """
    return _Mapper(Index(metadata), settings, knows).record(metadata, publisher, version, today)


class _Mapper:
    def __init__(self, index: Index, settings: Settings, knows: Knows) -> None:
        self.index = index
        self.root = index.get(first_ref(index.get(METADATA), "about")) or index.get("./")
        self.settings = settings
        self.knows = knows
        self.notes: list[str] = []

    def record(self, metadata: Mapping[str, Any], publisher: str, version: str, today: str) -> Mapped:
        settings, root = self.settings, self.root
        title = settings.title or text(root, "name") or "Study"
        iscc = text(root, "iscc_code")
        date = _DATE.match(text(root, "datePublished") or "")
        words = [*texts(root, "keywords"), *settings.keywords]
        result: Json = {
            "resource_type": {"id": "dataset"},
            "title": title if len(title) >= 3 else f"Study {title}",
            "publication_date": settings.publication_date or (date[0] if date else today),
            "publisher": settings.publisher or publisher,
            "version": version,
            "description": describe(metadata),
            "creators": [person for author in self.index.follow(root, "author") if (person := self._person(author))],
            "contributors": [self._contributor(person) for person in settings.contributors],
            "rights": self._rights(),
            "subjects": [{"subject": word} for word in dict.fromkeys(words)],
            "languages": self._languages(),
            "identifiers": [{"identifier": iscc, "scheme": "other"}] if iscc else [],
            "related_identifiers": self._related(),
            "funding": self._funding(),
        }
        if not result["creators"]:
            self.notes.append("the crate names no author, and a record needs one: set `authors` in study.yaml")
        return Mapped({key: value for key, value in result.items() if value}, tuple(self.notes))

    def _person(self, author: Entity) -> Json | None:
        if "Organization" in types(author):
            name = text(author, "name")
            ror = _ROR.fullmatch(author["@id"]) or _ROR.fullmatch(text(author, "url") or "")
            identifiers = [{"scheme": "ror", "identifier": ror[1]}] if ror else []
            return (
                {"person_or_org": _filled(type="organizational", name=name, identifiers=identifiers)} if name else None
            )
        family, given = text(author, "familyName"), text(author, "givenName")
        if not family:
            given, family = split_name(text(author, "name") or "")
        if not family:
            return None
        affiliations = [
            entry for place in self.index.follow(author, "affiliation") if (entry := self._affiliation(place))
        ]
        if stated := text(author, "affiliation"):
            affiliations.append({"name": stated})
        orcid = _ORCID.fullmatch(author["@id"]) or _ORCID.fullmatch(text(author, "identifier") or "")
        return _filled(person_or_org=self._name(family, given, orcid[1] if orcid else None), affiliations=affiliations)

    def _name(self, family: str, given: str | None, orcid: str | None) -> Json:
        identifiers = []
        if orcid and is_orcid(orcid):
            identifiers = [{"scheme": "orcid", "identifier": orcid}]
        elif orcid:
            self.notes.append(f"the ORCID {orcid} of {family} is mistyped (its check digit is wrong), and is left out")
        return _filled(type="personal", family_name=family, given_name=given, identifiers=identifiers)

    def _affiliation(self, place: Entity) -> Json | None:
        ror = _ROR.fullmatch(place["@id"]) or _ROR.fullmatch(text(place, "url") or "")
        if ror and self.knows(f"/affiliations/{ror[1]}"):
            return {"id": ror[1]}
        name = text(place, "name")
        return {"name": name} if name else None

    def _contributor(self, person: Any) -> Json:
        given, family = split_name(person.name)
        orcid = person.orcid.rpartition("/")[2] if person.orcid else None
        return _filled(
            person_or_org=self._name(family, given, orcid),
            role={"id": person.role},
            affiliations=[{"name": person.affiliation}] if person.affiliation else [],
        )

    def _rights(self) -> list[Json]:
        target = first_ref(self.root, "license") or text(self.root, "license")
        if target is None or target == NO_LICENSE:
            self.notes.append("the crate states no licence, and so will the record: set `license` in study.yaml")
            return []
        spdx = spdx_of(target)
        if spdx is not None and self.knows(f"/vocabularies/licenses/{spdx.lower()}"):
            return [{"id": spdx.lower()}]
        entity = self.index.get(target)
        name = text(entity, "name") or spdx or target
        self.notes.append(f"the server does not know the licence {name} by an identifier; it is named in words")
        link = target if target.startswith(("http://", "https://")) else None
        return [_filled(title={"en": name[:1000]}, link=link)]

    def _languages(self) -> list[Json]:
        language = self.settings.language
        if language is None:
            return []
        if self.knows(f"/vocabularies/languages/{language}"):
            return [{"id": language}]
        self.notes.append(f"the server does not know the language {language}")
        return []

    def _related(self) -> list[Json]:
        found: dict[tuple[str, str], Json] = {}
        for target in [*refs(self.root, "citation"), *texts(self.root, "citation")]:
            doi = _DOI.fullmatch(target)
            if doi:
                entry = _relation(doi[1], "doi", "issupplementto", "publication-article")
                found[doi[1].lower(), "issupplementto"] = entry
        for related in self.settings.related:
            doi = _DOI.fullmatch(related.identifier)
            if not self.knows(f"/vocabularies/relationtypes/{related.relation}"):
                self.notes.append(
                    f"the server does not know the relation {related.relation}; {related.identifier} is left out"
                )
                continue
            kind = related.type
            if kind is not None and not self.knows(f"/vocabularies/resourcetypes/{kind}"):
                self.notes.append(f"the server does not know the type {kind}")
                kind = None
            identifier = doi[1] if doi else related.identifier
            found[identifier.lower(), related.relation] = _relation(
                identifier, "doi" if doi else "url", related.relation, kind
            )
        return list(found.values())

    def _funding(self) -> list[Json]:
        if self.settings.funding:
            return [self._grant(grant) for grant in self.settings.funding]
        stated = [Grant(value) for value in texts(self.root, "funding")]
        for entity in self.index.follow(self.root, "funding"):
            funder = next(iter(self.index.follow(entity, "funder")), {})
            name = text(funder, "name") or text(entity, "funder")
            if name:
                stated.append(Grant(name, text(entity, "identifier"), text(entity, "name")))
            elif whole := text(entity, "name"):
                stated.append(Grant(whole))
        return [self._grant(grant) for grant in dict.fromkeys(stated)]

    def _grant(self, grant: Grant) -> Json:
        ror = _ROR.fullmatch(grant.funder)
        known = ror is not None and self.knows(f"/funders/{ror[1]}")
        if ror is not None and not known:
            self.notes.append(f"the server does not know the funder {ror[1]}; it is named in words")
        funder = {"id": ror[1]} if ror is not None and known else {"name": grant.funder}
        title = grant.title or (f"Grant {grant.number}" if grant.number else None)
        award = _filled(title={"en": title} if title else None, number=grant.number)
        return _filled(funder=funder, award=award)


def spdx_of(licence: str) -> str | None:
    """The SPDX identifier that the IRI of a licence stands for."""
    match = _CC.fullmatch(licence)
    if match is not None:
        return f"CC-{match[1].upper()}-{match[2]}" if match[1] else "CC0-1.0"
    for start in ("https://spdx.org/licenses/", "http://spdx.org/licenses/"):
        licence = licence.removeprefix(start)
    licence = licence.removesuffix(".html").removesuffix(".json")
    return licence if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9.+-]{0,99}", licence) else None


def is_orcid(orcid: str) -> bool:
    """Whether the check digit is right (ISO 7064, MOD 11-2)."""
    digits = orcid.replace("-", "")
    total = 0
    for digit in digits[:-1]:
        total = (total + int(digit)) * 2
    check = (12 - total % 11) % 11
    return digits[-1] == ("X" if check == 10 else str(check))


def split_name(name: str) -> tuple[str | None, str]:
    """Given and family name of `Family, Given` or `Given Family`."""
    name = " ".join(name.split())
    if "," in name:
        family, _, given = name.partition(",")
        return given.strip() or None, family.strip()
    given, _, family = name.rpartition(" ")
    return given or None, family


def texts(entity: Mapping[str, Any], key: str) -> list[str]:
    """All texts of a property."""
    value = entity.get(key)
    return [item for item in (value if isinstance(value, list) else [value]) if isinstance(item, str) and item.strip()]


def _relation(identifier: str, scheme: str, relation: str, kind: str | None) -> Json:
    return _filled(
        identifier=identifier,
        scheme=scheme,
        relation_type={"id": relation},
        resource_type={"id": kind} if kind else None,
    )


def _filled(**values: Any) -> Json:
    return {key: value for key, value in values.items() if value}
