"""Comparisons of secrets: what is compared with what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst

from guardrail.analysis.checks.tracing import argument, below, called, method, named, origins, trace
from guardrail.analysis.facts import Facts
from guardrail.analysis.match import Match
from guardrail.credentials import PASSWORDS
from guardrail.words import is_secret_name, split_words

_DRESSING = frozenset(
    "hexdigest digest finalize hex decode encode lower upper strip b64encode urlsafe_b64encode hexlify str".split()
)
_SIGNATURES = frozenset("signature signatures hmac mac sig".split())
_OPERATORS = (cst.Equal, cst.NotEqual, cst.In, cst.NotIn)


def _is_mac(facts: Facts, node: cst.CSTNode, macs: frozenset[int], depth: int = 0) -> bool:
    """Whether the value is one of the codes, dressed or joined to something."""
    if id(node) in macs:
        return True
    if depth > 10:
        return False
    inner: list[tuple[Facts, cst.CSTNode]] = []
    if isinstance(node, (cst.Name, cst.Attribute)):
        inner = [(o, v) for o, v in origins(facts, node)]
    if isinstance(node, cst.Call) and method(node) in _DRESSING:
        inner = [(facts, a.value) for a in node.args]
        if isinstance(node.func, cst.Attribute):
            inner.append((facts, node.func.value))
    elif isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Add):
        inner = [(facts, node.left), (facts, node.right)]
    elif isinstance(node, cst.FormattedString):
        inner = [(facts, p.expression) for p in node.parts if isinstance(p, cst.FormattedStringExpression)]
    elif isinstance(node, (cst.List, cst.Tuple, cst.Set)):
        inner = [(facts, e.value) for e in node.elements]
    elif isinstance(node, cst.Subscript):
        inner = [(facts, node.value)]
    return any(_is_mac(o, n, macs, depth + 1) for o, n in inner)


def _keyed(facts: Facts, node: cst.CSTNode) -> bool:
    """An HMAC, or a plain hash over data that a secret is part of."""
    if not any(name.startswith("hashlib.") for name in called(facts, node)):
        return True
    data = argument(node, 0, "data") if isinstance(node, cst.Call) else None
    if data is None:
        return False
    for owner, part in trace(facts, data):
        name = part.value if isinstance(part, cst.Name) else part.attr.value if isinstance(part, cst.Attribute) else ""
        words = set(split_words(name))
        if words & {"secret", "key"} and is_secret_name(name) and not words & PASSWORDS:
            return owner is not None
    return False


def macs_compared(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """Comparisons in which one side is an authentication code and the other is not one that was made here."""
    macs = frozenset(id(m.node) for m in matches if _keyed(facts, m.node))
    if not macs:
        return
    for node in facts.nodes:
        if not isinstance(node, cst.Comparison) or len(node.comparisons) != 1:
            continue
        target = node.comparisons[0]
        if not isinstance(target.operator, _OPERATORS):
            continue
        sides = [_is_mac(facts, side, macs) for side in (node.left, target.comparator)]
        other = target.comparator if sides[0] else node.left
        if sides[0] != sides[1] and not facts.constants(other):
            yield facts.match(node)


def _speaks_of_signature(facts: Facts, node: cst.CSTNode) -> bool:
    return any(
        set(split_words(part.value if isinstance(part, cst.Name) else part.attr.value)) & _SIGNATURES
        for part in below(node)
        if isinstance(part, (cst.Name, cst.Attribute))
    )


def _stored(match: Match) -> tuple[Facts, cst.CSTNode] | None:
    """The secret side, where it is neither user input itself nor a literal."""
    value = named(match, "A")
    if value is None or value[0].tainted(value[1]) or isinstance(value[1], (cst.SimpleString, cst.ConcatenatedString)):
        return None
    return value


def signature_against_input(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A signature that was made elsewhere, against user input."""
    for match in matches:
        value = _stored(match)
        if value is None or not _speaks_of_signature(*value):
            continue
        made_here = any(name.startswith(("hmac.", "hashlib.")) for o, n in trace(*value) for name in called(o, n))
        if not made_here:
            yield match


def stored_secret_against_input(facts: Facts, matches: Iterable[Match]) -> Iterator[Match]:
    """A stored secret, other than a signature, against user input."""
    for match in matches:
        value = _stored(match)
        if value is not None and not _speaks_of_signature(*value):
            yield match
