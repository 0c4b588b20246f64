"""ORM objects after their session has let go of them, and queries that load whatever there is."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.checks import flow
from guardrail.rows import BOUNDED, FEWER

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.match import Match

_LOADERS = frozenset("get get_one scalar scalar_one scalar_one_or_none one one_or_none first".split())
_INSTANCE = frozenset({"__dict__", "__class__", "metadata", "_sa_instance_state"})


# ---- SQL006 --------------------------------------------------------------------------------------------


def used_after_commit(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Attributes of an object read after the `commit` of an async session that is made here and expires what it holds."""
    for match in matches:
        session = flow.receiver(match.node)
        if session is None or not _expires(facts, session):
            continue
        use = _first_use(facts, match.node, session)
        if use is not None:
            yield facts.match(
                use, f"`{facts.code(use)}` is expired by the commit above, and loading it needs an await that is not here."
            )


def _expires(facts: Facts, session: cst.BaseExpression) -> bool:
    """Whether the session's maker is known, and does not say expire_on_commit=False."""
    if "expire_on_commit" in facts.file.source.text:
        return False
    made = flow.makers(facts, session)
    known = {"sqlalchemy.ext.asyncio.AsyncSession", "sqlalchemy.ext.asyncio.async_sessionmaker"}
    for owner, call in made:
        func = call.func if isinstance(call, cst.Call) else None
        if func is None or not (owner.names(func) | owner.types(func)) & known or any(a.star for a in getattr(call, "args", ())):
            return False
    return bool(made)


def _first_use(facts: Facts, commit: cst.CSTNode, session: cst.BaseExpression) -> cst.CSTNode | None:
    """The first attribute after the commit of an object that the session has given or been given before."""
    root = flow.around(facts, commit)
    at = facts.order[id(commit)]
    objects = _objects(facts, root, session, at)
    block = next((a for a in facts.ancestors(commit) if isinstance(a, cst.IndentedBlock)), None)
    for node in flow.own_nodes(root):
        order = facts.order.get(id(node), 0)
        if order <= at or not objects:
            continue
        if flow.called(node) in ("refresh", "get", "merge", "rollback", "expunge", "expunge_all", "commit") and node is not commit:
            return None
        if isinstance(node, (cst.Return, cst.Raise)) and block is not None and not _after(facts, node, block):
            return None
        if isinstance(node, cst.Attribute) and isinstance(node.value, cst.Name) and node.value.value in objects:
            if node.attr.value not in _INSTANCE and not facts.is_target(node) and not _called(facts, node):
                return node if _after(facts, node, block) else None
    return None


def _after(facts: Facts, node: cst.CSTNode, block: cst.CSTNode | None) -> bool:
    """Whether the node stands in the commit's own block, or in one around it, so that the commit has been run."""
    outer = [block, *facts.ancestors(block)] if block is not None else []
    mine = next((a for a in facts.ancestors(node) if isinstance(a, cst.IndentedBlock)), None)
    return mine is None or any(mine is b for b in outer) or any(a is block for a in facts.ancestors(node))


def _called(facts: Facts, node: cst.Attribute) -> bool:
    parent = facts.parent(node)
    return isinstance(parent, cst.Call) and parent.func is node


def _objects(facts: Facts, root: cst.CSTNode, session: cst.BaseExpression, end: int) -> set[str]:
    """Local names of what was loaded through the session, or added to it."""
    found = set()
    for node in flow.own_nodes(root):
        of = flow.receiver(node)
        if of is None or not isinstance(node, cst.Call) or facts.order[id(node)] >= end:
            continue
        if facts.normal(of) == facts.normal(session) and flow.called(node) == "add" and node.args:
            found.add(facts.code(node.args[0].value))
        elif flow.called(node) in _LOADERS and _through(facts, node, session):
            found.add(flow.assigned_name(facts, node))
    return found - {""}


def _through(facts: Facts, call: cst.Call, session: cst.BaseExpression) -> bool:
    """`session.get(…)`, `(await session.execute(…)).scalar_one()`."""
    wanted = facts.normal(session)
    return any(isinstance(n, (cst.Name, cst.Attribute)) and facts.normal(n) == wanted for n in flow.own_nodes(call.func))


# ---- SQL009 --------------------------------------------------------------------------------------------


def _bounded(facts: Facts, function: cst.FunctionDef) -> bool:
    return facts.once("bounded", function, lambda: BOUNDED.search(facts.code(function)) is not None, True)


def whole_table(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Queries of a whole table whose rows all go into the answer of a request."""
    for match in matches:
        function = flow.function_def(facts, match.node)
        if function is None or _bounded(facts, function) or not _answered(facts, match.node, function):
            continue
        if "handler" in facts.contexts(match.node):
            yield match


def _answered(facts: Facts, node: cst.CSTNode, function: cst.FunctionDef) -> bool:
    """Whether the rows are returned, or what they are turned into."""
    if _in_return(facts, node):
        return True
    name = flow.assigned_name(facts, _outermost(facts, node))
    uses = flow.uses(facts, name, function) if name else []
    return any(_in_return(facts, use) or _answered_again(facts, use, name, function) for use in uses)


def _answered_again(facts: Facts, use: cst.CSTNode, first: str, function: cst.FunctionDef) -> bool:
    """`serializer = S(rows, many=True)`, then `return Response(serializer.data)`."""
    name = flow.assigned_name(facts, _outermost(facts, use))
    return bool(name) and name != first and any(_in_return(facts, u) for u in flow.uses(facts, name, function))


def _outermost(facts: Facts, node: cst.CSTNode) -> cst.CSTNode:
    """The whole expression that a node is part of."""
    at = node
    for around in facts.ancestors(node):
        if isinstance(around, (cst.Assign, cst.AnnAssign, cst.BaseSmallStatement, cst.BaseCompoundStatement)):
            break
        at = around
    return at


def _in_return(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether the node's rows reach a `return`: not as a truth, a number, or a part of them."""
    for around in facts.ancestors(node):
        if isinstance(around, cst.Return):
            return True
        if isinstance(around, cst.Call) and flow.called(around) in FEWER:
            return False
        if isinstance(around, (cst.BaseSmallStatement, cst.BaseCompoundStatement)):
            return False
    return False
