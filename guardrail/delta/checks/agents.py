"""What holds an agent back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from guardrail.delta.compare import Lost
from guardrail.delta.guards import guards

if TYPE_CHECKING:
    from guardrail.delta.pairs import Pair
    from guardrail.packs import Rule


def held_back(_pair: Pair, _rule: Rule, losses: Iterable[Lost]) -> Iterator[Lost]:
    """Arguments that are weaker, or gone from a call of the same thing."""
    for lost in losses:
        same = lost.guard.facts.code(lost.guard.node.func) == lost.facts.code(lost.node.func)
        if same:
            yield lost


def asked_first(pair: Pair, rule: Rule, losses: Iterable[Lost]) -> Iterator[Lost]:
    """Questions to a person that head no longer asks anywhere."""
    if not any(guards(f, rule.patterns, rule) for f in pair.heads):
        yield from losses
