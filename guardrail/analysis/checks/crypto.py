"""Cryptography: where nonces, keys, salts and tokens come from, and whether a verdict is heard."""

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
    in_loop,
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
    unwrap,
    words_of,
)
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match
from guardrail.analysis.scopes import dotted
from guardrail.patterns.statements import statements_of
from guardrail.words import is_secret_name, split_words

_RANDOM = frozenset("os.urandom secrets.token_bytes secrets.token_hex Crypto.Random.get_random_bytes nacl.utils.random".split())
_FORESEEN = frozenset("time.time time.time_ns time.monotonic datetime.datetime.now datetime.datetime.utcnow os.getpid".split())
_UUIDS = frozenset("uuid.uuid1 uuid.uuid3 uuid.uuid5 uuid.uuid6 uuid.uuid7".split())
_DRESSING = frozenset("encode decode strip lower upper".split())
_PASSWORDS = frozenset("password passwd pwd passphrase passcode".split())
_SLOW = re.compile(r"(?i)bcrypt|argon2|pbkdf2|scrypt|pwned|hibp|passwordhasher|checkpw|hashpw")
_MACS = frozenset("hmac mac cmac tag sign signer signature poly1305 authenticate verify".split())
_KEYLIKE = re.compile(r"(?i)(key|secret|passw|keystream)")
_LOGGING = frozenset("debug info warning warn error exception log print critical".split())
_LIBRARIES = frozenset(
    "cryptography jwt jose authlib joserfc itsdangerous django nacl argon2 Crypto ecdsa rest_framework_simplejwt OpenSSL".split()
)


# ---- by hand ----


def xors_with_a_key(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`bytes(a ^ b for …)` over something that is named like a key."""
    for match in matches:
        value = named(match, "D")
        if value is None or not isinstance(value[1], (cst.GeneratorExp, cst.ListComp)):
            continue
        comprehension = value[1]
        elt = comprehension.elt
        if isinstance(elt, cst.BinaryOperation) and isinstance(elt.operator, cst.BitXor):
            if _KEYLIKE.search(facts.code(comprehension)):
                yield match


def encoding_called_encryption(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A function named `encrypt…` that returns an encoding and calls nothing that encrypts."""
    real = any(re.search(r"(?i)encrypt|cipher|seal|finalize|fernet|update", method(c)) for c in calls(facts))
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


def _kept(facts: Facts, node: cst.CSTNode) -> bool:
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
        if known or _slice_of_key(*value) or _kept(*value):
            yield match
            continue
        made_of = list(trace(*value))
        if not _drawn(made_of) and any(_foreseen(*part) for part in made_of):
            yield match


def _slice_of_key(facts: Facts, node: cst.CSTNode) -> bool:
    owner, found = resolve(facts, node)
    if not isinstance(found, cst.Subscript) or not isinstance(found.slice[0].slice, cst.Slice):
        return False
    return split_words(name_of(owner, found.value))[-1:] == ("key",)


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
    words = words_of(" ".join([symbol(facts), *identifiers(facts)]))
    if words & set("otp totp hotp oauth oauth1 twilio github hub aws s3 facebook hotp counter".split()):
        return
    if not any("sha1=" in text for text in texts(facts)):
        yield from matches


# ---- passwords ----


def _named_password(facts: Facts, node: cst.CSTNode) -> bool:
    for part in below(node):
        name = name_of(facts, part)
        words = set(split_words(name))
        if words & _PASSWORDS and is_secret_name(name) and not words & {"hash", "hashed", "digest"}:
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
        if _named_password(*value) or _named_password(*unwrap(*value, _DRESSING)):
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
        owner, node = unwrap(*value, _DRESSING)
        personal = isinstance(node, (cst.Name, cst.Attribute)) and _PERSONAL.search(dotted(node) or "")
        if known or personal or (isinstance(value[1], cst.Name) and _kept(*value)):
            yield match


# ---- tokens ----

_MAKER = re.compile(r"(?i)^_?(generate|make|create|new|build|random|gen|issue)_?(\w*_)?(\w+)$")
_CODES = re.compile(r"(?i)(reset|verif\w*|confirm\w*|invit\w*|recovery|login|auth|access|coupon|voucher|backup|otp|sms)_?(codes?|tokens?|keys?)$")
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
    return (m for m in matches if _secret_sink(facts, m.node))


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


# ---- verdicts ----


def _drops(statement: cst.CSTNode) -> bool:
    if isinstance(statement, cst.Pass):
        return True
    if isinstance(statement, cst.Expr):
        return isinstance(statement.value, cst.Ellipsis) or method(statement.value) in _LOGGING
    return False


def _approves(statement: cst.CSTNode) -> bool:
    value = statement.value if isinstance(statement, cst.Return) else None
    if isinstance(value, cst.Name):
        return value.value not in ("None", "False")
    return False


def _of_a_library(facts: Facts, error: cst.CSTNode) -> bool:
    parts = [e.value for e in error.elements] if isinstance(error, cst.Tuple) else [error]
    return any(name.split(".")[0] in _LIBRARIES for part in parts for name in facts.names(part))


def failure_is_swallowed(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A handler that lets forged data through: it only logs, or returns the data."""
    for match in matches:
        handler = match.node
        if not isinstance(handler, cst.ExceptHandler) or handler.type is None or not _of_a_library(facts, handler.type):
            continue
        body = statements_of(handler.body)
        if (body and all(_drops(s) for s in body[:-1]) and _approves(body[-1])) or (
            body and all(_drops(s) for s in body) and not _success_leaves(facts, handler)
        ):
            yield match


def _success_leaves(facts: Facts, handler: cst.ExceptHandler) -> bool:
    """Whether what follows the `try` is for the failure only, or sees that the value was never set."""
    block = facts.parent(handler)
    if not isinstance(block, cst.Try) or block.orelse is not None or in_loop(facts, handler):
        return True
    body = statements_of(block.body)
    for statement in body:
        if isinstance(statement, (cst.Return, cst.Break, cst.Continue)):
            return True
        if isinstance(statement, cst.Assign) and isinstance(statement.targets[0].target, cst.Name):
            name = statement.targets[0].target
            earlier = [b for o, b in facts.origins(name) if o is facts and not inside(facts, b.node, block)]
            if earlier or _set_before(facts, name, block):
                return True
    return False


def _set_before(facts: Facts, name: cst.Name, block: cst.CSTNode) -> bool:
    for node in facts.nodes:
        if node is block:
            return False
        if isinstance(node, (cst.Assign, cst.AnnAssign)):
            targets = [t.target for t in node.targets] if isinstance(node, cst.Assign) else [node.target]
            if any(isinstance(t, cst.Name) and t.value == name.value for t in targets):
                return True
    return False


def decrypts_without_tag(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A definition that decrypts and verifies nothing."""
    methods = {method(c) for c in calls(facts)}
    if "decrypt" in methods and not methods & {"decrypt_and_verify", "verify", "hexverify"}:
        yield from matches


def decryptor_never_finalized(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A decryptor that is updated and never finalized."""
    methods = {method(c) for c in calls(facts)}
    if {"decryptor", "update"} <= methods and not methods & {"finalize", "finalize_with_tag"}:
        yield from matches


# ---- a MAC of a plain hash ----


def _first_part(facts: Facts, node: cst.CSTNode) -> Located | None:
    facts, node = unwrap(facts, node, _DRESSING)
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
