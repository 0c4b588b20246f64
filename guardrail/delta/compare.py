"""The guards of a pair of definitions, held against each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from guardrail.delta import blocks
from guardrail.delta.align import align
from guardrail.delta.guards import Guard, fitting, guards, header, identifiers
from guardrail.delta.pairs import Pair
from guardrail.delta.weaker import is_off, weaker
from guardrail.patterns.kinds import kind_of

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.packs import Delta, Rule

KEPT = 0.5  # of the words around a guard that head still has, where nothing says what it protected


@dataclass(frozen=True, slots=True)
class Lost:
    """A guard that is gone or weaker, and the node of head that shows it."""

    guard: Guard
    facts: Facts
    node: Any
    now: Guard | None = None  # what it became, where it is weaker
    variable: str = ""  # the metavariable that is weaker
    message: str = ""  # instead of the rule's
    movable: bool = False


def compare(pair: Pair, rule: Rule, had: Sequence[Guard]) -> Iterator[Lost]:
    """The guards, of those that the base definition had, that its counterpart has lost, or has weaker."""
    assert rule.delta is not None
    base = [g for g in had if not _void(g, rule.delta)]
    if not base:
        return
    if not rule.delta.still:
        yield from _standing(pair, rule, rule.delta, base)
        return
    before = _fit(pair.base, rule.delta)
    own = [g for g in base if fitting(g.node, pair.base, rule.delta.still, g.env)]
    yield from _held(pair, rule, rule.delta, own, before)
    yield from _replaced(pair, rule, rule.delta, [g for g in base if g not in own])


def _void(guard: Guard, delta: Delta) -> bool:
    """A guard that is switched off already: `timeout=None`."""
    switches = [name for name, orders in delta.weakened.items() if "off" in orders and name in guard.env]
    return any(is_off(guard.env[name]) for name in switches)


def _fit(facts: Facts, delta: Delta) -> list[tuple[Facts, Any]]:
    return [(facts, node) for node in facts.nodes if fitting(node, facts, delta.still, {})]


def _held(pair: Pair, rule: Rule, delta: Delta, base: list[Guard], before: list[tuple[Facts, Any]]) -> Iterator[Lost]:
    """Guards that are a part of what they protect: an argument of a call."""
    if not base:
        return
    after = [place for facts in pair.heads for place in _fit(facts, delta)]
    now = {id(g.node): g for facts in pair.heads for g in guards(facts, rule.patterns, rule, loose=True)}
    became = align(before, after)
    for guard in base:
        place = became.get(id(guard.node))
        if place is None:
            continue
        facts, node = place
        there = now.get(id(node))
        if there is not None:
            yield from _weaker(guard, there, delta)
        elif not fitting(node, facts, delta.instead, {}, loose=True) and not _spreads(node):
            yield Lost(guard, facts, node, movable=True)


def _spreads(node: Any) -> bool:
    return any(arg.star in ("*", "**") for arg in getattr(node, "args", ()))


def _weaker(old: Guard, new: Guard, delta: Delta) -> Iterator[Lost]:
    for name, orders in delta.weakened.items():
        comparable = name in old.env and name in new.env and _keyword(old, name) == _keyword(new, name)
        if comparable and weaker(old.env[name], new.env[name], orders):
            yield Lost(old, new.facts, new.node, new, name)


def _keyword(guard: Guard, name: str) -> str:
    """The keyword of an argument: `max_tries` is not to be compared with `max_time`."""
    facts, node = guard.env[name]
    keyword = getattr(facts.parent(node), "keyword", None)
    return str(keyword.value) if keyword is not None else ""


def _replaced(pair: Pair, rule: Rule, delta: Delta, base: list[Guard]) -> Iterator[Lost]:
    """Guards that stand in the place of what they protect against: `compare_digest(a, b)` for `a == b`."""
    gone, _ = _difference(base, [g for facts in pair.heads for g in guards(facts, rule.patterns, rule)])
    if not gone or _more(pair, delta):
        return
    was = Counter(pair.base.normal(node) for _, node in _fit(pair.base, delta))
    taken: set[int] = set()
    for guard in gone:
        env = {name: value for name, value in guard.env.items() if name != "GUARD"}
        for facts in pair.heads:
            node = next((n for n in facts.nodes if id(n) not in taken and fitting(n, facts, delta.still, env)), None)
            if node is not None and facts.normal(node) not in was:
                taken.add(id(node))
                yield Lost(guard, facts, node)
                break


def _standing(pair: Pair, rule: Rule, delta: Delta, base: list[Guard]) -> Iterator[Lost]:
    """Guards that stand on their own: decorators, statements, blocks."""
    head = [g for facts in pair.heads for g in guards(facts, rule.patterns, rule)]
    gone, come = _difference(base, head)
    for guard in gone:
        twin = next((g for g in come if g.pattern == guard.pattern), None)
        if twin is not None:
            come.remove(twin)
            yield from _weaker(guard, twin, delta)
        elif come:
            come.pop()  # another guard of the same rule took its place
        elif not _more(pair, delta) and (place := _still_there(pair, guard, head, gone)):
            yield Lost(guard, *place, movable=True)
    for guard, twin in _same(base, head):
        if kind_of(guard.node) == "With" and (stray := blocks.left(guard, twin)):
            yield Lost(guard, *stray, message=f"`{stray[0].code(stray[1])[:60]}` is no longer inside `{guard.text}`")


def _difference(base: Sequence[Guard], head: Sequence[Guard]) -> tuple[list[Guard], list[Guard]]:
    """The guards that only base has, and those that only head has."""
    return without(base, head), without(head, base)


def without(some: Sequence[Guard], others: Sequence[Guard]) -> list[Guard]:
    """Those that the others do not have, each counted as often as it stands there."""
    left = Counter(g.key for g in others)
    found = []
    for guard in some:
        if left[guard.key]:
            left[guard.key] -= 1
        else:
            found.append(guard)
    return found


def _same(base: Sequence[Guard], head: Sequence[Guard]) -> Iterator[tuple[Guard, Guard]]:
    """Guards that both have; several alike are none that could be told apart."""
    old, new = Counter(g.key for g in base), Counter(g.key for g in head)
    for guard in base:
        if old[guard.key] == 1 == new[guard.key]:
            yield guard, next(g for g in head if g.key == guard.key)


def _more(pair: Pair, delta: Delta) -> bool:
    """Whether head has more of the equivalent forms than base had."""
    count = [
        sum(fitting(node, facts, delta.instead, {}, loose=True) for facts in side for node in facts.nodes)
        for side in ((pair.base,), pair.heads)
    ]
    return bool(delta.instead) and count[1] > count[0]


def _still_there(pair: Pair, guard: Guard, head: Sequence[Guard], gone: Sequence[Guard]) -> tuple[Facts, Any] | None:
    """The node of head that stands without its guard, None where what it protected is gone too."""
    if kind_of(guard.node) == "With":
        return blocks.bare(guard, pair.heads, head)
    if _does_nothing(pair.head) and not _does_nothing(pair.base):
        return None
    left = pair.old.words - frozenset(word for each in gone for word in _words(each))
    if len(left & frozenset().union(*(_all_words(f) for f in pair.heads))) < KEPT * len(left):
        return None
    return pair.head, header(pair.head)


def _does_nothing(facts: Facts) -> bool:
    """Whether a function calls nothing and only refuses, or passes."""
    function = next((n for n in facts.nodes if kind_of(n) == "FunctionDef"), None)
    body = getattr(getattr(function, "body", None), "body", ())
    small = [s for line in body if kind_of(line) == "SimpleStatementLine" for s in line.body]
    return bool(body) and len(small) == len(body) and all(kind_of(s) in ("Raise", "Pass") or _is_text(s) for s in small)


def _is_text(node: Any) -> bool:
    return kind_of(node) == "Expr" and kind_of(node.value) in ("SimpleString", "ConcatenatedString", "Ellipsis")


def _all_words(facts: Facts) -> frozenset[str]:
    return facts.definition.words if facts.definition else frozenset()


def _words(guard: Guard) -> list[str]:
    """The words of a guard; of a condition those of its block, too."""
    facts, node = guard.itself
    text = facts.code(node) if kind_of(node) == "If" else guard.text
    return identifiers(text)
