"""What a definition shows for a surface and against it, in points (catalogue 2.1)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from guardrail.detect import detect
from guardrail.globs import matches
from guardrail.model import Definition, Evidence, FileIndex, Role, Tier
from guardrail.patterns.anchors import Words
from guardrail.words import split_words

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.packs import Shape, Signals

THRESHOLD = 4
NAMED, SHAPED, USED, IMPORTED, AGAINST = 3, 4, 2, 1, -4  # points; words and paths have one each
MOST_WORDS = 2
SHORT = 10  # lines: one low-level call in so short a definition is a wrapper, which composes nothing
Likely = Mapping[str, "tuple[Shape, ...]"]  # surface → its shapes that may be there
Names = dict[str, tuple[Any, str]]  # qualified name → the first node that shows it, and that name in full


@dataclass(frozen=True, slots=True)
class Told:
    """Something that a definition shows, and what it counts."""

    points: int
    node: Any  # None for the definition as a whole
    text: str
    by_hand: bool = False
    tier: Tier | None = None


@dataclass(frozen=True, slots=True)
class Weighing:
    """All that speaks for one surface, and against it."""

    surface: str
    role: Role
    told: tuple[Told, ...]
    firm: bool  # something other than words and paths speaks for it
    vetoed: bool

    @property
    def score(self) -> int:
        """The sum of the points."""
        return sum(t.points for t in self.told)

    @property
    def holds(self) -> bool:
        """Whether the definition is on the surface."""
        return self.firm and not self.vetoed and self.score >= THRESHOLD

    def evidence(self, definition: Definition, facts: Facts | None) -> tuple[Evidence, ...]:
        """What speaks for it, in words and with lines."""
        for_it = [t for t in self.told if t.points >= 0]
        lines = [definition.first if t.node is None or facts is None else facts.line(t.node) for t in for_it]
        return tuple(Evidence(line, t.text) for line, t in zip(lines, for_it, strict=True))

    @property
    def tier(self) -> Tier | None:
        """The tier that a shape asks for, None where the surface's own is meant."""
        return next((t.tier for t in self.told if t.tier), None)


def weigh(
    definition: Definition, index: FileIndex, signals: Mapping[str, Signals], facts: Facts | None, likely: Likely
) -> Iterator[Weighing]:
    """The definition weighed for each surface; facts are asked only for the `likely` ones, and of their shapes for the likely."""
    subject = _Subject.of(definition, index, facts)
    for name, each in signals.items():
        yield subject.weigh(name, each, facts if name in likely else None, likely.get(name, ()))


def opposed(definition: Definition, index: FileIndex, signals: Signals) -> str:
    """What the words, packages and path of a definition say against a surface, "" where there is nothing."""
    subject = _Subject.of(definition, index, None)
    told = [*subject.against(signals.anti, "", subject.used), *subject.against(signals.veto, "", subject.imported)]
    return told[0].text if told else ""


@dataclass(frozen=True, slots=True)
class _Subject:
    """All that a definition shows: its words, what it imports and uses, and by name what it calls, is and is decorated with."""

    definition: Definition
    index: FileIndex
    words: Words
    imported: Words  # packages of the module's imports, each with those above it
    used: Words  # of these, what the definition names
    calls: Names = field(default_factory=dict)
    bases: Names = field(default_factory=dict)
    decorators: Names = field(default_factory=dict)

    @staticmethod
    def of(definition: Definition, index: FileIndex, facts: Facts | None) -> _Subject:
        """By the index alone, and by the facts where there are some."""
        words = frozenset(w for word in definition.words for w in split_words(word)) | definition.words
        used = tuple(full for local, full in index.imports.items() if local in definition.words)
        imported = tuple(index.imports.values())
        subject = _Subject(definition, index, words, _packages(imported, index.module), _packages(used, index.module))
        if facts is not None:
            subject.learn(facts)
        return subject

    def learn(self, facts: Facts) -> None:
        """Take up the names that the facts know."""
        own = self.index.module + "."
        for node in facts.nodes:
            kind = type(node).__name__
            if kind in ("Name", "Attribute"):
                _note(self.calls, facts.names(node), node, own)
            elif kind == "Decorator":
                inner = node.decorator  # type: ignore[attr-defined]
                _note(self.decorators, facts.names(getattr(inner, "func", inner)), node, own)
        _note(self.bases, facts.class_types(facts.owner) if facts.owner else (), None, own)

    def weigh(self, name: str, signals: Signals, facts: Facts | None, likely: Sequence[Shape]) -> Weighing:
        """What speaks for a surface and against it."""
        shapes = _shapes(signals, likely, facts) if facts else []
        named = [*self._names(signals)] if facts else []
        told = [*shapes, *named, *self._imports(signals)]
        firm = bool(told)
        if firm:
            told += self._hints(signals)
            told += self.against(signals.anti, "", self.used if named else self.imported)
        vetoes = self.against(signals.veto, "veto: ", self.imported) if firm else []
        return Weighing(
            surface=name,
            role=self._role(signals, shapes),
            told=(*told, *vetoes),
            firm=firm,
            vetoed=bool(vetoes),
        )

    def _role(self, signals: Signals, shapes: Iterable[Told]) -> Role:
        if any(shape.by_hand for shape in shapes):
            return Role.IMPLEMENTS
        parts = list(_hits(signals.low_level, self.calls))
        short = self.definition.last - self.definition.first < SHORT
        return Role.COMPOSES if len(parts) > 1 or (parts and not short) else Role.INTEGRATES

    def _names(self, signals: Signals) -> Iterator[Told]:
        """A name called, one decorated with, a base class: each sort counts once."""
        for verb, wanted, given in (
            ("calls", (*signals.low_level, *signals.calls), self.calls),
            ("decorated with", signals.decorators, self.decorators),
            ("is a", signals.bases, self.bases),
        ):
            for node, name in _hits(wanted, given):
                yield Told(NAMED, node, f"{verb} {name}")
                break

    def _imports(self, signals: Signals) -> Iterator[Told]:
        """A package that the definition uses, or else one that only the module imports."""
        used = next((p for p in signals.imports if p in self.used), "") if self.definition.kind != "module" else ""
        imported = used or next((p for p in signals.imports if p in self.imported), "")
        if imported:
            yield Told(USED, None, f"uses {used}") if used else Told(IMPORTED, None, f"module imports {imported}")

    def _hints(self, signals: Signals) -> Iterator[Told]:
        """Words and path, which do not suffice alone."""
        said = sorted(self.words.intersection(signals.words))[:MOST_WORDS]
        yield from (Told(1, None, f"names {word}") for word in said)
        if any(matches(self.index.path, glob) for glob in signals.paths):
            yield Told(1, None, f"path {self.index.path}")

    def against(self, anti: Signals | None, prefix: str, packages: Words) -> list[Told]:
        """The counter-evidence, one for each sort; what only the module imports says nothing against what is called by name."""
        if anti is None:
            return []
        names = [next(_hits(a, b), (None, ""))[1] for a, b in ((anti.calls, self.calls), (anti.bases, self.bases))]
        found = {
            "imports": next((p for p in anti.imports if p in packages), ""),
            "names": next(iter(sorted(self.words.intersection(anti.words))), ""),
            "calls": names[0],
            "is a": names[1],
            "decorated with": next(_hits(anti.decorators, self.decorators), (None, ""))[1],
            "path": self.index.path if any(matches(self.index.path, glob) for glob in anti.paths) else "",
        }
        return [Told(AGAINST, None, f"{prefix}{verb} {name}") for verb, name in found.items() if name]


def _shapes(signals: Signals, likely: Sequence[Shape], facts: Facts) -> list[Told]:
    """The shapes that are there, those of `by-hand` together as one; however many there are, they count once."""
    found = [Told(0, node, _said("by hand", facts, node), by_hand=True) for node in _all_of(signals.by_hand, facts)]
    seen: set[int] = set()
    for shape, match in detect(facts, likely) if likely else ():
        if id(shape) not in seen:
            seen.add(id(shape))
            found.append(Told(0, match.node, _said(shape.says, match.facts, match.node), shape.by_hand, shape.tier))
    return [replace(found[0], points=SHAPED), *found[1:]] if found else []


def _all_of(patterns: Iterable[Any], facts: Facts) -> list[Any]:
    """A node for each pattern, none where one is missing."""
    found = []
    for pattern in patterns:
        nodes = (n for n in facts.nodes if not pattern.kinds or type(n).__name__ in pattern.kinds)
        hit = next((n for n in nodes if next(iter(pattern.match(n, facts, {})), None) is not None), None)
        if hit is None:
            return []
        found.append(hit)
    return found


def _said(what: str, facts: Facts, node: Any) -> str:
    """What a shape says, with the beginning of the code that shows it."""
    code = " ".join(facts.code(node).split("\n", 1)[0].split())
    return f"{what}: {code[:60]}"


def _note(names: Names, given: Iterable[str], node: Any, own: str) -> None:
    """File names, and under `a.b.*` that something below `a.b` is there, except in the module `own` of that very package.

    The first node and the first name stay.
    """
    for name in sorted(given):
        names.setdefault(name, (node, name))
        head = name.rpartition(".")[0]
        while head:
            if not own.startswith(head + "."):  # a library's own helpers are no use of the library
                names.setdefault(head + ".*", (node, name))
            head = head.rpartition(".")[0]


def _hits(wanted: Iterable[str], given: Names) -> Iterator[tuple[Any, str]]:
    """The wanted names that are given."""
    return (given[name] for name in wanted if name in given)


@lru_cache(maxsize=4096)
def _packages(names: tuple[str, ...], module: str) -> Words:
    """The names and every package on the way to them, `a.b` gives `a` and `a.b`; but none that the module itself is in."""
    found = {name[:end] for name in names for end in [*(i for i, c in enumerate(name) if c == "."), len(name)]}
    return frozenset(package for package in found if not module.startswith(f"{package}."))
