"""Which node of head is which of base, among calls of a kind."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts

Located = tuple["Facts", Any]
ALIKE = 0.5
LONG = 600  # characters of code that are compared
MANY = 40  # nodes: more are paired in their order


def align(before: list[Located], after: list[Located]) -> dict[int, Located]:
    """Node of base, by id → node of head: those that say the same first, then the most similar."""
    by_text: dict[str, list[Located]] = {}
    for place in after:
        by_text.setdefault(place[0].normal(place[1]), []).append(place)
    found: dict[int, Located] = {}
    rest = []
    for facts, node in before:
        same = by_text.get(facts.normal(node))
        if same:
            found[id(node)] = same.pop(0)
        else:
            rest.append((facts, node))
    taken = {id(place[1]) for place in found.values()}
    left = [place for place in after if id(place[1]) not in taken]
    for facts, node in rest:
        best = max(left[:MANY], key=lambda place: _likeness((facts, node), place), default=None)
        if best is not None and _likeness((facts, node), best) >= ALIKE:
            left.remove(best)
            found[id(node)] = best
    return found


def _likeness(one: Located, other: Located) -> float:
    a, b = (facts.normal(node)[:LONG] for facts, node in (one, other))
    alike = difflib.SequenceMatcher(None, a, b, autojunk=False).ratio()
    return alike + (0.3 if _callee(one) == _callee(other) else 0.0)


def _callee(place: Located) -> str:
    func = getattr(place[1], "func", None)
    return place[0].code(func) if func is not None else type(place[1]).__name__
