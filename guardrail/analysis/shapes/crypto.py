"""Cryptography made at home: streams of XOR, rounds, tables, modular powers, padding and stretched hashes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.checks.tracing import (
    argument,
    below,
    calls,
    function_name,
    identifiers,
    loop_around,
    method,
    name_of,
    named,
    resolve,
    symbol,
    trace,
    words_of,
)
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match
from guardrail.words import is_secret_name, split_words

_KEYED = frozenset(
    "key keys subkey subkeys keystream secret password passphrase passwd pwd cipher ciphers ciphertext plaintext encrypt"
    " encrypted decrypt decrypted crypt crypto sbox keyschedule aes des rc4 tea xtea blowfish chacha salsa feistel"
    " obfuscate obfuscated".split()
)
_SUMS = frozenset(
    "crc crc8 crc16 crc32 adler checksum checksums parity fnv fnv1 fnv1a murmur murmur3 xxhash bloom zobrist lfsr gray mask masks"
    " masking masked websocket hash hashes hashed hashcode noise perlin random flag flags toggle bits bitmap bitset".split()
)
_KEY_ARITHMETIC = frozenset(
    "rsa dh diffie hellman dsa ecdsa elgamal paillier srp private public secret key keypair encrypt decrypt crypt sign signature"
    " verify verifier cipher ciphertext plaintext crypto curve secp256k1 modulus".split()
)
_MODULI = frozenset("n p q mod modulus modulo prime order field".split())
_STRETCHED = frozenset(
    "password passwd pwd passphrase passcode pin secret salt salted kdf derive derived stretch stretched pbkdf pbkdf1 pbkdf2"
    " iterations".split()
)
_SECRET_USE = frozenset(
    "password passwords passwd secret secrets sign signed signing signature encrypt decrypt salted nonce challenge".split()
)
_COMMON_TABLE = 256
_LONGEST = 4096  # of a table that is looked at


def _named_in(node: cst.CSTNode) -> frozenset[str]:
    """The words of the names below a node, its attributes too."""
    found: set[str] = set()
    for part in below(node):
        name = part.value if isinstance(part, cst.Name) else part.attr.value if isinstance(part, cst.Attribute) else ""
        found.update(split_words(name))
    return frozenset(found)


# ---- ciphers ----


def ciphers(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """XOR in a loop over something that is named like a key, or in rounds of shifts; each loop once."""
    about = words_of(symbol(facts))
    if about & _SUMS:
        return
    keyed: dict[int, bool] = {}  # of each loop: whether it has a word of a key, and is not told of yet
    for match in matches:
        loop = loop_around(facts, match.node)
        if loop is None or _collects_differences(facts, match.node):
            continue
        outer = _outermost(facts, loop)
        if id(outer) not in keyed:
            keyed[id(outer)] = bool((about | _named_in(outer)) & _KEYED)
        if keyed[id(outer)] and not _named_in(match.node) & _SUMS:
            keyed[id(outer)] = False
            yield match


def _outermost(facts: Facts, loop: cst.CSTNode) -> cst.CSTNode:
    around = loop_around(facts, loop)
    return loop if around is None else _outermost(facts, around)


def _collects_differences(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether the XOR is ored into something: a comparison in constant time."""
    for around in facts.ancestors(node):
        if isinstance(around, cst.AugAssign):
            return isinstance(around.operator, cst.BitOrAssign)
        if isinstance(around, cst.BinaryOperation) and isinstance(around.operator, cst.BitOr):
            return True
        if isinstance(around, (cst.BaseSmallStatement, cst.BaseCompoundStatement)):
            return False
    return False


def letters_shifted(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`chr` of a moved `ord` in a function that says that it encrypts."""
    for match in matches:
        moved = any(method(n) == "ord" for n in below(match.node))
        if moved and words_of(function_name(facts, match.node)) & {"encrypt", "decrypt", "cipher", "crypt", "caesar"}:
            yield match


# ---- tables and numbers ----


def substitution_tables(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """The first list of 256 bytes in which each is there once, and which no XOR of two entries gives."""
    for match in matches:
        value = named(match, "V")
        if value is not None and _is_table(*value):
            yield match
            return


def _is_table(facts: Facts, node: cst.CSTNode) -> bool:
    if isinstance(node, (cst.List, cst.Tuple)) and not _COMMON_TABLE <= len(node.elements) <= _LONGEST:
        return False
    known = facts.constant(node)
    if isinstance(known, str):
        digits = "".join(known.split())
        known = bytes.fromhex(digits) if len(digits) == 2 * _COMMON_TABLE and digits.isalnum() and _is_hex(digits) else b""
    table = list(known) if isinstance(known, (tuple, bytes)) else []
    if len(table) != _COMMON_TABLE or any(not isinstance(n, int) for n in table) or set(table) != set(range(_COMMON_TABLE)):
        return False
    return table != sorted(table) and table[0] ^ table[1] ^ table[2] != table[3]


def _is_hex(text: str) -> bool:
    return all(c in "0123456789abcdefABCDEF" for c in text)


def key_powers(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`pow(a, b, n)` where the definition speaks of keys and the modulus is called like one."""
    about = words_of(" ".join([symbol(facts), *identifiers(facts)]))
    if not about & _KEY_ARITHMETIC:
        return
    for match in matches:
        exponent, modulus = named(match, "B"), named(match, "C")
        if exponent is None or modulus is None or exponent[0].constant(exponent[1]) in (-1, 2):
            continue
        if set(split_words(name_of(*modulus))) & _MODULI or (about & {"rsa", "dh", "diffie", "elgamal", "srp"}):
            yield match


def padding(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A byte repeated as often as it says, joined to something."""
    for match in matches:
        byte, times = named(match, "N"), named(match, "M")
        if byte is not None and times is not None and facts.normal(byte[1]) == facts.normal(times[1]):
            yield match


# ---- hashes ----


def stretched(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A hash of its own result, again and again, over a secret."""
    about = words_of(" ".join([symbol(facts), *identifiers(facts)]))
    if not about & _STRETCHED:
        return
    for match in matches:
        if loop_around(facts, match.node) is None:
            continue
        at = facts.statement(match.node)
        targets = [t.target for t in at.targets] if isinstance(at, cst.Assign) else [getattr(at, "target", None)]
        given = {facts.normal(t) for t in targets if isinstance(t, (cst.Name, cst.Attribute))}
        arguments = list(match.node.args) if isinstance(match.node, cst.Call) else []
        if any(facts.normal(part) in given for a in arguments for part in below(a.value)):
            yield match
            return


def hashed_secrets(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A plain hash of a secret, or one that is made under such a name: no checksum, no key of a cache."""
    about = words_of(symbol(facts)) & _SECRET_USE
    fed: dict[int, list[cst.CSTNode]] = {}
    for call in calls(facts):
        data = argument(call, 0)
        if method(call) == "update" and data is not None and isinstance(call.func, cst.Attribute):
            fed.setdefault(id(resolve(facts, call.func.value)[1]), []).append(data)
    for match in matches:
        first = argument(match.node, 0, "data") if isinstance(match.node, cst.Call) else None
        hashed = [*([first] if first is not None else []), *fed.get(id(match.node), ())]
        if about or _goes_to_secret(facts, match.node) or any(_secret(o, n) for v in hashed for o, n in trace(facts, v)):
            yield match
            return


def _goes_to_secret(facts: Facts, node: cst.CSTNode) -> bool:
    at = facts.statement(node)
    targets = [t.target for t in at.targets] if isinstance(at, cst.Assign) else []
    return any(_secret(facts, t) for t in targets)


def _secret(facts: Facts, node: cst.CSTNode) -> bool:
    name = name_of(facts, node) if isinstance(node, (cst.Name, cst.Attribute, cst.Subscript)) else ""
    words = set(split_words(name))
    if words & {"salt", "nonce"} and len(words) < 3:
        return True
    return is_secret_name(name) and bool(words - {"digest", "csrf"}) and words != {"pin"}
