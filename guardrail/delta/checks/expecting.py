"""What tests expect: values that follow the code, and failures that nobody asks for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from guardrail import places
from guardrail.delta.compare import Lost
from guardrail.delta.files import Change, FilePair
from guardrail.delta.guards import Guard, guards, nodes_of
from guardrail.findings import shortened
from guardrail.patterns.kinds import kind_of

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.delta.pairs import Pair
    from guardrail.packs import Rule

_PLAIN = ("Integer", "Float", "UnaryOperation")
_LISTS = ("List", "Tuple", "Set")
_ONE_WORD = re.compile(r"[\"'][A-Za-z]{1,20}[\"']\Z")
_FAILS = re.compile(r"\s*(?:raise\s+[\w.]+|except\s+[^:#]+)")


def fitted(pair: Pair, rule: Rule, _losses: Iterable[Lost]) -> Iterator[Lost]:
    """Expected values of a test that are others now, where nothing else of the test is."""
    if not places.is_test(pair.head.path) or pair.new.kind != "function":
        return
    old, new = guards(pair.base, rule.patterns, rule), guards(pair.head, rule.patterns, rule)
    if len(old) != len(new) or _rest(pair.base, old) != _rest(pair.head, new):
        return
    for was, now in zip(old, new, strict=True):
        (before, one), (after, other) = was.env["WANTED"], now.env["WANTED"]
        same = _subject(was) == _subject(now)
        if same and before.normal(one) != after.normal(other) and _literal(before, one) and _literal(after, other):
            expected, given = shortened(after.code(other)), shortened(after.code(now.env["GIVEN"][1]))
            said = f"`{given}` is expected to be {expected} (it was {shortened(before.code(one))}), as the change makes it."
            yield Lost(Guard(was.facts, was.node, {}, 0), now.facts, now.node, message=said)


def _subject(guard: Guard) -> str:
    facts, node = guard.env["GIVEN"]
    return facts.normal(node)


def _rest(facts: Facts, asserted: list[Guard]) -> list[str]:
    """The calls of a test outside of its assertions."""
    within = {id(g.node) for g in asserted}
    calls = [n for n in nodes_of(facts) if kind_of(n) == "Call"]
    return [facts.normal(n) for n in calls if within.isdisjoint(map(id, (n, *facts.ancestors(n))))]


def _literal(facts: Facts, node: Any) -> bool:
    """Whether a node is a number, a word, a truth value or None, or a list of such; sentences are reworded all the time."""
    if kind_of(node) in _LISTS:
        return all(_literal(facts, e.value) for e in node.elements)
    if kind_of(node) == "Name":
        return node.value in ("True", "False", "None")
    if kind_of(node) == "SimpleString":
        return _ONE_WORD.match(facts.code(node)) is not None
    return kind_of(node) in _PLAIN


def fails_newly(pair: FilePair) -> Iterator[Change]:
    """Ways to fail that a function of base did not have, and no test makes it fail: errors that are raised or caught."""
    old, new = pair.sides()
    added = range(1, len(pair.head) + 1) if pair.change.added is None else pair.change.added
    if old is None or new is None or places.is_test(pair.path) or places.is_script(pair.path):
        return
    known = {d.symbol for d in old.definitions if d.kind == "function"}
    before = {way for line in pair.base if (way := _way(line))}
    for definition in (d for d in new.definitions if d.symbol in known):
        ways = {_way(pair.head[n - 1]): n for n in sorted(added, reverse=True) if definition.owns(n)}
        fresh = [number for way, number in ways.items() if way and way not in before]
        if fresh and pair.tests.miss_failures(pair.path, definition.symbol):
            line = min(fresh)
            said = f"`{pair.head[line - 1].strip()[:70]}` is new, and no test makes `{definition.symbol}` fail that way."
            yield Change(line, said, 0, definition.symbol, _way(pair.head[line - 1]))


def _way(line: str) -> str:
    """How a line fails, "" where it does not: the error that it raises or catches."""
    found = _FAILS.match(line)
    return " ".join(found[0].split()) if found else ""
