"""Shapes of doing things once: keys that are claimed, unique keys, and events that others deliver."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.checks import flow
from guardrail.analysis.checks.tracing import symbol
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match

KEYS = re.compile(
    r"(?i)idempoten|dedup|(^|[^a-z])(already_)?processed([^a-z]|$)|already_seen|seen_(events?|ids?|messages?|keys?)|event_id"
    r"|delivery_id|client_token|(^|[^a-z])once([^a-z]|$)|message_id|webhook"
)
_REQUEST = re.compile(r"(?i)^(_?request|req|payload|event|body|data|message|notification|background_tasks)$")


def takes_a_request(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Functions that are called with what somebody sent."""
    for match in matches:
        if isinstance(match.node, cst.FunctionDef):
            parameters = match.node.params.params
            if any(_REQUEST.match(p.name.value) for p in parameters) or "handler" in facts.contexts(match.node.body):
                yield match


def claims(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A key of this kind written only where it is not there yet."""
    for match in matches:
        if KEYS.search(_said(facts, match.node)):
            yield match


def _said(facts: Facts, node: cst.CSTNode) -> str:
    """What a call is about: its own text, that of the key it is given, and the name of the definition."""
    said = f"{facts.code(node)} {symbol(facts)}"
    if isinstance(node, cst.Call) and node.args and isinstance(node.args[0].value, cst.Name):
        target = facts.deref(node.args[0].value)
        said += " " + target[0].code(target[1]) if target is not None else ""
    return said


def seen_before(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`if event_id in seen: return` with `seen.add(event_id)` in the same definition."""
    kept = {facts.normal(of) for node in facts.nodes if (of := _filled(node)) is not None}
    for match in matches:
        if not isinstance(match.node, cst.Comparison):
            continue
        held, key = match.node.comparisons[0].comparator, match.node.left
        if facts.normal(held) in kept and KEYS.search(f"{facts.code(key)} {facts.code(held)} {symbol(facts)}"):
            yield match


def _filled(node: cst.CSTNode) -> cst.BaseExpression | None:
    """What something is put into: `x` of `x.add(…)` and of `x[…] = …`."""
    if isinstance(node, cst.AssignTarget) and isinstance(node.target, cst.Subscript):
        return node.target.value
    return flow.receiver(node) if flow.called(node) in ("add", "append", "insert") else None
