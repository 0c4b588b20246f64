"""Secrets that leave by a side door: addresses, errors, `repr`, command lines, metrics, answers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import pairwise

import libcst as cst

from guardrail.analysis.checks import flow
from guardrail.analysis.checks.secrets_logged import leaks, leaves
from guardrail.analysis.checks.tracing import Located, called, method, name_of, named, resolve, symbol, trace
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match
from guardrail.credentials import PASSWORDS
from guardrail.patterns.displays import dict_pairs
from guardrail.patterns.statements import statements_of
from guardrail.words import is_secret_name, split_words

_PAIRS = frozenset(
    [("api", "key"), ("private", "key"), ("secret", "key"), ("access", "token"), ("refresh", "token"), ("client", "secret")]
)
_WORST = re.compile(r"(?i)^(password|passwd|pwd|passphrase|secret|private_?key)$")
_BEARERS = re.compile(r"(?i)^(api_?key|access_?token|auth_?token|token|refresh_?token|session_?id)$")
_ASKED_FOR = re.compile(r"[?&](\w+)=$")
_SESSIONS = re.compile(r"(?i)^(access_?token|refresh_?token|jwt|id_?token|api_?key|session_?id|password)$")
_ISSUERS = re.compile(r"(?i)(create|make|issue|generate|encode|sign)_?(access|jwt|refresh|session|auth)|^encode$")


def _sure(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether an expression is a password, a key or a token of access by its own name."""
    if not isinstance(node, (cst.Name, cst.Attribute, cst.Subscript)):
        return False
    name = name_of(facts, node)
    words = split_words(name)
    plain = bool(PASSWORDS.intersection(words)) or any(pair in _PAIRS for pair in pairwise(words))
    return plain and is_secret_name(name) and leaks(facts, node)


# ---- addresses ----


def _asked(facts: Facts, node: cst.CSTNode) -> Iterator[tuple[str, Located]]:
    """The names and values in the query of an address that is put together here."""
    for owner, part in trace(facts, node):
        pieces = part.parts if isinstance(part, cst.FormattedString) else ()
        for text, value in pairwise(pieces):
            key = _ASKED_FOR.search(text.value) if isinstance(text, cst.FormattedStringText) else None
            if key and isinstance(value, cst.FormattedStringExpression):
                yield key[1], (owner, value.expression)
        if isinstance(part, cst.BinaryOperation) and isinstance(part.operator, cst.Add):
            left = part.left.right if isinstance(part.left, cst.BinaryOperation) else part.left
            known = owner.constant(left)
            key = _ASKED_FOR.search(known) if isinstance(known, str) else None
            if key:
                yield key[1], (owner, part.right)
        if called(owner, part) & {"urllib.parse.urlencode"} and isinstance(part, cst.Call) and part.args:
            yield from _pairs(owner, part.args[0].value)


def _pairs(facts: Facts, node: cst.CSTNode) -> Iterator[tuple[str, Located]]:
    owner, display = resolve(facts, node)
    for key, value in dict_pairs(display, owner) or ():
        if isinstance(key, str):
            yield key, (owner, value)


def _is_value(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether something is a secret, or at least no constant."""
    return not facts.constants(node) and facts.secret(node)


def _in_query(match: Match) -> Iterator[tuple[str, Located]]:
    url = named(match, "U")
    if url is not None:
        yield from _asked(*url)
    params = flow.keyword(match.node, "params") if isinstance(match.node, cst.Call) else None
    if params is not None:
        yield from _pairs(match.facts, params)


def password_in_query(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A password or a private key in the query of a request that goes out."""
    return (m for m in matches if any(_WORST.match(key) and _is_value(*value) for key, value in _in_query(m)))


def token_in_query(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """An API key or a token in the query of a request that goes out."""
    return (m for m in matches if any(_BEARERS.match(key) and _is_value(*value) for key, value in _in_query(m)))


def session_in_redirect(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A token of access in the address that a browser is sent to; tokens that are good once are not meant."""
    for match in matches:
        for key, (owner, value) in _in_query(match):
            issued = any(isinstance(n, cst.Call) and _ISSUERS.search(method(n)) for _, n in trace(owner, value))
            if not owner.constants(value) and (
                _SESSIONS.match(name_of(owner, value)) or (_SESSIONS.match(key) and issued) or issued
            ):
                yield match
                break


# ---- errors, repr, metrics, command lines ----


def _shown(match: Match, name: str) -> Iterator[Located]:
    value = named(match, name)
    if value is None:
        return
    owner, node = value
    for root in [a.value for a in node.args] if isinstance(node, cst.Call) else []:
        yield from leaves(owner, root)


def secret_in_error(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`raise` of an error whose text holds a secret."""
    for match in matches:
        found = next(((o, n) for o, n in _shown(match, "E") if _sure(o, n)), None)
        if found is not None:
            yield facts.match(match.node, f"The text of this error holds the value of `{found[0].code(found[1])}`.")


def secret_in_repr(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`__repr__` and `__str__` that return a text with a secret in it."""
    for match in matches:
        for node in flow.own_nodes(match.node):
            if isinstance(node, cst.Return) and node.value is not None:
                if isinstance(node.value, (cst.FormattedString, cst.BinaryOperation, cst.Call)):
                    if any(_sure(o, n) for o, n in leaves(facts, node.value)):
                        yield facts.match(node)


def secret_in_labels(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Labels of a metric that hold a secret."""
    for match in matches:
        values = [a.value for a in match.node.args] if isinstance(match.node, cst.Call) else []
        if any(_sure(facts, leaf) for v in values for _, leaf in leaves(facts, v)):
            yield match


def secret_in_argv(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A command line with a secret among its words."""
    for match in matches:
        if not isinstance(match.node, cst.Call):
            continue
        words: list[Located] = [(facts, a.value) for a in match.node.args if a.keyword is None]
        command = named(match, "A")
        if command is not None:
            owner, display = resolve(*command)
            words = [(owner, e.value) for e in display.elements] if isinstance(display, (cst.List, cst.Tuple)) else []
        for owner, word in words:
            if any(_sure(o, n) for o, n in leaves(owner, word)):
                yield facts.match(match.node, f"The command line shows `{owner.code(word)}` to everyone on the machine.")
                break


# ---- classes ----


def _fields(node: cst.ClassDef) -> Iterator[tuple[str, cst.AnnAssign]]:
    for statement in statements_of(node.body):
        if isinstance(statement, cst.AnnAssign) and isinstance(statement.target, cst.Name):
            yield statement.target.value, statement


def _named_secret(name: str) -> bool:
    words = split_words(name)
    strong = bool(PASSWORDS.intersection(words)) or any(pair in _PAIRS for pair in pairwise(words)) or "secret" in words
    return strong and is_secret_name(name)


def _plain_text(facts: Facts, field: cst.AnnAssign) -> bool:
    """Whether a field is a text that shows itself."""
    stated = facts.code(field.annotation.annotation)
    made = facts.code(field.value) if field.value is not None else ""
    return re.search(r"\b(str|bytes)\b", stated) is not None and not re.search(r"repr ?= ?(False|\w)|exclude ?= ?True", made)


def field_in_repr(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Fields of data classes that hold a secret and are shown by `repr`."""
    for match in matches:
        decorator = facts.parent(match.node)
        cls = facts.parent(decorator) if isinstance(decorator, cst.Decorator) else None
        if not isinstance(cls, cst.ClassDef) or re.search(r"repr ?= ?False", facts.code(match.node)):
            continue
        if any(facts.file.definition(f"{symbol(facts)}.{own}") is not None for own in ("__repr__", "__str__")):
            continue
        for name, field in _fields(cls):
            if _named_secret(name) and _plain_text(facts, field):
                yield facts.match(field, f"`repr` of this class shows `{name}`: in tracebacks, logs and error trackers.")


_SHOWN_CLASS = re.compile(r"(Out|Response|Resp|Read|Public|Detail)(Model|Schema)?$")
_NEVER_SHOWN = re.compile(
    r"(?i)^(hashed_?password|password|passwd|password_?hash|pass_?hash|private_?key|(totp|otp|mfa|webhook)_?secret|pin_?hash)$"
)


def secret_in_answer(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A field for a password, its hash or a private key in a model that is named for answers."""
    for match in matches:
        if isinstance(match.node, cst.ClassDef) and _SHOWN_CLASS.search(match.node.name.value):
            for name, field in _fields(match.node):
                if _NEVER_SHOWN.match(name) and _plain_text(facts, field):
                    yield facts.match(field, f"Answers of the form `{match.node.name.value}` hand out `{name}`.")


def serialised_password(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`fields` of a serializer with a password in it, where nothing makes it write-only."""
    owner, _, last = symbol(facts).rpartition(".")
    if last != "Meta" or "Serializer" not in owner:
        return
    family = [d for d in facts.file.index.definitions if d.symbol == owner or d.symbol.startswith(owner + ".")]
    if any(d.words & {"write_only", "to_representation", "write_only_fields", "PasswordField"} for d in family):
        return
    yield from matches
