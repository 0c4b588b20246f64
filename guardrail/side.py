"""One side of a file that is judged: its definitions, what is found in them, and where they stand."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, TypeVar

from guardrail import snapshot, surfaces, texts
from guardrail.allows import AllowsOfFile, find_allows
from guardrail.findings import raised
from guardrail.model import Confidence, Definition, FileChange, Finding, Placement, Role, Severity, SourceFile, Tier
from guardrail.profiling import timed
from guardrail.triage import Anchored, FileWords
from guardrail.weighing import Likely

if TYPE_CHECKING:
    from packaging.version import Version

    from guardrail.analysis.files import FileFacts
    from guardrail.judge import Judge
    from guardrail.packs import Rule, Shape
    from guardrail.project import Project

T = TypeVar("T", bound=Hashable)


class Side:
    """One side of a file: its definitions, and what is found in them when it is asked for."""

    def __init__(self, judge: Judge, file: SourceFile, of_head: bool = True) -> None:
        """Nothing is parsed with libcst yet."""
        self.judge, self.file, self._of_head = judge, file, of_head
        self.definitions: Sequence[Definition] = file.index.definitions
        self.words = FileWords(file.text, file.index, judge.implied, judge.inherited, judge.asked)
        self._keys: dict[int, str] = {}

    @property
    def project(self) -> Project:
        """What the project says of itself on this side."""
        return self.judge.head_project if self._of_head else self.judge.base_project

    def key(self, definition: Definition) -> str:
        """The same for definitions with the same text in the same surroundings."""
        found = self._keys.get(id(definition))
        if found is None:
            parts = (definition.kind, self.words.own_text(definition), *self.words.environment(definition))
            found = hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()
            self._keys[id(definition)] = found
        return found

    @cached_property
    def facts(self) -> FileFacts:
        """The analysis of the file; here libcst is imported."""
        from guardrail.analysis.files import FileFacts
        from guardrail.analysis.library import Library

        return FileFacts(self.file, Library(self.judge.library), self.words.near)

    @cached_property
    def allows(self) -> AllowsOfFile:
        """The allow comments of the file."""
        return find_allows(self.file.path, self.file.text, self.judge.known, self.judge.today)

    def candidates(self, definition: Definition) -> list[Rule]:
        """The rules that may find something in the definition."""
        if not self.judge.triage:
            return [rule for rule in self.judge.snapshots if rule.applies(self._version)]
        picked = self._among(self.judge.by_words, definition)
        rules = [self.judge.snapshots[number] for number in sorted(picked)]
        return [rule for rule in rules if rule.applies(self._version)]

    def _version(self, name: str) -> Version | None:
        return self.project.of(self.file.text).version(name)

    @timed("texts")
    def read(self, definitions: Iterable[Definition]) -> list[Finding]:
        """What the rules that read texts find in the file, as far as it is in these definitions."""
        rules = texts.wanted(self.file.path, self.judge.readers, python=True)
        symbols = {d.symbol for d in definitions}
        if not rules or not symbols:
            return []
        page = texts.Page(self.file.path, self.file.text, self.project, self.file.index)
        return [f for f in texts.find(page, rules) if f.definition in symbols]

    @timed("rules")
    def findings(self, definition: Definition) -> list[Finding]:
        """What the rules find in one definition."""
        rules = self.candidates(definition)
        found = snapshot.find(self.facts.facts(definition), rules) if rules else []
        if self._may_be_raised(found):
            by_hand = {p.surface.id for p in self.places(definition) if p.role is Role.IMPLEMENTS}
            itself = {id for name in by_hand for id in self.judge.rules.signals[name].hand_rolled}  # weighed as such already
            found = [raised(f) if f.surface in by_hand and f.rule not in itself else f for f in found]
        if self.file.path in self.judge.superseded:
            return [replace(f, severity=Severity.P2, confidence=Confidence.LOW) for f in found]
        return found

    def _may_be_raised(self, found: Iterable[Finding]) -> bool:
        """Whether one is on a surface where the primitive made by hand raises it a step (catalogue 1.2)."""
        known = self.judge.rules.surfaces
        return any(f.severity is not Severity.P0 and known[f.surface].tier is Tier.FORBIDDEN for f in found)

    def placements(self, change: FileChange, shrunk: frozenset[str]) -> Iterator[Placement]:
        """Where the touched definitions stand, those that only lost lines (`shrunk`) too; in a scan every definition."""
        for definition in self.definitions:
            touched = self._lines(definition, change.added)
            if not touched and definition.symbol not in shrunk:
                continue
            shown = () if self.judge.whole else tuple(touched)
            for place in self.places(definition):
                yield Placement(
                    path=self.file.path,
                    definition=definition.symbol,
                    line=definition.first,
                    end_line=definition.last,
                    touched=shown,
                    size=len(touched),
                    surface=place.surface.id,
                    tier=place.tier,
                    role=place.role,
                    evidence=place.evidence,
                )

    @timed("surfaces")
    def places(self, definition: Definition) -> tuple[surfaces.Place, ...]:
        """The surfaces of one definition, strictest first."""
        if self._decided:
            return surfaces.place_by_path(self.file.path, self.judge.rules, definition.first)
        likely = self._likely(definition)
        facts = self.facts.facts(definition) if likely else None
        return surfaces.place(definition, self.file.index, self.judge.rules, facts, likely)

    @cached_property
    def _decided(self) -> bool:
        return bool(surfaces.place_by_path(self.file.path, self.judge.rules))

    def shrunk(self, change: FileChange) -> frozenset[str]:
        """Of the base side: the symbols of the definitions that lines were taken from."""
        return frozenset(d.symbol for d in self.definitions if self._lines(d, change.removed))

    def _lines(self, definition: Definition, among: frozenset[int] | None) -> list[int]:
        """The definition's own lines that hold something, among those given (None: all)."""
        lines = self.words.lines
        wanted = range(definition.first, definition.last + 1) if among is None else sorted(among)
        return [n for n in wanted if n <= len(lines) and definition.owns(n) and lines[n - 1].strip()]

    def _likely(self, definition: Definition) -> Likely:
        """The surfaces that are worth an analysis of the definition, each with the shapes that may be there."""
        signals = self.judge.rules.signals
        if not self.judge.triage:
            return surfaces.all_likely(signals)
        picked = self._among(self.judge.surfaces_by_words, definition)
        found: dict[str, tuple[Shape, ...]] = {}
        for name, number in sorted(picked):
            found[name] = found.get(name, ()) + ((signals[name].shapes[number],) if number >= 0 else ())
        return found

    @timed("triage")
    def _among(self, things: Anchored[T], definition: Definition) -> frozenset[T]:
        return things.among(self.words.of(definition), partial(self.words.search, definition))
