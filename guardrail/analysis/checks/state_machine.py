"""States of stored things: who asks where a transition starts, what is stored before the effect, and who goes round the table."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import libcst as cst

from guardrail.analysis.checks import flow, order
from guardrail.analysis.checks.tracing import symbol
from guardrail.analysis.checks.txn_isolation import loaded
from guardrail.analysis.values import UNKNOWN
from guardrail.analysis.walk import descendants

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.files import FileFacts
    from guardrail.analysis.match import Match

STATE = re.compile(r"(\w+_)?(status|state|phase|stage)")
_FROM_ANYWHERE = re.compile(r"fail|error|unknown|stale|draft|new$|initial|created|none|reset|expired|abort|crash", re.IGNORECASE)
_MEANT = re.compile(
    r"force|override|admin|reset|import|migrat|sync|restore|fixture|seed|backfill|repair|reopen|_?set_|mark_", re.IGNORECASE
)
_ASKS = re.compile(r"^_*(can|may|is|check|ensure|assert|validate|require|verify|guard|allow)_|^full_clean$|^clean$")

_BY_TABLE = re.compile(r"^_?(transition|set_|change_|move_to|advance_to|go_to|update_)")

_guarded: WeakKeyDictionary[FileFacts, dict[tuple[str, str, str], int]] = WeakKeyDictionary()


def _state_target(node: cst.CSTNode) -> cst.Attribute | None:
    """`x.status` of `x.status = SOMETHING CONSTANT`."""
    if not isinstance(node, cst.Assign) or len(node.targets) != 1 or not isinstance(node.targets[0].target, cst.Attribute):
        return None
    target = node.targets[0].target
    return target if isinstance(target.value, cst.Name) and STATE.fullmatch(target.attr.value) else None


def _state_value(facts: Facts, node: cst.BaseExpression) -> str:
    """The name of the state that is given, "" for anything computed."""
    value = facts.constant(node)
    if isinstance(value, str):
        return value
    if isinstance(node, cst.Attribute) and node.attr.value not in ("value", "name"):
        return (
            node.attr.value
            if node.attr.value.isupper() or (isinstance(node.value, (cst.Name, cst.Attribute)) and node.attr.value[:1].isupper())
            else ""
        )
    if isinstance(node, cst.Attribute):
        return _state_value(facts, node.value)
    return node.value if isinstance(node, cst.Name) and node.value.isupper() else ""


def unguarded(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A transition without a question about the state before, where others of the class or file ask."""
    name = symbol(facts).rpartition(".")[2]
    if name.startswith("_") or _MEANT.search(name):
        return
    for match in matches:
        target = _state_target(match.node)
        if target is None or not isinstance(match.node, cst.Assign):
            continue
        value = _state_value(facts, match.node.value)
        if (
            not value
            or _FROM_ANYWHERE.search(value)
            or _asks(facts, target, match.node)
            or not _is_stored(facts, target, match.node)
        ):
            continue
        if not _known_row(facts, target.value) or not _others_ask(facts, target):
            continue
        yield match


def _asks(facts: Facts, target: cst.Attribute, change: cst.CSTNode) -> bool:
    """Whether the state is read before the change: compared, looked up, asked for by a method, or named in the query."""
    row, whole, at = facts.normal(target.value), facts.normal(target), facts.order[id(change)]
    for node in facts.nodes:
        if facts.order[id(node)] >= at and not isinstance(node, cst.Decorator):
            break
        if isinstance(node, cst.Attribute) and not facts.is_target(node):
            about = facts.normal(node) == whole or (
                facts.normal(node.value) == row and re.match(r"_*(is|can|may|has|was)_", node.attr.value)
            )
            if about:
                return True
        if isinstance(node, cst.Call):
            if _ASKS.search(flow.called(node)) or any(
                facts.normal(a.value) == row and _ASKS.search(flow.called(node)) for a in node.args
            ):
                return True
        if (
            isinstance(node, cst.Arg)
            and node.keyword is not None
            and re.match(rf"{re.escape(target.attr.value)}(__\w+)?$", node.keyword.value)
        ):
            return True
        if (
            isinstance(node, cst.Attribute)
            and node.attr.value == target.attr.value
            and isinstance(facts.parent(node), cst.Comparison)
        ):
            return True
    return any(isinstance(n, cst.Decorator) and re.search(r"transition|state|status|require", facts.code(n)) for n in facts.nodes)


def _is_stored(facts: Facts, target: cst.Attribute, change: cst.CSTNode) -> bool:
    """Whether the row is saved in this function, or its session commits."""
    row = facts.normal(target.value)
    for node in facts.nodes:
        of = flow.receiver(node)
        if isinstance(node, cst.Call) and of is not None and facts.order[id(node)] > facts.order[id(change)]:
            if flow.called(node) in ("save", "asave") and facts.normal(of) == row:
                return True
            if flow.called(node) in ("commit", "flush") and re.search(r"session|db|conn|uow", facts.code(of), re.IGNORECASE):
                return True
    return False


def _known_row(facts: Facts, row: cst.BaseExpression) -> bool:
    """Whether the row is `self`, or was loaded in this function; one that is new, or handed in, may have been looked at."""
    if not isinstance(row, cst.Name):
        return False
    return row.value == "self" or loaded(facts, row)


def _others_ask(facts: Facts, target: cst.Attribute) -> bool:
    row = facts.code(target.value)
    owner = facts.owner if row == "self" else ""
    return _askers(facts.file).get((owner, row, target.attr.value), 0) > 0


def _askers(file: FileFacts) -> dict[tuple[str, str, str], int]:
    """How many functions of the file ask for the state before they change it, by class, row and attribute."""
    found = _guarded.get(file)
    if found is None:
        found = _guarded[file] = {}
        for definition in file.index.definitions:
            if _BY_TABLE.match(definition.symbol.rpartition(".")[2]):
                continue  # STM004 asks for these
            if definition.kind == "function" and any(STATE.fullmatch(w) for w in definition.words):
                for key in _asked_in(file.facts(definition)):
                    found[key] = found.get(key, 0) + 1
    return found


def _asked_in(facts: Facts) -> set[tuple[str, str, str]]:
    """The states that a function compares and leaves for, and then changes."""
    keys = set()
    tests = [n.test for n in facts.nodes if isinstance(n, cst.If) and order.leaves(n.body)]
    asked = {facts.normal(n) for test in tests for n in descendants(test) if isinstance(n, cst.Attribute)}
    for node in facts.nodes:
        target = _state_target(node)
        if target is not None and facts.normal(target) in asked:
            row = facts.code(target.value)
            keys.add((facts.owner if row == "self" else "", row, target.attr.value))
    return keys


# ---- states that do not exist ----


def unknown_state(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`self.status = "shiped"`, where the class lists its states and this is none of them."""
    for match in matches:
        target = _state_target(match.node)
        if target is None or not isinstance(match.node, cst.Assign) or facts.code(target.value) != "self" or not facts.owner:
            continue
        value, known = facts.constant(match.node.value), _choices(facts, target.attr.value)
        if isinstance(value, str) and known and value not in known:
            listed = ", ".join(repr(k) for k in sorted(known)[:6])
            yield facts.match(match.node, f"{value!r} is none of the states that `{target.attr.value}` may have: {listed}.")


def _choices(facts: Facts, attribute: str) -> frozenset[str]:
    """The values that the field's `choices` list, empty where they are not all known."""
    for owner, bind in facts.file.origins(facts.owner, attribute):
        value = bind.node if bind.kind == "value" else getattr(bind.node, "value", None)
        choices = flow.keyword(value, "choices") if isinstance(value, cst.Call) else None
        if choices is None:
            continue
        if isinstance(choices, cst.Attribute) and choices.attr.value == "choices":
            return _members(owner, choices.value, facts.owner)
        target = owner.deref(choices) if isinstance(choices, cst.Name) else (owner, choices)
        pairs = target[0].constant(target[1]) if target is not None else UNKNOWN
        if isinstance(pairs, (list, tuple)) and all(isinstance(p, (list, tuple)) and len(p) == 2 for p in pairs):
            return frozenset(p[0] for p in pairs if isinstance(p[0], str))
    return frozenset()


def _members(facts: Facts, node: cst.BaseExpression, inside: str) -> frozenset[str]:
    """The values of a `TextChoices` class of this file."""
    for name in facts.names(node) | {f"{inside}.{facts.code(node)}", facts.code(node)}:
        symbol = facts.file.local_symbol(name)
        definition = facts.file.definition(symbol) if symbol else None
        if definition is None or definition.kind != "class":
            continue
        inner = facts.file.facts(definition)
        found = set()
        for n in inner.nodes:
            if isinstance(n, cst.Assign) and isinstance(n.targets[0].target, cst.Name):
                first = n.value.elements[0].value if isinstance(n.value, cst.Tuple) and n.value.elements else n.value
                value = inner.constant(first)
                if not isinstance(value, str):
                    return frozenset()
                found.add(value)
        return frozenset(found)
    return frozenset()
