"""Facts → surfaces: where a definition, or a file that is not Python, stands, on what evidence, and in which role."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from guardrail.chores import chore
from guardrail.globs import matches
from guardrail.model import Definition, Evidence, FileIndex, Role, Surface, Tier
from guardrail.patterns.anchors import Anchors, attribute, choice, needs, together
from guardrail.weighing import Likely, Weighing, opposed, weigh

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.packs import Rules, Signals

BRANCHES = 4  # as many branches of its own make a function that no stricter surface claims business logic
GLUE, LOGIC = "boilerplate", "business-logic"
_STRICTNESS = {Tier.FORBIDDEN: 0, Tier.CAREFUL: 1, Tier.FREE: 2}


@dataclass(frozen=True, slots=True)
class Place:
    """A surface that a definition is on."""

    surface: Surface
    tier: Tier
    role: Role
    evidence: tuple[Evidence, ...]


def anchors(signals: Signals, givers: Mapping[str, Iterable[str]]) -> Anchors:
    """The words without which neither calls, bases and decorators nor the form by hand can speak for the surface.

    `givers`: class → names of what gives its objects; who uses these need not name the class.
    """
    parts = []
    for name in (*signals.calls, *signals.low_level, *signals.bases, *signals.decorators):
        below = name.removesuffix(".*")
        for each in (below, *(givers.get(below, ()) if below != name else ())):
            first, *rest = each.split(".")
            parts.append(needs(first, attribute(rest[-1]) if rest else first))
    if signals.by_hand:
        parts.append(together(p.anchors() for p in signals.by_hand))
    return choice(parts) if parts else frozenset()


def place(definition: Definition, index: FileIndex, rules: Rules, facts: Facts | None, likely: Likely) -> tuple[Place, ...]:
    """The surfaces of a definition, strictest first; every definition is on one at least.

    `likely` are the surfaces, and of each the shapes, whose anchors the definition has: only for those `facts` are asked.
    """
    held = [w for w in weigh(definition, index, rules.signals, facts, likely) if w.holds]
    found = [_place(rules, index.path, w.surface, w.role, w.evidence(definition, facts), w.tier) for w in held]
    if all(p.tier is Tier.FREE for p in found):
        found += _unclaimed(definition, index, rules, alone=not found)
    return _ordered(found)


def all_likely(signals: Mapping[str, Signals]) -> Likely:
    """Every surface with all of its shapes, where nothing is left out beforehand."""
    return {name: given.shapes for name, given in signals.items()}


def place_by_path(path: str, rules: Rules, line: int = 1) -> tuple[Place, ...]:
    """The surface that the path of a Python file decides alone (a test that uses a token is a test), none for most paths."""
    name = next((n for n, signals in rules.signals.items() if any(matches(path, g) for g in signals.decisive)), "")
    return (_place(rules, path, name, Role.INTEGRATES, (Evidence(line, f"path {path}"),)),) if name else ()


def place_file(path: str, rules: Rules, line: int = 1) -> tuple[Place, ...]:
    """The surfaces of a file that is not Python, strictest first; none where no pack knows such files."""
    told = (Evidence(line, f"path {path}"),)
    names = [name for name, signals in rules.signals.items() if any(matches(path, glob) for glob in signals.files)]
    return _ordered(_place(rules, path, name, Role.INTEGRATES, told) for name in names)


@dataclass(frozen=True, slots=True)
class Reasons:
    """Why a definition is on a surface, or why it is not although something speaks for it."""

    surface: str
    place: Place | None  # None: it is not there
    score: int
    told: tuple[tuple[int, Evidence], ...]  # points (negative: against it; 0: a veto, or one of many), and what they are for


def explain(definition: Definition, index: FileIndex, rules: Rules, facts: Facts) -> tuple[Reasons, ...]:
    """Every surface that something speaks for: those that the definition is on, strictest first, then the others by weight."""
    places = {p.surface.id: p for p in place(definition, index, rules, facts, all_likely(rules.signals))}
    weighed = {w.surface: w for w in weigh(definition, index, rules.signals, facts, all_likely(rules.signals)) if w.firm}
    missed = sorted((w for name, w in weighed.items() if name not in places), key=lambda w: (-w.score, w.surface))
    return (
        *(_reasons(name, at, weighed.get(name), facts, definition) for name, at in places.items()),
        *(_reasons(w.surface, None, w, facts, definition) for w in missed),
    )


def _reasons(name: str, at: Place | None, weighed: Weighing | None, facts: Facts, definition: Definition) -> Reasons:
    if weighed is None:  # the fallback, which is not weighed
        return Reasons(name, at, 0, tuple((0, e) for e in at.evidence) if at else ())
    lines = [facts.line(t.node) if t.node is not None else definition.first for t in weighed.told]
    told = tuple((t.points, Evidence(line, t.text)) for t, line in zip(weighed.told, lines, strict=True))
    return Reasons(name, at, weighed.score, told)


def _unclaimed(definition: Definition, index: FileIndex, rules: Rules, alone: bool) -> list[Place]:
    """Business logic where there is branching and nothing stricter; else glue, where there is nothing at all."""
    branching = definition.kind == "function" and definition.branches >= BRANCHES
    said = f"{definition.branches} branches" if branching else "no branches to speak of"
    if branching and LOGIC in rules.signals:
        excuse = chore(definition, index.module) or opposed(definition, index, rules.signals[LOGIC])
        branching, said = not excuse, f"{said}, but {excuse}" if excuse else said
    name = LOGIC if branching else GLUE if alone else ""
    if name not in rules.signals:
        return []
    role = Role.IMPLEMENTS if branching else Role.INTEGRATES
    return [_place(rules, index.path, name, role, (Evidence(definition.first, said),))]


def _place(rules: Rules, path: str, name: str, role: Role, evidence: tuple[Evidence, ...], shaped: Tier | None = None) -> Place:
    surface = rules.surfaces[name]
    return Place(surface, rules.tiers(name, path) or shaped or surface.tier, role, evidence)


def _ordered(found: Iterable[Place]) -> tuple[Place, ...]:
    return tuple(sorted(found, key=lambda p: (_STRICTNESS[p.tier], p.surface.id)))
