"""The verdict as JUnit XML: a test per finding, so that any CI server shows it."""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from guardrail.model import Decision, Finding, Outcome, Skipped, Status, Verdict
from guardrail.report.escape import one_line
from guardrail.report.paths import lost_lines
from guardrail.report.tally import allowed, by_place, explanation, last_line, unread


def render(verdict: Verdict) -> str:
    """What fails the gate is a failure, what is below it or allowed is skipped, an unread file is an error."""
    suite = Element("testsuite", name="guardrail", tests="", failures="", errors="", skipped="")
    cases = [*_cases(verdict)] or [Element("testcase", classname="guardrail", name="nothing introduced")]
    suite.extend(cases)
    SubElement(suite, "system-out").text = f"{one_line(verdict.label)}: {last_line(verdict)}"
    counts = {kind: str(sum(case.find(tag) is not None for case in cases)) for kind, tag in _COUNTED}
    suite.attrib.update(counts, tests=str(len(cases)))
    root = Element("testsuites", name="guardrail", tests=str(len(cases)), failures=counts["failures"], errors=counts["errors"])
    root.append(suite)
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


_COUNTED = (("failures", "failure"), ("errors", "error"), ("skipped", "skipped"))


def _cases(verdict: Verdict) -> Iterator[Element]:
    failing = {id(d.finding) for d in verdict.decisions if d.outcome is Outcome.REPORTED and d.finding.status is Status.INTRODUCED}
    for f in by_place(verdict.findings):
        yield _finding(f, "failure" if id(f) in failing else "skipped")
    yield from map(_allowed, allowed(verdict))
    yield from map(_unread, unread(verdict))


def _finding(f: Finding, kind: str) -> Element:
    case = _case(f)
    said = SubElement(case, kind, type=f.severity, message=one_line(f.message))
    lost = [f"- {note.line} | {note.code}" for note in lost_lines(f)]
    said.text = "\n".join(one_line(part) for part in (f"{f.path}:{f.line} {f.definition}", *lost, *explanation(f)))
    return case


def _allowed(d: Decision) -> Element:
    case = _case(d.finding)
    SubElement(case, "skipped", type="allowed", message=one_line(d.because))
    return case


def _unread(s: Skipped) -> Element:
    case = Element("testcase", classname=one_line(s.path), name="unread file")
    SubElement(case, "error", type="unread", message=one_line(f"not analysed: {s.reason}"))
    return case


def _case(f: Finding) -> Element:
    return Element("testcase", classname=one_line(f.path), name=one_line(f"{f.rule} {f.name}, line {f.line}"))
