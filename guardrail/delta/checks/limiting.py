"""How much of a table is read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from guardrail.delta.compare import Lost
from guardrail.delta.guards import Guard, nodes_of
from guardrail.findings import shortened
from guardrail.patterns.kinds import kind_of
from guardrail.rows import LIMITED

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.delta.pairs import Pair
    from guardrail.packs import Rule

MOST = 50  # losses of one definition that are looked at
_QUERY = re.compile(r"\.objects\b|\bselect\(|\.query\b|\.query\(|\.filter\(|\.order_by\(|\.find\(|\bqueryset\b|cursor|\.all\(\)")


def unlimited(pair: Pair, _rule: Rule, losses: Iterable[Lost]) -> Iterator[Lost]:
    """Queries that had an end, where head asks the same without one."""
    if any(LIMITED.search(f.code(f.tree)) for f in pair.heads):
        return
    called = [(lost.guard, lost.guard.env["Q"][1]) for lost in losses if "Q" in lost.guard.env]
    for guard, query in [*called, *_slices(pair.base)][:MOST]:
        if not _QUERY.search(pair.base.code(query)):
            continue
        asked = pair.base.normal(query)
        for head in pair.heads:
            node = next((n for n in nodes_of(head) if kind_of(n) == kind_of(query) and head.normal(n) == asked), None)
            if node is not None:
                message = f"`{shortened(guard.text)}` limited how much is read; now all of it is."
                yield Lost(guard, head, node, message=message, movable=True)
                break


def _slices(facts: Facts) -> Iterator[tuple[Guard, Any]]:
    """Slices with an end: `queryset[:50]`, and what they are taken of."""
    for node in nodes_of(facts):
        slices = [e.slice for e in node.slice] if kind_of(node) == "Subscript" else []
        if any(kind_of(s) == "Slice" and s.upper is not None for s in slices):
            yield Guard(facts, node, {}, 0), node.value
