"""Webhooks: who sent the message, held against what, and what happens when it comes twice."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.checks import flow, order
from guardrail.analysis.checks.tracing import symbol
from guardrail.analysis.walk import descendants

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.match import Match

_NAME = re.compile(r"(?i)web_?hook")
_PROOF = re.compile(
    r"(?i)signature|\bhmac|verif|compare_digest|construct_event|unwrap|secret|authoriz|authenticat|bearer|api_?key|\btoken|credential|"
    r"basic_auth|parse_event|validat|permission|allowed_ips|ip_address|jwt|decode|login_required|staff|require_(auth|sig|key|hmac|login)|check_"
)
_SIGNED = re.compile(
    r"(?i)signature|hmac|verif|compare_digest|construct_event|secret|authenticat|authorization|signed|webhook_auth"
)
_VERIFIES = re.compile(
    r"^_*(verify|validate|check|authenticate|assert|ensure)_?\w*(signature|sig|hmac|webhook|request|payload|hook)?$|^construct_event$|^compare_digest$|^constant_time_compare$|^unwrap$"
)
_ABOUT_SIGNATURE = re.compile(r"(?i)signature|hmac|construct_event|compare_digest|constant_time|unwrap|webhook|secret")
_WRITES = frozenset(
    "create save delete update bulk_create get_or_create update_or_create commit delay apply_async enqueue send send_mail"
    " send_email publish refund charge capture transfer fulfill fulfil credit debit insert_one update_one add_task".split()
)
_NOT_ROWS = re.compile(r"(?i)log|metric|cache|headers|counter|hash|hmac|digest|mac$|cipher|signer|self$")
_REPEATS = frozenset(
    "create acreate send_mail send_email refund charge capture transfer credit debit fulfill fulfil payout insert_one".split()
)
_ONCE = re.compile(
    r"(?i)event_?id|delivery|idempot|dedup|processed|already|get_or_create|update_or_create|on_conflict|ignore_conflicts|IntegrityError|Duplicate|"
    r"exists\(|\bnx=|\.add\(|message_id|external_id|\bseen|unique|\.(un)?lock\(|task_id="
)


def _is_webhook(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether the function is one that others' servers call: by its name, its path or its class."""
    function = flow.function_def(facts, node)
    if function is None or not order.is_handler(facts, node):
        return False
    paths = " ".join(facts.code(d.decorator) for d in function.decorators)
    named = symbol(facts)
    managing = re.search(
        r"(?i)(list|create|delete|update|edit|add|remove|register|get|test|rotate|toggle|send|replay|show|manage|retry)_\w*web_?hooks?s?$",
        function.name.value,
    )
    return bool(_NAME.search(named) or _NAME.search(paths)) and not managing and not re.search(r"(?i)webhooks?/?[\"']?\{|<", paths)


def _effects(facts: Facts) -> list[cst.Call]:
    found = []
    for node in facts.nodes:
        of = flow.receiver(node)
        if isinstance(node, cst.Call) and flow.called(node) in _WRITES and of is not None and not _NOT_ROWS.search(facts.code(of)):
            if flow.called(node) != "update" or ".objects" in facts.code(of):
                found.append(node)
    return found


def unverified(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A webhook that writes, in a file where nobody speaks of a signature, a secret or any other proof."""
    for match in matches:
        if not isinstance(match.node, cst.FunctionDef) or not _is_webhook(facts, match.node.body) or not _posted(facts, match.node):
            continue
        if order.says(facts, _PROOF) or order.file_says(facts, _SIGNED) or not _effects(facts) or _depends(facts, match.node):
            continue
        yield match


def _posted(facts: Facts, function: cst.FunctionDef) -> bool:
    """Whether the function takes anything from the request."""
    text = facts.code(function)
    return re.search(r"\b(json|body|data|form|POST|payload|event|get_json)\b", text) is not None


def _depends(facts: Facts, function: cst.FunctionDef) -> bool:
    head = [facts.code(d.decorator) for d in function.decorators] + [facts.code(function.params)]
    return any(re.search(r"\b(Depends|Security|dependencies|permission_classes)\b", text) for text in head)


def acts_before_proof(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A webhook that writes first and looks at the signature after."""
    for match in matches:
        call = match.node
        if (
            not isinstance(call, cst.Call)
            or not _VERIFIES.match(flow.called(call))
            or not _ABOUT_SIGNATURE.search(facts.code(call))
        ):
            continue
        if not _is_webhook(facts, call):
            continue
        for effect in _effects(facts):
            if order.precedes(facts, effect, call) and "log" not in facts.code(effect).lower():
                yield facts.match(effect, f"`{facts.code(effect.func)}` runs before the signature is checked.")
                break


def signed_again(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """An HMAC over JSON that was parsed and written again, compared with a signature that came along."""
    if not any(
        isinstance(n, cst.Call) and flow.called(n) in ("compare_digest", "constant_time_compare") for n in facts.nodes
    ) and not order.says(facts, re.compile(r"(?i)signature\b.*[!=]=|[!=]=.*signature")):
        return
    for match in matches:
        message = match.env["B"]
        if any(_dumps_request(f, n) for f, n in _through(message[0], message[1])):
            yield match


def _through(facts: Facts, node: cst.CSTNode) -> Iterator[tuple[Facts, cst.CSTNode]]:
    """The parts of an expression, names followed once."""
    for part in descendants(node):
        yield facts, part
        target = facts.deref(part) if isinstance(part, cst.Name) else None
        if target is not None:
            yield from ((target[0], inner) for inner in descendants(target[1]))


def _dumps_request(facts: Facts, node: cst.CSTNode) -> bool:
    if not isinstance(node, cst.Call) or not facts.names(node.func) & {
        "json.dumps",
        "orjson.dumps",
        "ujson.dumps",
        "simplejson.dumps",
    }:
        return False
    return bool(node.args) and (facts.tainted(node.args[0].value) or _parsed(facts, node.args[0].value))


def _parsed(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether the value was JSON before: `json.loads(…)`, `await request.json()`."""
    target = facts.deref(node) if isinstance(node, cst.Name) else (facts, node)
    if target is None:
        return False
    value = target[1].expression if isinstance(target[1], cst.Await) else target[1]
    return isinstance(value, cst.Call) and flow.called(value) in ("json", "loads", "get_json")


def acts_twice(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A verified event that leads to something that must not be done twice, where nobody looks whether it came before."""
    if order.says(facts, _ONCE):
        return
    for match in matches:
        event = flow.assigned_name(facts, match.node)
        if not event or not order.is_handler(facts, match.node) or _id_read(facts, event):
            continue
        for effect in _repeated(facts):
            if order.precedes(facts, match.node, effect):
                what = facts.code(effect.func if isinstance(effect, cst.Call) else effect)
                yield facts.match(effect, f"The event may come again, and `{what}` with it.")
                break


def _id_read(facts: Facts, event: str) -> bool:
    """Whether the id of the event itself is used: `event["id"]`, `event.id`, or the event handed on whole."""
    for use in flow.uses(facts, event, facts.tree):
        parent = facts.parent(use)
        if isinstance(parent, cst.Attribute) and parent.attr.value == "id":
            return True
        if isinstance(parent, cst.Subscript) and re.search(r"""\[["']id["']\]$""", facts.code(parent)):
            return True
        if isinstance(parent, cst.Arg):
            return True
    return False


def _repeated(facts: Facts) -> Iterator[cst.CSTNode]:
    for node in facts.nodes:
        if isinstance(node, cst.Call) and flow.called(node) in _REPEATS:
            of = flow.receiver(node)
            if of is None or not _NOT_ROWS.search(facts.code(of)):
                yield node
        elif isinstance(node, cst.AugAssign) and isinstance(node.target, cst.Attribute):
            yield node
