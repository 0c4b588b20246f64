"""Validation that is there and does not hold: not asked, not listened to, gone round, or returning nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.checks import flow, order

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.match import Match

_TEXT_PARTS = re.compile(r"\.(args|GET|POST|form|values|query_params|headers|cookies)\b")
_FORM = re.compile(r"(Form|Serializer|FormSet|_form|_serializer)$|^get_(form|serializer)$")
_BUTTON = re.compile(
    r"(?i)submit|action|button|^_|next|save|cancel|page|tab|step|preview|confirm|redirect|return|csrf|captcha|mode|delete|add_"
)


def _made(facts: Facts, node: cst.CSTNode) -> cst.Call | None:
    """The call that made a form or serializer out of input, here in this function."""
    for origin, call in flow.makers(facts, node):
        if origin is facts and isinstance(call, cst.Call) and _FORM.search(flow.called(call)):
            given = flow.keyword(call, "data") or next((a.value for a in call.args if a.keyword is None), None)
            if given is not None and facts.tainted(given):
                return call
    return None


def _asked(facts: Facts, text: str) -> bool:
    """Whether anything in the definition asks this form or serializer if it is valid."""
    for node in facts.nodes:
        if isinstance(node, cst.Attribute) and node.attr.value in ("is_valid", "full_clean", "errors", "run_validation", "clean"):
            if facts.normal(node.value) == text:
                return True
        if isinstance(node, cst.Call) and any(facts.normal(a.value) == text for a in node.args):
            return True
    return False


def saved_unasked(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A form or serializer made of request data, and used with no `is_valid()` in the function."""
    seen: set[str] = set()
    for match in matches:
        form = match.env["S"][1]
        text = facts.normal(form)
        if text not in seen and isinstance(form, cst.Name) and _made(facts, form) is not None and not _asked(facts, text):
            seen.add(text)
            yield match


def verdict_dropped(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`form.is_valid()` as a statement: its answer goes nowhere, and nobody looks at the errors."""
    for match in matches:
        form = match.env["S"][1]
        if not flow.is_statement(facts, match.node) or not re.search(r"(?i)form|serializer", facts.code(form)):
            continue
        text = facts.normal(form)
        later = [n for n in facts.nodes if isinstance(n, cst.Attribute) and facts.normal(n.value) == text]
        words = {n.attr.value for n in later if order.precedes(facts, match.node, n)}
        if words & {"save", "cleaned_data", "validated_data", "instance"} and not words & {"errors", "_errors", "non_field_errors"}:
            yield match


def always_true(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`bool(…)` of text from a request: "false" and "0" are true."""
    for match in matches:
        value = match.env["X"][1]
        if (
            facts.tainted(value)
            and _TEXT_PARTS.search(_source(facts, value))
            and not isinstance(value, (cst.Comparison, cst.UnaryOperation))
        ):
            if _is_read(facts, value):
                yield match


def _is_read(facts: Facts, value: cst.CSTNode) -> bool:
    """Whether the value is one field, with a text for a default or none: `args["x"]`, `args.get("x", "false")`."""
    target = facts.deref(value) if isinstance(value, cst.Name) else (facts, value)
    if target is None:
        return False
    if isinstance(target[1], cst.Subscript):
        return True
    return (
        isinstance(target[1], cst.Call)
        and flow.called(target[1]) == "get"
        and len(target[1].args) == 2
        and _is_text(facts, target[1])
    )


def _is_text(facts: Facts, call: cst.Call) -> bool:
    default = facts.constant(call.args[1].value)
    return isinstance(default, str) and default.lower() in ("false", "0", "no", "off", "true", "1")


def _source(facts: Facts, node: cst.CSTNode) -> str:
    target = facts.deref(node) if isinstance(node, cst.Name) else None
    return facts.code(target[1] if target is not None else node)


def returns_nothing(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A validator without a `return` of a value: the field becomes None."""
    for match in matches:
        function = match.node
        if not isinstance(function, cst.FunctionDef):
            continue
        body = list(flow.own_nodes(function.body))
        if any(isinstance(n, (cst.Yield, cst.Return)) for n in body) or order.leaves(function.body):
            continue
        if any(isinstance(n, (cst.If, cst.Assert, cst.Assign, cst.Try)) for n in body):
            yield facts.match(function, f"`{function.name.value}` returns nothing, so the checked value becomes None.")


def error_passed_over(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A handler in a validator that lets the bad value through."""
    for match in matches:
        if not isinstance(match.node, cst.FunctionDef):
            continue
        params = {p.name.value for p in match.node.params.params[1:]}
        for node in flow.own_nodes(match.node.body):
            if isinstance(node, cst.ExceptHandler) and _lets_through(node, params):
                yield facts.match(node, "The validator catches the error and lets the value through.")


def _lets_through(handler: cst.ExceptHandler, params: set[str]) -> bool:
    last = handler.body.body[-1] if handler.body.body else None
    small = last.body[-1] if isinstance(last, cst.SimpleStatementLine) else last
    if isinstance(small, cst.Return):
        return isinstance(small.value, cst.Name) and small.value.value in params
    return isinstance(small, cst.Pass) and len(handler.body.body) == 1


def raw_after_check(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`request.POST["x"]` under `if form.is_valid():`, stored rather than the cleaned value."""
    for match in matches:
        key = facts.constant(match.env["K"][1])
        if not isinstance(key, str) or _BUTTON.search(key) or not _kept(facts, match.node):
            continue
        child = match.node
        for outer in facts.ancestors(match.node):
            if isinstance(outer, cst.If) and child is outer.body and re.search(r"\bform\w*\.is_valid\(\)", facts.code(outer.test)):
                yield match
                break
            if isinstance(outer, cst.FunctionDef):
                break
            child = outer


def _kept(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether the value goes into an attribute or into a call of `create`, `filter().update` or a constructor."""
    parent = facts.parent(node)
    if isinstance(parent, cst.Assign):
        return isinstance(parent.targets[0].target, cst.Attribute)
    call = facts.parent(parent) if isinstance(parent, cst.Arg) else None
    return call is not None and bool(re.search(r"^(create|update|acreate|get_or_create|update_or_create)$", flow.called(call)))
