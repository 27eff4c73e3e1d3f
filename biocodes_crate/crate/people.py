"""The root of a crate, and the people, licences and works that it refers to."""

from __future__ import annotations

from biocodes_crate.crate.content import CrateContent
from biocodes_crate.crate.entities import Graph, ref
from biocodes_crate.crate.ids import display, path_to_id
from biocodes_crate.crate.terms import PROFILE, SOFTWARE_URL
from biocodes_crate.crate.vocabulary import add_ontology_term
from biocodes_crate.study.manifest import Author

NO_LICENSE = "https://spdx.org/licenses/NONE"


def add_root(graph: Graph, content: CrateContent) -> None:
    """Add the root and what it refers to; its parts come later."""
    manifest = content.manifest
    title = manifest.title or display(content.folder)
    graph.add("./", "Dataset", name=title)  # comes second in the file, before what it refers to
    authors = [ref(_person_id(author)) for author in _distinct(manifest.authors)]
    graph.update(
        "./",
        description=manifest.description or f"Bioimages, and the figures made from them, of the study {title}.",
        datePublished=content.date,
        conformsTo=ref(PROFILE),
        license=_add_license(graph, manifest.license),
        author=authors,
        # Whoever makes a crate makes it available, until a repository does.
        publisher=authors[0] if authors else None,
        keywords=list(manifest.keywords),
        citation=_add_publication(graph, manifest.publication),
        funding=list(dict.fromkeys(manifest.funding)),
        about=add_ontology_term(graph, manifest.organism),
        measurementTechnique=add_ontology_term(graph, manifest.imaging_method),
        identifier=graph.add_code(content.iscc) if content.iscc else None,
        iscc_code=content.iscc,
        mentions=ref("#run"),
    )
    graph.add(PROFILE, ["CreativeWork", "Profile"], name="Biocodes crate profile", version="0.1", url=SOFTWARE_URL)
    for author in _distinct(manifest.authors):
        _add_person(graph, author)


def add_agent(graph: Graph, agent: Author | None) -> dict[str, str] | None:
    """Add who ran the software, unless they are an author, who is there already."""
    if agent is None:
        return None
    return _add_person(graph, agent)


def _distinct(authors: tuple[Author, ...]) -> list[Author]:
    return list({_person_id(author): author for author in reversed(authors)}.values())[::-1]


def _person_id(author: Author) -> str:
    if author.orcid:
        return "https://orcid.org/" + author.orcid.removeprefix("https://orcid.org/")
    return "#person/" + path_to_id(author.name).replace("/", "%2F")


def _add_person(graph: Graph, author: Author) -> dict[str, str]:
    given, family = _split_name(author.name)
    person = graph.add_once(
        _person_id(author),
        "Person",
        name=" ".join(part for part in (given, family) if part),
        givenName=given,
        familyName=family,
        affiliation=ref(_organization_id(author)) if author.affiliation or author.ror else None,
        contactPoint=_add_contact(graph, _person_id(author), "ORCID record") if author.orcid else None,
    )
    if author.affiliation or author.ror:
        ror = _ror(author)
        contact = _add_contact(graph, ror, "ROR record") if ror else None
        graph.add_once(
            _organization_id(author), "Organization", name=author.affiliation or ror, url=ror, contactPoint=contact
        )
    return person


def _add_contact(graph: Graph, url: str, name: str) -> dict[str, str]:
    """The public record through which a person or organization can be reached."""
    return graph.add_once(f"#contact/{url.partition('://')[2]}", "ContactPoint", name=name, url=url)


def _split_name(name: str) -> tuple[str, str]:
    """Given and family name; importers want both (`Family, Given`, or the last word is the family's)."""
    name = " ".join(name.split())
    if "," in name:
        family, _, given = name.partition(",")
        return given.strip(), family.strip()
    given, _, family = name.rpartition(" ")
    return given, family


def _ror(author: Author) -> str | None:
    return "https://ror.org/" + author.ror.removeprefix("https://ror.org/") if author.ror else None


def _organization_id(author: Author) -> str:
    return _ror(author) or "#organization/" + path_to_id(author.affiliation or "").replace("/", "%2F")


def _add_license(graph: Graph, spdx: str | None) -> dict[str, str]:
    if spdx is None:
        # RO-Crate demands a licence; that there is none is what has to be said.
        return graph.add_once(
            NO_LICENSE,
            "CreativeWork",
            name="No licence stated",
            description="The authors have not stated a licence, so that nobody else may reuse the data.",
        )
    return graph.add_once(
        f"https://spdx.org/licenses/{spdx}",
        "CreativeWork",
        name=spdx,
        description=f"The licence with the SPDX identifier {spdx}.",
    )


def _add_publication(graph: Graph, doi: str | None) -> dict[str, str] | None:
    if doi is None:
        return None
    bare = doi[doi.index("10.") :] if "10." in doi else doi
    return graph.add_once(f"https://doi.org/{path_to_id(bare)}", "ScholarlyArticle", name=f"doi:{bare}")
