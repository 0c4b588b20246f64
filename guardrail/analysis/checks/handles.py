"""Handles that are taken and not given back: connections of a pool, client sessions, executors, unread responses."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.checks import flow

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.match import Match

_CLOSERS = frozenset(
    "close aclose shutdown release putconn terminate stop disconnect dispose cleanup __exit__ __aexit__ invalidate remove"
    " wait_closed join detach drop_connection discard".split()
)
_KEEPERS = re.compile(
    r"clos|releas|enter_|push|callback|finali[sz]er|register|add_|append|put|stack|dispos|ExitStack|owner|yield|return|wrap|partial|attach|set_",
    re.IGNORECASE,
)
_READS = frozenset(
    "content text json read iter_content iter_lines aread iter_bytes iter_text aiter_bytes aiter_lines readlines readline".split()
)


def never_closed(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Handles with a local name that is neither closed nor given to anybody who might."""
    for match in matches:
        name, root = local(facts, match.node)
        if not name or root is None or root.name.value in ("main", "cli", "_main"):  # the process ends with it
            continue
        if not _closes(facts, name, root) and not _kept(facts, name, root):
            yield match


def not_on_every_path(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Connections of a pool that go back only where nothing fails in between."""
    for match in matches:
        name, root = local(facts, match.node)
        if not name or root is None or _kept(facts, name, root):
            continue
        closes = _closes(facts, name, root)
        if not closes:
            yield match
        elif not any(_sure(facts, node) for node in closes) and _works_between(facts, match.node, closes[0], root):
            yield facts.match(match.node, f"An exception before `{facts.code(closes[0])}` keeps `{name}` out of the pool for ever.")


def session_yielded(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A dependency that yields a session and closes it only where the request has not failed."""
    for match in matches:
        name, root = local(facts, match.node)
        if not name or root is None:
            continue
        yields = [n for n in flow.own_nodes(root) if isinstance(n, cst.Yield) and _is_name(n.value, name)]
        if yields and not any(_sure(facts, n) for n in _closes(facts, name, root)) and not _in_with(facts, name, root):
            yield match


def body_left_unread(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Streamed responses of which only the head is read, and that nobody closes."""
    for match in matches:
        name, root = local(facts, match.node)
        if not name or root is None or _closes(facts, name, root) or _kept(facts, name, root):
            continue
        uses = flow.uses(facts, name, root)
        looked = [facts.parent(u) for u in uses]
        if uses and not any(isinstance(p, cst.Attribute) and p.attr.value in (_READS | {"raw"}) for p in looked):
            yield match


def _is_name(node: cst.CSTNode | None, name: str) -> bool:
    return isinstance(node, cst.Name) and node.value == name


def local(facts: Facts, node: cst.CSTNode) -> tuple[str, cst.FunctionDef | None]:
    """The local name that the handle gets, and its function; "" where it is entered or goes elsewhere."""
    root = facts.function(node)
    if not isinstance(root, cst.FunctionDef) or flow.is_entered(facts, node):
        return "", None
    return flow.assigned_name(facts, node), root


def _closes(facts: Facts, name: str, root: cst.CSTNode) -> list[cst.CSTNode]:
    """The calls that give the handle back: `name.close()`, `pool.putconn(name)`, `with name:`."""
    found: list[cst.CSTNode] = []
    for use in flow.uses(facts, name, root):
        parent = facts.parent(use)
        entered = isinstance(parent, cst.WithItem)
        if parent is not None and (entered or (isinstance(parent, cst.Attribute) and parent.attr.value in _CLOSERS)):
            found.append(parent)
        elif isinstance(parent, cst.Arg):
            call = facts.parent(parent)
            if flow.called(call or parent) in _CLOSERS | {"closing", "aclosing"}:
                found.append(call or parent)
    return found


def _sure(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether a close is run whatever happens: in a `finally`, by a `with`, or in handlers that are there for it."""
    if isinstance(node, cst.WithItem) or flow.called(node) in ("closing", "aclosing"):
        return True
    return any(isinstance(a, (cst.Finally, cst.ExceptHandler)) for a in facts.ancestors(node))


def _in_with(facts: Facts, name: str, root: cst.CSTNode) -> bool:
    return any(
        isinstance(n, cst.With) and any(re.search(rf"\b{name}\b", facts.code(i.item)) for i in n.items)
        for n in flow.own_nodes(root)
    )


def _kept(facts: Facts, name: str, root: cst.CSTNode) -> bool:
    """Whether somebody else may have the handle: it is returned, stored, or given to one who keeps things."""
    if flow.escapes(facts, name, root):
        return True
    for use in flow.uses(facts, name, root):
        parent = facts.parent(use)
        call = facts.parent(parent) if isinstance(parent, cst.Arg) else None
        if isinstance(call, cst.Call) and flow.called(call) in _CLOSERS:
            continue
        if isinstance(call, cst.Call) and (_KEEPERS.search(flow.called(call)) or flow.called(call)[:1].isupper()):
            return True
        if isinstance(parent, (cst.Tuple, cst.NamedExpr, cst.IfExp, cst.BooleanOperation, cst.Lambda)):
            return True
    return False


def _works_between(facts: Facts, start: cst.CSTNode, end: cst.CSTNode, root: cst.CSTNode) -> bool:
    first, last = facts.order[id(start)], facts.order[id(end)]
    return any(isinstance(n, cst.Call) and first < facts.order[id(n)] < last - 1 and n is not start for n in flow.own_nodes(root))
