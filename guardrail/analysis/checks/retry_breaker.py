"""Checks of the retry-breaker pack: loops that retry, and breakers that forget."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.checks import flow

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.match import Match

_OPTIMISTIC = re.compile(
    r"Stale|Conflict|Optimistic|WatchError|Serializ|Integrity|Duplicate|Exists|Version|BlockingIO|Interrupted|Empty|Full|Collision"
)
_BROAD = re.compile(
    r"\b(Exception|BaseException|OSError|IOError|ConnectionError|TimeoutError|RequestException|HTTPError|OperationalError)\b"
)
_COUNTERS = re.compile(r"attempt|retry|retries|tries|try_no|trial")
_BREAKERS = frozenset({"circuitbreaker.circuit", "circuitbreaker.CircuitBreaker", "pybreaker.CircuitBreaker"})


def not_optimistic(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Not where what is retried is a lost race in the database or in memory."""
    for match in matches:
        if not _OPTIMISTIC.search(facts.code(match.node)):
            yield match


def _exits(nodes: Iterable[cst.CSTNode]) -> bool:
    """Whether one of the statements leaves the loop."""
    return any(isinstance(n, (cst.Return, cst.Break, cst.Raise)) for n in nodes)


def _sleeps(root: cst.CSTNode) -> bool:
    return any(flow.called(n) in ("sleep", "wait", "wait_for", "backoff") for n in flow.own_nodes(root))


def _tries(loop: cst.While | cst.For) -> list[cst.Try]:
    return [n for n in getattr(loop.body, "body", ()) if isinstance(n, cst.Try)]


def _caught(facts: Facts, handler: cst.ExceptHandler) -> str:
    return facts.code(handler.type) if handler.type is not None else "BaseException"


def endless_loop(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`while True` around a `try` that ends the loop only by success, and tries again after a failure for ever."""
    for match in matches:
        loop = match.node
        if not isinstance(loop, cst.While):
            continue
        tries = _tries(loop)
        if len(tries) != 1 or not tries[0].handlers:
            continue
        attempt = tries[0]
        after = [n for n in getattr(loop.body, "body", ()) if n is not attempt]
        success = _exits(flow.own_nodes(attempt.body)) or any(_exits([m, *flow.own_nodes(m)]) for m in after)
        handled = [n for h in attempt.handlers for n in flow.own_nodes(h.body)]
        before = getattr(loop.body, "body", ())[: getattr(loop.body, "body", ()).index(attempt)]
        bounded = _exits(handled) or any(_exits([m, *flow.own_nodes(m)]) for m in before)
        again = any(_sleeps(h.body) or _BROAD.search(_caught(facts, h)) for h in attempt.handlers)
        lost_race = any(_OPTIMISTIC.search(_caught(facts, h)) for h in attempt.handlers)
        asks = any(flow.called(n) in ("input", "prompt", "getpass") for n in flow.own_nodes(attempt.body))
        if success and again and not bounded and not lost_race and not asks:
            yield match


def _counted(facts: Facts, loop: cst.CSTNode) -> bool:
    """`for attempt in range(n)`."""
    return (
        isinstance(loop, cst.For)
        and isinstance(loop.iter, cst.Call)
        and flow.called(loop.iter) == "range"
        and bool(_COUNTERS.search(facts.code(loop.target)) or _COUNTERS.search(facts.code(loop.iter).lower()))
    )


def hot_loop(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`for attempt in range(n)` around a `try`, that goes on after a failure without a pause."""
    for match in matches:
        loop = match.node
        if not isinstance(loop, cst.For) or not _counted(facts, loop) or _sleeps(loop.body):
            continue
        tries = _tries(loop)
        if len(tries) != 1 or not tries[0].handlers:
            continue
        caught = " ".join(_caught(facts, h) for h in tries[0].handlers)
        goes_on = any(not _last_exits(h.body) for h in tries[0].handlers)
        outside = _OPTIMISTIC.search(caught) is None and _BROAD.search(caught) is not None
        if goes_on and outside and _exits([*flow.own_nodes(tries[0].body), *_else(tries[0])]):
            yield match


def _else(attempt: cst.Try) -> list[cst.CSTNode]:
    return list(flow.own_nodes(attempt.orelse)) if attempt.orelse is not None else []


def _last_exits(block: cst.BaseSuite) -> bool:
    last = block.body[-1] if block.body else None
    return last is not None and _exits([last, *(last.body if isinstance(last, cst.SimpleStatementLine) else ())])


def loses_outcome(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A counted retry loop at the end of a function that returns a value: after the last failure the function returns None."""
    for match in matches:
        loop = match.node
        if not isinstance(loop, cst.For) or not _counted(facts, loop) or loop.orelse is not None:
            continue
        function = flow.function_def(facts, loop)
        tries = _tries(loop)
        if function is None or len(tries) != 1 or not tries[0].handlers or function.body.body[-1] is not loop:
            continue
        gives = any(isinstance(n, cst.Return) and n.value is not None for n in flow.own_nodes(tries[0]))
        handled = [n for h in tries[0].handlers for n in flow.own_nodes(h.body)]
        rest = [n for s in loop.body.body if s is not tries[0] for n in (s, *flow.own_nodes(s))]
        if gives and not any(isinstance(n, (cst.Raise, cst.Return)) for n in (*handled, *rest)):
            yield match


def forgotten_breaker(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A breaker made inside a function and kept by nothing beyond it."""
    for match in matches:
        root = facts.function(match.node)
        if root is None:
            continue
        name = flow.assigned_name(facts, match.node)
        direct = isinstance(facts.parent(match.node), (cst.Attribute, cst.WithItem))
        if direct or (name and not flow.escapes(facts, name, root)):
            yield match


def above_breaker(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A retry decorator with a circuit breaker below it, that also retries the breaker's refusal."""
    for match in matches:
        decorator = facts.parent(match.node)
        function = facts.parent(decorator) if decorator is not None else None
        if not isinstance(decorator, cst.Decorator) or not isinstance(function, cst.FunctionDef):
            continue
        if not isinstance(match.node, cst.Call) or "CircuitBreaker" in facts.code(match.node) or not _any_error(facts, match.node):
            continue
        below = function.decorators[list(function.decorators).index(decorator) + 1 :]
        if any(_is_breaker(facts, d.decorator) for d in below):
            yield match


def _any_error(facts: Facts, call: cst.Call) -> bool:
    """Whether the decorator retries every exception."""
    if "backoff" in "".join(facts.names(call.func)):
        return len(call.args) > 1 and facts.code(call.args[1].value) in ("Exception", "BaseException", "(Exception,)")
    chosen = flow.keyword(call, "retry")
    return chosen is None or re.search(r"exception_type\((Exception)?\)", facts.code(chosen)) is not None


def _is_breaker(facts: Facts, node: cst.CSTNode) -> bool:
    inner = node.func if isinstance(node, cst.Call) else node
    return bool((facts.names(inner) | facts.types(inner)) & _BREAKERS)
