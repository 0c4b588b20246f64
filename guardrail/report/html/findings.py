"""The findings of the page: each with its words, its code on both sides, and the way that it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from guardrail.model import Finding, Note, Placement, Tier, Verdict
from guardrail.report import assisted
from guardrail.report.html.code import Sources
from guardrail.report.html.parts import listed, origin, phrase, place, shown, words
from guardrail.report.paths import lost_lines, other_places, path_of

WITH_CODE = 300  # findings
MOST = 2000
Key = tuple[str, str]  # path and symbol
Known = tuple[Mapping[Key, int], Mapping[Key, Tier]]  # the number of a definition, and its tier


def findings_of(findings: Sequence[Finding], verdict: Verdict, groups: Sequence[Sequence[Placement]]) -> str:
    """The articles, in the order given; `groups` are the definitions as they are numbered."""
    if not findings:
        return '<p class="empty">Nothing was found.</p>'
    sources = Sources(verdict)
    numbers = {(group[0].path, group[0].definition): number for number, group in enumerate(groups)}
    tiers = {key: groups[number][0].tier for key, number in numbers.items()}
    articles = [
        _article(number, f, verdict, sources if number < WITH_CODE else None, (numbers, tiers))
        for number, f in enumerate(findings[:MOST])
    ]
    more = len(findings) - MOST
    rest = f'<p class="aside">{more} more findings are in the other reports.</p>' if more > 0 else ""
    return "".join(articles) + rest


def _article(number: int, f: Finding, verdict: Verdict, sources: Sources | None, known: Known) -> str:
    definition, tier = known[0].get((f.path, f.definition)), known[1].get((f.path, f.definition))
    surface = verdict.surfaces.get(f.surface)
    on = surface.tier if surface else Tier.FREE
    tier = tier or on
    drafted = assisted.on_line(verdict.provenance, f)
    where = f'<a href="#def-{definition}">{shown(f.definition)}</a>' if definition is not None else shown(f.definition)
    by = '<span class="tag drafted">drafted by an assistant</span>' if drafted else ""
    head = (
        f'<header><span class="severity {f.severity}">{f.severity}</span>'
        f'<h3 id="finding-{number}-title">{phrase(f.message)}</h3></header>'
        f'<p class="meta">{place(f.path, f.line)} in <code>{where}</code> '
        f'<span class="tag"><b>{shown(f.rule)}</b> {shown(f.name)}</span>'
        f'<span class="tag {on}">{shown(f.surface)}</span>'
        f'<span class="tag">{f.confidence} confidence</span>{by}</p>'
    )
    body = _said(f) + _elsewhere(f, verdict) + _chain(f, sources) + (sources.around(f) if sources else "")
    return (
        f'<article class="finding {f.severity}" id="finding-{number}" tabindex="-1" aria-labelledby="finding-{number}-title" '
        f'data-severity="{f.severity}" data-tier="{tier}" data-surface="{words([f.surface])}"{origin(drafted, verdict)}>'
        f"{head}{body}</article>"
    )


def _said(f: Finding) -> str:
    why = f'<p class="why">{phrase(f.why)}</p>' if f.why else ""
    fix = f'<p class="fix"><b>Fix</b> {phrase(f.remedy)}</p>' if f.remedy else ""
    refs = f'<p class="refs">{shown(", ".join(f.refs))}</p>' if f.refs else ""
    seen = listed(f"{place(note.path, note.line)} {phrase(note.message)}" for note in other_places(f))
    return why + fix + (f'<ul class="see">{seen}</ul>' if seen else "") + refs


def _elsewhere(f: Finding, verdict: Verdict) -> str:
    """What is lost and is not seen beside the code: it stood in another file, or the text is not known."""
    beside = {file.base_path for file in verdict.files if file.head_path == f.path} & verdict.base_sources.keys()
    away = [note for note in lost_lines(f) if note.path not in beside or f.path not in verdict.sources]
    lines = listed(f"{place(note.path, note.line)} <del><code>{shown(note.code)}</code></del>" for note in away)
    return f'<ul class="gone" aria-label="lost">{lines}</ul>' if lines else ""


def _chain(f: Finding, sources: Sources | None) -> str:
    """The way through functions, drawn from where its context begins to the effect."""
    hops = path_of(f)
    if not hops:
        return ""
    drawn = listed(_hop(note, sources) for note in hops)
    return f'<ol class="chain" aria-label="The way through the calls">{drawn}</ol>'


def _hop(note: Note, sources: Sources | None) -> str:
    code = sources.line(note.path, note.line).lstrip() if sources else ""
    line = f'<code class="line">{code}</code>' if code else ""
    return f"<b>{phrase(note.message)}</b> {place(note.path, note.line)}{line}"
