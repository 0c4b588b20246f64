"""Statements for a database or a shell, and the values in them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from guardrail.delta.compare import Lost
from guardrail.delta.guards import Guard, guards, nodes_of
from guardrail.patterns.kinds import kind_of

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.delta.pairs import Pair
    from guardrail.packs import Rule

_RUNS = frozenset(
    "execute executemany raw fetch fetchrow fetchval fetch_all fetch_one system run Popen call check_call check_output".split()
)


def put_together(pair: Pair, rule: Rule, _losses: Iterable[Lost]) -> Iterator[Lost]:
    """Statements that head puts together from parts and runs, and base did not."""
    base = [g for g in guards(pair.base, rule.patterns, rule) if not pair.base.dynamic(g.env["Q"][1] if "Q" in g.env else g.node)]
    yield from _run(pair, base)


def unquoted(pair: Pair, rule: Rule, _losses: Iterable[Lost]) -> Iterator[Lost]:
    """Statements that head puts together while less is quoted than before."""
    base = guards(pair.base, rule.patterns, rule)
    head = [g for f in pair.heads for g in guards(f, rule.patterns, rule)]
    if len(head) < len(base):
        yield from _run(pair, base)


def _run(pair: Pair, base: list[Guard]) -> Iterator[Lost]:
    was = {pair.base.normal(n) for n in _dynamic(pair.base)}
    guard = base[0] if base else None
    for facts in pair.heads if guard else ():
        for node in _dynamic(facts):
            if facts.normal(node) not in was:
                yield Lost(guard, facts, node)  # type: ignore[arg-type]
                return


def _dynamic(facts: Facts) -> list[Any]:
    """Calls that run a statement or a command that is put together."""
    return [n for n in nodes_of(facts) if kind_of(n) == "Call" and _name(n) in _RUNS and n.args and _built(facts, n.args[0].value)]


def _built(facts: Facts, node: Any) -> bool:
    inner = node.args[0].value if kind_of(node) == "Call" and node.args else node
    return facts.dynamic(node) or facts.dynamic(inner)


def _name(call: Any) -> str:
    func = call.func
    return str(func.attr.value if kind_of(func) == "Attribute" else getattr(func, "value", ""))
