"""Where a primitive is at home: steps of tokens, signatures and logins in code that makes them, told by what it speaks of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from weakref import WeakKeyDictionary

import libcst as cst

from guardrail.analysis.checks.tracing import below, identifiers, method, symbol, texts
from guardrail.analysis.facts import Facts
from guardrail.analysis.files import FileFacts
from guardrail.analysis.match import Match
from guardrail.words import split_words

_ENOUGH = 3  # things spoken of in a definition that stands alone
_AT_HOME = 2  # things that a class is about, whose methods then need to speak of one
_LONGEST = 40  # characters of a text that may be a key or a field
_DUNDERS = frozenset("__init__ __call__ __getitem__ __setitem__ __delitem__".split())
_RECORDS = ("Error", "Exception", "Warning", "Protocol")


def _things(**said: str) -> Mapping[str, str]:
    return {word: thing for thing, words in said.items() for word in words.split()}


@dataclass(frozen=True, slots=True)
class Primitive:
    """What code speaks of that makes a primitive: words and pairs of words, each with the thing that it names."""

    things: Mapping[str, str]
    strong: frozenset[str]  # things that few others speak of
    telling: frozenset[str]  # things that suffice as the name of a class
    vetted: tuple[str, ...]  # packages that make it for others
    at_home: int = 1  # strong things that a class is about whose name speaks of the primitive

    def spoken_of(self, names: Iterable[str]) -> frozenset[str]:
        """The things that identifiers name."""
        found: set[str] = set()
        for name in names:
            words = split_words(name)
            for word in (*words, *("_".join(pair) for pair in pairwise(words))):
                if word in self.things:
                    found.add(self.things[word])
        return frozenset(found)


TOKENS = Primitive(
    _things(
        kind="jwt jws jwe jwk jwks jose id_token oauth oauth1 oauth2 o_auth oidc openid open_id saml bearer json_web",
        claims="claim claims aud iss nbf iat jti issuer audience azp acr amr",
        header="kid crit alg kty jku x5c unverified header protected algorithm algorithms",
        flow="grant grants grant_type response_type code_verifier code_challenge authorization_code redirect_uri redirect_uris"
        " nonce",
        client="client_id client_metadata server_metadata",
        secret="client_secret",
        party="client_auth authenticate_client",
        endpoint="token_endpoint authorization_endpoint authorization_server",
        payload="payload segment segments",
        token="access_token refresh_token token assertion credential introspection revocation",
        signature="signature verify_signature signing signing_input",
        scope="scope scopes",
    ),
    frozenset({"kind", "claims", "flow", "client", "secret", "party", "endpoint"}),
    frozenset({"kind"}),
    tuple("jwt jose authlib joserfc jwcrypto oauthlib requests_oauthlib onelogin saml2 signxml msal social_core allauth".split()),
)
SECRETS = Primitive(
    _things(
        sign="sign signing signature signatures verify_signature",
        signer="signer signers unsign unsigner unsigners",
        key="private_key public_key secret_key secret_keys signing_key keypair cek secret subkey sub_key derive_key prepare_key"
        " key_size curve",
        mac="hmac mac digest digestmod md4 md5 sha1 sha256 sha512",
        cipher="cipher ciphertext plaintext encrypt decrypt encrypted decrypted encryption crypt blowfish des aes salsa20 fernet"
        " wrap unwrap epk aead",
        pair="rsa ecdsa ecdh dsa eddsa ed_25519 ed25519 ed448 x25519 rsa_key ec_key okp_key oct_key",
        salt="salt iv nonce entropy",
        cost="kdf pbkdf2 pbkdf1 scrypt bcrypt argon2",
        rounds="rounds iterations",
        hasher="hasher hashers htpasswd htdigest",
        password="password passwd",
        verdict="verify verified",
        checksum="checksum hash",
        algorithm="algorithm algorithms",
    ),
    frozenset({"sign", "signer", "cipher", "salt", "cost", "hasher", "mac", "pair"}),
    frozenset({"signer", "cipher", "cost", "hasher", "pair"}),
    tuple("cryptography Crypto Cryptodome nacl passlib argon2 bcrypt pwdlib itsdangerous ssl ecdsa rsa OpenSSL".split()),
)
LOGINS = Primitive(
    _things(
        session="session sessionid session_key session_data session_auth session_cookie session_store session_hash",
        login="login logout authenticate authenticated authentication aauthenticate alogin alogout user_logged user_can"
        " user_session",
        right="permission permissions perm perms superuser has_perm has_perms",
        password="password check_password acheck_password verify_password",
        reset="set_password unusable_password password_reset reset_password password_change change_password",
        factor="otp totp mfa recovery_code",
        backends="get_backends load_backend backend_path backend_session",
        user="user username get_user user_id uid uidb64 credentials",
        backend="backend",
        token="token",
        renewal="cycle_key rotate_token cookie cookies",
    ),
    frozenset({"session", "login", "right", "password", "reset", "factor", "backends", "renewal"}),
    frozenset({"login", "right", "reset", "factor"}),
    ("flask_login", "django_otp", "allauth", "flask_security", "fastapi_users", "django.contrib.auth", "django.contrib.sessions"),
    at_home=2,
)
LEASES = Primitive(
    _things(
        lock="lock mutex semaphore",
        lease="lease ttl unlock_time lock_time auto_unlock",
        take="acquire acquired",
        renew="renew extend prolong prolongate reacquire keepalive keep_alive",
        give="release unlock",
        holder="owner holder client_id lock_id self_id",
        leader="leader election leadership elected",
    ),
    frozenset({"lease", "renew", "leader"}),
    frozenset(),
    tuple("pysyncobj kazoo etcd3 etcd3gw consul redlock aioredlock kubernetes".split()),
)
_known: WeakKeyDictionary[FileFacts, dict[tuple[str, int], frozenset[str]]] = WeakKeyDictionary()


def token_steps(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A step in the life of a token or of a flow, in a module that leaves part of it to a vetted library."""
    yield from _steps(facts, matches, TOKENS, made_here=False)


def token_steps_made(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A step in the life of a token or of a flow that is made here."""
    yield from _steps(facts, matches, TOKENS, made_here=True)


def secret_steps(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A step of a signature, a cipher or a password hash, in a module that leaves part of it to a vetted library."""
    yield from _steps(facts, matches, SECRETS, made_here=False)


def secret_steps_made(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A step of a signature, a cipher or a password hash that is made here."""
    yield from _steps(facts, matches, SECRETS, made_here=True)


def login_steps(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A step of a login, a session or a right, in a module that leaves part of it to a vetted library."""
    yield from _steps(facts, matches, LOGINS, made_here=False)


def login_steps_made(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A step of a login, a session or a right that is made here."""
    yield from _steps(facts, matches, LOGINS, made_here=True)


def lease_steps(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A lock or an office that is held for a time and renewed: taken, kept or given back here."""
    yield from _steps(facts, matches, LEASES, made_here=True)


def _steps(facts: Facts, matches: Iterable[Match], primitive: Primitive, made_here: bool) -> Iterator[Match]:
    name = symbol(facts).rpartition(".")[2]
    if (name.startswith("__") and name not in _DUNDERS) or facts.owner.endswith(_RECORDS):
        return
    for match in matches:
        if (
            _does_something(match.node, name)
            and _leaves_to_library(facts, primitive) is not made_here
            and _is_step(facts, primitive)
        ):
            yield match
        return


def _does_something(node: cst.CSTNode, name: str) -> bool:
    """Whether a function does more than to give back a field or keep one, to say what it is for, or to leave it to others."""
    if name == "__init__":
        return any(isinstance(part, cst.If) for part in below(node))
    body = node.body.body if isinstance(node, cst.FunctionDef) else ()
    lines = [s.body if isinstance(s, cst.SimpleStatementLine) else [s] for s in body]
    doings = [part for line in lines for part in line if not isinstance(part, (cst.Pass, cst.Raise)) and not _is_said(part)]
    only = doings[0] if len(doings) == 1 else None
    return bool(doings) and not (isinstance(only, cst.Return) and _is_plain(only.value))


def _is_plain(value: cst.BaseExpression | None) -> bool:
    """A name, a field, a text, nothing; `self["x"]` and `self.get("x")`."""
    if isinstance(value, cst.Subscript):
        return isinstance(value.value, cst.Name)
    if isinstance(value, cst.Call):
        return method(value) == "get" and len(value.args) == 1 and isinstance(value.func, cst.Attribute)
    return isinstance(value, (cst.Name, cst.Attribute, cst.BaseString, type(None)))


def _is_said(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.Expr) and isinstance(node.value, (cst.BaseString, cst.Ellipsis))


def _leaves_to_library(facts: Facts, primitive: Primitive) -> bool:
    """Whether the module imports a vetted library that it is no part of."""
    own = facts.file.index.module.partition(".")[0]
    vetted = [package for package in primitive.vetted if package.partition(".")[0] != own]
    return any(name == p or name.startswith(p + ".") for name in facts.file.index.imports.values() for p in vetted)


def _is_step(facts: Facts, primitive: Primitive) -> bool:
    """Whether the definition speaks of enough things of the primitive, or of one where its class is about more."""
    keys = (text for text in texts(facts) if len(text) <= _LONGEST and " " not in text)
    said = primitive.spoken_of([*identifiers(facts), *keys])
    if len(said) >= _ENOUGH and (len(said & primitive.strong) >= _AT_HOME or said & primitive.telling):
        return True
    named = primitive.spoken_of([facts.owner.rpartition(".")[2]])
    if named & primitive.telling and primitive.at_home == 1:
        return True
    return bool(said) and facts.owner != "" and _is_home(facts, primitive)


def _is_home(facts: Facts, primitive: Primitive) -> bool:
    """Whether the class of the definition is about the primitive: by its name, or by all that it keeps and does."""
    named = primitive.spoken_of([facts.owner.rpartition(".")[2]])
    if named & primitive.telling:
        return True
    about = _class_about(facts, primitive)
    strong = len(about & primitive.strong)
    return strong >= primitive.at_home and len(about) >= _AT_HOME if named else strong >= _AT_HOME and len(about) >= _ENOUGH


def _class_about(facts: Facts, primitive: Primitive) -> frozenset[str]:
    """The things that the class of the definition keeps and does."""
    owner = facts.owner
    known = _known.setdefault(facts.file, {})
    if (owner, id(primitive)) not in known:
        bindings = facts.file.index.bindings
        names = (b.name for b in bindings if b.scope == owner or (b.scope.startswith(owner + ".") and b.name.startswith("self.")))
        known[owner, id(primitive)] = primitive.spoken_of([owner, *names])
    return known[owner, id(primitive)]
