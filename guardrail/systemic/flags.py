"""Arguments that switch off a part of what is called: `check(host, resolve=False)`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from guardrail.systemic.graph import Graph
    from guardrail.systemic.walk import Hop, Path

_BLOCK = r"^(?P<indent>[ \t]+)if {name}( and [^\n]*)?:[^\n]*\n(?:(?P=indent)[ \t]+[^\n]*\n|[ \t]*\n)*\Z"
_LEFT = r"^[ \t]+if not {name}( or [^\n]*)?:[ \t]*(?:\n[ \t]*)?(?:return|raise)\b"


def is_switched_off(graph: Graph, path: Path) -> bool:
    """Whether a call of a path tells what it calls not to go the way that the path takes."""
    return any(
        _turns_away(graph, hop, argument.keyword)
        for edge, hop in zip(path.edges, path.hops[1:], strict=True)
        for argument in edge.site.arguments
        if argument.value is False and argument.keyword.isidentifier()
    )


def _turns_away(graph: Graph, hop: Hop, name: str) -> bool:
    """Whether a function comes to the line of a hop only where its parameter is true."""
    if name not in {parameter for parameter, _, _ in hop.node.function.parameters}:
        return False
    lines = graph.project.text_of(hop.node.key).split("\n")[: hop.line - hop.node.function.first]
    before = "".join(f"{line}\n" for line in lines)
    return any(re.search(form.format(name=name), before, re.M) for form in (_BLOCK, _LEFT))


__all__ = ["is_switched_off"]
