"""What the caller of a retried function hears of the last failure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.checks import flow
from guardrail.analysis.checks.awaiting import local_functions
from guardrail.analysis.checks.tracing import resolve
from guardrail.analysis.walk import descendants

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.match import Match

_ANY_ERROR = frozenset({"Exception", "BaseException"})
_WRAPPED = frozenset({"tenacity.RetryError", "retrying.RetryError"})
_EMPTY = frozenset({"None", "[]", "{}", "()", '""', "''"})


def dead_handler(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`except ConnectionError` around a function that raises `RetryError` in its place."""
    reported: set[int] = set()
    for match in matches:
        attempt = _attempt_around(facts, match.node)
        if attempt is None or id(attempt) in reported or _sees_wrapped(facts, attempt):
            continue
        for owner, function in local_functions(facts, getattr(match.node, "func", match.node)):
            wrapped = _wrapped_errors(owner, function)
            dead = _first_dead(facts, attempt, wrapped) if wrapped is not None else None
            if dead is not None:
                reported.add(id(attempt))
                name = facts.code(getattr(match.node, "func", match.node))
                yield facts.match(dead, f"`{name}` is retried, and raises RetryError in place of what this handler waits for.")
                break


def _attempt_around(facts: Facts, node: cst.CSTNode) -> cst.Try | None:
    """The `try` whose body the node stands in, not one further out than the innermost."""
    child = node
    for around in facts.ancestors(node):
        if isinstance(around, (cst.FunctionDef, cst.Lambda)):
            return None
        if isinstance(around, cst.Try) and child is around.body:
            return around if around.handlers else None
        child = around
    return None


def _caught(facts: Facts, handler: cst.ExceptHandler) -> list[cst.BaseExpression]:
    if handler.type is None:
        return []
    return [e.value for e in handler.type.elements] if isinstance(handler.type, cst.Tuple) else [handler.type]


def _sees_wrapped(facts: Facts, attempt: cst.Try) -> bool:
    for handler in attempt.handlers:
        errors = _caught(facts, handler)
        if not errors or any(facts.names(e) & (_ANY_ERROR | _WRAPPED) or not facts.names(e) for e in errors):
            return True
    return False


def _wrapped_errors(facts: Facts, function: cst.CSTNode) -> frozenset[str] | None:
    """The errors that the decorator turns into RetryError; an empty set: all of them; None: it turns none, or nobody knows."""
    for decorator in getattr(function, "decorators", ()):
        owner, mark = resolve(facts, decorator.decorator)
        names = owner.names(mark.func if isinstance(mark, cst.Call) else mark)
        if names & {"tenacity.retry"}:
            return _of_tenacity(owner, mark) if isinstance(mark, cst.Call) else frozenset()
        if names & {"retrying.retry"} and isinstance(mark, cst.Call):
            wraps = flow.keyword(mark, "wrap_exception")
            return frozenset() if wraps is not None and owner.constant(wraps) is True else None
    return None


def _of_tenacity(facts: Facts, mark: cst.Call) -> frozenset[str] | None:
    if any(a.star for a in mark.args) or flow.keyword(mark, "retry_error_callback") or flow.keyword(mark, "retry_error_cls"):
        return None
    reraise = flow.keyword(mark, "reraise")
    if reraise is not None and facts.constant(reraise) is not False:
        return None
    if flow.keyword(mark, "stop") is None:
        return None  # it never gives up, so nothing is raised at all: RTY001
    wanted = flow.keyword(mark, "retry")
    if wanted is None:
        return frozenset()
    owner, chosen = resolve(facts, wanted)
    if (
        not isinstance(chosen, cst.Call)
        or owner.names(chosen.func) != {"tenacity.retry_if_exception_type"}
        or len(chosen.args) != 1
    ):
        return None
    errors = chosen.args[0].value
    parts = [e.value for e in errors.elements] if isinstance(errors, cst.Tuple) else [errors]
    found = frozenset().union(*(owner.names(p) for p in parts), frozenset[str]())
    return frozenset() if found & _ANY_ERROR else found or None


def _first_dead(facts: Facts, attempt: cst.Try, wrapped: frozenset[str]) -> cst.ExceptHandler | None:
    """The first handler whose errors are all among the wrapped ones."""
    for handler in attempt.handlers:
        errors = _caught(facts, handler)
        if errors and all(not wrapped or facts.names(e) & wrapped for e in errors):
            return handler
    return None


def failure_as_success(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`retry_error_callback` that answers None or something empty after the last failure."""
    for match in matches:
        owner, callback = resolve(*match.env["C"])
        if isinstance(callback, cst.Lambda):
            silent = owner.code(callback.body) in _EMPTY
        else:
            found = local_functions(*match.env["C"])
            silent = bool(found) and all(_silent(where, node) for where, node in found)
        if silent:
            yield match


def _silent(facts: Facts, function: cst.CSTNode) -> bool:
    """Whether a function raises nothing and returns nothing, or something empty."""
    body = getattr(function, "body", None)
    if body is None:
        return False
    nodes = list(flow.own_nodes(body))
    given = [n.value for n in nodes if isinstance(n, cst.Return) and n.value is not None]
    return not any(isinstance(n, cst.Raise) for n in nodes) and all(facts.code(v) in _EMPTY for v in given)


def attempt_not_entered(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`for attempt in Retrying(…):` without `with attempt:`."""
    for match in matches:
        loop = match.node
        if isinstance(loop, cst.For) and _is_retrying(facts, loop.iter) and isinstance(loop.target, cst.Name):
            name = loop.target.value
            if not any(_hands_on(facts, n, name) for n in descendants(loop.body)):
                yield match


def _is_retrying(facts: Facts, node: cst.BaseExpression) -> bool:
    owner, made = resolve(facts, node)
    known = {"tenacity.Retrying", "tenacity.AsyncRetrying", "stamina.retry_context"}
    return isinstance(made, cst.Call) and bool(owner.names(made.func) & known)


def _hands_on(facts: Facts, node: cst.CSTNode, name: str) -> bool:
    """Whether the attempt is entered, or given to somebody who may enter it."""
    if not isinstance(node, cst.Name) or node.value != name:
        return False
    parent = facts.parent(node)
    stated = isinstance(parent, cst.Attribute) and parent.attr.value in ("__enter__", "__aenter__", "retry_state")
    if isinstance(parent, cst.Arg):
        return flow.called(facts.parent(parent) or parent) not in ("debug", "info", "warning", "print")
    return stated or isinstance(parent, (cst.WithItem, cst.Assign, cst.Yield))
