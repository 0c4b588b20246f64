"""Locks and leadership that live on another server: what happens when they end without the holder's knowing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.checks import flow

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.match import Match

_LOCKS = frozenset(
    {"redis.lock.Lock", "redis.Redis.lock", "redis.asyncio.Redis.lock", "redis.asyncio.lock.Lock", "kazoo.client.KazooClient.Lock"}
    | {"kazoo.recipe.lock.Lock", "etcd3.Etcd3Client.lock", "etcd3.client.lock", "etcd3.lock"}
)
_FENCES = re.compile(
    r"fenc|epoch|generation|if_?match|IfNoneMatch|if_none_match|idempoten|\bversion|revision|\bterm\b|\.owned\(|is_acquired|extend\(|reacquire",
    re.IGNORECASE,
)
_HTTP = frozenset(
    f"{c}.{m}"
    for c in ("requests", "requests.Session", "httpx", "httpx.Client", "httpx.AsyncClient")
    for m in ("post", "put", "patch", "delete")
)
_STORES = frozenset(
    "put_object upload_file upload_fileobj delete_object copy_object put_item update_item delete_item"
    " upload_from_string upload_blob".split()
)


def write_without_fence(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`with` on a lock of another server around a write to a third one that would take it from anybody."""
    for match in matches:
        block = match.node
        if not isinstance(block, cst.With) or not any(_distributed(facts, item.item) for item in block.items):
            continue
        if _FENCES.search(facts.code(block.body)):
            continue
        write = next((n for n in flow.own_nodes(block.body) if isinstance(n, cst.Call) and _writes(facts, n)), None)
        if write is not None:
            yield facts.match(
                write,
                f"`{facts.code(write.func)}` is guarded by a lock that may have ended, and carries nothing that would show it.",
            )


def _distributed(facts: Facts, item: cst.BaseExpression) -> bool:
    known = facts.types(item) | facts.names(item.func if isinstance(item, cst.Call) else item)
    return bool(known & _LOCKS)


def _writes(facts: Facts, call: cst.Call) -> bool:
    return bool(facts.names(call.func) & _HTTP) or (flow.called(call) in _STORES and flow.receiver(call) is not None)


def session_loss_unheard(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Locks and elections of a ZooKeeper client that is made in this file, where nobody listens for the loss of its session."""
    text = facts.file.source.text
    if re.search(r"add_listener|KazooState|is_acquired|SUSPENDED|LOST", text):
        return
    for match in matches:
        if flow.makers(facts, flow.receiver(match.node)):
            yield match


def lease_not_kept(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Leases and sessions with a life time, in a file in which nothing renews them."""
    if re.search(r"refresh|renew|keep_?alive|heartbeat", facts.file.source.text, re.IGNORECASE):
        return
    for match in matches:
        if not flow.is_statement(facts, match.node):
            yield match
