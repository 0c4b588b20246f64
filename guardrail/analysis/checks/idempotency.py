"""Checks of the idempotency pack: keys that are looked up and then written, and keys that change with each attempt."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.checks import flow
from guardrail.analysis.checks.tracing import symbol
from guardrail.analysis.walk import descendants

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.match import Match

ABOUT_KEYS = re.compile(
    r"idempot|dedup|processed|already|seen|event_id|request_id|message_id|delivery_id|client_token", re.IGNORECASE
)
_FRESH = re.compile(
    r"^(uuid\.uuid[147]|secrets\.token_\w+|time\.time(_ns)?|random\.\w+|datetime\.datetime\.(utc)?now|os\.urandom)$"
)
_ASKS = frozenset({"get", "exists"})
_RACE = re.compile(r"Integrity|UniqueViolation|Duplicate")


def fresh_key(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Keys made anew inside what is retried: in the call, or a line above it."""
    for match in matches:
        origin, key = match.env["K"]
        if (_retried(facts, match.node)) and _made_here(origin, key, facts, match.node):
            yield match


def _retried(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether the node runs again after a failure: a retry context, or `for attempt in range(n)` around a `try`."""
    if "retry" in facts.contexts(node):
        return True
    return _retry_loop(facts, node) is not None


def _retry_loop(facts: Facts, node: cst.CSTNode) -> cst.For | cst.While | None:
    attempt = None
    for outer in facts.ancestors(node):
        if isinstance(outer, flow.FUNCTIONS):
            return None
        if isinstance(outer, cst.Try) and outer.handlers:
            attempt = outer
        if isinstance(outer, (cst.For, cst.While)):
            head = facts.code(outer.target) + facts.code(outer.iter) if isinstance(outer, cst.For) else facts.code(outer.test)
            tries = attempt is not None or any(isinstance(n, cst.Try) for n in flow.own_nodes(outer.body))
            if tries and re.search(r"attempt|retr|tries|^_range|True", head):
                return outer
    return None


def _made_here(facts: Facts, key: cst.CSTNode, user: Facts, at: cst.CSTNode) -> bool:
    """Whether a random or clock call makes the key within the retried stretch."""
    loop = _retry_loop(user, at)
    if any(isinstance(n, cst.Call) and any(_FRESH.match(name) for name in facts.names(n.func)) for n in descendants(key)):
        return True
    if not isinstance(key, cst.Name):
        return False
    for origin, bind in facts.origins(key):
        value = bind.node if bind.kind == "value" else None
        if origin is not user or value is None or isinstance(value, cst.Name):
            continue
        inside = "retry" in user.contexts(at) or any(a is loop for a in user.ancestors(value))
        if inside and flow.function_def(user, value) is not None and _made_here(origin, value, user, at):
            return True
    return False


def asked_then_set(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`get(key)` or `exists(key)`, and further down `set(key, …)`, both on the same store: two requests pass together."""
    for match in matches:
        if not isinstance(match.node, cst.Call) or not match.node.args or "lock" in facts.contexts(match.node):
            continue
        key, store = match.node.args[0].value, flow.receiver(match.node)
        if store is None or not _about_keys(facts, key):
            continue
        claims = any(flow.called(n) in ("setnx", "add") and isinstance(n, cst.Call) and n.args for n in facts.nodes)
        asked = any(_asks(facts, n, key, store) and facts.order[id(n)] < facts.order[id(match.node)] for n in facts.nodes)
        if asked and not claims:
            yield match


def _asks(facts: Facts, node: cst.CSTNode, key: cst.CSTNode, store: cst.CSTNode) -> bool:
    of = flow.receiver(node)
    if not isinstance(node, cst.Call) or flow.called(node) not in _ASKS or not node.args or of is None:
        return False
    return facts.normal(of) == facts.normal(store) and facts.normal(node.args[0].value) == facts.normal(key)


def _about_keys(facts: Facts, key: cst.CSTNode) -> bool:
    said = f"{facts.code(key)} {symbol(facts)}"
    if isinstance(key, cst.Name) and (target := facts.deref(key)) is not None:
        said += " " + target[0].code(target[1])
    return ABOUT_KEYS.search(said) is not None


def asked_then_created(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`filter(event_id=x).exists()` or `.first()`, and further down `create(event_id=x)`, with no unique error handled."""
    if any(isinstance(n, cst.ExceptHandler) and n.type is not None and _RACE.search(facts.code(n.type)) for n in facts.nodes):
        return
    if any(flow.called(n) in ("get_or_create", "select_for_update", "on_conflict_do_nothing") for n in facts.nodes):
        return
    for match in matches:
        if not isinstance(match.node, cst.Call) or "lock" in facts.contexts(match.node):
            continue
        keys = {
            (a.keyword.value, facts.normal(a.value))
            for a in match.node.args
            if a.keyword is not None and ABOUT_KEYS.search(a.keyword.value)
        }
        for node in facts.nodes:
            if (
                isinstance(node, cst.Call)
                and flow.called(node) in ("filter", "get", "filter_by")
                and facts.order[id(node)] < facts.order[id(match.node)]
            ):
                asked = {(a.keyword.value, facts.normal(a.value)) for a in node.args if a.keyword is not None}
                if keys & asked:
                    yield match
                    break
