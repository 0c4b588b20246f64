"""Comparisons in constant time that became plain ones."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from guardrail.delta.compare import Lost
from guardrail.delta.guards import guards, nodes_of
from guardrail.delta.pairs import Pair
from guardrail.patterns.kinds import kind_of

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.packs import Rule

_NAME = re.compile(r"[A-Za-z_]\w*")
_PLAIN = frozenset({"Equal", "NotEqual", "In", "NotIn"})
_CONVERSIONS = frozenset("encode decode str bytes self cls hexdigest digest utf8 strip lower b".split())


def plainly(pair: Pair, rule: Rule, _losses: Iterable[Lost]) -> Iterator[Lost]:
    """The comparisons of base that head makes with `==`, `!=`, `in`, `startswith` or a regular expression."""
    base = guards(pair.base, rule.patterns, rule)
    heads = Counter(g.key for facts in pair.heads for g in guards(facts, rule.patterns, rule))
    was = Counter(pair.base.normal(node) for node in nodes_of(pair.base) if operands(pair.base, node))
    for guard in base:
        if heads[guard.key]:
            heads[guard.key] -= 1
            continue
        wanted = [_names(guard.env[name]) for name in ("A", "B")]
        for facts in pair.heads:
            node = next((n for n in nodes_of(facts) if _compares(facts, n, wanted) and facts.normal(n) not in was), None)
            if node is not None:
                yield Lost(guard, facts, node)
                break


def operands(facts: Facts, node: Any) -> list[Any]:
    """What a plain comparison compares, nothing where it is none."""
    if kind_of(node) == "Comparison" and len(node.comparisons) == 1 and kind_of(node.comparisons[0].operator) in _PLAIN:
        return [node.left, node.comparisons[0].comparator]
    if kind_of(node) == "Call" and kind_of(node.func) == "Attribute" and len(node.args) >= 1:
        if node.func.attr.value in ("startswith", "__eq__"):
            return [node.func.value, node.args[0].value]
        if facts.names(node.func) & {"re.match", "re.fullmatch", "re.search", "operator.eq"} and len(node.args) == 2:
            return [node.args[0].value, node.args[1].value]
    return []


def _compares(facts: Facts, node: Any, wanted: list[frozenset[str]]) -> bool:
    found = [_names((facts, operand)) for operand in operands(facts, node)]
    if len(found) != 2:
        return False
    return any(_alike(found[0], a) and _alike(found[1], b) for a, b in (wanted, wanted[::-1]))


def _alike(found: frozenset[str], wanted: frozenset[str]) -> bool:
    return bool(found & wanted)


def _names(located: tuple[Facts, Any]) -> frozenset[str]:
    facts, node = located
    code = facts.code(node)
    names = frozenset(_NAME.findall(code)) - _CONVERSIONS
    return names or frozenset({code})
