"""Facts → surfaces: where a definition stands, on what evidence, and in which role (catalogue 2.1)."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING

from guardrail.model import Definition, Evidence, FileIndex, Role, Surface, Tier
from guardrail.words import split_words

if TYPE_CHECKING:
    from guardrail.analysis import Facts
    from guardrail.packs import Rules, Signals
    from guardrail.patterns import Anchors, Words

THRESHOLD = 4
BRANCHES = 4  # as many branches of its own make a function that nothing else claims business logic
GLUE, LOGIC = "boilerplate", "business-logic"
STRICTNESS = {Tier.FORBIDDEN: 0, Tier.CAREFUL: 1, Tier.FREE: 2}


@dataclass(frozen=True, slots=True)
class Place:
    """A surface that a definition is on."""

    surface: Surface
    role: Role
    evidence: tuple[Evidence, ...]


def anchors(signals: Signals) -> Anchors:
    """The words without which nothing but names and paths can speak for the surface."""
    from guardrail.patterns.anchors import choice, needs, together

    parts = []
    for name in (*signals.calls, *signals.bases, *signals.decorators):
        named = name.removesuffix(".*").split(".")
        parts.append(needs(named[0], named[-1]))
    if signals.by_hand:
        parts.append(together(p.anchors() for p in signals.by_hand))
    return choice(parts) if parts else frozenset()


def place(definition: Definition, index: FileIndex, rules: Rules, facts: Facts | None) -> tuple[Place, ...]:
    """The surfaces of a definition, strictest first; every definition is on one at least."""
    words = frozenset(w for word in definition.words for w in split_words(word)) | definition.words
    used = _Used.of(facts) if facts is not None else _Used()
    imported = _Imported.of(index, definition)
    found = []
    for name, signals in rules.signals.items():
        scored = _score(definition, index, words, signals, used, imported, facts)
        if scored is not None:
            found.append(Place(rules.surfaces[name], *scored))
    if not found:
        found.extend(_unclaimed(definition, rules))
    return tuple(sorted(found, key=lambda p: (STRICTNESS[p.surface.tier], p.surface.id)))


def _unclaimed(definition: Definition, rules: Rules) -> list[Place]:
    branching = definition.kind == "function" and definition.branches >= BRANCHES
    surface = rules.surfaces.get(LOGIC if branching else GLUE)
    said = f"{definition.branches} branches" if branching else "no branches to speak of"
    return [Place(surface, Role.INTEGRATES, (Evidence(definition.first, said),))] if surface else []


@dataclass(frozen=True, slots=True)
class _Used:
    """The qualified names that a definition uses, each with its first node; its bases and decorators."""

    names: Mapping[str, object] = None  # type: ignore[assignment]
    bases: frozenset[str] = frozenset()
    decorators: Mapping[str, object] = None  # type: ignore[assignment]

    @staticmethod
    def of(facts: Facts) -> _Used:
        """What the facts say."""
        names: dict[str, object] = {}
        decorators: dict[str, object] = {}
        for node in facts.nodes:
            kind = type(node).__name__
            if kind in ("Name", "Attribute"):
                for name in facts.names(node):
                    names.setdefault(name, node)
            elif kind == "Decorator":
                inner = node.decorator  # type: ignore[attr-defined]
                for name in facts.names(getattr(inner, "func", inner)):
                    decorators.setdefault(name, node)
        bases = facts.class_types(facts.owner) if facts.owner else frozenset()
        return _Used(names, bases, decorators)


def _score(
    definition: Definition,
    index: FileIndex,
    words: Words,
    signals: Signals,
    used: _Used,
    imported: _Imported,
    facts: Facts | None,
) -> tuple[Role, tuple[Evidence, ...]] | None:
    score, firm, evidence = 0, 0, []
    for kind, wanted, given in (
        ("calls", signals.calls, used.names or {}),
        ("decorated with", signals.decorators, used.decorators or {}),
    ):
        hit = _hit(wanted, given)
        if hit:
            firm += 3
            line = facts.span(given[hit])[0] if facts is not None else definition.first  # type: ignore[arg-type]
            evidence.append(Evidence(line, f"{kind} {hit}"))
    base = _hit(signals.bases, dict.fromkeys(used.bases))
    if base:
        firm += 3
        evidence.append(Evidence(definition.first, f"is a {base}"))
    by_hand = bool(signals.by_hand) and facts is not None and _by_hand(signals, facts, evidence)
    firm += 4 * by_hand
    firm += _imports(definition, signals, imported, evidence)
    said = sorted(set(signals.words) & words)
    score += firm + min(2, len(said))
    evidence += [Evidence(definition.first, f"names {word}") for word in said[:2]]
    if any(matches(index.path, glob) for glob in signals.paths):
        score += 1
        evidence.append(Evidence(definition.first, f"path {index.path}"))
    if not firm or score < THRESHOLD or score - 4 * _against(index, words, signals, used, imported) < THRESHOLD:
        return None
    return (Role.IMPLEMENTS if by_hand else Role.INTEGRATES), tuple(evidence)


def _hit(wanted: Iterable[str], given: Mapping[str, object]) -> str:
    """The first wanted name that is given; `a.b.*` stands for anything below `a.b`."""
    for name in wanted:
        if name.endswith(".*"):
            below = sorted(g for g in given if g.startswith(name[:-1]))
            if below:
                return below[0]
        elif name in given:
            return name
    return ""


def _by_hand(signals: Signals, facts: Facts, evidence: list[Evidence]) -> bool:
    """Whether every pattern of the home-made form is there."""
    said = []
    for pattern in signals.by_hand:
        kinds = pattern.kinds
        nodes = (n for n in facts.nodes if not kinds or type(n).__name__ in kinds)
        hit = next((n for n in nodes if next(iter(pattern.match(n, facts, {})), None) is not None), None)
        if hit is None:
            return False
        said.append(Evidence(facts.span(hit)[0], "by hand: " + " ".join(facts.code(hit).split())[:60]))
    evidence.extend(said)
    return True


def _imports(definition: Definition, signals: Signals, imported: _Imported, evidence: list[Evidence]) -> int:
    """2 for a package that the definition uses, 1 for one that only the module imports."""
    for package in signals.imports:
        if package in imported.used and definition.kind != "module":
            evidence.append(Evidence(definition.first, f"uses {package}"))
            return 2
    return int(any(package in imported.all for package in signals.imports))


@dataclass(frozen=True, slots=True)
class _Imported:
    """What a module imports, and what of it a definition uses, with every package on the way: `a.b` gives `a` and `a.b`."""

    all: frozenset[str]
    used: frozenset[str]

    @staticmethod
    def of(index: FileIndex, definition: Definition) -> _Imported:
        """By the local names that the definition's words hold."""
        used = (full for local, full in index.imports.items() if local in definition.words)
        return _Imported(_packages(tuple(index.imports.values())), _packages(tuple(used)))


@lru_cache(maxsize=4096)
def _packages(names: tuple[str, ...]) -> frozenset[str]:
    return frozenset(name[:end] for name in names for end in [*(i for i, c in enumerate(name) if c == "."), len(name)])


def _against(index: FileIndex, words: Words, signals: Signals, used: _Used, imported: _Imported) -> int:
    """How many kinds of counter-evidence there are."""
    anti = signals.anti
    if anti is None:
        return 0
    return sum(
        (
            any(package in imported.all for package in anti.imports),
            bool(set(anti.words) & words),
            bool(_hit(anti.calls, used.names or {})),
            bool(_hit(anti.bases, dict.fromkeys(used.bases))),
            bool(_hit(anti.decorators, used.decorators or {})),
            any(matches(index.path, glob) for glob in anti.paths),
        )
    )


def matches(path: str, glob: str) -> bool:
    """Whether a path fits a glob in which `**/` is any number of folders."""
    return _translated(glob).match(path) is not None


@cache
def _translated(glob: str) -> re.Pattern[str]:
    parts = ["(?:.*/)?" if part == "**/" else re.sub(r"\.\*", "[^/]*", fnmatch.translate(part)[4:-3]) for part in _pieces(glob)]
    return re.compile("".join(parts) + r"\Z")


def _pieces(glob: str) -> list[str]:
    return [p for p in re.split(r"(\*\*/)", glob.replace("/**", "/**/*") if glob.endswith("/**") else glob) if p]
