"""Tokens, codes and invitations that may be used once: read, checked and marked in three steps that others come between."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.checks import flow, order
from guardrail.analysis.checks.txn_isolation import loaded
from guardrail.analysis.walk import descendants

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.match import Match

_ONE_TIME = re.compile(
    r"token|code|otp|invit|coupon|voucher|nonce|grant|refresh|magic|challenge|ticket|recovery|reset|activation|session|gift|license",
    re.IGNORECASE,
)
_NOT_ONE_TIME = re.compile(
    r"zip|post_?code|country|currency|bar_?code|source_?code|error_?code|status_?code|language|qr_?code|promo", re.IGNORECASE
)
_MARKS = r"(is_|was_)?(used|revoked|consumed|redeemed|claimed|rotated|spent|replaced|accepted)(_at|_on|_by|_time)?"
_ATOMIC = re.compile(
    r"select_for_update|with_for_update|FOR UPDATE|SERIALIZABLE|RETURNING|rowcount|getdel|GETDEL|register_script|advisory|"
    r"IntegrityError|StaleDataError|version_id|\.eval\("
)


def marked_too_late(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`if token.used: raise` … `token.used = True`, on a row that was read without a lock, in one function."""
    if order.says(facts, _ATOMIC):
        return
    for match in matches:
        target = _target(match.node)
        if target is None or not isinstance(target.value, cst.Name) or "lock" in facts.contexts(match.node):
            continue
        if not _one_time(facts, target.value) or not loaded(facts, target.value):
            continue
        if _asked(facts, target, match.node) and _stored(facts, match.node):
            yield match


def _target(node: cst.CSTNode) -> cst.Attribute | None:
    if not isinstance(node, cst.Assign) or len(node.targets) != 1:
        return None
    target = node.targets[0].target
    empty = isinstance(node.value, cst.Name) and node.value.value in ("False", "None")
    return target if isinstance(target, cst.Attribute) and not empty else None


def _one_time(facts: Facts, row: cst.Name) -> bool:
    """Whether the name of the row, or the code that loads it, is about something for one use."""
    texts = [row.value] + [o.code(b.node) for o, b in facts.origins(row) if b.kind == "value"]
    return any(_ONE_TIME.search(t) and not _NOT_ONE_TIME.search(t) for t in texts)


def _asked(facts: Facts, target: cst.Attribute, mark: cst.CSTNode) -> bool:
    """Whether an `if` before the mark asks the same row for such a mark, and leaves, or holds the mark in its body."""
    row = facts.normal(target.value)
    for node in facts.nodes:
        if not isinstance(node, cst.If) or facts.order[id(node)] > facts.order[id(mark)]:
            continue
        asks = any(
            isinstance(n, cst.Attribute)
            and facts.normal(n.value) == row
            and re.fullmatch(_MARKS + r"|is_(valid|active|usable)|active|status", n.attr.value)
            for n in descendants(node.test)
        )
        if asks and (order.leaves(node.body) or any(a is node for a in facts.ancestors(mark))):
            return True
    return False


def _stored(facts: Facts, mark: cst.CSTNode) -> bool:
    later = (n for n in facts.nodes if isinstance(n, cst.Call) and facts.order[id(n)] > facts.order[id(mark)])
    return any(flow.called(n) in ("save", "asave", "commit", "flush") for n in later)


def read_then_deleted(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`value = r.get(key)` and later `r.delete(key)`, where nobody looks at whether the delete found it."""
    if order.says(facts, _ATOMIC):
        return
    for match in matches:
        node = match.node
        of = flow.receiver(node)
        if not isinstance(node, cst.Call) or of is None or len(node.args) != 1 or not flow.is_statement(facts, node):
            continue
        if "lock" in facts.contexts(node) or not _one_time_key(facts, node.args[0].value):
            continue
        key, store = facts.normal(node.args[0].value), facts.normal(of)
        if any(_reads(facts, n, key, store) and order.precedes(facts, n, node) and _decides(facts, n) for n in facts.nodes):
            yield match


_CODE_KEY = re.compile(
    r"otp|one_?time|magic|nonce|code|reset|verif|invit|ticket|challenge|refresh|recovery|oauth_?state|login_?token", re.IGNORECASE
)


def _one_time_key(facts: Facts, key: cst.CSTNode) -> bool:
    texts = [facts.code(key)]
    target = facts.deref(key)
    if target is not None:
        texts.append(target[0].code(target[1]))
    return any(_CODE_KEY.search(t) and not _NOT_ONE_TIME.search(t) for t in texts)


def _reads(facts: Facts, node: cst.CSTNode, key: str, store: str) -> bool:
    of = flow.receiver(node)
    return (
        isinstance(node, cst.Call)
        and flow.called(node) in ("get", "exists")
        and of is not None
        and bool(node.args)
        and facts.normal(of) == store
        and facts.normal(node.args[0].value) == key
    )


def _decides(facts: Facts, read: cst.CSTNode) -> bool:
    """Whether what was read is asked for before the function goes on."""
    name = flow.assigned_name(facts, read)
    for node in facts.nodes:
        if isinstance(node, cst.If) and (
            order.leaves(node.body) or node.orelse is not None or facts.order[id(node)] > facts.order[id(read)]
        ):
            inside = descendants(node.test)
            if any(n is read or (name and isinstance(n, cst.Name) and n.value == name) for n in inside):
                return True
    return False
