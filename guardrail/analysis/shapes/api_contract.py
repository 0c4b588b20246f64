"""Shapes of contracts: the names that a module exports."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.checks.tracing import below
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match


def exported(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A function or class of the module's own level that `__all__` names, and the module that states `__all__`."""
    definition = facts.definition
    if definition is None or not (definition.kind == "module" or definition.symbol in _exports(facts)):
        return
    for match in matches:
        if (definition.kind == "module") != isinstance(match.node, (cst.FunctionDef, cst.ClassDef)):
            yield match
            return


def _exports(facts: Facts) -> frozenset[str]:
    """The strings in what the module gives `__all__`."""
    module = facts.file.definition("<module>")
    if module is None:
        return frozenset()
    own = facts.file.facts(module)
    return own.once("exports", own.tree, lambda: frozenset(_strings(facts)), frozenset())


def _strings(facts: Facts) -> Iterator[str]:
    for owner, bind in facts.file.origins("<module>", "__all__"):
        for part in below(bind.node) if isinstance(bind.node, cst.CSTNode) else ():
            value = owner.constant(part) if isinstance(part, cst.SimpleString) else None
            if isinstance(value, str):
                yield value
