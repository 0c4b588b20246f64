"""Shapes of migrations: a step over the data, and a table changed without a migration tool."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.checks.tracing import named
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match
from guardrail.analysis.shapes.sql_text import text_of

_CHANGE = re.compile(r"(?i)\s*(alter\s+table\b|drop\s+(table|index|column)\b|create\s+(unique\s+)?index\b)")
_TOOLS = frozenset({"op", "schema_editor"})  # what a migration tool hands to a step


def step(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """What works on the models of a migration: `forwards(apps, schema_editor)`."""
    for match in matches:
        function = facts.function(match.node)
        if isinstance(function, cst.FunctionDef) and _takes_editor(function):
            yield match


def _takes_editor(function: cst.FunctionDef) -> bool:
    return any(p.name.value == "schema_editor" for p in (*function.params.posonly_params, *function.params.params))


def changed_by_hand(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A statement that alters a table, run on a connection of the project's own."""
    for match in matches:
        given = named(match, "Q")
        if given is not None and not _by_tool(match.node) and any(map(_CHANGE.match, text_of(*given))):
            yield match


def _by_tool(node: cst.CSTNode) -> bool:
    of = node.func.value if isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) else None
    name = of.attr.value if isinstance(of, cst.Attribute) else of.value if isinstance(of, cst.Name) else ""
    return name in _TOOLS
