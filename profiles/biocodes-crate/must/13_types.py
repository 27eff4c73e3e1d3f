"""What the deactivated SHACL shape `SchemaOrgTypeProtocol` checks, in one pass."""

from rocrate_validator.models import ValidationContext
from rocrate_validator.requirements.python import PyFunctionCheck, check, requirement


@requirement(name="Schema.org types")
class SchemaOrgTypes(PyFunctionCheck):
    """Types of schema.org are written as terms of the RO-Crate context."""

    @check(name="Schema.org types MUST NOT be IRIs of https://schema.org/")
    def check_types(self, context: ValidationContext) -> bool:
        """A type such as https://schema.org/Person is not the Person of RO-Crate's context."""
        passed = True
        for entity in context.ro_crate.metadata.as_dict().get("@graph", []):
            types = entity.get("@type", []) if isinstance(entity, dict) else []
            for name in types if isinstance(types, list) else [types]:
                if isinstance(name, str) and name.startswith("https://schema.org/"):
                    context.result.add_issue(
                        f"'{name}' MUST be written as a term of the RO-Crate context",
                        self,
                        violatingEntity=entity.get("@id"),
                    )
                    passed = False
        return passed
