"""Findings, settings and allows → decisions with their reasons, and the exit code that follows from them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from guardrail.model import Confidence, Decision, Finding, Note, Outcome, Status, Tier
from guardrail.ownrules import is_ours
from guardrail.policy.gate import gate
from guardrail.policy.terms import Terms
from guardrail.settings import Settings
from guardrail.waiver import Waiver

if TYPE_CHECKING:
    from guardrail.allows import AllowsOfFile
    from guardrail.peers import Suppression

CLEAN, FINDINGS, UNSURE = 0, 1, 2
_ALWAYS = ("POL", "SGN")  # what `select` does not speak of: it picks rules about code


def decide(
    findings: Sequence[Finding],
    allows: Mapping[str, AllowsOfFile],
    settings: Settings,
    texts: Mapping[str, str] | None = None,
    terms: Terms | None = None,
) -> tuple[Decision, ...]:
    """What becomes of each finding, and why; sorted by path, line, column and rule.

    `texts` are those of the files with findings, for the comments of peers that the settings honour.
    """
    ordered = sorted(findings, key=lambda f: (f.path, f.line, f.column, f.rule, f.end_line, f.end_column, f.status))
    theirs = _suppressions(texts or {}, settings) if settings.honour else {}
    terms = terms or Terms()
    return tuple(_decision(f, allows.get(f.path), settings, theirs.get(f.path, []), terms) for f in ordered)


def _suppressions(texts: Mapping[str, str], settings: Settings) -> dict[str, list[Suppression]]:
    from guardrail.peers import suppressions  # late: few projects honour them

    return {path: suppressions(text, settings.honour) for path, text in texts.items()}


def exit_code(decisions: Iterable[Decision], complete: bool, settings: Settings, exit_zero: bool = False) -> int:
    """0 where nothing fails the run, 1 for findings, 2 where something was not read; only a 1 can be waived."""
    if not complete and not settings.allow_incomplete:
        return UNSURE
    failing = any(d.outcome is Outcome.REPORTED and d.finding.status is Status.INTRODUCED for d in decisions)
    return FINDINGS if failing and not exit_zero else CLEAN


def _decision(
    finding: Finding, allows: AllowsOfFile | None, settings: Settings, theirs: Iterable[Suppression], terms: Terms
) -> Decision:
    """One finding: is it wanted, is it of this change, is it accepted, does it fail the run?"""
    if because := _unselected(finding, settings):
        return Decision(finding, Outcome.UNSELECTED, because)
    if finding.status is not Status.INTRODUCED:
        return Decision(finding, Outcome.REPORTED, f"{finding.status}: never fails the run")
    if finding.fingerprint in terms.baseline and not finding.rule.startswith(_ALWAYS):
        return Decision(finding, Outcome.BASELINED, f"known: it is in {settings.baseline}")
    notes = []
    for place, because, counts in _acceptances(finding, allows, settings, theirs, terms):
        if counts:
            return Decision(finding, Outcome.ALLOWED, because)
        notes.append(Note(*place, because))
    finding = replace(finding, notes=(*finding.notes, *notes)) if notes else finding
    wanted = gate(settings, finding.path, finding.surface)
    if not wanted.fails(finding.severity):
        because = f"{finding.severity} is below the gate, {wanted.source} = {wanted.fail_on}"
        return Decision(finding, Outcome.BELOW_GATE, because)
    return Decision(finding, Outcome.REPORTED)


_Place = tuple[str, int]


def _acceptances(
    finding: Finding, allows: AllowsOfFile | None, settings: Settings, theirs: Iterable[Suppression], terms: Terms
) -> Iterable[tuple[_Place, str, bool]]:
    """Where and in which words somebody accepted the finding, and whether that counts."""
    if is_ours(finding.rule):
        return
    for waiver in settings.waiver:
        if (waiver.rule, waiver.path, waiver.definition) == (finding.rule, finding.path, finding.definition):
            yield _waived(finding, waiver, terms)
    forbidden = terms.forbids(finding)
    refusal = f", but no comment lets {Tier.FORBIDDEN} code pass: that takes a waiver in guardrail.toml"
    if allows and (allow := allows.of(finding)):
        because = f"{finding.path}:{allow.line} allows {finding.rule}: {allow.reason}"
        yield (finding.path, allow.line), because + (refusal if forbidden else ""), not forbidden
    for comment in theirs:
        if comment.covers(finding):
            because = f"{finding.path}:{comment.line} `{comment.comment}` is honoured by the settings"
            yield (finding.path, comment.line), because + (refusal if forbidden else ""), not forbidden


def _waived(finding: Finding, waiver: Waiver, terms: Terms) -> tuple[_Place, str, bool]:
    place = (finding.path, finding.line)
    if terms.today and waiver.expired(terms.today):
        return place, f"the waiver of {waiver.owner} held until {waiver.until}", False
    if terms.codes(finding) != waiver.code:
        return place, f"the waiver of {waiver.owner} has lapsed: it was for other code than this", False
    return place, f"guardrail.toml waives {finding.rule} until {waiver.until} ({waiver.owner}): {waiver.reason}", True


def _unselected(finding: Finding, settings: Settings) -> str:
    """Why a finding is not wanted, or nothing."""
    if because := unwanted(settings, finding.rule, finding.surface):
        return because
    if finding.confidence is Confidence.LOW and not settings.pedantic:
        return "of low confidence, shown by --pedantic"
    return ""


def unwanted(settings: Settings, rule: str, surface: str) -> str:
    """Why the settings do not want a rule, or nothing; of `select` and `ignore` the closer one wins."""
    for_it, against = _closeness(settings.select, rule, surface), _closeness(settings.ignore, rule, surface)
    if settings.select and not for_it and not rule.startswith(_ALWAYS):
        return f"{rule} is not selected"
    return f"{rule} is ignored" if against and against >= for_it else ""


def _closeness(names: Iterable[str], rule: str, surface: str) -> int:
    """How closely the closest of the names means a rule: by id, by its beginning, by its surface."""
    return max((len(n) + 1 if rule.startswith(n) else n == surface for n in names), default=0)
