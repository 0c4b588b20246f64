"""What every format sorts and counts the same way."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from guardrail.model import Decision, Finding, Outcome, Placement, Severity, Skipped, Status, Tier, Verdict

STRICTNESS = {tier: rank for rank, tier in enumerate(Tier)}


def by_place(findings: Sequence[Finding]) -> list[Finding]:
    """Findings by path, line, column and rule."""
    return sorted(findings, key=_place)


def by_severity(findings: Sequence[Finding]) -> list[Finding]:
    """Findings with the worst first, then by place."""
    return sorted(findings, key=lambda f: (f.severity, *_place(f)))


def by_definition(placements: Sequence[Placement]) -> list[list[Placement]]:
    """The placements of each definition together, its strictest first; definitions by path and line."""
    groups: dict[tuple[str, str], list[Placement]] = {}
    for placement in sorted(placements, key=lambda p: (p.path, p.line, -STRICTNESS[p.tier], p.surface)):
        groups.setdefault((placement.path, placement.definition), []).append(placement)
    return [sorted(group, key=lambda p: -STRICTNESS[p.tier]) for group in groups.values()]


def severities(findings: Sequence[Finding]) -> dict[str, int]:
    """How many findings there are of each severity."""
    found = Counter(f.severity for f in findings)
    return {severity: found[severity] for severity in Severity}


def tiers(placements: Sequence[Placement]) -> dict[str, int]:
    """How many definitions there are of each tier, each counted once under its strictest."""
    found = Counter(group[0].tier for group in by_definition(placements))
    return {tier: found[tier] for tier in Tier}


def lines_by_tier(placements: Sequence[Placement]) -> dict[str, int]:
    """How many touched lines there are of each tier (in a scan: lines), each counted under the strictest of its definition."""
    found: Counter[str] = Counter()
    for group in by_definition(placements):
        found[group[0].tier] += group[0].size
    return {tier: found[tier] for tier in Tier}


def percent(part: int, total: int) -> int:
    """Rounded, but a little is never nothing."""
    return max(1, min(round(100 * part / total), 99 if part < total else 100)) if part else 0


def reviewers(verdict: Verdict) -> dict[str, list[str]]:
    """Whom the settings suggest for the surfaces of a change that need judgment: owner → surfaces, both sorted."""
    seen = {p.surface for p in verdict.placements if p.tier is not Tier.FREE}
    found: dict[str, list[str]] = {}
    for surface in sorted(seen & verdict.owners.keys()):
        for owner in verdict.owners[surface]:
            found.setdefault(owner, []).append(surface)
    return dict(sorted(found.items()))


def ranges(lines: Sequence[int]) -> str:
    """Line numbers in words: `3, 7-9`."""
    spans: list[list[int]] = []
    for line in sorted(lines):
        if spans and line == spans[-1][1] + 1:
            spans[-1][1] = line
        else:
            spans.append([line, line])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in spans)


def allowed(verdict: Verdict) -> list[Decision]:
    """What the change introduced and an allow lets pass."""
    return [d for d in verdict.decisions if d.outcome is Outcome.ALLOWED and d.finding.status is Status.INTRODUCED]


def baselined(verdict: Verdict) -> list[Decision]:
    """What is there and was known when the baseline was written."""
    return [d for d in verdict.decisions if d.outcome is Outcome.BASELINED]


def unread(verdict: Verdict) -> list[Skipped]:
    """The files that nobody judged, by path."""
    return sorted(verdict.skipped, key=lambda s: (s.path, s.reason))


def explanation(f: Finding) -> list[str]:
    """What is to be said under a finding: why, the fix, other places; what is empty is left out."""
    see = [f"see {n.path}:{n.line} {n.message}" for n in f.notes if n.side == "head"]
    return [part for part in (f.why, f.remedy and f"Fix: {f.remedy}", *see) if part]


def last_line(verdict: Verdict) -> str:
    """The run in one line: `1 introduced (1 P0), 1 fixed, 3 preexisting, 2 allowed, 0 files unread`."""
    status = Counter(d.finding.status for d in verdict.decisions if d.outcome is not Outcome.UNSELECTED)
    kinds = ", ".join(f"{n} {severity}" for severity, n in severities(verdict.findings).items() if n)
    skipped = len(verdict.skipped)
    known = f"{n} in the baseline, " if (n := len(baselined(verdict))) else ""
    return (
        f"{len(verdict.findings)} introduced{f' ({kinds})' if kinds else ''}, {status[Status.FIXED]} fixed, "
        f"{status[Status.PREEXISTING]} preexisting, {len(allowed(verdict))} allowed, {known}"
        f"{skipped} file{'' if skipped == 1 else 's'} unread"
    )


def _place(f: Finding) -> tuple[str, int, int, str]:
    return f.path, f.line, f.column, f.rule
