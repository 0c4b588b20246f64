"""The review map: which definitions a person must look at, why, and what to ask there."""

from __future__ import annotations

from collections.abc import Sequence

from guardrail.model import Placement, Tier, Verdict
from guardrail.report.escape import one_line
from guardrail.report.paint import Paint
from guardrail.report.tally import by_definition, lines_by_tier, percent, ranges, reviewers, tiers

SIGNALS = 3  # of each placement


def review_map(verdict: Verdict, paint: Paint) -> list[str]:
    """Definitions by tier, strictest first, each tier with the questions of its surfaces, no surface asked twice."""
    definitions = by_definition(verdict.placements)
    lines = [f"Review map ({one_line(verdict.label)})"] if definitions else []
    asked: set[str] = set()
    for tier in reversed(Tier):
        own = [group for group in definitions if group[0].tier is tier]
        surfaces = dict.fromkeys(p.surface for group in own for p in group if p.tier is not Tier.FREE)
        questions = [line for name in surfaces if name not in asked for line in _questions(verdict, name)]
        asked.update(surfaces)
        lines += [paint(tier, tier)] if own else []
        lines += [f"  {_definition(group)}" for group in own]
        lines += questions
    return lines + (share(verdict) if definitions else []) + _reviewers(verdict) + _unclassified(verdict)


def share(verdict: Verdict) -> list[str]:
    """How much of the lines is mechanical and how much needs judgment, in one line."""
    counts = lines_by_tier(verdict.placements)
    total = sum(counts.values())
    if not total:
        return []
    careful, forbidden = (percent(counts[tier], total) for tier in (Tier.CAREFUL, Tier.FORBIDDEN))
    what = ("line" if verdict.label.startswith("scan") else "touched line") + ("" if total == 1 else "s")
    judgment = f"{careful + forbidden}% need judgment ({forbidden}% {Tier.FORBIDDEN}, {careful}% {Tier.CAREFUL})"
    return [f"{total} {what}: {100 - careful - forbidden}% mechanical ({Tier.FREE}), {judgment}"]


def _reviewers(verdict: Verdict) -> list[str]:
    named = [f"{one_line(owner)} ({', '.join(surfaces)})" for owner, surfaces in reviewers(verdict).items()]
    return [f"suggested reviewers: {', '.join(named)}"] if named else []


def _unclassified(verdict: Verdict) -> list[str]:
    """Files that are not Python and that no surface knows: somebody should have seen at least their names."""
    return [f"unclassified: {', '.join(map(one_line, verdict.unclassified))}"] if verdict.unclassified else []


def tier_counts(verdict: Verdict) -> list[str]:
    """How many definitions there are of each tier, in one line."""
    counts = tiers(verdict.placements)
    return [f"definitions: {', '.join(f'{counts[tier]} {tier}' for tier in reversed(Tier))}", *share(verdict)]


def _definition(group: Sequence[Placement]) -> str:
    first = group[0]
    touched = f" [{ranges(first.touched)}]" if first.touched else ""
    where = f"{one_line(first.path)}:{first.line} {one_line(first.definition)}{touched}"
    return f"{where}  {'  + '.join(map(_placement, group))}"


def _placement(p: Placement) -> str:
    signals = [f"{one_line(e.signal)}, line {e.line}" for e in p.evidence[:SIGNALS]]
    more = len(p.evidence) - len(signals)
    words = "; ".join([*signals, *([f"{more} more"] if more else [])])
    role = "" if p.tier is Tier.FREE else f" ({p.role})"  # nobody asks who makes a DTO by hand
    return f"{one_line(p.surface)}{role}" + (f"  {words}" if words else "")


def _questions(verdict: Verdict, name: str) -> list[str]:
    surface = verdict.surfaces.get(name)
    if not surface or not surface.review:
        return []
    ask = f"  Ask of {one_line(surface.title)} ({one_line(name)}):"
    return [ask, *(f"    - {one_line(question)}" for question in surface.review)]
