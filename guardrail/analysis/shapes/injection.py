"""Shapes of injection: commands, code and markup whose text is not fixed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.checks.tracing import named, resolve
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match


def open_text(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Where what is run, compiled or marked safe is not all written down in the code."""
    for match in matches:
        text = named(match, "X")
        if text is not None and not (_written(*text) and _rest_written(facts, match.node)):
            yield match


def _rest_written(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether the arguments that follow the program's name, in `create_subprocess_exec(program, *arguments)`, are constants."""
    if not isinstance(node, cst.Call) or "asyncio.create_subprocess_exec" not in facts.names(node.func):
        return True
    return all(bool(facts.constants(arg.value)) for arg in node.args if arg.keyword is None)


def _written(facts: Facts, node: cst.CSTNode) -> bool:
    """A constant, a list of constants, a choice of constants, or a translated constant."""
    facts, node = resolve(facts, node)
    if isinstance(node, (cst.List, cst.Tuple)):
        return all(_fixed(facts, element.value) for element in node.elements)
    if isinstance(node, cst.IfExp):
        return _fixed(facts, node.body) and _fixed(facts, node.orelse)
    if isinstance(node, cst.Call) and isinstance(node.func, cst.Name) and node.func.value in ("_", "gettext", "gettext_lazy"):
        return all(_fixed(facts, arg.value) for arg in node.args)
    return bool(facts.constants(node))


def _fixed(facts: Facts, node: cst.CSTNode) -> bool:
    """A constant element, or the interpreter itself."""
    return bool(facts.constants(node)) or "sys.executable" in facts.names(node)
