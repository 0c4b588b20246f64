"""Coroutines that are made and never awaited: a call of an `async def` is only a promise until somebody waits for it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.checks import flow

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts, Located
    from guardrail.analysis.match import Match
    from guardrail.analysis.scopes import Bind

# Decorators that leave a coroutine function one; any other may make something else of it.
_HARMLESS = frozenset("staticmethod classmethod abstractmethod override retry on_exception on_predicate final".split())
_ON_COROUTINES = frozenset("send close throw cr_frame cr_running cr_code cr_await __await__ __name__ __qualname__".split())
_WANT_VALUES = frozenset(
    "bool len int float str list dict set tuple sorted sum max min any all iter enumerate zip json.dumps".split()
)
_DJANGO = re.compile(r"^django(\.|$)")


def called_for_nothing(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Calls of `async def` functions of this file whose coroutine nobody awaits."""
    for match in matches:
        if isinstance(match.node, cst.Call) and _is_coroutine_function(facts, match.node.func) and _unused(facts, match.node):
            yield facts.match(match.node, _message(facts, match.node))


def coroutine_lost(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Calls of coroutine functions of libraries that nobody awaits."""
    for match in matches:
        if isinstance(match.node, cst.Call) and _unused(facts, match.node):
            yield facts.match(match.node, _message(facts, match.node))


def not_awaited(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Calls that nobody awaits: what is awaited gives a coroutine, whatever its name made us believe."""
    yield from (match for match in matches if not isinstance(facts.parent(match.node), cst.Await))


def django_coroutine_lost(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """The same for Django's `a…` methods, whose receivers have no known type: only where the file imports Django."""
    imported = (*facts.file.index.imports.values(), *facts.file.index.stars)
    if any(map(_DJANGO.match, imported)):
        yield from coroutine_lost(facts, matches)


def coroutine_as_callback(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Coroutine functions given to somebody who calls them and does not await what they return."""
    for match in matches:
        origin, function = match.env["F"]
        if _is_coroutine_function(origin, function):
            yield match


def _message(facts: Facts, call: cst.Call) -> str:
    callee = facts.code(call.func)
    if _reason(facts, call) == "test":
        return f"`{callee}(…)` is not awaited, and a coroutine counts as true whatever it would have answered."
    return f"`{callee}(…)` is not awaited, so it never runs."


# ---- what becomes of the coroutine -----------------------------------------------------------------


def _unused(facts: Facts, call: cst.Call) -> bool:
    return bool(_reason(facts, call)) or _name_unused(facts, call)


def _name_unused(facts: Facts, call: cst.Call) -> bool:
    """Whether the coroutine gets a local name that is only tested, or never looked at."""
    parent = facts.parent(call)
    name = flow.assigned_name(facts, call) if isinstance(parent, (cst.Assign, cst.AnnAssign)) else ""
    root = facts.function(call)
    if not name or not isinstance(root, cst.FunctionDef) or _rebound(facts, name, root):
        return False
    return all(_reason(facts, use) for use in flow.uses(facts, name, root)) and not flow.uses(facts, "locals", root)


def _rebound(facts: Facts, name: str, root: cst.FunctionDef) -> bool:
    return len(facts.scopes.binds.get(id(root), {}).get(name, ())) != 1


def _reason(facts: Facts, node: cst.CSTNode) -> str:
    """Why the value of the expression cannot be awaited any more: "drop", "test", "value"; "" where it can."""
    parent = facts.parent(node)
    if isinstance(parent, cst.Expr):
        return "drop"
    if _tested(facts, node, parent):
        return "test"
    if isinstance(parent, cst.Attribute):
        return "" if parent.attr.value in _ON_COROUTINES else "value"
    if isinstance(parent, (cst.For, cst.CompFor)):
        return "value" if parent.iter is node and parent.asynchronous is None else ""
    if isinstance(parent, cst.Subscript):
        return "value" if parent.value is node else ""
    if isinstance(parent, cst.Arg):
        call = facts.parent(parent)
        if not isinstance(call, cst.Call) or parent.star or len(call.args) != 1:
            return ""
        return "value" if facts.names(call.func) & _WANT_VALUES else ""
    return "value" if isinstance(parent, cst.FormattedStringExpression) else ""


def _tested(facts: Facts, node: cst.CSTNode, parent: cst.CSTNode | None) -> bool:
    """Whether the truth of the expression is asked for."""
    if isinstance(parent, (cst.If, cst.While, cst.IfExp, cst.Assert, cst.CompIf)):
        return parent.test is node
    if isinstance(parent, cst.UnaryOperation):
        return isinstance(parent.operator, cst.Not)
    if isinstance(parent, cst.BooleanOperation):
        return parent.left is node or _tested(facts, parent, facts.parent(parent))
    if isinstance(parent, cst.Comparison):
        return not (
            isinstance(parent.comparisons[0].operator, (cst.In, cst.NotIn, cst.Is, cst.IsNot)) and len(parent.comparisons) > 1
        )
    if isinstance(parent, (cst.GeneratorExp, cst.ListComp)) and parent.elt is node:
        arg = facts.parent(parent)
        call = facts.parent(arg) if isinstance(arg, cst.Arg) else None
        return isinstance(call, cst.Call) and bool(facts.names(call.func) & {"any", "all"})
    return False


# ---- what is a coroutine function -------------------------------------------------------------------


def _is_coroutine_function(facts: Facts, func: cst.CSTNode) -> bool:
    """Whether the name can only stand for functions written `async def` in this file, without a `yield`."""
    found = local_functions(facts, func)
    return bool(found) and all(_is_coroutine(owner, node) for owner, node in found)


def local_functions(facts: Facts, func: cst.CSTNode) -> list[Located]:
    """The functions of this file that a name or a method stands for; [] where it may stand for something else, too."""
    if isinstance(func, cst.Name):
        origins = facts.origins(func)
        if not origins or any(bind.kind != "def" for _, bind in origins):
            return []
        inner = [(owner, bind.node) for owner, bind in origins if owner.definition is not None]
        return inner if inner else _defined(facts, func.value)
    if isinstance(func, cst.Attribute):
        if any(bind.kind != "def" for _, bind in _attribute_binds(facts, func)):
            return []
        symbols = {facts.file.local_symbol(name) for name in facts.names(func)}
        return [located for symbol in sorted(filter(None, symbols)) for located in _defined(facts, symbol)]
    return []


def _attribute_binds(facts: Facts, func: cst.Attribute) -> list[tuple[Facts, Bind]]:
    of_self = isinstance(func.value, cst.Name) and func.value.value in ("self", "cls")
    return facts.attribute_origins(func.attr.value) if of_self else []


def _defined(facts: Facts, symbol: str) -> list[Located]:
    """The definitions of a symbol of this file, each with its own facts."""
    found: list[Located] = []
    for definition in facts.file.index.definitions:
        if definition.symbol == symbol and definition.kind == "function":
            owner = facts.file.facts(definition)
            found += [(owner, n) for n in owner.nodes if isinstance(n, cst.FunctionDef)][:1]
    return found


def _is_coroutine(facts: Facts, node: cst.CSTNode) -> bool:
    if not isinstance(node, cst.FunctionDef) or node.asynchronous is None:
        return False
    if any(isinstance(n, cst.Yield) for n in flow.own_nodes(node.body)):
        return False
    return all(_harmless(facts, d.decorator) for d in node.decorators)


def _harmless(facts: Facts, decorator: cst.BaseExpression) -> bool:
    inner = decorator.func if isinstance(decorator, cst.Call) else decorator
    last = inner.attr.value if isinstance(inner, cst.Attribute) else getattr(inner, "value", "")
    return last in _HARMLESS
