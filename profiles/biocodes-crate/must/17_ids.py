"""Ids and values that a graph cannot tell apart: SHACL sees them when it is too late."""

import unicodedata
from urllib.parse import unquote

from rocrate_validator.models import ValidationContext
from rocrate_validator.requirements.python import PyFunctionCheck, check, requirement


def entities(context):
    """The entities that are objects with an id that is text."""
    graph = context.ro_crate.metadata.as_dict().get("@graph", [])
    return [entity for entity in graph if isinstance(entity, dict) and isinstance(entity.get("@id"), str)]


def listed(value):
    return value if isinstance(value, list) else [value]


@requirement(name="Ids and values")
class IdsAndValues(PyFunctionCheck):
    """Ids are safe and do not collide; values are literals or references."""

    @check(name="Ids MUST NOT be the same once they are normalised")
    def check_collisions(self, context: ValidationContext) -> bool:
        """Tools drop the slash of `#a/`, and systems compare names in their own normal form."""
        known = {}
        passed = True
        for entity in entities(context):
            entity_id = entity["@id"]
            same = unicodedata.normalize("NFC", unquote(entity_id)).removeprefix("./").rstrip("/")
            if same and known.setdefault(same, entity_id) != entity_id:
                message = f"'{entity_id}' is the same as '{known[same]}' once it is normalised"
                context.result.add_issue(message, self, violatingEntity=entity_id)
                passed = False
        return passed

    @check(name="Files and folders MUST lie within the crate")
    def check_paths(self, context: ValidationContext) -> bool:
        """The id of a file is a relative path that does not climb, or a URL."""
        passed = True
        for entity in entities(context):
            entity_id = entity["@id"]
            if not {"File", "Dataset"}.intersection(t for t in listed(entity.get("@type")) if isinstance(t, str)):
                continue
            path = unquote(entity_id).removeprefix("./").rstrip("/")
            escapes = path.startswith("/") or "\\" in path or ".." in path.split("/")
            if entity_id.lower().startswith("file:") or ("://" not in entity_id and path and escapes):
                context.result.add_issue("The id leads out of the crate", self, violatingEntity=entity_id)
                passed = False
        return passed

    @check(name="Values MUST be literals or references")
    def check_values(self, context: ValidationContext) -> bool:
        """No list lies in a list, and the id of a reference is text."""
        passed = True
        for entity in entities(context):
            for key, value in entity.items():
                for item in listed(value):
                    wrong = isinstance(item, dict) and "@id" in item and not isinstance(item["@id"], str)
                    if isinstance(item, list) or wrong:
                        message = f"'{key}' is neither a literal nor a reference"
                        context.result.add_issue(message, self, violatingEntity=entity["@id"])
                        passed = False
        return passed
