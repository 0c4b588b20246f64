"""The verdict as GitHub workflow commands, which become annotations on the lines of a pull request."""

from __future__ import annotations

from guardrail.model import Finding, Severity, Verdict
from guardrail.report import assisted
from guardrail.report.escape import command_data, command_property, one_line
from guardrail.report.paint import plain
from guardrail.report.review import review_map
from guardrail.report.tally import allowed, by_severity, explanation, last_line, unread

LEVELS = {Severity.P0: "error", Severity.P1: "error", Severity.P2: "warning"}


def render(verdict: Verdict) -> str:
    """One command per finding and per unread file, the counts as a notice, and the review map folded into the log."""
    findings = [_finding(f) for f in by_severity(verdict.findings)]
    missing = [
        _command("error", f"not analysed: {one_line(s.reason)}", {"file": s.path, "title": "unread file"}) for s in unread(verdict)
    ]
    shown = [*review_map(verdict, plain), *assisted.share(verdict)] if not verdict.label.startswith("scan") else []
    accepted = [_command("notice", one_line(d.because), _place(d.finding)) for d in allowed(verdict)]
    folded = ["::group::guardrail review map", *map(_logged, shown), "::endgroup::"] if shown else []
    return "\n".join([*findings, *accepted, *missing, *folded, _command("notice", last_line(verdict), {})]) + "\n"


def _finding(f: Finding) -> str:
    place = {"file": f.path, "line": str(f.line), "endLine": str(f.end_line)}
    if f.line == f.end_line:  # GitHub refuses columns on an annotation of several lines
        place |= {"col": str(f.column), "endColumn": str(f.end_column)}
    message = "\n".join(one_line(part) for part in (f.message, *explanation(f)))
    return _command(LEVELS[f.severity], message, {**place, "title": f"[{f.severity}] {f.rule} {f.name}"})


def _place(f: Finding) -> dict[str, str]:
    return {"file": f.path, "line": str(f.line), "title": f"allowed: {f.rule} {f.name}"}


def _command(level: str, message: str, properties: dict[str, str]) -> str:
    given = ",".join(f"{key}={command_property(one_line(value))}" for key, value in properties.items())
    return f"::{level} {given}::{command_data(message)}" if given else f"::{level}::{command_data(message)}"


def _logged(line: str) -> str:
    """A line of the log that is no command: the runner looks behind leading spaces."""
    return f"| {line}"
