"""A guard that base had and head has not: what is known of it before it is looked for elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from guardrail.findings import Span, finding_of
from guardrail.model import Finding, Note

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.packs import Rule

SHOWN = 100  # characters of a lost line


@dataclass(frozen=True, slots=True)
class Loss:
    """A finding that stands unless its guard turns up elsewhere."""

    finding: Finding
    rule: int = -1  # number of the rule table
    guard: str = ""  # the guard's own code
    movable: bool = False  # may stand elsewhere: on the caller, the class, the router, in a helper


def located(
    rule: Rule, facts: Facts, node: Any, message: str, old: tuple[Facts, Any] | None, what: str, texts: Mapping[str, str]
) -> Finding:
    """The finding at a node of head; `old` is the lost code of base, `texts` what the variables of a pack stand for."""
    named = type(node).__name__ in ("FunctionDef", "ClassDef")
    span = _name(facts, node) if named else facts.span(node)
    assert facts.definition is not None
    note: tuple[Note, ...] = ()
    if old is not None:
        before, was = old
        row = before.span(was)[0]
        note = (was_here(before.path, row, before.file.lines),)
    return finding_of(rule, facts.path, facts.definition.symbol, span, message, what or message, notes=note, texts=texts)


def _name(facts: Facts, node: Any) -> Span:
    """The line of `def` or `class`, below its decorators."""
    line, column, _, end_column = facts.span(node.name)
    return line, column, line, end_column


def was_here(path: str, line: int, lines: list[str]) -> Note:
    """A note on a line of base, with its text."""
    code = lines[line - 1].strip() if 0 < line <= len(lines) else ""
    return Note(path, line, "where it was before", "base", code[:SHOWN])
