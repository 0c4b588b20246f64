"""Checks of the llm-boundary pack: what a model said or asked for, and where it is run."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.checks import flow, tracing
from guardrail.analysis.checks.model_output import SERVED, asked_by_tool, is_tool, said_by_model, tool_decorators
from guardrail.analysis.scopes import dotted

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.match import Match

_APPROVAL = frozenset({"requires_approval", "needs_approval"})
_ASKS_FIRST = re.compile(r"interrupt|HumanInTheLoop|ApprovalRequired|\bconfirm|approv")
_CONTAINS = re.compile(r"^(is_relative_to|relative_to|commonpath|safe_join|secure_filename|get_valid_filename|basename)$")


def from_model(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Where the argument is what a model answered, and is not held against a fixed list."""
    for match in matches:
        origin, value = match.env["X"]
        if any(said_by_model(f, leaf) and not flow.checked(f, leaf) for f, leaf in flow.leaves(origin, value)):
            yield match


def path_from_model(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Paths that a model chose, in definitions that neither clean the name nor hold the result against a folder."""
    if not any(_CONTAINS.match(flow.called(n)) for n in facts.nodes):
        yield from from_model(facts, matches)


def address_from_model(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Addresses whose beginning, host included, is what a model answered."""
    return (match for match in from_model(facts, matches) if not _fixed_host(match))


def tool_argument(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Where the argument is, or holds, a text parameter of a function that an agent may call, unchecked."""
    for match in matches:
        origin, value = match.env["X"]
        if any(f is facts and asked_by_tool(f, leaf) and not flow.checked(f, leaf) for f, leaf in _leaves(origin, value)):
            yield match


def _leaves(facts: Facts, node: cst.CSTNode) -> Iterator[tuple[Facts, cst.CSTNode]]:
    """The parts of a text or a path."""
    for f, leaf in flow.leaves(facts, node):
        if isinstance(leaf, cst.Call) and flow.called(leaf) in ("Path", "PurePath", "joinpath", "text", "loads"):
            for arg in leaf.args:
                yield from flow.leaves(f, arg.value)
        else:
            yield f, leaf


def tool_path(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Paths out of a tool's arguments, in tools that do not hold the result against a folder."""
    if not any(_CONTAINS.match(flow.called(n)) for n in facts.nodes):
        yield from tool_argument(facts, matches)


def tool_address(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Addresses whose beginning, host included, is a tool's argument."""
    return (match for match in tool_argument(facts, matches) if not _fixed_host(match))


def _fixed_host(match: Match) -> bool:
    """Whether the address begins with a literal text that names the host, or with a constant."""
    origin, value = match.env["X"]
    head = _beginning(tracing.resolve(origin, value)[1])
    if isinstance(head, str):
        return "/" in head.partition("://")[2]
    if origin.constants(head):
        return True
    name = tracing.name_of(origin, head)
    return name.isupper() or re.search(r"(^|_)(base|root|host|endpoint)(_?url)?$|base_url", name) is not None


def _beginning(node: cst.CSTNode) -> cst.CSTNode | str:
    """What an address begins with: a literal text, or an expression."""
    if isinstance(node, cst.FormattedString) and node.parts:
        first = node.parts[0]
        if isinstance(first, cst.FormattedStringText):
            return first.value
        return first.expression if isinstance(first, cst.FormattedStringExpression) else node
    if isinstance(node, cst.BinaryOperation):
        return _beginning(node.left)
    return node


def unasked(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """What cannot be taken back, inside a tool that the agent calls without anybody's approval."""
    if _ASKS_FIRST.search(facts.file.source.text):
        return
    for match in matches:
        function = flow.function_def(facts, match.node)
        if function is not None and is_tool(facts, function) and not _someone_asks(facts, function):
            yield match


def _someone_asks(facts: Facts, function: cst.FunctionDef) -> bool:
    """Whether the decorator asks for approval, or the tool is served to a program that asks its own user."""
    for decorator in tool_decorators(facts, function):
        call = decorator.decorator
        named = {a.keyword.value for a in call.args if a.keyword} if isinstance(call, cst.Call) else set()
        bare = call.func if isinstance(call, cst.Call) else call
        served = dotted(bare) in SERVED or any("mcp" in n.lower() for n in facts.names(bare))
        if served or named & _APPROVAL:
            return True
    return False
