"""Where a primitive is at home: steps of tokens, signatures and logins in code that makes them, told by what it speaks of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from weakref import WeakKeyDictionary

import libcst as cst

from guardrail.analysis.checks.tracing import identifiers, symbol, texts
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
    strong: frozenset[str]  # things of which one at least is spoken of
    vetted: tuple[str, ...]  # packages that make it for others

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
        kind="jwt jws jwe jwk jwks jose id_token oauth oauth1 oauth2 oidc openid saml",
        claims="claim claims aud iss nbf iat jti issuer audience azp acr amr",
        header="kid crit alg kty jku x5c unverified header protected",
        flow="grant grants grant_type response_type code_verifier code_challenge authorization_code redirect_uri redirect_uris nonce",
        client="client_id client_secret client_metadata token_endpoint authorization_endpoint",
        token="access_token refresh_token bearer token assertion credential",
        signature="signature verify_signature signing signing_input",
        scope="scope scopes",
    ),
    frozenset({"kind", "claims", "flow", "client"}),
    tuple("jwt jose authlib joserfc jwcrypto oauthlib requests_oauthlib onelogin saml2 signxml msal social_core allauth".split()),
)
SECRETS = Primitive(
    _things(
        sign="sign signed signer signers unsign unsigner signature signatures verify_signature",
        key="private_key public_key secret_key secret_keys signing_key keypair cek secret subkey sub_key derive_key",
        mac="hmac mac digest digestmod",
        cipher="cipher ciphertext plaintext encrypt decrypt encrypted decrypted encryption",
        salt="salt iv nonce entropy",
        cost="kdf pbkdf2 pbkdf1 scrypt bcrypt argon2 rounds",
        password="password passwd hasher hashers",
        checksum="checksum",
    ),
    frozenset({"sign", "cipher", "salt", "cost", "mac"}),
    tuple("cryptography Crypto Cryptodome nacl passlib argon2 bcrypt pwdlib itsdangerous ssl ecdsa rsa OpenSSL".split()),
)
LOGINS = Primitive(
    _things(
        session="session sessionid session_key session_data session_auth session_cookie session_store session_hash",
        login="login logout authenticate authenticated aauthenticate alogin alogout user_logged user_can is_active",
        right="permission permissions perm perms superuser has_perm has_perms",
        password="password check_password set_password unusable_password password_reset reset_password acheck_password",
        factor="otp totp mfa recovery_code",
        user="user username get_user user_id uid uidb64 credentials",
        backend="backend backends",
        renewal="cycle_key flush rotate_token expiry expire expired cookie cookies",
    ),
    frozenset({"session", "login", "right", "password", "factor"}),
    ("flask_login", "django_otp", "allauth", "flask_security", "fastapi_users", "django.contrib.auth", "django.contrib.sessions"),
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


def _steps(facts: Facts, matches: Iterable[Match], primitive: Primitive, made_here: bool) -> Iterator[Match]:
    name = symbol(facts).rpartition(".")[2]
    if (name.startswith("__") and name not in _DUNDERS) or facts.owner.endswith(_RECORDS):
        return
    if _leaves_to_library(facts, primitive) is made_here or not _is_step(facts, primitive):
        return
    yield from list(matches)[:1]


def _leaves_to_library(facts: Facts, primitive: Primitive) -> bool:
    """Whether the module imports a vetted library that it is no part of."""
    own = facts.file.index.module.partition(".")[0]
    vetted = [package for package in primitive.vetted if package.partition(".")[0] != own]
    return any(name == p or name.startswith(p + ".") for name in facts.file.index.imports.values() for p in vetted)


def _is_step(facts: Facts, primitive: Primitive) -> bool:
    """Whether the definition speaks of enough things of the primitive, or of one where its class is about more."""
    keys = (text for text in texts(facts) if len(text) <= _LONGEST and " " not in text)
    said = primitive.spoken_of([*identifiers(facts), *keys])
    if len(said) >= _ENOUGH and len(said & primitive.strong) >= _AT_HOME:
        return True
    about = _class_about(facts, primitive)
    return bool(said and about & primitive.strong) and len(about) >= _AT_HOME and _does_something(facts)


def _class_about(facts: Facts, primitive: Primitive) -> frozenset[str]:
    """The things that the class of the definition keeps and does; nothing where its name says nothing of the primitive."""
    owner = facts.owner
    if not owner or not primitive.spoken_of([owner.rpartition(".")[2]]):
        return frozenset()
    known = _known.setdefault(facts.file, {})
    if (owner, id(primitive)) not in known:
        bindings = facts.file.index.bindings
        names = (b.name for b in bindings if b.scope == owner or (b.scope.startswith(owner + ".") and b.name.startswith("self.")))
        known[owner, id(primitive)] = primitive.spoken_of([owner, *names])
    return known[owner, id(primitive)]


def _does_something(facts: Facts) -> bool:
    """Whether there is a call or a decision: a method that only gives back a field, or nothing, is no step."""
    return any(isinstance(n, (cst.Call, cst.If, cst.Comparison, cst.Raise, cst.Subscript)) for n in facts.nodes)
