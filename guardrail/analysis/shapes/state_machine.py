"""Shapes of state machines: enumerations of states, tables of transitions, and a status that is set or decided on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

import libcst as cst

from guardrail.analysis.checks.tracing import named, origins, symbol, words_of
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match

STATES = 3  # as many members make an enumeration of states
_STATEFUL = frozenset("status statuses state states phase phases stage stages lifecycle".split())
_OTHER = frozenset(
    "http https exit code codes us geo country region postal widget button component ui theme parser lexer tokenizer scanner"
    " token reader dict vector hidden".split()
)
_PARSING = frozenset("parser lexer tokenizer scanner grammar tokeniser reader decoder widget dialog button".split())
_CONSTANT = re.compile(r"^[A-Z][A-Z0-9_]*$")
_MEMBER = re.compile(r"^[A-Z]\w*$")
_ENUMS = frozenset(f"enum.{kind}" for kind in ("Enum", "StrEnum", "IntEnum", "Flag", "IntFlag")) | frozenset(
    f"django.db.models.{kind}" for kind in ("TextChoices", "IntegerChoices", "Choices")
)


def _other_kind(facts: Facts) -> bool:
    """Whether the definition reads syntax or draws a screen, by its name or its class's."""
    return bool(words_of(symbol(facts).rpartition(".")[0] or symbol(facts)) & _PARSING)


# ---- where states are listed --------------------------------------------------------------------------


def enumeration(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A class of three or more constants that is named after states, or that a status is given members of."""
    definition = facts.definition
    if definition is None or definition.kind != "class":
        return
    for match in matches:
        name = definition.symbol.rpartition(".")[2]
        members = _members(match.node)
        words = words_of(name)
        said = bool(words & _STATEFUL) and not words & _OTHER
        if len(members) < STATES or all(len(m) <= 2 for m in members):
            continue
        listed = bool(facts.class_types(definition.symbol) & _ENUMS) or all(_CONSTANT.match(m) for m in members)
        if listed and (said or (not words & _OTHER and name in _given(facts.file.source.text))):
            yield match
        return


def _members(node: cst.CSTNode) -> list[str]:
    """The names that the class gives values to in its own body."""
    body = node.body.body if isinstance(node, cst.ClassDef) else ()
    small = [s for line in body if isinstance(line, cst.SimpleStatementLine) for s in line.body]
    assigned = [s.targets[0].target for s in small if isinstance(s, cst.Assign)]
    return [t.value for t in assigned if isinstance(t, cst.Name) and _MEMBER.match(t.value)]


@lru_cache(maxsize=64)
def _given(text: str) -> frozenset[str]:
    """The classes whose members a status or state is given in a file, or which one is annotated with."""
    given = re.findall(r"\b_?(?:status|state|phase|stage)[ \t]*=[ \t]*(?:\w+\.){0,3}?([A-Z]\w*)\.[A-Za-z_]", text)
    stated = re.findall(r"\b_?(?:status|state|phase|stage)[ \t]*:[ \t]*(?:Mapped\[|Optional\[)?([A-Z]\w*)\b", text)
    return frozenset(given + stated)


def table(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`{State.A: {State.B, …}}`: which states may follow which."""
    for match in matches:
        value = named(match, "V")
        if value is not None and isinstance(value[1], cst.Dict) and _is_table(value[0], value[1]):
            yield match


def _is_table(facts: Facts, node: cst.Dict) -> bool:
    entries = [e for e in node.elements if isinstance(e, cst.DictElement)]
    rows = [e for e in entries if _state_like(facts, e.key) and _all_states(facts, e.value)]
    return len(rows) >= 2 and len(rows) == len(entries)


def _all_states(facts: Facts, node: cst.CSTNode) -> bool:
    """A set, list or tuple of states, an empty one too; a dict from events to states."""
    if isinstance(node, cst.Call) and node.args and not node.args[0].keyword:
        return _all_states(facts, node.args[0].value)
    if isinstance(node, cst.Call):
        return isinstance(node.func, cst.Name) and node.func.value in ("set", "frozenset", "list", "tuple") and not node.args
    if isinstance(node, cst.Dict):
        return all(isinstance(e, cst.DictElement) and _state_like(facts, e.value) for e in node.elements)
    if isinstance(node, (cst.Set, cst.List, cst.Tuple)):
        return all(_state_like(facts, e.value) for e in node.elements)
    return False


def _state_like(facts: Facts, node: cst.CSTNode) -> bool:
    if isinstance(node, cst.SimpleString):
        return re.fullmatch(r"[\"'][A-Za-z][\w -]*[\"']", node.value) is not None
    return member(node)


def member(node: cst.CSTNode) -> bool:
    """`State.OPEN`, `Order.Status.PAID`, `states.SUCCESS`, `CLOSED`."""
    if isinstance(node, cst.Name):
        return _CONSTANT.match(node.value) is not None and len(node.value) > 2
    if not isinstance(node, cst.Attribute):
        return False
    of = node.value.attr.value if isinstance(node.value, cst.Attribute) else getattr(node.value, "value", "")
    if not isinstance(of, str) or words_of(of) & {"http", "httpstatus", "code"} or node.attr.value.startswith("HTTP_"):
        return False
    known = bool(words_of(of) & _STATEFUL)
    return _CONSTANT.match(node.attr.value) is not None or (known and of[:1].isupper() and node.attr.value[:1].isalpha())


# ---- where a state is set or decided on ---------------------------------------------------------------


def changes(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A status that is given a member of an enumeration, or one of the three texts or more that the file gives it."""
    if _other_kind(facts):
        return
    for match in matches:
        target, value = named(match, "O"), named(match, "V")
        if value is None:
            continue
        for node in _choices(*value):
            if member(node) or (target is not None and _one_of_texts(facts, match, node)):
                yield match
                return


def _choices(facts: Facts, node: cst.CSTNode) -> list[cst.CSTNode]:
    """The expressions that the value may be: both of `a if c else b`, what a local name was given, a parameter's default."""
    given: list[cst.CSTNode] = []
    if isinstance(node, cst.Name) and not member(node):
        given = [value for _, value in origins(facts, node)]
        params = [bind.node for _, bind in facts.origins(node) if bind.kind == "param"]
        given += [p.default for p in params if isinstance(p, cst.Param) and p.default is not None]
    return [part for one in given or [node] for part in ([one.body, one.orelse] if isinstance(one, cst.IfExp) else [one])]


def _one_of_texts(facts: Facts, match: Match, node: cst.CSTNode) -> bool:
    if not isinstance(node, cst.SimpleString) or not isinstance(match.node, cst.Assign):
        return False
    target = match.node.targets[0].target
    attribute = target.attr.value if isinstance(target, cst.Attribute) else ""
    return len(_texts(facts.file.source.text).get(attribute, ())) >= STATES


@lru_cache(maxsize=64)
def _texts(text: str) -> dict[str, frozenset[str]]:
    """The different texts that a file gives to `….status` and its like."""
    found: dict[str, set[str]] = {}
    for attribute, value in re.findall(r"\.(_?(?:status|state|phase|stage))[ \t]*=[ \t]*[\"']([A-Za-z][\w-]*)[\"']", text):
        found.setdefault(attribute, set()).add(value)
    return {attribute: frozenset(values) for attribute, values in found.items()}


def guarded(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A change of state that the same definition allows from some states only: a transition made by hand."""
    changed = list(changes(facts, matches))
    if changed and any(_asked(facts, node) for node in facts.nodes):
        yield from changed[:1]


def _asked(facts: Facts, node: cst.CSTNode) -> bool:
    """A comparison of a state with a member or a text, in the test of a branch."""
    if not isinstance(node, cst.Comparison) or not _is_state(node.left):
        return False
    wanted = node.comparisons[0].comparator
    each = [e.value for e in wanted.elements] if isinstance(wanted, (cst.Tuple, cst.List, cst.Set)) else [wanted]
    return bool(each) and all(_state_like(facts, one) for one in each)


def _is_state(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.Attribute) and node.attr.value.lstrip("_") in ("status", "state", "phase", "stage")


def branches(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`match order.status`, one comparison with `OrderStatus.PAID`, or two with members that are not named after states."""
    if _other_kind(facts):
        return
    found = []
    for match in matches:
        around = facts.parent(match.node)
        if isinstance(around, cst.Match) and around.subject is match.node:
            yield match
            return
        if isinstance(around, cst.Comparison) and around.left is match.node and _asked_member(around):
            found.append(match)
            if len(found) >= 2 or words_of(facts.code(around.comparisons[0].comparator)) & _STATEFUL:
                yield match
                return


def _asked_member(node: cst.Comparison) -> bool:
    wanted = node.comparisons[0].comparator
    each = [e.value for e in wanted.elements] if isinstance(wanted, (cst.Tuple, cst.List, cst.Set)) else [wanted]
    return bool(each) and all(member(one) for one in each)
