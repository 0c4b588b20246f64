"""What was drafted with an assistant: the share of the change, and which findings and surfaces are on such lines."""

from __future__ import annotations

from typing import Any

from guardrail.drafted import Provenance
from guardrail.model import Finding, Placement, Tier, Verdict
from guardrail.report.escape import one_line
from guardrail.report.tally import by_definition, by_severity

SHOWN = 5  # commits in a line


def share(verdict: Verdict) -> list[str]:
    """A few lines for people; none where nothing is known or nothing was drafted so."""
    known = verdict.provenance
    if known is None or not known.lines:
        return []
    percent = max(1, round(100 * known.lines / known.touched))
    lines = [f"drafted with an assistant: {known.lines} of {known.touched} touched lines ({percent}%){_signs(known)}"]
    for tier in (Tier.FORBIDDEN, Tier.CAREFUL):
        there = [g[0] for g in by_definition(verdict.placements) if g[0].tier is tier and any(on_lines(known, p) for p in g)]
        lines += [f"  {tier}: {', '.join(one_line(f'{p.path}:{p.line} {p.definition}') for p in there)}"] if there else []
    findings = [f"{f.rule} {one_line(f.path)}:{f.line}" for f in by_severity(verdict.findings) if on_line(known, f)]
    return lines + ([f"  findings: {', '.join(findings)}"] if findings else [])


def _signs(known: Provenance) -> str:
    if known.assumed:
        return ", as the settings assume"
    signs = [f"{c.commit[:10]} {one_line(c.assistant)} ({one_line(c.sign)})" for c in known.commits[:SHOWN]]
    more = len(known.commits) - len(signs)
    return ": " + "; ".join([*signs, *([f"{more} more commits"] if more else [])])


def on_line(known: Provenance | None, finding: Finding) -> bool:
    """Whether a finding is about such lines."""
    return known is not None and known.holds(finding.path, finding.line, finding.end_line)


def on_lines(known: Provenance | None, placement: Placement) -> bool:
    """Whether a definition has such lines."""
    return known is not None and known.holds(placement.path, placement.line, placement.end_line)


def as_json(known: Provenance) -> dict[str, Any]:
    """The same for a program; the lines of each file are sorted."""
    return {
        "assumed": known.assumed,
        "touched": known.touched,
        "drafted": known.lines,
        "commits": [{"commit": c.commit, "assistant": c.assistant, "sign": c.sign} for c in known.commits],
        "lines": [{"path": path, "lines": sorted(lines)} for path, lines in sorted(known.drafted.items())],
    }
