"""Shapes of models: the class inside of a model that says how its rows are stored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match


def options(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """The options that `class Meta` in another class states."""
    definition = facts.definition
    if definition is not None and definition.kind == "class" and definition.symbol.endswith(".Meta"):
        yield from matches
