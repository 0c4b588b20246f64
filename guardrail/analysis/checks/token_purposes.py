"""Tokens for several purposes under one key: does each verifier ask what the token is for?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import libcst as cst

from guardrail.analysis.checks import neighbours
from guardrail.analysis.checks.tracing import argument, below, called, calls, identifiers, method, texts, words_of
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match
from guardrail.analysis.values import UNKNOWN

_ENCODERS = {
    "jwt.encode": 1,
    "jwt.PyJWT.encode": 1,
    "jose.jwt.encode": 1,
    "joserfc.jwt.encode": 2,
    "authlib.jose.jwt.encode": 2,
    "authlib.jose.JsonWebToken.encode": 2,
}
_CLAIMS = frozenset("type typ token_type token_use purpose use usage kind scope scopes action".split())
_READ_AS = frozenset({*_CLAIMS, "expected_type", "expected_purpose", "wanted_type"} - {"type", "use", "usage", "kind", "action"})
_MAKING = frozenset("create make issue generate encode build new sign mint".split())
_PURPOSES = frozenset(
    "access refresh reset verify verification confirm confirmation activate activation invite invitation magic unsubscribe".split()
)
_IDENTITY = frozenset("sub user_id uid email username user".split())
_DECIDES = frozenset(
    "current authenticate authenticated require required authorize authorized login protected guard bearer".split()
)


@dataclass(slots=True)
class _Issued:
    """What a file issues under one key."""

    purposes: set[str] = field(default_factory=set)
    audiences: set[str] = field(default_factory=set)


def _key(facts: Facts, call: cst.Call, at: int) -> str:
    """The normal form of the key; "" for one that the caller gives."""
    key = argument(call, at, "key")
    if key is None or (isinstance(key, cst.Name) and any(b.kind == "param" for _, b in facts.origins(key))):
        return ""
    return facts.normal(key)


def _by_name(facts: Facts) -> set[str]:
    words = words_of(neighbours.last_name(facts))
    return set(words & _PURPOSES) if words & _MAKING and words & {"token", "jwt", "link"} else set()


def _claimed(facts: Facts, keys: frozenset[str]) -> Iterator[tuple[Facts, cst.CSTNode]]:
    """The values that a payload gives to one of the claims."""
    for node in facts.nodes:
        if isinstance(node, cst.DictElement) and facts.constant(node.key) in keys:
            yield facts, node.value
        elif isinstance(node, cst.Assign) and isinstance(node.targets[0].target, cst.Subscript):
            index = node.targets[0].target.slice[0].slice
            if isinstance(index, cst.Index) and facts.constant(index.value) in keys:
                yield facts, node.value


def _purposes(facts: Facts) -> set[str]:
    """What the tokens of a function are for; a purpose that the caller names counts as two."""
    found = _by_name(facts)
    for owner, value in _claimed(facts, _CLAIMS):
        known = owner.constant(value)
        found |= {"one that is named", "another that is named"} if known is UNKNOWN else {str(known)}
    return found


def _handed_on(facts: Facts, name: str) -> set[str]:
    """What a function asks a signing helper of that name for: by its own name, or by a claim in the call."""
    asked = [call for call in calls(facts) if method(call) == name]
    given = {id(node) for call in asked for node in below(call)}
    claims = {str(owner.constant(value)) for owner, value in _claimed(facts, _CLAIMS) if id(value) in given}
    return (_by_name(facts) if asked else set()) | claims


def _issued(facts: Facts) -> dict[str, _Issued]:
    """What the functions of the file sign, by key; a function that hands its payload to another one is counted there."""
    found: dict[str, _Issued] = {}
    keys: dict[str, str] = {}
    for other in neighbours.functions(facts, "encode"):
        for call in calls(other):
            for at in [_ENCODERS[name] for name in called(other, call) if name in _ENCODERS]:
                key = keys[neighbours.last_name(other)] = _key(other, call, at)
                issued = found.setdefault(key, _Issued())
                issued.purposes |= _purposes(other)
                issued.audiences |= {owner.normal(value) for owner, value in _claimed(other, frozenset({"aud"}))}
    for name, key in keys.items():
        for other in neighbours.functions(facts, name):
            if neighbours.last_name(other) not in keys:
                found[key].purposes |= _handed_on(other, name)
    found.pop("", None)
    return found


def _asks(facts: Facts) -> bool:
    """Whether a function looks at what a token is for."""
    if any(text in _CLAIMS for text in texts(facts)) or identifiers(facts) & _READ_AS:
        return True
    return any(isinstance(n, cst.Attribute) and n.attr.value in ("type", "purpose", "kind") for n in facts.nodes)


def _decides(facts: Facts) -> bool:
    """Whether a function makes a user out of a token."""
    return bool(words_of(neighbours.last_name(facts)) & _DECIDES) or any(text in _IDENTITY for text in texts(facts))


def purpose_not_asked(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A decode with the key of several purposes, where neither this function nor the one that it serves asks for which."""
    matches = list(matches)
    if _asks(facts):
        return
    served = [other for other, _ in neighbours.callers(facts)]
    if not _decides(facts) and not any(_decides(other) and not _asks(other) for other in served):
        return
    issued = _issued(facts) if matches else {}
    for match in matches:
        if not isinstance(match.node, cst.Call) or method(match.node) != "decode":
            continue
        tokens = issued.get(_key(facts, match.node, 1))
        separate = _audience_given(match.node) and tokens is not None and len(tokens.audiences) != 1
        if tokens is not None and len(tokens.purposes) > 1 and not separate:
            yield match


def _audience_given(call: cst.Call) -> bool:
    return any(a.keyword is not None and a.keyword.value == "audience" for a in call.args)
