"""Shapes of caches made by hand: entries that are kept, that expire, and that are thrown out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.checks.tracing import below, identifiers, name_of, symbol, words_of
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match
from guardrail.analysis.scopes import dotted

_CACHES = frozenset("cache caches cached caching memo memos memoized memoize lru ttl".split())
_AGES = frozenset(
    "expires expire expiry expired expiration ttl age stale timestamp until deadline fresh cached fetched stored".split()
)
_CLOCKS = re.compile(r"^(time\.(time|monotonic|perf_counter)(_ns)?|datetime\.datetime\.(utc)?now|django\.utils\.timezone\.now)$")
_NOW = re.compile(r"^_?(now|current_time|timer|clock)$")
_OWN = frozenset("cache caches cached caching memo memoized memoizer".split())
_NO_CACHE = frozenset(
    "control headers header error exception warning test tests no disabled config settings options form view".split()
)
_PLAIN = frozenset(("__repr__", "__str__", "__eq__", "__hash__"))
_ORDER = (cst.LessThan, cst.LessThanEqual, cst.GreaterThan, cst.GreaterThanEqual)


def _about_caches(facts: Facts) -> bool:
    """Whether the definition, or its class, is named after a cache, or handles one by that name."""
    return bool(words_of(symbol(facts)) & _CACHES) or any(words_of(name) & _CACHES for name in identifiers(facts))


def kept(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """An entry put into a dict that outlives the call: of an object, a module, or the function around."""
    for match in matches:
        target = getattr(match.node, "targets", [match.node])[0].target
        held = target.value if isinstance(target, cst.Subscript) else None
        if isinstance(held, (cst.Name, cst.Attribute)) and not _local(facts, held):
            yield match


def outlives_the_call(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Calls of a method of a cache that was not made in the function that asks it."""
    for match in matches:
        held = match.node.func.value if isinstance(match.node, cst.Call) and isinstance(match.node.func, cst.Attribute) else None
        if not (isinstance(held, cst.Name) and _made_here(facts, held)):
            yield match


def _made_here(facts: Facts, held: cst.Name) -> bool:
    """Whether a name stands for a dict of the definition's own."""
    binds = [bind for owner, bind in facts.origins(held) if owner is facts and bind.kind in ("value", "annotated")]
    return any(isinstance(bind.node, (cst.Dict, cst.DictComp)) or facts.types(bind.node) & {"dict"} for bind in binds)


def _local(facts: Facts, held: cst.Name | cst.Attribute) -> bool:
    """Whether what holds the entries is made, or handed in, in the very function that fills it."""
    root: cst.BaseExpression = held
    while isinstance(root, cst.Attribute):
        root = root.value
    if not isinstance(root, cst.Name) or root.value in ("self", "cls"):
        return False
    own = facts.function(held)
    return any(
        origin is facts
        and not isinstance(bind.node, cst.Attribute)
        and bind.kind in ("value", "annotated", "param", "item")
        and facts.function(bind.node) is own is not None
        for origin, bind in facts.origins(root)
    )


def expires(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """The clock compared with the age of an entry, where caches are spoken of."""
    if not any(True for _ in matches) or not _about_caches(facts):
        return
    for node in facts.nodes:
        if isinstance(node, cst.Comparison) and isinstance(node.comparisons[0].operator, _ORDER):
            parts = list(below(node))
            if any(_clock(facts, p) for p in parts) and any(words_of(name_of(facts, p)) & _AGES for p in parts):
                yield facts.match(node)
                return


def _clock(facts: Facts, node: cst.CSTNode) -> bool:
    if isinstance(node, cst.Call):
        said = dotted(node.func).rpartition(".")[2]
        return any(_CLOCKS.match(name) for name in facts.names(node.func)) or _NOW.match(said) is not None
    return isinstance(node, cst.Name) and bool(_NOW.match(node.value))


def throws_out(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """An entry thrown out where there are too many."""
    if _about_caches(facts) and any(_removes(node) for node in facts.nodes):
        yield from matches


def _removes(node: cst.CSTNode) -> bool:
    if (
        isinstance(node, cst.Call)
        and isinstance(node.func, cst.Attribute)
        and node.func.attr.value in ("pop", "popitem", "popleft")
    ):
        return True
    return isinstance(node, cst.Del) and isinstance(node.target, cst.Subscript)


def of_own_cache(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A class that is a cache by its name, or stands in one, and the methods by which it is read and written."""
    words = words_of(facts.owner)
    if words & _OWN and not words & _NO_CACHE:
        yield from (m for m in matches if isinstance(m.node, (cst.ClassDef, cst.FunctionDef)) and m.node.name.value not in _PLAIN)


def makes_keys(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Functions named for keys, where the function or its module is named for caches."""
    if any(word.startswith("cache") for word in words_of(f"{facts.file.index.module} {symbol(facts)}")):
        yield from matches
