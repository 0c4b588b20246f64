"""States and what happens outside: charged before it is stored, stored before it is sent, and set past the transition."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import libcst as cst

from guardrail.analysis.checks import flow, order
from guardrail.analysis.checks.state_machine import STATE
from guardrail.analysis.checks.tracing import symbol
from guardrail.analysis.walk import descendants
from guardrail.words import split_words

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.files import FileFacts
    from guardrail.analysis.match import Match

_MONEY_DONE = re.compile(r"(?i)(^|_)(paid|charged|captured|refunded|transferred|paid_out|settled|withdrawn|payed)$")
_SENT_DONE = re.compile(r"(?i)(^|_)(sent|delivered|published|notified|mailed|dispatched)$")
_MONEY = re.compile(
    r"^(charge|capture|refund|transfer|payout|pay_out|create_charge|create_payment|create_refund|create_transfer|send_money|make_payment)(_\w+)?$"
)
_SENDS = re.compile(r"^(send|send_mail|send_email|send_message|send_sms|sendmail|deliver|publish|post|notify)$")
STRIPE = re.compile(r"(Charge|PaymentIntent|Refund|Transfer|Payout|charges|payment_intents|refunds|transfers|payouts)$")
_KEYED = re.compile(r"(?i)idempot|client_token|dedup|request_id|outbox|reconcil")
_NOT_OUTSIDE = re.compile(r"(?i)signal|logger|\blog\b|generator|conn\b|socket|queue|channel|stream|metrics")


def _state(facts: Facts, node: cst.CSTNode) -> str:
    """The word of the state that `x.status = …` gives, "" for anything else."""
    if not isinstance(node, cst.Assign) or not isinstance(node.targets[0].target, cst.Attribute):
        return ""
    if not STATE.fullmatch(node.targets[0].target.attr.value):
        return ""
    value = facts.constant(node.value)
    if isinstance(value, str):
        return value
    at = node.value
    if isinstance(at, cst.Attribute) and at.attr.value in ("value", "name"):
        at = at.value
    return at.attr.value if isinstance(at, cst.Attribute) else at.value if isinstance(at, cst.Name) else ""


def _effects(facts: Facts, names: re.Pattern[str]) -> list[cst.Call]:
    """The calls of a method that moves money, or sends, by its name."""
    found = []
    for node in facts.nodes:
        of = flow.receiver(node)
        if not isinstance(node, cst.Call) or (of is not None and _NOT_OUTSIDE.search(facts.code(of))):
            continue
        by_stripe = names is _MONEY and of is not None and flow.called(node) == "create" and STRIPE.search(facts.code(of))
        local = of is None and flow.called(node).startswith(("create_", "make_", "send_"))
        if (names.match(flow.called(node)) and not (local and names is _MONEY)) or by_stripe:
            found.append(node)
    return found


def _stores(facts: Facts) -> list[cst.CSTNode]:
    return [n for n in facts.nodes if isinstance(n, cst.Call) and flow.called(n) in ("save", "asave", "commit")]


def charged_before_stored(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Money moved, and only then a state written that says so, with nothing stored before and no key sent along."""
    if order.says(facts, _KEYED):
        return
    seen: set[int] = set()
    for match in matches:
        if not _MONEY_DONE.search(_state(facts, match.node)) or not _saved_after(facts, match.node):
            continue
        for effect in _effects(facts, _MONEY):
            if id(effect) in seen or not order.precedes(facts, effect, match.node):
                continue
            before = [n for n in _stores(facts) if order.precedes(facts, n, effect)]
            if not before:
                seen.add(id(effect))
                what = facts.code(effect.func)
                yield facts.match(
                    effect, f"`{what}` moves the money before anything is stored: a stop here repeats it or loses track of it."
                )


def _saved_after(facts: Facts, change: cst.CSTNode) -> bool:
    return any(order.precedes(facts, change, n) for n in _stores(facts))


def stored_before_done(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`status = SENT`, saved, and then sent: outside a transaction, with nothing that would set it back."""
    if order.says(facts, _KEYED) or order.says(facts, re.compile(r"on_commit|rollback")):
        return
    for match in matches:
        word = _state(facts, match.node)
        names = _MONEY if _MONEY_DONE.search(word) else _SENDS if _SENT_DONE.search(word) else None
        if names is None or "transaction" in facts.contexts(match.node):
            continue
        for save in _stores(facts):
            late = [e for e in _effects(facts, names) if order.precedes(facts, save, e) and "transaction" not in facts.contexts(e)]
            if order.precedes(facts, match.node, save) and late and not _set_back(facts, late[0]):
                yield match
                break


def _set_back(facts: Facts, effect: cst.CSTNode) -> bool:
    """Whether a handler around the effect writes another state."""
    for outer in facts.ancestors(effect):
        if isinstance(outer, cst.Try) and any(_state(facts, n) for h in outer.handlers for n in descendants(h.body)):
            return True
    return False


# ---- past the transition ----

_TRANSITION = re.compile(
    r"^_?(transition|transition_to|set_(status|state|phase)|change_(status|state|phase)|move_to|advance_to|go_to|update_(status|state))$"
)
_tables: WeakKeyDictionary[FileFacts, dict[str, tuple[str, str]]] = WeakKeyDictionary()


def bypassed(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`order.status = PAID` where the class of the order, in this file, has a method that checks transitions."""
    name = symbol(facts).rpartition(".")[2]
    if _TRANSITION.match(name) or name in ("__init__", "__post_init__", "__setstate__", "clone", "copy", "from_dict", "create"):
        return
    if any(isinstance(n, cst.Decorator) and "transition" in facts.code(n) for n in facts.nodes):
        return
    tables = _of_file(facts.file)
    for match in matches:
        target = match.node.targets[0].target if isinstance(match.node, cst.Assign) else None
        if not isinstance(target, cst.Attribute) or not isinstance(target.value, cst.Name):
            continue
        owner = _class_of(facts, target.value, tables)
        attribute, method = tables.get(owner, ("", ""))
        if attribute == target.attr.value and not re.search(r"(?i)test|fixture|force|admin|migrat|backfill", name):
            yield facts.match(match.node, f"`{facts.code(target)}` is set past `{owner}.{method}`, which knows what is allowed.")


def _class_of(facts: Facts, row: cst.Name, tables: dict[str, tuple[str, str]]) -> str:
    """The class with a transition method that a name stands for: by `self`, its type, how it was loaded, or its own name."""
    if row.value == "self":
        return facts.owner
    types = {t.rpartition(".")[2] for t in facts.types(row)}
    loads = " ".join(o.code(b.node) for o, b in facts.origins(row) if b.kind == "value")
    for owner in tables:
        if (
            owner in types
            or split_words(owner) == split_words(row.value)
            or re.search(rf"\b{re.escape(owner)}(\.objects|\.query|,)", loads)
        ):
            return owner if not re.match(rf"{re.escape(owner)}\(", loads) else ""
    return ""


def _of_file(file: FileFacts) -> dict[str, tuple[str, str]]:
    """Class → the attribute that holds the state, and the method that checks its transitions."""
    found = _tables.get(file)
    if found is None:
        found = _tables[file] = {}
        for definition in file.index.definitions:
            owner, _, method = definition.symbol.rpartition(".")
            if definition.kind == "function" and owner and (_TRANSITION.match(method) or "transition" in definition.words):
                attribute = _checked_attribute(file.facts(definition), method)
                if attribute:
                    found[owner] = (attribute, method)
    return found


def _checked_attribute(facts: Facts, method: str) -> str:
    """The attribute that a transition method sets after a look at it, or that its decorator names."""
    for node in facts.nodes:
        if isinstance(node, cst.Decorator) and isinstance(node.decorator, cst.Call):
            if any("fsm.transition" in n or n.endswith("fsm.State.transition") for n in facts.names(node.decorator.func)):
                field = flow.keyword(node.decorator, "field")
                value = facts.constant(field) if field is not None else ""
                return value if isinstance(value, str) else facts.code(field) if field is not None else ""
    if not _TRANSITION.match(method) or not any(isinstance(n, cst.Raise) for n in facts.nodes):
        return ""
    for node in facts.nodes:
        if (
            isinstance(node, cst.AssignTarget)
            and isinstance(node.target, cst.Attribute)
            and facts.code(node.target.value) == "self"
        ):
            if STATE.fullmatch(node.target.attr.value.lstrip("_")):
                return node.target.attr.value
    return ""
