"""Loops over tables or over queries: each turn asks something else once, which no single query could ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from guardrail.systemic.facts import Ref, Site
from guardrail.systemic.refs import last_name, roots

if TYPE_CHECKING:
    from guardrail.systemic.walk import Path

_STATEMENTS = frozenset({"select", "select_from", "update", "delete", "insert"})


def is_table_by_table(path: Path) -> bool:
    """Whether a loop runs over models, queries or statements, so that no two turns could share a query."""
    around, site = path.context.around, path.deed.site
    if around is None or path.edges:
        return False
    if _is_of_another_table(site, path.deed.effect.name, frozenset(around.names)):
        return True
    values = path.hops[0].node.function.values
    chains = [site.ref, *(value for name in roots(site.ref) for value in values.get(name, ()))]
    return any(_first_call(chain) == ("attr", ("name", name), "objects") for chain in chains for name in around.names)


def _first_call(ref: Ref) -> Ref:
    """What the first method of a chain is called on: of `model.objects.filter(…).count` it is `model.objects`."""
    while ref is not None and ref[0] in ("call", "attr") and ref[1] is not None and ref[1][0] != "name":
        ref = ref[1]
    return ref


def _is_of_another_table(site: Site, effect: str, bound: frozenset[str]) -> bool:
    """Whether a query is one of the loop's own names, or selects from one: `for model in models: select(model)`."""
    if "QuerySet." in effect:
        return site.ref is not None and site.ref[0] == "attr" and _is_query(site.ref[1], bound)
    return bool(site.arguments) and bool(_selected(site.arguments[0].ref) & bound)


def _is_query(ref: Ref, bound: frozenset[str]) -> bool:
    """Whether a chain of calls begins with one of the names: `query.filter(…)`, but not `row.children.filter(…)`."""
    while ref is not None and ref[0] == "call" and ref[1] and ref[1][0] == "attr":
        ref = ref[1][1]
    return ref is not None and ref[0] == "name" and ref[1] in bound


def _selected(ref: Ref) -> set[str]:
    """The names in what is selected from, or the one that the statement begins with."""
    found: set[str] = set()
    while ref is not None and ref[0] in ("call", "attr"):
        if ref[0] == "call" and last_name(ref[1]) in _STATEMENTS:
            found |= roots(ref[2][:1])
        ref = ref[1]
    return found | ({str(ref[1])} if ref is not None and ref[0] == "name" else set())


__all__ = ["is_table_by_table"]
