"""Findings, settings and allows → decisions with their reasons, and the exit code that follows from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from guardrail.allows import AllowsOfFile
from guardrail.fields import NEVER
from guardrail.model import Confidence, Decision, Finding, Outcome, Status
from guardrail.peers import Suppression, suppressions
from guardrail.settings import Settings

CLEAN, FINDINGS, UNSURE = 0, 1, 2


def decide(
    findings: Sequence[Finding],
    allows: Mapping[str, AllowsOfFile],
    settings: Settings,
    texts: Mapping[str, str] | None = None,
) -> tuple[Decision, ...]:
    """What becomes of each finding, and why; sorted by path, line, column and rule.

    `texts` are those of the files with findings, for the comments of peers that the settings honour.
    """
    ordered = sorted(findings, key=lambda f: (f.path, f.line, f.column, f.rule, f.end_line, f.end_column, f.status))
    theirs = {path: suppressions(text, settings.honour) for path, text in (texts or {}).items()} if settings.honour else {}
    return tuple(_decision(finding, allows, settings, theirs.get(finding.path, [])) for finding in ordered)


def exit_code(decisions: Iterable[Decision], complete: bool, settings: Settings, exit_zero: bool = False) -> int:
    """0 where nothing fails the run, 1 for findings, 2 where something was not read; only a 1 can be waived."""
    if not complete and not settings.allow_incomplete:
        return UNSURE
    failing = any(d.outcome is Outcome.REPORTED and d.finding.status is Status.INTRODUCED for d in decisions)
    return FINDINGS if failing and not exit_zero else CLEAN


def _decision(
    finding: Finding, allows: Mapping[str, AllowsOfFile], settings: Settings, theirs: Iterable[Suppression] = ()
) -> Decision:
    """One finding: is it wanted, is it of this change, is it allowed, does it fail the run?"""
    if because := _unselected(finding, settings):
        return Decision(finding, Outcome.UNSELECTED, because)
    if finding.status is not Status.INTRODUCED:
        return Decision(finding, Outcome.REPORTED, f"{finding.status}: never fails the run")
    of_file = allows.get(finding.path)
    if of_file and (allow := of_file.of(finding)):
        because = f"{finding.path}:{allow.line} allows {finding.rule}: {allow.reason}"
        return Decision(finding, Outcome.ALLOWED, because)
    for comment in theirs:
        if comment.covers(finding):
            because = f"{finding.path}:{comment.line} `{comment.comment}` is honoured by the settings"
            return Decision(finding, Outcome.ALLOWED, because)
    if settings.fail_on is None or finding.severity > settings.fail_on:
        because = f"{finding.severity} is below the gate, fail-on = {settings.fail_on or NEVER}"
        return Decision(finding, Outcome.BELOW_GATE, because)
    return Decision(finding, Outcome.REPORTED)


def _unselected(finding: Finding, settings: Settings) -> str:
    """Why a finding is not wanted, or nothing; of `select` and `ignore` the closer one wins."""
    wanted, unwanted = _closeness(settings.select, finding), _closeness(settings.ignore, finding)
    if settings.select and not wanted:
        return f"{finding.rule} is not selected"
    if unwanted and unwanted >= wanted:
        return f"{finding.rule} is ignored"
    if finding.confidence is Confidence.LOW and not settings.pedantic:
        return "of low confidence, shown by --pedantic"
    return ""


def _closeness(names: Iterable[str], finding: Finding) -> int:
    """How closely the closest of the names means the finding's rule: by id, by its beginning, by its surface."""
    return max((len(n) + 1 if finding.rule.startswith(n) else n == finding.surface for n in names), default=0)
