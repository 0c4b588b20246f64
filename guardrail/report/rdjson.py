"""The verdict in reviewdog's diagnostic format, from which it comments on merge requests of any host."""

from __future__ import annotations

import json
from typing import Any

from guardrail.model import Decision, Finding, Severity, Skipped, Verdict
from guardrail.report.escape import encodable, one_line
from guardrail.report.paths import lost_lines
from guardrail.report.tally import allowed, by_place, explanation, unread

LEVELS = {Severity.P0: "ERROR", Severity.P1: "ERROR", Severity.P2: "WARNING"}


def render(verdict: Verdict) -> str:
    """One diagnostic per finding, per allowed one and per unread file."""
    lines = {path: text.split("\n") for path, text in verdict.sources.items()}
    found = [_finding(f, lines.get(f.path, [])) for f in by_place(verdict.findings)]
    found += [_allowed(d, lines.get(d.finding.path, [])) for d in allowed(verdict)]
    found += [_unread(s) for s in unread(verdict)]
    report = {"source": {"name": "guardrail"}, "diagnostics": found}
    return json.dumps(report, ensure_ascii=True, indent=2) + "\n"


def _finding(f: Finding, lines: list[str]) -> dict[str, Any]:
    lost = [f"before, line {note.line}: {note.code}" for note in lost_lines(f)]
    return {
        "message": "\n".join(one_line(part) for part in (f.message, *lost, *explanation(f))),
        "location": {"path": encodable(f.path), "range": _range(f, lines)},
        "severity": LEVELS[f.severity],
        "code": {"value": f.rule},
    }


def _allowed(d: Decision, lines: list[str]) -> dict[str, Any]:
    return _finding(d.finding, lines) | {"message": one_line(f"allowed: {d.because}"), "severity": "INFO"}


def _unread(s: Skipped) -> dict[str, Any]:
    message = one_line(f"not analysed: {s.reason}")
    return {"message": message, "location": {"path": encodable(s.path)}, "severity": "ERROR", "code": {"value": "unread-file"}}


def _range(f: Finding, lines: list[str]) -> dict[str, Any]:
    """From the first character to behind the last one; whole lines where the text is not known."""
    last = max(f.line, f.end_line)
    if not 1 <= f.line <= last <= len(lines):
        return {"start": {"line": max(f.line, 1)}, "end": {"line": max(last, 1)}}
    start = {"line": f.line, "column": _bytes(lines[f.line - 1], f.column)}
    return {"start": start, "end": {"line": last, "column": _bytes(lines[last - 1], f.end_column)}}


def _bytes(line: str, column: int) -> int:
    """A column that counts characters as one that counts bytes of UTF-8, both from 1."""
    return len(line[: max(column, 1) - 1].encode("utf-8", "surrogatepass")) + 1
