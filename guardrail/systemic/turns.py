"""Queries that a loop makes once for each of its turns."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from guardrail.systemic.facts import Ref, Site
from guardrail.systemic.fetched import is_given, is_joined, is_prepared
from guardrail.systemic.refs import last_name, names_called, roots, words
from guardrail.systemic.tabled import is_table_by_table
from guardrail.systemic.working import is_piece_of_work

if TYPE_CHECKING:
    from guardrail.packs import Rule
    from guardrail.systemic.findings import Judging
    from guardrail.systemic.walk import Hop, Path

_LOCKS = re.compile(r"\b(select_for_update|with_for_update|for update)\b|advisory|\bget_lock\b", re.I)
_LOOKS = frozenset({"get", "get_or_set", "get_many", "get_cache", "has_key"})
_ONE_BY_ONE = frozenset("save delete get_or_create update_or_create asave adelete".split())
_BULK = frozenset("bulk_create bulk_update abulk_create executemany in_bulk bulk_save_objects".split())


def differs_each_turn(judging: Judging, rule: Rule, path: Path) -> str | None:
    """SQL004: the query asks for something else in each turn."""
    meant = _is_deliberate(path) or _is_unit_of_work(judging, path) or is_piece_of_work(judging, path)
    return "" if _is_repeated(path) and not meant and not _is_fetched_along(judging, path) else None


def written_one_by_one(judging: Judging, rule: Rule, path: Path) -> str | None:
    """SQL004, less sure: each turn writes what it has worked out, which may be meant so."""
    return "" if _is_repeated(path) and (_is_deliberate(path) or _is_unit_of_work(judging, path)) else None


def _is_fetched_along(judging: Judging, path: Path) -> bool:
    """Whether what is iterated over belongs to rows whose query has fetched it as well."""
    around, ref, last = path.context.around, path.deed.site.ref, path.hops[-1].node.function
    if around is None or not path.deed.effect.name.endswith("__iter__"):
        return False
    chains = (last.values.get(str(ref[1])) if ref and ref[0] == "name" else None) or [ref]
    if not all(names_called(chain) <= {"all", "list"} for chain in chains):
        return False
    node = path.hops[0].node
    if path.edges:
        return is_joined(judging.graph, node, around.ref)
    return bool(roots(ref) & set(around.names)) and is_prepared(judging.graph, node, around.ref)


def _is_locked(site: Site) -> bool:
    """Whether a call asks for rows, or for more, that nobody else gets meanwhile."""
    return any(_LOCKS.search(word) for part in (site.ref, *(a.ref for a in site.arguments)) for word in words(part))


def _is_deliberate(path: Path) -> bool:
    """Whether each turn is a piece of work of its own, which ends with a write or reads anew on purpose."""
    method = path.deed.effect.name.rpartition(".")[2]
    if _is_locked(path.deed.site) or method == "refresh_from_db":
        return True  # row after row is locked on purpose
    return path.deed.effect.kind.startswith("write") and (bool(path.edges) or method in _ONE_BY_ONE)


def _is_unit_of_work(judging: Judging, path: Path) -> bool:
    """Whether each turn is done or undone as a whole: it has a transaction of its own, or locks its row."""
    node, around = path.hops[0].node, path.context.around
    kinds = [c.kind for c in judging.contexts.at(node, _first(path)) if c.kind in ("loop", "transaction")]
    inside = (s for s in node.function.sites if s.kind == "call" and around in s.around and s.line <= path.hops[0].line)
    return kinds[:1] == ["transaction"] or any(map(_is_locked, inside))


def _first(path: Path) -> Site:
    """The site in the loop with which the path begins."""
    return path.edges[0].site if path.edges else path.deed.site


def _is_repeated(path: Path) -> bool:
    """Whether the loop runs the query anew in each turn, for what is different in each."""
    around, effect = path.context.around, path.deed.effect
    if around is None or _in_retry(path) or _remembered(path) or effect.name.rpartition(".")[2] in _BULK or _is_lookup(path):
        return False
    if not _is_in_each_turn(_first(path)) or is_table_by_table(path):
        return False
    if any(hop.node.function.name in ("__init__", "__str__") or "batch" in hop.node.key[1].lower() for hop in path.hops[1:]):
        return False
    site = _first(path)
    bound = set(around.names)
    for _ in range(3):
        bound |= {n for n, values in path.hops[0].node.function.values.items() if any(_mentions(v, bound) for v in values)}
    used = roots(site.ref) | {n for a in site.arguments for n in a.names}
    return bool(used & bound)


def _inside(site: Site) -> list[str]:
    """The kinds of the blocks between a site and its loop."""
    kinds = [a.kind for a in site.around]
    return kinds[: kinds.index("loop")] if "loop" in kinds else kinds


def _is_lookup(path: Path) -> bool:
    """Whether `get` is given a plain key, as those of dicts are: query sets take conditions."""
    given = [a for a in path.deed.site.arguments if a.keyword in ("", "*")]
    return path.deed.effect.name.endswith("QuerySet.get") and any(
        last_name(a.ref) != "Q" and not (a.ref and a.ref[0] == "any") for a in given
    )


def _is_in_each_turn(site: Site) -> bool:
    """Whether turn after turn of the innermost loop comes to a site: not where a turn has failed, or leaves the loop."""
    breaks = False
    for number, around in enumerate(site.around, 1):
        if around.kind == "loop":
            return not breaks or any(outer.kind == "loop" for outer in site.around[number:])
        if around.kind == "except" or around.names == ("return",):
            return False
        breaks = around.names == ("break",) or (breaks and around.kind not in ("few", "while", "retry"))
    return True


def _in_retry(path: Path) -> bool:
    site = _first(path)
    kinds = [a.kind for a in site.around]
    return "retry" in kinds and kinds.index("retry") < kinds.index("loop") if "loop" in kinds else False


def _remembered(path: Path) -> bool:
    """Whether the loop, or a function on the way, asks only for what is not known yet."""
    first, *others = [*(edge.site for edge in path.edges), path.deed.site]
    later = {a.kind for site in others for a in site.around}
    return "memo" in _inside(first) or bool(later & {"memo", "lacking"}) or any(map(_cached, path.hops[1:]))


def _cached(hop: Hop) -> bool:
    """Whether a function looks into a cache before it comes to its query."""
    sites = (s for s in hop.node.function.sites if s.kind == "call" and s.line <= hop.line and s.ref and s.ref[0] == "attr")
    return any(last_name(s.ref) in _LOOKS and "cache" in last_name(s.ref[1]).lower() for s in sites if s.ref)


def _mentions(ref: Ref, names: set[str]) -> bool:
    """Whether a Ref is made from one of the names."""
    return bool(roots(ref) & names)


def lazy_each_turn(judging: Judging, rule: Rule, path: Path) -> str | None:
    """SQL005: the loop runs over rows of the database, whose query does not fetch the related objects along."""
    around = path.context.around
    node = path.hops[0].node
    if around is None or around.ref is None:
        return None
    kinds = judging.graph.resolver.types(around.ref, node.module, node.function)
    if not any("QuerySet[" in kind for kind in kinds):
        return None
    site = _first(path)
    if _remembered(path) or not _is_in_each_turn(site):
        return None
    if not (roots(site.ref) | {n for a in site.arguments for n in a.names}) & set(around.names):
        return None
    inner = next((a for a in path.deed.site.around if a.kind == "loop"), None) if path.edges else None
    if inner is not None and is_prepared(judging.graph, path.hops[-1].node, inner.ref):
        return None
    return None if is_given(judging.graph, path) or is_prepared(judging.graph, node, around.ref) else ""
