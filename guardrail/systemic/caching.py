"""Tables that are kept in a cache: who reads them into it, who takes them out after a write, and who forgets to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from guardrail.systemic.facts import Ref, Site
from guardrail.systemic.refs import last_name

if TYPE_CHECKING:
    from guardrail.packs import Rule
    from guardrail.systemic.findings import Judging
    from guardrail.systemic.graph import Deed, Node
    from guardrail.systemic.walk import Path

_CACHED = frozenset({"cached", "cache-write"})
_FRESH = frozenset({"invalidate", "cache-write"})
_FOR_EVER = frozenset({"lru_cache", "cache"})  # decorators of functions, from functools
_CLEARS = re.compile(r"cache_clear|invalidat|clear\w*cache|cache\w*clear|bust|purge|bump|expire|evict|forget", re.I)
_WRITING = ("save", "delete", "update", "create", "bulk_create", "bulk_update", "get_or_create", "update_or_create", "execute")
_CALLERS = 12  # callers of a writer that are asked whether they clear the cache


def not_invalidated(judging: Judging, rule: Rule, path: Path) -> str | None:
    """CCH005: the table is in a cache that other writers clear, or that nothing ever clears, and nobody does it here."""
    node = path.hops[0].node
    if path.edges or _clears(judging, node):
        return None
    for model in sorted(_tables(judging, node, path.deed.site)):
        reader, for_ever = _reader(judging, model)
        if reader is None or reader is node or _signals(judging, model):
            continue
        peer = _peer(judging, model, node)
        callers = judging.graph.callers(node.key) if peer or for_ever else []
        if len(callers) > _CALLERS:
            judging.graph.project.limits.add(f"of the callers of `{node.function.symbol}` {_CALLERS} were asked for the cache")
        if (peer or for_ever) and not any(_clears(judging, c) for c, _ in callers[:_CALLERS]):
            name = model.rpartition(".")[2]
            kept = f"`{reader.function.symbol}` ({reader.key[0]}:{reader.function.header}) keeps it in a cache"
            others = f", which `{peer.function.symbol}` ({peer.key[0]}:{peer.function.header}) clears" if peer else ""
            return f"`{name}` is written here, and {kept}{others}: $CHAIN."
    return None


def _tables(judging: Judging, node: Node, site: Site) -> set[str]:
    """The classes of the project whose rows a call reads or writes."""
    resolver, project = judging.graph.resolver, judging.graph.project
    found: set[str] = set()
    for ref in _parts(site):
        if ref == ("call", ("name", "super"), ()) and node.function.owner:
            found.add(f"{node.module.name}.{node.function.owner}")
        for kind in resolver.types(ref, node.module, node.function):
            found.add(kind.partition("[")[2].rstrip("]") or kind)
        found |= resolver.names(ref, node.module, node.function) if ref and ref[0] == "name" else set()
    return {name for name in found if name and project.klass(name)}


def _parts(site: Site) -> Iterator[Ref]:
    """What a method is called on, and what stands in its first arguments: `update(Order).values(…)` holds Order."""
    if site.ref and site.ref[0] == "attr":
        yield site.ref[1]
    todo: list[Ref] = [a.ref for a in site.arguments[:2]]
    while todo:
        part = todo.pop()
        if part and part[0] in ("call", "attr"):
            todo += [part[1], *(part[2] if part[0] == "call" else ())]
        elif part and part[0] == "name":
            yield part


def _clears(judging: Judging, node: Node) -> bool:
    """Whether a function, or what it calls, puts the cache right."""
    if any(_CLEARS.search(last_name(site.ref)) for site in node.function.sites):
        return True
    return judging.walk("function", _FRESH).down(node.key) is not None


def _users(judging: Judging, model: str, words: tuple[str, ...]) -> Iterator[Node]:
    """The functions, in modules that name a class, that call something of these names."""
    for module in judging.graph.project.naming(model.rpartition(".")[2]):
        for symbol in sorted({symbol for word in words for symbol, _ in module.mentions.get(word, ())}):
            node = judging.graph.node((module.path, symbol))
            if node is not None:
                yield node


def _reader(judging: Judging, model: str) -> tuple[Node | None, bool]:
    """A function that keeps rows of a table in a cache, and whether it does so for ever."""
    if model not in judging.readers:
        judging.readers[model] = _find_reader(judging, model)
    return judging.readers[model]


def _find_reader(judging: Judging, model: str) -> tuple[Node | None, bool]:
    for node in _users(judging, model, ("set", "get_or_set", "setex")):
        kept = [d for d in node.deeds if d.effect.kind in _CACHED and last_name(d.site.ref) in ("set", "get_or_set", "setex")]
        if kept and _reads(judging, node, model):
            return node, any(_has_no_end(d) for d in kept)
    for node in _users(judging, model, ("get", "all", "first", "values_list", "filter")):
        own = {n for d, _, _ in node.function.decorators if last_name(d) in _FOR_EVER for n in _named(judging, node, d)}
        if any(name.startswith("functools.") for name in own) and _reads(judging, node, model):
            return node, True
    return None, False


def _named(judging: Judging, node: Node, ref: Ref) -> frozenset[str]:
    return judging.graph.resolver.names(ref, node.module, node.module.functions["<module>"])


def _has_no_end(deed: Deed) -> bool:
    given = [a for a in deed.site.arguments if a.keyword in ("timeout", "ttl", "ex")]
    return bool(given) and given[0].value is None and given[0].ref is None and not given[0].names


def _reads(judging: Judging, node: Node, model: str) -> bool:
    """Whether a function, or one that it calls, reads rows of a table."""
    near = [node, *(n for e in node.edges if (n := judging.graph.node(e.callee)))]
    return any(d.effect.kind.startswith("read") and model in _tables(judging, n, d.site) for n in near for d in n.deeds)


def _peer(judging: Judging, model: str, but: Node) -> Node | None:
    """Another function that writes a table and clears the cache."""
    kinds = judging.graph.effects.group(["change"])
    for node in _users(judging, model, _WRITING):
        writes = node is not but and any(d.effect.kind in kinds and model in _tables(judging, node, d.site) for d in node.deeds)
        if writes and _clears(judging, node):
            return node
    return None


def _signals(judging: Judging, model: str) -> bool:
    """Whether somebody listens to the writes of a table, who may clear the cache for all."""
    modules = judging.graph.project.naming(model.rpartition(".")[2])
    return any(word in module.imports for module in modules for word in ("post_save", "m2m_changed", "post_delete"))


__all__ = ["not_invalidated"]
