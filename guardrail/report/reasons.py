"""Why a definition stands where it stands, in words, for `explain PATH:LINE`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from guardrail.report.escape import one_line

if TYPE_CHECKING:
    from guardrail.surfaces import Reasons
    from guardrail.why import Why

NEEDED = 4  # points, as in guardrail.weighing


def render(why: Why) -> str:
    """The definition, its surfaces with what to ask there, and those that it is not on although something speaks for them."""
    lines = [f"{one_line(why.path)}:{why.first}-{why.last} {one_line(why.definition)}", ""]
    there = [reasons for reasons in why.reasons if reasons.place]
    for reasons in there:
        lines += [*_there(why, reasons), ""]
    lines += ["It is on no surface.", ""] if not there else []
    others = [line for reasons in why.reasons if not reasons.place for line in _not_there(reasons)]
    lines += ["Not there, though something speaks for it:", *others, ""] if others else []
    return "\n".join(lines[:-1]) + "\n"


def _there(why: Why, reasons: Reasons) -> Iterator[str]:
    place = reasons.place
    assert place is not None
    score = f", {reasons.score} points" if reasons.score else ""
    yield f"{one_line(place.surface.id)}: {place.tier}, {place.role}{score}"
    yield from _told(reasons)
    yield from (f"  ask: {one_line(question)}" for question in place.surface.review)
    owners = why.owners.get(place.surface.id, ())
    if owners:
        yield f"  owners: {', '.join(map(one_line, owners))}"


def _not_there(reasons: Reasons) -> Iterator[str]:
    yield f"{one_line(reasons.surface)}: {reasons.score} of {NEEDED} points"
    yield from _told(reasons)


def _told(reasons: Reasons) -> Iterator[str]:
    for points, evidence in reasons.told:
        yield f"  {f'{points:+}' if points else '  '} {one_line(evidence.signal)}, line {evidence.line}"
