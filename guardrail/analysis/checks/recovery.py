"""Reset and invitation tokens, and what is left of old sessions when a password changes or somebody logs out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

import libcst as cst

from guardrail.analysis.checks import flow, order
from guardrail.analysis.checks.tracing import symbol

if TYPE_CHECKING:
    from guardrail.analysis.facts import Facts
    from guardrail.analysis.match import Match

_EXPIRES = re.compile(
    r"expir|valid_until|valid_to|max_age|ttl|timestamp|created|issued|age\b|timedelta|is_valid|check_token|signing|loads\(|decode\(|unsign|"
    r"stale|deadline|sent_at|_at__|__gte?\b|timeout|too_old|validate|verify",
    re.IGNORECASE,
)
_SPENT = re.compile(
    r"\.delete\(|\.remove\(|delete_\w*token|used|consume|redeem|revoke|invalidate|getdel|\.pop\(|_token\s*=\s*(None|[\"']{2})|token=(None|[\"']{2})|"
    r"token_?hash\s*=|clear_|burn|accepted|rotate|regenerate|check_token|jti|delattr|\bdel ",
    re.IGNORECASE,
)
_CHANGES = re.compile(
    r"^(set_password|hash_password|make_password|generate_password_hash|hashpw|update_password|change_password|get_password_hash)$"
)
_ABOUT = re.compile(r"(?i)(reset|forgot|recover|restore)\w*")
_LINK = re.compile(r"(?i)reset|recover|verify|verification|confirm|activat|invit|magic|token|forgot")


def _new_password(facts: Facts) -> list[cst.CSTNode]:
    return [n for n in facts.nodes if isinstance(n, cst.Call) and _CHANGES.match(flow.called(n))]


_COLUMN = r"(reset_?|recovery_?|password_?|forgot_?|verification_?|invit\w*_?|activation_?)*(token|key|code)(_hash)?"


def _by_token(facts: Facts, call: cst.CSTNode) -> bool:
    """Whether a query asks for a column that holds a token: `get(token=…)`, `where(Reset.token == …)`."""
    if not isinstance(call, cst.Call):
        return False
    if any(a.keyword is not None and re.fullmatch(_COLUMN, a.keyword.value) for a in call.args):
        return True
    return any(
        isinstance(a.value, cst.Comparison)
        and isinstance(a.value.left, cst.Attribute)
        and re.fullmatch(_COLUMN, a.value.left.attr.value)
        for a in call.args
    )


def never_expires_token(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A row found by its token alone, and a password set for it, with no word about age or expiry."""
    if order.says(facts, _EXPIRES):
        return
    for match in matches:
        if _by_token(facts, match.node) and any(order.precedes(facts, match.node, n) for n in _new_password(facts)):
            yield match


def stays_usable_token(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A row found by its token, with an age that is looked at, a password set for it, and the token left where it was."""
    if order.says(facts, _SPENT) or not order.says(facts, _EXPIRES):
        return
    for match in matches:
        if _by_token(facts, match.node) and any(order.precedes(facts, match.node, n) for n in _new_password(facts)):
            yield match


def given_to_the_asker(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A handler that was asked to reset a password, and answers with the token that should go out by mail."""
    name = symbol(facts).rpartition(".")[2]
    if not _ABOUT.search(name) or re.search(r"(?i)admin|test|debug|verify|confirm|complete|validate", name):
        return
    for match in matches:
        value = match.env["T"]
        if not order.is_handler(facts, match.node) or not _is_answer(facts, match.node) or facts.tainted(value[1]):
            continue
        if _is_made_here(facts, value[1]):
            yield match


def _is_answer(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether a dict is what is returned, by itself or in a response."""
    for outer in facts.ancestors(node):
        if isinstance(outer, cst.Return):
            return True
        if isinstance(outer, cst.Call) and not re.search(r"(?i)response|jsonify|dumps", flow.called(outer)):
            return False
        if isinstance(outer, cst.BaseCompoundStatement):
            return False
    return False


def _is_made_here(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether the value is a fresh secret: made by a generator of tokens, or read off the row that holds it."""
    target = facts.deref(node) if isinstance(node, cst.Name) else (facts, node)
    if target is None:
        return False
    made = target[1].expression if isinstance(target[1], cst.Await) else target[1]
    if isinstance(made, cst.Call):
        return bool(re.search(r"(?i)token|uuid|urandom|random|code|encode|dumps|sign|hex", flow.called(made)))
    return isinstance(made, cst.Attribute) and re.search(r"(?i)token|code", made.attr.value) is not None


def link_by_host(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A link with a token, for a mail, that is built on the Host header of whoever asked."""
    for match in matches:
        text = _whole(facts, match.node)
        if text is not None and _LINK.search(facts.code(text)) and order.says(facts, re.compile(r"(?i)mail|send|message|notify")):
            if re.search(r"(?i)token|code|key|uid|secret", facts.code(text)):
                yield match


def _whole(facts: Facts, node: cst.CSTNode) -> cst.CSTNode | None:
    """The string or the call that puts the host and the rest together; through a name that was given to the host."""
    name = flow.assigned_name(facts, node)
    if name:
        for use in flow.uses(facts, name, facts.tree):
            found = _around(facts, use)
            if found is not None and re.search(r"(?i)token|code|key", facts.code(found)):
                return found
        return None
    return _around(facts, node)


def _around(facts: Facts, node: cst.CSTNode) -> cst.CSTNode | None:
    found: cst.CSTNode | None = None
    for outer in facts.ancestors(node):
        if isinstance(outer, (cst.FormattedString, cst.BinaryOperation)) or flow.called(outer) in ("urljoin", "format", "join"):
            found = outer
        elif isinstance(outer, cst.BaseSmallStatement):
            break
    return found


# ---- sessions that live on ----

_REVOKES = re.compile(
    r"(?i)update_session_auth_hash|revok|invalidat|token_version|session_version|security_stamp|session_token|blacklist|blocklist|denylist|"
    r"logout_all|sign_out|log_out|refresh_token|sessions?\b.*(delete|clear|destroy|remove|purge)|(delete|clear|destroy|remove|purge|end|kill)\w*sessions?|"
    r"session_nonce|epoch|password_changed_at|tokens_valid|valid_after|auth_hash|alternative_id|\.delete\(|fs_uniquifier|not_before|logout"
)


def old_sessions_stay(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A handler that changes a password outside Django, where nothing in the file ends the sessions made with the old one."""
    name = symbol(facts).rpartition(".")[2]
    if not re.search(r"(?i)(change|update|reset|set|new)_?\w*password|password_?(change|update|reset)", name) or _in_django(facts):
        return
    if order.says(facts, _REVOKES) or order.file_says(
        facts, re.compile(r"(?i)revok|invalidat|token_version|security_stamp|blacklist|blocklist|uniquifier")
    ):
        return
    for match in matches:
        if order.is_handler(facts, match.node):
            yield match
            return


def _in_django(facts: Facts) -> bool:
    return any(name.split(".")[0] in ("django", "rest_framework") for name in facts.file.index.imports.values())


_ON_SERVER = re.compile(
    r"(?i)revok|invalidat|blacklist|blocklist|denylist|flush|\blogout(_user)?\(|\.delete\(|clear\(|destroy|remove|expire|\.pop\(|\.end\(|"
    r"unset|forget\(|del |delete_\w*sess"
)


def cookie_only(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A logout that only asks the browser to forget the cookie."""
    name = symbol(facts).rpartition(".")[2]
    if not re.search(r"(?i)log_?out|sign_?out", name):
        return
    body = re.sub(r"def \w+", "", order.text_of(facts))
    if not _ON_SERVER.search(body.replace("delete_cookie(", "")):
        yield from (m for m in matches if order.is_handler(facts, m.node))


def only_one_key(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A logout of a Django site that takes the user out of the session and leaves the session."""
    name = symbol(facts).rpartition(".")[2]
    if not re.search(r"(?i)log_?out|sign_?out", name) or not _in_django(facts):
        return
    ends = ("flush", "aflush", "logout", "alogout", "clear", "cycle_key")
    if any(flow.called(n) in ends for n in facts.nodes if isinstance(n, cst.Call)):
        return
    seen: set[int] = set()
    for match in matches:
        line = facts.span(match.node)[0]
        if line not in seen and "session" in facts.code(match.node):
            seen.add(line)
            yield match
