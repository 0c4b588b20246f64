"""What the definitions of one file lost, before it is looked for elsewhere. This runs in the worker processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from guardrail.delta.compare import Lost, compare
from guardrail.delta.guards import guards
from guardrail.delta.loss import Loss, located
from guardrail.delta.pairs import Pair, become, same_symbol, split_off
from guardrail.detect import checker
from guardrail.findings import filled, shortened, texts_of
from guardrail.model import Definition

if TYPE_CHECKING:
    from guardrail.packs import Rule
    from guardrail.side import Side


def paired(base: Side, head: Side, theirs: Sequence[Definition], ours: Sequence[Definition]) -> tuple[list[Pair], list[Definition]]:
    """The definitions of base that changed with what became of them, and those of which nothing in this file did."""
    known = frozenset(d.symbol for d in base.definitions)
    pairs, taken = [], set()
    for old, new in same_symbol(theirs, ours):
        taken.add(id(old))
        pairs.append(Pair(base, old, head, new, split_off(new, old, head, known)))
    here = {d.symbol for d in head.definitions}
    gone = []
    for old in theirs:
        if id(old) in taken or old.symbol in here:
            continue
        place = become(base, old, [(head, d) for d in ours])
        if place is None:
            gone.append(old)
        else:
            pairs.append(Pair(base, old, *place))
    return pairs, gone


def losses(pair: Pair, rules: Sequence[tuple[int, Rule]]) -> Iterator[Loss]:
    """What one definition lost, of these rules by their number."""
    for number, rule in rules:
        had = guards(pair.base, rule.patterns, rule)
        if not had:
            continue  # `lost` says where a check is to look
        found = compare(pair, rule, had)
        kept = checker(rule.check)(pair, rule, found) if rule.check else found
        for lost in kept:
            yield Loss(_finding(rule, lost, pair), number, lost.guard.text, lost.movable)


def _finding(rule: Rule, lost: Lost, pair: Pair):  # type: ignore[no-untyped-def]
    texts = _texts(lost, pair)
    message = lost.message or _weakened(lost) or filled(rule.message, texts)
    what = lost.guard.key if lost.now is None else f"{lost.guard.key} {lost.now.key}"
    return located(rule, lost.facts, lost.node, message, lost.guard.itself, what, texts)


def _weakened(lost: Lost) -> str:
    """What a value was and is; nothing where the guard is gone."""
    if lost.now is None:
        return ""
    (old_facts, old), (new_facts, new) = lost.guard.env[lost.variable], lost.now.env[lost.variable]
    was, now = shortened(old_facts.code(old)), shortened(new_facts.code(new))
    return f"`{_label(lost)}` {_known(old_facts, old, was)} → {_known(new_facts, new, now)}."


def _texts(lost: Lost, pair: Pair) -> dict[str, str]:
    """The metavariables of the lost guard, as code of base."""
    texts = texts_of(lost.guard.env, *lost.guard.itself)
    return texts | {"GUARD": shortened(lost.guard.text), "DEFINITION": pair.new.symbol}


def _known(facts, node, code: str) -> str:  # type: ignore[no-untyped-def]
    """The code, with its value where it is a name for a constant."""
    values = facts.constants(node)
    if type(node).__name__ in ("Name", "Attribute") and len(values) == 1 and code not in ("None", "True", "False"):
        return f"{code} ({values[0]!r})"
    return code


def _label(lost: Lost) -> str:
    """What the weaker value is of: the keyword, or the call."""
    assert lost.now is not None
    facts, node = lost.now.env[lost.variable]
    parent = facts.parent(node)
    if type(parent).__name__ == "Arg" and parent.keyword is not None:  # type: ignore[union-attr]
        return str(parent.keyword.value)  # type: ignore[union-attr]
    call = facts.parent(parent) if parent is not None else None
    return shortened(facts.code(call.func)) if hasattr(call, "func") else lost.variable.lower()  # type: ignore[union-attr]
