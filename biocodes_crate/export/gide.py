"""A detached RO-Crate for the search of GIDE (BioImage Archive, IDR, SSBD): the study as one Dataset on the web.

Source: "GIDE search input ro-crate profile", https://www.gide-project.org/ro-crate/search/1.0/profile,
as of January 2026.
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from biocodes_crate.crate import GENERATED, CrateReader
from biocodes_crate.crate.entities import Entity, Index, refs, text, types
from biocodes_crate.crate.people import NO_LICENSE
from biocodes_crate.crate.terms import ISCC_TERM, OBO
from biocodes_crate.errors import CannotExport
from biocodes_crate.export.base import as_iri, check_url, root_of
from biocodes_crate.export.model import Export, Place

PROFILE = "https://www.gide-project.org/ro-crate/search/1.0/profile"
_RO_CRATE = "https://w3id.org/ro/crate/1.2"  # GIDE's context builds on it
_CONTEXT = [
    f"{_RO_CRATE}/context",
    {
        # Those of GIDE's terms that are used here, as its context defines them.
        "scientificName": "http://rs.tdwg.org/dwc/terms/scientificName",
        "vernacularName": "http://rs.tdwg.org/dwc/terms/vernacularName",
        "measurementMethod": "http://rs.tdwg.org/dwc/iri/measurementMethod",
        "seeAlso": "http://www.w3.org/1999/02/22-rdf-syntax-ns#seeAlso",
        "iscc_code": ISCC_TERM,
    },
]
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class _Names(NamedTuple):
    scientific: str
    common: str | None = None


# Names of NCBI Taxonomy for the organisms that are imaged most: a crate may hold their numbers alone.
_ORGANISMS = {
    "9606": _Names("Homo sapiens", "human"),
    "10090": _Names("Mus musculus", "house mouse"),
    "10116": _Names("Rattus norvegicus", "Norway rat"),
    "9544": _Names("Macaca mulatta", "rhesus macaque"),
    "9031": _Names("Gallus gallus", "chicken"),
    "9823": _Names("Sus scrofa", "pig"),
    "9913": _Names("Bos taurus", "cattle"),
    "9986": _Names("Oryctolagus cuniculus", "rabbit"),
    "7955": _Names("Danio rerio", "zebrafish"),
    "8355": _Names("Xenopus laevis", "African clawed frog"),
    "8364": _Names("Xenopus tropicalis", "western clawed frog"),
    "7227": _Names("Drosophila melanogaster", "fruit fly"),
    "6239": _Names("Caenorhabditis elegans"),
    "3702": _Names("Arabidopsis thaliana", "thale cress"),
    "4932": _Names("Saccharomyces cerevisiae", "brewer's yeast"),
    "559292": _Names("Saccharomyces cerevisiae S288C"),
    "4896": _Names("Schizosaccharomyces pombe", "fission yeast"),
    "44689": _Names("Dictyostelium discoideum"),
    "562": _Names("Escherichia coli"),
    "1423": _Names("Bacillus subtilis"),
}
# Names of the Biological Imaging Methods Ontology.
_METHODS = {
    "00000243": "bright-field microscopy",
    "00000246": "fluorescence microscopy",
    "00000251": "confocal microscopy",
    "00000253": "spinning disk confocal microscopy",
    "00000254": "two-photon laser scanning microscopy",
    "00000257": "scanning electron microscopy (SEM)",
    "00000258": "transmission electron microscopy (TEM)",
    "00000369": "SPIM",
}


def export_gide(crate: CrateReader, place: Place) -> Export:
    """The crate as GIDE harvests it.

    Raises
    ------
    CannotExport
        It lacks what GIDE demands: a page on the web, an author, an organism, an imaging method.
    """
    maker = _Maker(crate, place)
    graph = maker.graph()
    if maker.lacking:
        raise CannotExport(
            f"GIDE demands what the crate does not say: {'; '.join(maker.lacking)}",
            where=crate.path,
            remedy="Say it in `study.yaml` and build again; the page of the record goes into --url.",
        )
    content = json.dumps({"@context": _CONTEXT, "@graph": graph}, indent=2, ensure_ascii=False, allow_nan=False)
    return Export(f"{content}\n", "application/ld+json", tuple(maker.notes))


class _Maker:
    def __init__(self, crate: CrateReader, place: Place) -> None:
        self._crate = crate
        self._place = place
        self._index = Index(crate.metadata)
        self._root = root_of(crate.metadata)
        self._made: dict[str, Entity] = {}
        self.lacking: list[str] = []
        self.notes: list[str] = []

    def graph(self) -> list[Entity]:
        """The entities; `lacking` says what is missing to make it complete."""
        root = self._root
        url = self._url()
        dataset: Entity = {
            "@id": url,
            "@type": "Dataset",
            "name": self._demanded(text(root, "name"), "a title"),
            "description": self._demanded(text(root, "description"), "a description"),
            "datePublished": self._date(),
            "license": self._license(),
            "identifier": url,
            "author": self._several([self._agent(one) for one in self._index.follow(root, "author")], "an author"),
            "publisher": self._publisher(url),
            "about": self._several(
                [self._organism(entity) for entity in self._subjects("about", "Taxon")], "an organism"
            ),
            "measurementMethod": self._several(
                [self._method(entity) for entity in self._subjects("measurementTechnique", "DefinedTerm")],
                "an imaging method",
            ),
        }
        keywords = root.get("keywords")
        keywords = [word for word in (keywords if isinstance(keywords, list) else [keywords]) if isinstance(word, str)]
        dataset |= {
            key: value
            for key, value in (
                ("keywords", keywords),
                ("funder", self._grants()),
                ("seeAlso", [self._article(one) for one in self._index.follow(root, "citation")]),
                ("size", self._sizes()),
                ("iscc_code", text(root, "iscc_code")),
            )
            if value
        }
        dataset["conformsTo"] = self._add(PROFILE, ["CreativeWork", "Profile"], name="GIDE search input", version="1.0")
        descriptor = {
            "@id": "ro-crate-metadata.json",
            "@type": "CreativeWork",
            "about": {"@id": url},
            "conformsTo": {"@id": _RO_CRATE},
        }
        return [descriptor, dataset, *self._made.values()]

    def _url(self) -> str:
        if self._place.url is not None:
            return check_url(self._place.url)
        stated = (self._root.get("@id"), text(self._root, "url"), *refs(self._root, "identifier"))
        for value in stated:
            if isinstance(value, str) and value.startswith(("https://", "http://")):
                return check_url(as_iri(value))
        self.lacking.append("the page where the study is published")
        return "./"

    def _demanded(self, value: str | None, name: str) -> str:
        if not value:
            self.lacking.append(name)
        return value or ""

    def _several(self, values: list[dict[str, str]], name: str) -> list[dict[str, str]]:
        if not values:
            self.lacking.append(name)
        return values

    def _date(self) -> str:
        stated = text(self._root, "datePublished") or ""
        if not _DATE.match(stated):
            self.lacking.append("a date of publication, to the day")
        return stated[:10]

    def _license(self) -> str:
        known = next(iter(refs(self._root, "license")), None) or text(self._root, "license")
        if known is None or known == NO_LICENSE:
            self.lacking.append("a licence")
        return known or ""

    def _add(self, entity_id: str, kind: str | list[str], **properties: Any) -> dict[str, str]:
        entity_id = as_iri(entity_id)
        kept = {key: value for key, value in properties.items() if value}
        self._made.setdefault(entity_id, {"@id": entity_id, "@type": kind, **kept})
        return {"@id": entity_id}

    def _agent(self, entity: Entity) -> dict[str, str]:
        name = text(entity, "name") or entity["@id"]
        if "Organization" in types(entity):
            return self._add(entity["@id"], "Organization", name=name, url=text(entity, "url"))
        affiliation = [
            self._agent(one) for one in self._index.follow(entity, "affiliation") if _is(one, "Organization")
        ]
        return self._add(entity["@id"], "Person", name=name, affiliation=affiliation)

    def _publisher(self, url: str) -> dict[str, str]:
        stated = next((one for one in self._index.follow(self._root, "publisher") if _is(one, "Organization")), None)
        if stated is not None and self._place.publisher is None:
            return self._agent(stated)
        # Who has the page provides the data there.
        parts = urlsplit(url)
        home = f"{parts.scheme}://{parts.netloc}/" if parts.netloc else "#publisher"
        return self._add(home, "Organization", name=self._place.publisher or parts.netloc or "unknown", url=home)

    def _subjects(self, key: str, kind: str) -> list[Entity]:
        """What the root and its images are said to show, or to be made with."""
        images = [entity for entity in self._index if {"ImageObject"} <= set(types(entity)) and key in entity]
        found = {
            entity["@id"]: entity
            for owner in (self._root, *images)
            for entity in self._index.follow(owner, key)
            if _is(entity, kind)
        }
        return list(found.values())

    def _organism(self, entity: Entity) -> dict[str, str]:
        number = entity["@id"].removeprefix(f"{OBO}NCBITaxon_")
        known = _ORGANISMS.get(number)
        stated = text(entity, "scientificName") or text(entity, "name") or entity["@id"]
        if known is None and text(entity, "scientificName") is None and ":" in stated:
            self.notes.append(f"the scientific name of {stated} is not in the crate: write it over the number")
        name = known.scientific if known is not None else stated
        return self._add(
            entity["@id"], "Taxon", name=name, scientificName=name, vernacularName=known.common if known else None
        )

    def _method(self, entity: Entity) -> dict[str, str]:
        name = _METHODS.get(entity["@id"].removeprefix(f"{OBO}FBbi_")) or text(entity, "name") or entity["@id"]
        return self._add(entity["@id"], "DefinedTerm", name=name)

    def _grants(self) -> list[dict[str, str]]:
        stated = self._root.get("funding")
        words = [word for word in (stated if isinstance(stated, list) else [stated]) if isinstance(word, str)]
        return [self._add(f"#grant-{position}", "Grant", name=word) for position, word in enumerate(words, start=1)]

    def _article(self, entity: Entity) -> dict[str, str]:
        date = text(entity, "datePublished")
        return self._add(
            entity["@id"], "ScholarlyArticle", name=text(entity, "name") or entity["@id"], datePublished=date
        )

    def _sizes(self) -> list[dict[str, str]]:
        """How many files there are, and bytes; of a metadata file alone it cannot be told."""
        if not self._crate.has_payload:
            self.notes.append("without the files of the crate, their number and size are left out")
            return []
        sizes = [size for path, size in self._crate.files().items() if path not in GENERATED]
        unit = f"{OBO}UO_"
        return [
            self._add("#file-count", "QuantitativeValue", **_quantity(len(sizes), f"{unit}0000189", "file count")),
            self._add("#size", "QuantitativeValue", **_quantity(sum(sizes), f"{unit}0000233", "bytes")),
        ]


def _quantity(value: int, unit: str, words: str) -> dict[str, Any]:
    return {"name": f"{value} {words}", "value": value, "unitCode": unit, "unitText": words}


def _is(entity: Entity, kind: str) -> bool:
    return kind in types(entity)
