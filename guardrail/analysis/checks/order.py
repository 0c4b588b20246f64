"""What comes before what in a function, and what a definition or its file talks about."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.checks import flow
from guardrail.analysis.scopes import dotted

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts

_LEAVING = (cst.Return, cst.Raise, cst.Continue, cst.Break)
_LONGEST = 2000  # characters of a line that are looked at
_ABORTS = frozenset({"abort", "exit"})


def leaves(block: cst.CSTNode) -> bool:
    """Whether a block always ends by leaving what is around it: return, raise, continue, break, abort()."""
    body = getattr(block, "body", None)
    if isinstance(block, cst.Else):
        return leaves(block.body)
    last = body[-1] if isinstance(body, (list, tuple)) and body else None
    if isinstance(last, cst.SimpleStatementLine):
        last = last.body[-1]
    if isinstance(last, cst.Expr):
        return flow.called(last.value) in _ABORTS
    if isinstance(last, cst.If) and last.orelse is not None:
        return leaves(last.body) and leaves(last.orelse)
    return isinstance(last, _LEAVING)


def precedes(facts: Facts, first: cst.CSTNode, then: cst.CSTNode) -> bool:
    """Whether one node can run and the other after it in the same call of the same function."""
    if facts.order[id(first)] >= facts.order[id(then)] or facts.function(first) is not facts.function(then):
        return False
    around = {id(a) for a in facts.ancestors(then)}
    child = first
    for outer in facts.ancestors(first):
        if id(outer) in around:
            return not _exclusive(outer, child, then, facts)
        if isinstance(outer, (cst.IndentedBlock, cst.SimpleStatementSuite)) and leaves(outer):
            return False
        child = outer
    return True


def _exclusive(meeting: cst.CSTNode, child: cst.CSTNode, then: cst.CSTNode, facts: Facts) -> bool:
    """Whether the two stand in branches of which only one is run."""
    if isinstance(meeting, cst.If):
        return child is meeting.body
    if isinstance(meeting, cst.Try):
        return isinstance(child, cst.ExceptHandler) and any(isinstance(a, cst.ExceptHandler) for a in facts.ancestors(then))
    return isinstance(meeting, cst.Match) and isinstance(child, cst.MatchCase)


def calls_in(root: cst.CSTNode) -> Iterator[cst.Call]:
    """The calls of a block, nested functions left out."""
    return (n for n in flow.own_nodes(root) if isinstance(n, cst.Call))


def callee(facts: Facts, call: cst.Call) -> Facts | None:
    """The facts of the function of this file that is called, by its name or on `self`."""
    name = dotted(call.func)
    names = set(facts.names(call.func))
    if name.startswith(("self.", "cls.")) and facts.owner:
        names.add(f"{facts.owner}.{name.partition('.')[2]}")
    for each in names:
        symbol = facts.file.local_symbol(each)
        definition = facts.file.definition(symbol) if symbol else None
        if definition is not None and definition.kind == "function" and definition is not facts.definition:
            return facts.file.facts(definition)
    return None


def text_of(facts: Facts) -> str:
    """The source of the whole definition."""
    if facts.definition is None:
        return ""
    return "\n".join(facts.file.lines[facts.definition.first - 1 : facts.definition.last])


def says(facts: Facts, words: re.Pattern[str]) -> bool:
    """Whether the definition mentions one of some words, comments apart."""
    return any(words.search(re.sub(r"(^|\s)#.*", "", line[:_LONGEST])) for line in text_of(facts).split("\n"))


def file_says(facts: Facts, words: re.Pattern[str]) -> bool:
    """Whether any definition of the file uses a name like that."""
    return any(words.search(word) for d in facts.file.index.definitions for word in d.words)


def is_handler(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether the function around a node answers web requests: by its route, its class, or a first parameter `request`."""
    function = flow.function_def(facts, node)
    if function is None:
        return False
    params = [p.name.value for p in (*function.params.posonly_params, *function.params.params)]
    first = [p for p in params if p not in ("self", "cls")][:1]
    return "handler" in facts.library.roles(facts, function) or first in (["request"], ["req"])
