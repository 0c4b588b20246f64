"""The verdict as JSON: docs/schema/guardrail-1.json says what is in it."""

from __future__ import annotations

import json
from typing import Any

from guardrail.model import Decision, Finding, Placement, Verdict
from guardrail.report import assisted
from guardrail.report.tally import allowed, baselined, by_place, lines_by_tier, reviewers, severities, tiers, unread


def render(verdict: Verdict) -> str:
    """The same bytes for the same verdict: sorted, ASCII, without times and absolute paths."""
    skipped = unread(verdict)
    placements = sorted(verdict.placements, key=lambda p: (p.path, p.line, p.surface, p.definition))
    summary: dict[str, Any] = severities(verdict.findings) | tiers(verdict.placements)
    summary["lines"] = lines_by_tier(verdict.placements)
    report = {
        "schema": "guardrail/1",
        "version": verdict.version,
        "complete": verdict.complete,
        "files": {
            "considered": verdict.considered,
            "analysed": verdict.analysed,
            "skipped": [{"path": s.path, "reason": s.reason} for s in skipped],
        },
        "limits": list(verdict.limits),
        "findings": [_finding(f, verdict) for f in by_place(verdict.findings)],
        "allowed": [_allowed(d) for d in allowed(verdict)],
        "surfaces": [_placement(p, verdict) for p in placements],
        "unclassified": list(verdict.unclassified),
        "reviewers": [{"owner": owner, "surfaces": names} for owner, names in reviewers(verdict).items()],
        "summary": summary,
    }
    if known := len(baselined(verdict)):
        report["baselined"] = known
    if verdict.provenance is not None:
        report["provenance"] = assisted.as_json(verdict.provenance)
    return json.dumps(report, ensure_ascii=True, indent=2) + "\n"


def _finding(f: Finding, verdict: Verdict) -> dict[str, Any]:
    drafted = {} if verdict.provenance is None else {"drafted": assisted.on_line(verdict.provenance, f)}
    return drafted | {
        "rule": f.rule,
        "name": f.name,
        "severity": f.severity,
        "confidence": f.confidence,
        "surface": f.surface,
        "path": f.path,
        "definition": f.definition,
        "line": f.line,
        "column": f.column,
        "end_line": f.end_line,
        "end_column": f.end_column,
        "status": f.status,
        "message": f.message,
        "why": f.why,
        "remedy": f.remedy,
        "refs": list(f.refs),
        "notes": [{"path": n.path, "line": n.line, "side": n.side, "message": n.message, "code": n.code} for n in f.notes],
        "fingerprint": f.fingerprint,
    }


def _allowed(d: Decision) -> dict[str, Any]:
    f = d.finding
    return {
        "rule": f.rule,
        "severity": f.severity,
        "path": f.path,
        "definition": f.definition,
        "line": f.line,
        "because": d.because,
        "fingerprint": f.fingerprint,
    }


def _placement(p: Placement, verdict: Verdict) -> dict[str, Any]:
    drafted = {} if verdict.provenance is None else {"drafted": assisted.on_lines(verdict.provenance, p)}
    return drafted | {
        "path": p.path,
        "definition": p.definition,
        "line": p.line,
        "end_line": p.end_line,
        "touched": list(p.touched),
        "surface": p.surface,
        "tier": p.tier,
        "role": p.role,
        "evidence": [{"line": e.line, "signal": e.signal} for e in p.evidence],
    }
