"""Arguments that switch off a part of what is called: `check(host, resolve=False)`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from guardrail.systemic.graph import Graph
    from guardrail.systemic.walk import Hop, Path

_LEAVES = re.compile(r"(return|raise)\b")


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


__all__ = ["is_declined"]
