"""Lists and dicts that a cache hands to everybody, and what a caller does to them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis import hints
from guardrail.analysis.checks import flow
from guardrail.analysis.checks.awaiting import local_functions
from guardrail.shared import MUTATORS

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.match import Match

_CACHES = frozenset(
    {"functools.lru_cache", "functools.cache", "cachetools.cached", "cachetools.func.ttl_cache", "cachetools.func.lru_cache"}
)
_MUTABLE = frozenset(
    {"list", "dict", "set", "collections.defaultdict", "collections.OrderedDict", "collections.deque", "bytearray"}
)
_MUTABLE |= frozenset({"typing.List", "typing.Dict", "typing.Set", "typing.DefaultDict", "pandas.DataFrame"})
_LOADERS = frozenset({"json.load", "json.loads", "yaml.safe_load", "tomllib.load", "tomllib.loads", "sorted"})
_CHANGES = MUTATORS | {"reverse"}


def changed_by_caller(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Changes to the list or dict that a cached function of this file has given."""
    for match in matches:
        call = match.node
        if not isinstance(call, cst.Call) or not _cached_mutable(facts, call.func):
            continue
        change = _change_of(facts, call) or _change_of_name(facts, call)
        if change is not None:
            yield facts.match(change, f"This changes what `{facts.code(call.func)}` has in its cache, for all other callers.")


def _change_of(facts: Facts, node: cst.CSTNode) -> cst.CSTNode | None:
    """What changes the object that an expression gives: a method, an item that is set, `+=`, `del`."""
    parent = facts.parent(node)
    if isinstance(parent, cst.Attribute) and parent.value is node and parent.attr.value in _CHANGES:
        call = facts.parent(parent)
        return call if isinstance(call, cst.Call) and call.func is parent else None
    if isinstance(parent, cst.Subscript) and parent.value is node:
        around = facts.parent(parent)
        changed = isinstance(around, (cst.AssignTarget, cst.Del)) or (isinstance(around, cst.AugAssign) and around.target is parent)
        return facts.statement(parent) if changed else None
    if isinstance(parent, cst.AugAssign) and parent.target is node:
        return parent
    return None


def _change_of_name(facts: Facts, call: cst.Call) -> cst.CSTNode | None:
    """The same for the local name that the object gets, as long as the name means nothing else."""
    parent = facts.parent(call)
    name = flow.assigned_name(facts, call) if isinstance(parent, (cst.Assign, cst.AnnAssign)) else ""
    root = facts.function(call)
    if not name or root is None:
        return None
    binds = [b for b in facts.scopes.binds.get(id(root), {}).get(name, ()) if b.kind not in ("fill", "grow")]
    if len(binds) != 1:
        return None
    for use in (u for u in flow.uses(facts, name, root) if facts.function(u) is root):
        change = _change_of(facts, use)
        if change is not None:
            return change
    return None


def _cached_mutable(facts: Facts, func: cst.CSTNode) -> bool:
    for owner, function in local_functions(facts, func):
        if isinstance(function, cst.FunctionDef) and _is_cached(owner, function) and _gives_mutable(owner, function):
            return True
    return False


def _is_cached(facts: Facts, function: cst.FunctionDef) -> bool:
    marks = [d.decorator.func if isinstance(d.decorator, cst.Call) else d.decorator for d in function.decorators]
    return any(facts.names(mark) & _CACHES for mark in marks)


def _gives_mutable(facts: Facts, function: cst.FunctionDef) -> bool:
    if function.returns is not None:
        return bool(hints.annotated(facts, function.returns.annotation) & _MUTABLE)
    given = [n.value for n in flow.own_nodes(function.body) if isinstance(n, cst.Return) and n.value is not None]
    return bool(given) and all(_mutable(facts, value) for value in given)


def _mutable(facts: Facts, value: cst.CSTNode) -> bool:
    loaded = isinstance(value, cst.Call) and bool(facts.names(value.func) & _LOADERS)
    return loaded or bool(facts.types(value) & _MUTABLE)
