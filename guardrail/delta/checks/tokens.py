"""What is asked of tokens and of answers of a login."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from guardrail.delta.compare import Lost
from guardrail.delta.guards import guards, nodes_of

if TYPE_CHECKING:
    from guardrail.delta.pairs import Pair
    from guardrail.packs import Rule

_DECODE = frozenset({"jwt.decode", "jose.jwt.decode", "jwt.PyJWT.decode"})


def required_claims(pair: Pair, rule: Rule, losses: Iterable[Lost]) -> Iterator[Lost]:
    """`require` of the options that is gone while the token is still decoded, or shorter."""
    held = list(losses)
    yield from held
    if held or any(guards(f, rule.patterns, rule) for f in pair.heads):
        return
    for guard in guards(pair.base, rule.patterns, rule):
        for facts in pair.heads:
            for node in nodes_of(facts):
                if type(node).__name__ == "Call" and facts.names(node.func) & _DECODE:
                    yield Lost(guard, facts, node)
                    return


def state_checks(pair: Pair, rule: Rule, losses: Iterable[Lost]) -> Iterator[Lost]:
    """One loss for a check, whichever of its parts was seen."""
    if any(guards(f, rule.patterns, rule) for f in pair.heads):
        return
    seen: set[int] = set()
    for lost in losses:
        if lost.guard.line not in seen:
            seen.add(lost.guard.line)
            yield lost
