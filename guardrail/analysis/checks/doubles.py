"""Checks of the tests pack: what a test puts a double in place of."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.checks import flow
from guardrail.analysis.checks.tracing import symbol

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.match import Match

_LOOKS = re.compile(r"^assert\w*|^expect", re.IGNORECASE)


def subject_patched(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Patches of the very function that the test then calls, and whose result it looks at."""
    for match in matches:
        patched = _patched(facts, match)
        function = flow.function_def(facts, match.node)
        if patched and function is not None and _name_says(function.name.value, patched) and _looked_at(facts, function, patched):
            yield match


def _patched(facts: Facts, match: Match) -> str:
    """The qualified name of what is replaced."""
    origin, target = match.env["X"]
    path = origin.constant(target)
    if "N" not in match.env:
        return path if isinstance(path, str) else ""
    attribute = facts.constant(match.env["N"][1])
    owner = next(iter(sorted(origin.names(target) | origin.types(target))), "")
    return f"{owner}.{attribute}" if owner and isinstance(attribute, str) else ""


def _name_says(test: str, patched: str) -> bool:
    """Whether the test is named after what is patched: `test_charge_fails` after `billing.charge`."""
    subject = patched.rpartition(".")[2].strip("_").lower()
    return bool(subject) and re.match(rf"test_*{re.escape(subject)}(_|$)", test.lower()) is not None


def _looked_at(facts: Facts, function: cst.FunctionDef, patched: str) -> bool:
    """Whether the test calls the patched name through its module, and asserts on what came back."""
    for node in flow.own_nodes(function.body):
        if not isinstance(node, cst.Call) or not isinstance(node.func, cst.Attribute) or patched not in facts.names(node.func):
            continue
        around = list(facts.ancestors(node))
        if any(isinstance(a, cst.Assert) or _LOOKS.match(flow.called(a)) for a in around):
            return True
        name = flow.assigned_name(facts, around[0] if isinstance(around[0], cst.Await) else node)
        if name and any(_asserted(facts, use) for use in flow.uses(facts, name, function)):
            return True
    return False


def _asserted(facts: Facts, node: cst.CSTNode) -> bool:
    return any(isinstance(a, cst.Assert) or _LOOKS.match(flow.called(a)) for a in facts.ancestors(node))


def integration(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Doubles for the database in tests that are called integration tests."""
    for match in matches:
        if "integration" in facts.path.lower() or "integration" in symbol(facts).lower():
            yield match
