"""The qualified names that an expression may go by, through imports, aliases and re-bound names."""

from __future__ import annotations

import builtins
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.scopes import Bind, bound_value, dotted

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts, Names

_NOTHING: frozenset[str] = frozenset()
BUILTINS = frozenset(dir(builtins))


def names(facts: Facts, node: cst.Name | cst.Attribute) -> Names:
    """`requests.get`, `redis.Redis.get`, a builtin plainly as `open`; what nothing defines goes by its own name."""
    canonical = facts.library.canonical
    if isinstance(node, cst.Attribute):
        attr = node.attr.value
        owners = facts.names(node.value) | facts.types(node.value)
        found = {canonical(f"{owner}.{attr}") for owner in owners}
        if dotted(node.value) in ("self", "cls"):
            found.update(*(bound_names(f, b) for f, b in facts.attribute_origins(attr)))
        return frozenset(found)
    origins = facts.origins(node)
    if origins:
        return _NOTHING.union(*(bound_names(origin, bind) for origin, bind in origins))
    name, index = node.value, facts.file.index
    if name in index.imports:
        return frozenset({canonical(index.imports[name])})
    if name in BUILTINS:
        return frozenset({name})
    stars = (*index.stars, *facts.scopes.stars)
    return frozenset({canonical(f"{star}.{name}") for star in stars}) or frozenset({name})


def bound_names(facts: Facts, bind: Bind) -> Names:
    """The qualified names of what a binding gives its name."""
    if bind.kind == "import":
        return frozenset({facts.library.canonical(bind.name)})
    if bind.kind in ("def", "class") and isinstance(bind.node, (cst.FunctionDef, cst.ClassDef)):
        return frozenset({f"{facts.file.index.module}.{bind.node.name.value}"})
    value = bound_value(bind)
    if isinstance(value, cst.IfExp):
        return facts.names(value.body) | facts.names(value.orelse)
    return facts.names(value) if isinstance(value, (cst.Name, cst.Attribute)) else _NOTHING
