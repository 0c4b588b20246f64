"""A guard that base had and head has not: what is known of it before it is looked for elsewhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from guardrail.findings import Span, finding_of, order
from guardrail.model import Finding, Note, Status

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


def merged(findings: Sequence[Finding], lost: Sequence[Finding]) -> list[Finding]:
    """Both kinds of findings; where they are about the same line and surface, the loss says more."""
    if not lost:
        return list(findings)
    covered = {loss: [f for f in findings if f.status is Status.INTRODUCED and _same_thing(f, loss)] for loss in lost}
    raised = [replace(loss, severity=min([loss.severity, *(f.severity for f in twins)])) for loss, twins in covered.items()]
    told = {id(f) for twins in covered.values() for f in twins}
    rest = [f for f in findings if id(f) not in told]
    return sorted([*rest, *raised], key=order)


def _same_thing(finding: Finding, loss: Finding) -> bool:
    """Whether a finding is about what a loss is about: the same line, and the same surface or the same code."""
    if (finding.path, finding.definition, finding.line) != (loss.path, loss.definition, loss.line):
        return False
    return finding.surface == loss.surface or finding.column == loss.column
