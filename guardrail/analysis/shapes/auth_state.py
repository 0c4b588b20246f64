"""Who is logged in, kept by hand: sessions that are filled, minted and looked up, and steps on the way to them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.checks.tracing import (
    calls,
    identifiers,
    method,
    name_of,
    named,
    symbol,
    trace,
    words_of,
)
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match
from guardrail.patterns.displays import dict_pairs
from guardrail.words import split_words

_WHO = frozenset(
    "user users uid userid account member principal login logged auth authenticated role roles admin mfa otp identity".split()
)
_ISSUES = re.compile(
    r"(?i)^_*(create|issue|make|generate|mint|encode|new|start|open|build|sign)_?\w*(token|jwt|session|cookie)|^log_?(user_?)?in|set_cookie"
)
_STORES = frozenset("set setex put add create insert insert_one hset save execute setdefault".split())
_SESSIONS = frozenset("session sessions".split())
_PENDING = re.compile(
    r"(?i)^(pending|awaiting|requires?|needs?|partial|half)_?(mfa|2fa|otp|totp|second_?factor|two_?factor|verification_code)"
    r"|^(mfa|2fa|otp|totp|second_?factor|two_?factor)_?(pending|required|needed|challenge\w*)"
)


def user_into_session(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`session["user_id"] = …`, and `session.update(user_id=…)`."""
    for match in matches:
        key = named(match, "K")
        keys = [key[0].constant(key[1]), key[0].code(key[1])] if key is not None else _keys(match)
        if any(isinstance(k, str) and words_of(k) & _WHO for k in keys):
            yield match


def _keys(match: Match) -> list[object]:
    node = match.node
    if not isinstance(node, cst.Call):
        return []
    keys: list[object] = [a.keyword.value for a in node.args if a.keyword is not None]
    for arg in node.args:
        keys += [key for key, _ in dict_pairs(arg.value, match.facts) or ()]
    return keys


def let_in_after_password(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A password is checked, and then a token, a session or a cookie is made."""
    if any(_ISSUES.search(method(c)) for c in calls(facts)) or _fills_session(facts):
        yield from matches


def _fills_session(facts: Facts) -> bool:
    return any(isinstance(n, cst.AssignTarget) and re.search(r"\bsession\[", facts.code(n.target)) for n in facts.nodes)


def sessions_minted(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A random token becomes the key of a session that is stored here, for a user."""
    about = words_of(" ".join([symbol(facts), *identifiers(facts)]))
    if not about & _WHO:
        return
    minted = frozenset(id(m.node) for m in matches)
    for node in facts.nodes:
        if _stores_session(facts, node) and any(id(n) in minted for part in _parts(node) for _, n in trace(facts, part)):
            yield facts.match(node)
            return


def _stores_session(facts: Facts, node: cst.CSTNode) -> bool:
    """`sessions[token] = …`, `redis.set(f"session:{token}", …)`, `Session(token=…)`."""
    if isinstance(node, cst.AssignTarget) and isinstance(node.target, cst.Subscript):
        return bool(_words(facts, node.target.value) & _SESSIONS)
    if not isinstance(node, cst.Call):
        return False
    if method(node) in _STORES:
        return bool(words_of(facts.code(node)) & _SESSIONS)
    words = set(split_words(method(node)))
    return bool(words & _SESSIONS) and method(node)[:1].isupper()


def _parts(node: cst.CSTNode) -> list[cst.CSTNode]:
    if isinstance(node, cst.AssignTarget) and isinstance(node.target, cst.Subscript):
        return [node.target.slice[0]]
    return [a.value for a in node.args] if isinstance(node, cst.Call) else []


def _words(facts: Facts, node: cst.CSTNode) -> frozenset[str]:
    return words_of(name_of(facts, node) or facts.code(node))


def sessions_looked_up(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A session cookie of the request that is used as the key of a store of one's own."""
    cookies = frozenset(id(m.node) for m in matches)
    for node in facts.nodes:
        keys: list[cst.CSTNode] = []
        if isinstance(node, cst.Subscript) and not facts.is_target(node):
            keys, about = [node.slice[0]], _words(facts, node.value)
        elif isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute) and id(node) not in cookies:
            keys, about = [a.value for a in node.args], words_of(facts.code(node))
        if keys and about & {*_SESSIONS, "store", "redis"} and any(id(n) in cookies for k in keys for _, n in trace(facts, k)):
            yield facts.match(node)
            return


def pending_factor(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A member of a class that says: the password was right, and something is still wanted."""
    if facts.definition is None or facts.definition.kind != "class":
        return
    for match in matches:
        target = named(match, "N")
        if target is not None and isinstance(target[1], cst.Name) and _PENDING.search(target[1].value):
            yield match


def cookie_of_a_session(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A cookie that lets its bearer in: named for a session, a login or a token."""
    for match in matches:
        key = named(match, "K")
        known = key[0].constant(key[1]) if key is not None else None
        said = known if isinstance(known, str) else key[0].code(key[1]) if key is not None else ""
        words = words_of(said)
        if words & {"session", "sessionid", "sid", "auth", "login", "remember", "jwt", "refresh"} or {"access", "token"} <= words:
            yield match
