"""The verdict for an assistant that has just written the change: what to mend, where, and what a reviewer will want to see."""

from __future__ import annotations

from collections.abc import Iterator

from guardrail.model import Finding, Outcome, Status, Tier, Verdict
from guardrail.report.escape import one_line
from guardrail.report.paths import lost_lines, other_places, path_of
from guardrail.report.tally import allowed, by_definition, by_severity

SHOWN = 50  # findings
WIDTH = 400  # characters of a part
QUESTIONS = 2  # of a surface


def render(verdict: Verdict, *, quiet: bool = False) -> str:
    """Short and without colour, the same for the same change; each finding with the smallest edit that clears it."""
    findings = by_severity(verdict.findings)
    if quiet and verdict.complete and not findings:
        return ""
    failing = {id(d.finding) for d in verdict.decisions if d.outcome is Outcome.REPORTED and d.finding.status is Status.INTRODUCED}
    lines = [f"guardrail: {_sentence(verdict, len(findings), sum(id(f) in failing for f in findings))}"]
    lines += [f"unread: {_cut(s.path)}: {_cut(s.reason)}; mend the file, it was not judged" for s in verdict.skipped]
    for number, finding in enumerate(findings[:SHOWN], 1):
        lines += ["", *_finding(number, finding, verdict, id(finding) in failing)]
    lines += ["", f"{len(findings) - SHOWN} more; mend these first and run again"] if len(findings) > SHOWN else []
    lines += [] if quiet else [*_allowed(verdict), *_risky(verdict)]
    return "\n".join(lines) + "\n"


def _sentence(verdict: Verdict, count: int, failing: int) -> str:
    unread = "" if verdict.complete else f", {len(verdict.skipped)} unread"
    if not count:
        return f"nothing introduced{unread} ({_cut(verdict.label)})"
    gate = f"{failing} must be mended" if failing else "none fails the gate"
    return f"{count} introduced, {gate}{unread} ({_cut(verdict.label)})"


def _finding(number: int, f: Finding, verdict: Verdict, failing: bool) -> Iterator[str]:
    kind = "must" if failing else "may"
    yield f"{number}. {f.severity} {_cut(f.rule)} {_cut(f.name)} ({kind} be mended)"
    yield f"   at: {_cut(f.path)}:{f.line} in {_cut(f.definition)}"
    yield f"   what: {_cut(f.message)}"
    if f.why:
        yield f"   why: {_cut(f.why)}"
    for note in lost_lines(f):
        yield f"   was: {_cut(note.path)}:{note.line}: {_cut(note.code)}"
    for note in [*path_of(f), *other_places(f)]:
        yield f"   via: {_cut(note.path)}:{note.line} {_cut(note.message)}"
    yield f"   edit: {_edit(f)}"
    yield f"   show: {_evidence(f, verdict)}"


def _edit(f: Finding) -> str:
    """The smallest edit that clears the finding."""
    if f.remedy:
        return _cut(f.remedy)
    return "put back what was there" if lost_lines(f) else "take it out, or write it so that the reason above does not hold"


def _evidence(f: Finding, verdict: Verdict) -> str:
    """What would convince a reviewer that it is mended."""
    if lost_lines(f):
        return "a test that fails without the guard, or where the guard stands now"
    if path_of(f):
        return "a test that runs the path above, or the place where it is cut"
    surface = verdict.surfaces.get(f.surface)
    asked = " ".join(map(_cut, surface.review[:QUESTIONS])) if surface else ""
    return f"an answer to: {asked}" if asked else "a test that fails with the old line"


def _allowed(verdict: Verdict) -> list[str]:
    """What is let pass on record, and why: no model for other code."""
    lines = [f"- {_cut(d.because)}" for d in allowed(verdict)[:SHOWN]]
    return ["", "allowed, on record; leave the comments as they are:", *lines] if lines else []


def _risky(verdict: Verdict) -> list[str]:
    """Where a person will look although nothing was found: say there what was done and why."""
    if verdict.label.startswith("scan"):
        return []
    groups = [g for g in by_definition(verdict.placements) if g[0].tier is Tier.FORBIDDEN]
    lines = [f"- {_cut(g[0].path)}:{g[0].line} {_cut(g[0].definition)} ({', '.join(_cut(p.surface) for p in g)})" for g in groups]
    return ["", "a person must review these; keep the change there small and say why it is right:", *lines[:SHOWN]] if lines else []


def _cut(text: str) -> str:
    line = one_line(text)
    return line if len(line) <= WIDTH else line[: WIDTH - 1] + "…"
