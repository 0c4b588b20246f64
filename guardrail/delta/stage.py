"""The delta findings of a whole change: losses of pairs within files and across them, less what only moved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from guardrail.delta.elsewhere import Elsewhere
from guardrail.delta.files import file_losses
from guardrail.delta.find import losses
from guardrail.delta.loss import Loss
from guardrail.delta.pairs import Pair, become
from guardrail.delta.project import Project
from guardrail.delta.tested import Tests
from guardrail.findings import order
from guardrail.model import Change, Definition, FileChange, Finding, Status, Unreadable

if TYPE_CHECKING:
    from guardrail.judge import FileJudgement, Judge
    from guardrail.side import Side

MANY = 400  # vanished definitions that are looked for in other files


def of_change(judge: Judge, change: Change, judgements: Sequence[FileJudgement], files: Sequence[FileChange]) -> list[Finding]:
    """What a change lost: introduced findings, without fingerprints."""
    project = Project(judge, change)
    found = [loss for j in judgements for loss in j.losses]
    found += _across(project, judgements)
    tests = Tests(project)
    found += file_losses(project, tests, files)
    elsewhere = Elsewhere(project, judge.rules.rules)
    kept = [loss.finding for loss in found if not (loss.movable and elsewhere.holds(loss)) and _stands(judge, tests, loss)]
    return list({(f.rule, f.path, f.line, f.message): f for f in kept}.values())


def _stands(judge: Judge, tests: Tests, loss: Loss) -> bool:
    """Whether the tests of the change leave a loss as it is, where its rule asks that."""
    delta = judge.rules.rules[loss.rule].delta if loss.rule >= 0 else None
    return delta is None or not delta.tested or tests.bear_out(delta.tested, loss)


def _across(project: Project, judgements: Sequence[FileJudgement]) -> Iterable[Loss]:
    """Definitions that went to other files."""
    gone = [(j.path, d) for j in judgements for d in j.gone][:MANY]
    come = [(j.path, d) for j in judgements for d in j.come] if gone else []
    for path, old in gone:
        before = project.base(path)
        if before is None:
            continue
        own = next((d for d in before.definitions if d.symbol == old.symbol and d.first == old.first), None)
        place = become(before, own, _sides(project, come, own.words)) if own else None
        if own and place:
            try:
                yield from losses(Pair(before, own, *place), project.judge.lost_rules(before, own))
            except Unreadable:
                continue


def _sides(project: Project, come: Iterable[tuple[str, Definition]], words: frozenset[str]) -> list[tuple[Side, Definition]]:
    found = []
    for path, definition in come:
        if len(definition.words & words) * 2 >= len(words) and (side := project.head(path)):
            found.append((side, definition))
    return found


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
