"""Checks of the concurrency pack: tasks without an owner, swallowed cancellation, locks that do not protect."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.checks import flow
from guardrail.analysis.scopes import dotted
from guardrail.analysis.walk import descendants

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.match import Match

_THREAD_LOCKS = frozenset(
    f"{package}.{name}"
    for package in ("threading", "multiprocessing")
    for name in ("Lock", "RLock", "Condition", "Semaphore", "BoundedSemaphore")
) | {"filelock.FileLock"}
_CANCELLED = frozenset({"asyncio.CancelledError", "asyncio.exceptions.CancelledError", "BaseException"})
_SHUTDOWN = re.compile(r"close|shutdown|stop|cancel|__aexit__|teardown|cleanup|drain|disconnect|terminate", re.IGNORECASE)


def dropped(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Calls whose result nothing keeps: a statement of their own, or a local name that is never read."""
    for match in matches:
        parent = facts.parent(match.node)
        if isinstance(parent, cst.Expr):
            yield match
        if isinstance(parent, (cst.Expr, cst.Await)):
            continue
        name = flow.assigned_name(facts, match.node)
        if name and flow.function_def(facts, match.node) and not flow.uses(facts, name, flow.around(facts, match.node)):
            yield match


def swallowed_cancellation(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Handlers in async code that catch the cancellation of what they await, and go on."""
    for match in matches:
        handler, attempt = match.node, facts.parent(match.node)
        if not isinstance(handler, cst.ExceptHandler) or not isinstance(attempt, cst.Try):
            continue
        explicit = handler.type is not None and "BaseException" not in facts.code(handler.type)
        if not _awaits(attempt.body) or _raises(handler.body) or _earlier(facts, attempt, handler):
            continue
        if explicit and (_leaves(handler.body) or _cancels(facts, handler)):
            continue
        if _keeps(handler):
            continue
        yield match


def _awaits(root: cst.CSTNode) -> bool:
    return any(
        isinstance(n, cst.Await) or (isinstance(n, (cst.For, cst.With, cst.CompFor)) and n.asynchronous is not None)
        for n in flow.own_nodes(root)
    )


def _raises(root: cst.CSTNode) -> bool:
    return any(isinstance(n, cst.Raise) for n in flow.own_nodes(root))


def _leaves(block: cst.BaseSuite) -> bool:
    last = block.body[-1] if block.body else None
    inner = last.body if isinstance(last, cst.SimpleStatementLine) else ()
    return any(isinstance(n, (cst.Return, cst.Break)) for n in inner)


def _cancels(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether the function itself cancels the task that it then awaits."""
    root = flow.around(facts, node)
    return any(flow.called(n) in ("cancel", "cancel_scope") for n in flow.own_nodes(root))


def _keeps(handler: cst.ExceptHandler) -> bool:
    """Whether the error is stored for somebody who asks for it later: `self.failure = error`, `errors.append(error)`."""
    label = handler.name.name if handler.name is not None else None
    name = label.value if isinstance(label, cst.Name) else ""
    return bool(name) and any(_stores(node, name) for node in flow.own_nodes(handler.body))


def _stores(node: cst.CSTNode, name: str) -> bool:
    if isinstance(node, cst.Assign):
        kept = any(isinstance(t.target, (cst.Attribute, cst.Subscript)) for t in node.targets)
        return kept and isinstance(node.value, cst.Name) and node.value.value == name
    values = [a.value for a in node.args] if isinstance(node, cst.Call) and flow.called(node) == "append" else []
    return any(isinstance(v, cst.Name) and v.value == name for v in values)


def _earlier(facts: Facts, attempt: cst.Try, handler: cst.ExceptHandler) -> bool:
    """Whether a handler above this one takes the cancellation."""
    for other in attempt.handlers:
        if other is handler:
            return False
        if other.type is None or _error_names(facts, other.type) & _CANCELLED:
            return True
    return False


def _error_names(facts: Facts, node: cst.BaseExpression) -> frozenset[str]:
    parts = [e.value for e in node.elements] if isinstance(node, cst.Tuple) else [node]
    return frozenset().union(*(facts.names(p) for p in parts), frozenset())


def suppressed_cancellation(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`with suppress(CancelledError)` around anything but a task that the function has just cancelled."""
    for match in matches:
        item = facts.parent(match.node)
        block = facts.parent(item) if item is not None else None
        if isinstance(block, cst.With) and _awaits(block.body) and not _cancels(facts, block):
            yield match


def outcomes_ignored(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`gather(return_exceptions=True)` whose results nobody looks at, or looks at without asking what they are."""
    for match in matches:
        root = flow.around(facts, match.node)
        function = flow.function_def(facts, match.node)
        if function is not None and _SHUTDOWN.search(function.name.value):
            continue
        if any(flow.called(n) == "cancel" for n in flow.own_nodes(root)):
            continue
        name = flow.assigned_name(facts, match.node)
        if flow.is_statement(facts, match.node) or (name and _unasked(facts, name, root)):
            yield match


def _unasked(facts: Facts, name: str, root: cst.CSTNode) -> bool:
    """Whether the name is read, handed to nobody, and nothing in the function tells failures from results."""
    looks = {"isinstance", "exception", "issubclass", "type"}
    if any(flow.called(n) in looks or isinstance(n, (cst.Match, cst.Raise)) for n in flow.own_nodes(root)):
        return False
    if _elements_tested(facts, name, root):
        return False
    for use in flow.uses(facts, name, root):
        parent = facts.parent(use)
        if isinstance(parent, cst.Return):
            return False
        call = facts.parent(parent) if isinstance(parent, cst.Arg) else None
        if call is not None and flow.called(call) not in (
            "zip",
            "enumerate",
            "list",
            "len",
            "sum",
            "sorted",
            "filter",
            "extend",
            "dict",
        ):
            return False
    return True


def _elements_tested(facts: Facts, name: str, root: cst.CSTNode) -> bool:
    """Whether a loop over the results asks of each what it is: `if err:`, `result is not True`."""
    for loop in flow.own_nodes(root):
        if isinstance(loop, (cst.For, cst.CompFor)) and any(_is_name(n, {name}) for n in descendants(loop.iter)):
            elements = {n.value for n in descendants(loop.target) if isinstance(n, cst.Name)}
            tests = [n.test for n in flow.own_nodes(root) if isinstance(n, (cst.If, cst.IfExp, cst.CompIf))]
            if any(_is_name(n, elements) for test in tests for n in descendants(test)):
                return True
    return False


def _is_name(node: cst.CSTNode, names: set[str]) -> bool:
    return isinstance(node, cst.Name) and node.value in names


def waits_under_lock(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`with` on a lock of threads, in async code, around an `await`."""
    for match in matches:
        block = match.node
        if not isinstance(block, cst.With) or block.asynchronous is not None or not _thread_lock(facts, block):
            continue
        function = flow.function_def(facts, block)
        inside = _awaits(block.body) or any(isinstance(n, cst.Yield) for n in flow.own_nodes(block.body))
        if function is not None and function.asynchronous is not None and inside:
            yield match


def _thread_lock(facts: Facts, block: cst.With) -> bool:
    for item in block.items:
        entered = item.item
        known = facts.types(entered) | facts.names(entered.func if isinstance(entered, cst.Call) else entered)
        if known & _THREAD_LOCKS:
            return True
        words = dotted(entered).rpartition(".")[2].lower().split("_")
        if not facts.types(entered) and {"lock", "mutex", "rlock"}.intersection(words):
            return True
    return False


def release_not_sure(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`x.acquire()` as a statement, with a later `x.release()` in the function that no `finally` guarantees."""
    for match in matches:
        if not flow.is_statement(facts, match.node) or not isinstance(match.node, cst.Call):
            continue
        lock = flow.receiver(match.node)
        root = flow.around(facts, match.node)
        releases = [n for n in flow.own_nodes(root) if flow.called(n) == "release" and _same(facts, flow.receiver(n), lock)]
        guarded = any(isinstance(a, (cst.Finally, cst.ExceptHandler)) for n in releases for a in facts.ancestors(n))
        if releases and not guarded:
            yield match


def _same(facts: Facts, one: cst.CSTNode | None, other: cst.CSTNode | None) -> bool:
    return one is not None and other is not None and facts.normal(one) == facts.normal(other)


def private_lock(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A lock made in the very function that takes it, and seen by nobody else."""
    for match in matches:
        root = facts.function(match.node)
        if root is None:
            continue
        if flow.is_entered(facts, match.node):
            yield match
            continue
        name = flow.assigned_name(facts, match.node)
        used = flow.uses(facts, name, root) if name else []
        if used and all(facts.function(u) is root and _taken(facts, u) for u in used):
            yield match


def _taken(facts: Facts, use: cst.Name) -> bool:
    parent = facts.parent(use)
    if isinstance(parent, cst.WithItem):
        return True
    return isinstance(parent, cst.Attribute) and parent.attr.value in ("acquire", "release", "locked")
