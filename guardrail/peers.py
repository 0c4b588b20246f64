"""Peers' codes: which of our rules cover them (rules/peers.toml), and their comments where a project honours those."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache

import tomli

from guardrail.comments import comments
from guardrail.extents import Extent, extents
from guardrail.model import Finding, Unreadable
from guardrail.packs import own_packs
from guardrail.source import normalise_newlines, parse

KINDS = {"nosec": "bandit", "noqa": "ruff"}  # comment → whose codes it names
_MARK = re.compile(r"#\s*(?P<kind>nosec|noqa)\b\s*:?\s*(?P<codes>[A-Za-z]+\d+(?:[\s,]+[A-Za-z]+\d+)*)", re.I)


@dataclass(frozen=True, slots=True)
class Suppression:
    """A peer's comment that names codes, and the statement that it is about (lines are 1-based)."""

    comment: str  # as written: `# nosec B608`
    line: int
    extent: Extent
    rules: frozenset[str]  # ours, that cover the codes

    def covers(self, finding: Finding) -> bool:
        """Whether it speaks of this finding."""
        return finding.rule in self.rules and self.extent[0] <= finding.line <= self.extent[1]


@cache
def covered(peer: str) -> Mapping[str, tuple[str, ...]]:
    """Code of the peer → ids of our rules that find the same defect, sorted by code; KeyError for an unknown peer."""
    table = tomli.loads((own_packs() / "peers.toml").read_text("utf-8"))[peer]
    return {code: tuple(rules) for code, rules in sorted(table.items(), key=lambda item: _order(item[0]))}


def _order(code: str) -> tuple[str, int]:
    letters = code.rstrip("0123456789")
    return letters, int(code[len(letters) :])


def suppressions(text: str, kinds: Collection[str]) -> list[Suppression]:
    """The comments of these kinds (`nosec`, `noqa`) that name a code which one of our rules covers; blanket ones name none."""
    if not any(kind in text.lower() for kind in kinds):
        return []
    text = normalise_newlines(text)
    marks = [(line, mark) for line, _, comment in comments(text) if (mark := _MARK.search(comment))]
    marks = [(line, mark) for line, mark in marks if mark["kind"].lower() in kinds]
    if not marks:
        return []
    try:
        by_line = extents(parse(text), ["", *text.split("\n")])
    except Unreadable:
        return []
    return list(_bound(marks, by_line))


def _bound(marks: Iterable[tuple[int, re.Match[str]]], by_line: Mapping[int, Extent]) -> Iterator[Suppression]:
    for line, mark in marks:
        known = covered(KINDS[mark["kind"].lower()])
        rules = frozenset(rule for code in re.findall(r"[A-Z]+\d+", mark["codes"].upper()) for rule in known.get(code, ()))
        if rules and line in by_line:
            yield Suppression(mark[0].strip(), line, by_line[line], rules)
