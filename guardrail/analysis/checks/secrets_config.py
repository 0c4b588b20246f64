"""Secrets in code and logs, and settings that reach production."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.checks.tracing import (
    calls,
    identifiers,
    method,
    name_of,
    named,
    symbol,
)
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match
from guardrail.words import split_words

_DEVELOPMENT = re.compile(
    r"(?i)^(.*[_.-])?(dev|devel|develop|development|local|localhost|test|tests|testing|ci|debug|sample|demo|e2e)([_.-].*)?$"
    r"|^global_settings(\.py)?$"  # the defaults of a framework, which every project overrides
)
_FOR_DEVELOPMENT = re.compile(r"(?i)^(dev|test|local|debug|ci)|(dev|development|testing|test|local)(config|settings)?$")
_GUARDED = re.compile(r"(?i)debug|\bdev|develop|local|test|\benv|environ|prod|stage")
_ISSUED = re.compile(
    r"^(AKIA|ASIA)|^gh[pousr]_|^github_pat_|^glpat-|^xox[abprs]-|^[sr]k_live_|^sk-|^AIza|^SG\.|^npm_|^hvs\.|BEGIN \w+"
)
_PEM = re.compile(r"PRIVATE KEY( BLOCK)?-----\s*[\w+/:]{4}")
_PLACEHOLDER = re.compile(
    r"(?i)change|replace|xxx|example|dummy|placeholder|your|insert|sample|fake|todo|test|redacted|\*\*\*|<|\{|\$\{|^\$|^pbkdf2|^sha\d|://|%\("
)
_ABOUT = frozenset(
    "issuer audience iss aud subject domain realm leeway minutes hours seconds days region provider username user public key_id"
    " id alg service bucket queue topic channel".split()
)
_EASY = frozenset("postgres password root admin guest secret example test pass changeme user mysql rabbitmq redis".split())


# ---- where a setting counts ----


def _in_production(facts: Facts, node: cst.CSTNode) -> bool:
    """Not in files, classes or branches for development and tests."""
    if any(_DEVELOPMENT.match(part.removesuffix(".py")) for part in facts.path.split("/")[-3:]):
        return False
    if any(_FOR_DEVELOPMENT.search(part) for part in symbol(facts).split(".")):
        return False
    for around in facts.ancestors(node):
        if isinstance(around, cst.If) and _GUARDED.search(facts.code(around.test)):
            return False
        if isinstance(around, cst.ClassDef) and _FOR_DEVELOPMENT.search(around.name.value):
            return False
    return True


def reaches_production(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Matches that are not for development or tests alone."""
    return (m for m in matches if _in_production(facts, m.node))


def settings_for_production(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """The same, in a file of settings or a class of configuration."""
    definition = facts.definition
    ours = re.search(r"(?i)(^|/)(settings|config)[^/]*(/|\.py$)", facts.path) or "Config" in symbol(facts)
    if ours or (definition is not None and "INSTALLED_APPS" in definition.words):
        yield from reaches_production(facts, matches)


# ---- secrets in code ----


def _text(facts: Facts, node: cst.CSTNode) -> str:
    value = facts.constant(node)
    return value if isinstance(value, str) else value.decode("latin-1") if isinstance(value, bytes) else ""


def _entropy(text: str) -> float:
    return -sum(n / len(text) * math.log2(n / len(text)) for n in (text.count(c) for c in set(text)))


def _random(text: str) -> bool:
    """Whether a text looks drawn at random: long, mixed, and no placeholder."""
    if len(text) < 16 or _PLACEHOLDER.search(text) or _ISSUED.search(text) or not text.isprintable():
        return False
    digits, letters = sum(c.isdigit() for c in text), sum(c.isalpha() for c in text)
    mixed = text.lower() != text or digits >= 4
    return bool(digits > 1 and letters and mixed) and _entropy(text) >= 3.5 and not re.search(r"\s", text)


def issued_credential(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A string in a provider's form; of keys in PEM more than the first line."""
    for match in matches:
        text = _text(facts, match.node)
        if "PRIVATE KEY" not in text or _PEM.search(text):
            yield match


def looks_issued(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A literal in a call that looks random."""
    for match in matches:
        value = named(match, "V")
        if value is not None and isinstance(value[1], (cst.SimpleString, cst.ConcatenatedString)):
            text = _text(*value)
            if _random(text) and len(text) >= 20:
                yield match


def looks_random(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A literal that looks random, under the name of a secret."""
    for match in matches:
        target, value = named(match, "X"), named(match, "V")
        if target is None or value is None or not isinstance(value[1], (cst.SimpleString, cst.ConcatenatedString)):
            continue
        name = name_of(*target)
        words = set(split_words(name))
        if words & (_ABOUT | {"hash", "hashed", "dummy", "fake", "example", "header"}) or name.lower() == "secret_key":
            continue
        if _random(_text(*value)):
            yield match


def remote_host_with_password(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A connection string to a host that is not this machine, with a password that is not a stand-in."""
    for match in matches:
        value = named(match, "V")
        found = re.search(r"://([^:/@]*):([^@/]+)@([^/:?]+|\[[^\]]+\])", _text(*value)) if value is not None else None
        if value is None or found is None or not isinstance(value[1], (cst.SimpleString, cst.ConcatenatedString)):
            continue
        user, password, host = found.groups()
        here = host in ("localhost", "0.0.0.0", "[::1]", "host.docker.internal") or host.startswith("127.")
        stand_in = password.lower() in _EASY or password == user or _PLACEHOLDER.search(password)
        if not here and not stand_in:
            yield match


def signing_key_in_code(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A literal, in code that production runs."""
    for match in reaches_production(facts, matches):
        value = named(match, "V")
        if value is not None and isinstance(value[1], (cst.SimpleString, cst.ConcatenatedString)):
            yield match


def falls_back_to_text(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`os.getenv(…) or "dev"` in code that production runs."""
    for match in reaches_production(facts, matches):
        parent = facts.parent(match.node)
        if isinstance(parent, cst.BooleanOperation) and isinstance(parent.operator, cst.Or) and parent.left is match.node:
            if _text(facts, parent.right):
                yield match


def field_of_settings(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A field of a pydantic settings class."""
    definition = facts.definition
    if definition is None or definition.kind != "class":
        return
    if "pydantic.BaseSettings" in facts.class_types(definition.symbol):
        for match in reaches_production(facts, matches):
            target = named(match, "X")
            if target is not None and not set(split_words(name_of(*target))) & _ABOUT:
                yield match


def origin_not_looked_up(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """An origin that is echoed in a function that never compares it with a list."""
    for node in facts.nodes:
        if isinstance(node, cst.Comparison) and isinstance(node.comparisons[0].operator, (cst.In, cst.NotIn)):
            return
    if not any(re.search(r"(?i)allow(ed)?_|trusted|whitelist|is_safe|fullmatch", name) for name in identifiers(facts)):
        if not any("match" in method(call) for call in calls(facts)):
            yield from matches
