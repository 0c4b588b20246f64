"""Shapes of SQL: a statement that is handed to a database, or kept for that under a name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.checks.tracing import Located, named, origins
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match

_START = r"\s*(?:--[^\n]*\n\s*)*\(?\s*"
_FIRST = re.compile(
    _START + r"(select|insert|update|delete|with|merge|create|alter|drop|explain|replace|truncate|pragma|call)\b", re.I
)
_NEXT = {  # what must follow, so that "Select a file" and "Update available" are prose
    "select": r"\bfrom\b|^\s*(\*|\d+\s*;?\s*$|\w+\()",
    "insert": r"^\s+(or\s+\w+\s+)?into\b",
    "replace": r"^\s+into\b",
    "merge": r"^\s+into\b",
    "update": r"\bset\b",
    "delete": r"^\s+from\b",
    "with": r"\bas\s+(not\s+)?(materialized\s*)?\(",
    "create": r"^\s+(or\s+replace\s+)?(global\s+|local\s+)?(temp\w*\s+|unique\s+|virtual\s+|unlogged\s+|materialized\s+)?"
    r"(table|index|view|schema|extension|database|trigger|function|type|sequence|role|user|policy|procedure)\b",
    "alter": r"^\s+(table|index|view|schema|database|sequence|type|role|user|column|system)\b",
    "drop": r"^\s+(table|index|view|schema|database|sequence|type|role|user|trigger|function|extension|column)\b",
    "truncate": r"^\s+(table\b|\w+\s*(;|cascade\b|restart\b|$))",
    "explain": r"\b(select|insert|update|delete)\b",
    "pragma": r"^\s+\w+",
    "call": r"^\s+[\w.]+\s*\(",
}
_AFTER = {word: re.compile(pattern, re.I) for word, pattern in _NEXT.items()}
_MARKS = re.compile(r"[*=;]|%s|\bwhere\b", re.I)  # "Select a file from the list" has none of these
_MOST = 20000  # characters of a statement that are looked at
_HELD = ("module", "class")


def statements(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Calls whose argument is text with a first and a second keyword of SQL; prose that begins with Select is none."""
    return (m for m in matches if (given := named(m, "Q")) is not None and is_sql(*given))


def held(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A statement that a module or a class keeps under a name that says so."""
    if facts.definition is not None and facts.definition.kind in _HELD:
        yield from (m for m in matches if (given := named(m, "V")) is not None and is_sql(*given))


def is_sql(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether an expression, or what a name was given, is a statement: constant, or one whose beginning is."""
    return any(map(_speaks_sql, text_of(facts, node)))


def text_of(facts: Facts, node: cst.CSTNode) -> list[str]:
    """What is known of the texts that an expression may have."""
    values: list[Located] = [(facts, node), *(origins(facts, node) if isinstance(node, (cst.Name, cst.Attribute)) else ())]
    return [_text(owner, value, 0)[:_MOST] for owner, value in values]


def _speaks_sql(text: str) -> bool:
    first = _FIRST.match(text)
    if first is None or (first[1].istitle() and not _MARKS.search(text)):
        return False
    return _AFTER[first[1].lower()].search(text[first.end() :]) is not None


def _text(facts: Facts, node: cst.CSTNode, depth: int) -> str:
    """The text that is known of an expression, a space for what is not."""
    value = facts.constant(node)
    if isinstance(value, (str, bytes)):
        return value if isinstance(value, str) else value.decode("utf-8", "replace")
    if depth > 40:
        return " "
    if isinstance(node, cst.FormattedString):
        return "".join(p.value if isinstance(p, cst.FormattedStringText) else " _ " for p in node.parts)
    if isinstance(node, (cst.ConcatenatedString, cst.BinaryOperation)):
        return _text(facts, node.left, depth + 1) + " " + _text(facts, node.right, depth + 1)
    if isinstance(node, cst.Call):
        return _of_call(facts, node, depth + 1)
    return " _ "


def _of_call(facts: Facts, node: cst.Call, depth: int) -> str:
    """`"…".format(…)`, `dedent("…")`, `text("…")`, `sql.SQL("…").format(…)`, `" ".join([…])`."""
    parts: list[cst.CSTNode] = [arg.value for arg in node.args[:1]]
    if isinstance(node.func, cst.Attribute):
        if node.func.attr.value == "join" and parts and isinstance(parts[0], (cst.List, cst.Tuple)):
            return " ".join(_text(facts, e.value, depth) for e in parts[0].elements[:40])
        if node.func.attr.value in ("format", "strip", "replace", "as_string", "encode"):
            parts = [node.func.value]
    return " ".join(_text(facts, part, depth) for part in parts)
