"""Rules that read the text of a file, Python or not: characters, manifests, pages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from guardrail import places
from guardrail.detect import checker
from guardrail.findings import Weight, finding_of
from guardrail.globs import matches
from guardrail.model import Confidence, Definition, FileIndex, Finding, Severity
from guardrail.packs import Rule
from guardrail.places import WHOLE_FILE

if TYPE_CHECKING:
    from guardrail.project import Project

_FOR_DEVELOPERS = re.compile(r"(^|[/_.-])(dev|devel|tests?|testing|docs?|lint|ci|typing|benchmarks?)[\w-]*\.(txt|in)$")
PYTHON_FILES = ("**/*.py", "**/*.pyw")


@dataclass(frozen=True)
class Page:
    """A file as its readers see it; `index` is there for Python."""

    path: str
    text: str
    project: Project
    index: FileIndex | None = None

    @cached_property
    def lines(self) -> list[str]:
        """The lines without their ends; the first is line 1."""
        return self.text.split("\n")


@dataclass(frozen=True, slots=True)
class Spot:
    """A place on one line of a page (1-based, end exclusive), and what is to be said of it instead of the rule's message."""

    line: int
    column: int
    end_column: int
    message: str = ""


Forms = Iterable["tuple[re.Pattern[str], str]"]  # what to look for, and what to say of it


def spot_in(line: str, number: int, forms: Forms) -> Spot | None:
    """Where the first of the forms that a line (of this number) has is in it."""
    for form, said in forms:
        if found := form.search(line):
            return Spot(number, found.start() + 1, found.end() + 1, said)
    return None


def wanted(path: str, rules: Iterable[Rule], python: bool) -> list[Rule]:
    """The rules that read this file."""
    return [r for r in rules if r.reads and any(matches(path, glob) for glob in r.files) | (python and PYTHON_FILES[0] in r.files)]


def find(page: Page, rules: Sequence[Rule]) -> Iterator[Finding]:
    """What the rules find on a page."""
    own = page.project.of(page.text)
    seen: set[tuple[str, int, int]] = set()
    for rule in rules:
        for spot in checker(rule.reads)(Page(page.path, page.text, own, page.index)):
            if (rule.id, spot.line, spot.column) not in seen:
                seen.add((rule.id, spot.line, spot.column))
                yield _finding(page, rule, spot)


def _finding(page: Page, rule: Rule, spot: Spot) -> Finding:
    return finding_of(
        rule,
        page.path,
        _symbol(page, spot.line),
        (spot.line, spot.column, spot.line, spot.end_column),
        spot.message or rule.message,
        " ".join(page.lines[spot.line - 1].split()),
        weight=_weight(rule, page.path),
    )


def _weight(rule: Rule, path: str) -> Weight:
    """Other people's code counts less; and what is asked for by examples, documentation and development only."""
    if places.is_foreign(path) or (places.is_test(path) and not rule.in_tests):
        return Severity.P2, Confidence.LOW
    severity = rule.severity
    if rule.id.startswith("DEP") and (places.is_script(path) or _FOR_DEVELOPERS.search(path)):
        severity = Severity.P2
    if severity is Severity.P0 and rule.confidence is not Confidence.HIGH:
        severity = Severity.P1
    return severity, rule.confidence


def _symbol(page: Page, line: int) -> str:
    definitions: Sequence[Definition] = page.index.definitions if page.index else ()
    return next((d.symbol for d in definitions if d.owns(line)), WHOLE_FILE)
