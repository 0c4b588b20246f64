"""Checks of the cache-invalidation pack: what must not be cached, and for how long."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.checks import flow
from guardrail.analysis.checks.tracing import symbol

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.match import Match

_CLOCKS = frozenset(
    {
        "time.time",
        "datetime.datetime.now",
        "datetime.datetime.utcnow",
        "datetime.date.today",
        "datetime.datetime.today",
        "django.utils.timezone.now",
    }
)
_SHORT_LIVED = re.compile(r"cache|session|otp|\bcode\b|token|rate|throttle|quota|lock|verify|reset|nonce|attempt", re.IGNORECASE)
_PERSONAL = re.compile(r"\brequest\.(user|session|COOKIES|auth)\b|\bcurrent_user\b|\bflask\.session\b|\bg\.user\b")
_VARIED = re.compile(r"vary_on_cookie|vary_on_headers|never_cache|private=True|patch_vary_headers|no_store=True")
_REQUEST_SCOPED = frozenset({"request", "session", "db", "db_session"})


def cached_function(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Functions that `lru_cache` cannot cache: coroutines, generators, those given a request, a session or a list, the clock."""
    for match in matches:
        function = decorated(facts, match.node)
        reason = _misfit(facts, function) if function is not None else ""
        if reason:
            yield facts.match(match.node, reason)


def decorated(facts: Facts, node: cst.CSTNode) -> cst.FunctionDef | None:
    """The function that a decorator, called or not, stands above."""
    parent = facts.parent(node)
    if isinstance(parent, cst.Call) and parent.func is node:
        parent = facts.parent(parent)
    function = facts.parent(parent) if isinstance(parent, cst.Decorator) else None
    return function if isinstance(function, cst.FunctionDef) else None


def _misfit(facts: Facts, function: cst.FunctionDef) -> str:
    name = function.name.value
    if function.asynchronous is not None:
        return f"The cache keeps the coroutine of `{name}`, which can be awaited only once."
    body = list(flow.own_nodes(function.body))
    if any(isinstance(n, cst.Yield) for n in body):
        return f"The cache keeps the generator of `{name}`, which is used up after the first caller."
    for param in (*function.params.params, *function.params.kwonly_params):
        stated = facts.code(param.annotation.annotation) if param.annotation is not None else ""
        if param.name.value in _REQUEST_SCOPED or re.search(r"\b(HttpRequest|Request|AsyncSession|Session)\b", stated):
            return f"The cache of `{name}` keeps every `{param.name.value}` that it is called with alive, and never hits."
        if re.match(r"(list|dict|set|List|Dict|Set|bytearray)\b", stated):
            return f"`{name}` takes a {stated.split('[')[0].lower()} and cannot be cached: the argument has no hash."
    if any(isinstance(n, cst.Call) and facts.names(n.func) & _CLOCKS for n in body):
        return f"`{name}` reads the clock, and the cache answers with the first reading for ever."
    return ""


def key_without_end(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A key for each entity, of a kind that should die, in a function that gives it no life time."""
    if any(flow.called(n) in ("expire", "pexpire", "expireat", "setex", "persist") for n in facts.nodes):
        return
    for match in matches:
        if not isinstance(match.node, cst.Call) or not match.node.args:
            continue
        key = match.node.args[0].value
        of = flow.receiver(match.node)
        said = f"{facts.code(key)} {facts.code(of) if of is not None else ''} {symbol(facts)}"
        one_each = not facts.constants(key) and bool(list(flow.leaves(facts, key)))
        if one_each and _SHORT_LIVED.search(said):
            yield match


def shared_page(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Views that look at who asks, and whose answer is cached for everybody."""
    for match in matches:
        function = decorated(facts, match.node) or decorated(facts, _call_around(facts, match.node))
        if function is None:
            continue
        marks = " ".join(facts.code(d.decorator) for d in function.decorators)
        body = facts.code(function.body)
        if _PERSONAL.search(body) and not _VARIED.search(marks) and not _VARIED.search(body):
            yield match


def _call_around(facts: Facts, node: cst.CSTNode) -> cst.CSTNode:
    """`cache_page(60)` inside `method_decorator(cache_page(60))`."""
    outer = next((a for a in facts.ancestors(node) if isinstance(a, cst.Call) and flow.called(a) == "method_decorator"), None)
    return outer.func if outer is not None else node


def no_key_of_its_own(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Flask-Caching on a view: the key is the path unless `key_prefix`, `make_cache_key` or `unless` says more."""
    for match in shared_page(facts, matches):
        if isinstance(match.node, cst.Call) and not any(
            flow.keyword(match.node, k) for k in ("key_prefix", "make_cache_key", "unless")
        ):
            yield match
