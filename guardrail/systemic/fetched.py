"""Related objects that are there before anybody reads them: fetched with their rows, or given to them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from guardrail.systemic.facts import Ref
from guardrail.systemic.refs import roots, shown

if TYPE_CHECKING:
    from guardrail.systemic.graph import Graph, Node
    from guardrail.systemic.walk import Path

_JOINS = re.compile(r"select_related|prefetch_related")  # prefetch_related_objects, too
_BUILDERS = 40  # functions that are looked at for how a query is built
_MODEL = re.compile(r"QuerySet\[(.+)\]")


def is_prepared(graph: Graph, node: Node, ref: Ref) -> bool:
    """Whether a query fetches related objects along, comes from somewhere that may have told it to, or is filled afterwards."""
    given = {name for name, _, _ in node.function.parameters if name not in ("self", "cls")}
    return bool(roots(ref) & given) or is_joined(graph, node, ref)


def is_joined(graph: Graph, node: Node, ref: Ref) -> bool:
    """Whether what builds a query, or fills its rows, asks for related objects."""
    seen = {node.key}
    todo = [(node, ref)]
    for each, part in todo:
        if _JOINS.search(graph.project.text_of(each.key)):
            return True
        for made in _built_by(graph, each, part):
            if made.key not in seen and len(seen) < _BUILDERS:
                seen.add(made.key)
                todo.append((made, ("any", made.function.results)))
    if len(seen) >= _BUILDERS:
        graph.project.limits.add(f"of what builds the query of `{node.function.symbol}` {_BUILDERS} functions were looked at")
    return _is_kept_prepared(graph, node, ref)


def _built_by(graph: Graph, node: Node, ref: Ref) -> Iterator[Node]:
    """The functions that give a query, what its managers begin with, and those that get the rows."""
    names = {n for called in _calls(node, ref) for n in graph.resolver.names(called, node.module, node.function)}
    names |= {m for kind in _managers(graph, node, ref) for m in graph.resolver.member(kind, "get_queryset")}
    for name in sorted(names):
        found = graph.project.locate(name)
        made = graph.node((found[0].path, found[1])) if found else None
        yield from [made] if made else []
    rows = {ref[1]} if ref and ref[0] == "name" else set()
    for edge in node.edges if rows else ():
        filled = graph.node(edge.callee) if any(rows & a.names for a in edge.site.arguments) else None
        yield from [filled] if filled else []


def _managers(graph: Graph, node: Node, ref: Ref) -> Iterator[str]:
    """The classes of the managers of the model of a query."""
    for kind in graph.resolver.types(ref, node.module, node.function):
        model = _MODEL.search(kind)
        found = graph.project.klass(model[1]) if model else None
        for _, value in found[1].values.get("objects", ()) if found else ():
            for part in _calls(node, value):
                yield from graph.resolver.names(part, found[0], found[0].functions["<module>"]) if found else ()


def _is_kept_prepared(graph: Graph, node: Node, ref: Ref) -> bool:
    """Whether an attribute of a class holds the query, and its value there fetches them: `self.queryset`."""
    for part in (part for part in _calls(node, ref) if part and part[0] == "attr"):
        for kind in graph.resolver.types(part[1], node.module, node.function):
            for each in graph.resolver.mro(kind):
                found = graph.project.klass(each)
                if found and any(_JOINS.search(shown(value)) for _, value in found[1].values.get(part[2], ())):
                    return True
    return False


def is_given(graph: Graph, path: Path) -> bool:
    """Whether the relation at the end of a path is assigned in the same turn, before it is read: `line.order = order`."""
    relation = path.deed.effect.name.rpartition(".")[2]
    sites = [*(edge.site for edge in path.edges), path.deed.site]
    for hop, site in zip(path.hops, sites, strict=True):
        names = roots(site.ref) | {name for a in site.arguments for name in a.names}
        first = path.context.line if hop is path.hops[0] else hop.node.function.first
        lines = graph.project.text_of(hop.node.key).split("\n")[
            first - hop.node.function.first : hop.line - hop.node.function.first + 1
        ]
        owners = "|".join(map(re.escape, sorted(names)))
        if re.search(rf"\b(?:{owners})\.{re.escape(relation)}\b[^=\n()]*=(?!=)", "\n".join(lines)):
            return True
    return False


def _calls(node: Node, ref: Ref) -> Iterator[Ref]:
    """What is called in a Ref, and in the values of the local names in it."""
    todo: list[Ref] = [ref, *(v for name in roots(ref) for v in node.function.values.get(name, ()))]
    while todo:
        part = todo.pop()
        if isinstance(part, tuple) and part:
            if part[0] in ("call", "attr"):
                yield part[1] if part[0] == "call" else part
            todo += [p for p in (part[1:] if isinstance(part[0], str) else part) if isinstance(p, tuple)]


__all__ = ["is_given", "is_joined", "is_prepared"]
