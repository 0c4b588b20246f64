"""Conditions, events and queues between threads: who waits for what, and who looks again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.checks import flow
from guardrail.analysis.scopes import dotted

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.match import Match


def wait_without_loop(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`condition.wait()` that is not asked again when it wakes."""
    for match in matches:
        if not any(isinstance(a, cst.While) for a in _inside_function(facts, match.node)):
            yield match


def _inside_function(facts: Facts, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    for around in facts.ancestors(node):
        if isinstance(around, (cst.FunctionDef, cst.Lambda)):
            return
        yield around


def notify_without_lock(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`condition.notify()` in a function that does not hold the condition."""
    for match in matches:
        of = flow.receiver(match.node)
        function = flow.function_def(facts, match.node)
        if of is None or function is None or "lock" in function.name.value or function.name.value.startswith("_"):
            continue
        if any(flow.called(n) == "acquire" for n in flow.own_nodes(function.body)):
            continue
        if not any(isinstance(a, cst.With) for a in facts.ancestors(match.node)):
            yield match


def busy_wait(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`while not self.done: pass`: a loop that only asks for a flag that another thread sets (a field of self: LKF001)."""
    for match in matches:
        loop = match.node
        if isinstance(loop, cst.While) and _flag(facts, loop.test) and _does_nothing(loop.body):
            yield match


def _flag(facts: Facts, test: cst.BaseExpression) -> bool:
    inner = test.expression if isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not) else test
    if isinstance(inner, cst.Attribute):
        return bool(dotted(inner)) and not dotted(inner).startswith(("self.", "cls."))
    return isinstance(inner, cst.Name) and inner.value not in ("True", "False")


def _does_nothing(body: cst.BaseSuite) -> bool:
    lines = [n for n in flow.own_nodes(body) if isinstance(n, cst.BaseSmallStatement)]
    return bool(lines) and all(isinstance(n, (cst.Pass, cst.Continue)) for n in lines)


def empty_then_get(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`if not q.empty(): q.get()`: in between another thread takes the last item, and this one waits for ever."""
    for match in matches:
        queue = flow.receiver(match.node)
        test = next((a for a in _inside_function(facts, match.node) if isinstance(a, (cst.If, cst.While))), None)
        if queue is None or test is None:
            continue
        asked = [n for n in (test.test, *flow.own_nodes(test.test)) if flow.called(n) == "empty"]
        if any(facts.normal(flow.receiver(n) or n) == facts.normal(queue) for n in asked):
            yield match
