"""How a rule says what it found: its texts, its weight at a place, and the order of what is said."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from guardrail import places
from guardrail.model import Confidence, Finding, Note, Severity

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.packs import Rule
    from guardrail.patterns.kinds import Env, Node

LONGEST = 60  # characters of code in a sentence
_LOWER = {Severity.P0: Severity.P1, Severity.P1: Severity.P2, Severity.P2: Severity.P2}
_HIGHER = {Severity.P2: Severity.P1, Severity.P1: Severity.P0, Severity.P0: Severity.P0}
_VARIABLE = re.compile(r"\$([A-Z][A-Z0-9_]*)")
_NOTHING: Mapping[str, str] = {}

Weight = tuple[Severity, Confidence]
Span = tuple[int, int, int, int]  # line, column, end line, end column; 1-based


def finding_of(
    rule: Rule,
    path: str,
    definition: str,
    span: Span,
    message: str,
    node: str,
    *,
    weight: Weight | None = None,
    notes: tuple[Note, ...] = (),
    texts: Mapping[str, str] = _NOTHING,
) -> Finding:
    """What a rule says of one place, by default as heavy as it is there; `texts` fill the variables of why and remedy."""
    severity, confidence = weight or weigh(rule, path)
    line, column, end_line, end_column = span
    return Finding(
        rule=rule.id,
        name=rule.name,
        severity=severity,
        confidence=confidence,
        surface=rule.surface,
        path=path,
        definition=definition,
        line=line,
        column=column,
        end_line=end_line,
        end_column=end_column,
        message=message,
        why=filled(rule.why, texts),
        remedy=filled(rule.remedy, texts),
        refs=rule.refs,
        notes=notes,
        node=node,
    )


def texts_of(env: Env, facts: Facts, node: Node) -> dict[str, str]:
    """What the variables of a pattern stand for, as short code, and `CALLEE` for what a node that is a call calls."""
    texts = {name: shortened(where.code(part)) for name, (where, part) in env.items()}
    return texts | {"CALLEE": shortened(facts.code(node.func))} if type(node).__name__ == "Call" else texts


def filled(text: str, texts: Mapping[str, str]) -> str:
    """A text of a pack with its variables replaced; one that is not known stays."""
    return _VARIABLE.sub(lambda m: texts.get(m[1], m[0]), text)


def shortened(code: str) -> str:
    """Code on one line, cut where it is long."""
    line = " ".join(code.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 3] + "…"


def weigh(rule: Rule, path: str) -> Weight:
    """Severity and confidence where the code stands: tests, generated and foreign code count less (catalogue 1.2, 1.5)."""
    severity, confidence = rule.severity, rule.confidence
    if (places.is_test(path) and not rule.in_tests) or places.is_foreign(path):
        return Severity.P2, Confidence.LOW
    if places.is_migration(path) and rule.id[:3] not in ("MIG", "SQL", "SEC", "UNI"):
        return Severity.P2, Confidence.LOW
    if places.is_example(path) if rule.id == "SEC001" else places.is_script(path):
        severity = _LOWER[severity]
    if severity is Severity.P0 and confidence is not Confidence.HIGH:
        severity = Severity.P1
    return severity, confidence


def raised(found: Finding) -> Finding:
    """A step more severe, P0 only where the rule is sure."""
    sure = found.confidence is Confidence.HIGH or (found.severity is Severity.P2 and found.confidence is not Confidence.LOW)
    return replace(found, severity=_HIGHER[found.severity]) if sure else found


def order(found: Finding) -> tuple[Any, ...]:
    """The order in which findings are kept and reported."""
    return (found.path, found.line, found.column, found.rule, found.end_line, found.end_column, found.message)
