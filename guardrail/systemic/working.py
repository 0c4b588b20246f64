"""Functions that do more than ask: what each turn of a loop does through them is a piece of work of its own."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from guardrail.systemic.facts import Function, Ref, Site
from guardrail.systemic.refs import last_name

if TYPE_CHECKING:
    from guardrail.systemic.findings import Judging
    from guardrail.systemic.graph import Graph
    from guardrail.systemic.walk import Hop, Path

_WORK = ("change", "commit", "commit-async", "network", "proc", "file-heavy")


def is_piece_of_work(judging: Judging, path: Path) -> bool:
    """Whether a function on the way changes the database, or waits for another machine, in each turn."""
    walk = judging.walk("function", judging.graph.effects.group(_WORK))
    if path.edges and _sets_fields(judging.graph, path.hops[-1], path.deed.site):
        return True
    if any(last_name(s.ref) == "commit" and s.line > hop.line for hop in path.hops[1:] for s in hop.node.function.sites):
        return True
    return any(
        (site.line > hop.line or any(site is deed.site for deed in walk.deeds(hop.node)))
        and not any(a.kind == "except" for a in site.around)
        for hop in path.hops[1:]
        for site in walk.sites(hop.node)
    )


def _sets_fields(graph: Graph, hop: Hop, site: Site) -> bool:
    """Whether a function sets an attribute of a row that its query gave, which the session writes when it ends."""
    rows = _rows(hop.node.function, site)
    lines = graph.project.text_of(hop.node.key).split("\n")[hop.line - hop.node.function.first + 1 :]
    owners = "|".join(map(re.escape, sorted(rows)))
    return bool(rows) and any(re.match(rf"\s+(?:{owners})\.\w+ = ", line) for line in lines)


def _rows(function: Function, site: Site) -> set[str]:
    """The local names that hold what a site gives, or what a chain of calls on it gives."""
    rows: set[str] = set()
    for _ in range(3):
        rows |= {name for name, values in function.values.items() if any(_comes_from(v, site.ref, rows) for v in values)}
    return rows


def _comes_from(ref: Ref, query: Ref, rows: set[str]) -> bool:
    while ref is not None and ref[0] in ("call", "attr", "item"):
        if ref[0] == "call" and ref[1] == query:
            return True
        ref = ref[1]
    return ref is not None and ref[0] == "name" and ref[1] in rows


__all__ = ["is_piece_of_work"]
