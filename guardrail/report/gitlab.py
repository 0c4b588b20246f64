"""The verdict as GitLab's Code Quality report: a list of violations."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

from guardrail.model import Decision, Finding, Severity, Skipped, Verdict
from guardrail.report.escape import encodable, one_line
from guardrail.report.tally import allowed, by_place, unread

LEVELS = {Severity.P0: "blocker", Severity.P1: "major", Severity.P2: "minor"}


def render(verdict: Verdict) -> str:
    """One entry per finding, allowed or not, and per unread file; of two with one fingerprint GitLab would drop the second."""
    skipped = unread(verdict)
    entries = [*map(_finding, by_place(verdict.findings)), *map(_allowed, allowed(verdict)), *map(_unread, skipped)]
    return json.dumps([*_told_apart(entries)], ensure_ascii=True, indent=2) + "\n"


def _finding(f: Finding) -> dict[str, Any]:
    fix = f" Fix: {f.remedy}" if f.remedy else ""
    return {
        "description": one_line(f"{f.message}{fix}"),
        "check_name": f.rule,
        "fingerprint": f.fingerprint.rpartition(":")[2],
        "severity": LEVELS[f.severity],
        "location": {"path": encodable(f.path), "lines": {"begin": max(f.line, 1), "end": max(f.line, f.end_line, 1)}},
    }


def _allowed(d: Decision) -> dict[str, Any]:
    told = {"description": one_line(f"allowed: {d.because}"), "severity": "info"}
    return _finding(d.finding) | told | {"fingerprint": sha256(f"allowed {d.finding.fingerprint}".encode()).hexdigest()[:32]}


def _unread(s: Skipped) -> dict[str, Any]:
    return {
        "description": one_line(f"not analysed: {s.reason}"),
        "check_name": "unread-file",
        "fingerprint": sha256(f"unread {s.path}".encode("utf-8", "surrogatepass")).hexdigest()[:32],
        "severity": LEVELS[Severity.P0],
        "location": {"path": encodable(s.path), "lines": {"begin": 1}},
    }


def _told_apart(entries: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    seen: Counter[str] = Counter()
    for entry in entries:
        key = entry["fingerprint"]
        seen[key] += 1
        yield entry if seen[key] == 1 else entry | {"fingerprint": f"{key}{seen[key]:x}"}
