"""The classes that an expression's value may have: constructors, annotations, factories, attributes, context managers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis import hints
from guardrail.analysis.scopes import Bind, bound_value, dotted

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts, Names
    from guardrail.model import Definition

_NOTHING: frozenset[str] = frozenset()


def types(facts: Facts, node: cst.CSTNode) -> Names:
    """The qualified names of the classes, bases included."""
    if isinstance(node, cst.Name):
        found = _NOTHING.union(*(bound_types(origin, bind) for origin, bind in facts.origins(node)))
        return found or facts.library.instances(facts.names(node))
    if isinstance(node, cst.Attribute):
        return _attribute_types(facts, node)
    if isinstance(node, cst.Call):
        return _call_types(facts, node)
    if isinstance(node, cst.Await):
        return facts.types(node.expression)
    if isinstance(node, cst.NamedExpr):
        return facts.types(node.value)
    if isinstance(node, cst.IfExp):
        return facts.types(node.body) | facts.types(node.orelse)
    if isinstance(node, cst.BooleanOperation):
        return facts.types(node.left) | facts.types(node.right)
    return hints.literal_types(node)


def _attribute_types(facts: Facts, node: cst.Attribute) -> Names:
    attr = node.attr.value
    if dotted(node.value) in ("self", "cls"):
        found = _NOTHING.union(*(bound_types(origin, bind) for origin, bind in facts.attribute_origins(attr)))
        if found:
            return found
        if attr == "request" and facts.owner:
            return facts.library.request_types(facts.file.index)
    owners = facts.types(node.value)
    known = _NOTHING.union(*(facts.library.attribute_types(f"{owner}.{attr}") for owner in owners))
    for owner in owners:
        symbol = facts.file.local_symbol(owner)
        if symbol:
            origins = facts.file.attribute_origins(symbol, attr)
            known = known.union(*(bound_types(origin, bind) for origin, bind in origins))
    return known or facts.library.instances(facts.names(node))


def _call_types(facts: Facts, node: cst.Call) -> Names:
    found: set[str] = set()
    for name in facts.names(node.func):
        returned = facts.library.returned(name)
        symbol = facts.file.local_symbol(name)
        definition = facts.file.definition(symbol) if symbol else None
        if returned:
            found |= returned
        elif definition is not None and symbol is not None:
            found |= _made_by(facts, definition, symbol)
        elif name.rpartition(".")[2][:1].isupper():
            found |= facts.library.with_bases(name)
    if not found and isinstance(node.func, (cst.Name, cst.Attribute)):  # an object that makes others: `SessionLocal()`
        found = set().union(*(facts.library.returned(f"{maker}.__call__") for maker in facts.types(node.func)))
    return frozenset(found)


def _made_by(facts: Facts, definition: Definition, symbol: str) -> Names:
    """What a local class or an annotated local function gives."""
    if definition.kind == "class":
        return class_types(facts, symbol)
    header = facts.file.snippet(definition.first, definition.header, header=True)
    function = next((n for n in header.nodes if isinstance(n, cst.FunctionDef)), None) if header else None
    if header is None or function is None or function.returns is None:
        return _NOTHING
    return hints.annotated(header, function.returns.annotation)


def class_types(facts: Facts, symbol: str) -> Names:
    """The names of a class of this file and of all its bases, as far as they are known."""
    found = frozenset({f"{facts.file.index.module}.{symbol}"})
    definition = facts.file.definition(symbol)
    header = facts.file.snippet(definition.first, definition.header, header=True) if definition else None
    node = next((n for n in header.nodes if isinstance(n, cst.ClassDef)), None) if header else None
    if header is None or node is None:
        return found
    return found.union(*(_base_types(header, base) for base in node.bases))


def _base_types(facts: Facts, base: cst.Arg) -> Names:
    def find() -> Names:
        value = base.value.value if isinstance(base.value, cst.Subscript) else base.value
        found: set[str] = set()
        for name in facts.names(value):
            symbol = facts.file.local_symbol(name)
            found |= class_types(facts, symbol) if symbol else facts.library.with_bases(name)
        return frozenset(found)

    return facts.once("base", base, find, _NOTHING)


def bound_types(facts: Facts, bind: Bind) -> Names:
    """The types of what a binding gives its name."""
    node = bind.node
    if bind.kind == "param" and isinstance(node, cst.Param):
        return hints.param_types(facts, node)
    if bind.kind == "annotated" and isinstance(node, cst.AnnAssign):
        return hints.annotated(facts, node.annotation.annotation) or facts.types(node.value)
    if bind.kind == "with":
        return _NOTHING.union(*(facts.library.entered(t) for t in facts.types(node)))
    if bind.kind == "item":
        return hints.element_types(facts, node)
    if bind.kind == "except":
        return facts.names(node)
    if bind.kind == "import":
        return facts.library.instances(frozenset({facts.library.canonical(bind.name)}))
    return facts.types(bound_value(bind))
