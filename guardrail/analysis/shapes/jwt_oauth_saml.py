"""Tokens taken apart and put together by hand, and the steps of OAuth and SAML written out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.checks.jwt_oauth_saml import _BASE64, _joins_with_dot, _split_at_dots
from guardrail.analysis.checks.tracing import called, calls, identifiers, method, named, texts, trace
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match

_JOSE_FIELDS = frozenset("typ JWT kty kid crv enc jwk jku x5c x5u HS256 RS256 ES256 none".split())
_FLOW = frozenset("client_id redirect_uri client_secret code_verifier code_challenge refresh_token access_token".split())


def segments_read(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """JSON out of a decoded segment of something that was split at its dots, whether or not it is verified as well."""
    for match in matches:
        value = named(match, "X")
        if value is None:
            continue
        made_of = list(trace(*value))
        decoded = any(isinstance(n, cst.Call) and _BASE64.search(method(n)) for _, n in made_of)
        if decoded and any(_split_at_dots(owner, n) for owner, n in made_of):
            yield match


def segments_joined(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Encoded JSON joined with a dot to something else encoded: the segments of a token are put together."""
    encodings = frozenset(id(match.node) for match in matches)
    if not _speaks_of_header(facts) or any(called(facts, c) & {"hmac.new", "hmac.digest"} for c in calls(facts)):
        return  # where it is signed is the better place to say so
    for node in facts.nodes:
        joins = isinstance(node, (cst.BinaryOperation, cst.FormattedString)) or method(node) == "join"
        made_of = list(trace(facts, node)) if joins else []
        encoded = any(id(n) in encodings for _, n in made_of)
        dumped = any(method(n) in ("dumps", "json_encode") for _, n in made_of)
        if encoded and dumped and _joins_with_dot(made_of):
            yield facts.match(node)
            return


def _speaks_of_header(facts: Facts) -> bool:
    """Whether the algorithm of a header is named: `{"alg": …}`, or something called header."""
    return any(text in ("alg", "typ", "JWT") for text in texts(facts)) or "header" in identifiers(facts)


def fields_of_jose(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`alg` or `kty` beside another field of the kind."""
    if set(texts(facts)) & _JOSE_FIELDS:
        yield from matches


def flow_by_hand(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A step of OAuth: its literal with another of its parameters in the same definition."""
    known = set(texts(facts)) | identifiers(facts)
    if known & _FLOW or any(word in text for text in texts(facts) for word in ("client_id=", "redirect_uri=")):
        yield from (match for match in matches if not isinstance(facts.parent(match.node), cst.Expr))


def assertion_by_hand(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A SAML response that is decoded here."""
    if any(_BASE64.search(method(c)) for c in calls(facts)):
        yield from matches
