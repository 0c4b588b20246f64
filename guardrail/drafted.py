"""What is known of the lines that were drafted with an assistant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Drafter:
    """A commit that was drafted with an assistant, and what says so."""

    commit: str  # its id
    assistant: str  # "Claude"
    sign: str  # in words: "Co-authored-by: Claude"


@dataclass(frozen=True, slots=True)
class Provenance:
    """Which touched lines of a change were drafted with an assistant, as far as tools left signs of it."""

    drafted: Mapping[str, frozenset[int]]  # head path → lines
    touched: int  # all touched lines of the change that hold something
    commits: tuple[Drafter, ...] = ()  # oldest first
    assumed: bool = False  # the settings take every line for drafted

    def holds(self, path: str, first: int, last: int) -> bool:
        """Whether one of these lines was drafted so."""
        lines = self.drafted.get(path, frozenset())
        return any(first <= line <= last for line in lines)

    @property
    def lines(self) -> int:
        """How many lines were drafted so."""
        return sum(map(len, self.drafted.values()))
