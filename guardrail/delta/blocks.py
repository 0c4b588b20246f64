"""What a `with` block protects, and whether head still has it there."""

from __future__ import annotations

import builtins
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from guardrail.delta.guards import Guard, inside
from guardrail.patterns.kinds import kind_of

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts

Located = tuple["Facts", Any]
_MUTATORS = frozenset(
    "save create update delete add append remove pop insert extend clear bulk_create bulk_update get_or_create update_or_create"
    " setdefault discard popitem appendleft popleft put add_all merge execute executemany".split()
)


def effects(facts: Facts, nodes: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    """What some nodes do: the callee of a call, the target of an assignment to an attribute or an element."""
    for node in nodes:
        if kind_of(node) == "Call" and not hasattr(builtins, facts.code(node.func)):
            yield facts.code(node.func), node
        elif _assigned(facts, node):
            yield facts.code(node) + " =", node


def _assigned(facts: Facts, node: Any) -> bool:
    if kind_of(node) not in ("Attribute", "Subscript"):
        return False
    parent = facts.parent(node)
    return facts.is_target(node) or (kind_of(parent) == "AugAssign" and getattr(parent, "target", None) is node)


def _changes(what: str) -> bool:
    return what.endswith(" =") or what.rpartition(".")[2] in _MUTATORS


def bare(guard: Guard, heads: Sequence[Facts], others: Sequence[Guard]) -> Located | None:
    """The first thing of the block that head does outside of other such blocks; None where what it protected is gone."""
    wanted = {what for what, _ in effects(guard.facts, _within(guard))}
    for facts in heads:
        around = [g.node for g in others if g.facts is facts]
        for what, node in effects(facts, facts.nodes):
            if what in wanted and what != _entered(guard) and not any(inside(facts, node, block) for block in around):
                return facts, node
    return None


def left(guard: Guard, now: Guard) -> Located | None:
    """A write of the block that stands outside it at head."""
    wanted = {what for what, _ in effects(guard.facts, _within(guard)) if _changes(what)}
    kept = {what for what, _ in effects(now.facts, _within(now))}
    was_outside = {w for w, n in effects(guard.facts, guard.facts.nodes) if not inside(guard.facts, n, guard.node)}
    facts = now.facts
    for what, node in effects(facts, facts.nodes):
        if what in wanted - kept - was_outside and not inside(facts, node, now.node):
            return facts, node
    return None


def _within(guard: Guard) -> list[Any]:
    return [n for n in guard.facts.nodes if n is not guard.node and inside(guard.facts, n, guard.node.body)]


def _entered(guard: Guard) -> str:
    item = guard.node.items[0].item
    return guard.facts.code(item.func) if kind_of(item) == "Call" else ""
