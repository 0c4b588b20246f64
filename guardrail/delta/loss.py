"""A guard that base had and head has not: what is known of it before it is looked for elsewhere."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from guardrail import snapshot
from guardrail.model import Finding, Note, Severity, Status

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.packs import Rule

_VARIABLE = re.compile(r"\$([A-Z][A-Z0-9_]*)")
SHOWN = 100  # characters of a lost line


@dataclass(frozen=True, slots=True)
class Loss:
    """A finding that stands unless its guard turns up elsewhere."""

    finding: Finding
    rule: int = -1  # number of the rule table
    guard: str = ""  # the guard's own code
    movable: bool = False  # may stand elsewhere: on the caller, the class, the router, in a helper


def located(rule: Rule, facts: Facts, node: Any, message: str, old: tuple[Facts, Any] | None, what: str = "") -> Finding:
    """The finding at a node of head; `old` is the lost code of base."""
    line, column, end_line, end_column = facts.span(node)
    if type(node).__name__ in ("FunctionDef", "ClassDef"):
        line, column, end_line, end_column = _name(facts, node)
    assert facts.definition is not None
    note: tuple[Note, ...] = ()
    if old is not None:
        before, was = old
        row = before.span(was)[0]
        note = (was_here(before.path, row, before.file.lines),)
    found = at_line(rule, facts.path, line, message, note, facts.definition.symbol, what)
    return replace(found, column=column, end_line=end_line, end_column=end_column)


def _name(facts: Facts, node: Any) -> tuple[int, int, int, int]:
    """The line of `def` or `class`, below its decorators."""
    line, column, _, end_column = facts.span(node.name)
    return line, column, line, end_column


def was_here(path: str, line: int, lines: list[str]) -> Note:
    """A note on a line of base, with its text."""
    code = lines[line - 1].strip() if 0 < line <= len(lines) else ""
    return Note(path, line, "where it was before", "base", code[:SHOWN])


def at_line(
    rule: Rule, path: str, line: int, message: str, notes: tuple[Note, ...], symbol: str = "<module>", what: str = ""
) -> Finding:
    """A finding of a rule on one line of head."""
    severity, confidence = snapshot.weigh(rule, path)
    return Finding(
        rule=rule.id,
        name=rule.name,
        severity=Severity(severity),
        confidence=confidence,
        surface=rule.surface,
        path=path,
        definition=symbol,
        line=line,
        column=1,
        end_line=line,
        end_column=2,
        message=message,
        why=rule.why,
        remedy=rule.remedy,
        refs=rule.refs,
        notes=notes,
        node=what or message,
    )


def filled(text: str, values: dict[str, str]) -> str:
    """A text of a pack with its metavariables replaced."""
    return _VARIABLE.sub(lambda m: values.get(m[1], m[0]), text)


def shortened(code: str) -> str:
    """Code on one line, cut where it is long."""
    line = " ".join(code.split())
    return line if len(line) <= 60 else line[:57] + "…"


def merged(findings: Sequence[Finding], lost: Sequence[Finding]) -> list[Finding]:
    """Both kinds of findings; where they are about the same line and surface, the loss says more."""
    if not lost:
        return list(findings)
    covered = {loss: [f for f in findings if f.status is Status.INTRODUCED and _same_thing(f, loss)] for loss in lost}
    raised = [replace(loss, severity=min([loss.severity, *(f.severity for f in twins)])) for loss, twins in covered.items()]
    told = {id(f) for twins in covered.values() for f in twins}
    rest = [f for f in findings if id(f) not in told]
    return sorted([*rest, *raised], key=snapshot.order)


def _same_thing(finding: Finding, loss: Finding) -> bool:
    """Whether a finding is about what a loss is about: the same line, and the same surface or the same code."""
    if (finding.path, finding.definition, finding.line) != (loss.path, loss.definition, loss.line):
        return False
    return finding.surface == loss.surface or finding.column == loss.column
