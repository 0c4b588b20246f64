"""Rules about whole files of a change: comments, settings of tools, tests that are gone, migrations."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from guardrail.delta.loss import Loss, was_here
from guardrail.delta.project import Project
from guardrail.delta.tested import Tests
from guardrail.detect import checker
from guardrail.findings import finding_of
from guardrail.globs import matches
from guardrail.model import FileChange, Note, Unreadable
from guardrail.places import is_test

if TYPE_CHECKING:
    from guardrail.packs import Rule
    from guardrail.side import Side


@dataclass(frozen=True)
class FilePair:
    """One file of the change as text; lines are 1-based."""

    project: Project
    change: FileChange
    all_files: Sequence[FileChange]
    tests: Tests

    @cached_property
    def base(self) -> list[str]:
        """The lines of base, none where there is no file."""
        return _lines(self.project.judge.base.read, self.change.base_path)

    @cached_property
    def head(self) -> list[str]:
        """The lines of head."""
        return _lines(self.project.judge.head.read, self.change.head_path)

    @property
    def path(self) -> str:
        """The name of the file at head, or at base."""
        return self.change.path

    def sides(self) -> tuple[Side | None, Side | None]:
        """Both sides as Python, None where there is none that can be read."""
        return self.project.base(self.path), self.project.head(self.path) if self.change.head_path else None

    def changed_tests(self) -> Iterator[Side]:
        """The head sides of the test files of the change."""
        for file in self.all_files:
            if (
                file.head_path
                and file.head_path.endswith(".py")
                and is_test(file.head_path)
                and (side := self.project.head(file.head_path))
            ):
                yield side

    def new_files(self) -> frozenset[str]:
        """The files that only head has."""
        return frozenset(f.head_path for f in self.all_files if f.base_path is None and f.head_path)

    def others(self) -> Iterator[FilePair]:
        """The other files of the change."""
        yield from (FilePair(self.project, f, self.all_files, self.tests) for f in self.all_files if f is not self.change)


@dataclass(frozen=True, slots=True)
class Change:
    """What a check found: a line of head, what to say of it, and the line of base that is lost."""

    line: int
    message: str
    base_line: int = 0
    symbol: str = "<module>"
    what: str = ""


def _lines(read, path: str | None) -> list[str]:  # type: ignore[no-untyped-def]
    try:
        data = read(path) if path else None
    except Unreadable:
        data = None
    return data.decode("utf-8", "replace").replace("\r\n", "\n").split("\n") if data is not None else []


def file_losses(project: Project, tests: Tests, files: Sequence[FileChange]) -> Iterable[Loss]:
    """What the rules about files find."""
    rules = [rule for rule in project.judge.rules.rules if rule.delta is not None and rule.delta.files]
    for rule in rules:
        for file in files:
            if any(matches(file.path, glob) for glob in rule.delta.files):  # type: ignore[union-attr]
                pair = FilePair(project, file, files, tests)
                for found in checker(rule.check)(pair):
                    yield Loss(_finding(rule, pair, found))


def _finding(rule: Rule, pair: FilePair, found: Change):  # type: ignore[no-untyped-def]
    notes: tuple[Note, ...] = ()
    if found.base_line:
        notes = (was_here(pair.change.base_path or pair.path, found.base_line, pair.base),)
    message = found.message or rule.message
    span = (found.line, 1, found.line, 2)
    return finding_of(rule, pair.path, found.symbol, span, message, found.what or message, notes=notes)
