"""Idempotency keys: whose they are, what is stored with them and for how long, and whether before or after the effect."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.checks import flow, order
from guardrail.analysis.checks.idempotency import asked_then_created, asked_then_set
from guardrail.analysis.checks.state_effects import STRIPE
from guardrail.analysis.checks.tracing import key_read, symbol, trace

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.match import Match

_HEADER = re.compile(r"(?i)^(http_)?(x-)?idempotency[-_]key$")
_BOUND = re.compile(
    r"(?i)user|tenant|account|customer|client_?id|merchant|org|member|principal|owner|api_?key|caller|subject|\bsub\b|fingerprint|"
    r"(body|request|payload|content|params)_?(hash|digest)|sha256|hash\w*\(|\bauth|session"
)
_KEYISH = re.compile(r"(?i)idempot|dedup|processed_?(event|message|webhook|request|key)|request_key")
_FETCHES = frozenset(
    "get aget exists filter filter_by get_or_create aget_or_create first find_one set setnx add where get_item hget".split()
)


def key_of_anyone(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """The first look-up by what the header says, in a handler that names neither caller nor payload."""
    if order.says(facts, _BOUND):
        return
    if not any(order.is_handler(facts, n) for n in facts.nodes if isinstance(n, cst.Call)) or not list(matches):
        return
    for node in facts.nodes:
        if not isinstance(node, cst.Call) or flow.called(node) not in _FETCHES or _reads_header(facts, node):
            continue
        given = [a.value for a in node.args if a.keyword is None or a.keyword.value != "headers"]
        if flow.receiver(node) is not None and any(_from_header(facts, value) for value in given):
            yield facts.match(node)
            return


def _reads_header(facts: Facts, call: cst.Call) -> bool:
    """Whether the call is itself the reading of the header."""
    read = key_read(facts, call)
    return read is not None and bool(_HEADER.match(read[1]))


def _from_header(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether a value is the Idempotency-Key of the request, alone or in a string."""
    for origin, part in trace(facts, node):
        read = key_read(origin, part)
        if read is not None and _HEADER.match(read[1]):
            return True
        if isinstance(part, cst.Name) and _HEADER.match(part.value) and _is_header_parameter(origin, part):
            return True
    return False


def _is_header_parameter(facts: Facts, name: cst.Name) -> bool:
    for origin, bind in facts.origins(name):
        if bind.kind == "param" and isinstance(bind.node, cst.Param):
            stated = [bind.node.default, bind.node.annotation]
            if any(s is not None and "Header" in origin.code(s) for s in stated):
                return True
    return False


# ---- what is stored, and for how long ----


def kept_for_ever(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A key of a request in a store that forgets nothing by itself, without an expiry."""
    if any(flow.called(n) in ("expire", "expireat", "pexpire", "pexpireat") for n in facts.nodes):
        return
    for match in matches:
        node = match.node
        if not isinstance(node, cst.Call) or not node.args:
            continue
        limits = {a.keyword.value for a in node.args if a.keyword is not None}
        plain = [a for a in node.args if a.keyword is None]
        if limits & {"ex", "px", "exat", "pxat", "keepttl"} or len(plain) > 2 or any(a.star for a in node.args):
            continue
        if _is_about_keys(facts, node.args[0].value):
            yield match


def _is_about_keys(facts: Facts, node: cst.CSTNode) -> bool:
    texts = [facts.code(node), symbol(facts)]
    target = facts.deref(node) if isinstance(node, cst.Name) else None
    if target is not None:
        texts.append(target[0].code(target[1]))
    return any(_KEYISH.search(text) for text in texts)


_BODY = re.compile(r"^(response_?)?(body|text|content|raw|raw_body|payload|response|response_data|request_body)$")
_CAPPED = re.compile(r"\[:\s*\w+\]|truncat|max_len|len\(|hash|digest|sha\d|limit|cap\b|shorten")


def whole_body(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A record of a key that holds the whole of a body, and no time at which it goes."""
    for match in matches:
        node = match.node
        if not isinstance(node, cst.Call) or not _KEYISH.search(facts.code(node.func)) or order.says(facts, _CAPPED):
            continue
        given = {a.keyword.value: a.value for a in node.args if a.keyword is not None}
        if any(re.search(r"expir|ttl|delete_after|valid_until", name) for name in given):
            continue
        if any(_BODY.match(name) and _is_body(facts, value) for name, value in given.items()):
            yield match


def _is_body(facts: Facts, value: cst.CSTNode) -> bool:
    """Whether a value is the text of a request or an answer: `response.text`, `request.body`, `await request.body()`."""
    target = facts.deref(value) if isinstance(value, cst.Name) else (facts, value)
    text = target[0].code(target[1]) if target is not None else ""
    return re.search(r"\.(text|content|body|data|get_data|json)\b(\(\))?(\.decode\(.*\))?$|\bdumps\(", text) is not None


# ---- before or after ----

_EFFECT = re.compile(
    r"^(charge|capture|refund|transfer|payout|send_money|create_charge|create_payment|create_refund|create_transfer|send_mail|send_email|send_sms|"
    r"place_order|ship|fulfil|fulfill|withdraw|credit|debit)(_\w+)?$"
)
_SENDS_KEY = re.compile(r"(?i)idempotency_key\s*=|[\"'](x-)?idempotency-key[\"']\s*:|client_token\s*=|outbox")


def recorded_after(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A key that is written down, for the first time, after what it should keep from happening twice."""
    if order.says(facts, _SENDS_KEY):
        return
    for match in matches:
        node = match.node
        if not isinstance(node, cst.Call) or not _records(facts, node) or "transaction" in facts.contexts(node):
            continue
        if list(asked_then_set(facts, [match])) or list(asked_then_created(facts, [match])) or _claimed_before(facts, node):
            continue
        if any(order.precedes(facts, effect, node) for effect in _effects(facts)):
            yield match


def _records(facts: Facts, node: cst.Call) -> bool:
    """Whether a call stores a key of a request or an event."""
    said = facts.code(node.func) + " " + " ".join(a.keyword.value if a.keyword else facts.code(a.value) for a in node.args[:2])
    return re.search(r"(?i)idempot|dedup|processed|event_id|delivery_id|message_id", said) is not None


def _effects(facts: Facts) -> Iterator[cst.Call]:
    for node in facts.nodes:
        of = flow.receiver(node)
        if isinstance(node, cst.Call):
            made = of is not None and flow.called(node) == "create" and STRIPE.search(facts.code(of))
            posted = flow.called(node) == "post" and any(n.split(".")[0] in ("requests", "httpx") for n in facts.names(node.func))
            if _EFFECT.match(flow.called(node)) or made or posted:
                yield node


def _claimed_before(facts: Facts, record: cst.Call) -> bool:
    """Whether something of the same sort was stored before the effect: a row in progress, a claim."""
    stores = (
        "create",
        "set",
        "setnx",
        "add",
        "sadd",
        "get_or_create",
        "insert_one",
        "put_item",
        "save",
        "begin",
        "acquire",
        "claim",
    )
    for node in facts.nodes:
        if node is not record and isinstance(node, cst.Call) and flow.called(node) in stores and _records(facts, node):
            if order.precedes(facts, node, record) and any(order.precedes(facts, node, e) for e in _effects(facts)):
                return True
    return False


def forgotten_on_error(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A key that is deleted when anything goes wrong, though the effect may have happened: a timeout says nothing."""
    for match in matches:
        node = match.node
        handler = next((a for a in facts.ancestors(node) if isinstance(a, (cst.ExceptHandler, *flow.FUNCTIONS))), None)
        if not isinstance(node, cst.Call) or not isinstance(handler, cst.ExceptHandler) or not _forgets_key(facts, node):
            continue
        attempt = facts.parent(handler)
        broad = handler.type is None or facts.code(handler.type) in ("Exception", "BaseException")
        if broad and isinstance(attempt, cst.Try) and any(_inside(facts, e, attempt.body) for e in _effects(facts)):
            yield match


def _forgets_key(facts: Facts, node: cst.Call) -> bool:
    return (bool(node.args) and _is_about_keys(facts, node.args[0].value)) or _KEYISH.search(facts.code(node.func)) is not None


def _inside(facts: Facts, node: cst.CSTNode, block: cst.CSTNode) -> bool:
    return any(a is block for a in facts.ancestors(node))
