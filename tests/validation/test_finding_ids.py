"""Every id that any part of the package gives to a finding is documented, and nothing else is."""

import ast
from pathlib import Path

import biocodes_crate
from biocodes_crate.findings import Severity
from biocodes_crate.validation import RULES
from biocodes_crate.validation.build_rules import BUILD_SECTIONS, build_rules
from biocodes_crate.validation.findings_page import findings_page

PACKAGE = Path(biocodes_crate.__file__).parent
PASSED_ON = {"f.id", "f['id']", "rule_id", "finding.id"}  # of findings that somebody else made
HINT = "add a row to biocodes_crate/validation/build_rules.py, then: python -m biocodes_crate.validation.findings_page > docs/findings.md"


def ids_given(tree):
    """The ids in a module, through functions that make a finding of an id they are given."""
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    found, unknown = set(), set()
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        if name_of(call.func) == "Finding" and (call.args or call.keywords):
            first = call.args[0] if call.args else next(k.value for k in call.keywords if k.arg == "id")
            for value in choices(first):
                if isinstance(value, ast.Constant):
                    found.add(value.value)
                elif isinstance(value, ast.Name | ast.JoinedStr):
                    found |= through(tree, functions, call, value)
                elif ast.unparse(value) not in PASSED_ON:
                    unknown.add(ast.unparse(value))
    return found, unknown


def name_of(node):
    return getattr(node, "id", getattr(node, "attr", None))


def choices(node):
    return [*choices(node.body), *choices(node.orelse)] if isinstance(node, ast.IfExp) else [node]


def through(tree, functions, call, value):
    """Ids that callers of the function around a call put together, as `declared-{kind}-missing` is."""
    around = next(f for f in functions if any(node is call for node in ast.walk(f)))
    names = [node.id for node in ast.walk(value) if isinstance(node, ast.Name)]
    parameters = [argument.arg for argument in around.args.args if argument.arg != "self"]
    if names[0] not in parameters:
        assert names[0] in PASSED_ON, ast.unparse(call)
        return set()
    position = parameters.index(names[0])
    result = set()
    for other in (node for node in ast.walk(tree) if isinstance(node, ast.Call) and name_of(node.func) == around.name):
        for given in choices(other.args[position]):
            if isinstance(value, ast.JoinedStr):
                parts = [p.value if isinstance(p, ast.Constant) else given.value for p in value.values]
                result.add("".join(parts))
            else:
                result.add(given.value)
    assert result, f"nobody calls {around.name}"
    return result


def all_ids():
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        if path.parent.name == "validation":
            continue  # these go through RULES
        ids, unknown = ids_given(ast.parse(path.read_text(encoding="utf-8")))
        assert not unknown or path.name == "facts.py", (path, unknown)
        found.update(dict.fromkeys(ids, path.name))
    return found


def test_every_id_of_a_build_is_documented_and_nothing_else_is():
    found = all_ids()
    missing = {key: found[key] for key in found.keys() - build_rules().keys()}
    assert not missing, f"{missing}: {HINT}"
    assert not build_rules().keys() - found.keys(), "these are given by nobody"


def test_the_page_of_findings_is_up_to_date():
    page = PACKAGE.parent / "docs" / "findings.md"
    assert page.read_text(encoding="utf-8") == findings_page(), HINT


def test_ids_of_validation_are_given_by_validation_and_nobody_else():
    given = set()
    for path in (PACKAGE / "validation").glob("*.py"):
        if path.name in {"rules.py", "build_rules.py"}:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        given |= {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and node.value in RULES}
    assert set(RULES) - given <= {"findings-left-out"}


def test_ids_are_unique_and_none_of_a_build_is_an_error():
    rules = [rule for rules in BUILD_SECTIONS.values() for rule in rules]
    assert len({rule.id for rule in rules}) == len(rules)
    assert all(rule.severity is not Severity.ERROR for rule in rules)
