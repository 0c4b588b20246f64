"""Conditional writes whose outcome nobody hears, and shared memory that is changed in place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.checks import flow
from guardrail.analysis.checks.tracing import identifiers, in_loop, named, resolve, symbol, words_of
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match
from guardrail.model import Unreadable

_VERSIONED = re.compile(
    r"(?is)update\s.*\sset\s.*\swhere\s.*\b(version|row_version|lock_version|revision)\s*=\s*(:|%|\?|\$|\{)"
    r"|update\(.*\.where\(.*\.(version|row_version|lock_version|revision)\s*=="
)
_CLAIMS = frozenset(
    "lock locks mutex lease leader claim claims claimed dedup dedupe idempotency idempotent once processed seen".split()
)


def _target_name(facts: Facts, node: cst.CSTNode) -> str:
    """The name that a value is given to."""
    parent = facts.parent(node)
    target = parent.targets[0].target if isinstance(parent, cst.Assign) else getattr(parent, "target", None)
    if isinstance(target, cst.Attribute):
        return target.attr.value
    return target.value if isinstance(target, cst.Name) else ""


def _added_to(facts: Facts, name: str) -> bool:
    """Whether the definition changes `name.value` or `name[…]` in place, outside of a lock."""
    for node in facts.nodes:
        if not isinstance(node, cst.AugAssign) or "lock" in facts.contexts(node):
            continue
        target = node.target
        inner = target.value if isinstance(target, (cst.Attribute, cst.Subscript)) else None
        if isinstance(target, cst.Attribute) and target.attr.value != "value":
            continue
        last = inner.attr.value if isinstance(inner, cst.Attribute) else inner.value if isinstance(inner, cst.Name) else ""
        if last == name:
            return True
    return False


def changed_in_place(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Shared values that some definition of the file adds to without a lock."""
    for match in matches:
        name = _target_name(facts, match.node)
        if name and any(_added_to(other, name) for other in _definitions_with(facts, name)):
            yield match


def _definitions_with(facts: Facts, name: str) -> Iterator[Facts]:
    for definition in facts.file.index.definitions:
        if name in definition.words:
            try:
                yield facts.file.facts(definition)
            except Unreadable:
                continue


def row_count_not_asked(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """An update bound to a version, as a statement, in a function that never looks at the number of rows."""
    if identifiers(facts) & {"rowcount", "returning", "statusmessage", "row_count"}:
        return
    for match in matches:
        value = named(match, "Q")
        if value is None or not flow.is_statement(facts, match.node):
            continue
        owner, query = resolve(*value)
        known = owner.constant(query)
        text = known if isinstance(known, str) else owner.code(query)
        if _VERSIONED.search(text) and "returning" not in text.lower():
            yield match


def claim_not_examined(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A key that is claimed for one, where the answer goes nowhere."""
    for match in matches:
        value = named(match, "K")
        if value is None or not flow.is_statement(facts, match.node):
            continue
        owner, key = resolve(*value)
        words = words_of(facts.code(value[1])) | words_of(owner.code(key)) | words_of(symbol(facts))
        if words & _CLAIMS:
            yield match


def conflict_is_a_loss(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Not in a loop, which would try again."""
    return (m for m in matches if not in_loop(facts, m.node))


def watch_without_error(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A watched transaction in a function that does not know of conflicts."""
    names = identifiers(facts)
    if "multi" in names and not names & {"watcherror", "rediserror", "transaction"}:
        yield from matches
