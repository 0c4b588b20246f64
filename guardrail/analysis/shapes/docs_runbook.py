"""Shapes of documentation: a module that begins with a page of text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match

LINES = 15  # a docstring that is longer is a page
_GENERATED = re.compile(r"(?i)auto[- ]?generated|generated (by|from|with)|do not edit")


def page(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """The docstring of the module, where it is long enough to be read on its own and a person wrote it."""
    if facts.definition is None or facts.definition.kind != "module":
        return
    first = facts.tree.body[0] if facts.tree.body else None
    for match in matches:
        statement = facts.parent(match.node)
        if isinstance(statement, cst.Expr) and facts.parent(statement) is first and _is_page(facts.constant(match.node)):
            yield match
            return


def _is_page(text: object) -> bool:
    return isinstance(text, str) and text.strip().count("\n") >= LINES and _GENERATED.search(text) is None
