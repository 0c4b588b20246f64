"""Settings that guard a whole application."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from guardrail.delta.compare import Lost
from guardrail.delta.guards import Guard, guards
from guardrail.findings import shortened

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.delta.pairs import Pair
    from guardrail.packs import Rule

_TRUE = re.compile(
    r"SECURE$|HTTPONLY$|SSL_REDIRECT$|NOSNIFF$|HSTS_(INCLUDE|PRELOAD)\w*|CSRF_ENABLED$|XSS_FILTER$|CSRF_PROTECT$|CSRF_USE_SESSIONS$"
)
_FALSE = re.compile(r"^DEBUG$|ALLOW_ALL\w*|ALLOW_CREDENTIALS$")
_LOW = re.compile(r"COOKIE_AGE$|SESSION_LIFETIME$|MAX_CONTENT_LENGTH$|MAX_MEMORY_SIZE$|UPLOAD_MAX\w*|MAX_NUMBER_FIELDS$")
_HIGH = re.compile(r"HSTS_SECONDS$")
_STRONG = (["deny", "sameorigin"], ["strict", "lax", "none"])
_GUARDS = re.compile(
    r"Security|Csrf|XFrame|LoginRequired|Clickjack|ContentSecurity|CSP|Ratelimit|Axes|Authentication|HttpsRedirect|Permission", re.I
)
_FACTOR = 5  # limits that are raised by more


def settings(pair: Pair, rule: Rule, _losses: Iterable[Lost]) -> Iterator[Lost]:
    """Settings with a weaker value, or gone where their default is weaker."""
    if re.search(r"(^|[/_.])(dev|development|test|tests|testing|local|ci|debug)\w*(/|\.py$)", pair.head.path):
        return
    after = {_name(g): g for f in pair.heads for g in _set(f, rule)}
    for guard in _set(pair.base, rule):
        name = _name(guard)
        now = after.get(name)
        old = _value(guard)
        if now is None:
            if (
                _TRUE.search(name)
                and old is True
                and name not in ("SECURE_CONTENT_TYPE_NOSNIFF", "SESSION_COOKIE_HTTPONLY", "WTF_CSRF_ENABLED")
            ):
                yield Lost(guard, pair.head, pair.head.tree, message=f"`{name}` {old} → not set.")
        elif said := _weaker(name, old, _value(now), guard, now):
            yield Lost(guard, now.facts, now.node, message=f"`{name}` {said}.")


def _set(facts: Facts, rule: Rule) -> Iterator[Guard]:
    """What is set, one by one: `X = V`, and the arguments of `config.update(X=V)`."""
    for guard in guards(facts, rule.patterns, rule):
        if "X" in guard.env:
            yield guard
            continue
        for arg in guard.node.args:
            if arg.keyword is not None and rule.where["X"].holds(facts, arg.keyword):
                yield Guard(facts, arg, {"X": (facts, arg.keyword), "V": (facts, arg.value)}, guard.pattern)


def _name(guard: Guard) -> str:
    facts, node = guard.env["X"]
    return str(re.findall(r"[A-Z][A-Z_]+", facts.code(node))[-1])


def _value(guard: Guard) -> Any:
    facts, node = guard.env["V"]
    values = facts.constants(node)
    return values[0] if len(values) == 1 else _items(facts, node)


def _items(facts: Facts, node: Any) -> Any:
    return [facts.code(e.value).strip("\"'") for e in node.elements] if hasattr(node, "elements") else None


def _weaker(name: str, old: Any, new: Any, was: Guard, now: Guard) -> str:
    shown = f"{_short(was)} → {_short(now)}"
    if (_TRUE.search(name) and old is True and new is False) or (_FALSE.search(name) and old is False and new is True):
        return shown
    if _LOW.search(name) and _number(old) and ((new is None and _code(now) == "None") or (_number(new) and new > old * _FACTOR)):
        return shown
    if _HIGH.search(name) and _number(old) and _number(new, True) and new < old:
        return shown
    if isinstance(old, str) and (isinstance(new, str) or _code(now) in ("None", "False")):
        for order in _STRONG:
            before, after = str(old).lower(), str(new).lower() if isinstance(new, str) else "none"
            if (
                before in order
                and after in order
                and order.index(after) > order.index(before)
                and "SAMESITE" in name + "X_FRAME_OPTIONS"
            ):
                return shown
    return _lists(name, old, new)


def _lists(name: str, old: Any, new: Any) -> str:
    if not isinstance(old, list | tuple) or not isinstance(new, list | tuple):
        return ""
    before, after = [str(i) for i in old], [str(i) for i in new]
    gone = [i for i in before if i not in after]
    if name in ("MIDDLEWARE", "AUTH_PASSWORD_VALIDATORS"):
        lost = [i for i in gone if name != "MIDDLEWARE" or _GUARDS.search(i)]
        replaced = [i for i in after if i not in before and _GUARDS.search(i)]
        return f"no longer has `{lost[0][:80]}`" if lost and not replaced else ""
    if name == "PASSWORD_HASHERS":
        weak = [i for i in after[:1] if i != before[0] and re.search(r"MD5|SHA1|Unsalted", i)]
        return f"begins with `{weak[0]}`" if weak else ""
    if name in ("ALLOWED_HOSTS", "CORS_ALLOWED_ORIGINS", "CSRF_TRUSTED_ORIGINS"):
        wild = [i for i in after if "*" in i and i not in before]
        return f"now has `{wild[0]}`" if wild else ""
    return ""


def _number(value: Any, zero: bool = False) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and (value > 0 or zero)


def _code(guard: Guard) -> str:
    facts, node = guard.env["V"]
    return facts.code(node)


def _short(guard: Guard) -> str:
    return shortened(_code(guard))
