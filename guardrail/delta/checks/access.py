"""Who may: decorators, mixins, permission classes, dependencies, refusals, ownership."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from guardrail.delta.align import align
from guardrail.delta.compare import Lost
from guardrail.delta.guards import Guard, guards, header, nodes_of
from guardrail.patterns.kinds import kind_of

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.delta.pairs import Pair
    from guardrail.packs import Rule

_SPEAKS = re.compile(
    r"auth|login|permi|require|access|guard|admin|role|scope|owner|acl|allow|protect|ensure|forbid|deny|current_?user|limit|throttl"
    r"|private|staff|policy|visible|viewable|editable|can_|is_member|check|verify|assert_|csrf",
    re.I,
)
_RIGHTS = re.compile(r"(?i)permi|authori[sz]|forbid|denied|access|login|role")
_PRINCIPAL = re.compile(r"\b(?:request\.user|current_user|self\.user|g\.user|request\.tenant|for_user)\b")


_LOGIN = re.compile(r"(?i)^[\w.]*(login_?required|is_?authenticated)")  # asked by those that ask for a right, too
_STRONGER = re.compile(r"(?i)permission|staff|superuser|admin|role|scope|owner|passes_test|verified|otp|fresh")


def decorators(pair: Pair, rule: Rule, losses: Iterable[Lost]) -> Iterator[Lost]:
    """Decorators and bases that are gone, and those that asked for a right where another one only asks who it is."""
    base, head = guards(pair.base, rule.patterns, rule), guards(pair.head, rule.patterns, rule)
    kept = any(_STRONGER.search(g.text) for g in head)
    yield from (lost for lost in unless_named(pair, rule, losses) if not kept or not _LOGIN.search(lost.guard.text))
    strong = next((g for g in base if _STRONGER.search(g.text)), None)
    if strong is not None and head and not kept:
        said = f"`{strong.text}` → `{head[0].text}`: whoever logs in may."
        yield Lost(strong, pair.head, head[0].itself[1], message=said)


def unless_named(pair: Pair, _rule: Rule, losses: Iterable[Lost]) -> Iterator[Lost]:
    """Losses in definitions that name nothing new that may stand for the guard, and that still do something."""
    held = list(losses)
    if held and not _delegates(pair):
        yield from held


def _delegates(pair: Pair) -> bool:
    """Whether head calls, wears or annotates with something new whose name speaks of access."""
    new = frozenset().union(*(f.definition.words for f in pair.heads if f.definition)) - pair.old.words
    worn = [pair.head.code(d.decorator) for n in nodes_of(pair.head) for d in getattr(n, "decorators", ())]
    if any(set(re.findall(r"\w+", code)) <= new and not _public(code) for code in worn):
        return True
    wanted = {name for name in new if _SPEAKS.search(name) and not _public(name)}
    return any(
        (kind_of(n) == "Name" and n.value in wanted) or (kind_of(n) == "Attribute" and n.attr.value in wanted)
        for n in nodes_of(pair.head)
    )


def _public(name: str) -> bool:
    return re.search(r"exempt|allowany|allow_?any|unauth|optional|anonymous|public", name, re.I) is not None


def permission_lists(pair: Pair, rule: Rule, _losses: Iterable[Lost]) -> Iterator[Lost]:
    """`permission_classes = [...]` and its kind: opened to all, an entry gone, or the whole list."""
    if pair.new.kind == "function":
        return  # there it is a variable, and what asks with it is the guard
    head = {_target(g): g for g in guards(pair.head, rule.patterns, rule)}
    for guard in guards(pair.base, rule.patterns, rule):
        old = _entries(guard)
        if (not head and _methods_ask(pair)) or not old or all(map(_public, old)):
            continue
        now = head.get(_target(guard))
        if now is None:
            yield Lost(
                guard, pair.head, header(pair.head), movable=True, message=f"`{guard.text}` is gone from `{pair.new.symbol}`."
            )
        elif _opened(old, _entries(now)):
            was, new = (g.facts.code(g.env["P"][1]) for g in (guard, now))
            message = f"`{_target(guard)}` {was} → {new}."
            yield Lost(guard, pair.head, now.node, message=message)


def _methods_ask(pair: Pair) -> bool:
    """Whether a method of the class names something new that speaks of rights; of `View.Meta`, a method of `View`."""
    owner = pair.new.symbol.removesuffix(".Meta") + "."
    before = {d.symbol: d.words for d in pair.before.definitions}
    methods = [d for d in pair.after.definitions if d.kind == "function" and d.symbol.startswith(owner)]
    new = {word for d in methods for word in d.words - before.get(d.symbol, frozenset())}
    return any(_RIGHTS.search(word) and not _public(word) for word in new)


def _target(guard: Guard) -> str:
    facts, node = guard.env["X"]
    return facts.code(node)


def _entries(guard: Guard) -> list[str]:
    facts, node = guard.env["P"]
    if kind_of(node) in ("List", "Tuple", "Set"):
        return [facts.code(e.value) for e in node.elements]
    code = facts.code(node)
    return [] if code in ("()", "[]", "None", "False", '""') else [code]


def _opened(old: list[str], new: list[str]) -> bool:
    if any(map(_public, new)) and not any(map(_public, old)):
        return True
    return set(new) < set(old)


def ownership(pair: Pair, rule: Rule, losses: Iterable[Lost]) -> Iterator[Lost]:
    """Queries that asked for what belongs to the caller, and ask for everybody's."""
    held = list(losses)
    if not held:
        return
    base, head = (sum(len(_PRINCIPAL.findall(f.code(f.tree))) for f in side) for side in ((pair.base,), pair.heads))
    if head >= base > 0:
        return
    queries = [(f, n) for f in pair.heads for n in nodes_of(f) if kind_of(n) == "Call"]
    before = [(pair.base, n) for n in nodes_of(pair.base) if kind_of(n) == "Call"]
    became = align(before, queries)
    for lost in held:
        named = lost.guard.facts.code(lost.guard.env["U"][1])
        before_it, now = (sum(f.code(f.tree).count(named) for f in side) for side in ((pair.base,), pair.heads))
        if now >= before_it:
            continue
        place = became.get(id(lost.guard.node), (lost.facts, lost.node))
        yield Lost(lost.guard, *place, movable=True)


def refusals(pair: Pair, rule: Rule, losses: Iterable[Lost]) -> Iterator[Lost]:
    """Refusals that are gone, and those whose condition now lets more through."""
    yield from unless_named(pair, rule, losses)
    old = {_test_of(g): g for g in guards(pair.base, rule.patterns, rule)}
    new = {_test_of(g): g for f in pair.heads for g in guards(f, rule.patterns, rule)}
    for (_, was), guard in ((k, g) for k, g in old.items() if k[1] is not None):
        twins = [(test, g) for (_, test), g in new.items() if test is not None and g.key == guard.key]
        if len(twins) == 1 and sum(g.key == guard.key for g in old.values()) == 1:
            test, now = twins[0]
            if _relaxed(guard.facts, was, now.facts, test):
                message = f"The refusal asks `{now.facts.code(test)}`; it was `{guard.facts.code(was)}`."
                yield Lost(guard, now.facts, test, message=message)


def _test_of(guard: Guard) -> tuple[int, Any]:
    above = next((a for a in guard.facts.ancestors(guard.node) if kind_of(a) in ("If", "FunctionDef", "Else")), None)
    return id(guard.node), above.test if kind_of(above) == "If" else None  # type: ignore[union-attr]


def _relaxed(before: Facts, was: Any, after: Facts, now: Any) -> bool:
    """Whether a refusal's condition holds less often: an `or` part gone, an `and` part come, a set of the admitted grown."""
    ors, now_ors = _parts(before, was, "Or"), _parts(after, now, "Or")
    if len(ors) > 1 and set(now_ors) < set(ors):
        return True
    ands, now_ands = _parts(before, was, "And"), _parts(after, now, "And")
    if set(ands) < set(now_ands):
        return True
    if len(ors) > 1 and set(ors) == set(now_ands):
        return True
    return _admits_more(before, was, after, now)


def _parts(facts: Facts, node: Any, operator: str) -> list[str]:
    if kind_of(node) == "BooleanOperation" and kind_of(node.operator) == operator:
        return [*_parts(facts, node.left, operator), *_parts(facts, node.right, operator)]
    return [facts.normal(node)]


def _admits_more(before: Facts, was: Any, after: Facts, now: Any) -> bool:
    """`role != "admin"` → `role not in ("admin", "staff")`, or that list grown."""
    old, new = _admitted(before, was), _admitted(after, now)
    return old is not None and new is not None and old[0] == new[0] and old[1] < new[1]


def _admitted(facts: Facts, test: Any) -> tuple[str, frozenset[str]] | None:
    if kind_of(test) != "Comparison" or len(test.comparisons) != 1:
        return None
    operator, right = kind_of(test.comparisons[0].operator), test.comparisons[0].comparator
    if operator == "NotEqual":
        return facts.normal(test.left), frozenset([facts.normal(right)])
    if operator == "NotIn" and kind_of(right) in ("List", "Tuple", "Set"):
        return facts.normal(test.left), frozenset(facts.normal(e.value) for e in right.elements)
    return None
