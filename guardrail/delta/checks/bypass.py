"""Ways around a refusal that still stands: a return before it that was not there."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from guardrail.delta.compare import Lost
from guardrail.delta.guards import Guard, guards, nodes_of
from guardrail.patterns.kinds import kind_of

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.delta.pairs import Pair
    from guardrail.packs import Rule

_REFUSED = re.compile(r"(?i)\b[45]\d\d\b|error|denied|forbidden|not_?found|unauthori[sz]ed|redirect|abort|invalid|login")
MOST = 20  # returns before a refusal that are looked at


def returns(pair: Pair, rule: Rule, _losses: Iterable[Lost]) -> Iterator[Lost]:
    """Returns that head has before a refusal, and base had not: with what is behind it, or with a yes."""
    for guard in guards(pair.base, rule.patterns, rule):
        twins = [g for g in guards(pair.head, rule.patterns, rule) if g.key == guard.key and _test(g) == _test(guard)]
        if len(twins) != 1:
            continue
        before = Counter(pair.base.normal(n) for n in _returns_above(guard))
        for node in _returns_above(twins[0])[:MOST]:
            if before[pair.head.normal(node)]:
                before[pair.head.normal(node)] -= 1
            elif _gives(pair.head, node, twins[0]):
                said = f"`{' '.join(pair.head.code(node).split())[:60]}` goes around `{guard.text[:60]}`."
                yield Lost(guard, pair.head, node, message=said)


def _test(guard: Guard) -> str:
    above = next((a for a in guard.facts.ancestors(guard.node) if kind_of(a) in ("If", "FunctionDef")), None)
    return guard.facts.normal(above.test) if kind_of(above) == "If" else ""  # type: ignore[union-attr]


def _returns_above(guard: Guard) -> list[Any]:
    """The returns of the same function that stand before a refusal."""
    facts, function = guard.facts, guard.facts.function(guard.node)
    above = takewhile(lambda n: n is not guard.node, nodes_of(facts))
    return [n for n in above if kind_of(n) == "Return" and facts.function(n) is function]


def _gives(facts: Facts, node: Any, refusal: Guard) -> bool:
    """Whether a return gives what the refusal holds back: what is returned behind it; of a function that only refuses, a yes."""
    above = {id(n) for n in takewhile(lambda n: n is not refusal.node, nodes_of(facts))}
    behind = [n for n in nodes_of(facts) if kind_of(n) == "Return" and id(n) not in above and n.value is not None]
    value = node.value
    if value is None or facts.code(value) == "True":
        return all(facts.code(n.value) in ("True", "None") for n in behind)
    if facts.code(value) in ("None", "False", "[]", "{}", "()", '""', "''") or _REFUSED.search(facts.code(value)):
        return False
    return any(_alike(facts, n.value, value) for n in behind)


def _alike(facts: Facts, one: Any, other: Any) -> bool:
    """The same expression, or the same function called."""
    if facts.normal(one) == facts.normal(other):
        return True
    return kind_of(one) == kind_of(other) == "Call" and facts.code(one.func) == facts.code(other.func)
