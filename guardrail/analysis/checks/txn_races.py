"""Rows that are looked for and then inserted, and numbers that are counted up in Python."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.checks import flow, order
from guardrail.analysis.checks.idempotency import ABOUT_KEYS
from guardrail.analysis.walk import descendants

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.match import Match

_SAFE = re.compile(
    r"IntegrityError|UniqueViolation|Duplicate\w*(Error|Key)|get_or_create|update_or_create|on_conflict|select_for_update|with_for_update|"
    r"FOR UPDATE|ON CONFLICT|advisory|ignore_conflicts|SERIALIZABLE|INSERT OR IGNORE|\block\b|Lock\(|_lock\b|unique_error"
)
_ANSWERS = frozenset("exists aexists first afirst count acount one_or_none scalar_one_or_none scalar get one".split())
CREATES = frozenset({"create", "acreate"})
_UNIQUE = re.compile(
    r"(?i)^(email|e_mail|username|user_?name|login|slug|handle|phone\w*|sku|isbn|code|key|name|title|number|domain|host|url|external_id|\w*_(id|no|number|code|slug|key|email))$"
)


def _pairs(facts: Facts, call: cst.Call) -> set[tuple[str, str]]:
    """Column and value of `f(email=x)` and of `f(User.email == x)`."""
    found = set()
    for arg in call.args:
        if arg.keyword is not None:
            found.add((arg.keyword.value.removesuffix("__iexact").removesuffix("__exact"), facts.normal(arg.value)))
        elif isinstance(arg.value, cst.Comparison) and isinstance(arg.value.left, cst.Attribute):
            if len(arg.value.comparisons) == 1 and isinstance(arg.value.comparisons[0].operator, cst.Equal):
                found.add((arg.value.left.attr.value, facts.normal(arg.value.comparisons[0].comparator)))
    return found


def asked_then_inserted(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """An insert of a row that the function has looked for by the same values, and found missing."""
    if order.says(facts, _SAFE):
        return
    asked = [(n, model, pairs) for n, model, pairs in _questions(facts) if pairs]
    for node in _inserts(facts, matches) if asked else ():
        if "lock" in facts.contexts(node):
            continue
        model, given = _inserted(facts, node), _pairs(facts, node)
        if not model or any(ABOUT_KEYS.search(column) for column, _ in given):
            continue
        for question, about, pairs in asked:
            same = any(_UNIQUE.match(column) for column, _ in pairs) and pairs <= given
            if about == model and same and order.precedes(facts, question, node) and _decides(facts, question, node):
                yield facts.match(node)
                break


def _inserts(facts: Facts, matches: Iterable[Match]) -> Iterator[cst.Call]:
    """The calls that make new rows: `User.objects.create(…)`, and `User(…)` where it is added or saved."""
    seen: set[int] = set()
    for match in matches:
        made = match.env["O"][1] if "O" in match.env else match.node
        target = facts.deref(made) if isinstance(made, cst.Name) else (facts, made)
        if target is not None and target[0] is facts and isinstance(target[1], cst.Call) and id(target[1]) not in seen:
            seen.add(id(target[1]))
            yield target[1]


def _inserted(facts: Facts, node: cst.Call) -> str:
    """The model that a call makes a row of."""
    of = flow.receiver(node)
    if flow.called(node) in CREATES and isinstance(of, cst.Attribute) and of.attr.value == "objects":
        return facts.code(of.value).rpartition(".")[2]
    name = flow.called(node)
    return name if name[:1].isupper() and not name.isupper() else ""


def _questions(facts: Facts) -> Iterator[tuple[cst.CSTNode, str, set[tuple[str, str]]]]:
    """Queries that ask whether a row is there: the call that answers, the model, and the values."""
    for node in facts.nodes:
        if not isinstance(node, cst.Call) or flow.called(node) not in _ANSWERS:
            continue
        inside = [n for n in descendants(node) if isinstance(n, cst.Call)]
        text = facts.code(node)
        about = re.search(
            r"(\w+)\.objects\b|\bquery\(\s*([\w.]+)\s*\)|\bselect\(\s*([\w.]+?)(\.\w+)?\s*[,)]|\b([A-Z]\w*)\.query\b", text[:2000]
        )
        if about is None:
            continue
        model = next(g for g in (about[1], about[2], about[3], about[5]) if g)
        filters = [c for c in inside if flow.called(c) in ("filter", "filter_by", "where", "get", "aget")]
        if filters and not any(flow.called(c) in ("exclude", "or_") for c in inside):
            yield node, model.rpartition(".")[2], set().union(*(_pairs(facts, c) for c in filters))


def _decides(facts: Facts, question: cst.CSTNode, insert: cst.CSTNode) -> bool:
    """Whether the answer is asked for by an `if` that leaves before the insert, or that the insert stands in."""
    name = flow.assigned_name(facts, question)
    for node in facts.nodes:
        if not isinstance(node, cst.If):
            continue
        about = any(n is question or (name and isinstance(n, cst.Name) and n.value == name) for n in descendants(node.test))
        if about and (any(a is node for a in facts.ancestors(insert)) or order.leaves(node.body)):
            return True
    return False


_NUMBER = re.compile(r"(?i)^(\w+_)?(number|no|nr|num|sequence|seq|serial|reference|invoice_id|code|ticket)$")
_COUNTED = re.compile(
    r"\.(objects|query)\b.*\.count\(\)|\bMax\(|func\.max\(|select_count|\.latest\(|order_by\(\s*(\"-|'-|desc\(|[\w.]+\.desc\(\)).*\.first\(\)"
)


def next_number(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`Invoice.objects.count() + 1`, or the greatest number plus one, given to a row."""
    if order.says(facts, _SAFE):
        return
    if not list(matches):
        return
    for node in facts.nodes:
        if not isinstance(node, cst.BinaryOperation) or not isinstance(node.operator, cst.Add) or facts.constant(node.right) != 1:
            continue
        if (
            "lock" not in facts.contexts(node)
            and _NUMBER.match(_given_to(facts, node))
            and _COUNTED.search(_made_of(facts, node.left))
        ):
            yield facts.match(node)


def _made_of(facts: Facts, node: cst.CSTNode) -> str:
    """The code of an expression, and of what its first name stands for."""
    text = facts.code(node)
    for part in [n for n in descendants(node) if isinstance(n, cst.Name)][:3]:
        target = facts.deref(part)
        if target is not None and target[0] is facts:
            text += " " + target[0].code(target[1])
    return text[:2000]


def _given_to(facts: Facts, node: cst.CSTNode) -> str:
    """The keyword, attribute or name that a value ends up in, strings that it is put into included."""
    for outer in facts.ancestors(node):
        if isinstance(outer, cst.Arg) and outer.keyword is not None:
            call = facts.parent(outer)
            return "" if call is None or flow.called(call) in ("format", "render", "dict", "_", "gettext") else outer.keyword.value
        if isinstance(outer, cst.Assign):
            target = outer.targets[0].target
            return target.attr.value if isinstance(target, cst.Attribute) else target.value if isinstance(target, cst.Name) else ""
        if isinstance(outer, (cst.BaseSmallStatement, cst.BaseCompoundStatement, cst.Comparison)):
            return ""
    return ""
