"""Parameters that switch a part of a function off: by an argument, `check(host, resolve=False)`, or by their default."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from guardrail.systemic.facts import Function, Site
from guardrail.systemic.refs import last_name

if TYPE_CHECKING:
    from guardrail.systemic.graph import Graph
    from guardrail.systemic.walk import Hop, Path

_LEAVES = re.compile(r"(return|raise)\b")


def is_switched_off(path: Path) -> bool:
    """Whether a step lies behind `if flag:` of a function that is called without its flag, which is off by default."""
    sites = [*(edge.site for edge in path.edges), path.deed.site]
    return any(
        block.ref is not None and block.ref[0] == "name" and block.ref[1] in _not_given(call, hop.node.function)
        for call, hop, site in zip(sites, path.hops[1:], sites[1:], strict=False)
        for block in site.around
        if block.kind in ("branch", "last", "given")
    )


def _not_given(call: Site, function: Function) -> frozenset[str]:
    """The parameters that are off by default, and stay off in a call."""
    words = {argument.keyword for argument in call.arguments}
    named = {function.name, function.owner.rpartition(".")[2]}
    if call.kind != "call" or words & {"*", "**"} or not function.off or last_name(call.ref) not in named:
        return frozenset()
    names = [name for name, _, _ in function.parameters]
    bound = bool(function.owner) and names[:1] in (["self"], ["cls"])
    given = sum(argument.keyword == "" for argument in call.arguments) + bound
    return function.off - words - frozenset(names[:given]) - frozenset(function.values)


def is_declined(graph: Graph, path: Path) -> bool:
    """Whether a call of a path tells what it calls not to go the way that the path takes."""
    return any(
        _turns_away(graph, hop, argument.keyword)
        for edge, hop in zip(path.edges, path.hops[1:], strict=True)
        for argument in edge.site.arguments
        if argument.value is False and argument.keyword.isidentifier()
    )


def _turns_away(graph: Graph, hop: Hop, name: str) -> bool:
    """Whether a function comes to a line only where its parameter is true: in `if name:`, or after `if not name: return`."""
    if name not in {parameter for parameter, _, _ in hop.node.function.parameters}:
        return False
    lines = graph.project.text_of(hop.node.key).split("\n")[: hop.line - hop.node.function.first + 1]
    inside = _indent(lines[-1])
    for line, following in zip(lines[-2::-1], lines[:0:-1], strict=True):
        text, indent = line.strip(), _indent(line)
        if not text or indent > inside:
            continue
        if _tests(text, f"not {name}", "or") and _LEAVES.match(text.partition(":")[2].strip() or following.strip()):
            return True
        if indent < inside and _tests(text, name, "and"):
            return True
        inside = indent
    return False


def _tests(text: str, asked: str, word: str) -> bool:
    """Whether a line is an `if` whose test begins with what is asked, alone or joined with more by a word."""
    return text.startswith((f"if {asked}:", f"if {asked} {word} "))


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


__all__ = ["is_declined", "is_switched_off"]
