"""Where a person must look: every definition with its surfaces, what put it there, and what to ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from guardrail.model import Placement, Tier, Verdict
from guardrail.report import assisted
from guardrail.report.html.parts import MARKS, listed, origin, phrase, place, shown, surfaces_of, words
from guardrail.report.tally import ranges

MOST = 1500  # definitions


def definitions_of(groups: Sequence[Sequence[Placement]], numbers: Mapping[int, list[int]], verdict: Verdict) -> str:
    """The definitions by tier, strictest first; `numbers` are the findings of each."""
    parts = []
    left = MOST
    for tier in reversed(Tier):
        own = [n for n, group in enumerate(groups) if group[0].tier is tier]
        if not own:
            continue
        entries = "".join(_entry(n, groups[n], numbers.get(n, []), verdict) for n in own[:left])
        more = f'<p class="aside">{len(own) - left} more.</p>' if len(own) > left else ""
        left = max(left - len(own), 0)
        title = f'<h3 class="{tier}"><i aria-hidden="true">{MARKS[tier]}</i> {tier} <span>{len(own)}</span></h3>'
        parts.append(f'<section class="tier">{title}{entries}{more}</section>')
    return "".join(parts) or '<p class="empty">No definition is on a surface.</p>'


def _entry(number: int, group: Sequence[Placement], findings: Sequence[int], verdict: Verdict) -> str:
    first = group[0]
    names = surfaces_of(group)
    touched = f"lines {ranges(first.touched)}" if first.touched else ""
    links = " ".join(f'<a href="#finding-{n}">finding {n + 1}</a>' for n in findings)
    tags = "".join(f'<span class="tag {p.tier}">{shown(p.surface)}</span>' for p in group)
    summary = f"<summary><code>{shown(first.definition)}</code> {place(first.path, first.line)} {tags}</summary>"
    body = f'<p class="meta">{touched} {links}</p>' if touched or links else ""
    body += "".join(_surface(p, verdict) for p in group)
    drafted = origin(assisted.on_lines(verdict.provenance, first), verdict)
    return (
        f'<details class="definition {first.tier}" id="def-{number}" data-tier="{first.tier}" '
        f'data-surface="{words(names)}"{drafted}>{summary}{body}</details>'
    )


def _surface(p: Placement, verdict: Verdict) -> str:
    known = verdict.surfaces.get(p.surface)
    role = "" if p.tier is Tier.FREE else f" ({p.role})"
    title = f"<h4>{shown(known.title if known else p.surface)}{role}</h4>"
    signals = listed(f"{phrase(e.signal)}, line {e.line}" for e in p.evidence)
    asked = listed(phrase(question) for question in known.review) if known and p.tier is not Tier.FREE else ""
    evidence = f'<ul class="evidence">{signals}</ul>' if signals else ""
    return title + evidence + (f'<p class="ask">Ask:</p><ul class="questions">{asked}</ul>' if asked else "")
