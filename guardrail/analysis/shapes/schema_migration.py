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
_GIVEN = frozenset("apps app_registry registry app_label from_state to_state project_state".split())
_RUNNER = re.compile(r"(^|\.)(Migrations?|Revisions?)[A-Z]\w*$|Migrat(or|ions?)$")
_MACHINERY = frozenset("schema_editor app_label from_state to_state project_state down_revision revisions".split())
_TOOLS = frozenset({"op", "schema_editor"})  # what a migration tool hands to a step


def step(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A function that a migration calls: `forwards(apps, schema_editor)`, and the methods of an operation of one's own."""
    for match in matches:
        if isinstance(match.node, cst.FunctionDef) and _is_step(match.node.params):
            yield match
            return


def _is_step(parameters: cst.Parameters) -> bool:
    names = [p.name.value for p in (*parameters.posonly_params, *parameters.params)]
    return "schema_editor" in names and (bool(_GIVEN.intersection(names)) or len(names) == 2)


def machinery(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A class that is named for migrations and knows of models, states or revisions, and its methods."""
    prefix = f"{facts.owner}."
    own = [d for d in facts.file.index.definitions if d.symbol == facts.owner or d.symbol.startswith(prefix)]
    if _RUNNER.search(facts.owner) and any(_MACHINERY & d.words for d in own):
        yield from (m for m in matches if not getattr(getattr(m.node, "name", None), "value", "").startswith("__"))


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
