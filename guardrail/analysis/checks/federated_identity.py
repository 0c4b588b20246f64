"""What an identity provider says of a user, and what is made of it: accounts found by address, SAML answers taken unasked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.checks import flow, neighbours
from guardrail.analysis.checks.open_redirect import leaves_the_site
from guardrail.analysis.checks.tracing import calls, identifiers, key_read, method, named, texts, trace, words_of
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match

_FETCHERS = frozenset(
    "authorize_access_token parse_id_token userinfo fetch_user_info fetch_userinfo get_userinfo get_user_info verify_oauth2_token"
    " verify_firebase_token verify_id_token".split()
)
_KEY_SETS = frozenset("get_signing_key_from_jwt get_signing_key".split())
_SPEAKS = re.compile(r"(?i)^(userinfo|user_info|idinfo|id_info|id_token|id_token_claims|idp_claims|oidc_claims|google_user)$")
_PLACES = re.compile(r"(?i)userinfo|id_token_claims|oauth2/v\d|/oidc/")
_VERIFIED = frozenset("verified domain domains endswith hd oid uid provider issuer subject upn".split())
_STEADY_KEYS = frozenset("sub iss id oid uid hd email_verified verified_email verified tid".split())


# ---- accounts by address ----


def _of_provider(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether the value was told by an identity provider."""
    for owner, part in trace(facts, node):
        if isinstance(part, cst.Name) and (_SPEAKS.match(part.value) or _backend_claims(owner, part)):
            return True
        if isinstance(part, cst.Call) and method(part) in _FETCHERS | _KEY_SETS:
            return True
        if isinstance(part, cst.SimpleString):
            text = part.evaluated_value
            if isinstance(text, str) and _PLACES.search(text):
                return True
    return False


def _backend_claims(facts: Facts, node: cst.Name) -> bool:
    """`claims` that a base class of the backend hands in."""
    given = any(bind.kind == "param" for _, bind in facts.origins(node))
    return node.value == "claims" and given and any("OIDC" in name for name in facts.class_types(facts.owner))


def _is_address(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether the value is the `email` of what a provider says."""
    for owner, part in trace(facts, node):
        read = key_read(owner, part)
        if read is not None and read[1] in ("email", "mail", "preferred_username") and _of_provider(owner, read[0]):
            return True
        if isinstance(part, cst.Attribute) and part.attr.value == "email" and _of_provider(owner, part.value):
            return True
    return False


def account_by_address(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """An account looked up by an address that a provider names, where nothing asks whether it was verified, or who said so."""
    if any(text in _STEADY_KEYS for text in texts(facts)) or words_of(" ".join(identifiers(facts))) & _VERIFIED:
        return
    seen: set[int] = set()
    for match in matches:
        value = named(match, "E")
        if value is not None and id(match.node) not in seen and _is_address(*value):
            seen.add(id(match.node))
            yield match


# ---- SAML ----


def _speaks_saml(facts: Facts) -> bool:
    roots = {name.split(".")[0] for name in facts.file.index.imports.values()}
    return bool(roots & {"onelogin", "saml2"}) or len({method(c) for c in calls(facts)} & {"get_nameid", "get_attributes"}) == 2


def _unasked_is_meant(facts: Facts) -> bool:
    """Whether the file says that logins may begin at the identity provider."""
    return any(re.search(r"(?i)idp_?init|unsolicited", word) for word in neighbours.words_of_file(facts))


def answer_not_bound(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`process_response()` without the id of the request, in code that does not say that it takes answers unasked."""
    if _speaks_saml(facts) and not _unasked_is_meant(facts):
        yield from matches


def read_before_errors(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Names and attributes that are read after `process_response` in a function that never asks whether it went well."""
    methods = {method(c) for c in calls(facts)}
    if not _speaks_saml(facts) or methods & {"is_authenticated", "get_errors", "get_last_error_reason", "get_last_error"}:
        return
    for match in matches:
        name = flow.receiver(match.node)
        if name is None or any(facts.normal(a.value) == facts.normal(name) for c in calls(facts) for a in c.args):
            continue
        for call in calls(facts):
            of = flow.receiver(call)
            read = method(call) in ("get_nameid", "get_attributes", "get_attribute") and of is not None
            if read and of is not None and facts.normal(of) == facts.normal(name):
                yield facts.match(call)
                break


def taken_unasked(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """No outstanding requests for pysaml2, in a file whose settings allow answers to none."""
    if re.search(r"""["']?allow_unsolicited["']?\s*[:=]\s*True""", facts.file.source.text):
        yield from matches


def relay_state_followed(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A redirect to the RelayState of the answer, which nothing compares with an address of ours."""
    if not _speaks_saml(facts):
        return
    for match in leaves_the_site(facts, matches):
        target = match.env["U"][1]
        compared = (n for n in facts.nodes if isinstance(n, cst.Comparison))
        sides = (s for n in compared for s in (n.left, *(t.comparator for t in n.comparisons)))
        if all(facts.normal(side) != facts.normal(target) for side in sides):
            yield match
