"""Shapes of documentation: a module that begins with a page of text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match

LINES = 15  # a docstring that is longer is a page


def module_docstring(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """The docstring of the module, where it is long enough to be read on its own."""
    if facts.definition is None or facts.definition.kind != "module":
        return
    for match in matches:
        statement = facts.parent(match.node)
        line = facts.parent(statement) if isinstance(statement, cst.Expr) else None
        text = facts.constant(match.node)
        if line is not None and isinstance(facts.parent(line), cst.Module) and isinstance(text, str) and text.count("\n") > LINES:
            yield match
            return
