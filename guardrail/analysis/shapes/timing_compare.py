"""Secrets compared: with `==`, and by loops that are meant to take the same time for everything."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.checks.tracing import (
    DRESSING,
    below,
    identifiers,
    loop_around,
    method,
    name_of,
    resolve,
    symbol,
    unwrap,
    words_of,
)
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match
from guardrail.words import is_secret_name, split_words

_PARSERS = re.compile(r"(Lexer|Tokeni[sz]er|Parser|Scanner|Compiler)s?$")
_PUBLIC = frozenset("checksum checksums etag etags manifest crc wheel archive tarball artifact blob commit".split())
_SECOND = frozenset(
    "confirm confirmation confirmed again repeat repeated retype retyped verify2 password2 password1 new 1 2".split()
)
_ASKED = frozenset("verify check validate with without no".split())  # `verify_signature` says whether
_PLAIN_TOKENS = frozenset({"token", "tokens", "credential"})


# ---- loops in constant time ----


def differences_collected(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`result |= a ^ b` in a loop: the comparison in constant time, made by hand."""
    for match in matches:
        xors = any(isinstance(n, cst.BinaryOperation) and isinstance(n.operator, cst.BitXor) for n in below(match.node))
        if xors and loop_around(facts, match.node) is not None:
            yield match


def zipped_until_different(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`for a, b in zip(secret, given): if a != b: return False`."""
    for match in matches:
        loop = match.node
        if not isinstance(loop, cst.For) or method(loop.iter) != "zip" or not isinstance(loop.iter, cst.Call):
            continue
        about = [a.value for a in loop.iter.args]
        secret = any(facts.secret(v) for v in about) or bool(words_of(symbol(facts)) & {"secret", "signature", "token", "constant"})
        if secret and any(_returns_false(n) for n in below(loop.body)):
            yield match


def _returns_false(node: cst.CSTNode) -> bool:
    return isinstance(node, cst.Return) and isinstance(node.value, cst.Name) and node.value.value == "False"


# ---- comparisons that stop early ----


def secrets_compared(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A secret against something that is no literal, no constant, no type, and not the same field typed twice."""
    if _PARSERS.search(symbol(facts).partition(".")[0]) or words_of(" ".join(identifiers(facts))) & _PUBLIC:
        return
    for match in matches:
        if not isinstance(match.node, cst.Comparison):
            continue
        one, other = match.node.left, match.node.comparisons[0].comparator
        ways = ((one, other), (other, one))
        if any(_is_secret(facts, mine) and _may_be_given(facts, mine, given) for mine, given in ways):
            yield match


def _is_secret(facts: Facts, node: cst.CSTNode) -> bool:
    if isinstance(node, (cst.Name, cst.Attribute, cst.Subscript)):
        name = name_of(facts, node)
        words = split_words(name)
        return is_secret_name(name) and words != ("pin",) and words[0] not in _ASKED and not _of_a_class(node)
    return facts.secret(node)


def _of_a_class(node: cst.CSTNode) -> bool:
    """Whether this is an attribute of a class (`Token.secret == x` is a condition of a query) or of a method's result."""
    if not isinstance(node, cst.Attribute):
        return False
    inner = node.value
    name = inner.value if isinstance(inner, cst.Name) else inner.attr.value if isinstance(inner, cst.Attribute) else ""
    return name[:1].isupper() or name in ("c", "columns")


def _may_be_given(facts: Facts, secret: cst.CSTNode, other: cst.CSTNode) -> bool:
    if facts.constants(other) or isinstance(other, (cst.List, cst.Tuple, cst.Set, cst.Lambda, cst.BaseNumber)):
        return False
    name = name_of(facts, other)
    if name and (name.isupper() or (name[:1].isupper() and not isinstance(other, cst.Subscript))):
        return False  # a constant, an enumeration's member, a class
    if _typed_twice(facts, secret, other) or _same_value(facts, secret, other):
        return False
    if name_of(facts, secret).isupper():
        return facts.tainted(other)  # else it may be the name of a place
    if set(split_words(name_of(facts, secret))) <= _PLAIN_TOKENS:
        return facts.tainted(other) or _is_secret(facts, other) or facts.secret(resolve(facts, other)[1])
    return facts.tainted(other) or _is_secret(facts, other) or _parameter(facts, other) or method(other) in ("get", "hexdigest")


def _typed_twice(facts: Facts, one: cst.CSTNode, other: cst.CSTNode) -> bool:
    """Two fields of one form: `password == password_confirm`."""
    pair = [name_of(facts, n) or facts.code(n) for n in (one, other)]
    words = [set(split_words(name)) for name in pair]
    apart = words[0] ^ words[1]
    return bool(words[0] & words[1]) and bool(apart & _SECOND)


def _same_value(facts: Facts, one: cst.CSTNode, other: cst.CSTNode) -> bool:
    """A value held against what was made of it, or the same field of two objects that are asked whether they are equal."""
    if symbol(facts).endswith(("__eq__", "__ne__")) and name_of(facts, one) == name_of(facts, other):
        return True
    inner = [_innermost(facts, n) for n in (one, other)]
    return bool(inner[0]) and inner[0] == inner[1]


def _innermost(facts: Facts, node: cst.CSTNode) -> str:
    """The plain name that methods dress: of `secret.encode()`, and of what stands for it, it is secret."""
    _, node = unwrap(facts, node, DRESSING)
    return node.value if isinstance(node, cst.Name) else ""


def _parameter(facts: Facts, node: cst.CSTNode) -> bool:
    return isinstance(node, cst.Name) and any(bind.kind == "param" for _, bind in facts.origins(node))
