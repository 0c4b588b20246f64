"""Tokens: which claims are used unverified, unvalidated, or with what the token itself brought along."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.checks.tracing import (
    argument,
    called,
    calls,
    function_name,
    key_read,
    method,
    named,
    resolve,
    texts,
    trace,
)
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match
from guardrail.patterns.displays import dict_pairs

_VERIFIERS = frozenset(
    "jwt.decode jwt.decode_complete jwt.PyJWT.decode jwt.PyJWT.decode_complete jose.jwt.decode jose.jws.verify"
    " joserfc.jwt.decode joserfc.jws.deserialize_compact joserfc.jws.validate_compact authlib.jose.jwt.decode"
    " authlib.jose.JsonWebToken.decode jwcrypto.jwt.JWT google.oauth2.id_token.verify_oauth2_token"
    " firebase_admin.auth.verify_id_token".split()
)
_HEADERS = frozenset(
    "jwt.get_unverified_header jose.jwt.get_unverified_header jose.jwt.get_unverified_headers jose.jws.get_unverified_header"
    " jose.jws.get_unverified_headers".split()
)
_HARMLESS_CLAIMS = frozenset("exp iat nbf iss kid alg typ jti".split())
_SHOWN = frozenset("print debug info echo pprint secho".split())
_INSPECTOR = re.compile(r"(?i)unverified|peek|inspect|debug|dump|_show")
_ONE_TIME = re.compile(r"(?i)reset|verify|confirm|invit|magic|activat|unsubscribe|login_?link|session")
_IDENTITY = frozenset("sub user_id uid email scope scopes role roles username user is_admin permissions".split())
_BASE64 = re.compile(r"(?i)b64|base64")


def _token_of(node: cst.CSTNode) -> cst.BaseExpression | None:
    while isinstance(node, cst.Attribute):
        node = node.value
    return argument(node, 0, "jwt") if isinstance(node, cst.Call) else None


def _verified_elsewhere(facts: Facts, token: cst.CSTNode | None, unverified: frozenset[int]) -> bool:
    """Whether another call in the definition checks the same token."""
    for call in calls(facts):
        if id(call) in unverified or not call.args:
            continue
        checks = bool(called(facts, call) & _VERIFIERS) or "verif" in method(call).lower()
        if checks and (token is None or any(facts.normal(a.value) == facts.normal(token) for a in call.args)):
            return True
    return False


def _uses(facts: Facts, node: cst.CSTNode) -> list[cst.CSTNode]:
    """The places that use a call's result: its parent, or all uses of the name that it is given to."""
    parent = facts.parent(node)
    if isinstance(parent, (cst.Assign, cst.AnnAssign, cst.NamedExpr)):
        targets = [t.target for t in parent.targets] if isinstance(parent, cst.Assign) else [parent.target]
        names = {t.value for t in targets if isinstance(t, cst.Name)}
        return [
            facts.parent(n) or n
            for n in facts.nodes
            if isinstance(n, cst.Name) and n.value in names and not any(n is t for t in targets)
        ]
    return [parent] if parent is not None else []


def _read_call(facts: Facts, use: cst.CSTNode) -> cst.CSTNode:
    """`x.get(…)` where the use is the `x.get` of it."""
    parent = facts.parent(use)
    return parent if isinstance(use, cst.Attribute) and isinstance(parent, cst.Call) and parent.func is use else use


def _harmless(facts: Facts, use: cst.CSTNode) -> bool:
    read = key_read(facts, _read_call(facts, use))
    if read is not None:
        return read[1] in _HARMLESS_CLAIMS
    call = facts.parent(use)
    return isinstance(use, cst.Arg) and isinstance(call, cst.Call) and method(call) in _SHOWN


def claims_are_used(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Unverified claims that decide something: the same token is not verified as well, and more than `exp` is read."""
    matches = list(matches)
    unverified = frozenset(id(n) for m in matches for n in _inner(m.node))
    for match in matches:
        if _verified_elsewhere(facts, _token_of(match.node), unverified):
            continue
        if _INSPECTOR.search(function_name(facts, match.node)):
            continue
        uses = _uses(facts, match.node)
        if uses and all(_harmless(facts, use) for use in uses):
            continue
        yield match


def _inner(node: cst.CSTNode) -> list[cst.CSTNode]:
    return [node, node.value] if isinstance(node, cst.Attribute) else [node]


def never_verified(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A JWS payload in a definition that never verifies, nor gives `deserialize` a key."""
    for call in calls(facts):
        if method(call) == "verify" or (method(call) == "deserialize" and len(call.args) > 1):
            return
    yield from matches


def _from_header(facts: Facts, node: cst.CSTNode, keys: frozenset[str]) -> bool:
    """Whether the node reads one of the keys of an unverified header."""
    read = key_read(facts, node)
    if read is None or read[1] not in keys:
        return False
    owner, value = resolve(facts, read[0])
    return bool(called(owner, value) & _HEADERS)


def _made_from_header(match: Match, name: str, keys: frozenset[str]) -> bool:
    value = named(match, name)
    return value is not None and any(_from_header(owner, node, keys) for owner, node in trace(*value))


def algorithm_from_token(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`algorithms` that comes out of the token's own header."""
    return (m for m in matches if _made_from_header(m, "A", frozenset({"alg"})))


def key_location_from_header(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A key, or the address of one, that the token names."""
    everything, keys = frozenset({"jku", "x5u", "jwk", "x5c"}), frozenset({"jwk", "x5c"})
    for match in matches:
        value = named(match, "U")
        if value is None:
            continue
        if method(match.node) == "decode":
            if _from_header(*resolve(*value), keys):
                yield match
        elif _made_from_header(match, "U", everything):
            yield match


def kid_as_location(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`kid` of an unverified header in a path or the name of a variable."""
    return (m for m in matches if _made_from_header(m, "U", frozenset({"kid"})))


def _hands_on(facts: Facts, call: cst.Call, names: frozenset[str]) -> bool:
    """Whether the token goes into something that checks claims: `validate`, or a class of claims."""
    if re.search(r"(?i)validat", method(call)):
        return True
    if not re.search(r"(?i)check|verify|claims", method(call)):
        return False
    heads = [call.func.value] if isinstance(call.func, cst.Attribute) else []
    return any(facts.code(n).split(".")[0] in names for n in [*heads, *(a.value for a in call.args)])


def claims_never_validated(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A decoded token that is used and on which nothing is validated."""
    for match in matches:
        node, parent = match.node, facts.parent(match.node)
        direct = isinstance(parent, cst.Attribute)
        if isinstance(parent, cst.Attribute) and parent.attr.value == "claims":
            node, parent = parent, facts.parent(parent)
        if isinstance(parent, (cst.Arg, cst.Expr)) or (isinstance(parent, cst.Return) and not direct):
            continue  # whoever gets it may validate it
        names: frozenset[str] = frozenset()
        if isinstance(parent, cst.Assign):
            names = frozenset(t.target.value for t in parent.targets if isinstance(t.target, cst.Name))
            if not names or all(isinstance(use, cst.Return) for use in _uses(facts, node)):
                continue
        if not any(_hands_on(facts, call, names) for call in calls(facts)):
            yield match


def in_token_verifier(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Inside a function that is named for links and tokens that are good once."""
    return (m for m in matches if _ONE_TIME.search(function_name(facts, m.node)))


def key_from_jwks(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """The key was fetched from an issuer's key set."""
    fetchers = ("get_signing_key_from_jwt", "get_signing_key", "from_jwk")
    for match in matches:
        value = named(match, "K")
        if value is not None and any(method(node) in fetchers for _, node in trace(*value)):
            yield match


def identity_without_expiry(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A payload whose keys are all known, that names someone and has no `exp`; nor does the definition mention it."""
    if "exp" in texts(facts) or any(a.keyword is not None and a.keyword.value == "exp" for c in calls(facts) for a in c.args):
        return
    for match in matches:
        value = named(match, "P")
        if value is None:
            continue
        owner, node = resolve(*value)
        pairs = dict_pairs(node, owner)
        keys = {key for key, _ in pairs} if pairs else set()
        if keys & _IDENTITY and "exp" not in keys and all(isinstance(k, str) for k in keys):
            yield match


def _split_at_dots(facts: Facts, node: cst.CSTNode) -> bool:
    if method(node) not in ("split", "rsplit", "partition") or not isinstance(node, cst.Call) or not node.args:
        return False
    return facts.constant(node.args[0].value) in (".", b".")


def segment_parsed_by_hand(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`json.loads` of a decoded segment of something that was split at its dots; headers alone may be read."""
    for match in matches:
        value = named(match, "X")
        if value is None:
            continue
        made_of = list(trace(*value))
        decoded = any(isinstance(n, cst.Call) and _BASE64.search(method(n)) for _, n in made_of)
        split = [n for owner, n in made_of if _split_at_dots(owner, n)]
        if not decoded or not split or _header_only(made_of):
            continue
        token = split[0].func.value if isinstance(split[0], cst.Call) and isinstance(split[0].func, cst.Attribute) else None
        if not _verified_elsewhere(facts, token, frozenset()):
            yield match


def _header_only(made_of: list[tuple[Facts, cst.CSTNode]]) -> bool:
    for owner, node in made_of:
        if isinstance(node, cst.Subscript) and isinstance(node.slice[0].slice, cst.Index):
            if owner.constant(node.slice[0].slice.value) == 0 and _split_at_dots(*resolve(owner, node.value)):
                return True
        if isinstance(node, cst.Name) and "head" in node.value.lower():
            return True
    return False


def signing_input_by_hand(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """An HMAC over encoded JSON segments, or over the joined segments of a split token."""
    for match in matches:
        value = named(match, "M")
        if value is None:
            continue
        made_of = list(trace(*value))
        encoded = any(isinstance(n, cst.Call) and _BASE64.search(method(n)) for _, n in made_of)
        dumped = any(called(owner, n) & {"json.dumps"} for owner, n in made_of)
        split = any(_split_at_dots(owner, n) for owner, n in made_of)
        if (encoded and dumped) or (split and _joins_with_dot(made_of)):
            yield match


def _joins_with_dot(made_of: list[tuple[Facts, cst.CSTNode]]) -> bool:
    for owner, node in made_of:
        if isinstance(node, cst.FormattedString):
            if any(isinstance(p, cst.FormattedStringText) and p.value == "." for p in node.parts):
                return True
        elif isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Add):
            if {owner.constant(node.left), owner.constant(node.right)} & {".", b"."}:
                return True
        elif method(node) == "join" and isinstance(node, cst.Call) and isinstance(node.func, cst.Attribute):
            if owner.constant(node.func.value) in (".", b"."):
                return True
    return False


def signature_key_not_compared(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """The definition does not look at which key signed."""
    if not any(isinstance(n, cst.Attribute) and n.attr.value == "signature_key" for n in facts.nodes):
        yield from matches


def kid_with_default(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`keys.get(kid, default)` where `kid` is that of an unverified header, and the default is a key."""
    for match in matches:
        default = named(match, "X")
        if default is not None and not default[0].constants(default[1]) and _made_from_header(match, "U", frozenset({"kid"})):
            yield match


def times_never_asked(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """The payload of a JWS that names someone, in a definition that does not speak of its end."""
    said = frozenset(texts(facts))
    if said & _IDENTITY and not said & {"exp", "expires", "expires_at"}:
        yield from matches
