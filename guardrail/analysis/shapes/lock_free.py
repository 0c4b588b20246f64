"""Progress without locks: compare-and-set by hand, spinning, watched keys, versions in SQL, indices in shared memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.checks.flow import own_nodes
from guardrail.analysis.checks.lock_free import _VERSIONED
from guardrail.analysis.checks.tracing import below, identifiers, named, resolve, symbol, words_of
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match

_INDICES = frozenset("head tail seq sequence cursor counter producer consumer slot slots reader writer front rear ring".split())
_SHARED = frozenset("buf shm mmap mm mem memory shared view".split())
_ASKING = frozenset("is_set locked empty acquire load".split())


def compare_and_set(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`if x is old: x = new` outside of a lock, where old was read from x in the loop, or came as an argument."""
    for match in matches:
        node = match.node
        for inner in [node, *own_nodes(node)] if isinstance(node, (cst.While, cst.FunctionDef)) else ():
            if isinstance(inner, cst.If) and _sets_what_it_compares(facts, inner, node) and "lock" not in facts.contexts(inner):
                yield facts.match(inner)
                break


def _sets_what_it_compares(facts: Facts, test: cst.If, around: cst.CSTNode) -> bool:
    """Whether a place is held against what it held before, and then given something else."""
    if not isinstance(test.test, cst.Comparison) or len(test.test.comparisons) != 1:
        return False
    target = test.test.comparisons[0]
    if not isinstance(target.operator, (cst.Is, cst.Equal)):
        return False
    for place, old in ((test.test.left, target.comparator), (target.comparator, test.test.left)):
        if isinstance(place, (cst.Attribute, cst.Subscript)) and isinstance(old, cst.Name):
            if _given(facts, test.body, place) and _held_before(facts, old, place, around):
                return True
    return False


def _given(facts: Facts, body: cst.CSTNode, place: cst.CSTNode) -> bool:
    wanted = facts.normal(place)
    return any(isinstance(n, cst.AssignTarget) and facts.normal(n.target) == wanted for n in own_nodes(body))


def _held_before(facts: Facts, old: cst.Name, place: cst.CSTNode, around: cst.CSTNode) -> bool:
    """In a loop: read from the place; in a function of that name: an argument."""
    binds = facts.origins(old)
    if isinstance(around, cst.FunctionDef):
        return any(bind.kind == "param" for _, bind in binds)
    return any(isinstance(bind.node, cst.CSTNode) and facts.normal(bind.node) == facts.normal(place) for _, bind in binds)


def spins(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A loop that does nothing but look at something until another thread changes it."""
    for match in matches:
        test = match.node.test if isinstance(match.node, cst.While) else None
        if test is None:
            continue
        calls = [n for n in below(test) if isinstance(n, cst.Call)]
        flags = any(isinstance(n, (cst.Attribute, cst.Subscript)) or _is_variable(n) for n in below(test))
        if (
            flags
            and all(_asks(c) for c in calls)
            and not any(isinstance(n, (cst.NamedExpr, cst.Await, cst.Yield)) for n in below(test))
        ):
            yield match


def _is_variable(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.Name) and node.value not in ("True", "False", "None")


def _asks(call: cst.Call) -> bool:
    return isinstance(call.func, cst.Attribute) and call.func.attr.value in _ASKING


def watches(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """WATCH of a transaction: with `multi` in the definition."""
    if identifiers(facts) & {"multi", "watcherror"}:
        yield from matches


def versioned_writes(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """SQL that writes where a version is still the same."""
    for match in matches:
        value = named(match, "Q")
        if value is None:
            continue
        owner, query = resolve(*value)
        known = owner.constant(query)
        if _VERSIONED.search(known if isinstance(known, str) else owner.code(query)):
            yield match


def indices_in_shared_memory(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Heads, tails and counters that are written into memory that other processes see, outside of a lock."""
    words = words_of(" ".join([symbol(facts), *identifiers(facts)]))
    if not words & _INDICES:
        return
    for match in matches:
        buffer = named(match, "B")
        if buffer is None:
            continue
        owner, made = resolve(*buffer)
        if (words_of(buffer[0].code(buffer[1])) | words_of(owner.code(made))) & _SHARED and "lock" not in facts.contexts(
            match.node
        ):
            yield match
