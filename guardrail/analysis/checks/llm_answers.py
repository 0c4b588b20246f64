"""Checks of the llm-boundary pack: answers that are believed as they come, and loops that a model keeps going."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.checks import flow, tracing
from guardrail.analysis.checks.model_output import asks, said_by_model

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.match import Match

_VALIDATES = re.compile(
    r"^(model_validate\w*|validate\w*|parse_obj|TypeAdapter|isinstance|load|check_schema|structure|convert|fromdict|from_dict)$"
)
_WAITS = re.compile(r"^(input|recv|receive\w*|get_message|prompt|ask|readline|accept|sleep|poll|get|wait|listen|consume)$")
_COUNTS = re.compile(r"(^|_)(steps?|turns?|iter\w*|rounds?|attempts?|budget|max|limit|deadline|depth|counter|tries|hops)(_|$)")

_TOOL_USE = frozenset("tool_calls tool_call tool_use stop_reason finish_reason function_call function_calls tool_outputs".split())


def unvalidated(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`json.loads` of an answer whose fields are used though nothing looks at their shape, and no `try` is around."""
    if any(_VALIDATES.match(flow.called(n)) for n in facts.nodes) or re.search(r"json_schema|strict", _called_code(facts)):
        return
    for match in matches:
        origin, value = match.env["X"]
        if said_by_model(origin, value) and not _tried(facts, match.node) and _fields_read(facts, match.node):
            yield match


def _called_code(facts: Facts) -> str:
    """The calls that ask a model, as text: what they ask it to keep to."""
    return " ".join(facts.code(n) for n in facts.nodes if isinstance(n, cst.Call) and asks(facts, n))


def _tried(facts: Facts, node: cst.CSTNode) -> bool:
    child = node
    for around in facts.ancestors(node):
        if isinstance(around, cst.Try) and child is around.body and around.handlers:
            return True
        child = around
    return False


def _fields_read(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether `["key"]` is read from the value, or the value is spread into a call."""
    parent = facts.parent(node)
    if isinstance(parent, (cst.Subscript, cst.Arg)):
        return isinstance(parent, cst.Subscript) or parent.star == "**"
    name = flow.assigned_name(facts, node)
    for use in flow.uses(facts, name, flow.around(facts, node)) if name else ():
        around = facts.parent(use)
        if isinstance(around, cst.Subscript) and around.value is use and _literal_key(facts, around):
            return True
        if isinstance(around, cst.Arg) and around.star == "**":
            return True
    return False


def _literal_key(facts: Facts, node: cst.Subscript) -> bool:
    return bool(tracing.name_of(facts, node))


def unlisted(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A table of functions looked into with a name of the model's, which no `in` and no `try` guards."""
    for match in matches:
        origin, value = match.env["X"]
        called = isinstance(facts.parent(match.node), cst.Call)
        if _parsed(origin, value):
            continue
        if called and said_by_model(origin, value) and not flow.checked(origin, value) and not _tried(facts, match.node):
            yield match


def _parsed(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether the value is a field of a structured output, which a schema has looked at."""
    for _, part in tracing.trace(facts, node):
        if isinstance(part, cst.Attribute) and part.attr.value in (
            "output_parsed",
            "parsed",
            "structured_response",
            "final_output",
        ):
            return True
        if isinstance(part, cst.Arg) and part.keyword is not None and part.keyword.value in ("response_model", "output_type"):
            return True
    return False


def uncapped(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`while True` around a model and its tools, with nothing that counts and nobody who answers in between."""
    for match in matches:
        nodes = list(flow.own_nodes(match.node))
        calls = [n for n in nodes if isinstance(n, cst.Call)]
        words = {w for n in nodes if (w := tracing.name_of(facts, n))}
        uses_tools = words & _TOOL_USE
        counted = any(_COUNTS.search(w) for w in words) or any(isinstance(n, cst.AugAssign) for n in nodes)
        waits = any(_WAITS.match(flow.called(c)) for c in calls)
        if uses_tools and not counted and not waits and any(asks(facts, c) for c in calls):
            yield match
