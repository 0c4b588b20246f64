"""What is put into a cache, and under which key: whose value it is, and whether the key says so."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.checks import flow
from guardrail.analysis.checks.cache_invalidation import decorated
from guardrail.analysis.checks.tracing import argument, resolve, trace

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts, Located
    from guardrail.analysis.match import Match

# Who asks, read from the request or from what the framework keeps for the thread.
_PERSON = re.compile(
    r"^((self\.)?request\.(user|session|auth|COOKIES|state\.user|state\.tenant|tenant|identity|headers\[.[Aa]uth)\b.*"
    r"|(flask_login\.)?current_user(\.\w+)*|(flask\.)?g\.(user|tenant|account|identity)\b.*|(flask\.)?session(\.get\(.*|\[.*))$",
    re.DOTALL,
)
_THREAD_PERSON = frozenset(
    {
        "flask_login.current_user",
        "flask.g.user",
        "flask.g.tenant",
        "flask.session",
        "flask_login.utils.current_user",
        "quart_auth.current_user",
    }
)
_FLASK_REQUEST = re.compile(r"^flask\.request\.(cookies|headers|authorization)$")
_IDENTITY = re.compile(
    r"user|uid|tenant|account|\borg|owner|member|customer|role|perm|team|session|principal|identity|e?mail|token|cookie|auth|viewer|author|"
    r"actor|profile|request|company|workspace|subscriber|patient|student|employee|person|login|sub\b|\bme\b|fingerprint|digest|hash|key_for|make_key",
    re.IGNORECASE,
)
_SEPARATOR = re.compile(r"prefix|sep|namespace|version|suffix|delim|base|root|env", re.IGNORECASE)


def key_without_person(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Values that depend on who asks, under a key that is known and does not."""
    for match in matches:
        key, value = match.env["K"], match.env["V"]
        person = _person_in(*value)
        if person and _known_key(*key) and not _names_person(*key):
            yield facts.match(match.node, f"The value depends on `{person}`, and the key `{key[0].code(key[1])}` does not.")


def _person_in(facts: Facts, node: cst.CSTNode) -> str:
    """The part of a value's making that says who asks; "" where there is none."""
    for owner, part in trace(facts, node):
        if isinstance(part, (cst.Attribute, cst.Call, cst.Subscript, cst.Name)):
            text = owner.code(part)
            if len(text) < 200 and _PERSON.match(text) and not _only_logged(owner, part):
                return text
    return ""


def _only_logged(facts: Facts, node: cst.CSTNode) -> bool:
    return any(isinstance(a, cst.Call) and flow.called(a) in ("debug", "info", "warning") for a in facts.ancestors(node))


def _known_key(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether the text of the key is in the code, but for the values that are put into it."""
    facts, node = resolve(facts, node)
    if facts.constants(node):
        return True
    if isinstance(node, cst.FormattedString):
        return any(isinstance(p, cst.FormattedStringText) for p in node.parts)
    if isinstance(node, cst.BinaryOperation):
        return _known_key(facts, node.left)
    if isinstance(node, cst.Call) and flow.called(node) in ("format", "join"):
        of = flow.receiver(node)
        return of is not None and _known_key(facts, of)
    return False


def _names_person(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether anything in the key, or in what its parts were made of, is a person, a tenant or a session."""
    if _IDENTITY.search(re.sub(r"['\"][^'\"{}]*['\"]|(?<=['\"])[^'\"{}]*", "", facts.code(node))):
        return True
    return any(
        isinstance(part, (cst.Name, cst.Attribute)) and _IDENTITY.search(owner.code(part))
        for owner, part in trace(facts, node)
        if part is not node
    )


def cached_person(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Cached functions that look up who asks by themselves, so that their arguments do not say it."""
    for match in matches:
        function = decorated(facts, match.node)
        if function is None:
            continue
        for node in flow.own_nodes(function.body):
            names = facts.names(node) if isinstance(node, (cst.Name, cst.Attribute)) else frozenset()
            if names & _THREAD_PERSON or any(map(_FLASK_REQUEST.match, names)):
                yield facts.match(
                    match.node, f"The result depends on `{facts.code(node)}`, which is no argument of the cached function."
                )
                break


def ambiguous_key(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Keys of two values that run into each other, or of an address in memory."""
    for match in matches:
        owner, key = resolve(*match.env["K"])
        if isinstance(key, cst.FormattedString):
            pair = _touching(owner, key)
            if pair:
                yield facts.match(match.node, f"{pair} run into each other in the key: 1 and 23 give the same as 12 and 3.")
        for part in _parts(key):
            if isinstance(part, cst.Call) and owner.names(part.func) == {"id"} and len(part.args) == 1:
                yield facts.match(
                    match.node, "The key holds an `id()`, which the next object may have as soon as this one is gone."
                )


def _parts(key: cst.CSTNode) -> Iterator[cst.CSTNode]:
    for node in flow.own_nodes(key):
        if isinstance(node, cst.Call):
            yield node
    if isinstance(key, cst.Call):
        yield key


def _touching(facts: Facts, key: cst.FormattedString) -> str:
    parts = [p for p in key.parts if not (isinstance(p, cst.FormattedStringText) and not p.value)]
    for one, other in pairwise(parts):
        if isinstance(one, cst.FormattedStringExpression) and isinstance(other, cst.FormattedStringExpression):
            if _plain(facts, one) and _plain(facts, other):
                return f"`{facts.code(one.expression)}` and `{facts.code(other.expression)}`"
    return ""


def _plain(facts: Facts, part: cst.FormattedStringExpression) -> bool:
    """Whether it is a value of any length, and no prefix or separator."""
    fixed = facts.constants(part.expression) or part.format_spec or _SEPARATOR.search(facts.code(part.expression))
    return not fixed and isinstance(part.expression, (cst.Name, cst.Attribute)) and not facts.code(part.expression).isupper()


# ---- CCH008 --------------------------------------------------------------------------------------------

_MAY_BE_FALSE = frozenset(
    "count len sum exists first values_list filter all fetchall scalars any list sorted int bool hgetall smembers lrange".split()
)


def falsy_miss(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`if not value:` after a `get`, for values that are 0, empty or None in good order."""
    for match in matches:
        target, key = match.env["X"], match.env["K"]
        if not isinstance(target[1], cst.Name):
            continue
        test = _test_after(facts, match.node, target[1].value)
        if test is None:
            continue
        for node in flow.own_nodes(test.body):
            if flow.called(node) in ("set", "setex", "add") and isinstance(node, cst.Call):
                first, value = argument(node, 0, "key"), argument(node, 2 if flow.called(node) == "setex" else 1, "value")
                same = first is not None and facts.normal(first) == key[0].normal(key[1])
                if same and value is not None and _may_be_false(facts, value):
                    yield facts.match(test.test, f"`{facts.code(test.test)}` takes a cached 0, False or empty list for a miss.")
                    break


def _test_after(facts: Facts, node: cst.CSTNode, name: str) -> cst.If | None:
    """The `if not name:` behind an assignment in the same block."""
    line = next((a for a in facts.ancestors(node) if isinstance(a, cst.SimpleStatementLine)), None)
    block = facts.parent(line) if line is not None else None
    body = list(getattr(block, "body", ()))
    for statement in body[body.index(line) + 1 : body.index(line) + 3] if line in body else []:
        if isinstance(statement, cst.If) and isinstance(statement.test, cst.UnaryOperation):
            inner = statement.test.expression
            if isinstance(statement.test.operator, cst.Not) and isinstance(inner, cst.Name) and inner.value == name:
                return statement
    return None


def _may_be_false(facts: Facts, value: cst.CSTNode) -> bool:
    """Whether what is cached may well be 0, False, None or empty."""
    owner, value = _latest(facts, value)
    if isinstance(value, cst.Await):
        value = value.expression
    if isinstance(value, (cst.ListComp, cst.DictComp, cst.SetComp, cst.Comparison)):
        return True
    return isinstance(value, cst.Call) and flow.called(value) in _MAY_BE_FALSE and bool(owner)


def _latest(facts: Facts, value: cst.CSTNode) -> Located:
    """What a name was given last before it is used here."""
    if isinstance(value, cst.Name):
        for owner, bind in facts.origins(value):
            if bind.kind == "value":
                return owner, bind.node
    return facts, value


def falsy_or(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`cache.get(key) or count()`."""
    for match in matches:
        parent = facts.parent(match.node)
        if isinstance(parent, cst.Await):
            parent = facts.parent(parent)
        if isinstance(parent, cst.BooleanOperation) and isinstance(parent.operator, cst.Or) and _may_be_false(facts, parent.right):
            yield facts.match(parent, "`or` takes a cached 0, False or empty list for a miss.")


def failure_cached(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A value that an `except` has set to None or to something empty, put into the cache like a good one."""
    for match in matches:
        owner, value = match.env["V"]
        if not isinstance(value, cst.Name) or not isinstance(match.node, cst.Call) or _short(facts, match.node):
            continue
        if facts.contexts(match.node) & {"except"} or _questioned(facts, match.node, value.value):
            continue
        for where, bind in owner.origins(value):
            empty = bind.kind == "value" and where is facts and facts.code(bind.node) in ("None", "[]", "{}", "()", "''", '""')
            handler = next((a for a in facts.ancestors(bind.node) if isinstance(a, cst.ExceptHandler)), None) if empty else None
            if handler is not None and "DoesNotExist" not in facts.code(handler) and "KeyError" not in facts.code(handler):
                yield facts.match(
                    match.node,
                    f"After a failure `{value.value}` is {facts.code(bind.node)}, and is cached as if it were the answer.",
                )
                break


def _short(facts: Facts, call: cst.Call) -> bool:
    """Whether the entry lives for a minute at most: a failure may well be remembered as long as that."""
    given = [a.value for a in call.args[1:]]
    numbers = [v for g in given for v in facts.constants(g) if isinstance(v, (int, float)) and not isinstance(v, bool)]
    return any(0 < n <= 60 for n in numbers)


def _questioned(facts: Facts, call: cst.Call, name: str) -> bool:
    """Whether an `if` on the value stands around the call, or before it with a way out."""
    root = flow.around(facts, call)
    for node in flow.own_nodes(root):
        if isinstance(node, cst.If) and re.search(rf"\b{re.escape(name)}\b", facts.code(node.test)):
            leaves = any(isinstance(n, (cst.Return, cst.Raise, cst.Continue)) for n in flow.own_nodes(node.body))
            if leaves or any(a is node for a in facts.ancestors(call)):
                return True
    return False
