"""Facts → surfaces: where a definition stands, on what evidence, and in which role (catalogue 2.1)."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from guardrail.model import Definition, Evidence, FileIndex, Role, Surface, Tier
from guardrail.patterns.anchors import Anchors, Words, choice, needs, together
from guardrail.words import split_words

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.packs import Rules, Signals

THRESHOLD = 4
BRANCHES = 4  # as many branches of its own make a function that nothing else claims business logic
GLUE, LOGIC = "boilerplate", "business-logic"
STRICTNESS = {Tier.FORBIDDEN: 0, Tier.CAREFUL: 1, Tier.FREE: 2}
Told = tuple[Any, str]  # a node, or None for the definition as a whole, and what it shows


@dataclass(frozen=True, slots=True)
class Place:
    """A surface that a definition is on."""

    surface: Surface
    role: Role
    evidence: tuple[Evidence, ...]


def anchors(signals: Signals) -> Anchors:
    """The words without which neither calls, bases and decorators nor home-made forms can speak for the surface."""
    parts = []
    for name in (*signals.calls, *signals.bases, *signals.decorators):
        named = name.removesuffix(".*").split(".")
        parts.append(needs(named[0], named[-1]))
    if signals.by_hand:
        parts.append(together(p.anchors() for p in signals.by_hand))
    return choice(parts) if parts else frozenset()


def place(
    definition: Definition, index: FileIndex, rules: Rules, facts: Facts | None, likely: Collection[str] = ()
) -> tuple[Place, ...]:
    """The surfaces of a definition, strictest first; every definition is on one at least.

    `likely` are the surfaces whose anchors the definition has: only for those `facts` are asked.
    """
    certain = decided(index.path, rules)
    if certain:
        return (Place(rules.surfaces[certain], Role.INTEGRATES, (Evidence(definition.first, f"path {index.path}"),)),)
    subject = _Subject.of(definition, index, facts)
    found = []
    for name, signals in rules.signals.items():
        told = subject.weigh(signals, name in likely)
        if told is not None:
            found.append(Place(rules.surfaces[name], told[0], tuple(subject.evidence(told[1]))))
    if not found:
        found.extend(_unclaimed(definition, rules))
    return tuple(sorted(found, key=lambda p: (STRICTNESS[p.surface.tier], p.surface.id)))


def decided(path: str, rules: Rules) -> str:
    """The surface that the path alone decides: a test that uses a token is a test."""
    return next((n for n, signals in rules.signals.items() if any(matches(path, glob) for glob in signals.decisive)), "")


def _unclaimed(definition: Definition, rules: Rules) -> list[Place]:
    branching = definition.kind == "function" and definition.branches >= BRANCHES
    surface = rules.surfaces.get(LOGIC if branching else GLUE)
    said = f"{definition.branches} branches" if branching else "no branches to speak of"
    return [Place(surface, Role.INTEGRATES, (Evidence(definition.first, said),))] if surface else []


@dataclass(frozen=True, slots=True)
class _Subject:
    """All that a definition shows: its words, what it imports and uses, and by name what it calls, is and is decorated with."""

    definition: Definition
    index: FileIndex
    facts: Facts | None
    words: Words
    imported: Words  # packages of the module's imports, each with those above it
    used: Words  # of these, what the definition names
    calls: Mapping[str, Told] = field(default_factory=dict)
    bases: Mapping[str, Told] = field(default_factory=dict)
    decorators: Mapping[str, Told] = field(default_factory=dict)

    @staticmethod
    def of(definition: Definition, index: FileIndex, facts: Facts | None) -> _Subject:
        """By the index alone, and by the facts where there are some."""
        words = frozenset(w for word in definition.words for w in split_words(word)) | definition.words
        used = tuple(full for local, full in index.imports.items() if local in definition.words)
        imported = _packages(tuple(index.imports.values()))
        if facts is None:
            return _Subject(definition, index, None, words, imported, _packages(used))
        calls: dict[str, Told] = {}
        decorators: dict[str, Told] = {}
        for node in facts.nodes:
            kind = type(node).__name__
            if kind in ("Name", "Attribute"):
                for name in sorted(facts.names(node)):
                    _note(calls, name, node)
            elif kind == "Decorator":
                inner = node.decorator  # type: ignore[attr-defined]
                for name in sorted(facts.names(getattr(inner, "func", inner))):
                    _note(decorators, name, node)
        bases: dict[str, Told] = {}
        for name in sorted(facts.class_types(facts.owner)) if facts.owner else ():
            _note(bases, name, None)
        return _Subject(definition, index, facts, words, imported, _packages(used), calls, bases, decorators)

    def weigh(self, signals: Signals, likely: bool) -> tuple[Role, list[Told]] | None:
        """The role and what speaks for the surface, None where that is not enough."""
        told: list[Told] = []
        firm, by_hand = self._imports(signals, told), False
        if likely:
            for verb, wanted, given in (
                ("calls", signals.calls, self.calls),
                ("decorated with", signals.decorators, self.decorators),
                ("is a", signals.bases, self.bases),
            ):
                hit = _hit(wanted, given)
                if hit is not None:
                    firm += 3
                    told.append((hit[0], f"{verb} {hit[1]}"))
            by_hand = self._by_hand(signals, told)
            firm += 4 * by_hand
        if not firm:
            return None
        said = sorted(self.words.intersection(signals.words))[:2]
        told += [(None, f"names {word}") for word in said]
        paths = any(matches(self.index.path, glob) for glob in signals.paths)
        told += [(None, f"path {self.index.path}")] if paths else []
        score = firm + len(said) + paths
        if score < THRESHOLD or score - 4 * self._against(signals.anti) < THRESHOLD:
            return None
        return (Role.IMPLEMENTS if by_hand else Role.INTEGRATES), told

    def _imports(self, signals: Signals, told: list[Told]) -> int:
        """2 for a package that the definition uses, 1 for one that only the module imports."""
        for package in signals.imports if self.definition.kind != "module" else ():
            if package in self.used:
                told.append((None, f"uses {package}"))
                return 2
        return int(not self.imported.isdisjoint(signals.imports))

    def _by_hand(self, signals: Signals, told: list[Told]) -> bool:
        """Whether every pattern of the home-made form is there."""
        said: list[Told] = []
        facts = self.facts
        for pattern in signals.by_hand:
            if facts is None:
                return False
            kinds = pattern.kinds
            nodes = (n for n in facts.nodes if not kinds or type(n).__name__ in kinds)
            hit = next((n for n in nodes if next(iter(pattern.match(n, facts, {})), None) is not None), None)
            if hit is None:
                return False
            said.append((hit, "by hand: " + " ".join(facts.code(hit).split())[:60]))
        told.extend(said)
        return bool(said)

    def _against(self, anti: Signals | None) -> int:
        """How many kinds of counter-evidence there are."""
        if anti is None:
            return 0
        return sum(
            (
                not self.imported.isdisjoint(anti.imports),
                not self.words.isdisjoint(anti.words),
                _hit(anti.calls, self.calls) is not None,
                _hit(anti.bases, self.bases) is not None,
                _hit(anti.decorators, self.decorators) is not None,
                any(matches(self.index.path, glob) for glob in anti.paths),
            )
        )

    def evidence(self, told: Iterable[Told]) -> Iterable[Evidence]:
        """What was told, with its lines."""
        for node, text in told:
            line = self.definition.first if node is None or self.facts is None else self.facts.line(node)
            yield Evidence(line, text)


def _note(names: dict[str, Told], name: str, node: Any) -> None:
    """File a name, and under `a.b.*` that something below `a.b` is there; the first node and the first name stay."""
    names.setdefault(name, (node, name))
    head = name.rpartition(".")[0]
    while head:
        names.setdefault(head + ".*", (node, name))
        head = head.rpartition(".")[0]


def _hit(wanted: Iterable[str], given: Mapping[str, Told]) -> Told | None:
    """The first wanted name that is given."""
    return next((given[name] for name in wanted if name in given), None)


@lru_cache(maxsize=4096)
def _packages(names: tuple[str, ...]) -> Words:
    """The names and every package on the way to them: `a.b` gives `a` and `a.b`."""
    return frozenset(name[:end] for name in names for end in [*(i for i, c in enumerate(name) if c == "."), len(name)])


def matches(path: str, glob: str) -> bool:
    """Whether a path fits a glob in which `**/` is any number of folders."""
    return _translated(glob).match(path) is not None


@cache
def _translated(glob: str) -> re.Pattern[str]:
    whole = glob.replace("/**", "/**/*") if glob.endswith("/**") else glob
    pieces = [p for p in re.split(r"(\*\*/)", whole) if p]
    parts = ["(?:.*/)?" if p == "**/" else re.sub(r"\.\*", "[^/]*", fnmatch.translate(p)[4:-3]) for p in pieces]
    return re.compile("".join(parts) + r"\Z")
