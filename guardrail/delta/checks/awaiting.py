"""Calls that were awaited."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from guardrail.delta.compare import Lost
from guardrail.delta.guards import guards, nodes_of
from guardrail.patterns.kinds import kind_of

if TYPE_CHECKING:
    from guardrail.delta.pairs import Pair
    from guardrail.packs import Rule


def dropped(pair: Pair, rule: Rule, _losses: Iterable[Lost]) -> Iterator[Lost]:
    """The same call, as a statement of its own in a function that is still asynchronous, without its `await`."""
    kept = {f.normal(g.node) for f in pair.heads for g in guards(f, rule.patterns, rule)}
    for guard in guards(pair.base, rule.patterns, rule):
        facts, call = guard.env["C"]
        if facts.normal(guard.node) in kept or kind_of(call) != "Call":
            continue
        for head in pair.heads:
            node = next((n for n in nodes_of(head) if _alone(head, n) and head.normal(n) == facts.normal(call)), None)
            if node is not None and "async" in head.contexts(node):
                yield Lost(guard, head, node)
                break


def _alone(facts, node) -> bool:  # type: ignore[no-untyped-def]
    return kind_of(node) == "Call" and kind_of(facts.parent(node)) == "Expr"
