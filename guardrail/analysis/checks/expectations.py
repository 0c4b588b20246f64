"""Checks of the tests pack: expectations that nearly anything meets, and tests that depend on clock, network and luck."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.checks import flow

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.match import Match

_RAISED = re.compile(r"raise Exception\b|\bException\(|side_effect\s*=\s*(Base)?Exception\b|raise BaseException|throw\(Exception")
_SLOW = re.compile(r"\b(integration|slow|e2e|network|online|live|vcr|external|manual)\b")
_FAKED = re.compile(
    r"freeze|time_machine|monkeypatch|fake_?(clock|time)|mock|patch\b|travel|now_?func|set_time|clock|virtual", re.IGNORECASE
)
_INTERCEPTED = re.compile(
    r"responses|requests_mock|respx|vcr|httpretty|pook|mock|patch|MockTransport|monkeypatch|betamax|aresponses|httpx_mock|TestClient|moto"
)
_OWN_HOST = re.compile(
    r"^https?://(localhost|127\.|0\.0\.0\.0|\[::1\]|testserver|test\b|[\w.-]*example\b|[\w.-]+\.(test|invalid|example|local|internal))|^[^h]|\{"
)


def loose_error(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`raises(Exception)` where nothing looks at the error afterwards, and the test does not throw one itself."""
    if _RAISED.search(facts.file.source.text):
        return
    for match in matches:
        item = facts.parent(match.node)
        if _explained(facts, match.node):
            continue
        if isinstance(item, cst.WithItem) and item.asname is None:
            yield match
        elif isinstance(item, cst.WithItem) and item.asname is not None and isinstance(item.asname.name, cst.Name):
            if not flow.uses(facts, item.asname.name.value, flow.around(facts, match.node)):
                yield match
        elif isinstance(match.node, cst.Call) and len(match.node.args) > 1 and flow.is_statement(facts, match.node):
            yield match


def _explained(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether a comment at the block says why any error will do."""
    first = facts.span(node)[0]
    near = "\n".join(facts.file.lines[max(0, first - 5) : first])
    return re.search(r"#.*\b(any|arbitrary|depends?|dependent|var(y|ies)|whatever|differs?|platform|some kind)\b", near) is not None


def sleeps(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Real sleep in the body of a test itself, neither faked nor part of waiting for a condition."""
    for match in matches:
        function = flow.function_def(facts, match.node)
        if function is None or not function.name.value.startswith("test"):
            continue
        around = list(facts.ancestors(match.node))
        waits = any(isinstance(a, (cst.While, cst.For, cst.Lambda)) or _cut_short(facts, a) for a in around)
        faked = _FAKED.search(facts.code(function)) is not None
        if not waits and not faked and flow.is_statement(facts, match.node) and not _marked(facts, match.node):
            yield match


def _cut_short(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether a `with` ends what it holds before its time: a timeout, a cancelled scope, an error that is expected."""
    entered = " ".join(facts.code(i.item) for i in node.items) if isinstance(node, cst.With) else ""
    return re.search(r"raises|assertRaises|timeout|fail_after|move_on|cancel", entered) is not None


def _marked(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether the file, or the test itself, is marked as one that is slow or needs a network."""
    function = flow.function_def(facts, node)
    own = facts.code(function).partition("def ")[0] if function is not None else ""
    module = re.search(r"pytestmark\s*=.*", facts.file.source.text)
    return any(_SLOW.search(text) for text in (own, module[0] if module else "", facts.path))


def real_host(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Calls of a host out there, in a file that intercepts none and marks none."""
    if _INTERCEPTED.search(facts.file.source.text):
        return
    for match in matches:
        origin, url = match.env["U"]
        address = origin.constant(url)
        if isinstance(address, str) and not _OWN_HOST.search(address) and not _marked(facts, match.node):
            yield match


def wall_clock(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Equality with the time of now, in tests that do not hold the clock."""
    for match in matches:
        function = flow.function_def(facts, match.node)
        inside = any(isinstance(a, cst.Assert) or flow.called(a) == "assertEqual" for a in facts.ancestors(match.node))
        faked = _FAKED.search(facts.code(function)) if function is not None else True
        if function is not None and inside and not faked and not re.search(r"freeze|time_machine", facts.file.source.text):
            yield match


def any_order(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A list made of a set, held against a list of more than one element in a given order."""
    for match in matches:
        _, listed = match.env["L"]
        _, made = match.env["S"]
        several = isinstance(listed, cst.List) and len(listed.elements) > 1
        if several and (isinstance(made, (cst.Set, cst.SetComp)) or facts.types(made) & {"set", "frozenset"}):
            yield match
