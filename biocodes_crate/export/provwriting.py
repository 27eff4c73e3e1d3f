"""Statements of W3C PROV, written as PROV-N and PROV-JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple

from biocodes_crate.crate.terms import BC
from biocodes_crate.export.base import as_iri

_ESCAPED = re.compile(r"[='(),\-:;\[\].]")  # PN_CHARS_ESC of PROV-N, section 3.7.1
_LETTERS = (  # PN_CHARS_BASE of SPARQL, beyond ASCII
    r"\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u02FF\u0370-\u037D\u037F-\u1FFF\u200C-\u200D\u2070-\u218F\u2C00-\u2FEF"
    r"\u3001-\uD7FF\uF900-\uFDCF\uFDF0-\uFFFD\U00010000-\U000EFFFF"
)
_ALLOWED = re.compile(rf"[A-Za-z0-9_/@~&+*?#$!='(),\-:;\[\].{_LETTERS}]|%[0-9A-Fa-f]{{2}}")


class Name(NamedTuple):
    """A qualified name: the prefix of a namespace, and what follows it."""

    prefix: str
    local: str

    def __str__(self) -> str:
        return f"{self.prefix}:{self.local}"


Attributes = list[tuple[str, "str | float | Name"]]


class Agent(Enum):
    """What an agent is, as a type of PROV."""

    SOFTWARE = "SoftwareAgent"
    PERSON = "Person"


@dataclass(slots=True)
class Names:
    """Gives the qualified names of ids, and a prefix to each namespace that it meets."""

    base: str
    prefixes: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.prefixes = {
            "crate": self.base,
            "bc": BC,
            "schema": "http://schema.org/",
            "iscc": "http://purl.org/iscc/terms/#",
        }

    def of(self, entity_id: str) -> Name:
        """The name of an `@id`, absolute or relative to the crate."""
        iri = as_iri(entity_id)
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", iri) is None:
            local = iri.removeprefix("./")
            return Name("crate", _local(local)) if local else self._split(self.base.rstrip("/"))
        for prefix, namespace in self.prefixes.items():
            if iri.startswith(namespace) and len(iri) > len(namespace):
                return Name(prefix, _local(iri.removeprefix(namespace)))
        return self._split(iri)

    def _split(self, iri: str) -> Name:
        cut = max(iri.rfind("/"), iri.rfind("#"), iri.find(":")) + 1
        cut = cut if cut < len(iri) else iri.find(":") + 1
        namespace, local = iri[:cut], iri[cut:]
        prefix = next((known for known, value in self.prefixes.items() if value == namespace), None)
        if prefix is None:
            prefix = f"n{len(self.prefixes) - 3}"
            self.prefixes[prefix] = namespace
        return Name(prefix, _local(local))


def _local(text: str) -> str:
    """The local part of a name with the characters that PROV-N has for it; all others are percent-encoded."""
    return "".join(
        part if _ALLOWED.fullmatch(part) else "".join(f"%{byte:02X}" for byte in part.encode("utf-8", "replace"))
        for part in re.findall(r"%[0-9A-Fa-f]{2}|.", text, re.DOTALL)
    )


@dataclass(frozen=True, slots=True)
class Statement:
    """An entity, activity or agent; or a relation of two."""

    kind: str
    id: Name
    other: Name | None
    attributes: tuple[tuple[str, str | float | Name], ...]
    time: str | None  # when an activity ended


class Document(NamedTuple):
    """All statements, in order."""

    names: Names
    statements: tuple[Statement, ...]


def prov_n(document: Document) -> str:
    """PROV-N, one statement a line."""
    prefixes = [f"  prefix {prefix} <{iri}>" for prefix, iri in sorted(document.names.prefixes.items())]
    lines = [f"  {_statement_n(statement)}" for statement in document.statements]
    return "\n".join(["document", *prefixes, "", *lines, "endDocument", ""])


def _statement_n(statement: Statement) -> str:
    parts = [_name_n(statement.id)]
    match statement.kind:
        case "activity":
            parts += ["-", statement.time or "-"]
        case "wasGeneratedBy" | "used" | "wasAssociatedWith":
            parts += [_name_n(statement.other), "-"]
        case _ if statement.other is not None:
            parts.append(_name_n(statement.other))
    if statement.attributes:
        parts.append("[" + ", ".join(f"{key}={_value_n(value)}" for key, value in statement.attributes) + "]")
    return f"{statement.kind}({', '.join(parts)})"


def _name_n(name: Name | None) -> str:
    return "-" if name is None else f"{name.prefix}:{_ESCAPED.sub(_escape, name.local)}"


def _escape(found: re.Match[str]) -> str:
    return f"\\{found[0]}"


def _value_n(value: str | float | Name) -> str:
    if isinstance(value, Name):
        return f"'{_name_n(value)}'"
    if isinstance(value, float):
        return f'"{value!r}" %% xsd:double'
    escaped = value.encode("utf-8", "replace").decode().replace("\\", "\\\\").replace('"', '\\"')
    return f'"{"".join(_printable(char) for char in escaped)}"'


def _printable(char: str) -> str:
    named = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
    return named.get(char) or (char if ord(char) >= 0x20 else " ")


def prov_json(document: Document) -> str:
    """PROV-JSON, with the relations numbered in order."""
    result: dict[str, Any] = {"prefix": dict(sorted(document.names.prefixes.items()))}
    for statement in document.statements:
        group = result.setdefault(statement.kind, {})
        if statement.other is None:
            record: dict[str, Any] = {"prov:endTime": statement.time} if statement.time else {}
            group[_name_json(statement.id)] = record | _attributes_json(statement)
        else:
            roles = _ROLES[statement.kind]
            record = dict(zip(roles, (_name_json(statement.id), _name_json(statement.other)), strict=True))
            group[f"_:{statement.kind}{len(group) + 1}"] = record | _attributes_json(statement)
    return json.dumps(result, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


_ROLES = {
    "wasGeneratedBy": ("prov:entity", "prov:activity"),
    "used": ("prov:activity", "prov:entity"),
    "wasDerivedFrom": ("prov:generatedEntity", "prov:usedEntity"),
    "wasAssociatedWith": ("prov:activity", "prov:agent"),
    "hadMember": ("prov:collection", "prov:entity"),
}


def _attributes_json(statement: Statement) -> dict[str, Any]:
    values: dict[str, list[Any]] = {}
    for key, value in statement.attributes:
        values.setdefault(key, []).append(_value_json(value))
    return {key: listed if len(listed) > 1 else listed[0] for key, listed in values.items()}


def _value_json(value: str | float | Name) -> Any:
    if isinstance(value, Name):
        return {"$": _name_json(value), "type": "prov:QUALIFIED_NAME"}
    if isinstance(value, float):
        return {"$": repr(value), "type": "xsd:double"}
    return "".join(_kept(value))


def _kept(value: str) -> Iterator[str]:
    # The same text as in PROV-N, which has no escapes for other control characters.
    return (
        char if ord(char) >= 0x20 or char in "\n\r\t" else " " for char in value.encode("utf-8", "replace").decode()
    )


def _name_json(name: Name) -> str:
    return str(name)
