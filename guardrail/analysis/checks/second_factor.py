"""Logins with a second step: that it comes first, that a code counts once, and that a passkey is held against our own state."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.checks import flow, order
from guardrail.analysis.checks.tracing import symbol
from guardrail.analysis.walk import descendants

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.match import Match

_FACTOR = r"(otp|totp|mfa|2fa|two_?factor|second_?factor|second_step|passcode|sms_code|backup_code|recovery_code)"
_VERIFIES = re.compile(rf"^_*(verify|check|validate|confirm|match)_\w*{_FACTOR}\w*$|^match_token$|^verify_authentication_response$")
_ASKED = re.compile(
    rf"{_FACTOR}\w*(enabled|active|required|needed|confirmed|configured|on\b|devices?\b)|(has|uses|requires|needs)_\w*{_FACTOR}"
)
_NOT_ASKED = re.compile(r"setup|set_up|enrol|grace|remind|verified|passed|done")
_PARTIAL = re.compile(
    r"pending|pre_?auth|partial|limited|purpose|scope|half|challenge|unverified|temporary|temp_|mfa_token|_verified|"
    r"is_verified|otp_login|logout|step_up|sudo|elevat|reauth",
    re.IGNORECASE,
)
_ENROLS = re.compile(
    r"(enrol|set_?up|enable|disable|activate|register|confirm|pair|provision|add_device|regenerate)", re.IGNORECASE
)
_SIGNED = re.compile(r"\b(loads|unsign|decode|decrypt|check_token|verify_token|pending|session)\b|pending|session")
_KNOWN = frozenset(
    "django.contrib.auth.login django.contrib.auth.alogin flask_login.login_user flask_jwt_extended.create_access_token".split()
)
_PASSWORD = re.compile(r"authenticate|check_password|verify_password|password_hash|\.password\b|verify_and_update")


def factor_comes_late(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A login that is complete before the code of the same function asks for the second factor."""
    if _ENROLS.search(symbol(facts).rpartition(".")[2]) or order.says(facts, _PARTIAL):
        return
    for match in matches:
        if any(order.precedes(facts, match.node, later) for later in _second_steps(facts)):
            yield match


def makes_login(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """The same for a function of the project: one that makes tokens, or one of this file that logs in and asks nothing itself."""
    chosen = []
    for match in matches:
        if not isinstance(match.node, cst.Call) or facts.names(match.node.func) & _KNOWN:
            continue
        helper = order.callee(facts, match.node)
        if helper is None:
            chosen += [match] * bool(re.search("token|session", flow.called(match.node)))
        elif _logs_in(helper) and not list(_second_steps(helper)) and not order.says(helper, _PARTIAL):
            chosen.append(match)
    yield from factor_comes_late(facts, chosen)


def _logs_in(facts: Facts) -> bool:
    return any(
        _KNOWN & facts.names(n.func) or flow.called(n) in ("create_access_token", "encode")
        for n in facts.nodes
        if isinstance(n, cst.Call)
    )


def _second_steps(facts: Facts) -> Iterator[cst.CSTNode]:
    """Where a code is verified, or where those who have a second factor are sent to it."""
    for node in facts.nodes:
        if isinstance(node, cst.Call) and (_VERIFIES.search(flow.called(node)) or _of_pyotp(facts, node)):
            yield node
        elif isinstance(node, cst.If) and order.leaves(node.body):
            asked = facts.code(node.test)
            if _ASKED.search(asked) and not _NOT_ASKED.search(asked) and not re.match(r"not\b", asked):
                if not re.search(r"setup|set_up|enrol|\braise\b|abort\(", facts.code(node.body)):
                    yield node


def _of_pyotp(facts: Facts, call: cst.Call) -> bool:
    of = flow.receiver(call)
    return of is not None and flow.called(call) == "verify" and bool(facts.types(of) & {"pyotp.TOTP", "pyotp.HOTP"})


def code_for_anyone(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A user picked by the request and logged in by a code: no password before, and nothing pending from one."""
    if order.says(facts, _PASSWORD) or order.says(facts, _SIGNED):
        return
    steps = [n for n in facts.nodes if isinstance(n, cst.Call) and (_VERIFIES.search(flow.called(n)) or _of_pyotp(facts, n))]
    for match in matches:
        for name, value in _fetched(facts, match):
            if facts.tainted(value) and any(
                order.precedes(facts, value, s) and order.precedes(facts, s, match.node) for s in steps
            ):
                yield facts.match(_fetch_of(facts, value), f"`{name}` is whoever the request names: the code alone logs him in.")
                break


def _fetched(facts: Facts, match: Match) -> Iterator[tuple[str, cst.CSTNode]]:
    """Name of the user that is logged in, and the arguments by which he was looked up."""
    if not isinstance(match.node, cst.Call):
        return
    for arg in match.node.args:
        target = facts.deref(arg.value) if isinstance(arg.value, cst.Name) else None
        if target is not None and target[0] is facts and isinstance(target[1], (cst.Call, cst.Await)):
            for call in [n for n in descendants(target[1]) if isinstance(n, cst.Call)]:
                for given in call.args:
                    if given.keyword is None or re.search(r"^(pk|id|user_?id|uid|username|email)$", given.keyword.value):
                        yield facts.code(arg.value), given.value


def _fetch_of(facts: Facts, value: cst.CSTNode) -> cst.CSTNode:
    return next((a for a in facts.ancestors(value) if isinstance(a, cst.Call)), value)


# ---- codes that count more than once ----

_SPENT = re.compile(
    r"last_\w*(used|step|code|t$|otp|counter|timecode|verified|accepted)|last_t\b|attempt|throttl|rate_?limit|limiter|lock_?out|"
    r"failures|failed|tries|replay|used_code|used_otp|already_used|consumed|cooldown|axes|ban\b",
    re.IGNORECASE,
)


def code_counts_twice(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A one-time password that is accepted, where nothing in the file remembers it or counts the wrong ones."""
    if _ENROLS.search(symbol(facts).rpartition(".")[2]) or order.says(facts, _SPENT) or order.file_says(facts, _SPENT):
        return
    yield from matches


def counter_stays(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A counter-based code whose counter the function never moves on."""
    for match in matches:
        moved = any(
            (isinstance(n, (cst.AugAssign, cst.AssignTarget)) and "counter" in facts.code(n.target).lower())
            or (isinstance(n, cst.Arg) and n.keyword is not None and "counter" in n.keyword.value.lower() and _updates(facts, n))
            for n in facts.nodes
        )
        if not moved:
            yield match


def _updates(facts: Facts, argument: cst.Arg) -> bool:
    return flow.called(facts.parent(argument) or argument) in ("update", "values", "save", "advance", "set")


_LOGS_IN = re.compile(r"^(login|alogin|login_user|create_access_token|create_tokens?|issue_tokens?|for_user|create_session)$")


def code_not_cleared(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A stored code compared with the one sent, a login after it, and the stored one left as it was."""
    for match in matches:
        stored = match.env["S"][1]
        if not isinstance(stored, cst.Attribute) or not any(facts.tainted(m[1]) for k, m in match.env.items() if k == "G"):
            continue
        logs_in = any(_LOGS_IN.match(flow.called(n)) and order.precedes(facts, match.node, n) for n in facts.nodes)
        if logs_in and not _cleared(facts, stored):
            yield match


def _cleared(facts: Facts, stored: cst.Attribute) -> bool:
    text = facts.normal(stored)
    for node in facts.nodes:
        if isinstance(node, (cst.AssignTarget, cst.Del)) and facts.normal(node.target) == text:
            return True
        if isinstance(node, cst.Call) and re.match(
            r"delete|clear_|consume|mark_|invalidate|expire|pop|use_|burn", flow.called(node)
        ):
            return True
        if isinstance(node, cst.Arg) and node.keyword is not None and node.keyword.value == stored.attr.value:
            return True
        if isinstance(node, cst.AssignTarget) and re.search(
            r"\.(is_)?(used|used_at|consumed|consumed_at|revoked)$", facts.code(node.target)
        ):
            return True
    return False


# ---- passkeys ----

_EXPECTED = ("expected_challenge", "expected_origin", "expected_rp_id")


def expects_what_it_is_told(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """An expected value that comes from the request that it is to be held against."""
    for match in matches:
        for name in _EXPECTED:
            value = flow.keyword(match.node, name) if isinstance(match.node, cst.Call) else None
            if value is not None and facts.tainted(value) and not _among_known(facts, value):
                yield facts.match(value, f"`{name}` is read from the request that it is to be held against.")


def _among_known(facts: Facts, value: cst.CSTNode) -> bool:
    """Whether the definition asks if the value is in a list."""
    text = facts.normal(value)
    return any(
        isinstance(n, cst.Comparison)
        and facts.normal(n.left) == text
        and isinstance(n.comparisons[0].operator, (cst.In, cst.NotIn))
        for n in facts.nodes
    )


def sign_count_not_kept(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A verified passkey whose new signature count nothing in the file reads."""
    if not order.file_says(facts, re.compile(r"sign_count$|^new_sign_count$|clone")) or not _kept(facts):
        yield from (m for m in matches if not _handed_on(facts, m.node))


def _kept(facts: Facts) -> bool:
    return any("new_sign_count" in d.words for d in facts.file.index.definitions)


def _handed_on(facts: Facts, call: cst.CSTNode) -> bool:
    """Whether the verification goes to the caller, who may store the count."""
    if isinstance(facts.parent(call), cst.Return):
        return True
    name = flow.assigned_name(facts, call)
    root = flow.around(facts, call)
    return bool(name) and any(isinstance(facts.parent(u), (cst.Return, cst.Arg, cst.Element)) for u in flow.uses(facts, name, root))


def alone_without_user(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A passkey that logs in by itself, without a look at whether its owner unlocked it."""
    second = re.compile(r"second|mfa|2fa|two_?factor|step_?up|password|pending", re.IGNORECASE)
    if order.says(facts, second):
        return
    for match in matches:
        if any(_LOGS_IN.match(flow.called(n)) and order.precedes(facts, match.node, n) for n in facts.nodes):
            yield match
