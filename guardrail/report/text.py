"""The verdict for a person: findings, the review map, what was not read, and the counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from guardrail.model import Decision, Finding, Note, Skipped, Verdict
from guardrail.report import assisted
from guardrail.report.escape import one_line
from guardrail.report.paint import Paint, coloured, plain
from guardrail.report.review import review_map, tier_counts
from guardrail.report.tally import allowed, by_severity, explanation, last_line, unread

SHOWN = 2  # bounds
INDENT = " " * 5


def render(
    verdict: Verdict,
    *,
    color: bool = False,
    quiet: bool = False,
    map: bool | None = None,
) -> str:
    """The report; `map` unless given is the whole review map in a check and its counts in a scan; where true there is nothing else.

    Quiet, it says nothing of a change in which there is nothing to see.
    """
    findings = by_severity(verdict.findings)
    quiet = quiet and not map
    if quiet and verdict.complete and not findings and not verdict.skipped:
        return ""
    paint = coloured if color else plain
    code = {f.path: verdict.sources[f.path].split("\n") for f in findings if color and f.path in verdict.sources}
    blocks = [_finding(f, paint, code) for f in findings] if not map else []
    blocks.append([] if quiet else _map(verdict, paint, map))
    blocks.append([] if quiet else assisted.share(verdict))
    blocks.append([_unread(s, paint) for s in unread(verdict)])
    blocks.append([] if quiet or map else _bounds(verdict.limits))
    blocks.append([] if quiet or map else [_allowed(d) for d in allowed(verdict)])
    blocks.append([last_line(verdict)])
    return "\n\n".join("\n".join(block) for block in blocks if block) + "\n"


def _bounds(limits: Sequence[str]) -> list[str]:
    """The first bounds that were hit, and how many more there are: a large project hits several in every run."""
    more = len(limits) - SHOWN
    rest = [f"bound: and {more} more, which --format json lists"] if more > 0 else []
    return [f"bound: {one_line(limit)}" for limit in limits[:SHOWN]] + rest


def _finding(f: Finding, paint: Paint, code: Mapping[str, Sequence[str]]) -> list[str]:
    """One finding; the words of the repository are escaped, each part stays on its line."""
    place = paint("place", f"{one_line(f.path)}:{f.line}")
    rule = paint("aside", f"({one_line(f.rule)} {one_line(f.name)}, {one_line(f.surface)})")
    lines = [f"{paint(f.severity, f'[{f.severity}]')} {place} — {one_line(f.message)}  {rule}"]
    lines += [paint("lost", _lost(n, f)) for n in f.notes if n.side == "base"]
    if f.path in code:
        from guardrail.report.frame import frame  # Pygments takes its time; only colour needs it

        lines += frame(code[f.path], f)
    return lines + [INDENT + one_line(part) for part in explanation(f)]


def _lost(note: Note, f: Finding) -> str:
    """A line of base that is gone; its file where that had another name."""
    where = f"{note.line}" if note.path == f.path else f"{one_line(note.path)}:{note.line}"
    return f"{INDENT}- {where} │ {one_line(note.code)}"


def _map(verdict: Verdict, paint: Paint, wanted: bool | None) -> list[str]:
    scan = verdict.label.startswith("scan")
    if wanted or (wanted is None and not scan):
        return review_map(verdict, paint)
    return tier_counts(verdict) if scan else []


def _unread(s: Skipped, paint: Paint) -> str:
    return f"{paint('unread', 'unread:')} {one_line(s.path)} — {one_line(s.reason)}"


def _allowed(d: Decision) -> str:
    f = d.finding
    return f"allowed: {one_line(f.path)}:{f.line} {one_line(f.rule)} — {one_line(d.because)}"
