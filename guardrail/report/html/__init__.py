"""The verdict as a page to look at: one file, no network, readable without its script."""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Sequence
from hashlib import sha256
from importlib.resources import files
from string import Template

from guardrail.model import Finding, Outcome, Placement, Severity, Status, Tier, Verdict
from guardrail.report import assisted
from guardrail.report.html.definitions import definitions_of
from guardrail.report.html.findings import findings_of
from guardrail.report.html.overview import legend, map_of
from guardrail.report.html.parts import MARKS, MEANS, listed, phrase, shown
from guardrail.report.tally import (
    allowed,
    by_definition,
    by_severity,
    last_line,
    lines_by_tier,
    percent,
    reviewers,
    severities,
    unread,
)

Group = Sequence[Placement]


def render(verdict: Verdict) -> str:
    """The page. Its style and its script are named by their hashes, so that a browser runs nothing else and loads nothing."""
    groups = by_definition(verdict.placements)
    findings = by_severity(verdict.findings)
    numbers = _numbers(groups, findings)
    drawn, places = map_of(groups, numbers, verdict)
    style = _part("page.css") + "\n" + places + _shares(verdict)
    script = _part("page.js")
    return Template(_part("page.html")).substitute(
        policy=f"default-src 'none'; img-src data:; style-src '{_hash(style)}'; script-src '{_hash(script)}'; base-uri 'none'",
        style=style,
        script=script,
        label=shown(verdict.label),
        verdict=_sentence(verdict),
        state=_state(verdict),
        summary=shown(last_line(verdict)),
        counts=_counts(findings),
        drafted="".join(f'<p class="summary">{phrase(line)}</p>' for line in assisted.share(verdict)[:1]),
        share=_share(verdict),
        filters=_filters(findings, groups, verdict),
        unread=_unread(verdict),
        what="The code" if verdict.label.startswith("scan") else "The change",
        legend=legend(),
        map=drawn if groups else '<p class="empty">No definition is on a surface.</p>',
        findings=findings_of(findings, verdict, groups),
        definitions=definitions_of(groups, numbers, verdict),
        rest=_rest(verdict),
        version=shown(verdict.version),
    )


def _part(name: str) -> str:
    return files("guardrail.report.html").joinpath(name).read_text("utf-8")


def _hash(text: str) -> str:
    return "sha256-" + b64encode(sha256(text.encode()).digest()).decode()


def _numbers(groups: Sequence[Group], findings: Sequence[Finding]) -> dict[int, list[int]]:
    """The number of each definition → the numbers of its findings."""
    known = {(group[0].path, group[0].definition): number for number, group in enumerate(groups)}
    found: dict[int, list[int]] = {}
    for number, f in enumerate(findings):
        if (f.path, f.definition) in known:
            found.setdefault(known[f.path, f.definition], []).append(number)
    return found


def _state(verdict: Verdict) -> str:
    if not verdict.complete:
        return "unsure"
    failing = any(d.outcome is Outcome.REPORTED and d.finding.status is Status.INTRODUCED for d in verdict.decisions)
    return "failing" if failing else "passing"


def _sentence(verdict: Verdict) -> str:
    words = {"unsure": "Incomplete: a file could not be read", "failing": "Findings at or above the gate"}
    return words.get(_state(verdict), "Nothing at or above the gate")


def _counts(findings: Sequence[Finding]) -> str:
    found = severities(findings)
    return listed(f'<span class="severity {s}">{s}</span> <b>{found[s]}</b> {MEANS[Severity(s)]}' for s in found)


def _shares(verdict: Verdict) -> str:
    """The widths of the bar."""
    lines = lines_by_tier(verdict.placements)
    total = sum(lines.values()) or 1
    return "".join(f"\n.share .{tier}{{width:{100 * lines[tier] / total:.2f}%}}" for tier in Tier)


def _share(verdict: Verdict) -> str:
    lines = lines_by_tier(verdict.placements)
    total = sum(lines.values())
    if not total:
        return ""
    there = [tier for tier in reversed(Tier) if lines[tier]]
    bar = "".join(f'<span class="{tier}"></span>' for tier in there)
    what = "lines" if verdict.label.startswith("scan") else "touched lines"
    parts = listed(f'<i class="{t}" aria-hidden="true">{MARKS[t]}</i> {percent(lines[t], total)}% {t}' for t in there)
    bar = f'<div class="share" aria-hidden="true">{bar}</div>'
    return f'{bar}<ul class="shares" aria-label="{total} {what}"><li>{total} {what}</li>{parts}</ul>'


def _filters(findings: Sequence[Finding], groups: Sequence[Group], verdict: Verdict) -> str:
    """A group of switches for each thing that the page can be filtered by."""
    surfaces = Counter(f.surface for f in findings)
    surfaces.update({p.surface: 0 for group in groups for p in group})
    parts = [_group("severity", Severity), _group("tier", reversed(Tier)), _group("surface", sorted(surfaces))]
    parts += [_group("origin", ("assistant", "person"))] if verdict.provenance else []
    return "".join(parts)


def _group(kind: str, values: Iterable[str]) -> str:
    buttons = "".join(
        f'<button type="button" class="switch {shown(value) if kind != "surface" else ""}" data-filter="{kind}" '
        f'data-value="{shown(value).replace(" ", "_")}" aria-pressed="false">{shown(value)}</button>'
        for value in values
    )
    return f'<div class="group" role="group" aria-label="by {kind}"><span class="by">{kind}</span>{buttons}</div>'


def _unread(verdict: Verdict) -> str:
    skipped = unread(verdict)
    names = listed(f"<code>{shown(s.path)}</code> {phrase(s.reason)}" for s in skipped[:200])
    return (
        f'<section class="unread" aria-label="Files that were not read"><h2>Not read</h2><ul>{names}</ul></section>'
        if names
        else ""
    )


def _rest(verdict: Verdict) -> str:
    """What was allowed, whom to ask, what no surface knows, and which bounds were hit."""
    accepted = [
        f"<code>{shown(d.finding.rule)}</code> {shown(d.finding.path)}:{d.finding.line} {phrase(d.because)}"
        for d in allowed(verdict)
    ]
    asked = [f"<b>{shown(owner)}</b> {shown(', '.join(names))}" for owner, names in reviewers(verdict).items()]
    blocks = [("Suggested reviewers", asked), ("Allowed", accepted), ("Unclassified files", list(map(shown, verdict.unclassified)))]
    blocks.append(("Bounds that were hit", list(map(phrase, verdict.limits))))
    return "".join(
        f"<details><summary>{name} <span>{len(some)}</span></summary><ul>{listed(some[:500])}</ul></details>"
        for name, some in blocks
        if some
    )
