"""Who is let in: sessions, guards, open doors, decisions that fail open, and redirects."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.checks.tracing import (
    calls,
    function_name,
    identifiers,
    in_loop,
    method,
    named,
    texts,
    words_of,
)
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match
from guardrail.analysis.scopes import dotted
from guardrail.patterns.statements import statements_of

_RENEWERS = frozenset(
    "login alogin cycle_key acycle_key flush aflush clear login_user auth_login django_login regenerate regenerate_id renew rotate"
    " new_session rotate_session".split()
)


# ---- sessions ----


def _empties(match: Match) -> bool:
    value = named(match, "V")
    return value is not None and any(known in (None, False, "") for known in value[0].constants(value[1]))


def session_kept_at_login(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Django code that writes a user into `request.session` and renews it nowhere in the function."""
    if not any(name.split(".")[0] == "django" for name in facts.file.index.imports.values()):
        return
    if any(method(call) in _RENEWERS for call in calls(facts)):
        return
    for match in matches:
        receiver = named(match, "R")
        if receiver is not None and re.search(r"(^|\.)(request|req)$", dotted(receiver[1])) and not _empties(match):
            yield match


def session_not_cleared(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Flask code that writes a user into the session without clearing it first."""
    if not any(name.startswith("flask.") or name == "flask" for name in facts.file.index.imports.values()):
        return
    if not any(method(call) in _RENEWERS for call in calls(facts)):
        yield from (m for m in matches if not _empties(m))


# ---- CSRF ----

_OTHER_PROOF = re.compile(
    r"(?i)signature|hmac|verify|compare_digest|construct_event|authorization|webhook|bearer|api_?key|secret|token"
)


def exempt_without_other_proof(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A view that knows its user by the session, and asks for no other proof."""
    names = identifiers(facts)
    by_session = {"session", "login_required", "user"} & names
    if not by_session or "request" not in names:
        return
    if any(_OTHER_PROOF.search(name) for name in names) or any(_OTHER_PROOF.search(text) for text in texts(facts)):
        return
    yield from matches


# ---- guards ----

_ROUTES = frozenset("route get post put patch delete head options websocket api_route task receiver trace".split())


def guard_above_route(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """The guard itself, where it is no route."""
    seen: set[int] = set()
    for match in matches:
        guard, function = named(match, "G"), named(match, "F")
        if guard is None or function is None or id(guard[1]) in seen:
            continue
        seen.add(id(guard[1]))
        bare = guard[1].func if isinstance(guard[1], cst.Call) else guard[1]
        if isinstance(bare, cst.Attribute) and bare.attr.value in _ROUTES:
            continue
        name, text = facts.code(function[1]), facts.code(bare)
        yield facts.match(
            guard[1],
            f"`@{text}` stands above the decorator that registers `{name}`: the framework calls the function without it.",
        )


# ---- open doors ----

_MEANT_OPEN = re.compile(
    r"(?i)log_?in|log_?out|sign_?in|register|registration|sign_?up|health|ready|token|password|reset|webhook|callback|public|contact|verify|"
    r"activat|subscribe|refresh|oauth|otp|mfa|sso|saml|magic|invit|newsletter|captcha|schema|metrics|forgot|auth"
)
_WRITING_BASES = re.compile(r"(ModelViewSet|Create|Update|Destroy)\w*$")
_WRITING_METHODS = frozenset("post put patch delete create update partial_update destroy perform_create perform_update".split())
_WRITES = frozenset("post put patch delete".split())


def opened_for_writes(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A class of views with methods that write, whose name does not say that it is for strangers."""
    owner = facts.owner
    if (
        not owner
        or _MEANT_OPEN.search(owner)
        or re.search(r"(^|/)(auth|authentication|accounts?|login|sso|oauth2?)/", facts.path)
        or facts.definition is None
        or facts.definition.kind != "class"
    ):
        return
    members = [d for d in facts.file.index.definitions if d.symbol.startswith(owner + ".")]
    if any(_OTHER_PROOF.search(word) for d in members for word in d.words):
        return
    writes = any(d.symbol.rpartition(".")[2] in _WRITING_METHODS for d in members)
    bases = (facts.code(base.value) for node in facts.nodes if isinstance(node, cst.ClassDef) for base in node.bases)
    if writes or any(_WRITING_BASES.search(base) and "ReadOnly" not in base for base in bases):
        yield from matches


def opened_function_writes(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A function view for POST and its kind, whose name does not say that it is for strangers."""
    names = identifiers(facts)
    if any(_OTHER_PROOF.search(name) for name in names) or any(_OTHER_PROOF.search(text) for text in texts(facts)):
        return
    methods = {text.lower() for text in texts(facts)} & _WRITES
    for match in matches:
        name = match.node.name.value if isinstance(match.node, cst.FunctionDef) else ""
        if methods and not _MEANT_OPEN.search(name):
            yield match


def settings_are_whole(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A plain display in settings that are not for tests, with nothing added later."""
    if re.search(r"(?i)(^|[/_.-])(test|tests|testing|ci)([/_.-]|$)", facts.path) or "DEFAULT_PERMISSION_CLASSES" in texts(facts):
        return
    for match in matches:
        value = match.node.value if isinstance(match.node, (cst.Assign, cst.AnnAssign)) else None
        if isinstance(value, cst.Dict) and all(isinstance(e, cst.DictElement) for e in value.elements):
            yield match


# ---- failing open ----

_ACCESS = frozenset(
    "auth authorize authorized authorise authorised authenticate authenticated permission permissions permitted access allowed"
    " role roles admin token signature credential credentials password login mfa otp totp scope acl owner privilege entitled"
    " may can webhook".split()
)
_REVERSED = frozenset(
    "expired revoked blacklisted blocklisted locked blocked denied invalid needs requires banned missing forbidden stale rotated"
    " compromised leaked pwned weak rate limit limited throttle throttled quota feature flag flags health retry available cache"
    " should exists taken unique connect reach parse render".split()
)


def in_access_decision(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Inside a function whose name says that True means access."""
    for match in matches:
        name = function_name(facts, match.node)
        words = words_of(name)
        decides = name in ("has_permission", "has_object_permission", "test_func") or (
            len(words) > 1 and words & (_ACCESS - {"may", "can"}) and words & _QUESTIONS
        )
        if decides and not words & _REVERSED:
            yield match


_QUESTIONS = frozenset(
    "is has can may check verify validate authorize authenticate allowed permitted authorized ensure test user allow".split()
)


def falls_through_to_yes(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A handler of an access decision that only passes or logs, where `return True` comes next."""
    for match in in_access_decision(facts, matches):
        block = facts.parent(match.node)
        around = facts.parent(block) if isinstance(block, cst.Try) else None
        if not isinstance(match.node, cst.ExceptHandler) or around is None:
            continue
        after = statements_of(around)
        following = after[after.index(block) + 1 :] if block in after else []
        value = following[0].value if following and isinstance(following[0], cst.Return) else None
        if isinstance(value, cst.Name) and value.value == "True" and all(map(_only_notes, statements_of(match.node.body))):
            if isinstance(block, cst.Try) and any(isinstance(s, cst.Return) for s in statements_of(block.body)):
                yield match


def _only_notes(statement: cst.CSTNode) -> bool:
    if isinstance(statement, cst.Expr):
        return method(statement.value) in ("debug", "info", "warning", "error", "exception", "log", "print")
    return isinstance(statement, cst.Pass)


def denial_is_dropped(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A refusal of a framework that is dropped, and not by a loop that asks several, nor with the answer set before."""
    for match in matches:
        handler = match.node
        if not isinstance(handler, cst.ExceptHandler) or handler.type is None or in_loop(facts, handler):
            continue
        parts = [e.value for e in handler.type.elements] if isinstance(handler.type, cst.Tuple) else [handler.type]
        names = {name for part in parts for name in facts.names(part)}
        block = facts.parent(handler)
        if not any(n.startswith(("django.core.", "rest_framework.")) for n in names) or not isinstance(block, cst.Try):
            continue
        body = statements_of(block.body)
        if not any(isinstance(s, (cst.Return, cst.Assign)) for s in body) and block.orelse is None:
            yield match
