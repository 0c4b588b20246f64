"""What keeps the same request from being done twice."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from guardrail.delta.compare import Lost
from guardrail.delta.guards import inside, nodes_of
from guardrail.patterns.kinds import kind_of

if TYPE_CHECKING:
    from guardrail.delta.pairs import Pair
    from guardrail.packs import Rule

_KEYED = re.compile(
    r"(?i)idempot|dedup|\bnx=True|get_or_create|on_conflict|IntegrityError|UniqueViolation|update_or_create|\bunique"
)


def unkeyed(pair: Pair, _rule: Rule, losses: Iterable[Lost]) -> Iterator[Lost]:
    """Keys that a request had, where head names none any more."""
    if not any(_KEYED.search(f.code(f.tree)) for f in pair.heads):
        yield from losses


def unnoticed(pair: Pair, _rule: Rule, losses: Iterable[Lost]) -> Iterator[Lost]:
    """Questions whether it was done before that left early, where head asks nothing of the kind and does the rest."""
    known = pair.old.words
    come = {n.value for f in pair.heads for n in nodes_of(f) if kind_of(n) == "Name"} - known
    if come or any(_KEYED.search(f.code(f.tree)) for f in pair.heads):
        return
    for lost in losses:
        facts, node = lost.guard.itself
        if any(kind_of(n) in ("Return", "Raise", "Continue") and inside(facts, n, node.body) for n in nodes_of(facts)):
            yield lost
