"""Queries of whole tables, and whether all their rows come out at the other end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from guardrail.rows import BOUNDED, FEWER
from guardrail.systemic import django
from guardrail.systemic.facts import Ref, Site
from guardrail.systemic.refs import last_name

if TYPE_CHECKING:
    from guardrail.packs import Rule
    from guardrail.systemic.findings import Judging
    from guardrail.systemic.graph import Node
    from guardrail.systemic.walk import Path

_DEEP = 6  # names and calls that are followed from what a function returns
_FEW_ROWS = re.compile(  # tables that somebody fills by hand
    r"setting|config|option|countr|currenc|language|locale|categor|status|type$|kind$|role|permission|plan$|tier|feature|flag|region|unit$",
    re.IGNORECASE,
)
_SELECTS = frozenset({"sqlalchemy.select", "sqlmodel.select", "sqlalchemy.future.select", "sqlmodel.sql.expression.select"})


def whole(node: Node, site: Site) -> str:
    """The name of the table of which a site asks for all rows; "" where it asks for some, or nobody knows."""
    if site.kind != "call" or last_name(site.ref) != "all" or site.arguments or site.ref is None or site.ref[0] != "attr":
        return ""
    found = [*_managed(node, site.ref[1]), *_selected(node, site.ref[1])]
    names = {name.rpartition(".")[2] for name in found}
    return names.pop() if len(names) == 1 and not any(_FEW_ROWS.search(n) for n in found) else ""


def _managed(node: Node, ref: Ref) -> Iterator[str]:
    """The model of `Order.objects`."""
    if ref and ref[0] == "attr" and ref[2] == "objects":
        resolver = node.graph.resolver
        yield from (n for n in _classes(node, ref[1]) if django.MODEL in resolver.mro(n))


def _selected(node: Node, ref: Ref) -> Iterator[str]:
    """The class of `db.query(Order)`, `db.scalars(select(Order))`, `db.execute(select(Order)).scalars()`, in one step or in two."""
    ref = _value(node, ref)
    if ref and ref[0] == "call" and last_name(ref) == "scalars" and not ref[2]:
        ref = _value(node, ref[1][1]) if ref[1][0] == "attr" else None
    if ref is None or ref[0] != "call" or len(ref[2]) != 1:
        return
    inner, method = _value(node, ref[2][0]), last_name(ref)
    if method == "query":
        yield from _classes(node, inner)
    elif method in ("scalars", "execute", "exec") and inner and inner[0] == "call" and len(inner[2]) == 1:
        if node.graph.resolver.names(inner[1], node.module, node.function) & _SELECTS:
            yield from _classes(node, inner[2][0])


def _value(node: Node, ref: Ref) -> Ref:
    """What a local name is given, where that happens once; anything else as it is."""
    values = node.function.values.get(ref[1], ()) if ref and ref[0] == "name" else ()
    return values[0] if len(values) == 1 else ref


def _classes(node: Node, ref: Ref) -> Iterator[str]:
    """The classes of the project that a name stands for."""
    if ref and ref[0] in ("name", "attr"):
        project = node.graph.project
        yield from (n for n in node.graph.resolver.names(ref, node.module, node.function) if project.klass(n))


def unbounded(judging: Judging, rule: Rule, path: Path) -> str | None:
    """SQL009: each function of the path gives all rows back, and none of them speaks of a limit."""
    if not path.edges or any(BOUNDED.search(judging.graph.project.text_of(hop.node.key)) for hop in path.hops):
        return None
    sites = [*(edge.site for edge in path.edges), path.deed.site]
    if not all(_gives_back(hop.node, site.ref) for hop, site in zip(path.hops, sites, strict=True)):
        return None
    return f"The answer holds every row of `{path.deed.effect.name.rpartition(' ')[2]}`, however many there are: $CHAIN."


def _gives_back(node: Node, called: Ref) -> bool:
    """Whether what a call gives is returned by the function, itself or made into something else."""
    return any(_holds(node, result, called, 0) for result in node.function.results)


def _holds(node: Node, ref: Ref, called: Ref, depth: int) -> bool:
    """Whether a Ref is made from what a call gives, and not from a few of it."""
    if ref is not None and depth > _DEEP:
        node.graph.project.limits.add(f"what a function gives back was followed over {_DEEP} steps, and some lead further")
    if ref is None or depth > _DEEP:
        return False
    if ref[0] == "call":
        if ref[1] == called:
            return True
        return last_name(ref) not in FEWER and any(_holds(node, part, called, depth + 1) for part in ref[2])
    if ref[0] == "held":
        return any(_holds(node, part, called, depth + 1) for part in ref[1])
    if ref[0] == "attr":
        return ref[2] == "data" and _holds(node, ref[1], called, depth + 1)  # of a serializer
    if ref[0] == "name":
        values = node.function.values.get(ref[1], ())
        return len(values) == 1 and _holds(node, values[0], called, depth + 1)
    if ref[0] == "many":
        rows = [site.ref for site in node.function.sites if site.kind == "iterate" and not site.around]
        return len(rows) == 1 and _holds(node, rows[0], called, depth + 1)
    return False


__all__ = ["unbounded", "whole"]
