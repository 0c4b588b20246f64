"""Base and head side by side: which lines belong together, and which of them a finding is about."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from guardrail.model import FileChange

AROUND = 4  # lines before and behind
LONGEST = 14  # lines of a finding


@dataclass(frozen=True, slots=True)
class Row:
    """A line of base beside a line of head; None where a side has none."""

    base: int | None
    head: int | None
    changed: bool


def paired(file: FileChange, base: int, head: int) -> list[Row]:
    """All rows of a file with that many lines on each side."""
    rows: list[Row] = []
    i, j = 1, 1
    while i <= base or j <= head:
        gone, come = [], []
        while i <= base and (file.removed is None or i in file.removed):
            gone.append(i)
            i += 1
        while j <= head and (file.added is None or j in file.added):
            come.append(j)
            j += 1
        rows += [Row(old, new, True) for old, new in zip_longest(gone, come)]
        if i <= base or j <= head:
            rows.append(Row(i if i <= base else None, j if j <= head else None, i > base or j > head))
            i, j = i + 1, j + 1
    return rows


def hunks(rows: Sequence[Row], heads: Iterable[int], bases: Iterable[int]) -> Iterator[Sequence[Row]]:
    """The rows with these lines of head and of base, with some around, in stretches that do not touch."""
    new, old = set(heads), set(bases)
    wanted: set[int] = set()
    for at, row in enumerate(rows):
        if row.head in new or row.base in old:
            wanted.update(range(max(at - AROUND, 0), min(at + AROUND + 1, len(rows))))
    start = None
    for at in sorted(wanted):
        if start is None or at - 1 not in wanted:
            start = at
        if at + 1 not in wanted:
            yield rows[start : at + 1]
