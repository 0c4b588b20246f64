"""Shapes of SQL: a statement that is handed to a database."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.checks.tracing import named, resolve
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match

_FIRST = re.compile(
    r"(?is)\s*(--[^\n]*\n\s*)*\(?\s*(select|insert|update|delete|with|merge|create|alter|drop|explain|truncate|grant|call)\b"
)
_SECOND = re.compile(r"(?i)\b(from|into|set|table|values|as|index|on|where|view|limit|returning|extension|schema|to)\b")


def statements(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Calls whose argument is text with a first and a second keyword of SQL; prose that begins with Select is none."""
    for match in matches:
        given = named(match, "Q")
        if given is not None and is_sql(*given):
            yield match


def is_sql(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether an expression is a statement: constant, or put together from a beginning that is one."""
    owner, found = resolve(facts, node)
    value = owner.constant(found)
    text = value if isinstance(value, str) else _beginning(owner, found)
    first = _FIRST.match(text)
    return first is not None and (_SECOND.search(text, first.end()) is not None or text[first.end() :].strip(" ;").isdigit())


def _beginning(facts: Facts, node: cst.CSTNode) -> str:
    """The literal text of an f-string, a sum, a `%` or a `.format`."""
    if isinstance(node, cst.FormattedString):
        return "".join(p.value if isinstance(p, cst.FormattedStringText) else " x " for p in node.parts)
    if isinstance(node, cst.ConcatenatedString):
        return _beginning(facts, node.left) + _beginning(facts, node.right)
    if isinstance(node, cst.SimpleString):
        value = node.evaluated_value
        return value if isinstance(value, str) else ""
    if isinstance(node, cst.BinaryOperation):
        return _beginning(facts, node.left) + " x " + _beginning(facts, node.right)
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
        return _beginning(facts, node.func.value)
    return ""
