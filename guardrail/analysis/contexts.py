"""The contexts that a node stands in, seen inside its definition: async, loop, lock, transaction, retry, except, handler, test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libcst as cst

from guardrail import places
from guardrail.analysis.scopes import dotted

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts

_COMPREHENSIONS = (cst.ListComp, cst.SetComp, cst.DictComp, cst.GeneratorExp)


def contexts(facts: Facts, node: cst.CSTNode) -> frozenset[str]:
    """All contexts around the node, up to the function whose body it is in."""
    found: set[str] = set()
    child = node
    if places.is_test(facts.path):
        found.add("test")
    for around in facts.ancestors(node):
        if isinstance(around, (cst.FunctionDef, cst.Lambda)):
            if isinstance(around, cst.FunctionDef) and child is around.body:
                found |= facts.library.roles(facts, around)
                if around.asynchronous is not None:
                    found.add("async")
            if child is around.body or isinstance(around, cst.Lambda):
                break
        elif isinstance(around, (cst.For, cst.While)) and child is not getattr(around, "iter", None):
            if child is around.body:
                found.add("loop")
        elif isinstance(around, _COMPREHENSIONS):
            if child is not around.for_in or _inside_iteration(facts, node, around):
                found.add("loop")
        elif isinstance(around, cst.With) and child is around.body:
            for item in around.items:
                found |= entered(facts, item.item)
        elif isinstance(around, cst.ExceptHandler) and child is around.body:
            found.add("except")
        child = around
    return frozenset(found)


def _inside_iteration(facts: Facts, node: cst.CSTNode, comprehension: cst.CSTNode) -> bool:
    """In a condition or an inner loop of a comprehension, which run once a turn."""
    outer = getattr(comprehension, "for_in", None)
    chain = [node, *facts.ancestors(node)]
    return not (isinstance(outer, cst.CompFor) and any(n is outer.iter for n in chain))


def entered(facts: Facts, item: cst.BaseExpression) -> frozenset[str]:
    """The contexts that a `with` item opens: a lock, a transaction, a retry block."""
    names = facts.names(item.func if isinstance(item, cst.Call) else item)
    types = facts.types(item)
    found = facts.library.context_names(names | types)
    if not names and not types and not isinstance(item, cst.Call):
        words = dotted(item).rpartition(".")[2].lower().split("_")
        if "lock" in words or "mutex" in words:
            found |= {"lock"}
    return found
