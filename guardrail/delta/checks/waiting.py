"""Limits of time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from guardrail.delta.compare import Lost

if TYPE_CHECKING:
    from guardrail.delta.pairs import Pair
    from guardrail.packs import Rule


def only_weaker(_pair: Pair, _rule: Rule, losses: Iterable[Lost]) -> Iterator[Lost]:
    """Values that are weaker; where the argument is dropped the library has a limit of its own."""
    yield from (lost for lost in losses if lost.now is not None)
