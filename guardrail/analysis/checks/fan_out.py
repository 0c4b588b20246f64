"""Work that is spread over as many tasks or threads as there are items."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.checks import flow
from guardrail.analysis.checks.awaiting import local_functions
from guardrail.analysis.checks.sharing import limited
from guardrail.analysis.scopes import dotted
from guardrail.analysis.walk import descendants

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.match import Match

_SMALL = re.compile(
    r"(^|_)(batch|chunk|shard|page|group|slice|part|block|window|top|some|few|pair)(es|s)?$|(^|_)(batch|chunk|shard)", re.IGNORECASE
)
_FIXED = re.compile(
    r"(^|_)(clients?|backends?|providers?|plugins?|hooks?|handlers?|listeners?|callbacks?|subscribers?|workers?|services?|servers?|nodes?|hosts?|"
    r"replicas?|regions?|sources?|checks?|checkers?|tools?|agents?|models?|tasks?|coros?|coroutines?|futures?|connections?|sockets?|peers?|"
    r"sinks?|middlewares?|steps?|stages?|queues?|channels?|adapters?|integrations?|configs?|settings|engines?|types?|modes?|kinds?|servers_config)$"
)


def one_task_each(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`gather` over a comprehension whose coroutine talks to a peer or a database, with nothing that limits how many."""
    for match in matches:
        call = match.node
        if not isinstance(call, cst.Call) or limited(facts, flow.around(facts, call)):
            continue
        for owner, many in _comprehensions(facts, call):
            if _sized_by_data(owner, many) and _talks(owner, many.elt):
                yield facts.match(call, f"One task for each of `{owner.code(many.for_in.iter)}`, all at once.")
                break


def _comprehensions(facts: Facts, call: cst.Call) -> Iterator[tuple[Facts, cst.ListComp | cst.GeneratorExp | cst.SetComp]]:
    for arg in call.args:
        value: cst.CSTNode = arg.value
        if isinstance(value, cst.Name):
            target = facts.deref(value)
            value = target[1] if target is not None and target[0] is facts else value
        if isinstance(value, (cst.ListComp, cst.GeneratorExp, cst.SetComp)) and (arg.star == "*" or flow.called(call) != "gather"):
            yield facts, value


def _sized_by_data(facts: Facts, many: cst.ListComp | cst.GeneratorExp | cst.SetComp) -> bool:
    """Whether what is gone through may be of any length."""
    source: cst.CSTNode = many.for_in.iter
    while isinstance(source, cst.Call) and flow.called(source) in (
        "enumerate",
        "zip",
        "sorted",
        "list",
        "set",
        "items",
        "values",
        "keys",
        "reversed",
    ):
        of = flow.receiver(source)
        source = of if of is not None else source.args[0].value if source.args else source.func
        if isinstance(source, cst.Name) and source.value in ("enumerate", "zip"):
            return False
    if facts.constants(source) or isinstance(source, (cst.List, cst.Tuple, cst.Dict, cst.Set)):
        return False
    if isinstance(source, cst.Subscript) and isinstance(source.slice[0].slice, cst.Slice):
        return False
    if isinstance(source, cst.Call) and flow.called(source) in ("range", "batched", "chunked", "islice"):
        return flow.called(source) == "range" and not all(facts.constants(a.value) for a in source.args)
    name = dotted(source).rpartition(".")[2]
    if not isinstance(source, (cst.Name, cst.Attribute)) or name.isupper():
        return isinstance(source, (cst.Call, cst.Await))
    target = facts.deref(source)
    if target is not None and isinstance(target[1], (cst.List, cst.Tuple, cst.Dict, cst.Set)) and not _filled(facts, source):
        return False
    return not _SMALL.search(name) and not _FIXED.search(name)


def _filled(facts: Facts, source: cst.CSTNode) -> bool:
    return isinstance(source, cst.Name) and any(bind.kind in ("fill", "grow") for _, bind in facts.origins(source))


_TALKERS = frozenset(
    [
        f"{c}.{m}"
        for c in ("httpx.AsyncClient", "aiohttp.ClientSession")
        for m in "get post put patch delete head request ws_connect".split()
    ]
    + [f"asyncpg.{c}.{m}" for c in ("Pool", "Connection") for m in "fetch fetchrow fetchval execute executemany acquire".split()]
    + [
        "asyncio.open_connection",
        "psycopg_pool.AsyncConnectionPool.connection",
        "asyncio.create_subprocess_exec",
        "httpx.AsyncClient",
        "httpx.AsyncClient.stream",
    ]
    + ["openai.AsyncOpenAI.chat.completions.create", "openai.AsyncOpenAI.responses.create", "openai.AsyncOpenAI.embeddings.create"]
    + [
        "anthropic.AsyncAnthropic.messages.create",
        "litellm.acompletion",
        "litellm.aembedding",
        "aiohttp.request",
        "aiohttp.ClientSession",
    ]
    + ["aiosmtplib.send"]
)


def _talks(facts: Facts, node: cst.CSTNode, depth: int = 0) -> bool:
    """Whether the call, or a function of this file that it calls, uses the network or a database, unlimited."""
    for call in (n for n in descendants(node) if isinstance(n, cst.Call)):
        if facts.names(call.func) & _TALKERS:
            return True
        if depth < 2:
            for owner, function in local_functions(facts, call.func):
                body = getattr(function, "body", None)
                if body is not None and not limited(owner, function) and _talks(owner, body, depth + 1):
                    return True
    return False


def one_thread_each(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Pools with a thread for each item of a collection."""
    for match in matches:
        origin, size = match.env["N"]
        if not origin.constants(size) and _open_ended(origin, size):
            yield match


def _open_ended(facts: Facts, size: cst.CSTNode) -> bool:
    if isinstance(size, cst.Call) and flow.called(size) in ("min", "max"):
        return flow.called(size) == "max" and any(_open_ended(facts, a.value) for a in size.args)
    if isinstance(size, cst.BooleanOperation):
        return _open_ended(facts, size.left)
    return isinstance(size, cst.Call) and flow.called(size) == "len" and not _FIXED.search(facts.code(size.args[0].value))
