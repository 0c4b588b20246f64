"""State that each thread or task had for itself."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from guardrail.delta.compare import Lost
from guardrail.delta.guards import guards, nodes_of
from guardrail.patterns.kinds import kind_of

if TYPE_CHECKING:
    from guardrail.delta.pairs import Pair
    from guardrail.packs import Rule


def shared_now(pair: Pair, rule: Rule, _losses: Iterable[Lost]) -> Iterator[Lost]:
    """Names that stood for the state of one thread or task, and stand for the same object everywhere now."""
    kept = {_target(g.facts, g.node) for f in pair.heads for g in guards(f, rule.patterns, rule)}
    for guard in guards(pair.base, rule.patterns, rule):
        name = _target(guard.facts, guard.node)
        if name in kept:
            continue
        for facts in pair.heads:
            node = next((n for n in nodes_of(facts) if kind_of(n) == kind_of(guard.node) and _target(facts, n) == name), None)
            if node is not None:
                yield Lost(guard, facts, node)
                break


def _target(facts, node) -> str:  # type: ignore[no-untyped-def]
    """The name that is assigned, or that of the class."""
    if kind_of(node) == "ClassDef":
        return "class " + str(node.name.value)
    return str(facts.code(node.targets[0].target)) if kind_of(node) == "Assign" else ""
