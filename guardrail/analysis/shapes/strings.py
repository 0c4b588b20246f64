"""Shapes that stand in strings: SQL, names of headers; not where they are only told of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match

_STRINGS = (cst.SimpleString, cst.ConcatenatedString, cst.FormattedString)


def not_prose(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Not in docstrings, and not in what is logged or raised."""
    for match in matches:
        around = next((a for a in facts.ancestors(match.node) if not isinstance(a, _STRINGS)), None)
        if not isinstance(around, cst.Expr) and not _told(facts, match.node):
            yield match


def _told(facts: Facts, node: cst.CSTNode) -> bool:
    for around in facts.ancestors(node):
        if isinstance(around, cst.Raise):
            return True
        if isinstance(around, cst.Call) and isinstance(around.func, cst.Attribute):
            if around.func.attr.value in ("debug", "info", "warning", "warn", "error", "exception", "critical", "log", "write"):
                return True
        if isinstance(around, (cst.BaseSmallStatement, cst.FunctionDef)):
            return False
    return False
