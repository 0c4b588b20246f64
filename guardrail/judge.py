"""One changed file, judged on its own: index, triage, analysis, surfaces. What a worker process does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import tomli

from guardrail import relations, snapshot, surfaces, texts
from guardrail.analysis.depth import TOO_DEEP
from guardrail.delta.find import losses, paired
from guardrail.delta.loss import Loss
from guardrail.index import decode, index_source
from guardrail.judgement import FileJudgement
from guardrail.model import (
    Definition,
    FileChange,
    Finding,
    Skipped,
    SourceFile,
    Tree,
    Unreadable,
)
from guardrail.packs import Rule, Rules, own_packs
from guardrail.places import WHOLE_FILE
from guardrail.profiling import timed
from guardrail.side import Side
from guardrail.triage import Anchored

if TYPE_CHECKING:
    from guardrail.project import Project

SIDES = 32  # sides of files in a change that are kept for what is asked of them later
LONGEST = 2_000_000  # bytes of a file that is not Python


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
    today: date | None = None  # by which allows expire; None: none does
    library: dict[str, Any] = field(default_factory=lambda: read_library())
    _sides: dict[tuple[bool, str], Side] = field(default_factory=dict, init=False, repr=False, compare=False)

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

    def judge_page(self, change: FileChange) -> FileJudgement:
        """What rules find in the text of a file that is not Python; one that cannot be read is no text."""
        head = self._page(self.head, change.head_path)
        base = self._page(self.base, change.base_path)
        return FileJudgement(change.path, head, base, symbols=frozenset({WHOLE_FILE}) if change.head_path else frozenset())

    def _page(self, tree: Tree, path: str | None) -> tuple[Finding, ...]:
        rules = texts.wanted(path, self.readers, python=False) if path else []
        if not path or not rules:
            return ()
        try:
            data = tree.read(path)
            text = decode(data) if data and len(data) <= LONGEST and b"\0" not in data else ""
        except Unreadable:
            return ()
        project = self.head_project if tree is self.head else self.base_project
        return tuple(texts.find(texts.Page(path, text, project), rules)) if text else ()

    @cached_property
    def readers(self) -> list[Rule]:
        """The rules that read texts."""
        return [rule for rule in self.rules.rules if rule.reads]

    @cached_property
    def head_project(self) -> Project:
        """What the project says of itself after the change."""
        from guardrail.project import Project  # late: it needs more than a small change does

        return Project(self.head)

    @cached_property
    def base_project(self) -> Project:
        """What it said before."""
        from guardrail.project import Project

        return Project(self.base)

    def _side(self, tree: Tree, path: str | None, skipped: list[Skipped], prefix: str) -> Side | None:
        if path is None:
            return None
        try:
            data = tree.read(path)
            if data is None:
                return None
            text = decode(data)
            side = Side(self, SourceFile(path, text, index_source(path, text)), tree is self.head)
        except Unreadable as error:
            skipped.append(Skipped(path, prefix + str(error)))
            return None
        if not self.whole and len(self._sides) < SIDES:
            self._sides[tree is self.head, path] = side
        return side

    def _compare(self, change: FileChange, base: Side | None, head: Side | None, skipped: tuple[Skipped, ...]) -> FileJudgement:
        lost_guards, gone = self._losses(base, head)
        ours: Sequence[Definition] = head.definitions if head else ()
        theirs: Sequence[Definition] = base.definitions if base else ()
        if head and base:
            ours, theirs = snapshot.changed(ours, theirs, head.key, base.key)
        found = [f for d in ours if head for f in head.findings(d)]
        lost = [f for d in theirs if base for f in base.findings(d)]
        found += head.read(ours) if head else ()
        lost += base.read(theirs) if base else ()
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
            text=head.file.text if head and (found or lost_guards) else "",
            losses=lost_guards,
            gone=gone,
            come=_come(base, head) if base or not self.whole else (),
        )

    @timed("losses")
    def _losses(self, base: Side | None, head: Side | None) -> tuple[tuple[Loss, ...], tuple[Definition, ...]]:
        """What the definitions of a file lost, and those with guards that are gone from it."""
        if base is None or not self.losing.filed:
            return (), ()
        if head is None:
            return (), tuple(d for d in base.definitions if self.lost_rules(base, d))
        ours, theirs = snapshot.changed(head.definitions, base.definitions, head.key, base.key)
        pairs, gone = paired(base, head, theirs, ours)
        found = tuple(loss for pair in pairs for loss in losses(pair, self.lost_rules(base, pair.old)))
        return found, tuple(d for d in gone if self.lost_rules(base, d))

    def lost_rules(self, base: Side, definition: Definition) -> list[tuple[int, Rule]]:
        """The rules of losses that may speak of a definition of base, by their number."""
        if definition.kind == "module" and not definition.words:
            return []
        if not self.triage:
            found = [n for n, rule in enumerate(self.rules.rules) if rule.delta is not None and rule.patterns]
        else:
            found = sorted(self.losing.among(base.words.of(definition), partial(base.words.search, definition)))
        rules = ((number, self.rules.rules[number]) for number in found)
        return [(number, rule) for number, rule in rules if base.words.near(definition, rule.near)]

    def side(self, tree: Tree, path: str | None) -> Side | None:
        """One side of a file, None where it is not there or cannot be read."""
        return self._sides.get((tree is self.head, path or "")) or self._side(tree, path, [], "")

    @cached_property
    def losing(self) -> Anchored[int]:
        """The rules of losses, by their number, looked up by the words of a definition of base."""
        return Anchored((n, r.anchors) for n, r in enumerate(self.rules.rules) if r.delta is not None and r.patterns)

    @cached_property
    def snapshots(self) -> tuple[Rule, ...]:
        """The rules that look at one side."""
        return tuple(rule for rule in self.rules.rules if rule.delta is None)

    @cached_property
    def known(self) -> frozenset[str]:
        """The ids of the rules."""
        return frozenset(rule.id for rule in self.rules.rules)

    @cached_property
    def by_words(self) -> Anchored[int]:
        """The rules, by their number, looked up by the words of a definition."""
        return Anchored((number, rule.anchors) for number, rule in enumerate(self.snapshots))

    @cached_property
    def surfaces_by_words(self) -> Anchored[tuple[str, int]]:
        """The surfaces, likewise; each with the number of a shape, or -1 for its names and its form by hand."""
        signals = self.rules.signals.items()
        givers = relations.givers(self.library)
        named = [((name, -1), surfaces.anchors(given, givers)) for name, given in signals]
        shaped = [((name, number), shape.anchors) for name, given in signals for number, shape in enumerate(given.shapes)]
        return Anchored([*named, *shaped])

    @cached_property
    def asked(self) -> frozenset[str]:
        """The words of all anchors."""
        return self.by_words.words | self.surfaces_by_words.words | self.losing.words

    @cached_property
    def inherited(self) -> list[tuple[str, frozenset[str]]]:
        """Class, or package of classes with a dot at its end → the words of the classes that it inherits from."""
        return relations.inherited(self.library)

    @cached_property
    def implied(self) -> dict[str, list[str]]:
        """Package → packages of the classes that its objects may be of."""
        return relations.implied(self.library)


def _come(base: Side | None, head: Side | None) -> tuple[Definition, ...]:
    """The definitions that only head has."""
    if head is None:
        return ()
    known = {d.symbol for d in base.definitions} if base else set()
    return tuple(d for d in head.definitions if d.symbol not in known and d.kind != "module")


def read_library(folder: Path | None = None) -> dict[str, Any]:
    """The tables that the analysis reads: `library.toml` and `effects.toml` beside the packs."""
    folder = folder or own_packs()
    tables: dict[str, Any] = {}
    for name in ("library.toml", "effects.toml"):
        tables |= tomli.loads((folder / name).read_text("utf-8"))
    return tables
