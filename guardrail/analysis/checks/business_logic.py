"""Checks of the business-logic pack: failures that are hidden, and guards that can be switched off."""

from __future__ import annotations

import builtins
import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.checks import flow
from guardrail.analysis.walk import descendants
from guardrail.words import split_words

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.match import Match

_WEIGHTY = frozenset(
    "save bulk_create bulk_update commit execute executemany insert_one"
    " insert_many update_one update_many delete_one delete_many charge refund"
    " capture transfer payout publish send_mail send_message"
    " sendmail apply_async enqueue write_text write_bytes put_object put_item"
    " send_email get_or_create update_or_create debit credit withdraw deposit authorize_payment create_order place_order".split()
)
_SPEAKING = frozenset("send_mail send_email charge refund transfer payout place_order create_order authorize_payment".split())
_VERDICT = re.compile(r"""["'](success|ok|errors?|error_code|status|result|succeeded)["']""")
_MANAGED = frozenset("create update delete add".split())
_SIDE = re.compile(r"cache|metric|statsd|sentry|log|telemetry|analytics|trace|span|progress|console|print", re.IGNORECASE)
_HARMLESS = re.compile(
    r"Integrity|Duplicate|Exists|NotFound|DoesNotExist|FileNotFound|Conflict|KeyError|NoReverseMatch|ImportError|ModuleNotFound|StopIteration|Already"
)
_OK_WORDS = frozenset({"ok", "success", "succeeded", "accepted", "processed", "received", "done", "completed"})
_MONEY = frozenset("balance amount quantity qty stock price credit credits total quota seats inventory points".split())
_GUARDING = re.compile(
    r"is_(staff|superuser|authenticated|admin|active|owner|verified)|has_(perm|perms|role|permission|access|object_permission)|"
    r"compare_digest|constant_time_compare|verify_(signature|token|password)|check_(password|permission|signature)|can_(edit|view|delete|access)"
)
_CHANGING = frozenset(
    "pop popleft get_nowait put_nowait acquire remove insert commit save update delete send write execute flush setdefault".split()
)


def weighty(facts: Facts, root: cst.CSTNode) -> bool:
    """Whether something is written, paid or sent in the block."""
    for node in flow.own_nodes(root):
        method, of = flow.called(node), flow.receiver(node)
        text = facts.code(of) if of is not None else ""
        if not method or _SIDE.search(text):
            continue
        if of is None and method not in _SPEAKING:
            continue
        if method == "execute" and _reads(facts, node):
            continue
        if method in _WEIGHTY or (method in _MANAGED and (".objects" in text or text.endswith("session"))):
            return True
        if method in ("post", "put", "patch") and of is not None and _speaks_http(facts, of):
            return True
    return False


def _reads(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether a statement is known to change nothing."""
    text = facts.constant(node.args[0].value) if isinstance(node, cst.Call) and node.args else ""
    return isinstance(text, str) and re.match(r"\s*(select|show|pragma|explain)\b", text, re.IGNORECASE) is not None


def _speaks_http(facts: Facts, node: cst.BaseExpression) -> bool:
    known = facts.names(node) | facts.types(node)
    return any(n.split(".")[0] in ("requests", "httpx", "aiohttp") for n in known)


def swallowed(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Handlers that do nothing about a failed write, payment or message."""
    for match in matches:
        attempt = facts.parent(match.node)
        if isinstance(match.node, cst.ExceptHandler) and isinstance(attempt, cst.Try):
            if _does_nothing(match.node.body) and weighty(facts, attempt.body):
                yield match


def _does_nothing(block: cst.BaseSuite) -> bool:
    return all(_idle(s) for line in block.body for s in (line.body if isinstance(line, cst.SimpleStatementLine) else [line]))


def _idle(node: cst.CSTNode) -> bool:
    if isinstance(node, (cst.Pass, cst.Continue)):
        return True
    if isinstance(node, cst.Return):
        value = node.value
        empty = isinstance(value, (cst.List, cst.Tuple, cst.Dict)) and not value.elements
        return value is None or empty or (isinstance(value, cst.Name) and value.value == "None")
    if isinstance(node, cst.Expr):
        return isinstance(node.value, (cst.Ellipsis, cst.SimpleString)) or flow.called(node.value) in ("debug", "print")
    return False


def suppressed(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`with suppress(Exception)` around a write, a payment or a message."""
    for match in matches:
        item = facts.parent(match.node)
        block = facts.parent(item) if item is not None else None
        if isinstance(block, cst.With) and weighty(facts, block.body):
            yield match


def left_in_finally(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`return` statements that leave a `finally` block, those of functions defined in it apart."""
    for match in matches:
        for node in descendants(match.node):
            if isinstance(node, cst.Return) and facts.function(node) is facts.function(match.node):
                yield facts.match(node)


def lies_about_success(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A handler that answers a failed write with what success looks like."""
    for match in matches:
        handler = next((a for a in facts.ancestors(match.node) if isinstance(a, (cst.ExceptHandler, *flow.FUNCTIONS))), None)
        if not isinstance(handler, cst.ExceptHandler) or not isinstance(match.node, cst.Return):
            continue
        attempt = facts.parent(handler)
        caught = facts.code(handler.type) if handler.type is not None else ""
        if _HARMLESS.search(caught) or not isinstance(attempt, cst.Try) or not weighty(facts, attempt.body):
            continue
        if match.node.value is None or any(flow.called(n) in _WEIGHTY for n in flow.own_nodes(handler.body)):
            continue
        if _success(facts, match.node.value) and _same_as_good(facts, handler, match.node.value):
            yield match


def _success(facts: Facts, node: cst.BaseExpression) -> bool:
    if isinstance(node, cst.Name):
        return node.value == "True"
    if isinstance(node, cst.Tuple):
        return any(facts.constant(e.value) in (200, 201, 202, 204) for e in node.elements)
    if isinstance(node, cst.Dict):
        return any(
            isinstance(e, cst.DictElement)
            and str(facts.constant(e.key)).lower() in ("status", "result", "ok", "success")
            and (facts.constant(e.value) is True or str(facts.constant(e.value)).lower() in _OK_WORDS)
            for e in node.elements
        )
    if isinstance(node, cst.Call):
        status = [a.value for a in node.args if a.keyword is not None and a.keyword.value in ("status", "status_code")]
        if status:
            return re.search(r"^20[0-4]$|_20[0-4]_|\.(OK|CREATED|ACCEPTED|NO_CONTENT)$", facts.code(status[0])) is not None
        return any(_success(facts, a.value) for a in node.args if isinstance(a.value, cst.Dict))
    return False


def _same_as_good(facts: Facts, handler: cst.ExceptHandler, value: cst.BaseExpression) -> bool:
    """Whether the way without failure answers the same; a lone answer in a handler may be meant."""
    text = facts.normal(value)
    root = flow.around(facts, handler)
    inside = {id(n) for n in flow.own_nodes(handler)}
    return any(
        isinstance(n, cst.Return) and n.value is not None and id(n) not in inside and facts.normal(n.value) == text
        for n in flow.own_nodes(root)
    )


def answer_unread(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A POST, PUT, PATCH or DELETE whose body is read although nobody asks for its status."""
    for match in matches:
        if _VERDICT.search(facts.code(flow.around(facts, match.node))):
            continue
        parent = facts.parent(match.node)
        parent = facts.parent(parent) if isinstance(parent, cst.Await) and parent is not None else parent
        if isinstance(parent, cst.Attribute) and parent.attr.value in ("json", "text", "content"):
            yield match
            continue
        name = flow.assigned_name(facts, match.node)
        root = flow.around(facts, match.node)
        if name and _read_unchecked(facts, flow.uses(facts, name, root)):
            yield match


def _read_unchecked(facts: Facts, used: list[cst.Name]) -> bool:
    reads = False
    for use in used:
        parent = facts.parent(use)
        if not isinstance(parent, cst.Attribute):
            return False
        if parent.attr.value not in ("json", "text", "content"):
            return False
        reads = reads or parent.attr.value == "json"
    return reads


def guarding_assert(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Asserts on user input, permissions, signatures or amounts, and asserts that do something."""
    for match in matches:
        if not isinstance(match.node, cst.Assert) or _narrows(match.node.test):
            continue
        nodes = descendants(match.node.test)
        guards = any(isinstance(n, (cst.Name, cst.Attribute)) and _GUARDING.fullmatch(_label(n)) for n in nodes)
        acts = any(isinstance(n, cst.Call) and flow.called(n) in _CHANGING and flow.receiver(n) is not None for n in nodes)
        bounds = any(isinstance(n, cst.Comparison) and _bounds_money(n) for n in nodes)
        asked = any(isinstance(n, (cst.Name, cst.Attribute, cst.Subscript, cst.Call)) and facts.tainted(n) for n in nodes)
        if guards or acts or bounds or asked or _owner(facts, match.node.test):
            yield match


def _label(node: cst.CSTNode) -> str:
    return node.attr.value if isinstance(node, cst.Attribute) else node.value if isinstance(node, cst.Name) else ""


def _narrows(test: cst.BaseExpression) -> bool:
    """Asserts for the type checker: `isinstance(…)`, `x is not None`, alone or among others."""
    if isinstance(test, cst.Call):
        return flow.called(test) in ("isinstance", "issubclass", "callable", "hasattr")
    if isinstance(test, cst.BooleanOperation):
        return _narrows(test.left) or _narrows(test.right)
    if isinstance(test, cst.UnaryOperation):
        return _narrows(test.expression)
    if isinstance(test, cst.Comparison):
        return any(isinstance(c.operator, (cst.Is, cst.IsNot)) for c in test.comparisons)
    return False


def _bounds_money(node: cst.Comparison) -> bool:
    ordered = (cst.LessThan, cst.LessThanEqual, cst.GreaterThan, cst.GreaterThanEqual)
    if not any(isinstance(c.operator, ordered) for c in node.comparisons):
        return False
    sides = [node.left, *(c.comparator for c in node.comparisons)]
    return any(_MONEY.intersection(split_words(_label(s))) for s in sides)


def _owner(facts: Facts, test: cst.BaseExpression) -> bool:
    """`obj.owner == request.user` and its kind."""
    if not isinstance(test, cst.Comparison):
        return False
    text = facts.code(test)
    return re.search(r"\b(request|self\.request)\.user\b|\bcurrent_user\b", text) is not None


def unreachable_handler(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Handlers of errors that a handler above them takes already."""
    for match in matches:
        attempt = facts.parent(match.node)
        if not isinstance(match.node, cst.ExceptHandler) or not isinstance(attempt, cst.Try):
            continue
        mine = _errors(facts, match.node)
        above: set[type] = set()
        for other in attempt.handlers:
            if other is match.node:
                break
            above.update(_errors(facts, other))
        if mine and all(any(issubclass(error, taken) for taken in above) for error in mine):
            yield match


def _errors(facts: Facts, handler: cst.ExceptHandler) -> list[type]:
    """The builtin exceptions that a handler takes; Exception stands for classes that are not known."""
    if handler.type is None:
        return [BaseException]
    parts = [e.value for e in handler.type.elements] if isinstance(handler.type, cst.Tuple) else [handler.type]
    found: list[type] = []
    for part in parts:
        for name in facts.names(part):
            known = getattr(builtins, name, None)
            if isinstance(known, type) and issubclass(known, BaseException):
                found.append(known)
            elif name.endswith(("Error", "Exception")) and "." in name and "Cancel" not in name:
                found.append(type(name, (Exception,), {}))
    return found if len(found) == len(parts) else []


def either_or(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`except A or B`."""
    for match in matches:
        if isinstance(match.node, cst.ExceptHandler) and isinstance(match.node.type, cst.BooleanOperation):
            yield match
