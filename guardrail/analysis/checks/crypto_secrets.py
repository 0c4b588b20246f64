"""Passwords, salts, tokens and keys: where they come from and what is made of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.checks.crypto import kept
from guardrail.analysis.checks.tracing import (
    DRESSING,
    Located,
    argument,
    below,
    called,
    function_name,
    identifiers,
    method,
    name_of,
    named,
    resolve,
    symbol,
    texts,
    trace,
    unwrap,
    words_of,
)
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match
from guardrail.analysis.scopes import dotted
from guardrail.credentials import PASSWORDS
from guardrail.words import is_secret_name, split_words

_SLOW = re.compile(r"(?i)bcrypt|argon2|pbkdf2|scrypt|pwned|hibp|passwordhasher|checkpw|hashpw")


# ---- passwords ----


def _named_password(facts: Facts, node: cst.CSTNode) -> bool:
    for part in below(node):
        name = name_of(facts, part)
        words = set(split_words(name))
        if words & PASSWORDS and is_secret_name(name) and not words & {"hash", "hashed", "digest"}:
            return True
    return False


def hashes_a_password(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A password that goes into a fast hash, and into nothing slow after it."""
    if _SLOW.search(" ".join(identifiers(facts))) or any(_SLOW.search(text) for text in texts(facts)):
        return
    for match in matches:
        value = named(match, "P")
        if value is None or not isinstance(match.node, cst.Call):
            continue
        used = argument(match.node, -1, "usedforsecurity")
        if used is not None and facts.constant(used) is False:
            continue
        if _named_password(*value) or _named_password(*unwrap(*value, DRESSING)):
            yield match


def weak_hasher_first(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """The first of Django's password hashers is a fast one, and this is not a settings file for tests."""
    if re.search(r"(?i)(^|[/_.-])(test|tests|testing|ci)([/_.-]|$)", facts.path):
        return
    for match in matches:
        value = named(match, "V")
        if value is None or not isinstance(value[1], (cst.List, cst.Tuple)) or not value[1].elements:
            continue
        first = value[0].constant(value[1].elements[0].value)
        if isinstance(first, str) and re.search(r"(MD5|SHA1|Unsalted|Crypt)\w*Hasher$", first) and "BCrypt" not in first:
            yield match


_PERSONAL = re.compile(r"(?i)(^|[._])(user_?name|e?mail|login|user_?id)(_?address)?$")


def salt_is_shared(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A salt that is constant, personal data, or drawn once for the whole module."""
    for match in matches:
        value = named(match, "S")
        if value is None:
            continue
        known = value[0].constants(value[1])
        if any(k is None for k in known):
            continue
        node = unwrap(*value, DRESSING)[1]
        personal = isinstance(node, (cst.Name, cst.Attribute)) and _PERSONAL.search(dotted(node) or "")
        if known or personal or (isinstance(value[1], cst.Name) and kept(*value)):
            yield match


# ---- tokens ----

_MAKER = re.compile(r"(?i)^_?(generate|make|create|new|build|random|gen|issue)_?(\w*_)?(\w+)$")
_CODES = re.compile(
    r"(?i)(reset|verif\w*|confirm\w*|invit\w*|recovery|login|auth|access|coupon|voucher|backup|otp|sms)_?(codes?|tokens?|keys?)$"
)
_PRETENDED = re.compile(r"(?i)fake|mock|sample|demo|seed|dummy|simulat|anonymi")
_WRAPPERS = frozenset(
    "str int bytes list tuple map join format encode hex md5 sha1 sha256 sha512 new hexdigest digest b64encode urlsafe_b64encode"
    " decode sorted zfill rjust upper lower strip rstrip replace".split()
)


def _sink(facts: Facts, node: cst.CSTNode) -> str:
    """The name that the value ends up under, "" where it goes into something else first."""
    child, at = node, facts.parent(node)
    while at is not None:
        if isinstance(at, cst.Arg) and at.keyword is not None and child is at.value:
            return at.keyword.value
        if isinstance(at, cst.DictElement) and child is at.value:
            key = facts.constant(at.key)
            return key if isinstance(key, str) else ""
        if isinstance(at, (cst.Assign, cst.AnnAssign, cst.AugAssign, cst.NamedExpr)):
            target = at.targets[0].target if isinstance(at, cst.Assign) else at.target
            return name_of(facts, target)
        if isinstance(at, cst.Return):
            return function_name(facts, at)
        if isinstance(at, (cst.BaseSmallStatement, cst.BaseCompoundStatement, cst.Comparison, cst.Subscript)):
            return ""
        if isinstance(at, cst.Call) and child is not at.func and method(at) not in _WRAPPERS:
            return ""
        child, at = at, facts.parent(at)
    return ""


def _secret_sink(facts: Facts, node: cst.CSTNode) -> str:
    name = _sink(facts, node)
    made = _MAKER.match(name)
    bare = made[0].lstrip("_").partition("_")[2] if made else name
    if _PRETENDED.search(symbol(facts)) or _PRETENDED.search(facts.path) or _PRETENDED.search(name):
        return ""
    return bare if is_secret_name(bare) or _CODES.search(bare) else ""


def feeds_a_secret(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Values that end up under the name of a secret."""
    return (m for m in matches if _secret_sink(facts, m.node) and not _of_a_lock(facts))


def _of_a_lock(facts: Facts) -> bool:
    """Whether the definition locks something: its tokens tell holders apart, and nobody has to guess them."""
    named = f"{facts.definition.symbol if facts.definition else ''} {facts.path.rpartition('/')[2]}"
    return bool(set(split_words(named)) & {"lock", "locks", "locking", "mutex", "lease", "semaphore"})


def feeds_a_bearer_secret(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Values that end up as a token or key; typed passwords and codes have rules of their own."""
    for match in matches:
        words = set(split_words(_secret_sink(facts, match.node)))
        if words and not words & {"otp", "totp", "pin", "code", "codes", "password", "passcode", "pwd", "passwd"}:
            yield match


def feeds_a_code(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Values that end up as a one-time code."""
    for match in matches:
        if set(split_words(_secret_sink(facts, match.node))) & {"otp", "pin", "code", "codes", "passcode"}:
            yield match


# ---- keys ----

_DECODERS = frozenset(
    "base64.b64decode base64.urlsafe_b64decode base64.b32decode binascii.unhexlify binascii.a2b_hex bytes.fromhex".split()
)


def _in_code(facts: Facts, node: cst.CSTNode) -> bool:
    known = facts.constants(node)
    if known:
        return all(isinstance(k, (str, bytes)) and len(k) > 0 for k in known)
    owner, found = resolve(facts, node)
    if called(owner, found) & _DECODERS and isinstance(found, cst.Call) and found.args:
        return _in_code(owner, found.args[0].value)
    return False


def key_in_code(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A key that is a literal, plain or encoded; labels for deriving keys and public keys are fine."""
    for match in matches:
        value = named(match, "K")
        if value is None or not _in_code(*value):
            continue
        known = value[0].constants(value[1])
        if any(
            "BEGIN PUBLIC KEY" in (k if isinstance(k, str) else k.decode("latin-1")) for k in known if isinstance(k, (str, bytes))
        ):
            continue
        data = argument(match.node, 1, "msg") if isinstance(match.node, cst.Call) else None
        derives = called(facts, match.node) & {"hmac.new", "hmac.digest"} and data is not None
        if derives and re.search(r"(?i)seed|secret|(^|[._])\w*key$", facts.code(data)):  # type: ignore[arg-type]
            continue
        yield match


def key_is_padded_text(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`password.ljust(32)` or `password[:32]` as a key."""
    for match in matches:
        value = named(match, "K")
        if value is None:
            continue
        owner, node = resolve(*value)
        padded = any(method(n) in ("ljust", "rjust", "zfill", "center") for _, n in trace(owner, node))
        cut = isinstance(node, cst.Subscript) and isinstance(node.slice[0].slice, cst.Slice) and _named_password(owner, node.value)
        if padded or cut:
            yield match


# ---- a MAC of a plain hash ----


def _first_part(facts: Facts, node: cst.CSTNode) -> Located | None:
    facts, node = unwrap(facts, node, DRESSING)
    if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Add):
        while isinstance(node, cst.BinaryOperation):
            node = node.left
        return facts, node
    if isinstance(node, cst.FormattedString) and len(node.parts) > 1:
        first = node.parts[0]
        return (facts, first.expression) if isinstance(first, cst.FormattedStringExpression) else None
    return None


def secret_in_front(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`sha256(secret + data)` whose result serves as a signature."""
    for match in matches:
        value = named(match, "D")
        first = _first_part(*value) if value is not None else None
        if first is None or not first[0].secret(first[1]) or _named_password(*first):
            continue
        use = f"{_sink(facts, match.node)} {function_name(facts, match.node)}"
        if words_of(use) & {"signature", "sign", "signed", "sig", "mac", "verify", "expected", "auth"}:
            yield match
