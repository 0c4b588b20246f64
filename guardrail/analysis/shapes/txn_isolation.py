"""Shapes of transactions: what SQL says of isolation and locks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match


def no_docstring(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Strings that are a value of something."""
    return (m for m in matches if not isinstance(facts.parent(m.node), cst.Expr))
