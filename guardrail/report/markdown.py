"""The verdict as one comment on a pull request: what is wrong, folded by severity, and where a person must look."""

from __future__ import annotations

from collections.abc import Sequence

from guardrail.model import Finding, Outcome, Placement, Severity, Status, Tier, Verdict
from guardrail.report import assisted, marked
from guardrail.report.paths import lost_lines, other_places, path_of
from guardrail.report.review import share
from guardrail.report.tally import allowed, by_definition, by_severity, last_line, ranges, reviewers

MARKER = "<!-- guardrail: review -->"  # by which CI finds the comment that it wrote before
LIMIT = 65_000  # characters; GitHub takes 65,536
SIGNS = {Severity.P0: "🔴", Severity.P1: "🟠", Severity.P2: "🟡"}
MEANS = {Severity.P0: "exploitable or data-losing as written", Severity.P1: "will bite in production"}
MEANS[Severity.P2] = "a weakness to schedule"
TIERS = {Tier.FORBIDDEN: "🟥", Tier.CAREFUL: "🟨", Tier.FREE: "🟩"}
ROWS = 60  # of the map
ASIDE = 6_000  # characters of all that is not a finding and not the map
FOLDS = 1_000  # characters that are kept for the folds of all severities
LONG = 600  # characters of a name or a sentence
SIGNALS = 3


def render(verdict: Verdict) -> str:
    """The comment, in not more characters than a comment may have: findings go before the map, the worst before the mild."""
    head = f"{MARKER}\n## guardrail: {_sentence(verdict)}\n\n{last_line(verdict)} · {_code(verdict.label)}\n\n"
    head += "".join(f"{_prose(line)}\n\n" for line in assisted.share(verdict)[:1])
    head += _fitting([f"> **Not read:** {_code(s.path)}, {_prose(s.reason)}\n\n" for s in verdict.skipped], ASIDE)
    foot = _allowed(verdict) + _footnote(verdict)
    budget = LIMIT - len(head) - len(foot)
    findings = _findings(verdict, budget)
    return head + findings + _map(verdict, budget - len(findings)) + foot


def _sentence(verdict: Verdict) -> str:
    if not verdict.complete:
        return "⚠️ incomplete, a file could not be read"
    failing = any(d.outcome is Outcome.REPORTED and d.finding.status is Status.INTRODUCED for d in verdict.decisions)
    if failing:
        return "❌ findings at or above the gate"
    return "✅ nothing at or above the gate" if verdict.findings else "✅ nothing found"


def _findings(verdict: Verdict, budget: int) -> str:
    """The findings of each severity behind a fold, the worst one open; those that do not fit are counted."""
    out = ""
    for severity in Severity:
        own = [f for f in by_severity(verdict.findings) if f.severity == severity]
        if not own:
            continue
        opened = "" if out else " open"
        top = f"<details{opened}><summary>{SIGNS[severity]} <b>{severity}</b> · {len(own)} · {MEANS[severity]}</summary>\n\n"
        out += top + _fitting([_finding(f, verdict) for f in own], budget - len(out) - FOLDS) + "</details>\n\n"
    return out


def _fitting(blocks: Sequence[str], budget: int) -> str:
    """As many of the blocks as there is room for, and how many there was none for."""
    out = ""
    for number, block in enumerate(blocks):
        if len(out) + len(block) > budget:
            return out + f"… and {len(blocks) - number} more, which do not fit into a comment.\n\n"
        out += block
    return out


def _finding(f: Finding, verdict: Verdict) -> str:
    """One item of a list; its parts are paragraphs of the item."""
    parts = [f"**{_prose(f.message)}**  \n{_code(f'{f.path}:{f.line}')} {_code(f.definition)} · {_code(f.rule)} {_prose(f.name)}"]
    parts[0] += " · drafted with an assistant" * assisted.on_line(verdict.provenance, f)
    parts += [f"~~{_code(note.code)}~~ stood in {_code(f'{note.path}:{note.line}')}" for note in lost_lines(f)]
    hops = [f"{_code(f'{note.path}:{note.line}')} {_prose(note.message)}" for note in path_of(f)]
    parts += ["<br>".join(f"{'↳ ' if n else ''}{hop}" for n, hop in enumerate(hops))] if hops else []
    parts += [f"See {_code(f'{note.path}:{note.line}')} {_prose(note.message)}" for note in other_places(f)]
    parts += [_prose(f.why)] if f.why else []
    parts += [f"**Fix:** {_prose(f.remedy)}"] if f.remedy else []
    return "- " + "\n\n  ".join(part.replace("\n", "\n  ") for part in parts) + "\n\n"


def _map(verdict: Verdict, budget: int) -> str:
    """The review map: a table of what needs judgment, what to ask there, and what is mechanical in one line."""
    groups = by_definition(verdict.placements)
    risky = [g for tier in reversed(Tier) if tier is not Tier.FREE for g in groups if g[0].tier is tier]
    if not groups or verdict.label.startswith("scan"):
        return ""
    top = "<details><summary><b>Review map</b>" + "".join(f" · {line}" for line in share(verdict)) + "</summary>\n\n"
    end = "</details>\n\n"
    rows = [_row(g) for g in risky[:ROWS]]
    asked = _questions(verdict, risky)
    room = budget - len(top) - len(end) - len(asked) - 200
    if room < 1000:
        return ""
    table = "| tier | where | lines | surfaces |\n|---|---|---|---|\n" if rows else ""
    shown = [row for n, row in enumerate(rows) if sum(map(len, rows[: n + 1])) + len(table) <= room]
    more = len(risky) - len(shown)
    return top + table + "".join(shown) + (f"\n… and {more} more definitions.\n" if more else "") + f"\n{asked}{end}"


def _row(group: Sequence[Placement]) -> str:
    first = group[0]
    where = f"{_code(f'{first.path}:{first.line}', table=True)} {_code(first.definition, table=True)}"
    return f"| {TIERS[first.tier]} {first.tier} | {where} | {ranges(first.touched)} | {'<br>'.join(map(_placement, group))} |\n"


def _placement(p: Placement) -> str:
    signals = "; ".join(f"{_prose(e.signal, table=True)}, line {e.line}" for e in p.evidence[:SIGNALS])
    return f"**{_prose(p.surface, table=True)}** ({p.role})" + (f" {signals}" if signals else "")


def _questions(verdict: Verdict, groups: Sequence[Sequence[Placement]]) -> str:
    names = dict.fromkeys(p.surface for g in groups for p in g if p.tier is not Tier.FREE)
    known = [verdict.surfaces[name] for name in names if name in verdict.surfaces and verdict.surfaces[name].review]
    return _fitting([f"**{_prose(s.title)}:** {' '.join(_prose(q) for q in s.review)}\n\n" for s in known], 2 * ASIDE)


def _allowed(verdict: Verdict) -> str:
    rows = [
        f"- {_code(d.finding.rule)} {_code(f'{d.finding.path}:{d.finding.line}')} {_prose(d.because)}\n" for d in allowed(verdict)
    ]
    top = f"<details><summary>{len(rows)} allowed</summary>\n\n"
    return f"{top}{_fitting(rows, ASIDE)}\n</details>\n\n" if rows else ""


def _footnote(verdict: Verdict) -> str:
    named = [f"{_code(owner)} ({', '.join(names)}) " for owner, names in reviewers(verdict).items()]
    asked = f"Suggested reviewers: {_fitting(named, ASIDE)}· " if named else ""
    return f"<sub>{asked}guardrail {verdict.version}</sub>\n"


def _code(text: str, table: bool = False) -> str:
    """As code, cut where it is long."""
    return marked.code(_cut(text), table)


def _prose(text: str, table: bool = False) -> str:
    """As a sentence, cut where it is long."""
    return marked.prose(_cut(text), table)


def _cut(text: str) -> str:
    return text if len(text) <= LONG else text[: LONG - 1] + "…"
