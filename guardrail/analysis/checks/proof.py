"""Checks of the tests pack: whether a test can fail at all."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.checks import flow
from guardrail.analysis.checks.tracing import symbol
from guardrail.analysis.scopes import dotted

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.match import Match

_PROVES = re.compile(
    r"assert|check|verify|expect|should|ensure|valid|must|compar|match|snapshot|raises|warns|fail|approx|equal|same|regression"
    r"|ok$|test|run|invoke|main|contains|has_|is_|wait|diff|error|exception|deprecat|skip",
    re.IGNORECASE,
)
_SMOKE = re.compile(
    r"smoke|import|no_?(error|crash|raise|exception|warn|op)|not_?(raise|fail|crash|error|warn)|doesnt|does_not|without|noop|works?(_|$)|runs?(_|$)"
    r"|benchmark|perf|speed|example|demo|repr|str(_|$)|accept|allow|valid|ok(_|$)|can_|silent|ignore|leak|regress|pickl|close|safe"
)
_REFLEXIVE = re.compile(r"eq|same|identi|compar|reflex|hash|nan|order|lt|gt|cache|singleton|idempot|determin", re.IGNORECASE)
_MOCK_ASSERTS = frozenset(
    "assert_called assert_called_once assert_called_with assert_called_once_with assert_any_call assert_has_calls assert_not_called"
    " assert_awaited assert_awaited_once assert_awaited_with assert_awaited_once_with assert_not_awaited".split()
)
_FALSE_ASSERTS = frozenset(
    "called_once called_with called_once_with any_call has_calls not_called called_exactly_once assert_call assert_called_one"
    " awaited_once awaited_with not_awaited".split()
)


def without_assertion(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Tests that call something and look at nothing."""
    for match in matches:
        function = match.node
        if isinstance(function, cst.FunctionDef) and _is_case(facts, function) and not _proves(facts, function):
            yield match


def _is_case(facts: Facts, function: cst.FunctionDef) -> bool:
    """Whether the function is a test that is collected, and whose name does not say that running through is enough."""
    if function.decorators or _SMOKE.search(function.name.value) or len(function.params.params) > 4:
        return False
    around = flow.function_def(facts, function)
    if around is not None:
        return False
    holder = facts.owner.rpartition(".")[2]
    return not holder or holder.startswith("Test") or any(t.startswith("unittest.") for t in facts.class_types(facts.owner))


def _proves(facts: Facts, function: cst.FunctionDef) -> bool:
    calls = 0
    for node in flow.own_nodes(function.body):
        if isinstance(node, (cst.Assert, cst.Raise, cst.FunctionDef, cst.With, cst.Yield, cst.Try, cst.Match)):
            return True
        if isinstance(node, cst.Call):
            calls += 1
            name = flow.called(node)
            local = any(facts.file.local_symbol(n) for n in facts.names(node.func))
            if not name or _PROVES.search(name) or local or dotted(node.func).startswith("self."):
                return True
    return not calls


def says_nothing(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`assert True`, `assert (value, "message")`, `assert x == x`: assertions that hold whatever the code does."""
    for match in matches:
        node = match.node
        if not isinstance(node, cst.Assert) or _after_branch(facts, node):
            continue
        if isinstance(node.test, cst.Tuple) and node.test.elements:
            yield facts.match(node, "This assertion is a tuple, and a tuple is always true.")
        elif _constant_truth(facts, node.test):
            if not _others(facts, node):
                yield match
        elif _itself(facts, node):
            yield facts.match(node, "Both sides are the same expression.")


def _constant_truth(facts: Facts, test: cst.BaseExpression) -> bool:
    if isinstance(test, cst.Name):
        return test.value == "True"
    if isinstance(test, (cst.Integer, cst.SimpleString)):
        return bool(facts.constant(test))
    return False


def _after_branch(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether the assertion marks that a branch was reached."""
    around = [type(a).__name__ for a in facts.ancestors(node)]
    return "ExceptHandler" in around or "Else" in around


def _others(facts: Facts, node: cst.Assert) -> bool:
    """Whether the same test proves something elsewhere."""
    function = flow.function_def(facts, node)
    return function is not None and any(
        (isinstance(n, cst.Assert) and n is not node) or _PROVES.search(flow.called(n)) for n in flow.own_nodes(function.body)
    )


def _itself(facts: Facts, node: cst.Assert) -> bool:
    test = node.test
    if not isinstance(test, cst.Comparison) or len(test.comparisons) != 1 or _REFLEXIVE.search(symbol(facts)):
        return False
    function = flow.function_def(facts, node)
    if function is not None and re.search(r"__eq__|__hash__|!=|hash\(", facts.code(function)):
        return False
    target = test.comparisons[0]
    plain = isinstance(test.left, (cst.Name, cst.Attribute))
    return plain and isinstance(target.operator, (cst.Equal, cst.Is)) and facts.normal(test.left) == facts.normal(target.comparator)


def misspelt(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Assertions of mocks that are never called, or that a mock takes for just another attribute."""
    for match in matches:
        if not isinstance(match.node, cst.Attribute):
            continue
        name, parent = match.node.attr.value, facts.parent(match.node)
        if name in _MOCK_ASSERTS and isinstance(parent, (cst.Expr, cst.Assert)):
            yield facts.match(match.node, f"`{facts.code(match.node)}` is not called: it asserts nothing.")
        elif name in _FALSE_ASSERTS:
            call = parent if isinstance(parent, cst.Call) and parent.func is match.node else match.node
            if isinstance(facts.parent(call), (cst.Expr, cst.Assert)):
                yield facts.match(match.node, f"A mock has no `{name}`: it makes one up, and it is always true.")


def unreachable(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """The assertions that end a `raises` block: what raises stands before them."""
    for match in matches:
        if not isinstance(match.node, cst.With) or len(match.node.items) != 1:
            continue
        lines = [s for line in match.node.body.body for s in (line.body if isinstance(line, cst.SimpleStatementLine) else [line])]
        last: list[cst.CSTNode] = []
        while lines and isinstance(lines[-1], cst.Assert) and not _calls(lines[-1]) and not _is_false(lines[-1]):
            last.append(lines.pop())
        if any(isinstance(s, (cst.Expr, cst.Assign)) and _calls(s) for s in lines):
            yield from (facts.match(node) for node in reversed(last))


def _is_false(node: cst.Assert) -> bool:
    """`assert False`: it says that nothing comes so far, which is right."""
    return isinstance(node.test, cst.Name) and node.test.value == "False"


def _calls(node: cst.CSTNode) -> bool:
    return any(isinstance(n, (cst.Call, cst.Await)) for n in flow.own_nodes(node))


def swallowed(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A handler that catches the assertion's own error and does nothing."""
    for match in matches:
        around = facts.parent(match.node)
        if isinstance(around, cst.Try) and any(isinstance(n, cst.Assert) for n in flow.own_nodes(around.body)):
            yield match


def never_awaited(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Coroutines among the methods of a plain `unittest.TestCase`, which calls them and awaits nothing."""
    owner = facts.file.definition(facts.owner) if facts.owner else None
    header = facts.file.snippet(owner.first, owner.header, header=True) if owner is not None else None
    node = next((n for n in header.nodes if isinstance(n, cst.ClassDef)), None) if header is not None else None
    if header is None or node is None or len(node.bases) != 1 or header.names(node.bases[0].value) != {"unittest.TestCase"}:
        return
    for match in matches:
        if isinstance(match.node, cst.FunctionDef) and match.node.asynchronous is not None and not match.node.decorators:
            yield match


def of_the_mock(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`assert m.pay() == 5` where `m.pay.return_value = 5` was said a line before."""
    told = {(facts.normal(m.env["M"][1]), _bound(facts, m.env["M"][1])) for m in matches}
    for node in facts.nodes:
        if isinstance(node, cst.Assert) and isinstance(node.test, cst.Comparison):
            left = node.test.left
            call = left.expression if isinstance(left, cst.Await) else left
            if isinstance(call, cst.Call) and (facts.normal(call.func), _bound(facts, call.func)) in told:
                yield facts.match(node)


def _bound(facts: Facts, node: cst.CSTNode) -> frozenset[int]:
    """What the first name of `a.b.c` is bound to there."""
    while isinstance(node, cst.Attribute):
        node = node.value
    return frozenset(id(bind.node) for _, bind in facts.origins(node)) if isinstance(node, cst.Name) else frozenset()
