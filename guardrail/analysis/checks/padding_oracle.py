"""Padding of block ciphers: who hears whether it was right, and is each byte of it looked at?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.checks import flow, neighbours
from guardrail.analysis.checks.tracing import calls, method, named, resolve, words_of
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match
from guardrail.patterns.statements import statements_of

_DECRYPTS = frozenset("decrypt decryptor".split())
_PROVES = frozenset("verify verified hexverify mac hmac compare digest authenticate authenticated signature tag".split())
_MANUAL = frozenset("unpad unpadding decrypt aes cipher pkcs7 pkcs5 cbc depad strip".split())
_PACKAGES = frozenset("cryptography Crypto Cryptodome nacl pyaes".split())


def _orders(facts: Facts, root: cst.CSTNode, words: frozenset[str]) -> list[int]:
    """Where calls with one of the words in their names stand in a function."""
    return [facts.order[id(n)] for n in flow.own_nodes(root) if isinstance(n, cst.Call) and words_of(method(n)) & words]


def _attempt(facts: Facts, node: cst.CSTNode) -> cst.Try | None:
    """The innermost `try` with handlers whose body the node stands in."""
    child = node
    for around in facts.ancestors(node):
        if isinstance(around, flow.FUNCTIONS):
            return None
        if isinstance(around, cst.Try) and child is around.body and around.handlers:
            return around
        child = around
    return None


def _end(facts: Facts, handler: cst.ExceptHandler) -> str:
    """How a handler ends, in normal form."""
    body = statements_of(handler.body)
    return facts.normal(body[-1]) if body else ""


def _tells(facts: Facts, node: cst.CSTNode, attempt: cst.Try, root: cst.CSTNode) -> bool:
    """Whether wrong padding ends otherwise than another failure: by its words, or by what is returned or raised."""
    for handler in attempt.handlers:
        if re.search(r"(?i)\bpadd?ing\b|bad pad", _said(facts, handler)):
            return True
    at = facts.order[id(node)]
    later = (n for n in flow.own_nodes(root) if isinstance(n, cst.ExceptHandler) and facts.order[id(n)] > at)
    return len({_end(facts, n) for n in later}) > 1


def _said(facts: Facts, handler: cst.ExceptHandler) -> str:
    """The texts that a handler hands out."""
    found = []
    for node in flow.own_nodes(handler.body):
        if isinstance(node, cst.SimpleString):
            found.append(str(node.evaluated_value))
        elif isinstance(node, cst.FormattedStringText):
            found.append(node.value)
    return " ".join(found)


def _serves_strangers(facts: Facts, node: cst.CSTNode) -> bool:
    """Whether an error here reaches a client: in a handler of requests, or in a helper that one calls outside of any `try`."""
    if "handler" in facts.contexts(node):
        return True
    return any("handler" in o.contexts(c) and _attempt(o, c) is None for o, c in neighbours.callers(facts))


def padding_tells(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Padding that is taken off before anything proves the ciphertext, with an outcome that an attacker can tell apart."""
    for match in matches:
        root = flow.around(facts, match.node)
        decrypted, proven = _orders(facts, root, _DECRYPTS), _orders(facts, root, _PROVES)
        if not decrypted or (proven and min(proven) < min(decrypted)):
            continue
        if proven:
            yield facts.match(match.node, "The data is decrypted and unpadded first, and its MAC is checked afterwards.")
            continue
        attempt = _attempt(facts, match.node)
        if _tells(facts, match.node, attempt, root) if attempt is not None else _serves_strangers(facts, match.node):
            yield match


def any_padding_passes(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """`data[:-data[-1]]` in code about ciphers that looks at none of the other bytes, and proves nothing before."""
    if not any(True for _ in matches):
        return
    roots = {name.split(".")[0] for name in facts.file.index.imports.values()}
    about = words_of(neighbours.last_name(facts)) & _MANUAL
    if not ((roots & _PACKAGES and (about or _orders(facts, facts.tree, _DECRYPTS))) or {"unpad"} & about):
        return
    methods = {method(c) for c in calls(facts)}
    if methods & {"all", "any", "endswith", "decrypt_and_verify"} or _orders(facts, facts.tree, _PROVES):
        return
    if not _compares_a_slice(facts):
        yield from (facts.match(node) for node in facts.nodes if isinstance(node, cst.Subscript) and _cut_by_itself(facts, node))


def _compares_a_slice(facts: Facts) -> bool:
    """Whether some comparison looks at several bytes at once."""
    return any(
        isinstance(node, cst.Slice) and any(isinstance(a, cst.Comparison) for a in facts.ancestors(node)) for node in facts.nodes
    )


def _cut_by_itself(facts: Facts, node: cst.Subscript) -> bool:
    """`data[:-n]` or `data[:len(data) - n]` where n is the last byte of the data."""
    part = node.slice[0].slice if len(node.slice) == 1 else None
    if not isinstance(part, cst.Slice) or part.upper is None or (part.lower is not None and facts.constant(part.lower) != 0):
        return False
    length: cst.BaseExpression | None = None
    if isinstance(part.upper, cst.UnaryOperation) and isinstance(part.upper.operator, cst.Minus):
        length = part.upper.expression
    elif isinstance(part.upper, cst.BinaryOperation) and isinstance(part.upper.operator, cst.Subtract):
        length = part.upper.right
    return length is not None and _is_last_byte(facts, length, facts.normal(node.value))


def _is_last_byte(facts: Facts, node: cst.CSTNode, data: str) -> bool:
    owner, node = resolve(facts, node)
    if isinstance(node, cst.Call) and method(node) in ("ord", "int") and node.args:
        node = node.args[0].value
    if not isinstance(node, cst.Subscript) or owner.normal(node.value) != data or len(node.slice) != 1:
        return False
    at = node.slice[0].slice
    if isinstance(at, cst.Index):
        return owner.constant(at.value) == -1
    lower = owner.code(at.lower) if isinstance(at, cst.Slice) and at.lower is not None else ""
    return re.fullmatch(r"-1|len\(.+\) ?- ?1", lower) is not None


# ---- RSA ----


def not_fixed_length(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """PKCS#1 v1.5 decryption whose sentinel is a constant, so that the caller sees whether the padding was right."""
    for match in matches:
        sentinel = named(match, "S")
        if sentinel is None or sentinel[0].constants(sentinel[1]):
            yield match
