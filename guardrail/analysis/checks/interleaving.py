"""State that is looked at, then an `await`, then changed by what was seen: other tasks ran in between."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.checks import flow
from guardrail.analysis.scopes import dotted
from guardrail.analysis.walk import descendants
from guardrail.words import split_words

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.match import Match

COUNTED = frozenset(
    "balance amount quantity qty stock inventory credit credits points count counter counts total totals quota seats remaining"
    " used version hits spent budget tokens inflight pending active usage".split()
)
_LOCKS = re.compile(
    r"lock|mutex|semaphore|\bsem\b|limiter|guard|condition|transaction|atomic|exclusive|single_?flight", re.IGNORECASE
)
# Called once, or by one task after the other: by whoever owns the object.
_LIFE_CYCLE = re.compile(
    r"^_*(a?start|connect|reconnect|open|set_?up|init|initiali[sz]e|a?enter|aexit|exit|log_?in|authenticate|run|main|a?close|stop|shut_?down|"
    r"disconnect|handle|consume|loop|dispatch|process|serve|worker|listen|on|prepare|boot|create|restart|launch|spawn|build|install|test)(_|$)"
)
# What is made twice is left open, or spoils the first one; another value computed twice is only the same value.
_RESOURCES = frozenset(
    "client session connection conn pool channel producer consumer redis db database engine driver browser socket websocket ws"
    " token tokens credentials transport stream lease leader worker task server process".split()
)
# One object for one request, one connection, one page: no two tasks meet in it.
_OWN = re.compile(
    r"(Request|Response|Connection|Protocol|Parser|Stream|Reader|Writer|Context|Command|View|Handler|Form|Iterator|Page|Cursor|Transaction|Event|Message|Test\w*)$"
)


def changed_across_await(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Counts and sums whose old value is read before an `await` and whose new value is written after it."""
    for match in matches:
        statement = facts.statement(match.node)
        target = _sum_target(facts, statement, match.node)
        if target is not None and _counts(facts, target) and not _guarded(facts, statement):
            yield facts.match(statement, f"`{facts.code(target)}` is read before the await and written after it.")


def stale_write(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`n = self.n`, then an `await`, then `self.n = n + 1`."""
    for match in matches:
        target, value = match.env["X"][1], match.env["V"][1]
        if not shared(facts, target) or not _counts(facts, target) or _guarded(facts, match.node):
            continue
        if not isinstance(value, cst.BinaryOperation):
            continue
        names = [n for n in descendants(value) if isinstance(n, cst.Name)]
        if any(_read_before_await(facts, name, target, match.node) for name in names):
            yield facts.match(match.node, f"`{facts.code(target)}` is written from what it was before the await.")


def filled_across_await(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`if self.x is None: self.x = await make()`, for objects that one task does not own alone."""
    for write, target in _unguarded_fills(facts, matches):
        if not isinstance(target, cst.Subscript) and _RESOURCES.intersection(split_words(facts.code(target))):
            yield _filled_twice(facts, write, target)


def keyed_fill_across_await(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`if key not in self.d: self.d[key] = await make(key)`: everybody who comes in the meantime makes it, too."""
    for write, target in _unguarded_fills(facts, matches):
        if isinstance(target, cst.Subscript):
            yield _filled_twice(facts, write, target)


def _unguarded_fills(facts: Facts, matches: Iterable[Match]) -> Iterator[tuple[cst.CSTNode, cst.BaseExpression]]:
    """The writes behind a test and an await that no lock guards, each with what is written."""
    for match in matches:
        found = _tested_write(facts, match.node)
        if found is not None and not _guarded(facts, found[0]) and not _owned(facts, *found):
            yield found


def _filled_twice(facts: Facts, write: cst.CSTNode, target: cst.BaseExpression) -> Match:
    return facts.match(write, f"`{facts.code(target)}` is found missing, and set only after an await: a second task does the same.")


# ---- shared state ------------------------------------------------------------------------------------


def shared(facts: Facts, target: cst.CSTNode) -> bool:
    """Whether a target is an attribute of the object or the class, or a module-level name: what other tasks see."""
    if isinstance(target, cst.Subscript):
        return shared(facts, target.value) or (isinstance(target.value, cst.Name) and global_name(facts, target.value))
    if isinstance(target, cst.Attribute):
        return dotted(target).split(".")[0] in ("self", "cls")
    return isinstance(target, cst.Name) and target.value in facts.scopes.declared.get(id(flow.around(facts, target)), ())


def global_name(facts: Facts, name: cst.Name) -> bool:
    """Whether a name that a function only fills is one of the module's own."""
    if facts.definition is None or facts.definition.kind == "module":
        return False
    origins = facts.origins(name)
    return bool(origins) and all(owner is not facts or bind.kind == "fill" for owner, bind in origins)


def _counts(facts: Facts, target: cst.CSTNode) -> bool:
    return bool(COUNTED.intersection(split_words(facts.code(target))))


def _guarded(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether a lock is held, or taken anywhere in the function by hand."""
    root = flow.around(facts, node)
    if any(isinstance(a, cst.With) and any(_LOCKS.search(facts.code(i.item)) for i in a.items) for a in facts.ancestors(node)):
        return True
    marks = [facts.code(d.decorator) for d in root.decorators] if isinstance(root, cst.FunctionDef) else []
    words = facts.definition.words if facts.definition is not None else frozenset()
    return any(map(_LOCKS.search, marks)) or bool(words & {"acquire", "locked"})


def _owned(facts: Facts, node: cst.CSTNode, target: cst.CSTNode) -> bool:
    """Whether the function or the class is by its name of the kind that one task has for itself."""
    function = flow.function_def(facts, node)
    if function is not None and _LIFE_CYCLE.match(function.name.value):
        return True
    of_self = dotted(target.value if isinstance(target, cst.Subscript) else target).startswith(("self.", "cls."))
    return of_self and bool(_OWN.search(facts.owner))


# ---- order -------------------------------------------------------------------------------------------


def _sum_target(facts: Facts, statement: cst.CSTNode, wait: cst.CSTNode) -> cst.CSTNode | None:
    """The shared target of `x += await f()` or `x = x + await f()`."""
    if isinstance(statement, cst.AugAssign):
        return statement.target if shared(facts, statement.target) else None
    if isinstance(statement, cst.Assign) and len(statement.targets) == 1:
        target = statement.targets[0].target
        wanted = facts.normal(target)
        read = [n for n in descendants(statement.value) if type(n) is type(target) and facts.normal(n) == wanted]
        if any(facts.order[id(n)] < facts.order[id(wait)] for n in read) and shared(facts, target):
            return target
    return None


def _read_before_await(facts: Facts, name: cst.Name, target: cst.CSTNode, write: cst.CSTNode) -> bool:
    origins = [(owner, bind) for owner, bind in facts.origins(name) if owner is facts]
    if len(origins) != 1 or origins[0][1].kind != "value":
        return False
    bind = origins[0][1]
    value = bind.node.func.value if isinstance(bind.node, cst.Call) and isinstance(bind.node.func, cst.Attribute) else bind.node
    if facts.normal(value) not in (
        facts.normal(target),
        facts.normal(getattr(target, "value", value)) if value is not bind.node else "",
    ):
        return False
    end = facts.order[id(write)]
    waits = facts.once("waits", flow.around(facts, write), lambda: _waits(facts, write), [0])
    return bisect_right(waits, bind.order) < bisect_right(waits, end - 1)


def _waits(facts: Facts, node: cst.CSTNode) -> list[int]:
    """Where the function around a node awaits something, in order."""
    return [facts.order[id(n)] for n in flow.own_nodes(flow.around(facts, node)) if isinstance(n, cst.Await)]


def _tested_write(facts: Facts, wait: cst.CSTNode) -> tuple[cst.CSTNode, cst.BaseExpression] | None:
    """The write of what an `if` around found missing, with the value of this `await`."""
    statement = facts.statement(wait)
    write = statement if isinstance(statement, cst.Assign) else None
    name = flow.assigned_name(facts, wait) if write is not None else ""
    test = next((a for a in facts.ancestors(statement) if isinstance(a, (cst.If, cst.FunctionDef, cst.Lambda))), None)
    if not isinstance(test, cst.If) or not _in_body(facts, statement, test):
        return None
    for node in flow.own_nodes(test.body):
        if not isinstance(node, cst.Assign) or facts.order[id(node)] < facts.order[id(statement)]:
            continue
        of_name = bool(name) and isinstance(node.value, cst.Name) and node.value.value == name
        if (node is not write and not of_name) or flow.within(facts, node, test, cst.If):
            continue
        for target in node.targets:
            if shared(facts, target.target) and _asks_whether_missing(facts, test.test, target.target):
                return node, target.target
    return None


def _in_body(facts: Facts, statement: cst.CSTNode, test: cst.If) -> bool:
    return any(a is test.body for a in facts.ancestors(statement))


def _asks_whether_missing(facts: Facts, test: cst.BaseExpression, target: cst.BaseExpression) -> bool:
    """`x is None`, `not x`, `key not in d`, for the very thing that is written."""
    if isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not):
        return facts.normal(test.expression) == facts.normal(target)
    if not isinstance(test, cst.Comparison) or len(test.comparisons) != 1:
        return False
    operator, right = test.comparisons[0].operator, test.comparisons[0].comparator
    if isinstance(operator, (cst.Is, cst.Equal)):
        return facts.code(right) == "None" and facts.normal(test.left) == facts.normal(target)
    if isinstance(operator, cst.NotIn) and isinstance(target, cst.Subscript):
        key = target.slice[0].slice
        same = isinstance(key, cst.Index) and facts.normal(key.value) == facts.normal(test.left)
        return same and facts.normal(right) == facts.normal(target.value)
    return False
