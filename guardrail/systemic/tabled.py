"""Loops over tables or over queries: each turn asks something else once, which no single query could ask."""

from __future__ import annotations

from guardrail.systemic.facts import Ref, Site
from guardrail.systemic.refs import last_name, roots

_STATEMENTS = frozenset({"select", "select_from", "update", "delete", "insert"})


def is_of_another_table(site: Site, effect: str, bound: frozenset[str]) -> bool:
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


__all__ = ["is_of_another_table"]
