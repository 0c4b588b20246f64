"""One changed file, judged on its own: index, triage, analysis, surfaces. What a worker process does."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomli

from guardrail import snapshot, surfaces
from guardrail.allows import AllowsOfFile, find_allows
from guardrail.analysis.depth import TOO_DEEP
from guardrail.index import decode, index_source
from guardrail.model import (
    Confidence,
    Definition,
    FileChange,
    Finding,
    Placement,
    Role,
    Severity,
    Skipped,
    SourceFile,
    Tier,
    Tree,
    Unreadable,
)
from guardrail.packs import Rule, Rules, own_packs
from guardrail.triage import Anchored, FileWords

if TYPE_CHECKING:
    from guardrail.analysis.files import FileFacts

PYTHON = (".py", ".pyw")


@dataclass(frozen=True, slots=True)
class FileJudgement:
    """What was found in one file on both sides; `base` findings are only those of definitions that differ."""

    path: str
    head: tuple[Finding, ...] = ()
    base: tuple[Finding, ...] = ()
    placements: tuple[Placement, ...] = ()
    symbols: frozenset[str] = frozenset()  # of head
    allows: AllowsOfFile | None = None
    skipped: tuple[Skipped, ...] = ()
    text: str = ""  # of head, where something was found


@dataclass(frozen=True)
class Judge:
    """The rules, ready to be held against files.

    `triage=False` analyses every definition with every rule; `whole` is a scan, in which no line is more touched than another.
    """

    base: Tree
    head: Tree
    rules: Rules
    triage: bool = True
    whole: bool = False
    superseded: frozenset[str] = frozenset()  # migrations that are history, in a scan
    library: dict[str, Any] = field(default_factory=lambda: read_library())

    def judge(self, change: FileChange) -> FileJudgement:
        """Everything about one file; what cannot be read is said in `skipped`."""
        skipped: list[Skipped] = []
        head = self._side(self.head, change.head_path, skipped, "")
        base = self._side(self.base, change.base_path, skipped, "the base side cannot be read: ")
        if head is None and base is None:
            return FileJudgement(change.path, skipped=tuple(skipped))
        try:
            return self._compare(change, base, head, tuple(skipped))
        except Unreadable as error:
            return FileJudgement(change.path, skipped=(*skipped, Skipped(change.path, str(error))))
        except RecursionError:
            return FileJudgement(change.path, skipped=(*skipped, Skipped(change.path, TOO_DEEP)))

    def _side(self, tree: Tree, path: str | None, skipped: list[Skipped], prefix: str) -> Side | None:
        if path is None:
            return None
        try:
            data = tree.read(path)
            if data is None:
                return None
            text = decode(data)
            return Side(self, SourceFile(path, text, index_source(path, text)))
        except Unreadable as error:
            skipped.append(Skipped(path, prefix + str(error)))
            return None

    def _compare(self, change: FileChange, base: Side | None, head: Side | None, skipped: tuple[Skipped, ...]) -> FileJudgement:
        ours: Sequence[Definition] = head.definitions if head else ()
        theirs: Sequence[Definition] = base.definitions if base else ()
        if head and base:
            ours, theirs = snapshot.changed(ours, theirs, head.key, base.key)
        found = [f for d in ours if head for f in head.findings(d)]
        lost = [f for d in theirs if base for f in base.findings(d)]
        allows = head.allows if head else None
        found += allows.findings if allows else ()
        lost += base.allows.findings if base else ()
        return FileJudgement(
            path=change.path,
            head=tuple(found),
            base=tuple(lost),
            placements=tuple(head.placements(change, base.shrunk(change) if base else frozenset())) if head else (),
            symbols=frozenset(d.symbol for d in head.definitions) if head else frozenset(),
            allows=allows,
            skipped=skipped,
            text=head.file.text if head and found else "",
        )

    @cached_property
    def known(self) -> frozenset[str]:
        """The ids of the rules."""
        return frozenset(rule.id for rule in self.rules.rules)

    @cached_property
    def by_words(self) -> Anchored[int]:
        """The rules, by their number, looked up by the words of a definition."""
        return Anchored((number, rule.anchors) for number, rule in enumerate(self.rules.rules))

    @cached_property
    def surfaces_by_words(self) -> Anchored[str]:
        """The surfaces, likewise."""
        return Anchored((name, surfaces.anchors(signals)) for name, signals in self.rules.signals.items())

    @cached_property
    def implied(self) -> dict[str, list[str]]:
        """Package → packages of the classes that its objects may be of."""
        found: dict[str, set[str]] = {}
        for table in ("aliases", "returns", "attributes", "instances", "inherits", "requests"):
            for name, kinds in self.library.get(table, {}).items():
                for kind in [kinds] if isinstance(kinds, str) else kinds:
                    one, other = name.split(".")[0], kind.split(".")[0]
                    if one != other or table == "inherits":
                        found.setdefault(one, set()).update((other, kind.rpartition(".")[2]))
        return {one: sorted(others) for one, others in found.items()}


class Side:
    """One side of a file: its definitions, and what is found in them when it is asked for."""

    def __init__(self, judge: Judge, file: SourceFile) -> None:
        """Nothing is parsed with libcst yet."""
        self.judge, self.file = judge, file
        self.definitions: Sequence[Definition] = file.index.definitions
        self.words = FileWords(file.text, file.index, judge.implied)
        self._keys: dict[int, str] = {}

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

        return FileFacts(self.file, Library(self.judge.library))

    @cached_property
    def allows(self) -> AllowsOfFile:
        """The allow comments of the file."""
        return find_allows(self.file.path, self.file.text, self.judge.known)

    def candidates(self, definition: Definition) -> list[Rule]:
        """The rules that may find something in the definition."""
        if not self.judge.triage:
            return list(self.judge.rules.rules)
        picked = self.judge.by_words.among(self.words.of(definition), self.words.search)
        return [self.judge.rules.rules[number] for number in sorted(picked)]

    def findings(self, definition: Definition) -> list[Finding]:
        """What the rules find in one definition."""
        rules = self.candidates(definition)
        found = snapshot.find(self.facts.facts(definition), rules) if rules else []
        if self._may_be_raised(found):
            by_hand = {p.surface.id for p in self.places(definition) if p.role is Role.IMPLEMENTS}
            found = [snapshot.raised(f) if f.surface in by_hand else f for f in found]
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

    def _likely(self, definition: Definition) -> frozenset[str]:
        """The surfaces that are worth an analysis of the definition."""
        if not self.judge.triage:
            return frozenset(self.judge.rules.signals)
        return self.judge.surfaces_by_words.among(self.words.of(definition), self.words.search)


def read_library(folder: Path | None = None) -> dict[str, Any]:
    """The tables that the analysis reads: `library.toml` and `effects.toml` beside the packs."""
    folder = folder or own_packs()
    tables: dict[str, Any] = {}
    for name in ("library.toml", "effects.toml"):
        tables |= tomli.loads((folder / name).read_text("utf-8"))
    return tables


def is_python(path: str, tree: Tree) -> bool:
    """Whether a file is Python by its name, or by its first line where the name has no suffix."""
    if path.endswith(PYTHON):
        return True
    if "." in path.rpartition("/")[2]:
        return False
    try:
        data = tree.read(path)
    except Unreadable:
        return False
    first = (data or b"")[:200].split(b"\n", 1)[0]
    return first.startswith(b"#!") and b"python" in first
