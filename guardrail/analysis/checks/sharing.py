"""Sessions and connections that several tasks or threads use at the same time."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.checks import flow
from guardrail.analysis.checks.awaiting import local_functions
from guardrail.analysis.checks.tracing import loop_around
from guardrail.analysis.scopes import BLOCKS, dotted
from guardrail.analysis.walk import descendants

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.match import Match

ASYNC_SESSIONS = frozenset(
    {
        "sqlalchemy.ext.asyncio.AsyncSession",
        "sqlalchemy.ext.asyncio.AsyncConnection",
        "asyncpg.Connection",
        "psycopg.AsyncConnection",
        "psycopg.AsyncCursor",
        "aiomysql.Connection",
    }
)
SESSIONS = ASYNC_SESSIONS | {
    "sqlalchemy.orm.Session",
    "sqlalchemy.Connection",
    "sqlite3.Connection",
    "psycopg2.cursor",
    "pymysql.Connection",
}
_SCOPED = frozenset({"sqlalchemy.orm.scoped_session", "sqlalchemy.ext.asyncio.async_scoped_session"})
LIMITS = re.compile(
    r"semaphore|\bsem\b|_sem\b|sem_|limit|throttl|bounded|slots|gate|\block\b|_lock\b|pool_size|max_concurren", re.IGNORECASE
)


def limited(facts: Facts, function: cst.CSTNode) -> bool:
    """Whether a function speaks of something that limits how many do a thing at once."""
    return facts.once("limited", function, lambda: LIMITS.search(facts.code(function)) is not None, False)


def session_in_gather(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`gather` and its kind, with two or more awaitables that use the same session."""
    for match in matches:
        if not isinstance(match.node, cst.Call):
            continue
        used: list[str] = []
        for owner, awaitable, often in _awaitables(facts, match.node):
            names = sessions_in(owner, awaitable, ASYNC_SESSIONS)
            used += [*names, *names] if often else names
        twice = sorted(name for name in set(used) if used.count(name) > 1)
        if twice:
            yield facts.match(match.node, f"Tasks that run at the same time share `{twice[0]}`.")


def _awaitables(facts: Facts, call: cst.Call) -> Iterator[tuple[Facts, cst.CSTNode, bool]]:
    """What is run at the same time: each with its facts and whether it is made once for each of many."""
    for arg in call.args:
        if arg.keyword is None:
            yield from _parts(facts, arg.value, 0)


def _parts(facts: Facts, node: cst.CSTNode, depth: int) -> Iterator[tuple[Facts, cst.CSTNode, bool]]:
    if isinstance(node, (cst.ListComp, cst.GeneratorExp, cst.SetComp)):
        yield facts, node.elt, True
    elif isinstance(node, (cst.List, cst.Tuple, cst.Set)):
        for element in node.elements:
            yield from _parts(facts, element.value, depth)
    elif isinstance(node, cst.Name) and depth < 3:
        for owner, bind in facts.origins(node):
            if owner is facts and bind.kind == "value":
                yield from _parts(owner, bind.node, depth + 1)
            elif owner is facts and bind.kind == "fill":
                yield owner, bind.node, loop_around(owner, bind.node) is not None
    else:
        yield facts, node, False


def sessions_in(facts: Facts, node: cst.CSTNode, kinds: frozenset[str]) -> list[str]:
    """The sessions made outside of an awaitable that it uses: handed over, held by `self`, or by a closure."""
    found = {facts.code(n) for n in descendants(node) if _session(facts, n, kinds) and not _made_inside(facts, n, node)}
    call = node
    while isinstance(call, cst.Call) and flow.called(call) in ("create_task", "ensure_future", "wait_for", "shield") and call.args:
        call = call.args[0].value
    if isinstance(call, cst.Call):
        for owner, function in local_functions(facts, call.func):
            found |= _held(owner, function, kinds)
    return sorted(found)


def _session(facts: Facts, node: cst.CSTNode, kinds: frozenset[str]) -> bool:
    if not isinstance(node, (cst.Name, cst.Attribute)):
        return False
    parent = facts.parent(node)
    if isinstance(parent, cst.Arg) and parent.keyword is node:
        return False
    types = facts.types(node)
    return bool(types & kinds) and not types & _SCOPED


def _held(facts: Facts, function: cst.CSTNode, kinds: frozenset[str]) -> set[str]:
    """The sessions that a function has from its object or from the function around it."""
    if not isinstance(function, cst.FunctionDef) or limited(facts, function):
        return set()
    found = set()
    for node in descendants(function.body):
        if _session(facts, node, kinds) and not _made_inside(facts, node, function):
            found.add(facts.code(node))
    return found


def _made_inside(facts: Facts, node: cst.CSTNode, root: cst.CSTNode) -> bool:
    """Whether the name is bound in the awaitable itself: a parameter, a `with … as`."""
    if isinstance(node, cst.Attribute):
        return dotted(node.value) not in ("self", "cls")
    if not isinstance(node, cst.Name) or node.value in ("self", "cls"):
        return True
    return any(owner is facts and any(a is root for a in facts.ancestors(bind.node)) for owner, bind in facts.origins(node))


def session_in_tasks(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`create_task` and `start_soon` with a session that another task has, too: in a loop, or the second of two."""
    seen: dict[tuple[int, str], cst.CSTNode] = {}
    for match in matches:
        call = match.node
        if not isinstance(call, cst.Call) or _gathered(facts, call) or isinstance(facts.parent(call), cst.Await):
            continue
        again = loop_around(facts, call)
        block = next((a for a in facts.ancestors(call) if isinstance(a, BLOCKS)), None)
        for name in _given(facts, call):
            key = (id(flow.around(facts, call)), name)
            both = key in seen and any(a is seen[key] for a in facts.ancestors(call))  # not in another branch
            if both or (again is not None and not _bound_in_loop(facts, call, name, again)):
                yield facts.match(call, f"Tasks that run at the same time share `{name}`.")
                break
            if block is not None:
                seen.setdefault(key, block)


def _given(facts: Facts, call: cst.Call) -> list[str]:
    """The sessions in the arguments: of `create_task(f(session))`, or of `start_soon(f, session)`."""
    found = {name for arg in call.args for name in sessions_in(facts, arg.value, ASYNC_SESSIONS)}
    if flow.called(call) in ("start_soon", "start") and call.args:
        for owner, function in local_functions(facts, call.args[0].value):
            found |= _held(owner, function, ASYNC_SESSIONS)
    return sorted(found)


def _gathered(facts: Facts, call: cst.Call) -> bool:
    """Whether a `gather` around looks after it."""
    return any(isinstance(a, cst.Call) and flow.called(a) in ("gather", "wait", "as_completed") for a in facts.ancestors(call))


def _bound_in_loop(facts: Facts, call: cst.Call, name: str, loop: cst.CSTNode) -> bool:
    for node in descendants(call):
        if isinstance(node, (cst.Name, cst.Attribute)) and facts.code(node) == name:
            origins = facts.origins(node) if isinstance(node, cst.Name) else []
            return any(owner is facts and any(a is loop for a in facts.ancestors(bind.node)) for owner, bind in origins)
    return False


def session_to_threads(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A session or connection handed to a thread, while the one that made it goes on."""
    for match in matches:
        call = match.node
        if not isinstance(call, cst.Call):
            continue
        several = (
            flow.called(call) in ("submit", "map")
            or loop_around(facts, call) is not None
            or flow.called(call) in ("Thread", "Timer")
        )
        given = [a.value for a in call.args[1:]] if flow.called(call) != "Thread" else [a.value for a in call.args]
        names = sorted({facts.code(n) for v in given for n in descendants(v) if _session(facts, n, SESSIONS)})
        if names and several:
            yield facts.match(call, f"`{names[0]}` is handed to a thread, and sessions are for one thread at a time.")


def session_in_background(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A session of the request handed to work that runs when the request is over."""
    for match in matches:
        call = match.node
        if not isinstance(call, cst.Call):
            continue
        names = sorted({facts.code(n) for a in call.args[1:] for n in descendants(a.value) if _session(facts, n, SESSIONS)})
        if names:
            yield facts.match(call, f"`{names[0]}` belongs to the request, and the background task runs when it is over.")
