"""Which definition of head is which of base: by symbol, else by what it says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from guardrail.model import Definition

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.side import Side

ALIKE = 0.6  # of a definition's lines that another one holds, to be what became of it
FEW = 3  # lines: shorter ones say too little


@dataclass(frozen=True)
class Pair:
    """A definition of base and what became of it."""

    before: Side
    old: Definition
    after: Side
    new: Definition
    split: tuple[Definition, ...] = ()  # new functions of the same file that the head definition calls

    @cached_property
    def base(self) -> Facts:
        """The facts of the base definition."""
        return self.before.facts.facts(self.old)

    @cached_property
    def head(self) -> Facts:
        """The facts of the head definition."""
        return self.after.facts.facts(self.new)

    @cached_property
    def heads(self) -> tuple[Facts, ...]:
        """The head definition and what was split off from it."""
        return (self.head, *(self.after.facts.facts(d) for d in self.split))


def body_lines(side: Side, definition: Definition) -> Counter[str]:
    """The definition's own lines without indentation, decorators and header."""
    lines = side.words.lines
    own = (lines[n - 1].strip() for n in range(definition.header + 1, min(definition.last, len(lines)) + 1) if definition.owns(n))
    return Counter(line for line in own if line and not line.startswith("#"))


def likeness(old: Counter[str], new: Counter[str]) -> float:
    """How much of one definition's lines the other has, from 0 to 1."""
    total = old.total()
    return (old & new).total() / total if total >= FEW else 0.0


def same_symbol(gone: Sequence[Definition], come: Sequence[Definition]) -> list[tuple[Definition, Definition]]:
    """Definitions of one symbol, in their order where several share it."""
    by_symbol: dict[str, list[Definition]] = {}
    for definition in come:
        by_symbol.setdefault(definition.symbol, []).append(definition)
    found = []
    for definition in gone:
        others = by_symbol.get(definition.symbol)
        if others:
            found.append((definition, others.pop(0)))
    return found


def become(side: Side, definition: Definition, others: Iterable[tuple[Side, Definition]]) -> tuple[Side, Definition] | None:
    """The definition that a vanished one's lines went to; one of the same name needs fewer of them."""
    old = body_lines(side, definition)
    name = definition.symbol.rpartition(".")[2]
    best: tuple[float, tuple[Side, Definition] | None] = (0.0, None)
    for other, candidate in others:
        if candidate.kind != definition.kind or len(candidate.words & definition.words) * 2 < len(definition.words):
            continue
        alike = likeness(old, body_lines(other, candidate))
        alike += 0.2 if candidate.symbol.rpartition(".")[2] == name else 0.0
        if alike >= ALIKE and alike > best[0]:
            best = (alike, (other, candidate))
    return best[1]


def split_off(new: Definition, old: Definition, after: Side, known: frozenset[str]) -> tuple[Definition, ...]:
    """New functions of the file that the head definition names and the base one did not."""
    named = new.words - old.words
    return tuple(
        d
        for d in after.definitions
        if d.kind == "function" and d.symbol not in known and d is not new and d.symbol.rpartition(".")[2] in named
    )[:4]
