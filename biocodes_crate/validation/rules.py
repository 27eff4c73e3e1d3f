"""Every finding that validation can give: its id, severity, level, meaning and remedy.

`docs/findings.md` is made from this table by :mod:`biocodes_crate.validation.findings_page`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from enum import Enum

from biocodes_crate.findings import Finding, Severity
from biocodes_crate.validation.report import Level

MOST_OF_ONE_KIND = 1000
"""Findings of one id beyond this many are counted, not listed: a hostile crate fills no memory."""

_LONGEST_ID = 400  # characters of an entity's id that are shown


class Source(Enum):
    """Who makes a rule."""

    CONTAINER = "the folder or zip"
    RO_CRATE = "RO-Crate"
    PROFILE = "our profile"


@dataclass(frozen=True, slots=True)
class Rule:
    """One kind of finding."""

    id: str
    severity: Severity
    level: Level
    source: Source
    meaning: str
    remedy: str


def _table() -> dict[str, Rule]:
    rules: dict[str, Rule] = {}

    def section(source: Source, level: Level, *rows: tuple[str, Severity, str, str]) -> None:
        for rule_id, severity, meaning, remedy in rows:
            rules[rule_id] = Rule(rule_id, severity, level, source, meaning, remedy)

    error, warning, info = Severity.ERROR, Severity.WARNING, Severity.INFO
    rebuild = "Make the crate again with `crate build`."
    section(
        Source.CONTAINER,
        Level.METADATA,
        ("path-escapes", error, "A path in the zip leads out of the crate.", "Do not unpack it; pack it again."),
        ("link-in-crate", warning, "A symbolic link is in the crate; it is not followed.", "Put the file there."),
        ("file-duplicate", error, "A name is in the zip more than once.", "Pack the crate again."),
        ("name-collision", warning, "Two names become one on many systems.", "Rename one of them."),
        ("zip-bomb", error, "An entry of the zip claims an impossible size.", "Do not unpack it; ask who made it."),
        ("zip-foreign-bytes", warning, "The zip holds bytes that belong to none of its files.",
         "Pack the crate again; some tools may read another crate from it."),
        ("file-outside", warning, "A file of the zip lies beside the crate's folder.", "Pack that folder alone."),
        ("file-encrypted", error, "An entry of the zip is encrypted.", "Pack the crate without a password."),
        ("file-unreadable", error, "A file or folder of the crate cannot be read.", "Check its rights."),
        ("metadata-differs", error, "The metadata beside a zip in a deposit is not that within it.",
         "Deposit the crate again."),
        ("level-reduced", info, "A metadata file alone can be validated as metadata only.", "Name the folder."),
        ("findings-left-out", warning, "There are more findings of a kind than listed.", "Mend those first."),
    )  # fmt: skip
    section(
        Source.RO_CRATE,
        Level.METADATA,
        ("metadata-malformed", error, "The metadata is not UTF-8, no strict JSON, nested too deeply, or too large.",
         "Make the crate again with `crate build`, or ask who made it."),
        ("context-missing", error, "The '@context' does not name RO-Crate's.", "Name RO-Crate's context first."),
        ("context-remote", warning, "A context is not one that ships with the software; it is not fetched.",
         "Write the terms into an inline context."),
        ("term-undefined", warning, "The context defines no such property, so that it is lost as linked data.",
         "Define the term in the inline context."),
        ("entity-malformed", error, "An entity is no object with an '@id' and an '@type'.", "Mend the entity."),
        ("id-duplicate", error, "Two entities have the same '@id'.", "Make them one, or rename one."),
        ("id-collision", error, "Two ids are the same once they are normalised.", "Rename one of them."),
        ("id-unsafe", error, "The '@id' of a file leads out of the crate.", "Use a relative path without '..'."),
        ("id-encoding", warning, "An '@id' holds characters that an IRI cannot.", "Percent-encode them."),
        ("value-nested", error, "A value is neither a reference nor a literal.", "Flatten the JSON-LD."),
        ("descriptor-missing", error, "There is no metadata descriptor that is about a root.", rebuild),
        ("version-unknown", warning, "The descriptor does not conform to RO-Crate 1.1, 1.2 or 1.3.",
         "Set its 'conformsTo'."),
        ("root-missing", error, "The root is not in the metadata, or no Dataset.", rebuild),
        ("root-incomplete", error, "The root lacks what RO-Crate demands.", "Add it, in `study.yaml` if you build."),
        ("part-missing", error, "A part is not in the metadata.", "Add its entity, or take it out of 'hasPart'."),
        ("part-unlisted", error, "A file or folder is not part of the root.", "Add it to the root's 'hasPart'."),
        ("part-circular", warning, "Something is a part of itself, be it through others.", "Break the circle."),
        ("part-duplicate", warning, "A part is listed more than once.", "Keep one of them in 'hasPart'."),
        ("reference-dangling", warning, "A reference leads to no entity of the metadata.", "Add the entity."),
    )  # fmt: skip
    section(
        Source.PROFILE,
        Level.METADATA,
        ("profile-not-claimed", warning, "The root does not claim our profile.",
         "Make the crate with `crate build`; what it lacks is listed."),
        ("license-not-stated", warning, "The authors have not stated a licence.", "Set 'license' in `study.yaml`."),
        ("author-missing", warning, "The crate names no author.", "Set 'authors' in `study.yaml`."),
        ("property-missing", error, "An entity lacks a property that the profile demands.", rebuild),
        ("property-invalid", error, "A property has a value that the profile does not allow.", rebuild),
        ("link-broken", error, "A property refers to an entity that is not there.", rebuild),
        ("link-wrong-type", error, "A property refers to an entity of another type.", rebuild),
        ("region-source-differs", error, "A region has another source than what it is part of.", rebuild),
        ("code-invalid", error, "A code is no ISCC, or an ISCC of another kind than the property says.",
         "Compute it again with `crate code`."),
        ("code-mismatch", error, "An entity's codes contradict each other.", "Compute them again with `crate code`."),
        ("scene-duplicate", error, "Two scenes of an image have the same index.", rebuild),
        ("scene-incomplete", error, "A scene of an image lacks its sizes or its pixel type.", rebuild),
        ("image-without-scene", warning, "An image has no scene that could be read.", "Check that the image opens."),
        ("plane-outside", error, "A plane or projection lies outside of its scene.", rebuild),
        ("region-outside", error, "A region lies outside of its plane.", rebuild),
        ("region-exceeds", warning, "A region reaches beyond its plane.", rebuild),
        ("box-outside", error, "The box of a panel or region lies outside of the page.", rebuild),
        ("panel-unreadable", error, "A panel or edge cannot be understood.", rebuild),
        ("panel-misplaced", error, "A panel is no part of the figure that it names, or a part of another as well.",
         rebuild),
        ("transform-singular", error, "A transform maps the panel onto a line or a point.", rebuild),
        ("transform-differs", error, "The rotation, scale or flip of a transform is not that of its affine.", rebuild),
        ("transform-outside", error, "A transform maps the panel elsewhere than the region says.", rebuild),
        ("edge-incomplete", error, "A verified or ambiguous edge lacks region, transform or evidence.", rebuild),
        ("edge-source-missing", error, "A tested edge names a source that is not in the crate.", rebuild),
        ("edge-candidates", error, "An edge has candidates but is not ambiguous, or lacks them.", rebuild),
        ("edge-misplaced", error, "An edge names another panel than the one that has it, or no panel has it.", rebuild),
        ("derivation-missing", error, "A verified edge does not make the panel derived from its source.", rebuild),
        ("derivation-unproven", error, "A panel is derived from a source, but no verified edge proves it.", rebuild),
        ("evidence-out-of-range", error, "A measurement is beyond what it can be.", rebuild),
        ("edge-contradicted", warning, "The authors declare a source that the pixels contradict.",
         "Correct the declaration or the figure."),
        ("edge-unverified", warning, "A declared source could not be tested.", "Add the source to the study."),
        ("edge-ambiguous", info, "The pixels do not tell which of several planes a panel shows.",
         "Declare the plane in `study.yaml`."),
        ("panel-without-source", warning, "An image panel has no source.", "Add its image to the study."),
        ("region-reused", warning, "Two panels show the same region of the same source.",
         "Check that this is meant, and say so in the caption."),
        ("region-unexplained", warning, "A verified source does not account for a part of the panel.",
         "Look at it: a label or arrow, or pixels from elsewhere."),
    )  # fmt: skip
    section(
        Source.PROFILE,
        Level.INTEGRITY,
        ("file-missing", error, "A file or folder of the metadata is not there.", "Restore it, or build again."),
        ("file-unlisted", warning, "A file is in the crate, but not in the metadata.", "Remove it, or build again."),
        ("file-remote", info, "A file lies elsewhere on the web; it is not fetched.", "Fetch it yourself to check it."),
        ("size-differs", error, "A file has another size than the metadata says.", "Restore it, or build again."),
        ("code-differs", error, "A file or folder has another ISCC than the metadata says: its bytes changed.",
         "Restore it, or build again."),
        ("crate-code-differs", error, "The payload as a whole has another ISCC than the root says.", rebuild),
        ("image-unreadable", error, "An image cannot be opened.", "Restore it, or check that it opens elsewhere."),
        ("scene-differs", error, "A scene has other sizes or another pixel type than the metadata says.", rebuild),
        ("scene-code-differs", error, "A scene has another ISCC than the metadata says: its pixels changed.",
         "Restore the image, or build again."),
        ("plane-code-differs", error, "A plane has another ISCC than the metadata says: its pixels changed.",
         "Restore the image, or build again."),
        ("figure-code-differs", error, "A figure has another Image-Code than the metadata says.", rebuild),
        ("figure-unreadable", error, "A figure cannot be opened.", "Restore it, or check that it opens elsewhere."),
        ("panel-code-differs", error, "A panel has another code than the metadata says: its pixels changed.",
         "Restore the figure, or build again."),
        ("table-differs", error, "The table of plane codes contradicts the pixels.", rebuild),
        ("edges-file-differs", error, "The file of edges says something else than the metadata.", rebuild),
        ("not-checked", warning, "Something could not be checked.", "Unpack the zip and validate the folder."),
    )  # fmt: skip
    section(
        Source.PROFILE,
        Level.PROVENANCE,
        ("edge-refuted", error, "The pixels do not bear out an edge's status.", "Build again: the edge is wrong now."),
        ("evidence-differs", error, "An edge states other numbers than the pixels give.", rebuild),
        ("edges-too-many", error, "A panel has more edges than are decided, and nobody vouches for the others.",
         "Leave one edge for each channel that a panel shows."),
        ("panels-too-many", error,
         "A page has more panels, or edges, than are decided, and nobody vouches for the others.",
         "Put figures into files of their own."),
        ("edge-not-rechecked", warning, "An edge could not be decided again.", "See the other findings on its source."),
    )  # fmt: skip
    return rules


RULES = _table()


class Findings:
    """Collects findings by rule."""

    def __init__(self) -> None:
        self._found: list[Finding] = []
        self._seen: set[tuple[str, str, str | None, str]] = set()
        self._counts: Counter[str] = Counter()
        self._about: defaultdict[str, set[str]] = defaultdict(set)  # the rules by entity, of those left out too
        self.lenient = False
        """Whether the crate does not claim our profile: its rules are advice then."""

    def add(self, rule_id: str, entity: str, message: str, *, key: str | None = None) -> None:
        """Add a finding, once, with the rule's severity and remedy."""
        rule = RULES[rule_id]
        entity, message = _bounded(entity, _LONGEST_ID), _bounded(message, 1000)
        mark = (rule_id, entity, key, message)
        if mark in self._seen:
            return
        self._about[entity].add(rule_id)
        self._counts[rule_id] += 1
        if self._counts[rule_id] > MOST_OF_ONE_KIND:
            return
        self._seen.add(mark)
        severity = rule.severity
        if self.lenient and rule.source is Source.PROFILE and severity is Severity.ERROR:
            severity = Severity.WARNING
        self._found.append(Finding(rule_id, severity, entity, message, rule.remedy, key))

    def has(self, *rule_ids: str) -> bool:
        """Whether there is a finding of one of these rules."""
        return any(self._counts[rule_id] for rule_id in rule_ids)

    def about(self, entity: str, *rule_ids: str) -> bool:
        """Whether there is a finding of one of these rules about an entity."""
        return not self._about.get(_bounded(entity, _LONGEST_ID), set()).isdisjoint(rule_ids)

    def errors(self) -> int:
        return sum(finding.severity is Severity.ERROR for finding in self._found)

    def result(self) -> tuple[Finding, ...]:
        """All findings, worst first, in the order in which they were found."""
        for rule_id, count in sorted(self._counts.items()):
            if count > MOST_OF_ONE_KIND and rule_id != "findings-left-out":
                self.add(
                    "findings-left-out",
                    rule_id,
                    f"{count - MOST_OF_ONE_KIND} more findings of {rule_id} are not listed",
                )
        order = list(Severity)
        return tuple(sorted(self._found, key=lambda finding: order.index(finding.severity)))


def _bounded(value: str, limit: int) -> str:
    value = value.encode("utf-8", "replace").decode()
    return value if len(value) <= limit else f"{value[: limit - 1]}…"
