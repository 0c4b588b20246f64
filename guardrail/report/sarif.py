"""The verdict as SARIF 2.1.0, made for GitHub code scanning and right for any other reader."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from guardrail.model import Decision, Finding, Note, Outcome, Skipped, Status, Verdict
from guardrail.report.escape import one_line
from guardrail.report.linehash import line_hashes
from guardrail.report.paths import lost_lines, other_places, path_of
from guardrail.report.sarif_rules import LEVELS, rules
from guardrail.report.tally import last_line, unread

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
HEAD, BASE = "%SRCROOT%", "%BASE%"  # the two trees that a location may be in
STATES = {Status.INTRODUCED: "new", Status.PREEXISTING: "unchanged"}


def render(verdict: Verdict) -> str:
    """What a change introduced and what was there before; what it fixed is left out, for no reader of alerts expects it."""
    decisions = [d for d in verdict.decisions if d.outcome is not Outcome.UNSELECTED and d.finding.status in STATES]
    described = rules((d.finding for d in decisions), verdict.surfaces)
    index = {rule["id"]: number for number, rule in enumerate(described)}
    hashes = _hashes(verdict, decisions)
    trees = {HEAD: {"description": {"text": "The root of the repository, after the change."}}}
    trees[BASE] = {"description": {"text": "The root of the repository, before the change."}}
    run = {
        "tool": {"driver": {"name": "guardrail", "semanticVersion": verdict.version, "rules": described}},
        "invocations": [_invocation(verdict)],
        "originalUriBaseIds": trees,
        "columnKind": "unicodeCodePoints",
        "results": [_result(d, index, hashes, _is_scan(verdict)) for d in decisions],
        "properties": {"comparison": one_line(verdict.label), "summary": last_line(verdict)},
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, ensure_ascii=True, indent=2) + "\n"


def _is_scan(verdict: Verdict) -> bool:
    return verdict.label.startswith("scan")


def _hashes(verdict: Verdict, decisions: Iterable[Decision]) -> dict[tuple[str, int], str]:
    """Path and line → GitHub's hash of the line, for all lines with findings in files whose text is known."""
    lines: dict[str, set[int]] = {}
    for decision in decisions:
        lines.setdefault(decision.finding.path, set()).add(decision.finding.line)
    known = ((path, line_hashes(verdict.sources[path], some)) for path, some in lines.items() if path in verdict.sources)
    return {(path, line): value for path, found in known for line, value in found.items()}


def _invocation(verdict: Verdict) -> dict[str, Any]:
    told = [_unread(s) for s in unread(verdict)]
    found: dict[str, Any] = {"executionSuccessful": verdict.complete, "exitCode": verdict.exit_code}
    return found | ({"toolExecutionNotifications": told} if told else {})


def _unread(s: Skipped) -> dict[str, Any]:
    where = {"physicalLocation": {"artifactLocation": {"uri": _uri(s.path), "uriBaseId": HEAD}}}
    return {"level": "error", "message": _message(f"not analysed: {s.reason}"), "locations": [where]}


def _result(d: Decision, index: dict[str, int], hashes: dict[tuple[str, int], str], scan: bool) -> dict[str, Any]:
    f = d.finding
    result: dict[str, Any] = {
        "ruleId": f.rule,
        "ruleIndex": index[f.rule],
        "level": LEVELS[f.severity],
        "message": _message(" ".join(part for part in (f.message, f.remedy and f"Fix: {f.remedy}") if part)),
        "locations": [_location(f.path, _region(f), symbol=f.definition)],
        "partialFingerprints": _fingerprints(f, hashes),
        "properties": {"severity": f.severity, "confidence": f.confidence, "surface": f.surface, "outcome": d.outcome},
    }
    if not scan:
        result["baselineState"] = STATES[f.status]
    if hops := path_of(f):
        result["codeFlows"] = [{"threadFlows": [{"locations": [{"location": _noted(hop)} for hop in hops]}]}]
    if related := [*lost_lines(f), *other_places(f)]:
        result["relatedLocations"] = [_noted(note) | {"id": number} for number, note in enumerate(related, 1)]
    if d.outcome in (Outcome.ALLOWED, Outcome.BASELINED):
        kind = "inSource" if d.because.startswith(f"{f.path}:") else "external"  # beside the code, or in a file of its own
        result["suppressions"] = [{"kind": kind, "status": "accepted", "justification": one_line(d.because)}]
    return result


def _fingerprints(f: Finding, hashes: dict[tuple[str, int], str]) -> dict[str, str]:
    """Ours, under the version that it carries, and GitHub's where the text is known."""
    version, _, digest = f.fingerprint.partition(":")
    found = {f"guardrail/{version}": digest} if digest else {}
    known = hashes.get((f.path, f.line))
    return found | ({"primaryLocationLineHash": known} if known else {})


def _noted(note: Note) -> dict[str, Any]:
    """A place with its words; a line of base says what stood there."""
    if note.side == "head":
        return _location(note.path, {"startLine": max(note.line, 1)}, note.message)
    region = {"startLine": max(note.line, 1), "snippet": {"text": note.code}}
    return _location(note.path, region, f"before the change, line {note.line}: {note.code}", tree=BASE)


def _location(path: str, region: dict[str, Any], message: str = "", symbol: str = "", tree: str = HEAD) -> dict[str, Any]:
    place = {"physicalLocation": {"artifactLocation": {"uri": _uri(path), "uriBaseId": tree}, "region": region}}
    names: dict[str, Any] = {"logicalLocations": [{"fullyQualifiedName": one_line(symbol)}]} if symbol else {}
    return place | names | ({"message": _message(message)} if message else {})


def _region(f: Finding) -> dict[str, int]:
    """Where a finding stands; columns count characters, the last one is exclusive."""
    end = max(f.end_line, f.line)
    first = max(f.column, 1)
    last = max(f.end_column, 1) if end > f.line else max(f.end_column, first)
    return {"startLine": max(f.line, 1), "startColumn": first, "endLine": max(end, 1), "endColumn": last}


def _message(text: str) -> dict[str, str]:
    """Text in which nothing is read as a link; an alert's message may hold some."""
    shown = one_line(text)
    return {"text": shown.replace("[", "\\[").replace("]", "\\]") if "](" in shown else shown}


def _uri(path: str) -> str:
    """A path as a relative reference: a name like `a:b` or `//host` must not become a scheme or a host."""
    return quote(path, safe="/", errors="surrogateescape")
