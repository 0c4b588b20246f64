"""Cryptography: ciphers made by hand, nonces that repeat, and modes that nobody authenticates."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.checks.tracing import (
    Located,
    argument,
    below,
    called,
    calls,
    function_name,
    identifiers,
    inside,
    loop_around,
    method,
    name_of,
    named,
    origins,
    resolve,
    symbol,
    texts,
    trace,
    words_of,
)
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match
from guardrail.words import split_words

_RANDOM = frozenset("os.urandom secrets.token_bytes secrets.token_hex Crypto.Random.get_random_bytes nacl.utils.random".split())
_FORESEEN = frozenset("time.time time.time_ns time.monotonic datetime.datetime.now datetime.datetime.utcnow os.getpid".split())
_UUIDS = frozenset("uuid.uuid1 uuid.uuid3 uuid.uuid5 uuid.uuid6 uuid.uuid7".split())
_MACS = frozenset("hmac mac cmac tag sign signer signature poly1305 authenticate verify".split())


def encoding_called_encryption(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A function named `encrypt…` that returns an encoding and calls nothing that encrypts."""
    real = any(re.search(r"(?i)crypt|cipher|seal|finalize|fernet|update", method(c)) for c in calls(facts))
    for match in matches:
        name = function_name(facts, match.node).lower()
        if not real and name.lstrip("_").startswith("encrypt") and isinstance(facts.statement(match.node), cst.Return):
            yield match


# ---- nonces ----


def _drawn(made_of: list[Located]) -> bool:
    return any(called(owner, n) & _RANDOM for owner, n in made_of)


def _foreseen(owner: Facts, node: cst.CSTNode) -> bool:
    names = called(owner, node)
    if names & (_FORESEEN | _UUIDS):
        return True
    return any(
        (n.startswith("random.") and not n.startswith("random.SystemRandom")) or n.startswith(("numpy.random.", "hashlib."))
        for n in names
    )


def kept(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether the nonce was drawn once, for the module, the class or in `__init__`, and lives on."""
    for owner, value in origins(facts, node):
        made_of = list(trace(owner, value))
        if not _drawn(made_of):
            continue
        if isinstance(node, cst.Attribute):
            return owner.definition is None or owner.definition.kind == "class" or symbol(owner).endswith("__init__")
        return owner is not facts and owner.definition is None
    return False


def predictable_nonce(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A nonce that is constant, foreseeable, cut from the key, or kept for many messages."""
    for match in matches:
        value = named(match, "N")
        if value is None or _only_decrypts(facts, match.node):
            continue
        known = value[0].constants(value[1])
        if known and any(k is None for k in known):
            continue
        if known or _slice_of_key(*value, match.node) or kept(*value):
            yield match
            continue
        made_of = list(trace(*value))
        if not _drawn(made_of) and any(_foreseen(*part) for part in made_of):
            yield match


def _slice_of_key(facts: Facts, node: cst.CSTNode, call: cst.CSTNode) -> bool:
    """Whether the nonce is a slice of something named key, or of the very key of this call."""
    owner, found = resolve(facts, node)
    if not isinstance(found, cst.Subscript) or not isinstance(found.slice[0].slice, cst.Slice):
        return False
    key = argument(call, 0, "key") if isinstance(call, cst.Call) else None
    same = method(call) == "new" and key is not None and owner.normal(found.value) == owner.normal(key)
    return same or split_words(name_of(owner, found.value))[-1:] == ("key",)


def _only_decrypts(facts: Facts, node: cst.CSTNode) -> bool:
    methods = {method(c) for c in calls(facts)}
    decrypts = methods & {"decrypt", "decryptor", "decrypt_and_verify"}
    return bool(decrypts) and not methods & {"encrypt", "encryptor", "encrypt_and_digest"}


def nonce_used_again(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """One drawn nonce for the turns of a loop, or for two messages under one key."""
    seen: dict[tuple[int, str], cst.CSTNode] = {}
    done: set[int] = set()
    for match in matches:
        value = named(match, "N")
        if value is None or id(match.node) in done or not isinstance(value[1], cst.Name) or _only_decrypts(facts, match.node):
            continue
        done.add(id(match.node))
        drawn = origins(facts, value[1])
        if len(drawn) != 1 or drawn[0][0] is not facts or not _drawn(list(trace(*drawn[0]))):
            continue
        loop = loop_around(facts, match.node)
        if loop is not None and not inside(facts, drawn[0][1], loop) and not _keyed_inside(facts, match.node, loop):
            yield match
            continue
        key = (id(drawn[0][1]), _cipher(facts, match.node))
        first = seen.setdefault(key, match.node)
        if first is not match.node and not _exclusive(facts, first, match.node):
            yield match


def _cipher(facts: Facts, node: cst.CSTNode) -> str:
    func = node.func if isinstance(node, cst.Call) else None
    if isinstance(func, cst.Attribute) and func.attr.value == "encrypt":
        return facts.normal(func.value)
    key = argument(node, 0, "key") if isinstance(node, cst.Call) else None
    return facts.normal(key) if key is not None else ""


def _keyed_inside(facts: Facts, node: cst.CSTNode, loop: cst.CSTNode) -> bool:
    """Whether the loop brings a new key in every turn."""
    func = node.func if isinstance(node, cst.Call) else None
    cipher: cst.CSTNode | None = func.value if isinstance(func, cst.Attribute) and func.attr.value == "encrypt" else None
    if cipher is None and isinstance(node, cst.Call):
        cipher = argument(node, 0, "key")
    if cipher is None:
        return False
    for part in below(cipher):
        if isinstance(part, cst.Name):
            for owner, bind in facts.origins(part):
                if owner is facts and inside(facts, bind.node, loop):
                    return True
    return False


def _exclusive(facts: Facts, one: cst.CSTNode, other: cst.CSTNode) -> bool:
    """Whether the two stand in different branches of one `if`."""
    for around in facts.ancestors(one):
        if isinstance(around, cst.If) and around.orelse is not None:
            branches = [inside(facts, one, around.body), inside(facts, other, around.body)]
            within = inside(facts, other, around)
            if within and branches[0] != branches[1]:
                return True
    return False


# ---- modes ----


def encrypts_without_mac(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A definition that encrypts, in a class (or alone) that has no word of a MAC."""
    if not {method(c) for c in calls(facts)} & {"encryptor", "encrypt"}:
        return
    words = words_of(" ".join(identifiers(facts)))
    if facts.owner:
        for definition in facts.file.index.definitions:
            if definition.symbol.startswith(facts.owner):
                words |= words_of(" ".join(definition.words))
    if not words & _MACS:
        yield from matches


def digest_is_our_choice(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Not where a protocol asks for SHA-1: one-time codes, OAuth 1, old webhooks and signatures of providers."""
    words = words_of(" ".join([facts.path, symbol(facts), *identifiers(facts)]))
    if words & set("otp totp hotp oauth oauth1 twilio github hub aws s3 facebook mfa counter".split()):
        return
    if not any("sha1=" in text for text in texts(facts)):
        yield from matches
