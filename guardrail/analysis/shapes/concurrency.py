"""Shapes of concurrency: state that several hands write, locks taken, and waiting or locking made by hand."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice

import libcst as cst

from guardrail.analysis.checks import flow
from guardrail.analysis.contexts import entered
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match
from guardrail.analysis.scopes import dotted

_LOCKS = re.compile(r"(?i)(^|_)r?w?(lock|mutex|semaphore)s?$")
_NO_LOCKS = re.compile(r"(?i)file|path|parser|poetry|pipfile|yarn|uv_")
_ASYNC = re.compile(r"^\s*async\s+def\b", re.MULTILINE)
_LOCK_CLASS = re.compile(r"(^|[a-z0-9_])(Lock|Mutex|Semaphore|Latch|Barrier)$|^_?R?Lock$")
_FEW = 12  # of a sort looked at in one place; more is no code that somebody wrote
_STARTS = ("__init__", "__new__", "__aenter__", "__aexit__", "__enter__", "__exit__")
_STATES = ("is_set", "is_alive", "done", "locked", "running", "is_running", "empty", "full", "cancelled")


def writes_global(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`global x` in a function, and the state of the module is everybody's."""
    if any(True for _ in matches):
        declared = (n for n in facts.nodes if isinstance(n, cst.Global))
        yield from (facts.match(n) for n in declared if not all(i.name.value.startswith("__") for i in n.names))


def written_by_two(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """An attribute that this coroutine method and another one of the class write, here after others have had their turn."""
    own = facts.definition
    if own is None or not facts.owner or own.symbol.rpartition(".")[2] in _STARTS or not _coroutine(facts, own.symbol):
        return
    turn = min((facts.order[id(n)] for n in facts.nodes if isinstance(n, cst.Await)), default=None)
    for match in islice(matches, _FEW):
        target = dotted(getattr(match.node, "targets", [match.node])[0].target)
        later = turn is not None and facts.order[id(match.node)] > turn
        others = _writers(facts, target) - {own.symbol} if later and target.count(".") == 1 else ()
        if any(_coroutine(facts, scope) for scope in others):
            yield match


def _writers(facts: Facts, name: str) -> frozenset[str]:
    """The methods of the class that write an attribute, those left out that set the object up."""
    scopes = {b.scope for b in facts.file.index.bindings if b.name == name and b.scope.rpartition(".")[0] == facts.owner}
    return frozenset(scope for scope in scopes if scope.rpartition(".")[2] not in _STARTS)


def _coroutine(facts: Facts, symbol: str) -> bool:
    definition = facts.file.definition(symbol)
    header = facts.file.lines[definition.first - 1 : definition.header] if definition is not None else ()
    return _ASYNC.search("\n".join(header)) is not None


def busy_wait(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A loop that does nothing but wait for a flag that somebody else sets."""
    for match in matches:
        if isinstance(match.node, cst.While) and any(_flag(n) for n in _operands(match.node.test)):
            yield match


def _operands(test: cst.BaseExpression) -> Iterator[cst.BaseExpression]:
    if isinstance(test, cst.BooleanOperation):
        yield from (*_operands(test.left), *_operands(test.right))
    elif isinstance(test, cst.UnaryOperation):
        yield from _operands(test.expression)
    elif isinstance(test, cst.Comparison):
        yield from (test.left, *(target.comparator for target in test.comparisons))
    else:
        yield test


def _flag(node: cst.BaseExpression) -> bool:
    """A variable, an attribute, or one of the questions that are asked of events, tasks and queues."""
    if isinstance(node, cst.Call):
        return flow.called(node) in _STATES
    return isinstance(node, (cst.Name, cst.Attribute)) and dotted(node) not in ("True", "False", "None")


def takes_lock(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A `with` on something that is a lock by its type, or by its name."""
    for match in matches:
        if isinstance(match.node, cst.With) and any(_lock(facts, item.item) for item in match.node.items):
            yield match


def _lock(facts: Facts, node: cst.BaseExpression) -> bool:
    if isinstance(node, (cst.Name, cst.Attribute, cst.Call)) and "lock" in entered(facts, node):
        return not _NO_LOCKS.search(facts.code(node))
    while isinstance(node, (cst.Subscript, cst.Call)):
        node = node.value if isinstance(node, cst.Subscript) else node.func
    return _named(node)


def _named(node: cst.BaseExpression) -> bool:
    name = dotted(node) or (node.attr.value if isinstance(node, cst.Attribute) else "")
    return bool(_LOCKS.search(name.rpartition(".")[2])) and not _NO_LOCKS.search(name)


def checked_twice(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """The same question before the lock and under it."""
    for match in islice(matches, _FEW):
        if not isinstance(match.node, cst.With) or not any(_lock(facts, item.item) for item in match.node.items):
            continue
        below = {_asked(facts, n.test) for n in flow.own_nodes(match.node.body) if isinstance(n, cst.If)}
        above = [*facts.ancestors(match.node), *_before(facts, match.node)]
        if any(isinstance(n, cst.If) and _asked(facts, n.test) in below for n in above):
            yield match


def _before(facts: Facts, node: cst.CSTNode) -> list[cst.CSTNode]:
    """The statements before a block: `if x is not None: return x` is the first question, too."""
    block = facts.parent(node)
    return [s for s in getattr(block, "body", ()) if facts.order[id(s)] < facts.order[id(node)]]


def _asked(facts: Facts, test: cst.BaseExpression) -> str:
    """What a test is about, whichever way round it asks: `x is None` and `x is not None`, `x` and `not x`."""
    while isinstance(test, cst.UnaryOperation):
        test = test.expression
    if isinstance(test, cst.Comparison):
        return " ".join(facts.normal(part) for part in (test.left, *(t.comparator for t in test.comparisons)))
    return facts.normal(test)


def own_lock(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A class that has both `acquire` and `release`: it is a lock, or a pool."""
    names = {d.symbol.rpartition(".")[2] for d in facts.file.index.definitions if d.symbol.rpartition(".")[0] == facts.owner}
    if facts.owner and {"acquire", "release"} <= names:
        yield from matches


def lock_class(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A class that is a lock by its name, and what it does; a lock file of packages, a block and a lockout are none."""
    if _LOCK_CLASS.search(facts.owner.rpartition(".")[2]):
        yield from (m for m in matches if isinstance(m.node, (cst.ClassDef, cst.FunctionDef)) and m.node.name.value != "__repr__")
